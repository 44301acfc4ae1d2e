//! What the judge knows between two events: a state in words, what may come next.

use super::frontier::World;
use super::sequential::Checker;
use vdi_model::{Agent, Answer, ClientDevice, Ending, Expected, ServerDevice, Stage, State};
use vdi_spec::clauses::Clause;

impl Checker {
    /// The sets that exist, by name, each with its state in words.
    pub(super) fn set_texts(&self) -> Vec<String> {
        let named = |(index, world): (usize, &World)| {
            (!world.name.is_empty()).then(|| format!("{}: {}", world.name, self.state_text(index)))
        };
        self.worlds.iter().enumerate().filter_map(named).collect()
    }

    pub(super) fn describe_in(&self, world: usize, state: &State) -> String {
        describe(state, |id| self.names.command_name(world, id).to_owned())
    }

    /// The state of a set before an event: the first of the frontier, and how many more.
    pub(super) fn state_text(&self, world: usize) -> String {
        let mut states = self.worlds[world].states();
        let Some(first) = states.next() else {
            return "no state".to_owned();
        };
        let mut text = self.describe_in(world, first);
        let others = states.count();
        if others > 0 {
            text.push_str(&format!(" · or one of {others} other states"));
        }
        text
    }
}

/// A state in words; commands are numbered.
#[must_use]
pub fn describe_state(state: &State) -> String {
    describe(state, |id| format!("command {}", id.0))
}

fn describe(state: &State, name: impl Fn(vdi_model::CommandId) -> String) -> String {
    let mut parts = vec![
        state.device_set_state().to_string(),
        format!("server {}", state.server_phase()),
        format!("client {}", state.client_phase()),
    ];
    if let Some(cause) = state.aborted {
        parts.push(format!("aborted by {cause}"));
    }
    for (index, device) in state.devices.iter().enumerate() {
        let server = match device.server {
            ServerDevice::Unopened => "unopened",
            ServerDevice::Open => "open",
            ServerDevice::Closed => "closed",
        };
        let client = match device.client {
            ClientDevice::Unopened => "unopened",
            ClientDevice::Open => "open",
            ClientDevice::CloseSeen => "VD_E_CLOSE seen",
        };
        let errored = if device.errored { ", in the error state" } else { "" };
        parts.push(format!("device {} {server}/{client}{errored}", index + 1));
    }
    for command in &state.commands {
        let stage = match command.stage {
            Stage::Queued => "queued".to_owned(),
            Stage::Delivered => "delivered".to_owned(),
            Stage::Completed { code, .. } => format!("completed with {code}, not called back"),
            Stage::Refused { code, .. } => format!("refused with {code}, not called back"),
        };
        parts.push(format!("{} {} {stage}", name(command.id), command.code));
    }
    parts.push(match (state.agent, state.free_agent()) {
        (Agent::Idle, _) => "no agent running".to_owned(),
        (Agent::Running { .. }, Some(_)) => "agent running".to_owned(),
        (Agent::Running { .. }, None) => "agent inside a callback".to_owned(),
    });
    parts.join(" · ")
}

/// What a call in progress may come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The status it may return with; `None`: it stays in the call.
    pub status: Option<Expected>,
    /// The command that GetCommand delivers.
    pub delivers: Option<String>,
    /// What IsSharedBuffer may tell; nothing for other functions.
    pub tells: Vec<bool>,
    /// Whether a callback on the calling lane comes first.
    pub refuses: bool,
    /// Whether it is the exception that a shortage of resources makes.
    pub exceptional: bool,
    /// Whether it comes by itself; an expiry need not.
    pub forced: bool,
    /// The clause it rests on.
    pub clause: Clause,
    /// Further clauses it rests on.
    pub also: [Option<Clause>; 3],
    /// The obligations that the caller breaks.
    pub misuse: [Option<Clause>; 2],
}

/// A callback that is owed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwedCallback {
    /// The command.
    pub command: String,
    /// The lane it runs on.
    pub lane: String,
    /// The completion codes allowed, with the bytes and the position if they are fixed.
    pub endings: Vec<Ending>,
    /// The clause it rests on.
    pub clause: Clause,
}

/// Questions to the judge between two events: what may come next?
impl Checker {
    /// What the call in progress on a lane may come to, in any state it may be in.
    /// A call that has just begun is looked at before its effect.
    #[must_use]
    pub fn candidates(&self, lane: &str) -> Vec<Candidate> {
        let Some(open) = self.open.iter().rfind(|open| self.lane_of(open.lane).name == lane) else {
            return Vec::new();
        };
        let world = open.bound.world;
        let mut candidates = Vec::new();
        for (state, taken) in self.states_with(world, open) {
            let outcomes = if taken {
                vdi_model::returns(state, &self.profile, open.lane)
            } else {
                vdi_model::outcomes(state, &self.profile, self.limits, open.lane, &open.bound.call)
            };
            for outcome in outcomes {
                let delivers = match outcome.answer {
                    Answer::Delivers(id) => Some(self.names.command_name(world, id).to_owned()),
                    _ => None,
                };
                let tells = match outcome.answer {
                    Answer::Tells(Some(shared)) => vec![shared],
                    Answer::Tells(None) => vec![true, false],
                    _ => Vec::new(),
                };
                let candidate = Candidate {
                    status: outcome.answer.expected(),
                    delivers,
                    tells,
                    refuses: outcome.refuses(),
                    exceptional: outcome.exceptional,
                    forced: outcome.forced,
                    clause: outcome.clause,
                    also: outcome.also,
                    misuse: outcome.misuse,
                };
                if !candidates.contains(&candidate) {
                    candidates.push(candidate);
                }
            }
        }
        candidates
    }

    /// Lets every call that has begun take effect.
    pub fn let_calls_begin(&mut self) {
        self.take_all(0);
    }

    /// The callbacks that may come now, one entry per command and lane.
    #[must_use]
    pub fn owed_callbacks(&self) -> Vec<OwedCallback> {
        let mut owed: Vec<OwedCallback> = Vec::new();
        for (world, set) in self.worlds.iter().enumerate() {
            for state in set.states() {
                for callback in vdi_model::callbacks(state, &self.profile) {
                    let command = self.names.command_name(world, callback.command);
                    let lane = &self.lane_of(callback.lane).name;
                    let known = owed.iter_mut().find(|o| o.command == command && o.lane == *lane);
                    match known {
                        Some(known) if known.endings.contains(&callback.ending) => {}
                        Some(known) => known.endings.push(callback.ending),
                        None => owed.push(OwedCallback {
                            command: command.to_owned(),
                            lane: lane.clone(),
                            endings: vec![callback.ending],
                            clause: callback.clause,
                        }),
                    }
                }
            }
        }
        owed
    }

    /// Lanes inside a call, in the order of their names.
    #[must_use]
    pub fn lanes_in_call(&self) -> Vec<String> {
        let mut lanes: Vec<String> =
            self.open.iter().map(|open| self.lane_of(open.lane).name.clone()).collect();
        lanes.sort();
        lanes.dedup();
        lanes
    }
}
