//! A state in words, with the names of the trace.

use super::sequential::Checker;
use crate::model::{Agent, ClientDevice, ServerDevice, Stage, State};

impl Checker {
    /// The state of a set before an event: the first of the frontier, and how many more.
    pub(super) fn state_text(&self, world: usize) -> String {
        let frontier = &self.worlds[world].frontier;
        let Some(first) = frontier.first() else {
            return "no state".to_owned();
        };
        let mut text = describe(first, |id| self.names.command_name(world, id).to_owned());
        if frontier.len() > 1 {
            text.push_str(&format!(" · or one of {} other states", frontier.len() - 1));
        }
        text
    }
}

/// A state in words; commands are numbered.
#[must_use]
pub fn describe_state(state: &State) -> String {
    describe(state, |id| format!("command {}", id.0))
}

fn describe(state: &State, name: impl Fn(crate::model::CommandId) -> String) -> String {
    let mut parts = vec![
        state.device_set_state().to_string(),
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
    parts.push(match state.agent {
        Agent::Idle => "no agent running".to_owned(),
        Agent::Running { in_callback: false, .. } => "agent running".to_owned(),
        Agent::Running { in_callback: true, .. } => "agent inside a callback".to_owned(),
    });
    parts.join(" · ")
}
