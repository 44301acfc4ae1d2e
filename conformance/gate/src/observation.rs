//! What a program did in one situation.

use std::path::Path;

use vdi_trace::Trace;

/// Why the program could not be run at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotStarted(pub String);

impl NotStarted {
    /// Because of what is wrong with this file.
    pub(super) fn at(path: &Path, error: &std::io::Error) -> Self {
        Self(format!("{}: {error}", path.display()))
    }
}

/// What a program did in one situation.
#[derive(Debug)]
pub(super) struct Observation {
    /// How it ended.
    pub(super) end: End,
    /// Standard output and standard error.
    pub(super) output: String,
    /// What was recorded of each set that it has created.
    pub(super) traces: Vec<Trace>,
    /// Why there is a trace that cannot be read, if there is one.
    pub(super) unreadable: Option<String>,
    /// How many of its statements had ended before it did.
    pub(super) awaited: usize,
    /// What became of its statements, in the end.
    pub(super) outcomes: Vec<Outcome>,
    /// The faults of the server that have happened.
    pub(super) faults: Vec<String>,
    /// The small disk was full.
    pub(super) full: bool,
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    /// Its exit code; `None` if it was ended by a signal.
    pub(super) code: Option<i32>,
    /// The signal that ended it.
    pub(super) signal: Option<i32>,
    /// It did not end in time.
    pub(super) hung: bool,
    /// It was told to end.
    pub(super) cancelled: bool,
}

impl End {
    /// Whether it was ended by the signal that told it to end: its caller knows.
    pub(super) const fn is_obeyed(&self) -> bool {
        self.cancelled && matches!(self.signal, Some(15))
    }

    /// Whether it tells its caller success, or failure; `None` if it tells nothing.
    pub(super) fn tells_success(&self) -> Option<bool> {
        self.code.map(|code| code == 0).or_else(|| self.is_obeyed().then_some(false))
    }
}

/// A row of what a server tells of its statements.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(untagged)]
pub(super) enum Row {
    Fault { fault: String },
    Outcome(Outcome),
}

/// What became of one statement.
#[derive(Clone, Debug, serde::Deserialize)]
pub(super) struct Outcome {
    pub(super) succeeded: bool,
    pub(super) devices: Vec<String>,
    pub(super) messages: Vec<String>,
    #[serde(default)]
    pub(super) transfer: Option<u64>,
    #[serde(default)]
    pub(super) commands: Option<u64>,
    #[serde(default)]
    pub(super) snapshot: bool,
}

/// What speaks for what a program has stored.
#[derive(Debug)]
pub(super) enum Proof {
    /// It brings back what it is to bring back.
    Sound,
    /// It does not, and this was said.
    Lost(String),
    /// There is no command line that would bring it back.
    None,
    /// The command line that is to bring it back does not start.
    NotStarted(String),
    /// The statement has not come to anything that could be proven.
    NotDue,
}

impl Observation {
    /// Its statements that had ended before it did.
    pub(super) fn awaited(&self) -> &[Outcome] {
        &self.outcomes[..self.awaited.min(self.outcomes.len())]
    }

    /// Whether there was a statement, and all had ended well when it ended.
    pub(super) fn succeeded(&self) -> bool {
        let all_well = self.outcomes.iter().all(|outcome| outcome.succeeded);
        all_well && !self.outcomes.is_empty() && self.awaited == self.outcomes.len()
    }

    /// Why the program did not start, if a shell says so, and there is nothing else of it.
    pub(super) fn not_started(&self) -> Option<&str> {
        let nothing = self.traces.is_empty() && self.unreadable.is_none();
        let said = matches!(self.end.code, Some(126 | 127)) && nothing && self.outcomes.is_empty();
        said.then(|| self.output.trim())
    }
}
