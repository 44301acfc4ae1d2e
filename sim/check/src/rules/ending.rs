//! How a SQL statement may end after what has happened to its set.

use crate::Checker;
use crate::explain::Report;
use crate::session::{OpenCall, Session, SetTrack, StatementTrack};
use vdi_model::{Call, Cause, ClientCall, ServerLife, State};
use vdi_spec::clauses::Clause;
use vdi_spec::codes::{CommandCode, Features, HResult, Win32};
use vdi_trace::{Event, Process};

/// The statement is said to have succeeded. Of what forbids it one thing is named: the cause
/// before what follows from it.
pub(super) fn judge_success(checker: &mut Checker, set: usize, event: &Event<'_>) {
    let Checker { session, report, .. } = checker;
    let track = &mut session.sets[set];
    if std::mem::replace(&mut track.statement.judged, true) {
        return;
    }
    if let Some((clause, why)) = forbidden(track, report.is_server_unseen()) {
        report.find_seen(report.line, clause, format!("{event}, although {why}"));
    }
}

/// What forbids that the statement of a set succeeds, in whatever order things happened.
fn forbidden(track: &SetTrack, server_unseen: bool) -> Option<(Clause, String)> {
    let ends = &track.statement.ends;
    let all = |holds: &dyn Fn(&State) -> bool| track.states().all(holds);
    if ends.full {
        return Some((Clause::ServerStatementDeviceFull, "a device was full".to_owned()));
    }
    let restores = |state: &State| !state.granted.features.intersects(Features::WRITE_MEDIA);
    let fixed = |state: &State| !state.asked.features.intersects(Features::REMOVABLE);
    if ends.unread && all(&|state| restores(state) && fixed(state)) {
        return Some((Clause::ServerStatementUnread, "a Read had failed".to_owned()));
    }
    if ends.flush_failed != 0 {
        return Some((Clause::ServerStatementFlush, "Flush had failed".to_owned()));
    }
    if ends.complete_failed != 0 {
        return Some((Clause::ServerCompleteFailure, "Complete had failed".to_owned()));
    }
    if all(&|state| is_cut_off(state, server_unseen)) {
        let cause = track.states().find_map(|state| state.aborted);
        let why = cause.map_or_else(String::new, |cause| format!("the set was aborted: {cause}"));
        return Some((Clause::ServerStatementAborted, why));
    }
    let promised = Features::WRITE_MEDIA | Features::COMPLETE_ENABLED;
    let owes = |state: &State| {
        let mut devices = 0..state.devices.len();
        state.server != ServerLife::Absent
            && state.granted.features.contains(promised)
            && devices.any(|device| ends.completed & (1 << (device % 64)) == 0)
    };
    let why = || "a device was not sent Complete, for which CompleteEnabled was granted".to_owned();
    all(&owes).then(|| (Clause::ServerCompleteRequired, why()))
}

/// Whether the set was aborted before the server had closed every device. When a server that
/// was not seen had done so is not known: an abort by its client may have come too late.
fn is_cut_off(state: &State, server_unseen: bool) -> bool {
    state.aborted.is_some_and(|cause| !(server_unseen && is_of_client(cause)))
        && !state.all_closed()
}

const fn is_of_client(cause: Cause) -> bool {
    match cause {
        Cause::ClientSignal
        | Cause::ClientClose
        | Cause::ClientCloseDevicesOpen
        | Cause::ClientDeath => true,
        Cause::ServerSignal
        | Cause::ServerClose
        | Cause::ServerCloseDevicesOpen
        | Cause::ServerDeath
        | Cause::TimeOut => false,
    }
}

/// A command was called back so. One that bounced off the error state has failed nowhere: it
/// may be sent again. What an abort ends is not what the client has answered.
pub(crate) fn note_called_back(
    track: &mut StatementTrack,
    device: u8,
    code: CommandCode,
    completion: Win32,
) {
    let bounced = completion == Win32::ERROR_IO_DEVICE;
    let moves = matches!(code, CommandCode::Read | CommandCode::Write);
    if completion != Win32::ERROR_OPERATION_ABORTED && !(bounced && moves) {
        note_end(track, device, code, completion);
    }
    track.troubled |= completion != Win32::ERROR_SUCCESS;
}

/// A call has returned, and its set is known.
pub(crate) fn note_returned(session: &mut Session, call: &OpenCall, status: HResult) {
    let process = session.process_of(call);
    let Session { names, sets, .. } = session;
    let track = &mut sets[call.bound.set].statement;
    if process == Process::Server && status.is_failure() {
        track.troubled = true;
    }
    if status != HResult::NOERROR {
        return;
    }
    if let Call::Client(client) | Call::Secondary(_, client) = &call.bound.call
        && let ClientCall::CompleteCommand { device, command: Some(id), code, .. } = *client
        && let Some(sent) = names.sent(call.bound.set, id)
    {
        note_end(track, device, sent.code, code);
        track.troubled |= code != Win32::ERROR_SUCCESS;
    }
}

fn note_end(track: &mut StatementTrack, device: u8, code: CommandCode, completion: Win32) {
    let failed = completion != Win32::ERROR_SUCCESS;
    let bit = 1 << (device % 64);
    let set = |known: &mut u64, holds: bool| {
        *known = if holds { *known | bit } else { *known & !bit };
    };
    let ends = &mut track.ends;
    match code {
        CommandCode::Write => ends.full |= completion.is_full(),
        CommandCode::Read => ends.unread |= failed,
        CommandCode::Flush => set(&mut ends.flush_failed, failed),
        CommandCode::Complete => {
            set(&mut ends.complete_failed, failed);
            set(&mut ends.completed, !failed);
        }
        CommandCode::ClearError
        | CommandCode::Rewind
        | CommandCode::WriteMark
        | CommandCode::SkipMarks
        | CommandCode::SkipBlocks
        | CommandCode::Load
        | CommandCode::GetPosition
        | CommandCode::SetPosition
        | CommandCode::Discard
        | CommandCode::Snapshot
        | CommandCode::MountSnapshot
        | CommandCode::PrepareToFreeze
        | CommandCode::FileInfoBegin
        | CommandCode::FileInfoEnd
        | CommandCode::GetError => {}
    }
}

/// Tells of each statement that failed, though nothing that was seen explains it.
pub(crate) fn note_unexplained(session: &Session, report: &mut Report) {
    if !report.is_faultless() {
        return;
    }
    for set in &session.sets {
        let sound = |state: &State| state.server != ServerLife::Absent && state.aborted.is_none();
        let unexplained = !set.statement.troubled && set.states().all(sound);
        if let Some(line) = set.statement.failed.filter(|_| unexplained) {
            let what = "the SQL statement failed, and nothing that was seen explains it";
            report.note(line, what.to_owned());
        }
    }
}
