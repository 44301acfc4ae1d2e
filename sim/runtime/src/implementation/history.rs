//! What someone who records a set needs of it: numbers that order what all its processes
//! saw, and whether one of them has died.

use std::fmt;

use super::layout::{Phase, State};
use super::mapping::{CREATION, PRIMARY, SERVER, SetMapping};
use crate::sync::{Arc, Ordering};

/// The part of a set that its recorders share. It may be held longer than the set.
#[derive(Clone)]
pub struct SetHistory(pub(super) Arc<SetMapping>);

/// A process whose death ends a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mortal {
    /// The server.
    Server,
    /// The primary client.
    Primary,
}

/// How far a set is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Devices are still to be opened.
    Forming,
    /// Commands can be sent.
    Active,
    /// It has ended, one way or the other.
    Ended,
}

impl SetHistory {
    /// The number that belongs to the call that created the set.
    pub const CREATION: u64 = CREATION;

    /// The next number, which no other process of the set gets. Who has got a number
    /// before another asks for one has the smaller one.
    #[must_use]
    pub fn next_number(&self) -> u64 {
        self.0.control().history.sequence.fetch_add(1, Ordering::AcqRel)
    }

    /// How many numbers there have been; others may get more at the same time.
    #[must_use]
    pub fn numbers(&self) -> u64 {
        self.0.control().history.sequence.load(Ordering::Acquire).saturating_sub(1)
    }

    /// The number of the next secondary client that is recorded, from 1 on.
    #[must_use]
    pub fn next_secondary(&self) -> u64 {
        self.0.control().history.recorded.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// Whether a process has died without having closed its side.
    #[must_use]
    pub fn has_died(&self, who: Mortal) -> bool {
        let side = match who {
            Mortal::Server => SERVER,
            Mortal::Primary => PRIMARY,
        };
        self.0.side_died(side)
    }

    /// How far the set is. The documents have no function for it: a server learns that it
    /// is too early for commands by sending one.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.0.notice_deaths();
        match self.0.control().state.get() {
            Ok(State { aborted: false, phase }) if phase < Phase::Active => Progress::Forming,
            Ok(State { aborted: false, phase: Phase::Active }) => Progress::Active,
            _ => Progress::Ended,
        }
    }

    /// Whether the primary client has been given its configuration. The documents have no
    /// function for that either.
    #[must_use]
    pub fn is_configuration_seen(&self) -> bool {
        self.0.control().seen.load(Ordering::Acquire) != 0
    }

    /// Whether both are of one set, and not of two that bore one name one after the other.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let salt = |of: &Self| of.0.control().identity.salt.get();
        Arc::ptr_eq(&self.0, &other.0) || salt(self) == salt(other)
    }
}

impl fmt::Debug for SetHistory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SetHistory").finish_non_exhaustive()
    }
}
