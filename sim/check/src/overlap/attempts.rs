//! What a report tells of a history without an explanation: how far it could be followed.

use serde::Serialize;

use super::config::Config;
use crate::sequential::Checker;
use crate::verdict::{Allowed, Verdict};
use vdi_spec::codes::HResult;
use vdi_trace::Out;

/// How many attempts a report holds.
const ATTEMPTS: usize = 4;

/// One way to explain everything before the violation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// The state that it ends in.
    pub state: String,
    /// What every lane inside a call could do there.
    pub lanes: Vec<LaneChoices>,
}

/// What a lane inside a call could do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LaneChoices {
    /// The lane.
    pub lane: String,
    /// The function it is inside.
    pub call: String,
    /// The line where the call began.
    pub line: usize,
    /// Whether the call has taken effect.
    pub taken: bool,
    /// What it could do.
    pub could: Vec<Allowed>,
}

impl Checker {
    /// The first of the configurations that explain everything before an event.
    pub(super) fn attempts(&self, world: usize, configs: &[Config]) -> Vec<Attempt> {
        configs.iter().take(ATTEMPTS).map(|config| self.attempt(world, config)).collect()
    }

    fn attempt(&self, world: usize, config: &Config) -> Attempt {
        let open = self.open.iter().enumerate();
        let open = open.filter(|(_, open)| open.bound.world == world && !open.lost);
        let lanes = open.map(|(index, open)| {
            let taken = config.taken.has(open.slot);
            let mut could = Vec::new();
            let nothing_seen = (HResult::NOERROR, &Out::default());
            self.expect(&config.state, taken, index, nothing_seen, &mut could);
            could.sort();
            could.dedup();
            LaneChoices {
                lane: self.lane_of(open.lane).name.clone(),
                call: open.function.to_string(),
                line: open.line,
                taken,
                could,
            }
        });
        Attempt { state: self.describe_in(world, &config.state), lanes: lanes.collect() }
    }

    pub(super) fn tell_attempts(&mut self, attempts: Vec<Attempt>) {
        if let Verdict::Violation(violation) = &mut self.verdict {
            violation.attempts = attempts;
        }
    }
}
