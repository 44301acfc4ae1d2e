//! The clause that is the cause of a wrong answer, where the clause that the answer breaks by
//! itself is only what follows from it.

use super::verdict::Allowed;
use crate::session::{Session, SetTrack, bit, suspected};
use vdi_model::{Call, Caller, Cause, ServerCall, State};
use vdi_spec::clauses::Clause;
use vdi_spec::codes::{HResult, Win32};

/// An event that is not allowed.
pub(crate) struct Refusal {
    pub(crate) set: usize,
    /// The open call that it ends, or should have ended.
    pub(crate) call: Option<usize>,
    /// The clause it breaks by itself.
    pub(crate) clause: Clause,
    /// What was allowed in its place.
    pub(crate) expected: Vec<Allowed>,
    /// What was seen.
    pub(crate) got: String,
    /// What that says of an abort.
    pub(crate) shows: Shows,
}

/// What a refused event looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shows {
    /// What follows an abort.
    Abort,
    /// What follows none.
    NoAbort,
    /// The same, and what a device in the error state answers.
    DeviceError,
    /// Nothing more comes, although the set was aborted so.
    Rest(Option<Cause>),
    /// Nothing: what is wrong is what came with an answer.
    Nothing,
}

impl Shows {
    /// What a callback with this completion code looks like.
    pub(crate) fn completion(code: Win32) -> Self {
        if code == Win32::ERROR_OPERATION_ABORTED {
            Self::Abort
        } else if code == Win32::ERROR_IO_DEVICE {
            Self::DeviceError
        } else {
            Self::NoAbort
        }
    }

    /// What a return with this status looks like. The documents give the error state none.
    pub(crate) fn status(status: HResult) -> Self {
        let of_others = [HResult::VD_E_BUSY, HResult::VD_E_PROTOCOL, HResult::VD_E_MEMORY];
        if status == HResult::VD_E_ABORT {
            Self::Abort
        } else if status.is_failure() && !of_others.contains(&status) {
            Self::DeviceError
        } else {
            Self::NoAbort
        }
    }
}

/// The clause to name in place of the one that was broken by itself: of several that explain
/// a wrong answer the one that explains what came before it, too.
pub(super) fn cause(session: &Session, refusal: &Refusal) -> Clause {
    let track = &session.sets[refusal.set];
    match refusal.shows {
        Shows::Rest(aborted) => {
            unnoticed_abort(track, aborted, refusal.clause).unwrap_or(refusal.clause)
        }
        Shows::NoAbort | Shows::DeviceError => aborted(track)
            .filter(|aborted| !is_own(session, refusal, *aborted))
            .and_then(|aborted| unnoticed_abort(track, Some(aborted), refusal.clause))
            .or_else(|| refused_by_mistake(session, refusal))
            .unwrap_or(refusal.clause),
        Shows::Nothing => refusal.clause,
        Shows::Abort if track.any(|state| state.aborted.is_some()) => refusal.clause,
        Shows::Abort => suspected(session, refusal.set).unwrap_or(refusal.clause),
    }
}

/// The set was aborted and nothing has ever shown it: what was to abort it has not.
fn unnoticed_abort(track: &SetTrack, aborted: Option<Cause>, broken: Clause) -> Option<Clause> {
    if track.evidence.aborted || broken.info().id.starts_with("server.close.devices-open") {
        return None;
    }
    match aborted? {
        Cause::TimeOut if broken == Clause::ServerTimeOutLoad => None,
        Cause::TimeOut => Some(Clause::ServerTimeOutAborts),
        Cause::ServerClose => Some(Clause::ServerCloseImplicitAbort),
        Cause::ServerCloseDevicesOpen => Some(Clause::ServerCloseDevicesOpenAborts),
        Cause::ClientClose => Some(Clause::ClientCloseImplicitAbort),
        Cause::ClientCloseDevicesOpen => Some(Clause::ClientCloseDevicesOpenAborts),
        Cause::ServerDeath => Some(Clause::ProcessServerDeath),
        Cause::ClientDeath => Some(Clause::ProcessClientDeath),
        // What an abort does is what the clauses of the abort say.
        Cause::ServerSignal | Cause::ClientSignal => None,
    }
}

/// Whether the call is one of whoever aborted the set by its Close: what that call is told
/// follows from the Close, whether it aborted or not.
fn is_own(session: &Session, refusal: &Refusal, aborted: Cause) -> bool {
    let Some(index) = refusal.call else { return false };
    let by = match aborted {
        Cause::ServerClose | Cause::ServerCloseDevicesOpen => Caller::Server,
        Cause::ClientClose | Cause::ClientCloseDevicesOpen => Caller::Client(0),
        Cause::ServerSignal
        | Cause::ClientSignal
        | Cause::ServerDeath
        | Cause::ClientDeath
        | Cause::TimeOut => return false,
    };
    let call = &session.calls[index];
    !call.is_agent() && call.bound.call.caller() == by
}

/// What has aborted a set in every state that it may be in.
fn aborted(track: &SetTrack) -> Option<Cause> {
    let mut causes = track.states().map(|state| state.aborted);
    let first = causes.next().flatten()?;
    causes.all(|cause| cause == Some(first)).then_some(first)
}

/// A SendCommand is refused that had to be accepted: because of another device's error, or
/// of one of its own that was cleared.
fn refused_by_mistake(session: &Session, refusal: &Refusal) -> Option<Clause> {
    let is_error = refusal.shows == Shows::DeviceError;
    if refusal.clause != Clause::ServerSendCommandStatus || !is_error {
        return None;
    }
    let Call::Server(ServerCall::SendCommand(request)) = &session.calls[refusal.call?].bound.call
    else {
        return None;
    };
    let track = &session.sets[refusal.set];
    if others_errored(track, request.device) {
        return Some(Clause::DeviceIndependent);
    }
    let cleared = track.evidence.cleared & bit(request.device) != 0;
    cleared.then_some(Clause::DeviceErrorCleared)
}

/// Whether another device of the set than this one may be in the error state.
pub(super) fn others_errored(track: &SetTrack, device: u8) -> bool {
    let others = |state: &State| {
        let mut devices = state.devices.iter().enumerate();
        devices.any(|(at, other)| other.errored && at != usize::from(device))
    };
    track.any(others)
}
