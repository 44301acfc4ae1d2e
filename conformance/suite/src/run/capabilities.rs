//! What a scenario needs an adapter to offer, and what its trace tells.

use std::collections::BTreeSet;

use vdi_spec::clauses::Party;
use vdi_trace::{Function, LaneName, Process, Recorded};

use crate::adapter::protocol::{Hello, Offer, role};
use crate::scenario::{Action, Scenario, Step, expand};

/// What its trace tells without a gap.
pub(super) fn records(scenario: &Scenario, time_is_told: bool) -> Vec<Recorded> {
    let mut records = scenario.records.clone();
    if time_is_told {
        records.push(Recorded::Time);
    }
    records
}

/// Milliseconds for which nobody waits by a real clock.
const LONG: u32 = 10_000;

/// A function as it is named where somebody does not offer it: `server.Open`.
pub(super) fn function_word(process: Process, function: Function) -> String {
    format!("{}.{function}", role(process))
}

/// Set interfaces besides those that there are from the start, as they are named where an
/// adapter does not make them.
const INTERFACES: &str = "interfaces";

/// The first thing that a scenario, of these steps, needs and an adapter does not offer, in
/// a word.
pub(super) fn lacking(scenario: &Scenario, steps: &[Step], hello: &Hello) -> Option<String> {
    if !scenario.interfaces.is_empty() && !hello.makes_interfaces() {
        return Some(INTERFACES.to_owned());
    }
    let missing = needed_offers(steps).into_iter().find(|offer| !hello.has(*offer));
    missing.map(Offer::word).map(str::to_owned).or_else(|| {
        let called =
            |(process, function): &(Process, Function)| !hello.has_function(*process, *function);
        let missing = needed_functions(steps).into_iter().find(called);
        missing.map(|(process, function)| function_word(process, function))
    })
}

/// The halves of the interface that a scenario needs: `server`, `client`.
#[must_use]
pub fn needed_roles(scenario: &Scenario) -> BTreeSet<&'static str> {
    let (steps, _) = expand(scenario);
    let is_role = |offer: &Offer| matches!(offer, Offer::Server | Offer::Client);
    needed_offers(&steps).into_iter().filter(is_role).map(Offer::word).collect()
}

fn side(lane: &LaneName) -> Offer {
    match lane.process().party() {
        Party::Client => Offer::Client,
        Party::Server | Party::Interface => Offer::Server,
    }
}

/// What steps need an adapter to offer.
fn needed_offers(steps: &[Step]) -> BTreeSet<Offer> {
    fn of(action: &Action) -> Vec<Offer> {
        match action {
            Action::Call { lane, args, .. } | Action::Start { lane, args, .. } => {
                let hold = (args.hold == Some(true)).then_some(Offer::Hold);
                [side(lane)].into_iter().chain(hold).collect()
            }
            Action::Touch { .. } => vec![Offer::Touch],
            Action::Exit { .. } => vec![Offer::Exit],
            Action::Unload { .. } => vec![Offer::Unload],
            Action::Resume { .. } => vec![Offer::Hold],
            Action::Together { together, .. } => together.iter().flat_map(of).collect(),
            Action::Expire { after: Some(LONG..), .. } => vec![Offer::Expire],
            Action::Await { .. }
            | Action::Blocked { .. }
            | Action::Wrote { .. }
            | Action::Expire { .. }
            | Action::Statement { .. }
            | Action::Report { .. } => Vec::new(),
        }
    }
    steps.iter().flat_map(|step| of(&step.action)).collect()
}

/// The functions that steps call, each with the process that does.
fn needed_functions(steps: &[Step]) -> Vec<(Process, Function)> {
    fn of(action: &Action) -> Vec<(Process, Function)> {
        match action {
            Action::Call { lane, call: function, .. }
            | Action::Start { lane, start: function, .. } => vec![(lane.process(), *function)],
            Action::Together { together, .. } => together.iter().flat_map(of).collect(),
            Action::Touch { .. }
            | Action::Exit { .. }
            | Action::Unload { .. }
            | Action::Resume { .. }
            | Action::Await { .. }
            | Action::Blocked { .. }
            | Action::Wrote { .. }
            | Action::Expire { .. }
            | Action::Statement { .. }
            | Action::Report { .. } => Vec::new(),
        }
    }
    steps.iter().flat_map(|step| of(&step.action)).collect()
}
