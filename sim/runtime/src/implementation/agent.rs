//! The completion agent: the server's thread on which completion routines run.
//!
//! Sources: SQL Server VDI reference, ExecuteCompletionAgent;
//! IServerVirtualDeviceSet2::Close, Remarks.

use std::any::Any;
use std::panic::resume_unwind;
use std::sync::Weak;

use super::clock::{Waits, Watch};
use super::command::invoke;
use super::host::Stay;
use super::layout::{Phase, Piece, State};
use super::mapping::Listen;
use super::server_state::Server;
use super::server_table::{OnTimeOut, Owed, ServerTable};
use crate::sync::{Arc, Deadline, Mutant, seeded};
use vdi_spec::codes::HResult;

/// The right and the duty to be the completion agent of one set.
///
/// ExecuteCompletionAgent starts it and runs it in one go.
#[derive(Debug)]
pub(crate) struct Agent {
    server: Arc<Server>,
    /// Let go when nothing else is left to do: from then on the library may be unloaded.
    inside: Option<Stay>,
    watch: Watch,
    /// What ExecuteCompletionAgent is to return.
    result: Result<(), HResult>,
    /// With what the first completion routine that panicked did.
    panic: Option<Box<dyn Any + Send>>,
}

/// The completion agent of a set, to be taken to its thread. Unlike a clone of the set
/// interface it does not keep the set open: if the last of these is dropped, the set is
/// closed and the agent comes to its end.
#[derive(Debug)]
pub struct CompletionAgent(Arc<Server>);

impl CompletionAgent {
    pub(super) const fn new(server: Arc<Server>) -> Self {
        Self(server)
    }

    /// [`ServerSet::execute_completion_agent`](super::ServerSet::execute_completion_agent).
    ///
    /// # Errors
    /// As there.
    pub fn execute(self) -> Result<(), HResult> {
        let agent = start(&self.0)?;
        drop(self);
        agent.run()
    }

    /// The same; `tell` hears when serverTimeOut has passed twice while nothing was
    /// completed, just before the set is aborted for that: after how many milliseconds. It
    /// must not call back into the set.
    ///
    /// # Errors
    /// As [`CompletionAgent::execute`].
    pub fn execute_telling(self, tell: impl FnMut(u64) + Send + 'static) -> Result<(), HResult> {
        self.0.table().waiting.on_time_out = Some(OnTimeOut(Box::new(tell)));
        self.execute()
    }
}

/// The first half of ExecuteCompletionAgent, which does not block.
pub(super) fn start(server: &Arc<Server>) -> Result<Agent, HResult> {
    let inside = server.process.stay();
    server.mapping.notice_deaths();
    let mut table = server.table();
    if table.closed {
        return Err(HResult::VD_E_PROTOCOL);
    }
    let allowed: &[Phase] = if table.agent { &[] } else { &[Phase::Initializing] };
    server.mapping.require(allowed)?;
    table.agent = true;
    server.mapping.add(Piece::Agent);
    Ok(Agent::new(server.clone(), inside))
}

/// What the agent does next.
enum Step {
    Call(Owed),
    Wait(Option<Deadline>),
    Return,
}

impl Agent {
    fn new(server: Arc<Server>, inside: Stay) -> Self {
        let (inside, watch) = (Some(inside), Watch::default());
        Self { server, inside, watch, result: Ok(()), panic: None }
    }

    /// The agent's main loop: makes the callbacks, one at a time, until the set has
    /// ended and none is owed.
    pub(crate) fn run(mut self) -> Result<(), HResult> {
        let server = self.server.clone();
        server.mapping.host().clock.begin_agent(Arc::downgrade(&server) as Weak<dyn Waits>);
        let result = self.work();
        if seeded(Mutant::AgentLeavesEarly) {
            self.inside = None;
        }
        server.mapping.host().clock.end();
        // In this order: with the last of them the set's memory goes.
        let Self { server: own, inside, panic, .. } = self;
        drop((own, server));
        drop(inside);
        panic.map_or(result, |panic| resume_unwind(panic))
    }

    fn work(&mut self) -> Result<(), HResult> {
        let server = self.server.clone();
        let mapping = &server.mapping;
        // When it begins, and after each routine: that may have lasted, and the client died.
        let mut looks = true;
        loop {
            let mut heard = mapping.bell(Listen::Agent).listen();
            if server.process.is_dead() {
                return Err(HResult::VD_E_ABORT);
            }
            mapping.notice_deaths_awake(std::mem::replace(&mut looks, false));
            if seeded(Mutant::CallsBackLocked) {
                let mut table = server.table();
                if let Step::Call(mut owed) = self.step(&mut table) {
                    (owed.routine)(owed.completion);
                    continue;
                }
            }
            // In a statement of its own: the table is let go before anything is done.
            let step = self.step(&mut server.table());
            match step {
                Step::Call(owed) => {
                    let all = seeded(Mutant::AgentTakesAll);
                    let rest = all.then(|| std::mem::take(&mut server.table().owed));
                    self.call(owed);
                    rest.into_iter().flatten().for_each(|owed| self.call(owed));
                    looks = true;
                }
                Step::Wait(deadline) => {
                    if seeded(Mutant::AgentLooksThenListens) {
                        heard = mapping.bell(Listen::Agent).listen();
                    }
                    mapping.sleep(Listen::Agent, heard, deadline);
                }
                Step::Return => return self.result,
            }
        }
    }

    fn step(&mut self, table: &mut ServerTable) -> Step {
        let mapping = &self.server.mapping;
        table.calling = false;
        // Before the completions: what the clients recorded before they closed counts.
        let deserted = mapping.client_has_closed();
        // What is corrupt has aborted the set, and is told at the end.
        self.result = self.result.and(table.absorb_all(mapping));
        if table.patience().is_some() && self.watch.expired(table.waiting.happened) {
            table.time_out(mapping);
        }
        let state = mapping.state();
        self.result = self.result.and(state.map(|_| ()));
        // Once seen, an abort is not forgotten, whatever others write.
        table.aborted |= state.is_ok_and(|state| state.aborted) || self.result.is_err();
        let aborted = table.aborted;
        if aborted && !seeded(Mutant::AgentLeavesOutstanding) {
            table.abort();
        } else if deserted {
            // Nobody will complete what the clients hold.
            table.give_up();
        }
        let ended = matches!(state, Ok(State { phase: Phase::NormallyTerminated, .. }));
        if seeded(Mutant::AgentReturnsOwing) && ended && table.is_idle() {
            return Step::Return;
        }
        if let Some(owed) = table.owed.pop_front() {
            table.calling = true;
            if let Some(slot) = owed.clears {
                mapping.devices()[slot].error.leave();
            }
            return Step::Call(owed);
        }
        if aborted || ended && table.is_idle() {
            table.agent = false;
            return Step::Return;
        }
        let real = !mapping.host().clock.is_virtual();
        Step::Wait(self.watch.deadline(table.waiting.happened, table.patience().filter(|_| real)))
    }

    /// Makes one callback. If it panics the set is aborted; the panic goes on when all
    /// the other callbacks have been made.
    fn call(&mut self, mut owed: Owed) {
        if let Err(panic) = invoke(&mut owed.routine, owed.completion) {
            self.server.mapping.abort();
            self.panic.get_or_insert(panic);
        }
    }
}
