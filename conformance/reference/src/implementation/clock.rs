//! Time: the real clock, or time that passes only when it is told to.
//!
//! Source: SQL Server 2005 Virtual Backup Device Specification, VDConfig
//! Structure (serverTimeOut).

use super::deadline::Deadline;
use super::mutant::Mutant;
use super::set::Set;
use super::state::SetId;
use crate::sync::{ThreadId, this_thread};

/// How many intervals of serverTimeOut the agent waits for a completion.
const INTERVALS: u32 = 2;

/// Which calls virtual time can pass for. With the real clock it stays empty.
pub(super) struct Clock {
    virtual_time: bool,
    /// Calls that wait with a finite time-out, and how many milliseconds are left.
    calls: Vec<(ThreadId, u32)>,
    agents: Vec<(ThreadId, SetId)>,
}

/// How long the agent has been waiting for a completion by the real clock.
pub(super) struct Watch {
    /// Completions when the waiting began.
    seen: u64,
    deadline: Option<Deadline>,
}

impl Clock {
    pub(super) const fn new(virtual_time: bool) -> Self {
        Self { virtual_time, calls: Vec::new(), agents: Vec::new() }
    }

    /// A call on the present thread begins to wait for so many milliseconds at most:
    /// until when by the real clock, if that counts.
    pub(super) fn begin(&mut self, milliseconds: u32) -> Option<Deadline> {
        if !self.virtual_time {
            return Deadline::after(milliseconds.into());
        }
        self.calls.push((this_thread(), milliseconds));
        None
    }

    /// The call on the present thread waits no longer.
    pub(super) fn end(&mut self) {
        if self.virtual_time {
            let here = this_thread();
            self.calls.retain(|(thread, _)| *thread != here);
        }
    }

    /// Whether the time-out of the call on the present thread has passed.
    pub(super) fn passed(&self) -> bool {
        self.virtual_time && self.calls.contains(&(this_thread(), 0))
    }

    /// Lets so many milliseconds of the time-out of the call on this thread pass, or
    /// all; false if there is none.
    pub(super) fn let_pass(&mut self, on: ThreadId, milliseconds: Option<u32>) -> bool {
        let call = self.calls.iter_mut().find(|(thread, _)| *thread == on);
        let call = call.map(|(_, left)| *left -= milliseconds.unwrap_or(*left).min(*left));
        call.is_some()
    }

    /// The present thread is the agent of this set.
    pub(super) fn begin_agent(&mut self, set: SetId) {
        let agent = (this_thread(), set);
        if self.virtual_time && !self.agents.contains(&agent) {
            self.agents.push(agent);
        }
    }

    /// The present thread is no agent any more.
    pub(super) fn end_agent(&mut self) {
        if self.virtual_time {
            let here = this_thread();
            self.agents.retain(|(thread, _)| *thread != here);
        }
    }

    /// The set whose agent this thread is.
    pub(super) fn agent_on(&self, on: ThreadId) -> Option<SetId> {
        self.agents.iter().find(|(thread, _)| *thread == on).map(|(_, set)| *set)
    }
}

impl Watch {
    pub(super) const fn new() -> Self {
        Self { seen: 0, deadline: None }
    }

    /// Whether commands are outstanding and none has completed for two intervals.
    pub(super) fn expired(&self, set: &Set) -> bool {
        self.seen == set.agent.completions && self.deadline.is_some_and(Deadline::passed)
    }

    /// The deadline to sleep to: begun again with each completion, none while
    /// nothing is outstanding.
    pub(super) fn deadline(&mut self, clock: &Clock, set: &Set) -> Option<Deadline> {
        if clock.virtual_time || !set.may_time_out() {
            self.deadline = None;
        } else if self.deadline.is_none() || self.seen != set.agent.completions {
            self.seen = set.agent.completions;
            let interval = u64::from(set.configuration.agreed.server_time_out);
            self.deadline = Deadline::after(interval * u64::from(set.patience()));
        }
        self.deadline
    }
}

impl Set {
    /// Whether the agent waits for a completion that may not take for ever. A Load
    /// counts like every command.
    fn may_time_out(&self) -> bool {
        let loads = self.is(Mutant::LoadOutlastsServerTimeout) && self.loads();
        let ignored = self.is(Mutant::ServerTimeoutIgnored);
        let idle = self.outstanding().next().is_none()
            || self.agent.calling && !self.is(Mutant::ServerTimeoutInCallback);
        !(idle
            || loads
            || ignored
            || self.aborted()
            || self.configuration.agreed.server_time_out == 0)
    }

    fn patience(&self) -> u32 {
        self.seed.instead(Mutant::ServerTimeoutEarly, INTERVALS, 1)
    }

    /// So many milliseconds, or one interval of serverTimeOut, have passed for the
    /// agent: whether that is too long. `other` is another interval, if that is the defect.
    pub(super) fn time_passes(&mut self, milliseconds: Option<u32>, other: Option<u32>) -> bool {
        if !self.may_time_out() {
            return false;
        }
        let interval = other.unwrap_or(self.configuration.agreed.server_time_out);
        self.agent.waited += u64::from(milliseconds.unwrap_or(interval));
        self.agent.waited >= u64::from(interval) * u64::from(self.patience())
    }

    /// A completion came, or the first command became pending: the waiting begins anew.
    pub(super) fn wait_anew(&mut self) {
        let interval = u64::from(self.configuration.agreed.server_time_out);
        let part = self.agent.waited.checked_rem(interval).unwrap_or_default();
        self.agent.waited = if self.is(Mutant::PartOfIntervalGoesOn) { part } else { 0 };
    }
}
