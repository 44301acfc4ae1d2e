//! What a report shows of a history without an explanation: how far it could be followed.

use super::expected::Expectations;
use super::state::named_state;
use super::verdict::{Attempt, LaneChoices};
use crate::Checker;
use crate::linearize::Configuration;
use crate::session::Returned;
use vdi_spec::codes::HResult;
use vdi_trace::Out;

/// How many attempts a report holds.
const ATTEMPTS: usize = 4;

/// The first of the configurations that explain everything before an event.
pub(crate) fn attempts(
    checker: &Checker,
    set: usize,
    configurations: &[Configuration],
) -> Vec<Attempt> {
    configurations.iter().take(ATTEMPTS).map(|config| attempt(checker, set, config)).collect()
}

fn attempt(checker: &Checker, set: usize, config: &Configuration) -> Attempt {
    let session = &checker.session;
    let calls = session.calls.iter().enumerate();
    let calls = calls.filter(|(_, call)| call.bound.set == set && !call.lost);
    let lanes = calls.map(|(index, call)| {
        let taken = config.taken.has(call.slot);
        let nothing = Out::default();
        let seen = Returned { status: HResult::NOERROR, out: &nothing };
        let mut expected = Expectations::new(checker, index, seen);
        expected.add(&config.state, taken);
        for (_, before) in config.before(call.slot, &call.bound.call) {
            expected.add(&before, taken);
        }
        let mut could = expected.allowed;
        could.sort();
        could.dedup();
        LaneChoices {
            lane: session.lanes.name(call.lane).to_owned(),
            call: call.function.to_string(),
            line: call.line,
            taken,
            could,
        }
    });
    Attempt { state: named_state(session, set, &config.state), lanes: lanes.collect() }
}
