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

/// What a scenario needs an adapter to offer.
pub(super) fn needed(steps: &[Step]) -> BTreeSet<Offer> {
    let side = |lane: &LaneName| match lane.process().party() {
        Party::Client => Offer::Client,
        _ => Offer::Server,
    };
    let mut offers = BTreeSet::new();
    for step in steps {
        match &step.action {
            Action::Call { lane, args, .. } | Action::Start { lane, args, .. } => {
                offers.insert(side(lane));
                if args.hold == Some(true) {
                    offers.insert(Offer::Hold);
                }
            }
            Action::Touch { .. } => {
                offers.insert(Offer::Touch);
            }
            Action::Exit { .. } => {
                offers.insert(Offer::Exit);
            }
            Action::Unload { .. } => {
                offers.insert(Offer::Unload);
            }
            Action::Resume { .. } => {
                offers.insert(Offer::Hold);
            }
            Action::Together { together, .. } => {
                for racer in together {
                    let step = Step { when: None, action: racer.clone() };
                    offers.extend(needed(std::slice::from_ref(&step)));
                }
            }
            Action::Await { .. }
            | Action::Blocked { .. }
            | Action::Wrote { .. }
            | Action::Expire { .. }
            | Action::Statement { .. }
            | Action::Report { .. } => {}
        }
    }
    offers
}
