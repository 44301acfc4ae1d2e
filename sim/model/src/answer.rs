//! What a caller sees of a call, and the clauses it rests on.

use super::values::{BufferId, CommandId};
use vdi_spec::clauses::Clause;
use vdi_spec::codes::HResult;

/// Which status a call may return with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Expected {
    /// This one.
    Status(HResult),
    /// Any failure.
    AnyFailure,
    /// Anything: the documents say nothing.
    Any,
}

impl Expected {
    /// Whether this status is allowed.
    #[must_use]
    pub fn admits(self, status: HResult) -> bool {
        match self {
            Self::Status(expected) => expected == status,
            Self::AnyFailure => status.is_failure(),
            Self::Any => true,
        }
    }
}

impl std::fmt::Display for Expected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Status(status) => status.fmt(f),
            Self::AnyFailure => f.pad("any failure"),
            Self::Any => f.pad("any status"),
        }
    }
}

/// How a call answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// It returns.
    Returns(Expected),
    /// GetCommand returns NOERROR and delivers this command.
    Delivers(CommandId),
    /// IsSharedBuffer answers; `None`: either answer is allowed.
    Tells(Option<bool>),
    /// QueryAvailableBuffers returns NOERROR and at least so many.
    Counts(u32),
    /// MapBufferHandle returns NOERROR and the address of this buffer.
    Maps(BufferId),
    /// It stays in progress.
    Blocks,
}

impl Answer {
    /// What the status may be, if the call returns.
    #[must_use]
    pub const fn expected(self) -> Option<Expected> {
        match self {
            Self::Returns(expected) => Some(expected),
            Self::Delivers(_) | Self::Tells(_) | Self::Counts(_) | Self::Maps(_) => {
                Some(Expected::Status(HResult::NOERROR))
            }
            Self::Blocks => None,
        }
    }
}

/// The answer of a call whose effect has happened, with what it rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Reply {
    /// What the caller will see.
    pub answer: Answer,
    /// The clause it rests on first.
    pub clause: Clause,
    /// Further clauses it rests on.
    pub also: [Option<Clause>; 3],
}
