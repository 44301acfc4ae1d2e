//! From calls without expectations to steps that pin what the oracle allows.

use std::collections::BTreeSet;

use vdi_check::Candidate;
use vdi_model::Expected;
use vdi_spec::clauses::{Clause, Profile};
use vdi_spec::codes::HResult;
use vdi_trace::LaneName;

use super::oracle_play::Play;
use crate::scenario::{Action, Pin, Pinned, Step, StepCall};

/// What one action of a driver became.
#[derive(Clone, Debug)]
pub struct PinnedAction {
    /// The action with what is expected of it, and what else comes of it.
    pub steps: Vec<Step>,
    /// From which phases of the set, by which call, resting on which clauses.
    pub transition: String,
    /// The same for people.
    pub title: String,
    /// The clauses it rests on.
    pub clauses: Vec<Clause>,
}

/// Plays calls and other actions of a driver under a profile, as long as they can be
/// made and their answers can be pinned.
#[must_use]
pub fn pin_actions(actions: &[Action], profile: &Profile) -> Vec<PinnedAction> {
    let mut play = Play::new(profile);
    let mut all = Vec::new();
    for action in actions {
        match one(&mut play, action) {
            Some(written) => all.push(written),
            None => break,
        }
    }
    all
}

/// Every transition that a scenario takes under the default profile.
#[must_use]
pub fn transitions(steps: &[Step]) -> BTreeSet<String> {
    let profile = Profile::default();
    let mut play = Play::new(&profile);
    let mut all = BTreeSet::new();
    for step in steps {
        if !step.is_done_under(&profile) {
            continue;
        }
        if let Some((key, ..)) = begun(&play, &step.action) {
            all.insert(key);
        }
        if play.step(&step.action).is_err() {
            break;
        }
    }
    all
}

/// The phases of the set, the call, and the clauses of all that may come of it.
fn begun(play: &Play<'_>, action: &Action) -> Option<(String, String, Vec<Clause>)> {
    let StepCall { function, lane, .. } = StepCall::of(action)?;
    let phases = match play.checker.states("S").next() {
        Some(state) => format!(
            "{} {} {}",
            state.device_set_state(),
            state.server_phase(),
            state.client_phase()
        ),
        None => "none".to_owned(),
    };
    let candidates = play.clone().begun(action).ok()?;
    let usual = candidates.iter().filter(|candidate| !candidate.exceptional);
    let mut clauses: Vec<Clause> = usual.map(|candidate| candidate.clause).collect();
    clauses.dedup();
    let party = lane.process().party();
    let title = match phases.split(' ').collect::<Vec<_>>()[..] {
        [set, server, client] => format!(
            "{function} by the {party}: the set {set}, the server's phase {server}, the client's {client}"
        ),
        _ => format!("{function} by the {party} before there is a set"),
    };
    Some((format!("{phases} {party} {function} {clauses:?}"), title, clauses))
}

fn one(play: &mut Play<'_>, action: &Action) -> Option<PinnedAction> {
    let (transition, title, clauses) = match action {
        Action::Call { lane, .. } => {
            if play.checker.lanes_in_call().iter().any(|inside| inside == lane.as_str()) {
                return None;
            }
            begun(play, action)?
        }
        Action::Exit { exit, .. } => (String::new(), format!("the end of the {exit}"), Vec::new()),
        Action::Start { .. }
        | Action::Await { .. }
        | Action::Blocked { .. }
        | Action::Resume { .. }
        | Action::Together { .. }
        | Action::Touch { .. }
        | Action::Wrote { .. }
        | Action::Expire { .. }
        | Action::Statement { .. }
        | Action::Report { .. }
        | Action::Unload { .. } => (String::new(), String::new(), Vec::new()),
    };
    play.make(action)?;
    let first = match StepCall::of(action) {
        Some(call) if matches!(action, Action::Call { .. }) => {
            match play.take_whole_return(call.lane.as_str()) {
                Some((allowed, command)) => call.returning(pins(&allowed)?, command),
                None => call.started(),
            }
        }
        Some(_) | None => action.clone(),
    };
    let mut steps = vec![Step { when: None, times: None, action: first }];
    rest(play, &mut steps)?;
    Some(PinnedAction { steps, transition, title, clauses })
}

/// What else has come: callbacks, and returns of calls begun earlier.
fn rest(play: &mut Play<'_>, steps: &mut Vec<Step>) -> Option<()> {
    for (command, lane, codes) in play.take_callbacks() {
        let lane: LaneName = lane.parse().ok()?;
        let codes = Pinned::Codes(codes.into_iter().map(Pin::Code).collect());
        let action = Action::await_callback(lane, command, codes);
        steps.push(Step { when: None, times: None, action });
    }
    for lane in play.lanes_returned() {
        while let Some((allowed, command)) = play.take_whole_return(&lane) {
            let action = Action::await_return(lane.parse().ok()?, pins(&allowed)?, command);
            steps.push(Step { when: None, times: None, action });
        }
    }
    Some(())
}

/// The statuses that are no exception; `None` if the call may stay in progress too.
fn pins(allowed: &[Candidate]) -> Option<Pinned<HResult>> {
    let mut pins: Vec<Pin<HResult>> = Vec::new();
    for candidate in allowed.iter().filter(|candidate| !candidate.exceptional) {
        let pin = match candidate.status? {
            Expected::Status(status) => Pin::Code(status),
            // Its number stands for any failure.
            Expected::AnyFailure => Pin::Code(HResult::VD_E_IO_ERROR),
            Expected::Any => Pin::Any,
        };
        if !pins.contains(&pin) {
            pins.push(pin);
        }
    }
    (!pins.is_empty()).then_some(Pinned::Codes(pins))
}
