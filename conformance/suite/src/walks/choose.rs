//! Which walks an ordinary run takes: of many, those in which most meets for the time they take.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::ops::Range;

use super::meetings::{self, Meetings};
use super::{pairs, racing_walk, walk};
use crate::adapter::{Limits, Reference};
use crate::run::{SuiteOptions, Verdict, run_suite};
use crate::scenario::Scenario;
use vdi_spec::clauses::Profile;

/// The numbers of the walks that an ordinary run takes, as [`choose`] has chosen them.
const CHOSEN: &str = include_str!("chosen.txt");

/// The same of walks with races, as [`choose_racing`] has.
const CHOSEN_RACING: &str = include_str!("chosen-racing.txt");

/// How many are looked at together.
const BLOCK: usize = 256;

/// A walk that can be chosen.
struct Candidate {
    meetings: Meetings,
    events: usize,
}

/// The numbers of the walks that an ordinary run takes, the most fruitful first.
///
/// ```
/// let usual = vdi_suite::walks::usual();
/// assert!(usual.len() > 100);
/// ```
#[must_use]
pub fn usual() -> Vec<u64> {
    CHOSEN.split_whitespace().filter_map(|number| number.parse().ok()).collect()
}

/// The numbers of the walks with races that an ordinary run takes, the most fruitful first.
///
/// ```
/// assert!(vdi_suite::walks::usual_racing().len() > 20);
/// ```
#[must_use]
pub fn usual_racing() -> Vec<u64> {
    CHOSEN_RACING.split_whitespace().filter_map(|number| number.parse().ok()).collect()
}

/// Of the walks of these numbers those that are worth their time, until they come to so many
/// events: each, as the plain implementation takes it, lets most meet for its length that has
/// met in none before.
#[must_use]
pub fn choose(numbers: Range<u64>, events: usize) -> Vec<u64> {
    most_fruitful(&candidates(&numbers.collect::<Vec<_>>()), events)
}

/// The same of walks with races, until they come to so many steps: what races with what, after
/// and before what, is told by the walks themselves.
#[must_use]
pub fn choose_racing(numbers: Range<u64>, steps: usize) -> Vec<u64> {
    most_fruitful(&racing_candidates(&numbers.collect::<Vec<_>>()), steps)
}

fn most_fruitful(candidates: &BTreeMap<u64, Candidate>, events: usize) -> Vec<u64> {
    let mut met = Meetings::new();
    let worth = |candidate: &Candidate, met: &Meetings| {
        candidate.meetings.difference(met).count() * 1_000_000 / candidate.events
    };
    let mut heap: BinaryHeap<(usize, Reverse<u64>)> = candidates
        .iter()
        .map(|(number, candidate)| (worth(candidate, &met), Reverse(*number)))
        .collect();
    let (mut chosen, mut taken) = (Vec::new(), 0);
    while let Some((_, Reverse(number))) = heap.pop() {
        let candidate = &candidates[&number];
        let now = worth(candidate, &met);
        // What is left is worth no more than it was.
        if heap.peek().is_some_and(|(next, _)| *next > now) {
            heap.push((now, Reverse(number)));
            continue;
        }
        if now == 0 || taken + candidate.events > events {
            break;
        }
        taken += candidate.events;
        met.extend(&candidate.meetings);
        chosen.push(number);
    }
    chosen
}

/// How much races in the walks of these numbers, and how many steps they come to.
#[must_use]
pub fn raced(numbers: &[u64]) -> (usize, usize) {
    all(racing_candidates(numbers))
}

/// How much meets in the walks of these numbers, and how many events they come to.
#[must_use]
pub fn met(numbers: &[u64]) -> (usize, usize) {
    all(candidates(numbers))
}

fn all(candidates: BTreeMap<u64, Candidate>) -> (usize, usize) {
    let mut all = Meetings::new();
    let mut events = 0;
    for candidate in candidates.into_values() {
        events += candidate.events;
        all.extend(candidate.meetings);
    }
    (all.len(), events)
}

fn racing_candidates(numbers: &[u64]) -> BTreeMap<u64, Candidate> {
    let candidate = |number: &u64| {
        let walk = racing_walk(*number);
        (*number, Candidate { meetings: pairs::of(&walk), events: walk.steps.len().max(1) })
    };
    numbers.iter().map(candidate).collect()
}

/// What comes of walks by the plain implementation, without those that are not decided.
fn candidates(numbers: &[u64]) -> BTreeMap<u64, Candidate> {
    let options = SuiteOptions {
        profile: Profile::default(),
        limits: Limits::default(),
        jobs: 2,
        max_fail: None,
    };
    let mut candidates = BTreeMap::new();
    for block in numbers.chunks(BLOCK) {
        let walks: Vec<Scenario> = block.iter().map(|number| walk(*number)).collect();
        let all: Vec<&Scenario> = walks.iter().collect();
        for result in run_suite(&Reference::adapter(), &all, &options, &|_| {}) {
            let number = super::number(&result.id, super::FOLDER);
            if let (Verdict::Conformant, Some(number)) = (&result.verdict, number) {
                let meetings = meetings::of(&result.trace);
                let events = result.trace.events.len().max(1);
                candidates.insert(number, Candidate { meetings, events });
            }
        }
    }
    candidates
}
