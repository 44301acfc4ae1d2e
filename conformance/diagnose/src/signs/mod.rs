//! What a line says of an operation.

mod client;
mod interface;
mod role;
mod server;

pub(crate) use role::{Role, Strength};

use crate::read::{FileKind, LogFile, Moment, Record};

/// What a line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sign {
    /// The client has called SignalAbort.
    ClientAborts,
    /// The client has closed its set while devices were open, or before it was done.
    ClientCloses,
    /// The server has called SignalAbort.
    ServerAborts,
    /// The interface has aborted.
    InterfaceAborts,
    /// The interface could not do something, with an error of the operating system.
    LibraryFails(u32),
    /// The client has answered a command with an error.
    Answered(u32),
    /// The server found no set of that name.
    NoSet,
    /// One side may not use what the other has made.
    MayNotUse,
    /// The interface is not installed.
    NotRegistered,
    /// The client could not make its set, or not use it.
    NotMade(u32),
    /// The server found no memory.
    NoMemory,
    /// The server refuses the statement.
    Refused(u32),
    /// The server has trouble of its own.
    Trouble(u32),
    /// What the client delivers is no backup, or a damaged one.
    BadData(u32),
    /// The server is being stopped.
    Stops,
    /// The session was killed.
    Killed,
    /// The statement was cancelled.
    Cancelled,
    /// Whoever issued the statement waits for it no more.
    GaveUpStatement,
    /// A process ended: the server's, or another one, with its number if that is told.
    Died {
        /// Whether it was the server's.
        server: bool,
        /// Whether it is told of by somebody else, under a name that may be any program's.
        named: bool,
        /// Its number.
        process: Option<u32>,
    },
    /// The client waited for the server, and gave up.
    TimedOut,
    /// The client tells of trouble of its own.
    OwnTrouble,
    /// A login failed.
    LoginFailed,
    /// The statement failed, as the client was told.
    StatementFailed,
    /// The client was told of an abort.
    SawAbort,
    /// What was under way was aborted: an echo.
    Aborted,
    /// A device gave an error that follows on an earlier one: an echo.
    Followed(u32),
    /// The statement ended without success: an echo.
    Terminated,
    /// The interface tidies up: an echo.
    Tidies,
    /// The statement succeeded.
    Succeeded,
    /// The device is no virtual one.
    NotVirtual,
    /// Writes are frozen, or not any more.
    Frozen,
}

/// What a line says, and of which set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    /// The file, by its place among them.
    pub(crate) file: usize,
    /// What it says.
    pub(crate) sign: Sign,
    /// The set or the device that it names.
    pub(crate) named: Option<Named>,
    /// The process that a line of the interface names; the session that was killed.
    pub(crate) process: Option<u32>,
    /// The line itself.
    pub(crate) record: Record,
}

/// A name in a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// Of a set.
    Set(String),
    /// Of a device: that of its set, or another.
    Device(String),
}

impl Named {
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Set(name) | Self::Device(name) => name,
        }
    }
}

/// A sign, with the name beside it.
type Found = (Sign, Option<Named>);

/// Every sign in a file, in the order in which the lines were written.
pub(crate) fn of_file(file: usize, log: &LogFile) -> Vec<Item> {
    let mut items = Vec::new();
    // In the error log the number of a message stands in a line of its own before it.
    let mut head: Option<(u32, Option<String>)> = None;
    for record in &log.records {
        if let Some(number) = server::head(&record.text) {
            head = Some((number, record.process.clone()));
            continue;
        }
        let number = head.take_if(|(_, process)| *process == record.process).map(|(n, _)| n);
        for (sign, named, process) in of_record(log.kind, record, number) {
            items.push(Item { file, sign, named, process, record: record.clone() });
        }
    }
    items
}

fn of_record(
    kind: FileKind,
    record: &Record,
    number: Option<u32>,
) -> Vec<(Sign, Option<Named>, Option<u32>)> {
    let said = interface::signs(&record.text);
    if !said.is_empty() {
        return said;
    }
    let mut found = server::signs(record, number);
    // In a client's own log it is the client that could not log in.
    if kind == FileKind::ClientLog {
        let logins = found.iter_mut().filter(|(sign, _)| *sign == Sign::LoginFailed);
        logins.for_each(|(sign, _)| *sign = Sign::Refused(18456));
    }
    if found.is_empty() {
        found = client::died(record);
    }
    if found.is_empty() && kind != FileKind::ErrorLog && !server::is_source(record) {
        found = client::signs(record);
    }
    let session = |sign| if sign == Sign::Killed { server::killed(&record.text) } else { None };
    found.into_iter().map(|(sign, named)| (sign, named, session(sign))).collect()
}

/// Which of two items of the same operation is known to come first: nothing, if neither.
pub(crate) fn before(one: &Item, other: &Item) -> Option<bool> {
    let moments = || Some((one.record.moment.as_ref()?, other.record.moment.as_ref()?));
    if one.file != other.file {
        return moments().and_then(|(one, other): (&Moment, &Moment)| one.before(other));
    }
    let place = || match one.record.place.cmp(&other.record.place) {
        std::cmp::Ordering::Less => Some(true),
        std::cmp::Ordering::Greater => Some(false),
        std::cmp::Ordering::Equal => None,
    };
    let clear = moments().and_then(|(one, other)| one.before(other));
    clear.or_else(place)
}
