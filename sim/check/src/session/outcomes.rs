//! What a call of the trace may come to in a state of the set that it is bound to.

use std::borrow::Cow;

use super::{Bound, OpenCall, device_names};
use crate::terms::Terms;
use vdi_model::{
    Answer, Call, ClientCall, ClientLife, Expected, LaneId, Outcomes, ServerCall, ServerDevice,
    ServerLife, ServerPhase, State,
};
use vdi_spec::codes::HResult;

/// How an OpenDevice answers that opens one.
const OPENS: Answer = Answer::Returns(Expected::Status(HResult::NOERROR));

/// What a call may come to in a state: it is understood as it stands there.
pub(crate) fn outcomes(terms: &Terms, state: &State, lane: LaneId, bound: &Bound) -> Outcomes {
    if let Some(names) = device_names::names(bound, state) {
        let of_name = |call| vdi_model::outcomes(state, &terms.profile, terms.limits, lane, &call);
        return names.into_iter().flat_map(of_name).collect();
    }
    let call = resolved(bound, state);
    if bound.elsewhere && state.server == ServerLife::Open {
        // To this interface the set is one that it cannot get at.
        let unopened = State { server: ServerLife::Absent, ..state.clone() };
        let open = Call::Server(ServerCall::Open { found: false, reused: false });
        return vdi_model::outcomes(&unopened, &terms.profile, terms.limits, lane, &open);
    }
    let mut outcomes = vdi_model::outcomes(state, &terms.profile, terms.limits, lane, &call);
    // Of the calls that could create a set it is known which ones may; and once it was
    // created, what creates is another set.
    let here = bound.creates && state.client == ClientLife::Absent;
    if matches!(bound.call, Call::Client(ClientCall::Create { .. })) && !here {
        outcomes.retain(|outcome| !outcome.creates());
    }
    if bound.left_none && has_unopened(state) {
        // Others open them before, unless they fail, too.
        outcomes.retain(|outcome| outcome.answer != OPENS);
    }
    outcomes
}

/// The same of an open call.
pub(crate) fn outcomes_of(terms: &Terms, state: &State, call: &OpenCall) -> Outcomes {
    outcomes(terms, state, call.lane, &call.bound)
}

/// A call as it is understood in a state: whether a set is found by its name, and which device
/// is the next, depends on what has happened.
fn resolved<'a>(bound: &'a Bound, state: &State) -> Cow<'a, Call> {
    let call = &bound.call;
    let created = state.client == ClientLife::Created;
    let resolved = match call {
        Call::Server(ServerCall::Open { found, reused }) => {
            let reused = match state.server {
                ServerLife::Open if bound.own => false,
                ServerLife::Closed | ServerLife::Dead if bound.own => true,
                ServerLife::Absent | ServerLife::Open | ServerLife::Closed | ServerLife::Dead => {
                    *reused
                }
            };
            Call::Server(ServerCall::Open { found: *found && created, reused })
        }
        Call::Server(ServerCall::OpenDevice { device }) => {
            Call::Server(ServerCall::OpenDevice { device: unopened(*device, state) })
        }
        Call::Secondary(number, ClientCall::OpenInSecondary { found: true }) => {
            let found = created || state.client == ClientLife::Dead;
            Call::Secondary(*number, ClientCall::OpenInSecondary { found })
        }
        Call::Server(_) | Call::Client(_) | Call::Secondary(..) => return Cow::Borrowed(call),
    };
    Cow::Owned(resolved)
}

/// Whether the server can open a device, so far.
fn has_unopened(state: &State) -> bool {
    let initializing =
        matches!(state.server_phase(), ServerPhase::Initializing | ServerPhase::Active);
    initializing && unopened(None, state).is_some()
}

/// The device that the server opens: the one of that name, or the next that is not open.
fn unopened(device: Option<u8>, state: &State) -> Option<u8> {
    let unopened = |index: &u8| {
        let device = state.devices.get(usize::from(*index));
        device.is_some_and(|device| device.server == ServerDevice::Unopened)
    };
    device.filter(unopened).or_else(|| (0..state.devices.len() as u8).find(unopened))
}
