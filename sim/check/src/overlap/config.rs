//! One way in which what was observed so far can have come about.

use std::hash::{Hash, Hasher};

use hashbrown::HashTable;
use rustc_hash::FxHasher;
use smallvec::SmallVec;

use super::story::{Story, depth};
use vdi_model::{Answer, Callback, LaneId, Outcome, State};
use vdi_spec::clauses::Clause;
use vdi_trace::Function;

/// How many calls of one set may be open at once.
pub(crate) const SLOTS: usize = 256;

/// The number of an open call within its set, free again after its return.
pub(crate) type Slot = u8;

/// A set of open calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Slots([u64; SLOTS / 64]);

impl Slots {
    pub(crate) const fn has(self, slot: Slot) -> bool {
        self.0[slot as usize / 64] & (1 << (slot % 64)) != 0
    }

    pub(crate) const fn add(&mut self, slot: Slot) {
        self.0[slot as usize / 64] |= 1 << (slot % 64);
    }

    pub(crate) const fn remove(&mut self, slot: Slot) {
        self.0[slot as usize / 64] &= !(1 << (slot % 64));
    }

    /// How many are in it.
    pub(crate) fn count(self) -> u32 {
        self.0.iter().map(|part| part.count_ones()).sum()
    }

    /// The lowest slot that is not in it.
    pub(crate) fn free(self) -> Option<Slot> {
        (0..=Slot::MAX).find(|slot| !self.has(*slot))
    }
}

/// An answer that an open call could have been given on the way, without any effect.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Could {
    pub(super) slot: Slot,
    pub(super) with: With,
    /// How long the story was when it became possible, and the line of the event then.
    pub(super) noted: (usize, usize),
}

/// Whatever clause it rests on.
impl PartialEq for Could {
    fn eq(&self, other: &Self) -> bool {
        self.slot == other.slot && self.with.answer() == other.with.answer()
    }
}

/// What a call can come back with that changes nothing.
#[derive(Clone, Copy, Debug)]
pub(super) enum With {
    /// One of the model's outcomes.
    Outcome(Outcome),
    /// A wrapped error of the operating system.
    SystemError,
    /// Nothing yet: it could have begun to wait.
    Wait,
}

impl With {
    const fn answer(self) -> Result<Answer, bool> {
        match self {
            Self::Outcome(outcome) => Ok(outcome.answer),
            Self::SystemError => Err(false),
            Self::Wait => Err(true),
        }
    }
}

/// An obligation that a caller broke, if this is what happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Blame {
    pub(crate) line: usize,
    pub(crate) clause: Clause,
    pub(crate) function: Function,
    pub(crate) lane: LaneId,
}

/// A configuration: a state of the set, and which of the open calls have taken effect
/// on the way to it. An open call that only waits has not.
#[derive(Debug, Default)]
pub(crate) struct Config {
    pub(crate) state: State,
    /// Open calls whose effect has happened.
    pub(crate) taken: Slots,
    /// Answers without effect that were possible since their calls began.
    pub(super) could: SmallVec<[Could; 2]>,
    /// Completion routines that the interface has begun to invoke and nobody has seen yet.
    pub(super) begun: SmallVec<[Callback; 1]>,
    /// What callers broke.
    pub(crate) blame: SmallVec<[Blame; 1]>,
    /// How it came about, if that is asked for.
    pub(crate) story: Story,
}

/// Copies its lists as a whole, not one after the other.
impl Clone for Config {
    fn clone(&self) -> Self {
        Self {
            state: self.state.clone(),
            taken: self.taken,
            could: SmallVec::from_slice(&self.could),
            begun: SmallVec::from_slice(&self.begun),
            blame: SmallVec::from_slice(&self.blame),
            story: self.story.clone(),
        }
    }
}

/// What may come next is the same; how it came about, and who is to blame, need not be.
impl PartialEq for Config {
    fn eq(&self, other: &Self) -> bool {
        self.taken == other.taken
            && self.begun == other.begun
            && self.could.len() == other.could.len()
            && self.state == other.state
            && self.could.iter().all(|could| other.could.contains(could))
    }
}

impl Config {
    pub(super) fn of(state: State) -> Self {
        let mut state = state;
        state.normalize();
        Self { state, ..Self::default() }
    }

    /// Remembers an answer; of several counts the least, which admits the most.
    pub(super) fn could(&mut self, slot: Slot, with: With, line: usize) {
        for known in self.could.iter_mut().filter(|known| known.slot == slot) {
            match (known.with.answer(), with.answer()) {
                (Ok(Answer::Counts(known_least)), Ok(Answer::Counts(least))) => {
                    if least < known_least {
                        known.with = with;
                    }
                    return;
                }
                (one, other) if one == other => {
                    if let (With::Outcome(before), With::Outcome(now)) = (&known.with, &with)
                        && before.misuse[0].is_some()
                        && now.misuse[0].is_none()
                    {
                        known.with = with;
                    }
                    return;
                }
                _ => {}
            }
        }
        self.could.push(Could { slot, with, noted: (depth(&self.story), line) });
    }

    /// Whether the call in a slot could be waiting by now.
    pub(super) fn could_wait(&self, slot: Slot) -> bool {
        let waits = |known: &Could| known.slot == slot && matches!(known.with, With::Wait);
        self.could.iter().any(waits)
    }

    /// Forgets a call: it has returned.
    pub(super) fn forget(&mut self, slot: Slot) {
        self.taken.remove(slot);
        self.could.retain(|known| known.slot != slot);
    }
}

/// Configurations without repetition, in the order they were found.
#[derive(Debug, Default)]
pub(super) struct Distinct {
    configs: Vec<Config>,
    /// Their positions by their hashes, once they are too many to compare with each.
    places: HashTable<u32>,
}

/// From how many on they are found by their hashes.
const MANY: usize = 12;

/// What became of a configuration that was put to the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inserted {
    /// There was none like it.
    New,
    /// It takes the place of one like it, which had more blame.
    Better(usize),
    /// There is one like it.
    Known,
}

impl Distinct {
    pub(super) fn with_capacity(configs: usize) -> Self {
        Self { configs: Vec::with_capacity(configs), places: HashTable::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.configs.len()
    }

    pub(super) fn get(&self, index: usize) -> &Config {
        &self.configs[index]
    }

    pub(super) fn into_vec(self) -> Vec<Config> {
        self.configs
    }

    pub(super) fn insert(&mut self, config: Config) -> Inserted {
        if let Some(place) = self.find(&config) {
            if config.blame.len() < self.configs[place].blame.len() {
                self.configs[place] = config;
                return Inserted::Better(place);
            }
            return Inserted::Known;
        }
        self.configs.push(config);
        match self.configs.len() {
            0..MANY => {}
            MANY => (0..MANY).for_each(|place| self.note(place)),
            more => self.note(more - 1),
        }
        Inserted::New
    }

    fn note(&mut self, place: usize) {
        let Self { configs, places } = self;
        let of = |place: &u32| hash(&configs[*place as usize]);
        places.insert_unique(of(&(place as u32)), place as u32, of);
    }

    fn find(&self, config: &Config) -> Option<usize> {
        if self.configs.len() < MANY {
            return self.configs.iter().position(|known| known == config);
        }
        let same = |place: &u32| self.configs[*place as usize] == *config;
        self.places.find(hash(config), same).map(|place| *place as usize)
    }
}

/// Of the parts in which configurations differ most.
fn hash(config: &Config) -> u64 {
    let mut hasher = FxHasher::default();
    config.state.hash(&mut hasher);
    config.taken.hash(&mut hasher);
    config.could.len().hash(&mut hasher);
    hasher.finish()
}
