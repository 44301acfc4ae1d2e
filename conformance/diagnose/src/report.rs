//! What is found, as a value and as text. It judges nothing.

use serde::Serialize;
use vdi_check::exit_code;
use vdi_check::text::{body, heading, row};

use super::read::{FileKind, LogFile};
use super::recording::Recording;

/// What this format is called.
pub const FORMAT: &str = "diagnosis/1";

/// Who ended an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The backup application.
    Client,
    /// The interface's library.
    Interface,
    /// The database engine.
    Server,
    /// Whoever issued the statement: a connection, a time-out, a person.
    Caller,
    /// The machine or the installation: what was missing or not allowed.
    Environment,
    /// Nobody: it succeeded.
    Nobody,
    /// The lines do not tell.
    Undecided,
}

impl Side {
    /// What it is called.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Interface => "interface",
            Self::Server => "server",
            Self::Caller => "caller",
            Self::Environment => "environment",
            Self::Nobody => "nobody",
            Self::Undecided => "undecided",
        }
    }
}

/// How sure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Certainty {
    /// The lines do not tell.
    Undecided,
    /// The lines allow it, and other things as well.
    Possible,
    /// It follows from what a line says; that nothing came before it is not shown.
    Likely,
    /// A line says it, and the others confirm the order.
    Certain,
}

impl Certainty {
    /// What it is called.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Undecided => "undecided",
            Self::Possible => "possible",
            Self::Likely => "likely",
            Self::Certain => "certain",
        }
    }
}

/// How an operation came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It succeeded.
    Succeeded,
    /// It failed.
    Failed,
    /// The lines do not tell.
    Unknown,
}

/// Who ended an operation first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Ended {
    /// Who.
    pub by: Side,
    /// How sure that is.
    pub certainty: Certainty,
    /// How, by the name of what the first line says, such as `client-aborts`.
    pub cause: String,
    /// The same in a sentence.
    pub answer: String,
}

/// A line that tells something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// The file.
    pub file: String,
    /// The line in which the entry begins, counted from 1.
    pub line: usize,
    /// Its time as the file has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// The session, process or lane.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process: Option<String>,
    /// What it says, by its name.
    pub says: String,
    /// The same in words.
    pub means: String,
    /// The beginning of the entry itself.
    pub text: String,
}

/// One backup or restore.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Operation {
    /// The name of its set or device, if a line has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set: Option<String>,
    /// How it came out.
    pub outcome: Outcome,
    /// Who ended it first.
    pub ended: Ended,
    /// The lines that say so.
    pub first: Vec<Evidence>,
    /// What only followed.
    pub followed: Vec<Evidence>,
    /// What lies beside it, and may belong to something else.
    pub beside: Vec<Evidence>,
    /// Why it is no surer than that.
    pub doubts: Vec<String>,
    /// What to collect: the next thing first.
    pub next: Vec<String>,
}

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct FileRead {
    /// What it is called.
    pub path: String,
    /// What it is.
    pub kind: FileKind,
    /// How many entries it has.
    pub entries: usize,
    /// What is to be known about how it was read; of a recording, what `vdi check` says.
    pub notes: Vec<String>,
}

/// What logs say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Diagnosis {
    /// `diagnosis/1`.
    pub vdi: String,
    /// The exit code that goes with it: 0 everything told succeeded, 1 something failed and who
    /// ended it is named, 2 undecided.
    pub exit_code: u8,
    /// The operations, in the order in which the logs tell of them.
    pub operations: Vec<Operation>,
    /// The files.
    pub files: Vec<FileRead>,
}

pub(crate) fn diagnosis(
    files: &[LogFile],
    recorded: Option<&Recording>,
    operations: Vec<Operation>,
) -> Diagnosis {
    let zoned = |file: &LogFile, has: bool| {
        file.records.iter().any(|record| record.moment.is_some_and(|at| at.has_zone() == has))
    };
    let elsewhere = files.iter().find(|file| zoned(file, true));
    let notes = |file: &LogFile| {
        let mut notes = file.notes.clone();
        if let Some(other) = elsewhere.filter(|_| zoned(file, false)) {
            notes.push(format!(
                "its times name no zone and are not compared with those of {}: --utc-offset says how \
                 far they are ahead of UTC",
                other.path
            ));
        }
        notes
    };
    let logs = files.iter().map(|file| FileRead {
        path: file.path.clone(),
        kind: file.kind,
        entries: file.records.len(),
        notes: notes(file),
    });
    let trace = recorded.map(|recording| FileRead {
        path: recording.path.clone(),
        kind: FileKind::Trace,
        entries: recording.events,
        notes: vec![format!("vdi check: {}", recording.verdict)],
    });
    let undecided = operations.iter().any(|one| one.ended.by == Side::Undecided);
    let failed = operations.iter().any(|one| one.ended.by != Side::Nobody);
    let exit_code = match (operations.is_empty() || undecided, failed) {
        (true, _) => exit_code::INCONCLUSIVE,
        (false, true) => exit_code::VIOLATION,
        (false, false) => exit_code::CONFORMANT,
    };
    Diagnosis { vdi: FORMAT.to_owned(), exit_code, operations, files: logs.chain(trace).collect() }
}

impl Diagnosis {
    /// The diagnosis for people: the answer, then the lines it rests on.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = String::new();
        for operation in &self.operations {
            operation_text(&mut out, operation);
            out.push('\n');
        }
        for file in &self.files {
            for note in &file.notes {
                out.push_str(&format!("note: {}: {note}\n", file.path));
            }
        }
        out.push_str(&self.summary());
        out
    }

    fn summary(&self) -> String {
        let files: Vec<String> = self
            .files
            .iter()
            .map(|file| format!("{} ({})", file.path, file.kind.title()))
            .collect();
        let read = files.join(", ");
        if self.operations.is_empty() {
            return format!(
                "undecided: no line tells of a backup or restore over the interface\nread: {read}\nnext: the \
                 server's error log, the application event log and the client's log of the time in \
                 question\n"
            );
        }
        let mut sides: Vec<Side> = self.operations.iter().map(|one| one.ended.by).collect();
        sides.sort_unstable();
        let mut parts = Vec::new();
        for group in sides.chunk_by(|one, other| one == other) {
            parts.push(match group[0] {
                Side::Nobody => format!("{} succeeded", group.len()),
                Side::Undecided => format!("{} undecided", group.len()),
                side => format!("{} ended by the {}", group.len(), side.word()),
            });
        }
        let count = self.operations.len();
        let noun = if count == 1 { "operation" } else { "operations" };
        format!("{count} {noun}: {} · read: {read}\n", parts.join(", "))
    }
}

fn operation_text(out: &mut String, operation: &Operation) {
    let ended = &operation.ended;
    let set = operation.set.as_deref().map(|set| format!("set {set}")).unwrap_or_default();
    let (mark, sure) = match ended.by {
        Side::Nobody => ("OK".to_owned(), String::new()),
        Side::Undecided => ("UNDECIDED".to_owned(), String::new()),
        side => (side.word().to_uppercase(), ended.certainty.word().to_owned()),
    };
    heading(out, &mark, &sure, &set);
    body(out, &ended.answer);
    lines(out, "first", &operation.first);
    lines(out, "followed", &operation.followed);
    lines(out, "beside", &operation.beside);
    for doubt in &operation.doubts {
        row(out, "doubt", doubt);
    }
    for (index, next) in operation.next.iter().enumerate() {
        row(out, if index == 0 { "next" } else { "then" }, next);
    }
}

/// So many lines of a kind are shown; all of them are in the JSON.
const SHOWN: usize = 6;

fn lines(out: &mut String, label: &str, all: &[Evidence]) {
    for evidence in all.iter().take(SHOWN) {
        let time = evidence.time.as_deref().unwrap_or("no time");
        let process =
            evidence.process.as_deref().map(|name| format!(", {name}")).unwrap_or_default();
        let Evidence { file, line, means, text, .. } = evidence;
        row(out, label, &format!("{file}:{line}: {means} ({time}{process})\n  {text}"));
    }
    if all.len() > SHOWN {
        row(out, label, &format!("and {} more lines", all.len() - SHOWN));
    }
}
