//! What each lane saw, in its own order: all that can be observed of a race.

use std::fmt;

use vdi_model::Expected;
use vdi_spec::codes::{HResult, Win32};
use vdi_trace::Function;

use crate::script::Lane;

/// One thing that a lane sees. What the model allows may leave something open.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Seen {
    /// A call returned, perhaps with a command.
    Returned(Function, Status, Option<u32>),
    /// A command was called back; how many bytes it says were moved, if that matters.
    CalledBack(u32, Win32, Option<u32>),
    /// The library is unloaded, while a thread is inside or not.
    Unloaded { busy: bool },
    /// The thread goes on in a library that is unloaded.
    RanOn,
}

/// The status of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Status {
    Exactly(HResult),
    AnyFailure,
    Any,
}

impl From<Expected> for Status {
    fn from(expected: Expected) -> Self {
        match expected {
            Expected::Status(status) => Self::Exactly(status),
            Expected::AnyFailure => Self::AnyFailure,
            Expected::Any => Self::Any,
        }
    }
}

impl Status {
    fn admits(self, seen: Self) -> bool {
        match (self, seen) {
            (Self::Any, _) => true,
            (Self::AnyFailure, Self::Exactly(status)) => status.is_failure(),
            _ => self == seen,
        }
    }
}

impl Seen {
    /// Whether what is allowed here admits what was seen.
    fn admits(&self, seen: &Self) -> bool {
        match (self, seen) {
            (Self::Returned(function, status, with), Self::Returned(other, was, other_with)) => {
                function == other && status.admits(*was) && with == other_with
            }
            (Self::CalledBack(command, code, bytes), Self::CalledBack(other, was, moved)) => {
                command == other && code == was && (bytes.is_none() || bytes == moved)
            }
            _ => self == seen,
        }
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Returned(function, status, with) => {
                match status {
                    Status::Exactly(status) => write!(f, "{function} {status}")?,
                    Status::AnyFailure => write!(f, "{function} any failure")?,
                    Status::Any => write!(f, "{function} anything")?,
                }
                with.iter().try_for_each(|command| write!(f, " c{command}"))
            }
            Self::CalledBack(command, code, _) => write!(f, "c{command} {code}"),
            Self::Unloaded { busy: false } => f.write_str("unloads what is idle"),
            Self::Unloaded { busy: true } => f.write_str("unloads what is busy"),
            Self::RanOn => f.write_str("runs on in what is unloaded"),
        }
    }
}

/// The lanes by name, each with what it saw.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct History(pub(crate) Vec<(Lane, Vec<Seen>)>);

impl History {
    /// A lane sees something.
    pub(crate) fn note(&mut self, lane: Lane, seen: Seen) {
        match self.0.binary_search_by_key(&lane, |(name, _)| *name) {
            Ok(index) => self.0[index].1.push(seen),
            Err(index) => self.0.insert(index, (lane, vec![seen])),
        }
    }

    /// Whether what is allowed here admits what was seen.
    pub(crate) fn admits(&self, seen: &Self) -> bool {
        self.0.len() == seen.0.len()
            && self.0.iter().zip(&seen.0).all(|((lane, allowed), (other, seen))| {
                lane == other
                    && allowed.len() == seen.len()
                    && allowed.iter().zip(seen).all(|(allowed, seen)| allowed.admits(seen))
            })
    }
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (lane, seen)) in self.0.iter().enumerate() {
            let seen: Vec<String> = seen.iter().map(Seen::to_string).collect();
            let gap = if index == 0 { "" } else { "; " };
            write!(f, "{gap}{lane}: {}", seen.join(", "))?;
        }
        Ok(())
    }
}
