//! What a sound implementation gives besides a status: addresses that keep apart,
//! and the configuration that was agreed on.

use std::collections::BTreeMap;

use vdi_spec::clauses::{Profile, WithheldFeatures};
use vdi_spec::codes::HResult;
use vdi_spec::config::{ServerConfig, VdConfig};
use vdi_trace::{Args, Function, Out, Size};

use crate::scenario::StepCall;

/// What is known of the calls so far, as far as results depend on it.
#[derive(Clone, Default)]
pub(super) struct DefaultResults {
    /// Whether the server may withhold a feature that was asked for.
    withholds: bool,
    /// Whether a step has pinned what the environment can bring: what comes after depends on
    /// whether it did.
    pub(super) excused: bool,
    /// The call in progress on each lane.
    calls: BTreeMap<String, Begun>,
    /// Every set that was created, with its name.
    sets: Vec<(String, SetResults)>,
    /// Which of them an interface has.
    of: BTreeMap<String, usize>,
}

/// A call in progress.
#[derive(Clone)]
struct Begun {
    function: Function,
    on: String,
    args: Args<'static>,
}

impl DefaultResults {
    pub(super) fn under(profile: &Profile) -> Self {
        let withholds = profile.withheld_features == WithheldFeatures::Withheld;
        Self { withholds, ..Self::default() }
    }

    pub(super) fn begins(&mut self, call: StepCall<'_>) {
        let StepCall { function, lane, on, args, .. } = call;
        let begun = Begun { function, on: on.to_owned(), args: args.clone() };
        self.calls.insert(lane.to_string(), begun);
    }

    /// What goes with this status of the call in progress on a lane.
    pub(super) fn returns(&mut self, lane: &str, status: HResult) -> Out<'static> {
        let begun = self.calls.remove(lane).filter(|_| status == HResult::NOERROR);
        let Some(Begun { function, on, args }) = begun else { return Out::default() };
        let name = args.name.as_ref().map(ToString::to_string).unwrap_or_default();
        let created = matches!(function, Function::Create | Function::CreateEx);
        let opened = matches!(
            function,
            Function::Open | Function::OpenInSecondary | Function::OpenInSecondaryEx
        );
        if created {
            let asked = args.config.as_deref().copied().unwrap_or_default();
            let withholds = self.withholds;
            self.sets.push((name, SetResults { asked, withholds, ..SetResults::default() }));
            self.of.insert(on, self.sets.len() - 1);
            return Out::default();
        }
        if opened {
            let found = self.sets.iter().rposition(|(known, _)| *known == name);
            self.of.extend(found.map(|set| (on, set)));
            return Out::default();
        }
        let set = self.of.get(&on).and_then(|set| self.sets.get_mut(*set));
        set.map(|(_, set)| set.returns(function, &args)).unwrap_or_default()
    }
}

/// What is known of one set.
#[derive(Clone, Default)]
struct SetResults {
    /// Whether its server may withhold a feature that was asked for.
    withholds: bool,
    asked: VdConfig,
    set: ServerConfig,
    configured: bool,
    /// Bytes of the buffer area in use.
    used: u64,
    /// Buffers requested and not taken, by size and alignment.
    available: BTreeMap<(i64, u32), u32>,
}

impl SetResults {
    /// The configuration that was agreed on.
    fn agreed(&self) -> VdConfig {
        let agreed = self.asked.with_server(&self.set);
        let features = if self.withholds { self.set.features } else { agreed.features };
        VdConfig { features, ..agreed }
    }

    /// What a call gives that succeeds.
    fn returns(&mut self, function: Function, args: &Args<'static>) -> Out<'static> {
        let mut out = Out::default();
        match function {
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
                let kind = self.kind(args);
                *self.available.entry(kind).or_default() += args.count.unwrap_or_default();
            }
            Function::QueryAvailableBuffers => {
                out.count = Some(self.available.get(&self.kind(args)).copied().unwrap_or_default());
            }
            Function::AllocateBuffer => {
                let kind = self.kind(args);
                let left = self.available.entry(kind).or_default();
                *left = left.saturating_sub(1);
                out.address = Some(self.allocate(args));
            }
            Function::Create
            | Function::CreateEx
            | Function::Open
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

    /// Size and alignment of buffers; an alignment of 0 is the basic one.
    fn kind(&self, args: &Args<'_>) -> (i64, u32) {
        let basic = self.asked.with_server(&self.set).alignment;
        let alignment = args.alignment.filter(|alignment| *alignment > 0);
        (args.size.map_or(0, |Size(size)| size), alignment.unwrap_or(basic))
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
