//! The server's Close.

use smallvec::smallvec;

use super::answer::Answer;
use super::effect::Effect;
use super::outcome::{Outcome, Outcomes};
use super::phase::ServerPhase as P;
use super::state::{Agent, Cause, State};
use super::values::LaneId;
use vdi_spec::clauses::Clause as C;
use vdi_spec::clauses::{
    CloseAndAgentOrder, CommandsHeldAtNormalClose, Profile, ServerCloseAfterAbort,
    ServerCloseDevicesOpen,
};
use vdi_spec::codes::HResult;

/// IServerVirtualDeviceSet2::Close.
pub(super) fn server_close(state: &State, profile: &Profile, lane: LaneId) -> Outcomes {
    let (status, clause, cause) = match state.server_phase() {
        P::AbnormallyTerminated => {
            let status = match profile.server_close_after_abort {
                ServerCloseAfterAbort::ProtocolError if state.server_devices_open() => {
                    HResult::VD_E_PROTOCOL
                }
                ServerCloseAfterAbort::ProtocolError | ServerCloseAfterAbort::Noerror => {
                    HResult::NOERROR
                }
            };
            (status, C::ServerCloseStatus, None)
        }
        P::NormallyTerminated => {
            let held = !state.commands.is_empty()
                && profile.commands_held_at_normal_close
                    == CommandsHeldAtNormalClose::EitherCloseAborts;
            (HResult::NOERROR, C::ServerCloseStatus, held.then_some(Cause::ServerClose))
        }
        _ if state.server_devices_open() => {
            let status = match profile.server_close_devices_open {
                ServerCloseDevicesOpen::ProtocolError => HResult::VD_E_PROTOCOL,
                ServerCloseDevicesOpen::Noerror => HResult::NOERROR,
            };
            (status, C::ServerCloseDevicesOpenStatus, Some(Cause::ServerCloseDevicesOpen))
        }
        _ => (HResult::NOERROR, C::ServerCloseStatus, Some(Cause::ServerClose)),
    };
    let mut outcome = Outcome::returns(status, clause).also(C::ServerCloseReleases);
    outcome = match cause {
        Some(Cause::ServerCloseDevicesOpen) => {
            outcome.also(C::ServerCloseDevicesOpenAborts).misuse(C::ServerCloseDevicesOpenMistake)
        }
        Some(_) => outcome.also(C::ServerCloseImplicitAbort),
        None if state.aborted.is_none() => outcome.also(C::ServerCloseNormalNoAbort),
        None => outcome,
    };
    let agent = matches!(state.agent, Agent::Running { lane: agent } if agent != lane);
    if agent {
        outcome = outcome.also(C::ServerCloseAgentOrder);
    }
    if !agent || profile.close_and_agent_order == CloseAndAgentOrder::Either {
        return smallvec![outcome.effecting(Effect::CloseServer { abort: cause, then_wait: None })];
    }
    let reply = outcome.reply();
    smallvec![
        Outcome { answer: Answer::Blocks, ..outcome }
            .effecting(Effect::CloseServer { abort: cause, then_wait: Some(reply) })
    ]
}
