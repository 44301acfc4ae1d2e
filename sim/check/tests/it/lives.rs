//! Calls that overlap while one life of a set follows another, against a judge that tries
//! every order of effects over a world in which each call finds its set when it takes effect.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use vdi_check::{Verdict, check_reader};
use vdi_model::{
    Answer, Asked, Call, Caller, ClientCall, ClientLife, CreateFlaw, DeviceName, LaneId, Limits,
    Outcome, ServerCall, ServerDevice, ServerLife, State, Timeout,
};
use vdi_spec::clauses::{Profile, ServerHandleReuse};
use vdi_spec::codes::HResult;

/// The functions of the small histories.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Make {
    Create,
    Close,
    Abort,
    Configuration,
    OpenDevice,
    GetCommand,
    Open,
    ServerClose,
    ServerAbort,
    ServerConfiguration,
    Begin,
    End,
    ServerOpenDevice,
    CloseDevice,
    OpenSecondary,
    CloseSecondary,
    AbortSecondary,
    /// By another interface of the primary.
    CreateBeside,
    CloseBeside,
    /// By another interface of the server.
    OpenBeside,
    ServerConfigurationBeside,
}

use Make as M;

const ALL: [Make; 21] = [
    M::Create,
    M::Close,
    M::Abort,
    M::Configuration,
    M::OpenDevice,
    M::GetCommand,
    M::Open,
    M::ServerClose,
    M::ServerAbort,
    M::ServerConfiguration,
    M::Begin,
    M::End,
    M::ServerOpenDevice,
    M::CloseDevice,
    M::OpenSecondary,
    M::CloseSecondary,
    M::AbortSecondary,
    M::CreateBeside,
    M::CloseBeside,
    M::OpenBeside,
    M::ServerConfigurationBeside,
];

/// Those that begin or end a life of a set, for one of its parties.
const LIVES: [Make; 8] = [
    M::Create,
    M::Close,
    M::Open,
    M::ServerClose,
    M::OpenSecondary,
    M::CloseSecondary,
    M::CreateBeside,
    M::CloseBeside,
];

/// Every phase of a set, by the calls that lead there.
const PHASES: [&[Make]; 13] = [
    &[],
    &[M::Create],
    &[M::Create, M::Close],
    &[M::Create, M::Open],
    &[M::Create, M::Open, M::Begin],
    &[M::Create, M::Open, M::Begin, M::End],
    &[M::Create, M::Open, M::Begin, M::End, M::Configuration],
    &[M::Create, M::Open, M::Begin, M::End, M::Configuration, M::OpenSecondary],
    &[M::Create, M::Open, M::Begin, M::End, M::Configuration, M::ServerOpenDevice, M::OpenDevice],
    &[M::Create, M::Open, M::Abort],
    &[M::Create, M::Open, M::Close],
    &[M::Create, M::Open, M::ServerClose],
    &[M::Create, M::Open, M::Close, M::ServerClose],
];

/// What is looked for in place of an answer that is allowed.
const STATUSES: [HResult; 7] = [
    HResult::NOERROR,
    HResult::VD_E_PROTOCOL,
    HResult::VD_E_ABORT,
    HResult::VD_E_INVALID,
    HResult::VD_E_TIMEOUT,
    HResult::VD_E_OPEN,
    HResult::VD_E_CLOSE,
];

impl Make {
    fn process(self) -> usize {
        match self {
            Self::Create
            | Self::Close
            | Self::Abort
            | Self::Configuration
            | Self::OpenDevice
            | Self::GetCommand
            | Self::CreateBeside
            | Self::CloseBeside => 0,
            Self::Open
            | Self::ServerClose
            | Self::ServerAbort
            | Self::ServerConfiguration
            | Self::Begin
            | Self::End
            | Self::ServerOpenDevice
            | Self::CloseDevice
            | Self::OpenBeside
            | Self::ServerConfigurationBeside => 1,
            Self::OpenSecondary | Self::CloseSecondary | Self::AbortSecondary => 2,
        }
    }

    /// The interface that it is called on.
    fn interface(self) -> usize {
        match self {
            Self::CreateBeside | Self::CloseBeside => 3,
            Self::OpenBeside | Self::ServerConfigurationBeside => 4,
            _ => self.process(),
        }
    }

    /// The call as an event: on what, and with which arguments.
    fn text(self) -> &'static str {
        match self {
            Self::Create => {
                r#""call":"CreateEx","on":"cset","args":{"name":"S","config":{"deviceCount":1}}"#
            }
            Self::Close => r#""call":"Close","on":"cset""#,
            Self::Abort => r#""call":"SignalAbort","on":"cset""#,
            Self::Configuration => r#""call":"GetConfiguration","on":"cset","args":{"timeout":0}"#,
            Self::OpenDevice => r#""call":"OpenDevice","on":"cset","args":{"name":"S"}"#,
            Self::GetCommand => r#""call":"GetCommand","on":"c1","args":{"timeout":0}"#,
            Self::Open => r#""call":"Open","on":"sset","args":{"name":"S"}"#,
            Self::ServerClose => r#""call":"Close","on":"sset""#,
            Self::ServerAbort => r#""call":"SignalAbort","on":"sset""#,
            Self::ServerConfiguration => r#""call":"GetConfiguration","on":"sset""#,
            Self::Begin => {
                r#""call":"BeginConfiguration","on":"sset","args":{"blockSize":512,"maxTransferSize":65536,"features":["WriteMedia"]}"#
            }
            Self::End => r#""call":"EndConfiguration","on":"sset""#,
            Self::ServerOpenDevice => r#""call":"OpenDevice","on":"sset","args":{"name":"S"}"#,
            Self::CloseDevice => r#""call":"CloseDevice","on":"s1""#,
            Self::OpenSecondary => r#""call":"OpenInSecondary","on":"x1set","args":{"name":"S"}"#,
            Self::CloseSecondary => r#""call":"Close","on":"x1set""#,
            Self::AbortSecondary => r#""call":"SignalAbort","on":"x1set""#,
            Self::CreateBeside => {
                r#""call":"CreateEx","on":"cset2","args":{"name":"S","config":{"deviceCount":1}}"#
            }
            Self::CloseBeside => r#""call":"Close","on":"cset2""#,
            Self::OpenBeside => r#""call":"Open","on":"sset2","args":{"name":"S"}"#,
            Self::ServerConfigurationBeside => r#""call":"GetConfiguration","on":"sset2""#,
        }
    }

    /// Whether it is called on a device, which there has to be.
    fn device(self) -> Option<Self> {
        match self {
            Self::GetCommand => Some(Self::OpenDevice),
            Self::CloseDevice => Some(Self::ServerOpenDevice),
            Self::Create
            | Self::Close
            | Self::Abort
            | Self::Configuration
            | Self::OpenDevice
            | Self::Open
            | Self::ServerClose
            | Self::ServerAbort
            | Self::ServerConfiguration
            | Self::Begin
            | Self::End
            | Self::ServerOpenDevice
            | Self::OpenSecondary
            | Self::CloseSecondary
            | Self::AbortSecondary
            | Self::CreateBeside
            | Self::CloseBeside
            | Self::OpenBeside
            | Self::ServerConfigurationBeside => None,
        }
    }
}

/// Every life of the set, and which of them the interface of each process has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct World {
    lives: Vec<String>,
    has: [Option<usize>; 5],
}

/// The same with the states themselves.
#[derive(Clone, Debug)]
struct Lives {
    states: Vec<State>,
    has: [Option<usize>; 5],
}

impl Lives {
    fn key(&self) -> World {
        let lives = self.states.iter().map(|state| format!("{state:?}")).collect();
        World { lives, has: self.has }
    }

    /// The set of the name that a server or a secondary finds.
    fn alive(&self) -> Option<usize> {
        self.states.iter().rposition(|state| state.client == ClientLife::Created)
    }

    /// The life in which a call takes effect now, and the call as it is understood there.
    fn bound(&self, make: Make) -> (Option<usize>, Call) {
        let own = self.has[make.interface()];
        let state = own.map(|life| &self.states[life]);
        let server = |call| (own, Call::Server(call));
        let client = |call| (own, Call::Client(call));
        let device = own.filter(|_| state.is_some_and(|state| !state.devices.is_empty()));
        match make {
            M::Create | M::CreateBeside => {
                let life = own.filter(|life| self.states[*life].client == ClientLife::Created);
                let taken = life.is_none() && self.alive().is_some();
                let flaw = taken.then_some(CreateFlaw::Taken);
                let asked = Asked::default();
                (life, Call::Client(ClientCall::Create { devices: 1, asked, flaw }))
            }
            M::Open | M::OpenBeside => {
                let open = own.filter(|life| self.states[*life].server == ServerLife::Open);
                let other = self.has[if make == M::Open { 4 } else { 1 }];
                let elsewhere = |life: usize| {
                    other == Some(life) && self.states[life].server == ServerLife::Open
                };
                match (open, self.alive()) {
                    (None, Some(life)) if elsewhere(life) => {
                        let call = ServerCall::Open { found: false, reused: own.is_some() };
                        (own, Call::Server(call))
                    }
                    (Some(life), _) => {
                        (Some(life), Call::Server(ServerCall::Open { found: true, reused: false }))
                    }
                    (None, found) => {
                        let reused = own.is_some();
                        let call = ServerCall::Open { found: found.is_some(), reused };
                        (found.or(own), Call::Server(call))
                    }
                }
            }
            M::OpenSecondary => {
                let open = own.filter(|life| self.states[*life].client_open(1));
                let found = self.alive();
                let call = ClientCall::OpenInSecondary { found: found.is_some() };
                (open.or(found).or(own), Call::Secondary(1, call))
            }
            M::Close | M::CloseBeside => client(ClientCall::Close),
            M::Abort => client(ClientCall::SignalAbort),
            M::Configuration => client(ClientCall::GetConfiguration { timeout: Timeout::Poll }),
            M::OpenDevice => client(ClientCall::OpenDevice { name: DeviceName::Known(0) }),
            // The device interface is the first life's.
            M::GetCommand => {
                let call = ClientCall::GetCommand { device: 0, timeout: Timeout::Poll };
                (Some(0), Call::Client(call))
            }
            M::ServerClose => server(ServerCall::Close),
            M::ServerAbort => server(ServerCall::SignalAbort),
            M::ServerConfiguration | M::ServerConfigurationBeside => {
                server(ServerCall::GetConfiguration)
            }
            M::Begin => server(ServerCall::begin_configuration()),
            M::End => server(ServerCall::EndConfiguration),
            M::ServerOpenDevice => {
                let unopened =
                    |life: &usize| self.states[*life].devices[0].server == ServerDevice::Unopened;
                let device = device.filter(unopened).map(|_| 0);
                server(ServerCall::OpenDevice { device })
            }
            M::CloseDevice => (Some(0), Call::Server(ServerCall::CloseDevice { device: 0 })),
            M::CloseSecondary => (own, Call::Secondary(1, ClientCall::Close)),
            M::AbortSecondary => (own, Call::Secondary(1, ClientCall::SignalAbort)),
        }
    }

    /// Everything that can come of a call that takes effect now.
    fn outcomes(&self, make: Make, profile: &Profile) -> Vec<(Outcome, Self)> {
        let (life, call) = self.bound(make);
        let state = life.map_or_else(State::default, |life| self.states[life].clone());
        let lane = LaneId(9);
        let mut all = Vec::new();
        for outcome in vdi_model::outcomes(&state, profile, Limits::default(), lane, &call) {
            if outcome.exceptional || outcome.answer == Answer::Blocks {
                continue;
            }
            let mut after = state.clone();
            vdi_model::apply_and_return(&mut after, lane, call.caller(), &outcome);
            after.normalize();
            let mut lives = self.clone();
            match life {
                Some(life) => lives.states[life] = after,
                None if after != State::default() => lives.states.push(after),
                None => {}
            }
            let opened = match (call.caller(), life) {
                (Caller::Client(0), None) if matches!(make, M::Create | M::CreateBeside) => {
                    Some(lives.states.len() - 1)
                }
                _ => life,
            };
            let succeeds = outcome.answer.expected().is_some_and(|e| e.admits(HResult::NOERROR));
            let gives = matches!(
                make,
                M::Create | M::CreateBeside | M::Open | M::OpenBeside | M::OpenSecondary
            );
            if gives && succeeds {
                lives.has[make.interface()] = opened;
            }
            all.push((outcome, lives));
        }
        all
    }
}

type Statuses = Vec<HResult>;

/// Calls, stage by stage: those of one stage overlap.
fn every_outcome(stages: &[Vec<Make>], profile: &Profile) -> BTreeMap<Statuses, Vec<Lives>> {
    let start = Lives { states: Vec::new(), has: [None; 5] };
    let mut all = BTreeMap::from([(Statuses::new(), vec![start])]);
    for stage in stages {
        let mut next: BTreeMap<Statuses, BTreeMap<World, Lives>> = BTreeMap::new();
        for (before, worlds) in all {
            for world in worlds {
                for (statuses, after) in every_order(&world, stage, profile) {
                    let all = before.iter().copied().chain(statuses).collect();
                    next.entry(all).or_default().insert(after.key(), after);
                }
            }
        }
        all = next
            .into_iter()
            .map(|(statuses, worlds)| (statuses, worlds.into_values().collect()))
            .collect();
    }
    all
}

/// Every order of effects of calls that overlap, with every outcome of each.
fn every_order(world: &Lives, stage: &[Make], profile: &Profile) -> Vec<(Statuses, Lives)> {
    let mut done = Vec::new();
    let mut work = vec![(vec![None; stage.len()], world.clone())];
    while let Some((taken, world)) = work.pop() {
        let open: Vec<usize> = (0..stage.len()).filter(|at| taken[*at].is_none()).collect();
        if open.is_empty() {
            done.push((taken.into_iter().flatten().collect(), world));
            continue;
        }
        for at in open {
            for (outcome, after) in world.outcomes(stage[at], profile) {
                let Some(expected) = outcome.answer.expected() else { continue };
                for status in STATUSES.into_iter().filter(|status| expected.admits(*status)) {
                    let mut taken = taken.clone();
                    taken[at] = Some(status);
                    work.push((taken, after.clone()));
                }
            }
        }
    }
    done
}

/// The history in which the calls of a stage all begin before the first of them returns.
fn history(stages: &[Vec<Make>], lead: usize, statuses: &[HResult], backwards: bool) -> String {
    let mut text = String::from(
        "{\"vdi\":\"trace/1\",\"interfaces\":{\"cset2\":\"primary\",\"sset2\":\"server\"}}\n",
    );
    let lane = |make: Make, at: usize| {
        let process = ["primary", "server", "secondary1"][make.process()];
        format!("{process}.t{at}")
    };
    let mut statuses = statuses.iter();
    for (place, stage) in stages.iter().enumerate() {
        for (at, make) in stage.iter().enumerate() {
            let (lane, call) = (lane(*make, at), make.text());
            // The devices that are opened on the way to the phase have names.
            let creates = match make {
                M::OpenDevice => r#","as":"c1""#,
                M::ServerOpenDevice => r#","as":"s1""#,
                M::Create
                | M::Close
                | M::Abort
                | M::Configuration
                | M::GetCommand
                | M::Open
                | M::ServerClose
                | M::ServerAbort
                | M::ServerConfiguration
                | M::Begin
                | M::End
                | M::CloseDevice
                | M::OpenSecondary
                | M::CloseSecondary
                | M::AbortSecondary
                | M::CreateBeside
                | M::CloseBeside
                | M::OpenBeside
                | M::ServerConfigurationBeside => "",
            };
            let creates = if place < lead { creates } else { "" };
            let _ = writeln!(text, r#"{{"lane":"{lane}",{call}{creates}}}"#);
        }
        let mut returns: Vec<String> = Vec::new();
        for (at, make) in stage.iter().enumerate() {
            let Some(status) = statuses.next() else { break };
            let lane = lane(*make, at);
            returns.push(format!(r#"{{"lane":"{lane}","return":"{status}"}}"#));
        }
        if backwards {
            returns.reverse();
        }
        returns.iter().for_each(|line| text.push_str(&format!("{line}\n")));
    }
    text
}

/// How many calls lead to the phase.
fn lead(stages: &[Vec<Make>]) -> usize {
    stages.iter().take_while(|stage| stage.len() == 1).count()
}

/// What was tried: histories that are allowed, and histories that are not.
#[derive(Default)]
struct Tried {
    allowed: usize,
    refused: usize,
    wrong: Vec<String>,
}

impl Tried {
    /// Every outcome of these calls after a phase is conformant; what is none is a violation.
    fn every(&mut self, phase: &[Make], calls: &[Make], profile: &Profile) {
        let lacks = |call: &Make| call.device().is_some_and(|opens| !phase.contains(&opens));
        if calls.iter().any(lacks) {
            return;
        }
        let mut stages: Vec<Vec<Make>> = phase.iter().map(|make| vec![*make]).collect();
        stages.push(calls.to_vec());
        // What the interfaces have afterwards shows in what comes next.
        stages.push(vec![M::ServerConfiguration]);
        stages.push(vec![M::Configuration]);
        let allowed = every_outcome(&stages, profile);
        let last = stages.iter().map(Vec::len).sum::<usize>();
        let as_led = |statuses: &Statuses| {
            statuses[..phase.len()].iter().all(|status| *status == HResult::NOERROR)
        };
        for statuses in allowed.keys().filter(|statuses| as_led(statuses)) {
            for backwards in [false, true] {
                self.one(&stages, statuses, backwards, true, profile);
            }
            // What is no outcome at all: everything succeeds.
            let mut all = statuses.clone();
            all[phase.len()..last - 2].fill(HResult::NOERROR);
            if !allowed.contains_key(&all) {
                self.one(&stages, &all, false, false, profile);
            }
            for at in phase.len()..last {
                for other in self.others(at) {
                    let mut changed = statuses.clone();
                    changed[at] = other;
                    let known = allowed.keys().any(|known| *known == changed);
                    if !known {
                        self.one(&stages, &changed, false, false, profile);
                    }
                }
            }
        }
    }

    /// The statuses that are tried in the place of another: one in turn, or all of them.
    fn others(&self, at: usize) -> Vec<HResult> {
        match std::env::var_os("VDI_SEEDS") {
            Some(_) => STATUSES.to_vec(),
            None => vec![STATUSES[(self.allowed + at) % STATUSES.len()]],
        }
    }

    fn one(
        &mut self,
        stages: &[Vec<Make>],
        statuses: &[HResult],
        backwards: bool,
        allowed: bool,
        profile: &Profile,
    ) {
        let text = history(stages, lead(stages), statuses, backwards);
        let judged = check_reader(text.as_bytes(), profile);
        let right = judged.error.is_none()
            && match judged.verdict {
                Verdict::Conformant => allowed,
                Verdict::Violation(_) => !allowed,
                _ => false,
            };
        if allowed {
            self.allowed += 1;
        } else {
            self.refused += 1;
        }
        if !right {
            let (error, verdict) = (judged.error, judged.verdict);
            self.wrong.push(format!("allowed: {allowed}\n{text}{error:?}\n{verdict:?}\n"));
        }
    }

    fn assert(self, at_least: usize) {
        let Self { allowed, refused, wrong } = self;
        let first: String = wrong.iter().take(5).map(String::as_str).collect();
        let count = wrong.len();
        assert!(wrong.is_empty(), "{count} of {allowed} and {refused} wrong:\n{first}");
        assert!(allowed >= at_least, "only {allowed} histories");
    }
}

fn reopening() -> Profile {
    Profile { server_handle_reuse: ServerHandleReuse::Reopens, ..Profile::default() }
}

#[test]
fn every_pair_of_calls_in_every_phase() {
    let mut tried = Tried::default();
    for phase in PHASES {
        for one in ALL {
            for other in ALL {
                tried.every(phase, &[one, other], &Profile::default());
            }
        }
    }
    tried.assert(1_700);
}

#[test]
fn every_triple_of_calls_that_change_a_life() {
    let mut tried = Tried::default();
    for phase in PHASES {
        for one in LIVES {
            for other in LIVES {
                for third in LIVES {
                    // The order of beginning matters least: one way and back, or all of them.
                    let rises = one <= other && other <= third;
                    let falls = one >= other && other >= third;
                    if !rises && !falls && std::env::var_os("VDI_SEEDS").is_none() {
                        continue;
                    }
                    tried.every(phase, &[one, other, third], &Profile::default());
                }
            }
        }
    }
    tried.assert(2_000);
}

#[test]
fn lives_under_the_reading_that_reopens() {
    let mut tried = Tried::default();
    for phase in PHASES {
        for one in LIVES {
            for other in ALL {
                tried.every(phase, &[one, other], &reopening());
            }
        }
    }
    tried.assert(1_000);
}

/// A source of choices that a seed decides.
struct Choices(u64);

impl Choices {
    fn below(&mut self, count: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % count
    }
}

/// A call on a lane: which, and what it will return once it has taken effect.
type Running = Option<(Make, Option<HResult>)>;

/// A history of threads that call as they like: each call takes effect at some moment between
/// its beginning and its return.
fn program(seed: u64, events: usize, profile: &Profile) -> String {
    let mut choices = Choices(seed);
    let lanes = 2 + choices.below(3);
    let mut running: Vec<Running> = vec![None; lanes];
    let mut world = Lives { states: Vec::new(), has: [None; 5] };
    let mut text = String::from(
        "{\"vdi\":\"trace/1\",\"interfaces\":{\"cset2\":\"primary\",\"sset2\":\"server\"}}\n",
    );
    let lane = |make: Make, at: usize| {
        let process = ["primary", "server", "secondary1"][make.process()];
        format!("{process}.t{at}")
    };
    let mut written = 0;
    while written < events {
        let at = choices.below(lanes);
        match running[at] {
            None => {
                // Every second call begins or ends a life.
                let make = match choices.below(2) {
                    0 => LIVES[choices.below(LIVES.len())],
                    _ => ALL[choices.below(ALL.len())],
                };
                if make.device().is_some() {
                    continue;
                }
                let _ = writeln!(text, r#"{{"lane":"{}",{}}}"#, lane(make, at), make.text());
                running[at] = Some((make, None));
                written += 1;
            }
            Some((make, None)) => {
                let mut outcomes = world.outcomes(make, profile);
                let (outcome, after) = outcomes.swap_remove(choices.below(outcomes.len()));
                let admits = |status: &HResult| {
                    outcome.answer.expected().is_some_and(|expected| expected.admits(*status))
                };
                let statuses: Vec<HResult> = STATUSES.into_iter().filter(admits).collect();
                running[at] = Some((make, Some(statuses[choices.below(statuses.len())])));
                world = after;
            }
            Some((make, Some(status))) => {
                let _ = writeln!(text, r#"{{"lane":"{}","return":"{status}"}}"#, lane(make, at));
                running[at] = None;
                written += 1;
            }
        }
    }
    text
}

#[test]
fn no_program_is_accused() {
    let seeds = std::env::var("VDI_SEEDS").ok().and_then(|text| text.parse().ok());
    let mut accused = Vec::new();
    for seed in 0..seeds.unwrap_or(500) {
        let profile = if seed % 3 == 0 { reopening() } else { Profile::default() };
        let text = program(seed, 60, &profile);
        let judged = check_reader(text.as_bytes(), &profile);
        if judged.error.is_some() || judged.verdict != Verdict::Conformant {
            let (error, verdict) = (judged.error, judged.verdict);
            accused.push(format!("seed {seed}\n{text}{error:?}\n{verdict:?}\n"));
        }
    }
    assert!(accused.is_empty(), "{} accused:\n{}", accused.len(), accused.join("\n"));
}
