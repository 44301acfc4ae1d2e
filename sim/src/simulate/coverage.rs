//! What worlds have met: clauses, transitions, readings, faults, ways to end.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::engine::Ask;
use crate::clauses::{CLAUSES, Clause};
use crate::model::{ClientPhase, ServerPhase, State};
use crate::trace::{Function, Process};

const WORDS: usize = 4;

/// A set of clauses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clauses([u64; WORDS]);

impl Clauses {
    /// Adds one.
    #[inline]
    pub const fn insert(&mut self, clause: Clause) {
        self.0[clause as usize / 64] |= 1 << (clause as usize % 64);
    }

    /// Whether it is in.
    #[must_use]
    pub const fn contains(&self, clause: Clause) -> bool {
        self.0[clause as usize / 64] & 1 << (clause as usize % 64) != 0
    }

    /// Those in the set, in the catalogue's order.
    pub fn iter(&self) -> impl Iterator<Item = Clause> + '_ {
        CLAUSES.iter().map(|row| row.clause).filter(|clause| self.contains(*clause))
    }
}

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
    /// Adds a call in this state.
    pub(super) fn insert(&mut self, ask: &Ask, process: Process, state: &State) {
        let bit = match process {
            Process::Server => state.server_phase() as usize,
            Process::Primary => SERVER_PHASES.len() + state.client_phase() as usize,
            Process::Secondary(number) => {
                SERVER_PHASES.len() + state.client_phase_of(number) as usize
            }
        };
        self.0[ask.function() as usize] |= 1 << bit;
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

/// What one world has met of the model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MetOnce {
    /// Clauses on which an outcome rested, or which a call broke.
    pub clauses: Clauses,
    /// Functions by phase.
    pub transitions: Transitions,
}

/// Since when something is known, and how often it was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Met {
    /// In how many worlds.
    pub worlds: u64,
    /// The lowest seed in which it was met.
    pub first: u64,
}

/// Things by name, each with when it was met.
pub type Table = BTreeMap<String, Met>;

/// What many worlds have met.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Coverage {
    /// Clauses that explained an event, or were broken.
    pub clauses: Table,
    /// Functions by the phase in which they were called.
    pub transitions: Table,
    /// Readings on which a clause that was met depends.
    pub readings: Table,
    /// Faults that were drawn.
    pub faults: Table,
    /// Statements, arrangements and media, by how they ended.
    pub outcomes: Table,
    /// The seed in which something was met that no lower seed of the campaign had met.
    pub last_new: u64,
}

impl Coverage {
    /// What the tables are called, with the tables.
    fn tables(&mut self) -> [&mut Table; 5] {
        let Self { clauses, transitions, readings, faults, outcomes, .. } = self;
        [clauses, transitions, readings, faults, outcomes]
    }

    /// Adds what other worlds have met.
    pub fn join(&mut self, mut other: Self) {
        for (table, more) in self.tables().into_iter().zip(other.tables()) {
            for (name, met) in std::mem::take(more) {
                let known = table.entry(name).or_insert(Met { worlds: 0, first: u64::MAX });
                known.worlds += met.worlds;
                known.first = known.first.min(met.first);
            }
        }
        self.find_last();
    }

    /// Something was met in this world.
    pub(super) fn note(table: &mut Table, name: &str, seed: u64) {
        match table.get_mut(name) {
            Some(known) => {
                known.worlds += 1;
                known.first = known.first.min(seed);
            }
            None => {
                table.insert(name.to_owned(), Met { worlds: 1, first: seed });
            }
        }
    }

    /// Works out when something was new for the last time.
    pub(super) fn find_last(&mut self) {
        let newest = |table: &mut Table| table.values().map(|met| met.first).max();
        self.last_new = self.tables().into_iter().filter_map(newest).max().unwrap_or_default();
    }
}
