//! Configurations without repetition.

use std::hash::{Hash, Hasher};

use hashbrown::HashTable;
use rustc_hash::FxHasher;

use super::configuration::Configuration;

/// Configurations, each once, in the order they were found.
#[derive(Debug, Default)]
pub(super) struct Distinct {
    configs: Vec<Configuration>,
    /// Their positions by their hashes, once they are too many to compare with each.
    positions: HashTable<u32>,
}

/// From how many on they are found by their hashes.
const MANY: usize = 12;

/// What became of a configuration that was put to the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inserted {
    /// There was none like it.
    New,
    /// There is one like it, in which something was broken that is not broken in this one: that
    /// is not certain any more.
    Better(usize),
    /// There is one like it.
    Known,
}

impl Distinct {
    pub(super) fn with_capacity(configs: usize) -> Self {
        Self { configs: Vec::with_capacity(configs), positions: HashTable::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.configs.len()
    }

    pub(super) fn get(&self, index: usize) -> &Configuration {
        &self.configs[index]
    }

    pub(super) fn into_vec(self) -> Vec<Configuration> {
        self.configs
    }

    pub(super) fn insert(&mut self, mut config: Configuration) -> Inserted {
        if let Some(position) = self.find(&config) {
            let known = &mut self.configs[position];
            let less = known.blame_less(&config);
            let before = known.misuse.len();
            let mut common = known.misuse.clone();
            common.retain(|misuse| config.misuse.contains(misuse));
            if common.len() == before {
                return if less { Inserted::Better(position) } else { Inserted::Known };
            }
            config.blame_less(known);
            // How it came about is told of one in which nothing else is broken, if there is one.
            if config.misuse.len() == common.len() {
                *known = config;
            } else {
                known.misuse = common;
            }
            return Inserted::Better(position);
        }
        self.configs.push(config);
        match self.configs.len() {
            0..MANY => {}
            MANY => (0..MANY).for_each(|position| self.note(position)),
            more => self.note(more - 1),
        }
        Inserted::New
    }

    fn note(&mut self, position: usize) {
        let Self { configs, positions } = self;
        let of = |position: &u32| hash(&configs[*position as usize]);
        positions.insert_unique(of(&(position as u32)), position as u32, of);
    }

    fn find(&self, config: &Configuration) -> Option<usize> {
        if self.configs.len() < MANY {
            return self.configs.iter().position(|known| known == config);
        }
        let same = |position: &u32| self.configs[*position as usize] == *config;
        self.positions.find(hash(config), same).map(|position| *position as usize)
    }
}

/// Of the parts in which configurations differ most.
fn hash(config: &Configuration) -> u64 {
    let mut hasher = FxHasher::default();
    config.state.hash(&mut hasher);
    config.taken.hash(&mut hasher);
    config.tentative.len().hash(&mut hasher);
    hasher.finish()
}
