//! What a sign means for the question who ended it first.

use vdi_spec::codes::{HResult, Win32};

use super::Sign;
use crate::report::Side;
use crate::words;

/// What a sign is in an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// It may be what ended the operation.
    Origin {
        /// Who ended it then.
        side: Side,
        /// How well the line says so.
        strength: Strength,
        /// Whether it cannot be the reaction to something else in the operation.
        own: bool,
    },
    /// It only follows on an abort or a failure.
    Echo,
    /// It tells of success.
    Success,
    /// It belongs to the picture, and ends nothing.
    Beside,
}

/// How well a line says who ended an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Strength {
    /// It may have nothing to do with it.
    Hint,
    /// It follows from what the line says.
    Follows,
    /// The line says it.
    Told,
}

impl Sign {
    pub(crate) const fn role(self) -> Role {
        use Strength::{Follows, Hint, Told};
        let (side, strength, own) = match self {
            Self::ClientAborts | Self::ClientCloses => (Side::Client, Told, false),
            Self::ServerAborts => (Side::Server, Told, false),
            Self::InterfaceAborts => (Side::Interface, Follows, false),
            Self::LibraryFails(_) => (Side::Interface, Follows, true),
            Self::Answered(_) => (Side::Client, Follows, true),
            Self::NoSet => (Side::Client, Follows, false),
            Self::TimedOut => (Side::Client, Follows, false),
            Self::NotMade(_) => (Side::Client, Follows, true),
            Self::MayNotUse | Self::NotRegistered => (Side::Environment, Follows, true),
            Self::NoMemory | Self::Refused(_) | Self::Trouble(_) | Self::BadData(_) => {
                (Side::Server, Follows, true)
            }
            Self::StatementFailed => (Side::Server, Follows, false),
            Self::Stops => (Side::Server, Told, true),
            Self::Killed => (Side::Caller, Told, true),
            Self::Cancelled => (Side::Caller, Follows, false),
            Self::GaveUpStatement => (Side::Caller, Follows, true),
            Self::Died { server: true, .. } => (Side::Server, Follows, true),
            Self::Died { server: false, .. } | Self::OwnTrouble => (Side::Client, Hint, true),
            Self::SawAbort
            | Self::Aborted
            | Self::Followed(_)
            | Self::Terminated
            | Self::Tidies => {
                return Role::Echo;
            }
            Self::Succeeded => return Role::Success,
            Self::NotVirtual | Self::Frozen | Self::LoginFailed => return Role::Beside,
        };
        Role::Origin { side, strength, own }
    }

    /// Its name in what is written for programs.
    pub(crate) const fn id(self) -> &'static str {
        match self {
            Self::ClientAborts => "client-aborts",
            Self::ClientCloses => "client-closes",
            Self::ServerAborts => "server-aborts",
            Self::InterfaceAborts => "interface-aborts",
            Self::LibraryFails(_) => "interface-fails",
            Self::Answered(_) => "client-answers-error",
            Self::NoSet => "no-set",
            Self::MayNotUse => "no-access",
            Self::NotRegistered => "not-registered",
            Self::NotMade(_) => "set-not-made",
            Self::NoMemory => "no-memory",
            Self::Refused(_) => "statement-refused",
            Self::Trouble(_) => "server-trouble",
            Self::BadData(_) => "bad-data",
            Self::Stops => "server-stops",
            Self::Killed => "session-killed",
            Self::Cancelled => "statement-cancelled",
            Self::GaveUpStatement => "statement-timed-out",
            Self::Died { .. } => "process-ended",
            Self::TimedOut => "client-timed-out",
            Self::OwnTrouble => "client-trouble",
            Self::LoginFailed => "login-failed",
            Self::StatementFailed => "statement-failed",
            Self::SawAbort => "client-saw-abort",
            Self::Aborted => "aborted",
            Self::Followed(_) => "device-error-follows",
            Self::Terminated => "statement-ended",
            Self::Tidies => "interface-tidies",
            Self::Succeeded => "succeeded",
            Self::NotVirtual => "no-virtual-device",
            Self::Frozen => "frozen",
        }
    }

    /// What the line says, in a sentence.
    pub(crate) fn means(self) -> String {
        let text = match self {
            Self::ClientAborts => "the client has called SignalAbort",
            Self::ClientCloses => "the client has closed its set before the operation was done",
            Self::ServerAborts => "the server has called SignalAbort",
            Self::InterfaceAborts => "the interface has aborted the set",
            Self::LibraryFails(0) => "the interface tells of a failure, without an error number",
            Self::LibraryFails(code) => {
                return format!("the interface could not do something: error {}", named(code));
            }
            Self::Answered(code) => {
                return format!("the client has answered a command with {}", named(code));
            }
            Self::NoSet => "the server found no set of that name",
            Self::MayNotUse => "one side has no right to what the other has made",
            Self::NotRegistered => {
                "the interface's library cannot be made: it is not registered, or not allowed"
            }
            Self::NotMade(code) => {
                return format!("the client could not make or use its set: {}", HResult(code));
            }
            Self::NoMemory => "there was not enough memory",
            Self::Refused(number) => return message(number, "the server refuses the statement"),
            Self::Trouble(number) => return message(number, "the server has trouble of its own"),
            Self::BadData(number) => {
                return message(number, "what was delivered is no backup, or a damaged one");
            }
            Self::Stops => "the server is being stopped",
            Self::Killed => "the session was killed",
            Self::Cancelled => "the statement was cancelled",
            Self::GaveUpStatement => "whoever issued the statement waited for it no longer",
            Self::Died { server: true, .. } => "the server's process ended",
            Self::Died { server: false, .. } => "a process ended",
            Self::TimedOut => "the client waited for the server, and its time was up",
            Self::OwnTrouble => "the client tells of trouble of its own",
            Self::LoginFailed => "a login failed",
            Self::StatementFailed => "the client was told that its statement had failed",
            Self::SawAbort => "the client was told of an abort",
            Self::Aborted => "aborted, which does not tell by whom",
            Self::Followed(code) => return format!("{}: follows on an earlier error", named(code)),
            Self::Terminated => "the statement failed, which does not tell why",
            Self::Tidies => "the interface tidies up after an end",
            Self::Succeeded => "the statement succeeded",
            Self::NotVirtual => "this is no virtual device, but a file",
            Self::Frozen => "writes are frozen, or not any more",
        };
        text.to_owned()
    }
}

/// A message of the server with what it says, or what one of its kind does.
fn message(number: u32, kind: &str) -> String {
    let says = words::message(number).map_or(kind, |word| word.says.trim_end_matches('.'));
    format!("message {number}, {}", lowered(says))
}

/// A sentence in the middle of another.
fn lowered(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_lowercase().collect::<String>());
    // A word in capitals stays so.
    let second_is_capital = text.chars().nth(1).is_some_and(char::is_uppercase);
    match first {
        Some(first) if !second_is_capital => first + letters.as_str(),
        _ => text.to_owned(),
    }
}

/// An error of the operating system with its name, if it has one here.
fn named(code: u32) -> String {
    match words::system(code) {
        Some(word) => format!("{code} ({})", word.name),
        None if Win32(code).info().is_some() => format!("{code} ({})", Win32(code)),
        None => code.to_string(),
    }
}
