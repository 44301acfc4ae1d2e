//! What a drawing is made of: a trace, its verdict, and the states on the way.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use vdi_check::{Checker, Effect, Finding, Judged, StillOpen, Verdict};
use vdi_model::{ClientPhase, DeviceSetState, ServerPhase};
use vdi_spec::clauses::{Clause, Profile};
use vdi_trace::{Event, Trace};

/// Events that a drawing has at most: of a longer trace those before the verdict.
pub const MOST: usize = 100_000;

/// A trace with its verdict, as the page's script draws it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Drawing {
    events: Vec<Event<'static>>,
    /// The line of each event.
    lines: Vec<usize>,
    /// Milliseconds since some moment, by line, as far as the trace tells them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    times: Vec<(usize, u64)>,
    verdict: Verdict,
    findings: Vec<Finding>,
    order: Vec<Effect>,
    open: Vec<StillOpen>,
    /// The words of which states are made.
    words: Vec<String>,
    /// Each set with its state, as [`by_difference`] writes it: the name, then the parts, all of
    /// them numbers of words.
    sets: Vec<Vec<usize>>,
    /// States of all sets, as numbers of `sets`.
    states: Vec<Vec<usize>>,
    /// The state before each event, as a number of `states`; none of a trace with an unseen side.
    before: Vec<usize>,
    /// The readings by which it was judged.
    #[serde(skip)]
    profile: Profile,
}

impl Drawing {
    /// Draws a trace with its verdict. The checker, which has seen nothing yet, tells the states
    /// on the way.
    #[must_use]
    pub fn new(trace: &Trace, judged: &Judged, checker: Checker) -> Self {
        let until = match &judged.verdict {
            Verdict::Violation(violation) => violation.line,
            Verdict::Inconclusive(undecided) => undecided.line,
            Verdict::Conformant | Verdict::Unreadable { .. } => usize::MAX,
        };
        let end = trace.lines().take_while(|(line, _)| *line <= until).count();
        let window = end.saturating_sub(MOST)..trace.events.len().min(end.max(MOST));
        let mut interned = Interned::default();
        let profile = checker.profile().clone();
        let before = match trace.header.unseen.is_empty() {
            true => interned.states(trace, checker, window.clone()),
            false => Vec::new(),
        };
        let lines: Vec<usize> = window.clone().map(|index| trace.line(index)).collect();
        let (first, last) = (lines.first().copied(), lines.last().copied());
        let within = |line: usize| Some(line) >= first && Some(line) <= last;
        let order = judged.order.iter().flatten();
        Self {
            events: trace.events[window].to_vec(),
            lines,
            times: trace.times().filter(|(line, _)| within(*line)).collect(),
            verdict: judged.verdict.clone(),
            findings: judged.findings.clone(),
            order: order.filter(|effect| within(effect.after)).cloned().collect(),
            open: judged.in_progress.clone(),
            words: interned.words.in_order(),
            sets: by_difference(&interned.sets.in_order()),
            states: interned.states.in_order(),
            before,
            profile,
        }
    }

    /// The readings by which it was judged.
    pub(crate) const fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The clauses that it names.
    pub(crate) fn clauses(&self, into: &mut BTreeSet<Clause>) {
        if let Verdict::Violation(violation) = &self.verdict {
            into.insert(violation.clause);
            into.extend(violation.expected.iter().map(|allowed| allowed.clause));
            let lanes = violation.attempts.iter().flat_map(|attempt| &attempt.lanes);
            into.extend(lanes.flat_map(|lane| lane.could.iter().map(|allowed| allowed.clause)));
        }
        into.extend(self.findings.iter().map(|finding| finding.clause));
        into.extend(self.order.iter().filter_map(|effect| effect.clause));
        into.extend(self.open.iter().flat_map(|open| open.ends.iter().map(|end| end.clause)));
    }
}

/// The states of a set, and the phases of server and client, in the order of a life.
pub(crate) fn machines() -> [Vec<String>; 3] {
    use {ClientPhase as Client, DeviceSetState as Set, ServerPhase as Server};
    let set = [Set::Closed, Set::Open, Set::DevicesOpen, Set::Aborted];
    let server = [
        Server::DoesNotExist,
        Server::Connected,
        Server::Configurable,
        Server::Initializing,
        Server::Active,
        Server::NormallyTerminated,
        Server::AbnormallyTerminated,
    ];
    let client = [
        Client::DoesNotExist,
        Client::Configurable,
        Client::Initializing,
        Client::Active,
        Client::NormallyTerminated,
        Client::Abort,
    ];
    [
        set.map(|state| state.to_string()).to_vec(),
        server.map(|phase| phase.to_string()).to_vec(),
        client.map(|phase| phase.to_string()).to_vec(),
    ]
}

/// What is equal once, by the number by which it is called.
#[derive(Debug)]
struct Numbered<T>(BTreeMap<T, usize>);

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T: Ord> Numbered<T> {
    fn number(&mut self, of: T) -> usize {
        let next = self.0.len();
        *self.0.entry(of).or_insert(next)
    }

    fn in_order(self) -> Vec<T> {
        let mut all: Vec<(T, usize)> = self.0.into_iter().collect();
        all.sort_by_key(|(_, number)| *number);
        all.into_iter().map(|(of, _)| of).collect()
    }
}

/// How many lists may follow one another by their differences alone.
const CHAIN: usize = 64;

/// Lists of numbers, each by what it has in common with the one before: `[1, front, back, …]`
/// keeps so many of its first and last numbers, with these between them; `[0, …]` is written as
/// it is, and so is every 64th. A state differs from the one before in one part, mostly.
fn by_difference(lists: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let written = |(index, list): (usize, &Vec<usize>)| {
        let before = index.checked_sub(1).filter(|_| !index.is_multiple_of(CHAIN));
        let Some(before) = before.map(|before| &lists[before]) else {
            return [&[0], &list[..]].concat();
        };
        let shorter = list.len().min(before.len());
        let same = |(one, other): &(&usize, &usize)| one == other;
        let front = list.iter().zip(before).take_while(same).count();
        let ends = list.iter().rev().zip(before.iter().rev()).take_while(same).count();
        let back = ends.min(shorter - front);
        [&[1, front, back], &list[front..list.len() - back]].concat()
    };
    lists.iter().enumerate().map(written).collect()
}

#[derive(Debug, Default)]
struct Interned {
    words: Numbered<String>,
    sets: Numbered<Vec<usize>>,
    states: Numbered<Vec<usize>>,
}

impl Interned {
    /// The number of the state before each event in the window, up to the verdict.
    fn states(
        &mut self,
        trace: &Trace,
        mut checker: Checker,
        window: std::ops::Range<usize>,
    ) -> Vec<usize> {
        let mut before = Vec::new();
        for (index, (line, event)) in trace.lines().enumerate().take(window.end) {
            if window.contains(&index) {
                let sets = checker.sets().into_iter();
                let sets = sets.map(|(name, state)| self.set(name, &state)).collect();
                before.push(self.states.number(sets));
            }
            if !matches!(checker.event(line, event), Ok(true)) {
                break;
            }
        }
        before
    }

    fn set(&mut self, name: String, state: &str) -> usize {
        let mut parts = vec![self.words.number(name)];
        parts.extend(state.split(" · ").map(|part| self.words.number(part.to_owned())));
        self.sets.number(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the script reads them.
    fn read(written: &[Vec<usize>], index: usize) -> Vec<usize> {
        let [1, front, back, between @ ..] = &written[index][..] else {
            return written[index][1..].to_vec();
        };
        let before = read(written, index - 1);
        [&before[..*front], between, &before[before.len() - back..]].concat()
    }

    #[test]
    fn what_is_written_by_difference_is_read_again() {
        let mut lists: Vec<Vec<usize>> =
            (0..200).map(|i| (0..20).map(|j| if j == i % 20 { i } else { 7 }).collect()).collect();
        lists.extend([vec![], vec![1], vec![1, 1], vec![1], vec![1, 1, 1], vec![2, 1, 1, 2]]);
        let written = by_difference(&lists);
        for (index, list) in lists.iter().enumerate() {
            assert_eq!(read(&written, index), *list, "{index}");
        }
        assert!(written.iter().map(Vec::len).sum::<usize>() < 200 * 10);
    }
}
