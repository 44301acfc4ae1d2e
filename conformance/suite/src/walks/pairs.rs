//! What races with what in a walk, and what comes before and after: a defect of a race shows only
//! where the two meet that it is about, and somebody looks.

use std::hash::BuildHasher;

use rustc_hash::FxBuildHasher;

use super::meetings::{Meetings, sort};
use crate::scenario::{Action, Scenario, StepCall};

/// What races in a walk, as numbers.
pub(super) fn of(walk: &Scenario) -> Meetings {
    let mut found = Meetings::new();
    let mut note = |one: &str, other: &str| {
        found.insert(FxBuildHasher.hash_one((one, other)));
    };
    let mut before: Vec<String> = Vec::new();
    let mut races: Vec<String> = Vec::new();
    for step in &walk.steps {
        let racers = match &step.action {
            Action::Together { together, .. } => &together[..],
            action => std::slice::from_ref(action),
        };
        let kinds: Vec<String> = racers.iter().map(kind).collect();
        // What comes after a race.
        races.iter().for_each(|race| kinds.iter().for_each(|kind| note(race, kind)));
        races = pairs(racers);
        for race in &races {
            note(race, "");
            before.iter().for_each(|one| note(one, race));
        }
        before = kinds;
    }
    found
}

/// Each two of them, and whether they are about the same object.
fn pairs(racers: &[Action]) -> Vec<String> {
    let mut pairs = Vec::new();
    for (at, one) in racers.iter().enumerate() {
        for other in &racers[at + 1..] {
            let mut two = [kind(one), kind(other)];
            two.sort_unstable();
            pairs.push(format!("{} {} {}", two[0], two[1], relation(one, other)));
        }
    }
    pairs
}

fn relation(one: &Action, other: &Action) -> &'static str {
    let (Some(one), Some(other)) = (StepCall::of(one), StepCall::of(other)) else { return "" };
    match (one.on == other.on, one.lane.process() == other.lane.process()) {
        (true, _) => "of one object",
        (false, true) => "of one process",
        (false, false) => "",
    }
}

/// Who does what, with the sort of its arguments.
fn kind(action: &Action) -> String {
    match (StepCall::of(action), action) {
        (Some(call), _) => {
            let party = super::meetings::party(call.lane.process());
            format!("{party} {}{}", call.function, sort(call.function, call.args))
        }
        (None, Action::Exit { exit, .. }) => format!("{} ends", super::meetings::party(*exit)),
        (None, Action::Touch { .. }) => "touch".to_owned(),
        (None, _) => String::new(),
    }
}
