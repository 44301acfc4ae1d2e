//! What logs contain, word by word: what it says, who usually is at fault, what to look at
//! next, and what it does not tell, each with its public source.

mod lines;
mod messages;
mod options;
mod source;
mod system;

pub use source::Published;

use vdi_spec::codes::spelled_number;

/// What a word of a log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WordKind {
    /// The number of a message of the server.
    Message,
    /// An error of the operating system, or of COM.
    System,
    /// A word of a line that the interface writes.
    Line,
    /// A step of the server, as its messages name it.
    Step,
    /// An option of BACKUP or RESTORE.
    Option,
}

impl WordKind {
    /// What stands before a word of this kind where it is explained.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Message => "message of the server",
            Self::System => "error of the operating system",
            Self::Line => "word of a SQLVDI line",
            Self::Step => "step of the server",
            Self::Option => "option of BACKUP and RESTORE",
        }
    }
}

/// A word of a log, explained.
#[derive(Clone, Copy, Debug)]
pub struct Word {
    /// What it is.
    pub kind: WordKind,
    /// Its name as logs have it.
    pub name: &'static str,
    /// Its number, if it has one: of a message, or as the operating system counts.
    pub number: Option<u32>,
    /// What it says.
    pub says: &'static str,
    /// Who usually is at fault.
    pub fault: &'static str,
    /// What to look at next.
    pub next: &'static str,
    /// What it does not tell.
    pub silent: &'static str,
    /// Where it is published.
    pub source: Published,
}

/// Every word that is explained.
pub fn words() -> impl Iterator<Item = &'static Word> {
    [messages::MESSAGES, system::SYSTEM, lines::LINES, options::OPTIONS].into_iter().flatten()
}

/// What stands before a number or a name in logs, and is no part of it.
const BEFORE: &[&str] = &[
    "msg ",
    "message ",
    "error: ",
    "error ",
    "event id ",
    "os error ",
    "operating system error ",
    "loc=",
    "desc=",
    "errorcode=(",
    "hresult_from_win32(",
];

/// The word without what logs put around it: `Msg 3013,` is 3013, `995(The I/O…` is 995.
fn bare(word: &str) -> &str {
    let mut word = word.trim();
    while let Some(before) = BEFORE.iter().find(|before| {
        word.get(..before.len()).is_some_and(|start| start.eq_ignore_ascii_case(before))
    }) {
        word = word[before.len()..].trim_start();
    }
    word.split(['(', ',']).next().unwrap_or(word).trim_end_matches(['.', ',', ':', ';', ')']).trim()
}

/// The words that this may mean: a name in any case, with its class or without; a number in any
/// spelling, wrapped in an HRESULT or not.
///
/// ```
/// use vdi_diagnose::words::explained;
///
/// assert_eq!(explained("Msg 3013,")[0].name, "3013");
/// assert_eq!(explained("0x80070070")[0].name, explained("112")[0].name);
/// assert_eq!(explained("Loc=TriggerAbort.")[0].name, "TriggerAbort");
/// ```
#[must_use]
pub fn explained(word: &str) -> Vec<&'static Word> {
    let word = bare(word);
    let number = spelled_number(word);
    let system = number.map(|number| match number & 0xFFFF_0000 {
        0x8007_0000 => number & 0xFFFF,
        _ => number,
    });
    let last = word.rsplit("::").next().unwrap_or(word);
    let is = |row: &&Word| {
        let named = row.name.eq_ignore_ascii_case(word)
            || (row.kind == WordKind::Step && row.name.eq_ignore_ascii_case(last));
        let numbered = match row.kind {
            WordKind::Message => number.is_some() && row.number == number,
            WordKind::System => {
                row.number.is_some() && (row.number == number || row.number == system)
            }
            WordKind::Line | WordKind::Step | WordKind::Option => false,
        };
        named || numbered
    };
    words().filter(is).collect()
}

/// The word of a message of the server.
#[must_use]
pub fn message(number: u32) -> Option<&'static Word> {
    messages::MESSAGES.iter().find(|row| row.number == Some(number))
}

/// The word of an error of the operating system, unwrapped or as it is.
#[must_use]
pub fn system(number: u32) -> Option<&'static Word> {
    let inner = if number & 0xFFFF_0000 == 0x8007_0000 { number & 0xFFFF } else { number };
    system::SYSTEM.iter().find(|row| row.number == Some(number) || row.number == Some(inner))
}
