//! What a sound implementation gives besides a status: addresses that keep apart,
//! and the configuration that was agreed on.

use std::collections::BTreeMap;

use vdi_spec::clauses::{Profile, WithheldFeatures};
use vdi_spec::codes::HResult;
use vdi_spec::config::{ServerConfig, VdConfig};
use vdi_trace::{Args, Function, Out, Size};

/// What is known of the calls so far, as far as results depend on it.
#[derive(Clone, Default)]
pub(super) struct DefaultResults {
    /// Whether the server may withhold a feature that was asked for.
    withholds: bool,
    /// Whether a step has pinned what the environment can bring: what comes after depends on
    /// whether it did.
    pub(super) excused: bool,
    /// The call in progress on each lane.
    calls: BTreeMap<String, (Function, Args<'static>)>,
    asked: VdConfig,
    set: ServerConfig,
    configured: bool,
    /// Bytes of the buffer area in use.
    used: u64,
    /// Buffers requested and not taken, by size and alignment.
    available: BTreeMap<(i64, u32), u32>,
}

impl DefaultResults {
    pub(super) fn under(profile: &Profile) -> Self {
        let withholds = profile.withheld_features == WithheldFeatures::Withheld;
        Self { withholds, ..Self::default() }
    }

    /// The configuration that was agreed on.
    fn agreed(&self) -> VdConfig {
        let agreed = self.asked.with_server(&self.set);
        let features = if self.withholds { self.set.features } else { agreed.features };
        VdConfig { features, ..agreed }
    }

    pub(super) fn begins(&mut self, lane: &str, function: Function, args: &Args<'static>) {
        self.calls.insert(lane.to_owned(), (function, args.clone()));
    }

    /// What goes with this status of the call in progress on a lane.
    pub(super) fn returns(&mut self, lane: &str, status: HResult) -> Out<'static> {
        let mut out = Out::default();
        if status != HResult::NOERROR {
            return out;
        }
        let Some((function, args)) = self.calls.remove(lane) else {
            return out;
        };
        match function {
            Function::Create | Function::CreateEx => {
                let asked = args.config.as_deref().copied().unwrap_or_default();
                let (withholds, excused) = (self.withholds, self.excused);
                let calls = std::mem::take(&mut self.calls);
                *self = Self { withholds, excused, calls, asked, ..Self::default() };
            }
            Function::BeginConfiguration => {
                self.set = ServerConfig {
                    features: args.features.unwrap_or_default(),
                    alignment: args.alignment.unwrap_or_default(),
                    block_size: args.block_size.unwrap_or_default(),
                    max_transfer_size: args.max_transfer_size.unwrap_or_default(),
                };
            }
            Function::EndConfiguration => self.configured = true,
            // The server has no argument `timeout`, and is given what was asked.
            Function::GetConfiguration if args.timeout.is_some() && self.configured => {
                out.config = Some(Box::new(self.agreed()));
            }
            Function::RequestBuffers => {
                *self.available.entry(kind(&args)).or_default() += args.count.unwrap_or_default();
            }
            Function::QueryAvailableBuffers => {
                out.count = Some(self.available.get(&kind(&args)).copied().unwrap_or_default());
            }
            Function::AllocateBuffer => {
                let left = self.available.entry(kind(&args)).or_default();
                *left = left.saturating_sub(1);
                out.address = Some(self.allocate(&args));
            }
            Function::Open
            | Function::GetConfiguration
            | Function::ExecuteCompletionAgent
            | Function::OpenDevice
            | Function::FreeBuffer
            | Function::SignalAbort
            | Function::Close
            | Function::SendCommand
            | Function::CloseDevice
            | Function::GetCommand
            | Function::CompleteCommand
            | Function::IsSharedBuffer
            | Function::OpenInSecondary
            | Function::OpenInSecondaryEx
            | Function::GetBufferHandle
            | Function::MapBufferHandle => {}
        }
        out
    }

    fn allocate(&mut self, args: &Args<'_>) -> u64 {
        let basic = self.asked.with_server(&self.set).alignment;
        let alignment = u64::from(args.alignment.unwrap_or_default().max(basic).max(1));
        let address =
            (self.used + u64::from(self.asked.prefix_zone_size)).next_multiple_of(alignment);
        let size = args.size.map_or(0, |Size(size)| u64::try_from(size).unwrap_or(0));
        self.used = address + size;
        address
    }
}

fn kind(args: &Args<'_>) -> (i64, u32) {
    (args.size.map_or(0, |Size(size)| size), args.alignment.unwrap_or_default())
}
