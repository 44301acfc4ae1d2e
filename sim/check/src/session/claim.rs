//! The claim of a set to its name, which ends with it.

use super::{Bound, EffectTrack, OpenCall, Provisional, Session, SetTrack};
use vdi_model::{Call, ClientCall, CreateFlaw, ServerCall, ServerLife};

/// The call may end the life of its set, and with it the claim to a name.
pub(crate) fn ends_life(call: &OpenCall) -> bool {
    matches!(&call.bound.call, Call::Client(ClientCall::Close))
        && call.bound.set != SetTrack::UNATTACHED
}

/// A server has the set, and nothing is under way that could end that.
pub(crate) fn is_held(session: &Session, set: usize) -> bool {
    let track = &session.sets[set];
    let closes = |call: &OpenCall| matches!(call.bound.call, Call::Server(ServerCall::Close));
    let quiet = track.frontier.as_ref().is_none_or(|frontier| frontier.spontaneous.is_empty());
    quiet
        && track.states().all(|state| state.server == ServerLife::Open)
        && !session.calls_of(set).any(closes)
}

/// The call is a Create that finds its name taken by that set.
pub(crate) fn become_refused(session: &mut Session, index: usize, by: usize) {
    let slot = session.free_slot(SetTrack::UNATTACHED).unwrap_or_default();
    let call = &mut session.calls[index];
    (call.slot, call.bound.set, call.bound.creates) = (slot, SetTrack::UNATTACHED, false);
    (call.provisional, call.effect) = (Provisional::default(), EffectTrack::default());
    if let Call::Client(ClientCall::Create { flaw, .. }) = &mut call.bound.call {
        call.bound.taken = Some((by, *flaw));
        *flaw = Some(CreateFlaw::Taken);
    }
}

impl Bound {
    /// A Create does not find its name taken after all.
    pub(crate) fn restore_flaw(&mut self) {
        if let (Some((_, own)), Call::Client(ClientCall::Create { flaw, .. })) =
            (self.taken.take(), &mut self.call)
        {
            *flaw = own;
        }
    }
}
