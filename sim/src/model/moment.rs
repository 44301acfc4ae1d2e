//! The moment at which a call that overlaps others takes effect: between its beginning
//! and its return, whenever the interface comes to it.

use super::outcome::{Outcome, Outcomes};
use super::state::{Command, CommandId, InProgress, LaneId, Pending, Stage, State};
use super::{Call, ClientCall, client, effect};
use crate::clauses::Profile;

/// What `call` may return if it has begun to wait before: empty for a call that does
/// nothing else meanwhile than to wait for it.
#[must_use]
pub fn returns_of_waiting(state: &State, profile: &Profile, call: &Call) -> Outcomes {
    match call {
        Call::Client(call) | Call::Secondary(_, call) => match call {
            ClientCall::GetCommand { device, timeout } => {
                client::command_returns(state, profile, *device, *timeout)
            }
            ClientCall::GetConfiguration { timeout } => {
                client::configuration_returns(state, profile, *timeout)
            }
            _ => Outcomes::new(),
        },
        Call::Server(_) => Outcomes::new(),
    }
}

/// Decides the call in progress on `lane` for `outcome`, one of [`super::returns`]: its
/// effect happens now, and the answer stays ready on the lane until it returns.
pub fn settle(state: &mut State, lane: LaneId, outcome: &Outcome) {
    let caller = state.end_call(lane);
    effect::enact(state, lane, caller, outcome.effect());
    let pending = Pending::Ready(outcome.reply());
    state.calls.push(InProgress { lane, caller, pending });
}

impl State {
    /// Puts what has no order into one: calls by lane, commands by device, buffers by
    /// number. Of the commands of a device only those have an order that wait to be
    /// delivered. States that mean the same are then equal.
    pub fn normalize(&mut self) {
        if !self.calls.is_sorted_by_key(|call| call.lane) {
            self.calls.sort_by_key(|call| call.lane);
        }
        let aborted = self.aborted.is_some();
        let key = |command: &Command| {
            let queued = command.stage == Stage::Queued && !aborted;
            (command.device, queued, if queued { CommandId(0) } else { command.id })
        };
        if !self.commands.is_sorted_by_key(key) {
            self.commands.sort_by_key(key);
        }
        if !self.buffers.is_sorted_by_key(|buffer| buffer.id) {
            self.buffers.sort_by_key(|buffer| buffer.id);
        }
    }
}
