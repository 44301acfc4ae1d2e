//! What to collect, so that the next diagnosis is surer.

use super::read::{FileKind, LogFile};
use super::recording::Recording;
use super::report::{Certainty, Side};
use super::signs::Sign;

/// What to collect, the next thing first.
pub(crate) fn next(
    files: &[LogFile],
    recording: Option<&Recording>,
    by: Side,
    certainty: Certainty,
    cause: Option<Sign>,
) -> Vec<String> {
    if by == Side::Nobody {
        return Vec::new();
    }
    if cause == Some(Sign::NotVirtual) {
        return vec![next_of(Sign::NotVirtual).to_owned()];
    }
    let has = |kind: FileKind| files.iter().any(|file| file.kind == kind);
    let events = files.iter().any(|file| file.kind.is_event_log());
    let mut all: Vec<&str> = Vec::new();
    let own: &str = cause.map(next_of).unwrap_or_default();
    let open = by == Side::Undecided || certainty < Certainty::Likely;
    if !open {
        all.push(own);
    }
    if !events {
        all.push(
            "the application event log of that minute, as XML: its SQLVDI lines tell who aborted (on \
             Linux they are in the client's standard error)",
        );
    }
    if !has(FileKind::ErrorLog) {
        all.push("the server's error log of that minute");
    }
    if !has(FileKind::ClientLog) && recording.is_none() {
        all.push("the client's own log of that minute");
    }
    if recording.is_none() && (open || matches!(by, Side::Client | Side::Interface)) {
        all.push("a recording of the client's half at the next failure, for --trace");
    }
    if open {
        all.push(own);
    }
    let count = if open { 3 } else { 2 };
    all.into_iter().filter(|text| !text.is_empty()).take(count).map(str::to_owned).collect()
}

fn next_of(sign: Sign) -> &'static str {
    match sign {
        Sign::ClientAborts | Sign::ClientCloses => {
            "why the client gave up: its own log just before that second"
        }
        Sign::ServerAborts => "the messages of the statement: the server says there why it ends it",
        Sign::InterfaceAborts => {
            "whether the client's process was still there, and how long it took for its last command"
        }
        Sign::LibraryFails(_) => {
            "the rights and the place of shared memory for both processes; `vdi explain` the error"
        }
        Sign::Answered(_) => {
            "the client's log and its medium: the space, and the error that it met"
        }
        Sign::NoSet => {
            "when the client created its set, under which name and for which instance, and when the \
             statement came"
        }
        Sign::MayNotUse => {
            "the accounts, and on Linux the groups, that server and client run under"
        }
        Sign::NotRegistered => {
            "which sqlvdi.dll is registered, and whether the client has 32 or 64 bits"
        }
        Sign::NotMade(_) => "the configuration and the names that the client gives to CreateEx",
        Sign::NoMemory => {
            "MAXTRANSFERSIZE and BUFFERCOUNT of the statement, and the server's memory then"
        }
        Sign::Refused(_) => "the statement itself, and the state of the database that it names",
        Sign::Trouble(_) => "the server's error log about this database, and its storage",
        Sign::BadData(_) => {
            "the bytes that the client delivered, compared with those that it once took"
        }
        Sign::Stops => "the system event log: who stopped the service",
        Sign::Killed => "the host and the process that the line names",
        Sign::Cancelled | Sign::GaveUpStatement => {
            "the time-out of the SQL command in the client, and whether its connection was lost"
        }
        Sign::Died { .. } => "the crash report of that process",
        Sign::TimedOut => {
            "the result of the SQL statement: was it issued, and what did the server answer?"
        }
        Sign::OwnTrouble => "the client's log around that line",
        Sign::LoginFailed => "whether that login was the client's own",
        Sign::StatementFailed => "the messages of the statement",
        Sign::NotVirtual => "the path, its rights and its disk",
        Sign::SawAbort
        | Sign::Aborted
        | Sign::Followed(_)
        | Sign::Terminated
        | Sign::Tidies
        | Sign::Succeeded
        | Sign::Frozen => "",
    }
}
