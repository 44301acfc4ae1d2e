//! The events of a set with overlaps.

use smallvec::SmallVec;

use super::config::Config;
use super::ground::{Aside, Scope};
use super::search::{Event, Found, Ways};
use crate::events::Seen;
use crate::sequential::Checker;
use vdi_model::{Callback, CommandId, LaneId, State};
use vdi_spec::clauses::Clause;
use vdi_spec::codes::HResult;
use vdi_trace::Out;

/// How an event came about.
#[derive(Debug, Default)]
pub(crate) struct Explained {
    /// The clauses that it rests on, in one explanation or another.
    pub(crate) clauses: SmallVec<[Clause; 8]>,
    /// The routine that was invoked, if one was.
    pub(crate) callback: Option<Callback>,
}

/// Why there is no explanation: the configurations that were looked at.
#[derive(Debug)]
pub(crate) struct Unexplained {
    pub(crate) configs: Vec<Config>,
    /// Whether there may be one that was not looked at.
    pub(crate) gave_up: bool,
}

impl Checker {
    /// An open call returns.
    pub(crate) fn return_live(
        &mut self,
        index: usize,
        status: HResult,
        out: &Out<'_>,
    ) -> Result<Explained, Unexplained> {
        let (world, slot) = (self.open[index].bound.world, self.open[index].slot);
        self.explain(world, Scope::Set, &Event::Return { slot, status, out })
    }

    /// A completion routine is invoked.
    pub(crate) fn callback_live(
        &mut self,
        world: usize,
        command: CommandId,
        seen: Seen,
    ) -> Result<Explained, Unexplained> {
        let scope = self.scope_of_callback(world, command);
        self.explain(world, scope, &Event::Callback { command, seen })
    }

    /// Everything has come to rest.
    pub(crate) fn rest_live(&mut self, world: usize) -> Result<Explained, Unexplained> {
        self.explain(world, Scope::Set, &Event::Rest)
    }

    /// Something was seen that is possible in some states only.
    pub(crate) fn hold_live(
        &mut self,
        world: usize,
        holds: &dyn Fn(&State) -> bool,
    ) -> Result<Explained, Unexplained> {
        self.explain(world, Scope::Set, &Event::Holds(holds))
    }

    fn explain(
        &mut self,
        world: usize,
        scope: Scope,
        event: &Event<'_>,
    ) -> Result<Explained, Unexplained> {
        let found = self.search(world, scope, event);
        let live = self.worlds[world].live.get_or_insert_default();
        match found {
            Found::Explained(configs, ways) => {
                live.configs = configs;
                self.settle_blame(world);
                self.sweep(world);
                Ok(explained(&ways))
            }
            Found::Impossible(mut configs) => {
                // What came the furthest is told of first.
                configs.sort_by_key(|config| std::cmp::Reverse(config.taken.count()));
                Err(Unexplained { configs, gave_up: false })
            }
            Found::TooMany(configs) => Err(Unexplained { configs, gave_up: true }),
        }
    }

    fn scope_of_callback(&self, world: usize, id: CommandId) -> Scope {
        let mut states = self.worlds[world].states();
        let in_state = states.find_map(|state| state.command(id)).map(|command| command.device);
        let sent = || {
            self.open.iter().find_map(|open| match &open.bound.call {
                vdi_model::Call::Server(vdi_model::ServerCall::SendCommand(request)) => {
                    (open.bound.world == world && request.command == id).then_some(request.device)
                }
                _ => None,
            })
        };
        in_state.or_else(sent).map_or(Scope::Set, Scope::Device)
    }

    /// Intervals of serverTimeOut pass for the agent on a lane, now or later.
    pub(crate) fn pass_live(&mut self, world: usize, lane: LaneId, passes: u8) {
        self.add_aside(world, Aside::Passes(lane, passes));
    }
}

fn explained(ways: &Ways) -> Explained {
    let mut explained = Explained::default();
    for way in ways {
        for clause in way.clauses() {
            if !explained.clauses.contains(&clause) {
                explained.clauses.push(clause);
            }
        }
        explained.callback = explained.callback.or(way.callback());
    }
    explained
}
