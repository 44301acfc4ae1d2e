//! A state in words.

use super::state::{Agent, ClientDevice, ServerDevice, Stage, State};
use super::values::CommandId;

/// A state in words, part by part: first which of the four states the set is in, then the phases
/// of the two sides, the devices, the commands whose callback is still to come, by the names that
/// they are given here, and the agent.
#[must_use]
pub fn in_words(state: &State, name: impl Fn(CommandId) -> String) -> Vec<String> {
    let mut parts = vec![
        format!("set {}", state.device_set_state()),
        format!("server {}", state.server_phase()),
        format!("client {}", state.client_phase()),
    ];
    if let Some(cause) = state.aborted {
        parts.push(format!("aborted by {cause}"));
    }
    for (index, device) in state.devices.iter().enumerate() {
        let server = match device.server {
            ServerDevice::Unopened => "unopened",
            ServerDevice::Open => "open",
            ServerDevice::Closed => "closed",
        };
        let client = match device.client {
            ClientDevice::Unopened => "unopened",
            ClientDevice::Open => "open",
            ClientDevice::CloseSeen => "VD_E_CLOSE seen",
        };
        let errored = if device.errored { ", in the error state" } else { "" };
        parts.push(format!("device {} {server}/{client}{errored}", index + 1));
    }
    for command in &state.commands {
        let stage = match command.stage {
            Stage::Queued => "queued".to_owned(),
            Stage::Delivered => "delivered".to_owned(),
            Stage::Completed { code, .. } => format!("completed with {code}, not called back"),
            Stage::Refused { code, .. } => format!("refused with {code}, not called back"),
        };
        parts.push(format!("{} {} {stage}", name(command.id), command.code));
    }
    parts.push(match (state.agent, state.free_agent()) {
        (Agent::Idle, _) => "no agent running".to_owned(),
        (Agent::Running { .. }, Some(_)) => "agent running".to_owned(),
        (Agent::Running { .. }, None) => "agent inside a callback".to_owned(),
    });
    parts
}
