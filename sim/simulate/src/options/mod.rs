//! What a seed draws before anything happens: the options of its world.
//!
//! Swarm testing: each seed has its own mix of features and faults, so that no feature
//! hides behind another. Options are data, printed with every result, and can be
//! overruled one by one; a world is decided by its seed and its options.

mod draw;
mod fit;

use serde::{Deserialize, Serialize};

use crate::faults::Faults;
use crate::workload::deviation::Deviation;

/// What the statement asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Plan {
    /// BACKUP, then RESTORE.
    Backup,
    /// BACKUP WITH SNAPSHOT, then RESTORE WITH SNAPSHOT.
    Snapshot,
}

/// What the client's devices are like, and so which features it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Like {
    /// Data in, data out.
    Pipe,
    /// Filemarks, positions as block addresses.
    Tape,
    /// Addressed by byte.
    Disk,
}

/// How a client shares out its devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Arrangement {
    /// One thread; only with one device.
    OneThread,
    /// A thread per device.
    ThreadPerDevice,
    /// A secondary client process per device.
    ProcessPerDevice,
}

/// How the scheduler picks who acts next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// Any lane that can act, all equally likely.
    Uniform,
    /// The lane of the highest priority; priorities are drawn, and change at a few drawn
    /// steps: probabilistic concurrency testing.
    Priorities,
    /// The same lane as before, as long as it can, for a drawn number of steps.
    Bursts,
}

/// What server and client may do, and not all do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Ways {
    /// The server of a RESTORE from a tape rewinds it, and skips blocks and filemarks, forth
    /// and back.
    pub skips: bool,
    /// The server sets positions of a disk from where it stands and from its end, too.
    pub origins: bool,
    /// The server's Load does not ask for the medium to be ejected.
    pub loads_only: bool,
    /// The server closes each full tape with a filemark.
    pub closing_marks: bool,
    /// A snapshot is not prepared for: the client does not ask for PrepareToFreeze.
    pub unprepared: bool,
    /// The client asks for the configuration again once it has opened a device.
    pub configures_again: bool,
    /// The client opens devices until VD_E_OPEN; only with one device.
    pub opens_all: bool,
    /// A secondary client opens its device before it asks for the configuration.
    pub opens_first: bool,
}

/// What calls that no sound program makes are about, for the most part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum About {
    /// Any of them.
    Anything,
    /// How a set is created and configured.
    Configuration,
    /// Buffers.
    Buffers,
    /// Devices, how they are opened and closed.
    Devices,
    /// Commands.
    Commands,
    /// How a set is aborted and closed.
    Ends,
    /// Secondary clients and handles of buffers.
    Secondaries,
}

impl About {
    pub(crate) const ALL: &[Self] = &[
        Self::Anything,
        Self::Configuration,
        Self::Buffers,
        Self::Devices,
        Self::Commands,
        Self::Ends,
        Self::Secondaries,
    ];
}

/// What few clients ask for in VDConfig, in bytes; 0 is nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Asks {
    /// The least alignment of buffers.
    pub alignment: u32,
    /// The prefix zone just before each buffer.
    pub prefix_zone: u32,
    /// Blocks of soft filemarks, of a tape.
    pub file_mark: u32,
    /// The warning zone before the end of the medium.
    pub warning: u32,
}

/// Everything that a seed has drawn about its world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Options {
    /// What the statement asks for.
    pub plan: Plan,
    /// What the devices are like.
    pub like: Like,
    /// Whether media can be exchanged.
    pub removable: bool,
    /// Device sets side by side: more than one is a joint snapshot.
    pub sets: u8,
    /// Devices of each set; more than one with `plan` backup only.
    pub devices: u8,
    /// How the client shares out its devices.
    pub arrangement: Arrangement,
    /// Bytes of a block.
    pub block_size: u32,
    /// Bytes of the largest transfer, as granted.
    pub max_transfer_size: u32,
    /// Bytes of each transfer of the BACKUP.
    pub write_size: u32,
    /// Bytes of each transfer of the RESTORE.
    pub read_size: u32,
    /// Buffers for each device.
    pub buffers: u8,
    /// Commands that a device's queue takes.
    pub queue_depth: u8,
    /// Bytes of metadata at the start of each device's stream.
    pub metadata: u32,
    /// Bytes of data behind the metadata.
    pub data: u32,
    /// Flushes of each device; the last one at the end.
    pub flushes: u8,
    /// Whether the client asks for Complete, and the server sends it.
    pub complete: bool,
    /// Whether the client supports Discard.
    pub discard: bool,
    /// Whether the server asks and sets positions.
    pub positions: bool,
    /// Whether the server reads on to see the end of the data.
    pub reads_to_end: bool,
    /// Whether the server believes a success without looking at the bytes moved.
    pub trusting: bool,
    /// Whether the server sends ClearError at once, while other commands are out.
    pub hasty: bool,
    /// Whether a server whose statement fails closes its devices in order; else it
    /// aborts.
    pub fails_in_order: bool,
    /// Whether the server closes the set before its agent has returned.
    pub closes_early: bool,
    /// Milliseconds of the serverTimeOut that the client asks for; 0 is for ever.
    pub server_time_out: u32,
    /// Milliseconds that the client waits for the configuration at a time; 0 is for ever.
    pub configuration_wait: u32,
    /// Milliseconds that the client waits for a command at a time; 0 is for ever.
    pub command_wait: u32,
    /// Whether a thread of the client aborts the set when the statement has failed.
    pub aborts_on_failure: bool,
    /// Commands that the client holds before it completes one.
    pub holds: u8,
    /// What the client does wrong, if it does.
    pub deviation: Option<Deviation>,
    /// Steps between two calls that no sound program makes, about; 0 is none of them.
    pub odd_calls: u32,
    /// What the calls of `oddCalls` are about.
    pub odd_about: About,
    /// Whether the calls of `oddCalls` may overlap with what their process does besides.
    pub overlaps: bool,
    /// What the client asks for beyond the ordinary.
    pub asks: Asks,
    /// Bytes of the alignment that the server sets; 0 is a block.
    pub server_alignment: u32,
    /// Whether the set of the RESTORE bears the name of that of the BACKUP.
    pub same_name: bool,
    /// What server and client do that not all do.
    #[serde(default)]
    pub ways: Ways,
    /// What goes wrong.
    pub faults: Faults,
    /// How the scheduler picks.
    pub strategy: Strategy,
    /// Of 8 calls, how many return in the step in which they are made, if they can.
    pub at_once: u8,
    /// Which of the schedules of its seed: 0, the first, unless another was asked for.
    #[serde(default)]
    pub order: u32,
    /// After how many steps the world is given up.
    pub most_steps: u32,
}

impl Options {
    /// Bytes of the stream of one device.
    #[must_use]
    pub const fn stream(&self) -> u64 {
        self.metadata as u64 + self.data as u64
    }

    /// The faults that were drawn, by name.
    #[must_use]
    pub fn fault_names(&self) -> Vec<&'static str> {
        let faults = &self.faults;
        let named = [
            (faults.server_abort_at.is_some(), "server-abort"),
            (faults.client_abort_at.is_some(), "client-abort"),
            (faults.server_dies_at.is_some(), "server-death"),
            (faults.primary_dies_at.is_some(), "primary-death"),
            (faults.secondary_dies_at.is_some(), "secondary-death"),
            (faults.statement_fails || faults.restore_fails, "statement-fails"),
            (faults.cancelled_at.is_some(), "cancel"),
            (faults.refuses.is_some(), "refusal"),
            (faults.medium_fails_at.is_some(), "medium-error"),
            (faults.capacity.is_some(), "medium-full"),
            (faults.memory > 0, "memory"),
            (faults.queue > 0, "queue-full"),
            (faults.system > 0, "system"),
            (faults.short > 0, "short-transfer"),
            (faults.slow_client > 0, "slow-client"),
            (faults.slow_server > 0, "slow-server"),
            (faults.slow_callback > 0, "slow-callback"),
            (self.odd_calls > 0, "odd-calls"),
        ];
        named.into_iter().filter_map(|(drawn, name)| drawn.then_some(name)).collect()
    }
}
