//! The states that a search has found, exactly: whole keys are compared, never hashes alone.

use hashbrown::HashTable;

use super::node::Node;
use super::packed::Packed;
use super::world::World;

/// How a state is held: two keys are equal if and only if the states are.
pub(super) trait Key: Clone + Eq + Send + Sync + Sized {
    /// The key of a state in canonical order; `None` if it cannot hold it.
    fn of(world: &World, node: &Node) -> Option<Self>;

    /// The state.
    fn node(&self, world: &World) -> Node;

    /// A number that is nearly always another for another state, the same on every machine.
    fn digest(&self) -> u64;
}

impl<const N: usize> Key for Packed<N> {
    fn of(world: &World, node: &Node) -> Option<Self> {
        Self::of(world, node)
    }

    fn node(&self, world: &World) -> Node {
        self.node(world)
    }

    fn digest(&self) -> u64 {
        self.digest()
    }
}

/// A state as it is, of worlds that show what no words are for.
impl Key for Node {
    fn of(_: &World, node: &Node) -> Option<Self> {
        Some(node.clone())
    }

    fn node(&self, _: &World) -> Node {
        self.clone()
    }

    fn digest(&self) -> u64 {
        use std::hash::{Hash, Hasher};
        let mut hasher = rustc_hash::FxHasher::default();
        self.hash(&mut hasher);
        hasher.finish()
    }
}

/// Parts of the visited set, each with a lock of its own.
pub(super) const SHARDS: usize = 16;
const BITS: u32 = SHARDS.trailing_zeros();

/// Which part a digest belongs to: other bits than those by which its table looks.
pub(super) const fn shard_of(digest: u64) -> usize {
    (digest >> 40) as usize % SHARDS
}

/// Where a state is: its part and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place(u32);

impl Place {
    pub(super) fn new(shard: usize, index: usize) -> Self {
        let place = (index << BITS) | shard;
        Self(u32::try_from(place).expect("a search ends at 4,294,967,296 states"))
    }

    pub(super) const fn shard(self) -> usize {
        self.0 as usize % SHARDS
    }

    pub(super) const fn index(self) -> usize {
        (self.0 >> BITS) as usize
    }
}

/// A part of the visited set, in the order in which its states were found.
pub(super) struct Shard<K> {
    table: HashTable<u32>,
    keys: Vec<K>,
    parents: Vec<Place>,
}

impl<K> Default for Shard<K> {
    fn default() -> Self {
        Self { table: HashTable::new(), keys: Vec::new(), parents: Vec::new() }
    }
}

impl<K: Key> Shard<K> {
    pub(super) const fn len(&self) -> usize {
        self.keys.len()
    }

    pub(super) fn key(&self, index: usize) -> &K {
        &self.keys[index]
    }

    /// The state before this one on a shortest way.
    pub(super) fn parent(&self, index: usize) -> Place {
        self.parents[index]
    }

    /// Enters a state, unless it is known.
    pub(super) fn enter(&mut self, key: K, digest: u64, parent: Place) {
        let Self { table, keys, parents } = self;
        if table.find(digest, |index| keys[*index as usize] == key).is_some() {
            return;
        }
        let index = keys.len() as u32;
        table.insert_unique(digest, index, |index| keys[*index as usize].digest());
        if keys.len() == keys.capacity() {
            // An eighth more, where doubling would leave half of it empty.
            let more = keys.len() / 8 + 64;
            keys.reserve_exact(more);
            parents.reserve_exact(more);
        }
        keys.push(key);
        parents.push(parent);
    }

    /// Bytes that it takes of memory, what is reserved included.
    pub(super) fn bytes(&self) -> usize {
        let Self { table, keys, parents } = self;
        table.allocation_size()
            + keys.capacity() * size_of::<K>()
            + parents.capacity() * size_of::<Place>()
    }
}
