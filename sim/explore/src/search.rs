//! Breadth-first search whose order is the same on every machine.

use std::hash::Hash;

use hashbrown::HashSet;
use rustc_hash::FxBuildHasher;

/// What a search has found: every state, in the order in which it was found, each with the
/// place of the state before it.
pub(crate) struct Found<S> {
    pub(crate) states: Vec<S>,
    pub(crate) parents: Vec<usize>,
}

/// Visits every state that `next` leads to, in rounds, the first state first.
pub(crate) fn breadth_first<S: Clone + Eq + Hash>(
    start: S,
    mut next: impl FnMut(usize, &S) -> Vec<S>,
) -> Found<S> {
    // Only membership is asked of the set; the order comes from the list.
    let mut known = HashSet::with_hasher(FxBuildHasher);
    known.insert(start.clone());
    let mut found = Found { states: vec![start], parents: vec![0] };
    let mut at = 0;
    while at < found.states.len() {
        for after in next(at, &found.states[at]) {
            if known.insert(after.clone()) {
                found.states.push(after);
                found.parents.push(at);
            }
        }
        at += 1;
    }
    found
}
