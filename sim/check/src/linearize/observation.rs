//! The event that is to be explained.

use super::slots::Slot;
use crate::session::{ObservedCallback, Returned};
use vdi_model::{CommandId, State};

/// The event that is to be explained.
#[derive(Clone, Copy)]
pub(super) enum Observation<'a> {
    /// The call in this slot returns.
    Return { slot: Slot, seen: &'a Returned<'a> },
    /// A routine is invoked.
    Callback { command: CommandId, seen: &'a ObservedCallback },
    /// Everything is at rest.
    Rest,
    /// Something is seen that only some states allow.
    Holds(&'a dyn Fn(&State) -> bool),
    /// The end of a process is noticed; that of which this holds has noticed it.
    Ended(&'a dyn Fn(&State) -> bool),
}

impl Observation<'_> {
    /// The call that returns.
    pub(super) const fn returns(&self) -> Option<Slot> {
        match self {
            Self::Return { slot, .. } => Some(*slot),
            Self::Callback { .. } | Self::Rest | Self::Holds(_) | Self::Ended(_) => None,
        }
    }

    /// The command whose routine is invoked.
    pub(super) const fn invokes(&self) -> Option<CommandId> {
        match self {
            Self::Callback { command, .. } => Some(*command),
            Self::Return { .. } | Self::Rest | Self::Holds(_) | Self::Ended(_) => None,
        }
    }
}
