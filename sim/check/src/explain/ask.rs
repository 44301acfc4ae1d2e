//! A question to the model: after these events, what may come of this call?

use std::fmt;

use super::candidates::Candidate;
use super::state::set_texts;
use super::verdict::{InputError, Verdict};
use crate::Checker;
use crate::partial;
use vdi_spec::clauses::{Clause, Profile, QUESTIONS, Reading};
use vdi_spec::codes::HRESULTS;
use vdi_trace::{Event, Name, Out, Trace, TraceError};

/// What may come of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The states of the sets before it, in words.
    pub states: Vec<String>,
    /// Everything that may come of it.
    pub outcomes: Vec<Candidate>,
    /// What may come of it under other readings than the profile's, where that differs.
    pub otherwise: Vec<(Reading, Vec<Candidate>)>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// An event of the history is not allowed: what follows it is not defined.
    #[error("line {line}: the history itself is not allowed: {got}")]
    Violated {
        /// The line, counted with the header.
        line: usize,
        /// What was seen.
        got: String,
    },
    /// An event of the history cannot have happened.
    #[error("line {line}: {message}")]
    History {
        /// The line, counted with the header.
        line: usize,
        /// Why not.
        message: String,
    },
    /// The call cannot be made here.
    #[error("{0}")]
    Call(String),
}

/// What may come of `call`, an event of that kind, after `history`.
///
/// ```
/// use vdi_check::ask;
/// use vdi_spec::clauses::Profile;
/// use vdi_trace::{Event, Trace};
///
/// let call: Event = serde_json::from_str(
///     r#"{"lane": "server.main", "call": "Close", "on": "sset"}"#,
/// )?;
/// let asked = ask(&Trace::default(), &Profile::default(), &call)?;
/// assert_eq!(asked.outcomes[0].clause.to_string(), "server.close.not-open");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The history is not allowed, or the call cannot be made after it.
pub fn ask(history: &Trace, profile: &Profile, call: &Event<'_>) -> Result<Asked, AskError> {
    let half = !history.header.unseen.is_empty();
    let states = match half {
        true => Vec::new(),
        false => {
            let sets = set_texts(&replayed(history, profile)?.session);
            sets.into_iter().map(|(name, state)| format!("{name}: {state}")).collect()
        }
    };
    let outcomes = candidates(history, profile, call)?;
    let mut otherwise = Vec::new();
    for reading in QUESTIONS.iter().flat_map(|row| row.question.readings()) {
        if profile.reading(reading.question) == reading {
            continue;
        }
        let mut other = profile.clone();
        other.choose(reading);
        // Under that reading the history may be impossible: nothing to compare then.
        if let Ok(others) = candidates(history, &other, call)
            && !same(&others, &outcomes)
        {
            otherwise.push((reading, others));
        }
    }
    Ok(Asked { states, outcomes, otherwise })
}

/// Whether two lists allow the same, whatever they rest on.
fn same(one: &[Candidate], other: &[Candidate]) -> bool {
    let key = |c: &Candidate| (c.status, c.delivers.clone(), c.tells.clone(), c.refuses, c.misuse);
    one.len() == other.len() && one.iter().zip(other).all(|(a, b)| key(a) == key(b))
}

/// What may come of a call after half a history: every answer for which there is an
/// explanation, with what it rests on.
fn half_candidates(
    history: &Trace,
    profile: &Profile,
    call: &Event<'_>,
    lane: &str,
) -> Result<Vec<Candidate>, AskError> {
    let header = &history.header;
    let checker = Checker::new(header, profile.clone());
    let mut events: Vec<(usize, Event<'static>)> =
        history.lines().map(|(line, event)| (line, event.clone())).collect();
    let judged = partial::judge(checker.clone(), header, &events);
    match judged.verdict {
        Verdict::Violation(violation) => {
            return Err(AskError::Violated { line: violation.line, got: violation.got });
        }
        Verdict::Unreadable { error } => {
            let TraceError { line, message, .. } = error;
            return Err(AskError::History { line, message });
        }
        Verdict::Inconclusive(_) | Verdict::Conformant => {}
    }
    let line = history.line(events.len());
    let mut call = call.clone().into_owned();
    // The history may be numbered, or not.
    call.set_seq(u64::MAX - 1);
    events.push((line, call));
    let begun = partial::judge(checker.clone(), header, &events);
    if let Some(error) = begun.error {
        return Err(AskError::Call(error.message));
    }
    let mut all: Vec<Candidate> = Vec::new();
    for status in HRESULTS.iter().map(|row| row.code) {
        let seq = Some(u64::MAX);
        let answer =
            Event::Return { seq, lane: Name::from(lane.to_owned()), status, out: Out::default() };
        events.push((line + 1, answer));
        let allowed = partial::judge(checker.clone(), header, &events);
        if matches!(allowed.verdict, Verdict::Conformant) {
            let before = partial::Tried::ALL.into_iter().filter_map(|tried| {
                partial::before_answer(checker.clone(), header, &events, tried)
            });
            for one in before.flat_map(|before| before.candidates_after_others(lane)) {
                let admits = one.status.is_some_and(|expected| expected.admits(status));
                if admits && !all.contains(&one) {
                    all.push(one);
                }
            }
        }
        events.pop();
    }
    Ok(all)
}

fn replayed(history: &Trace, profile: &Profile) -> Result<Checker, AskError> {
    let mut checker = Checker::new(&history.header, profile.clone());
    for (line, event) in history.lines() {
        match checker.event(line, event) {
            Ok(true) => {}
            Ok(false) => {
                let got = match checker.finish().verdict {
                    Verdict::Violation(violation) => violation.got,
                    Verdict::Inconclusive(undecided) => undecided.to_string(),
                    Verdict::Conformant | Verdict::Unreadable { .. } => event.to_string(),
                };
                return Err(AskError::Violated { line, got });
            }
            Err(InputError(message)) => return Err(AskError::History { line, message }),
        }
    }
    Ok(checker)
}

fn candidates(
    history: &Trace,
    profile: &Profile,
    call: &Event<'_>,
) -> Result<Vec<Candidate>, AskError> {
    let Event::Call { lane, .. } = call else {
        return Err(AskError::Call("only of a call can it be asked what it may return".to_owned()));
    };
    if !history.header.unseen.is_empty() {
        return half_candidates(history, profile, call, lane.as_str());
    }
    let mut checker = replayed(history, profile)?;
    checker
        .event(history.line(history.events.len()), call)
        .map_err(|InputError(message)| AskError::Call(message))?;
    Ok(checker.candidates(lane.as_str()))
}

fn outcomes_text(f: &mut fmt::Formatter<'_>, outcomes: &[Candidate]) -> fmt::Result {
    for outcome in outcomes {
        let status = match (outcome.status, &outcome.delivers, outcome.tells.as_slice()) {
            (Some(status), Some(command), _) => format!("{status} with {command}"),
            (Some(_), None, [shared]) => if *shared { "TRUE" } else { "FALSE" }.to_owned(),
            (Some(_), None, [_, ..]) => "TRUE or FALSE".to_owned(),
            (Some(status), None, []) => status.to_string(),
            (None, ..) => "stays in the call".to_owned(),
        };
        writeln!(f, "  {status:<20} {}", outcome.clause)?;
        let pad = " ".repeat(23);
        if outcome.exceptional {
            writeln!(f, "{pad}only when resources are short")?;
        }
        if outcome.refuses {
            writeln!(f, "{pad}after the command's callback on the calling lane")?;
        }
        for clause in outcome.also.into_iter().flatten() {
            writeln!(f, "{pad}and {clause}")?;
        }
        for clause in outcome.misuse.into_iter().flatten() {
            writeln!(f, "{pad}the {} breaks {clause}", Clause::party(clause))?;
        }
    }
    Ok(())
}

/// For people: the states, the outcomes with their clauses, and other readings.
impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for state in &self.states {
            writeln!(f, "state: {state}")?;
        }
        writeln!(f, "allowed:")?;
        outcomes_text(f, &self.outcomes)?;
        for (reading, outcomes) in &self.otherwise {
            writeln!(f, "under {reading}:")?;
            outcomes_text(f, outcomes)?;
        }
        Ok(())
    }
}
