//! What can go wrong in a world, as it is drawn.

pub(crate) mod injected;
pub(crate) mod misuse;
pub(crate) mod misuse_calls;
pub(crate) mod schedule;

use serde::{Deserialize, Serialize};

use crate::rng::Rng;
use vdi_spec::codes::{CommandCode, Win32};

/// What goes wrong. Steps are counted over the world.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Faults {
    /// The server calls SignalAbort at this step.
    pub server_abort_at: Option<u32>,
    /// The client calls SignalAbort at this step.
    pub client_abort_at: Option<u32>,
    /// The server's process dies at this step.
    pub server_dies_at: Option<u32>,
    /// The primary client's process dies at this step.
    pub primary_dies_at: Option<u32>,
    /// A secondary client's process dies at this step.
    pub secondary_dies_at: Option<u32>,
    /// Which secondary client dies, counted from 0.
    pub secondary: u8,
    /// Somebody cancels the statement at this step; the server then ends it in order, if it can.
    pub cancelled_at: Option<u32>,
    /// Which of the sets is aborted, or its statement cancelled, counted from 0.
    pub set: u8,
    /// The BACKUP fails before the server opens the set.
    pub statement_fails: bool,
    /// The RESTORE fails before the server opens the set.
    pub restore_fails: bool,
    /// The client fails this command.
    pub refuses: Option<Refusal>,
    /// The medium refuses this data command, counted over the devices of a set.
    pub medium_fails_at: Option<u32>,
    /// Bytes that a medium holds.
    pub capacity: Option<u32>,
    /// A medium has no warning zone behind its capacity: what does not fit fails.
    pub overflows: bool,
    /// What does not fit is stored as far as it does, else the warning zone takes it all.
    pub cuts: bool,
    /// Memory for buffers is refused once in so many times; 0 is never.
    pub memory: u32,
    /// A queue that may be full is, once in so many times; 0 is never.
    pub queue: u32,
    /// The operating system refuses resources once in so many times; 0 is never.
    pub system: u32,
    /// Reads give less than was asked for once in so many times; 0 is never.
    pub short: u32,
    /// The client is late once in so many commands; 0 is never.
    pub slow_client: u32,
    /// Milliseconds that the server takes before it configures, and once in a while after.
    pub slow_server: u32,
    /// A completion routine takes its time once in so many times; 0 is never.
    pub slow_callback: u32,
}

/// A command that moves no data, which a client fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// What was written cannot be made durable.
    Flush,
    /// The media cannot be finished.
    Complete,
    /// Nothing is prepared.
    PrepareToFreeze,
    /// No snapshot is taken.
    Snapshot,
    /// It is not mounted.
    MountSnapshot,
}

impl Refusal {
    /// Those that there is occasion for.
    pub(crate) fn of(snapshot: bool, complete: bool, prepared: bool) -> Vec<Self> {
        let fits = [
            (true, Self::Flush),
            (complete, Self::Complete),
            (snapshot && prepared, Self::PrepareToFreeze),
            (snapshot, Self::Snapshot),
            (snapshot, Self::MountSnapshot),
        ];
        fits.into_iter().filter_map(|(fits, refusal)| fits.then_some(refusal)).collect()
    }

    /// The command, and what it is completed with.
    pub(crate) const fn command(self) -> (CommandCode, Win32) {
        match self {
            Self::Flush => (CommandCode::Flush, Win32::ERROR_WRITE_FAULT),
            Self::Complete => (CommandCode::Complete, Win32::ERROR_WRITE_FAULT),
            Self::PrepareToFreeze => (CommandCode::PrepareToFreeze, Win32::ERROR_OPERATION_ABORTED),
            Self::Snapshot => (CommandCode::Snapshot, Win32::ERROR_OPERATION_ABORTED),
            Self::MountSnapshot => (CommandCode::MountSnapshot, Win32::ERROR_READ_FAULT),
        }
    }
}

/// A step at which something happens: early more often than late, since many worlds are
/// short.
pub(crate) fn draw_step(rng: &mut Rng) -> u32 {
    let magnitude = rng.between(3, 11);
    rng.below(1 << magnitude)
}
