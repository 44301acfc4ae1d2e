//! What the programs of a world, server and clients, share.

use super::content::Extent;
use super::numbers::Numbers;
use crate::backend::{Ask, Resource};
use crate::faults::injected::Injected;
use crate::options::Options;
use crate::rng::Rng;
use vdi_spec::clauses::Profile;
use vdi_trace::Reported;

/// What a lane does next.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    /// It makes a call; of a Write it fills the buffer before.
    Call(Ask, Option<Extent>),
    /// It uses a buffer of a command it holds: whether it writes into it.
    Use { buffer: u32, writes: bool },
    /// It looks whether a thing is there that it has no business with.
    Touch(Resource),
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
    pub(crate) fn call(ask: impl Into<Ask>) -> Self {
        Self::Call(ask.into(), None)
    }
}

/// How far a statement has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum StatementState {
    #[default]
    NotIssued,
    /// With so many devices named.
    Issued(u8),
    Succeeded,
    Failed,
}

impl StatementState {
    pub(crate) const fn is_over(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed)
    }
}

/// What a statement does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StatementKind {
    Backup,
    Restore,
}

/// What a program acts in.
#[derive(Debug)]
pub(crate) struct ProgramContext<'a> {
    pub(crate) options: &'a Options,
    /// The readings by which the programs are to be sound.
    pub(crate) profile: &'a Profile,
    pub(crate) rng: &'a mut Rng,
    /// Whether a fault that comes now and then comes now.
    pub(crate) fault_rng: &'a mut Rng,
    pub(crate) numbers: &'a mut Numbers,
    pub(crate) statement: &'a mut StatementState,
    /// The faults that came.
    pub(crate) injected: &'a mut Injected,
}
