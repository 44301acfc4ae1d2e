//! Worlds that are broken on purpose: each must break an invariant, or the
//! invariants are worth nothing.

use super::node::Node;
use vdi_model::{
    Agent, Call, Callback, Configuration, Ending, LaneId, Limits, Outcomes, Pending, ServerCall,
    ServerLife, Stage, State,
};
use vdi_spec::clauses::{CloseAndAgentOrder, Profile};
use vdi_spec::codes::Win32;

/// What is wrong with a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each says what it does")]
pub enum Mutant {
    ForgetsACommandAtClose,
    CallsBackTwice,
    CallsBackAfterTheAgent,
    CallsBackWithSuccess,
    AgentReturnsEarly,
    AgentNeverReturns,
    DeliversAfterAbort,
    DeliversTheNewestFirst,
    DeliversClearErrorAtOnce,
    SendsInTheErrorState,
    SharesABuffer,
    BlocksForEver,
    CloseLeavesItOpen,
    AbortTakesBuffers,
    AbortIsForgotten,
    NormalCloseAborts,
    UnloadIsNotNoticed,
    RefusesInSilence,
    AgentVanishesAtClose,
    ActiveWithOneDeviceOpen,
    CloseWaitsAllTheSame,
}

impl Mutant {
    /// Every one.
    pub const ALL: &[Self] = &[
        Self::ForgetsACommandAtClose,
        Self::CallsBackTwice,
        Self::CallsBackAfterTheAgent,
        Self::CallsBackWithSuccess,
        Self::AgentReturnsEarly,
        Self::AgentNeverReturns,
        Self::DeliversAfterAbort,
        Self::DeliversTheNewestFirst,
        Self::DeliversClearErrorAtOnce,
        Self::SendsInTheErrorState,
        Self::SharesABuffer,
        Self::BlocksForEver,
        Self::CloseLeavesItOpen,
        Self::AbortTakesBuffers,
        Self::AbortIsForgotten,
        Self::NormalCloseAborts,
        Self::UnloadIsNotNoticed,
        Self::RefusesInSilence,
        Self::AgentVanishesAtClose,
        Self::ActiveWithOneDeviceOpen,
        Self::CloseWaitsAllTheSame,
    ];

    /// What a call may come to in the broken world.
    pub(super) fn outcomes(
        self,
        state: &State,
        profile: &Profile,
        limits: Limits,
        lane: LaneId,
        call: &Call,
    ) -> Outcomes {
        let seen = self.mistaken(state);
        let mut read = profile.clone();
        if self == Self::CloseWaitsAllTheSame {
            read.close_and_agent_order = CloseAndAgentOrder::CloseWaits;
        }
        vdi_model::outcomes(&seen, &read, limits, lane, call)
    }

    /// What a call in progress may return in the broken world.
    pub(super) fn returns(self, state: &State, profile: &Profile, lane: LaneId) -> Outcomes {
        let blocked = state.in_progress(lane).map(|call| call.pending);
        let agents = state.free_agent() == Some(lane);
        match self {
            Self::AgentReturnsEarly | Self::CallsBackAfterTheAgent
                if agents && state.aborted.is_some() =>
            {
                let mut seen = state.clone();
                seen.commands.clear();
                vdi_model::returns(&seen, profile, lane)
            }
            Self::RefusesInSilence if matches!(blocked, Some(Pending::Ready(_))) => {
                let mut seen = state.clone();
                seen.commands.retain(|c| !matches!(c.stage, Stage::Refused { .. }));
                vdi_model::returns(&seen, profile, lane)
            }
            Self::AgentNeverReturns if agents => Outcomes::new(),
            Self::BlocksForEver
                if state.aborted.is_some() && matches!(blocked, Some(Pending::GetCommand(..))) =>
            {
                Outcomes::new()
            }
            _ => vdi_model::returns(&self.mistaken(state), profile, lane),
        }
    }

    /// Which callbacks the broken world runs.
    pub(super) fn callbacks(self, state: &State, profile: &Profile) -> Vec<Callback> {
        let mut seen = state.clone();
        if self == Self::CallsBackAfterTheAgent && state.server == ServerLife::Closed {
            seen.agent = Agent::Running { lane: super::lanes::AGENT };
        }
        if self == Self::RefusesInSilence {
            seen.commands.retain(|c| !matches!(c.stage, Stage::Refused { .. }));
        }
        let mut callbacks = vdi_model::callbacks(&seen, profile).into_vec();
        if self == Self::CallsBackWithSuccess {
            for callback in &mut callbacks {
                callback.ending = Ending::Code(Win32::ERROR_SUCCESS);
            }
        }
        callbacks
    }

    /// The state as the broken world sees it when it decides.
    fn mistaken(self, state: &State) -> State {
        let mut seen = state.clone();
        match self {
            Self::DeliversAfterAbort => seen.aborted = None,
            Self::DeliversTheNewestFirst => seen.commands.reverse(),
            Self::DeliversClearErrorAtOnce => {
                seen.commands.iter_mut().for_each(|command| command.before_error = false);
            }
            Self::SendsInTheErrorState => {
                seen.devices.iter_mut().for_each(|device| device.errored = false);
            }
            _ => {}
        }
        seen
    }

    /// What else a call does in the broken world.
    pub(super) fn after_call(self, before: &State, after: &mut Node, call: &Call) {
        let close = matches!(call, Call::Server(ServerCall::Close));
        let state = &mut after.state;
        match self {
            Self::ForgetsACommandAtClose if close => {
                let delivered = |c: &vdi_model::Command| c.stage == Stage::Delivered;
                if let Some(index) = state.commands.iter().position(delivered) {
                    state.commands.remove(index);
                }
            }
            Self::CloseLeavesItOpen if close && before.server == ServerLife::Open => {
                state.server = ServerLife::Open;
            }
            Self::NormalCloseAborts if close && before.all_closed() => {
                state.aborted.get_or_insert(vdi_model::Cause::ServerClose);
            }
            Self::SharesABuffer => {
                let mut carrying = state.commands.iter_mut().filter_map(|c| c.buffer.as_mut());
                if let Some(first) = carrying.next().copied() {
                    carrying.for_each(|buffer| *buffer = first);
                }
            }
            Self::AgentVanishesAtClose if close => state.agent = Agent::Idle,
            Self::ActiveWithOneDeviceOpen if state.configuration == Configuration::Ended => {
                state.activated |= state.server_devices_open();
            }
            Self::AbortTakesBuffers if state.aborted.is_some() => state.buffers.clear(),
            Self::AbortIsForgotten if close && before.aborted.is_some() => state.aborted = None,
            _ => {}
        }
    }

    /// What else a callback does in the broken world.
    pub(super) fn after_callback(self, before: &State, after: &mut State, callback: &Callback) {
        if self == Self::CallsBackTwice {
            after.commands.extend(before.command(callback.command).copied());
        }
    }
}
