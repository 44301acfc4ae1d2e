//! The moment at which a call that overlaps others takes effect: between its beginning
//! and its return, whenever the interface comes to it.

use super::outcome::{Outcome, Outcomes};
use super::state::{
    Agent, ClientLife, Command, InProgress, Pending, SecondaryLife, ServerLife, Stage, State,
};
use super::values::{Caller, CommandId, LaneId};
use super::{Call, ClientCall, apply, client};
use vdi_spec::clauses::Profile;

/// What `call` may return if it has begun to wait before: empty for a call that does
/// nothing else meanwhile than to wait for it.
#[must_use]
pub fn returns_of_waiting(state: &State, profile: &Profile, call: &Call) -> Outcomes {
    let (client, call) = match call {
        Call::Client(call) => (0, call),
        Call::Secondary(client, call) => (*client, call),
        Call::Server(_) => return Outcomes::new(),
    };
    let waiting = match call {
        ClientCall::GetCommand { device, timeout } => Pending::GetCommand(*device, *timeout),
        ClientCall::GetConfiguration { timeout } => Pending::GetConfiguration(*timeout),
        ClientCall::Create { .. }
        | ClientCall::OpenInSecondary { .. }
        | ClientCall::GetBufferHandle { .. }
        | ClientCall::MapBufferHandle { .. }
        | ClientCall::OpenDevice { .. }
        | ClientCall::CompleteCommand { .. }
        | ClientCall::SignalAbort
        | ClientCall::Close => return Outcomes::new(),
    };
    client::waiting_returns(state, profile, client, waiting)
}

/// Decides the call in progress on `lane` for `outcome`, one of [`super::returns`]: its
/// effect happens now, and the answer stays ready on the lane until it returns.
pub fn settle(state: &mut State, lane: LaneId, outcome: &Outcome) {
    let caller = state.end_call(lane);
    apply::enact(state, lane, caller, outcome.effect());
    let pending = Pending::Ready(outcome.reply());
    state.calls.push(InProgress { lane, caller, pending });
}

/// Takes back that the call in progress on `lane` has begun to wait; whether it had.
pub fn unwait(state: &mut State, lane: LaneId) -> bool {
    let waits = |call: &InProgress| {
        call.lane == lane
            && matches!(call.pending, Pending::GetCommand(..) | Pending::GetConfiguration(_))
    };
    let found = state.calls.iter().rposition(waits);
    if let Some(index) = found {
        state.calls.remove(index);
    }
    found.is_some()
}

/// Takes back that the Close of `caller` has released the set; what it aborted stays aborted.
/// No document says that Close is one step: this is the state in between.
pub fn reopen(state: &mut State, caller: Caller) {
    match caller {
        Caller::Server if state.server == ServerLife::Closed => state.server = ServerLife::Open,
        Caller::Client(0) if state.client == ClientLife::Closed => {
            state.client = ClientLife::Created;
        }
        Caller::Client(number @ 1..) => {
            let life = &mut state.secondaries[usize::from(number) - 1];
            if *life == SecondaryLife::Closed {
                *life = SecondaryLife::Open;
            }
        }
        Caller::Server | Caller::Client(0) => {}
    }
}

impl State {
    /// Whether nothing can happen by itself, not even an expiry.
    #[must_use]
    pub fn is_quiet(&self, profile: &Profile) -> bool {
        !super::completion::owes_callbacks(self)
            && self.each_in_call(|lane| super::returns(self, profile, lane).is_empty())
    }

    /// Whether something must still happen by itself before everything is at
    /// rest: an owed callback, or a call that has to return.
    #[must_use]
    pub fn is_at_rest(&self, profile: &Profile) -> bool {
        !super::completion::owes_callbacks(self)
            && self.each_in_call(|lane| {
                super::returns(self, profile, lane).iter().all(|outcome| !outcome.forced)
            })
    }

    /// Whether this holds of every lane inside a call.
    fn each_in_call(&self, mut holds: impl FnMut(LaneId) -> bool) -> bool {
        let agent = match self.agent {
            Agent::Running { lane } => Some(lane),
            Agent::Idle => None,
        };
        self.calls.iter().map(|call| call.lane).chain(agent).all(&mut holds)
    }

    /// Puts what has no order into one: calls by lane, commands by device, buffers by
    /// number. Of the commands of a device only those have an order that wait to be
    /// delivered. States that mean the same are then equal.
    pub fn normalize(&mut self) {
        sort(&mut self.calls, |call| call.lane);
        let aborted = self.aborted.is_some();
        let key = |command: &Command| {
            let queued = command.stage == Stage::Queued && !aborted;
            (command.device, queued, if queued { CommandId(0) } else { command.id })
        };
        sort(&mut self.commands, key);
        sort(&mut self.buffers, |buffer| buffer.id);
    }
}

/// Sorts what is few, and mostly sorted but for the last: by insertion, keeping the order
/// of equals.
fn sort<T: Copy, K: Ord>(items: &mut [T], key: impl Fn(&T) -> K) {
    for index in 1..items.len() {
        let item = items[index];
        let mut place = index;
        while place > 0 && key(&items[place - 1]) > key(&item) {
            items[place] = items[place - 1];
            place -= 1;
        }
        items[place] = item;
    }
}
