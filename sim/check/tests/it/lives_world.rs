//! The calls that begin, use and end the lives of a set, and a world in which each finds its
//! set when it takes effect: every order of effects of calls that overlap.

use std::collections::BTreeMap;

use vdi_model::{
    Answer, Asked, Call, Caller, ClientCall, ClientLife, CreateFlaw, DeviceName, LaneId, Limits,
    Outcome, ServerCall, ServerDevice, ServerLife, State, Timeout,
};
use vdi_spec::clauses::Profile;
use vdi_spec::codes::HResult;

/// The functions of the small histories.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Make {
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

pub(crate) const ALL: [Make; 21] = [
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
pub(crate) const LIVES: [Make; 8] = [
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
pub(crate) const PHASES: [&[Make]; 13] = [
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
pub(crate) const STATUSES: [HResult; 7] = [
    HResult::NOERROR,
    HResult::VD_E_PROTOCOL,
    HResult::VD_E_ABORT,
    HResult::VD_E_INVALID,
    HResult::VD_E_TIMEOUT,
    HResult::VD_E_OPEN,
    HResult::VD_E_CLOSE,
];

impl Make {
    pub(crate) fn process(self) -> usize {
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
    pub(crate) fn interface(self) -> usize {
        match self {
            Self::CreateBeside | Self::CloseBeside => 3,
            Self::OpenBeside | Self::ServerConfigurationBeside => 4,
            Self::Create
            | Self::Close
            | Self::Abort
            | Self::Configuration
            | Self::OpenDevice
            | Self::GetCommand
            | Self::Open
            | Self::ServerClose
            | Self::ServerAbort
            | Self::ServerConfiguration
            | Self::Begin
            | Self::End
            | Self::ServerOpenDevice
            | Self::CloseDevice
            | Self::OpenSecondary
            | Self::CloseSecondary
            | Self::AbortSecondary => self.process(),
        }
    }

    /// The call as an event: on what, and with which arguments.
    pub(crate) fn text(self) -> &'static str {
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
    pub(crate) fn device(self) -> Option<Self> {
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
pub(crate) struct World {
    lives: Vec<String>,
    has: [Option<usize>; 5],
}

/// The same with the states themselves.
#[derive(Clone, Debug)]
pub(crate) struct Lives {
    pub(crate) states: Vec<State>,
    pub(crate) has: [Option<usize>; 5],
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
    pub(crate) fn outcomes(&self, make: Make, profile: &Profile) -> Vec<(Outcome, Self)> {
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

pub(crate) type Statuses = Vec<HResult>;

/// Calls, stage by stage: those of one stage overlap.
pub(crate) fn every_outcome(
    stages: &[Vec<Make>],
    profile: &Profile,
) -> BTreeMap<Statuses, Vec<Lives>> {
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

/// Calls of a stage, on the way.
#[derive(Clone)]
struct Order {
    world: Lives,
    /// What each that has taken effect will return.
    taken: Vec<Option<HResult>>,
    /// The Closes that have aborted a life and not released it yet, with the life.
    closing: Vec<(Make, usize)>,
}

/// Every order of effects of calls that overlap, with every outcome of each. A Close that
/// aborts does so before it releases the set, which are two steps.
pub(crate) fn every_order(
    world: &Lives,
    stage: &[Make],
    profile: &Profile,
) -> Vec<(Statuses, Lives)> {
    let mut done = Vec::new();
    let start = Order { world: world.clone(), taken: vec![None; stage.len()], closing: Vec::new() };
    let mut work = vec![start];
    while let Some(order) = work.pop() {
        let open: Vec<usize> = (0..stage.len()).filter(|at| order.taken[*at].is_none()).collect();
        if open.is_empty() && order.closing.is_empty() {
            done.push((order.taken.into_iter().flatten().collect(), order.world));
            continue;
        }
        for at in 0..order.closing.len() {
            let mut after = order.clone();
            let (close, life) = after.closing.remove(at);
            after.world.release(close, life, profile);
            work.push(after);
        }
        // Of two Closes of an interface one closes it.
        let is_closing = |at: &usize| order.closing.iter().any(|(close, _)| *close == stage[*at]);
        for at in open.into_iter().filter(|at| !is_closing(at)) {
            for (outcome, world) in order.world.outcomes(stage[at], profile) {
                let Some(expected) = outcome.answer.expected() else { continue };
                for status in STATUSES.into_iter().filter(|status| expected.admits(*status)) {
                    let mut after = Order { world: world.clone(), ..order.clone() };
                    after.taken[at] = Some(status);
                    if let Some(life) = order.world.aborts_first(stage[at], &world) {
                        let mut between = Order { world: order.world.clone(), ..after.clone() };
                        between.world.states[life].aborted = world.states[life].aborted;
                        between.closing.push((stage[at], life));
                        work.push(between);
                    }
                    work.push(after);
                }
            }
        }
    }
    done
}

impl Lives {
    /// The life that a Close aborts and releases, if this is what has become of it.
    fn aborts_first(&self, make: Make, after: &Self) -> Option<usize> {
        let (life, call) = self.bound(make);
        let closes = matches!(
            call,
            Call::Server(ServerCall::Close)
                | Call::Client(ClientCall::Close)
                | Call::Secondary(_, ClientCall::Close)
        );
        let aborts = |life: &usize| {
            self.states[*life].aborted.is_none() && after.states[*life].aborted.is_some()
        };
        life.filter(|life| closes && aborts(life))
    }

    /// A Close that has aborted this life releases it.
    fn release(&mut self, close: Make, life: usize, profile: &Profile) {
        let (_, call) = self.bound(close);
        let state = &mut self.states[life];
        let outcomes = vdi_model::outcomes(state, profile, Limits::default(), LaneId(9), &call);
        vdi_model::apply_and_return(state, LaneId(9), call.caller(), &outcomes[0]);
        state.normalize();
    }
}
