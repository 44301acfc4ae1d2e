//! Which set is found by a name.

use super::{OpenCall, Session, SetName, SetTrack};
use crate::linearize::Closing;
use vdi_model::{Call, ClientCall, ClientLife, State};

impl Session {
    /// The set of that name to which a server could attach: of those whose instance is known to
    /// be the same the latest, or else of the others.
    pub(crate) fn find(&self, name: &SetName) -> Option<usize> {
        self.find_beside(name, SetTrack::UNATTACHED)
    }

    /// The same beside one that is known.
    pub(crate) fn find_beside(&self, name: &SetName, known: usize) -> Option<usize> {
        let alive = |index: usize| {
            let set = &self.sets[index];
            let created = set.any(|state| state.client == ClientLife::Created);
            let may_be = created || set.any(|state| state.client == ClientLife::Absent);
            let is_creating = set.creating.as_ref().is_some_and(|known| known.finds(name));
            // Another call may have closed it before its Create returns.
            (is_creating && may_be)
                || (set.is_named(name) && (created || self.is_being_closed(index)))
        };
        let found = (0..self.sets.len()).filter(|set| *set != known && alive(*set));
        found.max_by_key(|set| self.sets[*set].suits(name))
    }

    /// The set of that name whose primary died, if none is alive: the latest. Its Create need
    /// not have returned.
    pub(crate) fn find_dead(&self, name: &SetName) -> Option<usize> {
        let made = |set: &SetTrack| {
            set.is_named(name) || set.creating.as_ref().is_some_and(|known| known.finds(name))
        };
        let dead = |set: &SetTrack| made(set) && set.any(|state| state.client == ClientLife::Dead);
        self.sets.iter().rposition(dead)
    }

    /// Whether a Close of its primary is in progress that has aborted it, and may not have
    /// released it yet.
    fn is_being_closed(&self, index: usize) -> bool {
        let set = &self.sets[index];
        let closed = |state: &State| state.client == ClientLife::Closed && state.aborted.is_some();
        let closes = |call: &OpenCall| {
            let before = call.effect.before.as_ref();
            is_primary_close(&call.bound.call)
                && before.is_some_and(|state| state.client == ClientLife::Created)
        };
        let searched = set.frontier.iter().flat_map(|frontier| &frontier.configurations);
        (set.in_order.iter().any(closed) && self.calls_of(index).any(closes))
            || searched.flat_map(|config| &config.closings).any(Closing::is_of_primary)
    }
}

/// Whether a call is the Close of the primary's set.
const fn is_primary_close(call: &Call) -> bool {
    matches!(call, Call::Client(ClientCall::Close))
}
