//! What the programs of a world, server and clients, share.

use super::chance::Chance;
use super::content::Extent;
use super::engine::{Ask, Thing};
use super::options::Options;
use super::struck::Struck;
use vdi_spec::clauses::Profile;
use vdi_trace::Reported;

/// What a lane does next.
#[derive(Clone, Copy, Debug)]
pub(super) enum Act {
    /// It makes a call; of a Write it fills the buffer before.
    Call(Ask, Option<Extent>),
    /// It uses a buffer of a command it holds: whether it writes into it.
    Use { buffer: u32, writes: bool },
    /// It looks whether a thing is there that it has no business with.
    Touch(Thing),
    /// It writes into the structure of a command.
    Scribble { command: u32 },
    /// It issues the statement, with so many devices named.
    Issue { devices: u32 },
    /// It learns how the statement ended.
    Learn { succeeded: bool },
    /// It tells its own caller how it ended.
    Report(Reported),
    /// It waits so many milliseconds.
    Sleep(u32),
    /// It waits until something happens elsewhere.
    Idle,
    /// It has come to its end.
    Done,
}

impl Act {
    pub(super) const fn call(ask: Ask) -> Self {
        Self::Call(ask, None)
    }
}

/// How far a statement has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Statement {
    #[default]
    NotIssued,
    /// With so many devices named.
    Issued(u8),
    Succeeded,
    Failed,
}

impl Statement {
    pub(super) const fn is_over(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed)
    }
}

/// What a statement does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Job {
    Backup,
    Restore,
}

/// What a program acts in.
#[derive(Debug)]
pub(super) struct Scene<'a> {
    pub(super) options: &'a Options,
    /// The readings by which the programs are to be sound.
    pub(super) profile: &'a Profile,
    pub(super) chance: &'a mut Chance,
    /// Whether a fault that comes now and then comes now.
    pub(super) faults: &'a mut Chance,
    /// The last number given to a command.
    pub(super) commands: &'a mut u32,
    /// The last number given to a buffer.
    pub(super) buffers: &'a mut u32,
    pub(super) statement: &'a mut Statement,
    /// The faults that came.
    pub(super) struck: &'a mut Struck,
}
