//! The completion agent: the server's thread on which callbacks are made.
//!
//! Sources: SQL Server VDI reference, ExecuteCompletionAgent;
//! IServerVirtualDeviceSet2::Close, Remarks.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use vdi_spec::codes::{HResult, Win32};

use super::clock::Watch;
use super::device::Owed;
use super::monitor::{Look, Monitor};
use super::mutant::Mutant;
use super::set::{Phase, Set};
use super::state::{SetId, State};
use super::{Callback, Completion, Gone, Status};
use crate::sync::Arc;

/// The right and the duty to be the completion agent of one set.
///
/// ExecuteCompletionAgent starts it and runs it in one go.
#[derive(Debug)]
pub(crate) struct Agent {
    pub(super) monitor: Arc<Monitor>,
    pub(super) process: String,
    pub(super) set: SetId,
}

/// What the agent does next.
enum Step {
    /// Make this callback; twice, if that is the defect.
    Call(Owed, bool),
    Return(HResult),
}

/// Takes the place of the agent, or says why not.
pub(super) fn start(state: &mut State, id: SetId, process: &str) -> Result<SetId, HResult> {
    let elsewhere = state.agent_elsewhere(id);
    let set = state.set_mut(id);
    if set.aborted() && set.is(Mutant::AgentAfterAbort) {
        return Err(HResult::NOERROR);
    }
    let early = &[Phase::Connected, Phase::Configurable];
    if !set.agent.running {
        set.require_also(&[Phase::Initializing], Mutant::AgentTooEarly, early)?;
    } else if set.aborted() || !(set.is(Mutant::AgentTwice) || set.is(Mutant::TwoAgentsAtOnce)) {
        set.require(&[])?;
    }
    elsewhere?;
    set.agent.running = true;
    if !set.is(Mutant::ActiveMissedByBoth) {
        set.enter_active();
    }
    state.enter(process);
    Ok(id)
}

impl Agent {
    /// The agent's main loop: makes the callbacks, one at a time, until the set has
    /// ended and none is owed.
    pub(crate) fn run(self) -> Status {
        let mut missed = self.misses_abort()?;
        loop {
            match self.next_step(std::mem::take(&mut missed))? {
                Step::Call(owed, twice) => self.call(owed, twice),
                Step::Return(status) => return Ok(status),
            }
        }
    }

    /// `missed` is the defect that overlooks an end once.
    fn next_step(&self, mut missed: bool) -> Result<Step, Gone> {
        let mut watch = Watch::new();
        self.monitor.wait_for(&self.process, |state| {
            state.clock.begin_agent(self.set);
            if watch.expired(state.set(self.set)) {
                state.abort(self.set);
            }
            let set = state.set_mut(self.set);
            set.agent.calling = false;
            if set.aborted() && set.is(Mutant::AgentReturnsFirst) {
                set.owed.clear();
            }
            if let Some(owed) = next_owed(set) {
                set.agent.calling = true;
                let mutant =
                    if set.aborted() { Mutant::CallbackTwice } else { Mutant::CallbackAgain };
                return Look::Done(Step::Call(owed, set.is(mutant)));
            }
            if !std::mem::take(&mut missed) && set.agent_may_return() {
                set.agent.running = false;
                state.clock.end_agent();
                state.leave(&self.process);
                let (right, wrong) = (HResult::NOERROR, HResult::VD_E_UNEXPECTED);
                let status = state.seed.instead(Mutant::AgentUnexpected, right, wrong);
                return Look::Done(Step::Return(status));
            }
            Look::Wait(watch.deadline(&state.clock, state.set(self.set)))
        })
    }

    /// Makes one callback. If it panics there is no agent any more, so the set is
    /// aborted before the panic goes on.
    fn call(&self, owed: Owed, twice: bool) {
        let again = self.is_overtaken();
        let mut callback = owed.callback;
        let mut outcome = invoke(&mut callback, owed.completion);
        if twice {
            outcome = invoke(&mut callback, owed.completion);
        }
        if again {
            let aborted = Completion::without_data(Win32::ERROR_OPERATION_ABORTED);
            outcome = invoke(&mut callback, aborted);
        }
        if let Err(panic) = outcome {
            self.monitor.update(|state| {
                if state.find_set(self.set).is_some() {
                    state.set_mut(self.set).agent.running = false;
                    state.abort(self.set);
                }
                state.clock.end_agent();
                state.leave(&self.process);
            });
            resume_unwind(panic);
        }
    }
}

/// Takes the oldest callback that is owed. With that of a successful ClearError its
/// device leaves the error state.
fn next_owed(set: &mut Set) -> Option<Owed> {
    let late = !set.aborted() && set.is(Mutant::CallbackLate);
    if late && set.owed.len() < 2 {
        return None;
    }
    let owed = set.owed.pop_front()?;
    if let Some(slot) = owed.clears.filter(|_| !set.is(Mutant::ClearErrorIdle)) {
        set.devices[slot].errored = false;
    }
    Some(owed)
}

/// Invokes a completion routine, without the lock, and catches its panic.
pub(super) fn invoke(
    callback: &mut Callback,
    completion: Completion,
) -> Result<(), Box<dyn Any + Send>> {
    catch_unwind(AssertUnwindSafe(|| callback(completion)))
}
