//! What a check says.

use std::fmt;

use serde::Serialize;

use super::transitions::Transitions;
use vdi_spec::clauses::{Clause, Party, Reading};
use vdi_trace::{Event, TraceError};

/// Exit codes of everything that judges, as one table.
pub mod exit_code {
    /// Conformant.
    pub const CONFORMANT: u8 = 0;
    /// A violation, or a stale baseline.
    pub const VIOLATION: u8 = 1;
    /// Neither shown to conform nor to violate.
    pub const INCONCLUSIVE: u8 = 2;
    /// Wrong usage of the command line.
    pub const USAGE: u8 = 64;
    /// A file that cannot be read or understood.
    pub const BAD_INPUT: u8 = 65;
    /// The implementation could not be started.
    pub const UNAVAILABLE: u8 = 69;
    /// An internal error.
    pub const INTERNAL: u8 = 70;
    /// It was told to end, by Ctrl-C or SIGTERM: what a shell says of a program that was.
    pub const INTERRUPTED: u8 = 130;
}

/// An event that no implementation could have produced in this place: the
/// trace is at fault, not what it records.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InputError(pub String);

impl InputError {
    /// The same of this event, which stands in this line.
    pub(crate) fn at(self, line: usize, event: &Event<'_>) -> TraceError {
        let text = serde_json::to_string(event).unwrap_or_default();
        TraceError { line, column: 0, message: self.0, text }
    }
}

/// The answer to: does this trace have an explanation?
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "verdict")]
pub enum Verdict {
    /// Every event is allowed.
    Conformant,
    /// An event is not allowed, whatever the order of effects.
    Violation(Box<Violation>),
    /// There are more orders of effects than the checker was to examine.
    Inconclusive(Box<Undecided>),
    /// The trace cannot be read to its end, or there is no event in it. What was read of it
    /// is allowed.
    Unreadable {
        /// Why.
        error: TraceError,
    },
}

/// A call that is still in progress at the end of what was judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StillOpen {
    /// The line where it began.
    pub line: usize,
    /// Milliseconds since then, if the trace tells them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waited: Option<u64>,
    /// The lane that is in it.
    pub lane: String,
    /// The function.
    pub call: String,
    /// Whether it had to end before everything comes to rest.
    pub had_to: bool,
    /// What would end it; where it had to end, how.
    pub ends: Vec<Allowed>,
}

impl fmt::Display for StillOpen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.since(&format!("line {}", self.line)))
    }
}

impl StillOpen {
    /// In words; it began at `beginning`, such as a line or a step.
    #[must_use]
    pub fn since(&self, beginning: &str) -> String {
        let Self { waited, lane, call, had_to, ends, .. } = self;
        let ends: Vec<String> =
            ends.iter().map(|end| format!("{} ({})", end.what, end.clause)).collect();
        let ends = ends.join(" or ");
        let waited = waited.map(|ms| format!(", for {}", duration(ms))).unwrap_or_default();
        let had_to = if *had_to { "it has to end:" } else { "it is ended by" };
        format!("{call} by {lane}, since {beginning}{waited}: {had_to} {ends}")
    }
}

/// Milliseconds as a person says them.
fn duration(ms: u64) -> String {
    let seconds = ms / 1000;
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, 0) => format!("{ms} ms"),
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, 0) => format!("{minutes} min"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

/// Why a check did not decide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Undecided {
    /// The line of the event that has too many explanations to examine.
    pub line: usize,
    /// Why.
    pub why: Why,
}

/// What a check would have needed to decide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Why {
    /// More configurations than this budget.
    Budget {
        /// How many configurations may be examined for one event.
        budget: usize,
    },
    /// Fewer open calls at a time.
    TooManyCalls {
        /// How many of one set may be open.
        most: usize,
    },
    /// A client was not recorded, and what is seen may be its doing.
    NoClient,
    /// A process joined a set by a second interface, of which no document speaks.
    SecondInterface,
    /// The server gave two devices one name, or one that had another already a new one while it
    /// opened the next: no document says which of them a client opens.
    WhichDevice,
    /// A fault of the checker itself.
    Fault {
        /// What it says.
        message: String,
    },
}

impl fmt::Display for Undecided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.why {
            Why::Budget { budget } => write!(
                f,
                "so many calls overlap in line {} that more than {budget} orders of their \
                 effects would have to be looked at; raise --budget",
                self.line
            ),
            Why::TooManyCalls { most } => {
                write!(f, "more than {most} calls of one set are open in line {}", self.line)
            }
            Why::NoClient => write!(
                f,
                "what is in line {} may be the doing of a client that was not recorded: record \
                 that client too, and put both together with `vdi join`",
                self.line
            ),
            Why::SecondInterface => write!(
                f,
                "in line {} a process joins a set that it has joined by another interface: no \
                 document says what comes of that, and one interface of a process is followed",
                self.line
            ),
            Why::WhichDevice => write!(
                f,
                "in line {} a client opens a device by a name that the server has given to two, or \
                 to one that has another name, while it opened the next: no document says which \
                 it gets",
                self.line
            ),
            Why::Fault { message } if self.line == 0 => {
                write!(f, "our own fault: {message}; please report it, with this trace")
            }
            Why::Fault { message } => write!(
                f,
                "our own fault, in line {}: {message}; please report it, with this trace",
                self.line
            ),
        }
    }
}

/// The first event that is not allowed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Violation {
    /// The line of the trace.
    pub line: usize,
    /// The lane, if the event stands on one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lane: Option<String>,
    /// The call in question, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<String>,
    /// Whom the broken clause binds.
    pub party: Party,
    /// The broken clause.
    pub clause: Clause,
    /// The readings of the profile on which it rests: those that its clause cites, or,
    /// once [`Judged::name_readings`] has compared, exactly those that matter.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub readings: Vec<Reading>,
    /// Other readings, under which there would be no violation here.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub otherwise: Vec<Reading>,
    /// Whether a call returned when it had to stay in progress: its status may be
    /// right, the moment is not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub early: bool,
    /// What was seen.
    pub got: String,
    /// Everything that was allowed.
    pub expected: Vec<Allowed>,
    /// The state just before.
    pub state: String,
    /// Where calls overlap: each furthest state that explains everything before, with
    /// what every lane could do there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Attempt>,
}

/// One thing that was allowed in place of what was seen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Allowed {
    /// What.
    pub what: String,
    /// The clause that allows, or demands, it.
    pub clause: Clause,
}

/// One way to explain everything before the violation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// The state that it ends in.
    pub state: String,
    /// What every lane inside a call could do there.
    pub lanes: Vec<LaneChoices>,
}

/// What a lane inside a call could do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LaneChoices {
    /// The lane.
    pub lane: String,
    /// The function it is inside.
    pub call: String,
    /// The line where the call began.
    pub line: usize,
    /// Whether the call has taken effect.
    pub taken: bool,
    /// What it could do.
    pub could: Vec<Allowed>,
}

/// An obligation that server or client broke; the interface is held to its
/// answer all the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// The line of the trace.
    pub line: usize,
    /// Who broke it.
    pub party: Party,
    /// The broken clause.
    pub clause: Clause,
    /// What was done.
    pub what: String,
    /// Whether this is a hazard: undefined behaviour in a real process.
    pub hazard: bool,
    /// The readings of the profile on which it rests, as in [`Violation::readings`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub readings: Vec<Reading>,
    /// Other readings, under which this is no fault.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub otherwise: Vec<Reading>,
}

/// Something that is worth a look, and breaks nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Note {
    /// The line of the trace.
    pub line: usize,
    /// What.
    pub what: String,
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.what)
    }
}

/// One moment of the order of effects that explains a history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Effect {
    /// It happened after the event in this line, and before the next.
    pub after: usize,
    /// The lane in whose call it happened, or on which a routine was begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lane: Option<String>,
    /// The line in which the call began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<usize>,
    /// What happened.
    pub what: String,
    /// The clause it rests on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clause: Option<Clause>,
}

/// What a check gave.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Judged {
    /// The verdict on what was read.
    pub verdict: Verdict,
    /// Obligations that server or client broke.
    pub findings: Vec<Finding>,
    /// Findings beyond those kept.
    pub more_findings: usize,
    /// What is worth a look and breaks nothing; no exit code depends on it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
    /// Events judged.
    pub events: usize,
    /// Every clause that explained an event.
    pub clauses: Vec<Clause>,
    /// Functions by the phase of the process that called them.
    #[serde(skip)]
    pub transitions: Transitions,
    /// Calls that are still in progress.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub in_progress: Vec<StillOpen>,
    /// In a violation: a party of which no event was seen, though nothing says that it was
    /// not recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<Party>,
    /// Why the trace could not be read to its end, if it could not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<TraceError>,
    /// Parties whose misuse was on purpose.
    pub provoked: Vec<Party>,
    /// The order of effects that explains the history, or its longest part that has an
    /// explanation, if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<Vec<Effect>>,
}

impl Judged {
    /// What is known of a trace that could not be read at all.
    #[must_use]
    pub fn unread(error: TraceError) -> Self {
        Self { error: Some(error.clone()), ..Self::bare(Verdict::Unreadable { error }) }
    }

    /// What is known of a trace if whatever judges it panics.
    #[must_use]
    pub fn our_fault(message: String) -> Self {
        let undecided = Undecided { line: 0, why: Why::Fault { message } };
        Self::bare(Verdict::Inconclusive(Box::new(undecided)))
    }

    fn bare(verdict: Verdict) -> Self {
        Self {
            verdict,
            findings: Vec::new(),
            more_findings: 0,
            notes: Vec::new(),
            events: 0,
            clauses: Vec::new(),
            transitions: Transitions::default(),
            in_progress: Vec::new(),
            missing: None,
            error: None,
            provoked: Vec::new(),
            order: None,
        }
    }

    /// The same, if the trace could not be read to its end or had nothing in it.
    pub(crate) fn of_whole(mut self, error: Option<TraceError>) -> Self {
        let nothing = || TraceError {
            line: 2,
            column: 0,
            message: "the trace has no event: there is nothing to judge".to_owned(),
            text: String::new(),
        };
        let nothing_judged = self.events == 0 && self.error.is_none();
        let error = self.error.take().or(error).or_else(|| nothing_judged.then(nothing));
        if let (Verdict::Conformant, Some(error)) = (&self.verdict, &error) {
            self.verdict = Verdict::Unreadable { error: error.clone() };
        }
        Self { error, ..self }
    }

    /// What is said where a whole side is missing.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let party = self.missing?;
        let advice = match party {
            Party::Client => "record it, too, and put both together with `vdi join`".to_owned(),
            Party::Server | Party::Interface => {
                format!("the header has to say \"unseen\": [\"{party}\"]")
            }
        };
        Some(format!("there is no event of the {party}: if it was not recorded, {advice}"))
    }

    /// The findings that count: by a party in `parties`, and not on purpose.
    pub fn held_against<'a>(&'a self, parties: &'a [Party]) -> impl Iterator<Item = &'a Finding> {
        self.findings.iter().filter(move |finding| {
            parties.contains(&finding.party) && !self.provoked.contains(&finding.party)
        })
    }

    /// The exit code, when only `parties` gate.
    #[must_use]
    pub fn exit_code(&self, parties: &[Party]) -> u8 {
        match &self.verdict {
            Verdict::Violation(violation) if parties.contains(&violation.party) => {
                exit_code::VIOLATION
            }
            _ if self.held_against(parties).next().is_some() => exit_code::VIOLATION,
            Verdict::Inconclusive(undecided) => match undecided.why {
                Why::Fault { .. } => exit_code::INTERNAL,
                Why::Budget { .. }
                | Why::TooManyCalls { .. }
                | Why::NoClient
                | Why::SecondInterface
                | Why::WhichDevice => exit_code::INCONCLUSIVE,
            },
            Verdict::Unreadable { .. } => exit_code::BAD_INPUT,
            Verdict::Conformant | Verdict::Violation(_) if self.error.is_some() => {
                exit_code::BAD_INPUT
            }
            Verdict::Conformant | Verdict::Violation(_) => exit_code::CONFORMANT,
        }
    }
}
