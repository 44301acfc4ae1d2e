//! What a scenario needs an adapter to offer, and what its trace tells.

use std::collections::BTreeSet;

use vdi_spec::clauses::Party;
use vdi_trace::{LaneName, Recorded};

use crate::adapter::protocol::Offer;
use crate::scenario::{Action, Scenario, Step};

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

/// What a scenario needs an adapter to offer.
pub(super) fn needed_offers(steps: &[Step]) -> BTreeSet<Offer> {
    let side = |lane: &LaneName| match lane.process().party() {
        Party::Client => Offer::Client,
        Party::Server | Party::Interface => Offer::Server,
    };
    fn of(action: &Action, side: &impl Fn(&LaneName) -> Offer) -> Vec<Offer> {
        match action {
            Action::Call { lane, args, .. } | Action::Start { lane, args, .. } => {
                let hold = (args.hold == Some(true)).then_some(Offer::Hold);
                [side(lane)].into_iter().chain(hold).collect()
            }
            Action::Touch { .. } => vec![Offer::Touch],
            Action::Exit { .. } => vec![Offer::Exit],
            Action::Unload { .. } => vec![Offer::Unload],
            Action::Resume { .. } => vec![Offer::Hold],
            Action::Together { together, .. } => {
                together.iter().flat_map(|racer| of(racer, side)).collect()
            }
            Action::Expire { after: Some(LONG..), .. } => vec![Offer::Expire],
            Action::Await { .. }
            | Action::Blocked { .. }
            | Action::Wrote { .. }
            | Action::Expire { .. }
            | Action::Statement { .. }
            | Action::Report { .. } => Vec::new(),
        }
    }
    steps.iter().flat_map(|step| of(&step.action, &side)).collect()
}
