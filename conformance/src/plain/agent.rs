//! The completion agent: the server's thread on which callbacks are made.
//!
//! Sources: SQL Server VDI reference, ExecuteCompletionAgent;
//! IServerVirtualDeviceSet2::Close, Remarks.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use vdi_sim::codes::HResult;

use super::defect::Defect;
use super::device::Owed;
use super::monitor::{Deadline, Look, Monitor};
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

/// How long the agent has been waiting for a completion.
///
/// Source: SQL Server 2005 Virtual Backup Device Specification, VDConfig
/// Structure (serverTimeOut).
struct Watch {
    /// Completions when the waiting began.
    seen: u64,
    deadline: Option<Deadline>,
}

/// Takes the place of the agent, or says why not.
pub(super) fn start(state: &mut State, id: SetId, process: &str) -> Result<(), HResult> {
    let set = state.set_mut(id);
    set.require(&[Phase::Initializing])?;
    if set.agent_running {
        return Err(HResult::VD_E_PROTOCOL);
    }
    set.agent_running = true;
    set.enter_active();
    state.enter(process);
    Ok(())
}

impl Agent {
    /// The agent's main loop: makes the callbacks, one at a time, until the set has
    /// ended and none is owed.
    pub(crate) fn run(self) -> Status {
        loop {
            match self.next_step()? {
                Step::Call(owed, twice) => self.call(owed, twice),
                Step::Return(status) => return Ok(status),
            }
        }
    }

    fn next_step(&self) -> Result<Step, Gone> {
        let mut watch = Watch { seen: 0, deadline: None };
        self.monitor.wait_for(&self.process, |state| {
            if watch.expired(state.set(self.set)) {
                state.abort(self.set);
            }
            let set = state.set_mut(self.set);
            if set.aborted() && set.defect(Defect::AgentReturnsFirst) {
                set.owed.clear();
            }
            if let Some(owed) = set.owed.pop_front() {
                if let Some(slot) = owed.clears {
                    set.devices[slot].errored = false;
                }
                let twice = set.aborted() && set.defect(Defect::CallbackTwice);
                return Look::Done(Step::Call(owed, twice));
            }
            if set.agent_may_return() {
                set.agent_running = false;
                state.leave(&self.process);
                return Look::Done(Step::Return(HResult::NOERROR));
            }
            Look::Wait(watch.deadline(set))
        })
    }

    /// Makes one callback. If it panics there is no agent any more, so the set is
    /// aborted before the panic goes on.
    fn call(&self, owed: Owed, twice: bool) {
        let mut callback = owed.callback;
        let mut outcome = invoke(&mut callback, owed.completion);
        if twice {
            outcome = invoke(&mut callback, owed.completion);
        }
        if let Err(panic) = outcome {
            self.monitor.update(|state| {
                if state.find_set(self.set).is_some() {
                    state.set_mut(self.set).agent_running = false;
                    state.abort(self.set);
                }
                state.leave(&self.process);
            });
            resume_unwind(panic);
        }
    }
}

impl Watch {
    /// Whether commands are outstanding and none has completed for two intervals.
    fn expired(&self, set: &Set) -> bool {
        self.seen == set.completions && self.deadline.is_some_and(Deadline::passed)
    }

    /// The deadline to sleep to: begun again with each completion, none while
    /// nothing is outstanding.
    fn deadline(&mut self, set: &Set) -> Option<Deadline> {
        let interval = u64::from(set.config.server_time_out);
        if interval == 0 || set.may_last() || set.outstanding().next().is_none() {
            self.deadline = None;
        } else if self.deadline.is_none() || self.seen != set.completions {
            self.seen = set.completions;
            self.deadline = Deadline::after(2 * interval);
        }
        self.deadline
    }
}

/// Invokes a completion routine, without the lock, and catches its panic.
pub(super) fn invoke(
    callback: &mut Callback,
    completion: Completion,
) -> Result<(), Box<dyn Any + Send>> {
    catch_unwind(AssertUnwindSafe(|| callback(completion)))
}
