//! Scenarios from the exploration of the model: what no written scenario does.
//!
//! Ways through a bounded world that take every kind of step are played as a driver
//! would make their calls. What a way adds to the transitions of the written
//! scenarios is kept, up to the last step that adds something. Where the way depends on
//! a reading, the steps from there on say so.

use std::collections::{BTreeMap, BTreeSet};

use vdi_explore::{Action as ModelAction, Bounds, paths_covering_transitions};
use vdi_model::{
    BufferId, Call, Caller, ClientCall, CommandId, DeviceName, Expected, ServerCall, Timeout,
};
use vdi_spec::clauses::{Clause, PROFILES, Party, Profile, QUESTIONS, Reading};
use vdi_spec::codes::HResult;
use vdi_spec::config::VdConfig;
use vdi_trace::{
    Args, CLIENT_SET, CodeArg, Function, Handle, HowEnded, LaneName, Process, SERVER_SET, Size,
    TimeoutArg,
};

use super::folder::FOLDER;
use crate::run::{PinnedAction, agreement, misuse_of, pin_actions, transitions};
use crate::scenario::{Action, Scenario, expand};

const SET: &str = "S";

/// Generates scenarios that take the transitions which `known` do not take.
#[must_use]
pub fn from_ways(known: &[&Scenario], bounds: &Bounds) -> Vec<Scenario> {
    let mut covered: BTreeSet<String> = BTreeSet::new();
    for scenario in known {
        covered.extend(transitions(&expand(scenario).0));
    }
    let profiles = profiles();
    let mut generated: Vec<Scenario> = Vec::new();
    for path in paths_covering_transitions(bounds, &Profile::default()) {
        let all = pin_actions(&Namer::default().driver_actions(&path), &Profile::default());
        if let Some(scenario) = kept(all, &covered, &profiles, generated.len() + 1) {
            covered.extend(transitions(&scenario.steps));
            generated.push(scenario);
        }
    }
    generated
}

/// The transitions on the ways through the world that none of these scenarios takes.
#[must_use]
pub fn left_out(scenarios: &[&Scenario], bounds: &Bounds) -> BTreeSet<String> {
    let profile = Profile::default();
    let taken: BTreeSet<String> =
        scenarios.iter().flat_map(|scenario| transitions(&expand(scenario).0)).collect();
    let ways = paths_covering_transitions(bounds, &profile).into_iter();
    let all = ways.flat_map(|path| pin_actions(&Namer::default().driver_actions(&path), &profile));
    all.map(|one| one.transition).filter(|t| !t.is_empty() && !taken.contains(t)).collect()
}

/// Every single other reading, and then the named profiles.
fn profiles() -> Vec<Profile> {
    let named = PROFILES.iter().filter_map(|(name, ..)| Profile::named(name).ok());
    let single = QUESTIONS.iter().flat_map(|row| row.question.readings()).map(|reading| {
        let mut profile = Profile::default();
        profile.choose(reading);
        profile
    });
    single.chain(named).collect()
}

/// From this action on the steps are done under this reading only.
#[derive(Clone, Copy)]
struct Guard {
    from: usize,
    reading: Reading,
}

/// The scenario up to the last step that adds something. Where its expectations depend
/// on a reading, what follows is done under the default reading only; where they depend
/// on several at once, it ends.
fn kept(
    mut all: Vec<PinnedAction>,
    covered: &BTreeSet<String>,
    profiles: &[Profile],
    number: usize,
) -> Option<Scenario> {
    let mut guards: Vec<Guard> = Vec::new();
    loop {
        let adds =
            |one: &PinnedAction| !one.transition.is_empty() && !covered.contains(&one.transition);
        let last = all.iter().rposition(adds)?;
        all.truncate(last + 1);
        let scenario = scenario(&guarded(&all, &guards), covered, number);
        let failed = profiles.iter().filter_map(|profile| {
            let step = agreement(&scenario, profile).err()?.step;
            Some((action_of(&all, step), profile))
        });
        let Some((at, profile)) = failed.min_by_key(|(at, _)| *at) else {
            return Some(scenario);
        };
        let mut differing = profile.differences();
        match (differing.next(), differing.next()) {
            (Some(other), None) => {
                let reading = Profile::default().reading(other.question);
                if !hold(&mut guards, Guard { from: at, reading }) {
                    all.truncate(at);
                }
            }
            _ => all.truncate(at),
        }
    }
}

/// Adds a guard. What fails all the same under the other reading is left over from a
/// action before: the guard there is then moved to it. False: there is none before.
fn hold(guards: &mut Vec<Guard>, new: Guard) -> bool {
    match guards.iter_mut().find(|guard| guard.reading == new.reading) {
        None => guards.push(new),
        Some(guard) if guard.from > 0 => guard.from = (guard.from - 1).min(new.from),
        Some(_) => return false,
    }
    true
}

/// The action to which a step belongs, counted from 1 among the steps of all.
fn action_of(all: &[PinnedAction], step: usize) -> usize {
    let mut steps = 0;
    let at = all.iter().position(|one| {
        steps += one.steps.len();
        steps >= step.max(1)
    });
    at.unwrap_or(all.len() - 1)
}

/// The actions, their steps done under the readings of the guards before them.
fn guarded(all: &[PinnedAction], guards: &[Guard]) -> Vec<PinnedAction> {
    let mut all = all.to_vec();
    for (index, one) in all.iter_mut().enumerate() {
        let before = guards.iter().filter(|guard| guard.from <= index);
        let readings: Vec<String> = before.map(|guard| guard.reading.to_string()).collect();
        let when = (!readings.is_empty()).then(|| readings.join(", "));
        one.steps.iter_mut().for_each(|step| step.when.clone_from(&when));
    }
    all
}

fn scenario(all: &[PinnedAction], covered: &BTreeSet<String>, number: usize) -> Scenario {
    let new = || all.iter().filter(|one| !covered.contains(&one.transition));
    let mut titles: Vec<&str> = new().map(|one| one.title.as_str()).collect();
    titles.retain(|title| !title.is_empty());
    titles.dedup();
    let mut title = titles.iter().take(2).copied().collect::<Vec<_>>().join("; ");
    if titles.len() > 2 {
        title.push_str(&format!("; and {} more", titles.len() - 2));
    }
    let mut scenario = Scenario {
        schema: Some("../schema/scenario.v1.json".to_owned()),
        id: format!("{FOLDER}/{number:03}"),
        title,
        clauses: new().flat_map(|one| one.clauses.iter().copied()).collect(),
        parties: Vec::new(),
        misuse: Vec::new(),
        misuse_under: BTreeMap::new(),
        unpinned: false,
        records: Vec::new(),
        interfaces: BTreeMap::new(),
        config: None,
        given: None,
        steps: all.iter().flat_map(|one| one.steps.iter().cloned()).collect(),
    };
    complete(&mut scenario);
    scenario
}

/// Adds what follows from the steps: what is misused, and whom the clauses bind.
pub(super) fn complete(scenario: &mut Scenario) {
    scenario.misuse = misuse_of(scenario);
    scenario.clauses.extend(&scenario.misuse);
    let clauses: BTreeSet<Clause> = scenario.clauses.iter().copied().collect();
    scenario.clauses = clauses.into_iter().collect();
    let parties: BTreeSet<Party> = scenario.clauses.iter().map(|clause| clause.party()).collect();
    scenario.parties = parties.into_iter().collect();
}

/// Names for the numbers of a way through the world.
#[derive(Default)]
struct Namer {
    commands: BTreeMap<CommandId, String>,
    buffers: BTreeMap<BufferId, String>,
    made: usize,
    /// Whether buffers were requested.
    requested: bool,
}

impl Namer {
    /// What a driver does on this way: what happens by itself is left out.
    fn driver_actions(&mut self, path: &[ModelAction]) -> Vec<Action> {
        let mut actions = Vec::new();
        for step in path {
            let next = match step {
                ModelAction::Call { call, outcome, .. } => {
                    let status = outcome.answer.expected();
                    let sound = status == Some(Expected::Status(HResult::NOERROR));
                    self.call(call, sound)
                }
                ModelAction::Expire(lane) if lane.0 == 1 => {
                    Some(Action::Expire { expire: lane_named("server.agent"), after: None })
                }
                ModelAction::Exit(process) => {
                    let exit = match process {
                        Caller::Server => Process::Server,
                        Caller::Client(_) => Process::Primary,
                    };
                    Some(Action::Exit { exit, how: HowEnded::Killed })
                }
                ModelAction::Return { .. }
                | ModelAction::Callback(_)
                | ModelAction::Hold(_)
                | ModelAction::Resume(_)
                | ModelAction::Expire(_)
                | ModelAction::Unload => continue,
            };
            let Some(action) = next else { break };
            let begins = matches!(&action, Action::Call { call, .. } if *call == Function::BeginConfiguration);
            actions.push(action);
            if begins && !std::mem::replace(&mut self.requested, true) {
                actions.push(requesting());
            }
        }
        actions
    }

    fn call(&mut self, call: &Call, succeeds: bool) -> Option<Action> {
        match call {
            Call::Server(call) => self.server(call, succeeds),
            Call::Client(call) => self.client(call, succeeds),
            Call::Secondary(..) => None,
        }
    }

    /// The handle of a device; one that is refused names nothing.
    fn device(&mut self, name: &str, succeeds: bool) -> String {
        self.made += 1;
        if succeeds { name.to_owned() } else { format!("refused{}", self.made) }
    }

    fn server(&mut self, call: &ServerCall, succeeds: bool) -> Option<Action> {
        let mut args = Args::default();
        let mut creates = None;
        let mut on = SERVER_SET.to_owned();
        let mut lane = "server.main";
        let function = match call {
            ServerCall::Open { found: true, .. } => {
                args.name = Some(SET.into());
                Function::Open
            }
            ServerCall::GetConfiguration => Function::GetConfiguration,
            ServerCall::BeginConfiguration { sound: true, granted } => {
                args.block_size = Some(granted.block_size);
                args.max_transfer_size = Some(granted.max_transfer_size);
                args.features = Some(granted.features);
                Function::BeginConfiguration
            }
            ServerCall::EndConfiguration => Function::EndConfiguration,
            ServerCall::ExecuteCompletionAgent => {
                lane = "server.agent";
                Function::ExecuteCompletionAgent
            }
            ServerCall::OpenDevice { .. } => {
                args.name = Some(SET.into());
                creates = Some(self.device("sdev1", succeeds));
                Function::OpenDevice
            }
            ServerCall::SignalAbort => Function::SignalAbort,
            ServerCall::Close => Function::Close,
            ServerCall::SendCommand(request) if request.buffer.buffer().is_none() => {
                args.code = Some(CodeArg::Command(request.code));
                on = "sdev1".to_owned();
                self.made += 1;
                let name = format!("k{}", self.made);
                self.commands.insert(request.command, name.clone());
                creates = Some(name);
                Function::SendCommand
            }
            ServerCall::CloseDevice { .. } => {
                on = "sdev1".to_owned();
                Function::CloseDevice
            }
            ServerCall::AllocateBuffer { buffer, sound: true, kind } => {
                args.size = Some(Size(kind.size.max(65536).into()));
                self.made += 1;
                let name = format!("b{}", self.made);
                self.buffers.insert(*buffer, name.clone());
                creates = Some(name);
                Function::AllocateBuffer
            }
            ServerCall::FreeBuffer { buffer, sized } => {
                let name = buffer.and_then(|buffer| self.buffers.get(&buffer));
                args.buffer = Some(handle(name.map(String::as_str)));
                args.size = Some(Size(if *sized { 65536 } else { 512 }));
                Function::FreeBuffer
            }
            // Not in these worlds, or with arguments that have no name here.
            ServerCall::Open { .. }
            | ServerCall::BeginConfiguration { .. }
            | ServerCall::RequestBuffers(_)
            | ServerCall::QueryAvailableBuffers(_)
            | ServerCall::AllocateBuffer { .. }
            | ServerCall::IsSharedBuffer { .. }
            | ServerCall::SendCommand(_) => return None,
        };
        Some(action(function, lane, on, creates, args))
    }

    fn client(&mut self, call: &ClientCall, succeeds: bool) -> Option<Action> {
        let mut args = Args::default();
        let mut creates = None;
        let mut on = CLIENT_SET.to_owned();
        let mut lane = "primary.main";
        let function = match call {
            ClientCall::Create { devices, flaw: None, asked } if !asked.time_out => {
                args.name = Some(SET.into());
                let device_count = u32::from(*devices);
                args.config = Some(Box::new(VdConfig {
                    device_count,
                    features: asked.features,
                    ..VdConfig::default()
                }));
                Function::CreateEx
            }
            ClientCall::GetConfiguration { timeout } => {
                args.timeout = Some(time_out(*timeout));
                Function::GetConfiguration
            }
            ClientCall::OpenDevice { name } => {
                let known = matches!(name, DeviceName::Known(0));
                args.name = Some(if known { SET.into() } else { "unknown".into() });
                creates = Some(self.device("cdev1", succeeds));
                Function::OpenDevice
            }
            ClientCall::SignalAbort => Function::SignalAbort,
            ClientCall::Close => Function::Close,
            ClientCall::GetCommand { timeout, .. } => {
                args.timeout = Some(time_out(*timeout));
                (lane, on) = ("primary.t1", "cdev1".to_owned());
                Function::GetCommand
            }
            ClientCall::CompleteCommand { command, code, .. } => {
                let name = command.and_then(|command| self.commands.get(&command));
                args.command = Some(handle(name.map(String::as_str)));
                args.code = Some(CodeArg::Completion(*code));
                args.bytes = Some(0);
                (lane, on) = ("primary.t1", "cdev1".to_owned());
                Function::CompleteCommand
            }
            ClientCall::Create { .. }
            | ClientCall::OpenInSecondary { .. }
            | ClientCall::GetBufferHandle { .. }
            | ClientCall::MapBufferHandle { .. } => return None,
        };
        Some(action(function, lane, on, creates, args))
    }
}

/// Without a request there may be no memory for any buffer.
fn requesting() -> Action {
    let args = Args { size: Some(Size(65536)), count: Some(4), ..Args::default() };
    action(Function::RequestBuffers, "server.main", SERVER_SET.to_owned(), None, args)
}

fn lane_named(name: &str) -> LaneName {
    name.parse().expect("a lane named in this file")
}

fn handle(name: Option<&str>) -> Handle<'static> {
    name.map_or(Handle::Null, |name| Handle::Name(name.to_owned().into()))
}

const fn time_out(timeout: Timeout) -> TimeoutArg {
    match timeout {
        Timeout::Poll => TimeoutArg::Milliseconds(0),
        Timeout::Infinite => TimeoutArg::Infinite,
        Timeout::Finite | Timeout::Told | Timeout::Passed => TimeoutArg::Milliseconds(1000),
    }
}

fn action(
    call: Function,
    lane: &str,
    on: String,
    creates: Option<String>,
    args: Args<'static>,
) -> Action {
    let (lane, args) = (lane_named(lane), Box::new(args));
    Action::Call { call, lane, on, creates, args, expect: None, gives: None, tells: None }
}
