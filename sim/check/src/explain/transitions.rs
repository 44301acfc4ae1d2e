//! Which functions were called in which phases.

use vdi_model::{ClientPhase, ServerPhase, State};
use vdi_trace::{Function, Process};

/// A set of transitions: functions by the phase of the process that calls them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transitions([u16; Function::ALL.len()]);

impl Default for Transitions {
    fn default() -> Self {
        Self([0; Function::ALL.len()])
    }
}

const SERVER_PHASES: [ServerPhase; 7] = [
    ServerPhase::DoesNotExist,
    ServerPhase::Connected,
    ServerPhase::Configurable,
    ServerPhase::Initializing,
    ServerPhase::Active,
    ServerPhase::NormallyTerminated,
    ServerPhase::AbnormallyTerminated,
];

const CLIENT_PHASES: [ClientPhase; 6] = [
    ClientPhase::DoesNotExist,
    ClientPhase::Configurable,
    ClientPhase::Initializing,
    ClientPhase::Active,
    ClientPhase::NormallyTerminated,
    ClientPhase::Abort,
];

impl Transitions {
    /// Adds a call of a process in this state.
    pub(crate) fn insert(&mut self, function: Function, process: Process, state: &State) {
        let bit = match process {
            Process::Server => state.server_phase() as usize,
            Process::Primary => SERVER_PHASES.len() + state.client_phase() as usize,
            Process::Secondary(number) => {
                SERVER_PHASES.len() + state.client_phase_of(number) as usize
            }
        };
        self.0[function as usize] |= 1 << bit;
    }

    /// Those in the set, in words.
    pub fn iter(&self) -> impl Iterator<Item = String> + '_ {
        Function::ALL.iter().flat_map(move |function| {
            let bits = self.0[*function as usize];
            let servers = SERVER_PHASES.iter().enumerate();
            let servers = servers.map(move |(bit, phase)| (bit, format!("server {phase}")));
            let clients = CLIENT_PHASES.iter().enumerate();
            let clients = clients
                .map(move |(bit, phase)| (SERVER_PHASES.len() + bit, format!("client {phase}")));
            servers
                .chain(clients)
                .filter(move |(bit, _)| bits & 1 << bit != 0)
                .map(move |(_, phase)| format!("{function} in {phase}"))
        })
    }
}
