//! What has been seen of an abort, and what might have been taken for one: from it follows
//! which clause is the cause where a later answer is wrong.

use smallvec::SmallVec;

use super::Session;
use super::call::OpenCall;
use vdi_model::{Call, ClientCall, ServerCall, State};
use vdi_spec::clauses::Clause;
use vdi_spec::codes::{CommandCode, HResult, Win32};
use vdi_trace::{Function, Process};

/// What has been seen of an abort of one set.
#[derive(Clone, Debug, Default)]
pub(crate) struct Evidence {
    /// Whether an answer or a callback has shown that the set is aborted.
    pub(crate) aborted: bool,
    /// What is no abort and was done last, with its line: if an abort is seen now, it was
    /// taken for one.
    suspect: Option<(Clause, usize)>,
    /// The devices, by their bits, that a ClearError has taken out of the error state and that
    /// have accepted no command since.
    pub(crate) cleared: u64,
    /// The processes of which a Close has returned, with the line of the first.
    closed: SmallVec<[(Process, usize); 2]>,
}

impl Evidence {
    /// Something has happened that aborts no set.
    pub(crate) const fn suspect(&mut self, clause: Clause, line: usize) {
        self.suspect = Some((clause, line));
    }

    /// Whether a call that this process began in this line may have come before its Close: only
    /// what begins when that has returned is a use of what is closed.
    pub(crate) fn may_precede_close(&self, process: Process, line: usize, clause: Clause) -> bool {
        let of_closed = matches!(
            clause,
            Clause::ServerCloseUseAfter
                | Clause::ServerCloseHandleUseless
                | Clause::ClientCloseUseAfter
                | Clause::ClientCloseTwice
        );
        let closed = |(by, at): &(Process, usize)| *by == process && *at < line;
        of_closed && !self.closed.iter().any(closed)
    }

    /// Whether a Close of this process has returned.
    pub(crate) fn has_closed(&self, process: Process) -> bool {
        self.closed.iter().any(|(by, _)| *by == process)
    }

    /// Whether one of a secondary client's has.
    pub(crate) fn has_secondary_closed(&self) -> bool {
        self.closed.iter().any(|(by, _)| matches!(by, Process::Secondary(_)))
    }

    /// A completion routine was invoked, as it had to be.
    pub(crate) fn note_called_back(&mut self, device: u8, code: CommandCode, completion: Win32) {
        if completion == Win32::ERROR_OPERATION_ABORTED {
            self.aborted = true;
        } else {
            // An abort would have overridden it.
            self.suspect = None;
        }
        if code == CommandCode::ClearError && completion == Win32::ERROR_SUCCESS {
            self.cleared |= bit(device);
        }
    }
}

/// What was taken for an abort, if anything was: the last that was done or has begun.
pub(crate) fn suspected(session: &Session, set: usize) -> Option<Clause> {
    let begun =
        session.calls_of(set).filter_map(|call| Some((leaves_alone(&call.bound.call)?, call.line)));
    let done = session.sets[set].evidence.suspect;
    begun.chain(done).max_by_key(|(_, line)| *line).map(|(clause, _)| clause)
}

/// A call has returned, in this line, as it may.
pub(crate) fn note_evidence(session: &mut Session, call: &OpenCall, status: HResult, line: usize) {
    let process = session.process_of(call);
    let track = &mut session.sets[call.bound.set];
    let closes = call.function == Function::Close;
    if closes && track.evidence.closed.iter().all(|(by, _)| *by != process) {
        track.evidence.closed.push((process, line));
    }
    let is_aborted = track.any(|state: &State| state.aborted.is_some());
    let evidence = &mut track.evidence;
    evidence.aborted |= status == HResult::VD_E_ABORT;
    if status != HResult::NOERROR {
        return;
    }
    if let Some(clause) = leaves_alone(&call.bound.call).filter(|_| !is_aborted) {
        evidence.suspect(clause, line);
    } else if evidence.suspect.is_some_and(|(_, since)| since < call.line) {
        // What has succeeded since would have failed after an abort.
        evidence.suspect = None;
    }
    if let Call::Server(ServerCall::SendCommand(request)) = &call.bound.call {
        evidence.cleared &= !bit(request.device);
    }
}

/// The clause by which this call leaves the other side alone, if it ends anything.
const fn leaves_alone(call: &Call) -> Option<Clause> {
    match call {
        Call::Server(ServerCall::Close) => Some(Clause::ServerCloseNormalNoAbort),
        Call::Client(ClientCall::Close) => Some(Clause::ClientCloseNormalNoAbort),
        Call::Secondary(_, ClientCall::Close) => Some(Clause::ClientCloseSecondary),
        Call::Server(_) | Call::Client(_) | Call::Secondary(..) => None,
    }
}

pub(crate) const fn bit(device: u8) -> u64 {
    1 << (device % 64)
}
