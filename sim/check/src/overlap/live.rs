//! A set whose calls overlap, event by event.

use smallvec::SmallVec;

use super::config::{Blame, Config, Could, Slot, Slots, With};
use super::ground::{Aside, Ground, Pending, Scope};
use super::meet::moves_commands;
use super::search::{Event, Found};
use crate::frontier::World;
use crate::sequential::Checker;
use crate::setup::OpenCall;
use vdi_model::{Call, Caller, ClientCall, LaneId, Outcome, ServerCall, ServerDevice, State};
use vdi_trace::Function;

/// Every way in which what was observed of a set can have come about.
#[derive(Clone, Debug, Default)]
pub(crate) struct Live {
    pub(crate) configs: Vec<Config>,
    /// What was said to happen without a call, and may not have happened yet.
    pub(crate) asides: SmallVec<[(Slot, Aside); 1]>,
}

impl Checker {
    pub(crate) fn is_live(&self, world: usize) -> bool {
        self.worlds[world].live.is_some()
    }

    /// From here on the order of effects in this set is searched for.
    pub(crate) fn go_live(&mut self, world: usize) {
        if self.is_live(world) {
            return;
        }
        let mut taken = Slots::default();
        let mut states = std::mem::take(&mut self.worlds[world].frontier);
        for open in self.open.iter_mut().filter(|open| open.bound.world == world) {
            if open.presumed {
                (open.presumed, open.taken) = (false, false);
                states.iter_mut().for_each(|state| vdi_model::unwait(state, open.lane));
            } else if open.taken {
                taken.add(open.slot);
            }
        }
        let configs = states.into_iter().map(|state| Config { taken, ..Config::of(state) });
        let mut configs: Vec<Config> = configs.collect();
        let ground = self.ground(world, &configs, &[], None, Scope::Set);
        configs.iter_mut().for_each(|config| ground.refresh_but(config, None, Scope::Set));
        drop(ground);
        self.worlds[world].live = Some(Box::new(Live { configs, asides: SmallVec::new() }));
    }

    /// The order of effects is known again, if everything that is open waits, or can do
    /// nothing else when it comes to it, and nothing has to happen by itself.
    pub(crate) fn rest_from_live(&mut self, world: usize) -> bool {
        if self.setup.searches_always {
            return false;
        }
        let Some(live) = &self.worlds[world].live else {
            return true;
        };
        let settled = |config: &Config| {
            config.begun.is_empty()
                && config.blame.is_empty()
                && self.untaken(world, config).all(|open| self.would_wait(config, open).is_some())
                && config.state.is_quiet(&self.profile)
        };
        if !live.asides.is_empty() || !live.configs.iter().all(settled) {
            return false;
        }
        let Some(mut live) = self.worlds[world].live.take() else {
            return true;
        };
        for config in &mut live.configs {
            let waits: SmallVec<[(LaneId, Caller, Outcome); 4]> = self
                .untaken(world, config)
                .filter_map(|open| {
                    let outcome = self.would_wait(config, open)?;
                    Some((open.lane, open.bound.call.caller(), outcome))
                })
                .collect();
            for (lane, caller, outcome) in waits {
                vdi_model::apply(&mut config.state, lane, caller, &outcome);
            }
        }
        let taken = |slot| live.configs.iter().all(|config| config.taken.has(slot));
        for open in self.open.iter_mut().filter(|open| open.bound.world == world) {
            (open.taken, open.presumed) = (true, !taken(open.slot));
        }
        let set = &mut self.worlds[world];
        for config in live.configs {
            if !set.frontier.contains(&config.state) {
                set.frontier.push(config.state);
            }
        }
        true
    }

    /// The calls of a set that have begun, and have not taken effect.
    fn untaken<'a>(
        &'a self,
        world: usize,
        config: &'a Config,
    ) -> impl Iterator<Item = &'a OpenCall> {
        let open = self.open.iter().filter(move |open| open.bound.world == world);
        open.filter(|open| !config.taken.has(open.slot))
    }

    /// That a call begins to wait, if it can do nothing else, and could not since it began.
    fn would_wait(&self, config: &Config, open: &OpenCall) -> Option<Outcome> {
        let call = &open.bound.call;
        let could = |could: &&Could| could.slot == open.slot && !matches!(could.with, With::Wait);
        if !moves_commands(call) || open.lost || config.could.iter().any(|known| could(&known)) {
            return None;
        }
        self.waits_only(&config.state, open)
    }

    /// A slot for one more call of a set; none is left when too many are open.
    pub(crate) fn free_slot(&self, world: usize) -> Option<Slot> {
        let mut used = Slots::default();
        for open in self.open.iter().filter(|open| open.bound.world == world) {
            used.add(open.slot);
        }
        if let Some(live) = &self.worlds[world].live {
            live.asides.iter().for_each(|(slot, _)| used.add(*slot));
        }
        used.free()
    }

    /// What bears on an event of this scope.
    pub(super) fn ground(
        &self,
        world: usize,
        configs: &[Config],
        asides: &[(Slot, Aside)],
        target: Option<Slot>,
        scope: Scope,
    ) -> Ground<'_> {
        let mut ground = Ground {
            judge: self,
            world,
            pending: SmallVec::new(),
            asides: asides.iter().copied().collect(),
            scope,
            plainly: self.setup.plainly,
        };
        for open in self.open.iter().filter(|open| open.bound.world == world) {
            ground.pending.push(Pending {
                slot: open.slot,
                lane: open.lane,
                line: open.line,
                function: open.function,
                call: &open.bound.call,
                lost: open.lost,
                scope: self.scope_of(world, configs, open),
            });
        }
        let own = target.and_then(|slot| ground.find(slot));
        if let Some(index) = own {
            ground.scope = ground.pending[index].scope;
        }
        ground
    }

    /// What a call reads and changes. What the server asks of a device bears on this
    /// device alone while it is open, and nobody is closing it at the same time.
    fn scope_of(&self, world: usize, configs: &[Config], open: &OpenCall) -> Scope {
        let device = match &open.bound.call {
            Call::Client(call) | Call::Secondary(_, call) => match call {
                ClientCall::GetCommand { device, .. }
                | ClientCall::CompleteCommand { device, .. } => return Scope::Device(*device),
                _ => return Scope::Set,
            },
            Call::Server(call) => match server_device(call) {
                Some(device) => device,
                None => return Scope::Set,
            },
        };
        let is_open = |config: &Config| {
            config
                .state
                .devices
                .get(usize::from(device))
                .is_some_and(|known| known.server == ServerDevice::Open)
        };
        let others = || {
            self.open.iter().filter(|other| {
                other.bound.world == world
                    && matches!(&other.bound.call,
                        Call::Server(call) if server_device(call) == Some(device))
            })
        };
        let closes = |open: &OpenCall| open.function == Function::CloseDevice;
        let contested = others().count() > 1 && others().any(closes);
        match configs.iter().all(is_open) && !contested {
            true => Scope::Device(device),
            false => Scope::Set,
        }
    }

    /// Searches for what explains an event.
    pub(super) fn search(&mut self, world: usize, scope: Scope, event: &Event<'_>) -> Found {
        let live = self.worlds[world].live.as_mut().expect("asked of a set with overlaps");
        let configs = std::mem::take(&mut live.configs);
        let asides = live.asides.clone();
        let ground = self.ground(world, &configs, &asides, event.returns(), scope);
        ground.explain(configs, event, self.setup.budget)
    }

    /// Notes what a call that has just begun could return at once.
    pub(crate) fn enter_live(&mut self, world: usize, slot: Slot) {
        let Some(mut live) = self.worlds[world].live.take() else {
            return;
        };
        if !self.setup.plainly {
            let Live { configs, asides } = &mut *live;
            let ground = self.ground(world, configs, asides, Some(slot), Scope::Set);
            if let Some(index) = ground.find(slot) {
                let pending = &ground.pending[index];
                configs.iter_mut().for_each(|config| ground.note_answers(config, pending));
            }
        }
        self.worlds[world].live = Some(live);
    }

    /// Something happens without a call, now or later.
    pub(crate) fn add_aside(&mut self, world: usize, aside: Aside) {
        let Some(slot) = self.free_slot(world) else {
            return;
        };
        if let Some(live) = &mut self.worlds[world].live {
            live.asides.push((slot, aside));
        }
    }

    /// The calls of a process that has ended return no more; they may yet take effect,
    /// until the end is noticed.
    pub(crate) fn exit_live(&mut self, world: usize, caller: Caller) {
        let of =
            |open: &&mut OpenCall| open.bound.world == world && open.bound.call.caller() == caller;
        self.open.iter_mut().filter(of).for_each(|open| open.lost = true);
        self.add_aside(world, Aside::Exit(caller));
    }

    /// Drops what has happened in every configuration: asides, and calls that are lost.
    pub(crate) fn sweep(&mut self, world: usize) {
        let Self { open, worlds, .. } = self;
        let Some(live) = &mut worlds[world].live else {
            return;
        };
        let Live { configs, asides } = &mut **live;
        if asides.is_empty() {
            return;
        }
        let done = |slot: Slot, configs: &[Config]| configs.iter().all(|c| c.taken.has(slot));
        let exits: Vec<Caller> = asides
            .iter()
            .filter(|(slot, _)| done(*slot, configs))
            .filter_map(|(_, aside)| match aside {
                Aside::Exit(caller) => Some(*caller),
                Aside::Passes(..) => None,
            })
            .collect();
        let mut freed: SmallVec<[Slot; 4]> = SmallVec::new();
        asides.retain(|(slot, _)| {
            let done = done(*slot, configs);
            freed.extend(done.then_some(*slot));
            !done
        });
        open.retain(|open| {
            let gone =
                open.bound.world == world && open.lost && exits.contains(&open.bound.call.caller());
            freed.extend(gone.then_some(open.slot));
            !gone
        });
        for config in configs {
            freed.iter().for_each(|slot| config.forget(*slot));
        }
        if exits.contains(&Caller::Server) {
            self.names.retire_commands(world);
        }
    }

    /// What a caller broke in every explanation that is left, it broke.
    pub(crate) fn settle_blame(&mut self, world: usize) {
        let Some(live) = &mut self.worlds[world].live else {
            return;
        };
        let Some((first, others)) = live.configs.split_first_mut() else {
            return;
        };
        if first.blame.is_empty() {
            return;
        }
        let mut certain: SmallVec<[Blame; 1]> = first.blame.clone();
        certain.retain(|blame| others.iter().all(|other| other.blame.contains(blame)));
        for config in &mut live.configs {
            config.blame.retain(|blame| !certain.contains(blame));
        }
        for blame in certain {
            let what = format!("{} by {}", blame.function, self.lane_of(blame.lane).name);
            self.find(blame.line, blame.clause, what, false);
        }
    }
}

impl World {
    /// The states that the set may be in.
    pub(crate) fn states(&self) -> impl Iterator<Item = &State> {
        let live = self.live.iter().flat_map(|live| live.configs.iter().map(|c| &c.state));
        self.frontier.iter().chain(live)
    }

    /// The agent on a lane is about to come out of a completion routine. An interval that
    /// was said to pass may have passed within it, where it counts for nothing: no search
    /// comes between, which could put that off.
    pub(crate) fn pass_within_routine(&mut self, lane: LaneId) {
        let Some(Live { configs, asides }) = self.live.as_deref_mut() else {
            return;
        };
        let of_lane = |aside: &Aside| matches!(aside, Aside::Passes(on, _) if *on == lane);
        for (slot, _) in asides.iter().filter(|(_, aside)| of_lane(aside)) {
            let ahead = configs.iter().filter(|config| !config.taken.has(*slot)).cloned();
            let mut passed: Vec<Config> = ahead.collect();
            passed.iter_mut().for_each(|config| config.taken.add(*slot));
            configs.extend(passed);
        }
    }

    pub(crate) fn states_mut(&mut self) -> impl Iterator<Item = &mut State> {
        let live =
            self.live.iter_mut().flat_map(|live| live.configs.iter_mut().map(|c| &mut c.state));
        self.frontier.iter_mut().chain(live)
    }
}

const fn server_device(call: &ServerCall) -> Option<u8> {
    match call {
        ServerCall::SendCommand(request) => Some(request.device),
        ServerCall::CloseDevice { device } => Some(*device),
        _ => None,
    }
}
