//! Every way in which what was observed of a set can have come about.

use smallvec::SmallVec;

use super::configuration::{Configuration, Misuse, Slot};
use super::context::Spontaneous;
use crate::explain::Report;
use crate::session::Session;
use vdi_model::{Caller, LaneId, State};

/// Every way in which what was observed of a set can have come about.
#[derive(Clone, Debug, Default)]
pub(crate) struct Frontier {
    pub(crate) configurations: Vec<Configuration>,
    /// What was said to happen without a call, and may not have happened yet.
    pub(crate) spontaneous: SmallVec<[(Slot, Spontaneous); 1]>,
}

impl Frontier {
    pub(crate) fn states(&self) -> impl Iterator<Item = &State> {
        self.configurations.iter().map(|config| &config.state)
    }

    pub(crate) fn states_mut(&mut self) -> impl Iterator<Item = &mut State> {
        self.configurations.iter_mut().map(|config| &mut config.state)
    }

    /// The agent on a lane is about to come out of a completion routine. An interval that
    /// was said to pass may have passed within it, where it counts for nothing: no search
    /// comes between, which could put that off.
    pub(crate) fn pass_within_routine(&mut self, lane: LaneId) {
        let Self { configurations, spontaneous } = self;
        let of_lane =
            |known: &Spontaneous| matches!(known, Spontaneous::Passes(on, _) if *on == lane);
        for (slot, _) in spontaneous.iter().filter(|(_, known)| of_lane(known)) {
            let ahead = configurations.iter().filter(|config| !config.taken.has(*slot)).cloned();
            let mut passed: Vec<Configuration> = ahead.collect();
            passed.iter_mut().for_each(|config| config.taken.add(*slot));
            configurations.extend(passed);
        }
    }

    /// What a caller broke in every explanation that is left, it broke.
    pub(super) fn report_misuse(&mut self, session: &Session, report: &mut Report) {
        let Some((first, others)) = self.configurations.split_first() else {
            return;
        };
        if first.misuse.is_empty() {
            return;
        }
        let mut certain: SmallVec<[Misuse; 1]> = first.misuse.clone();
        certain.retain(|misuse| others.iter().all(|other| other.misuse.contains(misuse)));
        for config in &mut self.configurations {
            config.misuse.retain(|misuse| !certain.contains(misuse));
        }
        for Misuse { line, clause, function, lane } in certain {
            let what = format!("{function} by {}", session.lanes.name(lane));
            report.find(line, clause, what, false);
        }
    }

    /// Drops what has happened in every configuration: what was spontaneous, and calls that
    /// are lost.
    pub(super) fn prune(&mut self, session: &mut Session, set: usize) {
        let Self { configurations, spontaneous } = self;
        if spontaneous.is_empty() {
            return;
        }
        let mut exits: SmallVec<[Caller; 1]> = SmallVec::new();
        let mut freed: SmallVec<[Slot; 4]> = SmallVec::new();
        spontaneous.retain(|(slot, known)| {
            let done = configurations.iter().all(|config| config.taken.has(*slot));
            if done {
                freed.push(*slot);
                match known {
                    Spontaneous::Exit(caller) => exits.push(*caller),
                    Spontaneous::Passes(..) => {}
                }
            }
            !done
        });
        session.calls.retain(|call| {
            let lost = call.lost && exits.contains(&call.bound.call.caller());
            let gone = lost && call.bound.set == set;
            freed.extend(gone.then_some(call.slot));
            !gone
        });
        for config in configurations {
            freed.iter().for_each(|slot| config.forget(*slot));
        }
        if exits.contains(&Caller::Server) {
            session.names.retire_commands(set);
        }
    }
}
