//! What worlds have met: clauses, transitions, readings, faults, ways to end.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use vdi_spec::clauses::{CLAUSES, Clause};

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

/// Since when something is known, and how often it was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Met {
    /// In how many worlds.
    pub worlds: u64,
    /// The lowest seed in which it was met.
    pub first: u64,
}

/// Things by name, each with when it was met.
pub type Table = BTreeMap<String, Met>;

/// What many worlds have met.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Coverage {
    /// Clauses that explained an event, or were broken.
    pub clauses: Table,
    /// Functions by the phase in which they were called.
    pub transitions: Table,
    /// Readings on which a clause that was met depends.
    pub readings: Table,
    /// Faults that were injected.
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
    pub(crate) fn note(table: &mut Table, name: &str, seed: u64) {
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
    pub(crate) fn find_last(&mut self) {
        let newest = |table: &mut Table| table.values().map(|met| met.first).max();
        self.last_new = self.tables().into_iter().filter_map(newest).max().unwrap_or_default();
    }
}
