//! What came of a world, and whether that is as it should be.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::campaign::coverage::Clauses;
use crate::faults::injected::{Fault, Injected};
use crate::observe::observer::Log;
use crate::options::Options;
use vdi_check::{Finding, Judged, Verdict, Violation};
use vdi_spec::clauses::{Clause, Party};
use vdi_trace::Function;

/// How a world came to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// Every lane came to its end.
    Done,
    /// Nothing could go on: these lanes wait.
    Stuck(Vec<String>),
    /// It took more steps than it may.
    TooLong,
    /// The judge had reached its verdict before.
    Judged,
}

/// How a statement ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StatementEnd {
    /// Every set's succeeded.
    Succeeded,
    /// At least one failed.
    Failed,
    /// At least one had no end.
    Unended,
    /// It was not begun.
    NotBegun,
}

impl fmt::Display for StatementEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Unended => "without end",
            Self::NotBegun => "not begun",
        })
    }
}

/// Data that is not what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Loss {
    /// The set, counted from 0.
    pub set: u8,
    /// The device, counted from 0.
    pub device: u8,
    /// The first byte of its stream that is not there, or is another.
    pub at: u64,
    /// Whether the RESTORE gave it, or else the medium lacks it.
    pub restored: bool,
}

/// How much happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Picks of the scheduler.
    pub steps: u32,
    /// Steps of the model, or of the implementation: calls, returns, callbacks, time-outs,
    /// ends of processes.
    pub model_steps: u64,
    /// Calls.
    pub calls: u64,
    /// Commands called back.
    pub commands: u64,
    /// Milliseconds of virtual time.
    pub milliseconds: u64,
}

/// Something in a world that should not be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", tag = "problem")]
pub enum Problem {
    /// The interface did what no document allows.
    Violation {
        /// The broken clause.
        clause: String,
        /// What was seen.
        what: String,
    },
    /// The judge could not decide: calls overlapped.
    Undecided {
        /// What was seen.
        what: String,
    },
    /// Server or client broke an obligation.
    Fault {
        /// The broken clause.
        clause: String,
        /// What was done.
        what: String,
    },
    /// Data was lost, although the statement succeeded.
    Loss(Loss),
    /// The client reported a success that was none.
    FalseSuccess,
    /// Nothing went on.
    Stuck {
        /// The lanes that wait, with the calls they are in.
        lanes: Vec<String>,
    },
    /// The bound on steps was reached.
    TooLong,
    /// The statement failed although nothing went wrong.
    Unexplained,
    /// A client of one's own could not go on.
    Broken {
        /// Why.
        what: String,
    },
    /// The adapter of the implementation could not go on.
    Adapter {
        /// Why.
        what: String,
    },
    /// The simulator made a trace that cannot be.
    Ours {
        /// What is wrong with it.
        what: String,
    },
}

impl Problem {
    /// The class of what could not be decided.
    pub const UNDECIDED: &'static str = "undecided";
    /// The class of what is our own fault.
    pub const OURS: &'static str = "our own fault";

    /// What tells it from another: its kind, and the clause.
    #[must_use]
    pub fn class(&self) -> String {
        match self {
            Self::Violation { clause, .. } => format!("violation of {clause}"),
            Self::Undecided { .. } => Self::UNDECIDED.to_owned(),
            Self::Fault { clause, .. } => format!("fault against {clause}"),
            Self::Loss(_) => "loss of data".to_owned(),
            Self::FalseSuccess => "false success".to_owned(),
            Self::Stuck { .. } => "stuck".to_owned(),
            Self::TooLong => "too long".to_owned(),
            Self::Unexplained => "unexplained failure".to_owned(),
            Self::Broken { .. } => "broken client".to_owned(),
            Self::Adapter { .. } => "adapter trouble".to_owned(),
            Self::Ours { .. } => Self::OURS.to_owned(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Violation { clause, what } => write!(f, "violation of {clause}: {what}"),
            Self::Undecided { what } => write!(f, "undecided: {what}"),
            Self::Fault { clause, what } => write!(f, "fault against {clause}: {what}"),
            Self::Loss(Loss { set, device, at, restored }) => {
                let where_ = if *restored { "RESTORE gave" } else { "the medium has" };
                let (set, device) = (set + 1, device + 1);
                write!(
                    f,
                    "loss of data: from byte {at} of device {device} of set {set} on \
                    {where_} something else than was backed up"
                )
            }
            Self::FalseSuccess => f.write_str("the client reported a success that was none"),
            Self::Stuck { lanes } => write!(f, "no progress: {} wait", lanes.join(", ")),
            Self::TooLong => f.write_str("the bound on steps was reached"),
            Self::Unexplained => f.write_str("the statement failed although nothing went wrong"),
            Self::Broken { what } => write!(f, "the client broke down: {what}"),
            Self::Adapter { what } => write!(f, "the adapter {what}"),
            Self::Ours { what } => write!(f, "our own fault: {what}"),
        }
    }
}

/// What has interfered with the programs of a world.
#[derive(Clone, Debug, Default)]
pub struct Interference {
    /// The faults that came.
    pub injected: Injected,
    /// The functions called out of the order by which others may have been disturbed.
    pub misused: Vec<Function>,
}

/// What came of a world.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Its seed.
    pub seed: u64,
    /// Its options.
    pub options: Options,
    /// How the BACKUP ended.
    pub backup: StatementEnd,
    /// How the RESTORE ended.
    pub restore: StatementEnd,
    /// How the world ended.
    pub ended: Ended,
    /// What should not be. Of a world with a deviant client: what that client has not to
    /// answer for.
    pub problems: Vec<Problem>,
    /// What a deviant client has done, as it showed.
    pub shown: Vec<Problem>,
    /// What has interfered with its programs.
    pub interference: Interference,
    /// How much happened.
    pub counts: Counts,
    /// What the oracle said, if it was asked.
    pub judged: Option<Judged>,
    /// The trace, if it was kept.
    pub log: Option<Log>,
    /// What was met of the model, if that was the backend.
    pub met: Clauses,
}

impl Outcome {
    /// What is known of a world in which the simulator itself, or what it drives in this
    /// process, has panicked: that, and nothing else.
    #[must_use]
    pub fn our_fault(seed: u64, options: &Options, what: String) -> Self {
        Self {
            seed,
            options: *options,
            backup: StatementEnd::Unended,
            restore: StatementEnd::Unended,
            ended: Ended::Judged,
            problems: vec![Problem::Ours { what }],
            shown: Vec::new(),
            interference: Interference::default(),
            counts: Counts::default(),
            judged: None,
            log: None,
            met: Clauses::default(),
        }
    }

    /// Whether everything was as it should be.
    #[must_use]
    pub const fn is_good(&self) -> bool {
        self.problems.is_empty()
    }

    /// How the world ended, in words, with the lanes that wait.
    #[must_use]
    pub fn ending(&self) -> String {
        match &self.ended {
            Ended::Done => "every lane came to its end".to_owned(),
            Ended::TooLong => "the bound on steps was reached".to_owned(),
            Ended::Judged => "the verdict was reached before the end".to_owned(),
            Ended::Stuck(lanes) => {
                let lanes = lanes.join(", ");
                match self.interference.misused.as_slice() {
                    [] => format!("stuck: {lanes} wait"),
                    calls => {
                        let calls: Vec<_> = calls.iter().map(|call| call.name()).collect();
                        let calls = calls.join(", ");
                        format!("stuck, as odd calls may bring about ({calls}): {lanes} wait")
                    }
                }
            }
        }
    }
}

/// What is known when a world has ended.
#[derive(Debug, Default)]
pub(crate) struct Evidence<'a> {
    pub(crate) injected: Injected,
    /// The functions called out of the order by which others may have been disturbed.
    pub(crate) misused: &'a [Function],
    pub(crate) losses: Vec<Loss>,
    pub(crate) false_success: bool,
    pub(crate) error: Option<String>,
    /// The line that tells of the death of the primary client's process.
    pub(crate) primary_died: Option<usize>,
    /// Why a client of one's own could not go on.
    pub(crate) broken: Option<String>,
}

/// Sorts what was seen into what should not be, and what a deviant client has shown.
pub(crate) fn weigh(
    options: &Options,
    ended: &Ended,
    results: [StatementEnd; 2],
    judged: Option<&Judged>,
    evidence: Evidence<'_>,
) -> (Vec<Problem>, Vec<Problem>) {
    let (mut problems, mut shown) = (Vec::new(), Vec::new());
    let deviant = options.deviation.is_some();
    let verdict = judged.map(|judged| &judged.verdict);
    let seen = |violation: &Violation| format!("{}, line {}", violation.got, violation.line);
    problems.extend(match verdict {
        Some(Verdict::Violation(violation)) => {
            let clause = violation.clause.to_string();
            Some(Problem::Violation { clause, what: seen(violation) })
        }
        Some(Verdict::Inconclusive(undecided)) => {
            let what = format!("from line {}: {:?}", undecided.line, undecided.why);
            Some(Problem::Undecided { what })
        }
        Some(Verdict::Conformant | Verdict::Unreadable { .. }) | None => None,
    });
    let broken = evidence.broken.is_some();
    problems.extend(evidence.broken.map(|what| Problem::Broken { what }));
    problems.extend(evidence.error.map(|what| Problem::Ours { what }));
    let odd = options.odd_calls > 0;
    // Whoever calls out of the order breaks obligations, and is provoked to.
    let findings = judged.filter(|_| !odd).map_or(&[][..], |judged| &judged.findings);
    for Finding { line, party, clause, what, .. } in findings {
        let fault = Problem::Fault { clause: clause.to_string(), what: what.clone() };
        let excused = options.deviation.is_some_and(|deviation| {
            *party == Party::Client || deviation.clauses().contains(clause)
        });
        let orphaned = evidence.primary_died.is_some_and(|at| *line >= at);
        if broken && is_beyond_help(*clause) || orphaned && is_unknowing(*clause) {
            continue;
        }
        if excused { shown.push(fault) } else { problems.push(fault) }
    }
    let of_client = if deviant { &mut shown } else { &mut problems };
    let losses = evidence.losses.into_iter().filter(|_| !tampers(evidence.misused));
    of_client.extend(losses.map(Problem::Loss));
    if evidence.false_success {
        of_client.push(Problem::FalseSuccess);
    }
    match ended {
        // Who closed, aborted or took away what others wait for has stopped them; calls out of
        // the order that had no such effect are no excuse.
        Ended::Stuck(_) if !evidence.misused.is_empty() => {}
        Ended::Stuck(lanes) => of_client.push(Problem::Stuck { lanes: lanes.clone() }),
        Ended::TooLong => of_client.push(Problem::TooLong),
        Ended::Done | Ended::Judged => {}
    }
    let failed = results.contains(&StatementEnd::Failed);
    let mut injected = evidence.injected;
    if evidence.misused.is_empty() {
        // What was called out of the order can have disturbed nobody.
        injected.remove(Fault::OddCalls);
    }
    if deviant {
        // Nothing else is slow beside a client that deviates.
        injected.remove(Fault::TimeOut);
    }
    if failed && !broken && !injected.explains_failure() {
        of_client.push(Problem::Unexplained);
    }
    (problems, shown)
}

/// Whether calls out of the order may have touched the data of a backup. A command that is
/// taken from the thread that serves the device, or completed in its place, is told to the
/// server as done though nothing was stored; a buffer that is freed may be given away while
/// its bytes are under way. Nothing else that is called out of the order comes near them.
fn tampers(misused: &[Function]) -> bool {
    let near = [Function::GetCommand, Function::CompleteCommand, Function::FreeBuffer];
    misused.iter().any(|function| near.contains(function))
}

/// What a client cannot help whose primary process was killed: its threads could not
/// go on to abort the set, and its secondaries do not know yet.
fn is_beyond_help(clause: Clause) -> bool {
    let beyond_help = [
        Clause::ClientOrder,
        Clause::ClientGetConfigurationAfterFailure,
        Clause::ClientBufferControlAfterAbort,
    ];
    beyond_help.contains(&clause)
}

/// What a client cannot help whose primary process has died: it may have been about to
/// abort, and a secondary may yet open the set.
const fn is_unknowing(clause: Clause) -> bool {
    matches!(clause, Clause::ClientGetConfigurationAfterFailure | Clause::ClientOrder)
}

/// The clauses of a list of problems.
pub(crate) fn clauses_of(problems: &[Problem]) -> impl Iterator<Item = Clause> + '_ {
    problems.iter().filter_map(|problem| match problem {
        Problem::Violation { clause, .. } | Problem::Fault { clause, .. } => clause.parse().ok(),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options_of;

    /// The classes of what should not be in a world with calls out of the order that ended
    /// so.
    fn classes(ended: &Ended, misused: &[Function]) -> Vec<String> {
        let options = Options { odd_calls: 4, deviation: None, ..options_of(0) };
        let loss = Loss { set: 0, device: 0, at: 0, restored: true };
        let evidence =
            Evidence { losses: vec![loss], misused, false_success: true, ..Evidence::default() };
        let results = [StatementEnd::Failed, StatementEnd::NotBegun];
        let injected = Injected::of(Fault::OddCalls);
        let (problems, _) =
            weigh(&options, ended, results, None, Evidence { injected, ..evidence });
        problems.iter().map(Problem::class).collect()
    }

    #[test]
    fn calls_out_of_the_order_excuse_what_they_can_bring_about() {
        let stuck = Ended::Stuck(vec!["server.main in no call".to_owned()]);
        let (loss, lie) = ("loss of data", "false success");
        let all = [loss, lie, "stuck", "unexplained failure"];
        assert_eq!(classes(&stuck, &[]), all);
        assert_eq!(classes(&stuck, &[Function::Close]), [loss, lie]);
        assert_eq!(classes(&stuck, &[Function::GetCommand]), [lie]);
        assert_eq!(classes(&Ended::TooLong, &[Function::Close]), [loss, lie, "too long"]);
    }
}
