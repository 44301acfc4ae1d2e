//! What callers broke on the way to a configuration.

use std::collections::BTreeSet;

use smallvec::SmallVec;
use vdi_model::LaneId;
use vdi_spec::clauses::Clause;
use vdi_trace::Function;

/// An obligation that a caller broke, if this is what happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Misuse {
    pub(crate) line: usize,
    pub(crate) clause: Clause,
    pub(crate) function: Function,
    pub(crate) lane: LaneId,
}

/// Misuses of which nobody can tell any more which it was, at most. Of more than that nothing is
/// said.
const MOST: usize = 8;

/// What was broken, whichever way led to a configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Broken {
    /// All of these.
    certain: SmallVec<[Misuse; 1]>,
    /// At least one of these, each by another order of effects; empty if nothing is known.
    either: BTreeSet<Misuse>,
}

impl Broken {
    /// Whether nothing is known to be broken.
    pub(crate) fn is_empty(&self) -> bool {
        self.certain.is_empty() && self.either.is_empty()
    }

    pub(crate) fn add(&mut self, misuse: Misuse) {
        if let Err(position) = self.certain.binary_search(&misuse) {
            self.certain.insert(position, misuse);
        }
    }

    /// Whether all that is known to be broken here is known to be so there.
    pub(crate) fn is_within(&self, other: &Self) -> bool {
        let follows = |either: &BTreeSet<Misuse>| {
            other.certain.iter().any(|misuse| either.contains(misuse))
                || !other.either.is_empty() && other.either.is_subset(either)
        };
        self.certain.iter().all(|misuse| other.certain.contains(misuse))
            && (self.either.is_empty() || follows(&self.either))
    }

    /// What is broken whether it came about in this way or in that.
    pub(crate) fn common(&self, other: &Self) -> Self {
        let both = |misuse: &Misuse| other.certain.contains(misuse);
        let certain = self.certain.iter().copied().filter(both).collect();
        let (mut either, mut other) = (self.beside(&certain), other.beside(&certain));
        let known = !either.is_empty() && !other.is_empty();
        either.append(&mut other);
        if !known || either.len() > MOST {
            either.clear();
        }
        Self { certain, either }
    }

    /// One of these is broken besides what is certain.
    fn beside(&self, certain: &SmallVec<[Misuse; 1]>) -> BTreeSet<Misuse> {
        let more = self.certain.iter().find(|misuse| !certain.contains(misuse));
        more.map_or_else(|| self.either.clone(), |misuse| BTreeSet::from([*misuse]))
    }

    /// What is certain.
    pub(crate) fn certain(&self) -> &[Misuse] {
        &self.certain
    }

    /// Of which one is broken and nobody can tell which.
    pub(crate) const fn either(&self) -> &BTreeSet<Misuse> {
        &self.either
    }

    /// Forgets what has been told.
    pub(crate) fn tell(&mut self, told: &[Misuse]) {
        self.certain.retain(|misuse| !told.contains(misuse));
        if told.iter().any(|misuse| self.either.contains(misuse)) {
            self.either.clear();
        }
    }
}
