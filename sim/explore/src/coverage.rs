//! What an exploration has met: clauses, and sights worth seeing.

use std::sync::atomic::{AtomicU64, Ordering};

use vdi_model::Outcome;
use vdi_spec::clauses::{CLAUSES, Clause, ClauseInfo};

const WORDS: usize = 4;

/// Sets that only grow, whichever thread adds to them.
#[derive(Debug, Default)]
pub struct Coverage {
    clauses: [AtomicU64; WORDS],
    sights: AtomicU64,
}

/// Sets a bit; tells whether it was not set before.
fn mark(word: &AtomicU64, bit: u32) -> bool {
    let bit = 1 << bit;
    word.load(Ordering::Relaxed) & bit == 0 && word.fetch_or(bit, Ordering::Relaxed) & bit == 0
}

impl Coverage {
    /// A clause was decisive, or broken.
    pub(super) fn clause(&self, clause: Clause) {
        let index = clause as usize;
        mark(&self.clauses[index / 64], (index % 64) as u32);
    }

    /// What an outcome rests on was decisive.
    pub(super) fn rests_on(&self, outcome: &Outcome) {
        self.clause(outcome.clause);
        outcome.also.iter().flatten().for_each(|clause| self.clause(*clause));
    }

    /// The same, and what it breaks.
    pub(super) fn outcome(&self, outcome: &Outcome) {
        self.rests_on(outcome);
        outcome.misuse.iter().flatten().for_each(|clause| self.clause(*clause));
    }

    /// The sights below this number that were not seen yet, as bits.
    pub(super) fn unseen(&self, count: usize) -> u64 {
        !self.sights.load(Ordering::Relaxed) & ((1 << count) - 1)
    }

    /// A sight was seen; tells whether for the first time.
    pub(super) fn sight(&self, index: u32) -> bool {
        mark(&self.sights, index)
    }

    /// Whether a sight was seen.
    #[must_use]
    pub fn saw(&self, index: u32) -> bool {
        self.sights.load(Ordering::Relaxed) & (1 << index) != 0
    }

    /// Whether the clause was decisive or broken anywhere.
    #[must_use]
    pub fn has(&self, clause: Clause) -> bool {
        let index = clause as usize;
        self.clauses[index / 64].load(Ordering::Relaxed) & (1 << (index % 64)) != 0
    }

    /// The clauses that were met, or those that were not, in the catalogue's order.
    pub fn clauses(&self, met: bool) -> impl Iterator<Item = &'static ClauseInfo> + '_ {
        CLAUSES.iter().filter(move |row| self.has(row.clause) == met)
    }
}

const _: () = assert!(Clause::ProcessSecondaryDeath as usize <= WORDS * 64);
