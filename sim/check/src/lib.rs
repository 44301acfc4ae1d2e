//! A trace, judged: does it have an explanation that the documents allow?
//!
//! The checker takes the events one by one and keeps every state the model allows after
//! them. While each call begins when its set is at rest, calls take effect in the order
//! they were made, and mostly there is one state. Where calls overlap, it searches for
//! the orders of their effects, and of the steps of the interface and its agent, that
//! explain what was seen. If there are more than it was to examine, the verdict is
//! *inconclusive* and says what to raise. It is never a guess.
//!
//! Read first: [`Checker`], [`Judged`], [`Verdict`].
//!
//! | module | subject |
//! | --- | --- |
//! | `events` | each event, handed to what judges it |
//! | `session` | whose call is this: names, handles, sets, devices, commands, lives |
//! | `dispatch` | which of the two ways an event is judged |
//! | `sequential` | while calls begin at rest: in order |
//! | `lives` | calls that are of one life of a set or of the next |
//! | `linearize` | where calls overlap: the search |
//! | `rules` | obligations beside the model's outcomes |
//! | `partial` | the calls of a side that was not seen |
//! | `explain` | verdicts in words, candidates, readings |

mod checker;
mod dispatch;
mod events;
mod explain;
mod linearize;
mod lives;
mod own_fault;
mod partial;
mod rules;
mod sequential;
mod session;
mod surplus;
mod taken;
mod terms;

pub use checker::Checker;
pub use explain::{
    Allowed, AskError, Asked, Attempt, Candidate, Effect, Finding, InputError, Judged, LaneChoices,
    Note, OwedCallback, StillOpen, Transitions, Undecided, Verdict, Violation, Why, ask,
    describe_state, exit_code, text,
};
pub use own_fault::guarded;
pub use terms::BUDGET;

use std::collections::BTreeMap;
use std::io::BufRead;

use vdi_spec::clauses::Profile;
use vdi_trace::{Trace, TraceReader};

/// Judges a trace as it is read. Memory does not grow with its length, unless a side is
/// `unseen`.
///
/// ```
/// use vdi_check::{Verdict, check_reader};
/// use vdi_spec::clauses::Profile;
///
/// let trace = concat!(
///     r#"{"vdi":"trace/1"}"#, "\n",
///     r#"{"lane":"server.main","call":"Close","on":"sset"}"#, "\n",
///     r#"{"lane":"server.main","return":"NOERROR"}"#, "\n",
/// );
/// let judged = check_reader(trace.as_bytes(), &Profile::default());
/// let Verdict::Violation(violation) = judged.verdict else { panic!("no set is open") };
/// assert_eq!(violation.clause.to_string(), "server.close.not-open");
/// ```
#[must_use]
pub fn check_reader(input: impl BufRead, profile: &Profile) -> Judged {
    check_reader_with(input, profile, |checker| checker)
}

/// The same with a checker that `prepare` has set up, as by [`Checker::with_budget`].
#[must_use]
pub fn check_reader_with(
    input: impl BufRead,
    profile: &Profile,
    prepare: impl FnOnce(Checker) -> Checker,
) -> Judged {
    match TraceReader::new(input) {
        Ok(reader) => check_lines(reader, profile, prepare),
        Err(error) => Judged::unread(error),
    }
}

/// The same of a reader that has read the header.
#[must_use]
pub fn check_lines(
    mut reader: TraceReader<impl BufRead>,
    profile: &Profile,
    prepare: impl FnOnce(Checker) -> Checker,
) -> Judged {
    let mut checker = prepare(Checker::new(reader.header(), profile.clone()));
    if !reader.header().unseen.is_empty() {
        return check_half(checker, reader);
    }
    loop {
        match reader.next_line() {
            Ok(Some(line)) => {
                checker.note_elapsed(line.elapsed);
                match checker.event(line.number, &line.event) {
                    Ok(true) => {}
                    Ok(false) => return checker.finish(),
                    Err(error) => {
                        return checker.finish_with(error.at(line.number, &line.event));
                    }
                }
            }
            Ok(None) => return checker.finish().of_whole(None),
            Err(error) => return checker.finish_with(error),
        }
    }
}

/// Judges the half of a history that was seen. It is read as a whole first: what a server
/// did depends on what its client saw later.
fn check_half(checker: Checker, mut reader: TraceReader<impl BufRead>) -> Judged {
    let (mut events, mut times) = (Vec::new(), BTreeMap::new());
    let unread = loop {
        match reader.next_line() {
            Ok(Some(line)) => {
                times.extend(line.elapsed.map(|elapsed| (line.number, elapsed)));
                events.push((line.number, line.event.into_owned()));
            }
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    partial::judge(checker.with_times(times), reader.header(), &events).of_whole(unread)
}

/// Judges a trace in memory. Lines are counted as in its file, blank ones too: the header is
/// in line 1.
#[must_use]
pub fn check_trace(trace: &Trace, profile: &Profile) -> Judged {
    check_trace_with(Checker::new(&trace.header, profile.clone()), trace)
}

/// Judges a trace in memory with a checker that has seen nothing yet.
#[must_use]
pub fn check_trace_with(checker: Checker, trace: &Trace) -> Judged {
    let checker = checker.with_times(trace.times().collect());
    if !trace.header.unseen.is_empty() {
        let lines = trace.lines().map(|(line, event)| (line, event.clone())).collect::<Vec<_>>();
        return partial::judge(checker, &trace.header, &lines).of_whole(None);
    }
    checker.judge_all(trace.lines()).of_whole(None)
}
