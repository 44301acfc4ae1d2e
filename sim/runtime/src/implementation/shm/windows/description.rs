//! Who holds the sides of a set: marks that have names, which the system takes away when the
//! process ends that made them, however it ends.
//!
//! A mark is there while its maker lives. No number of a process is asked, and no exit code,
//! so it means the same in every session that sees the set. Whoever looks has it open for that
//! moment; one who wants to take a side just then finds it taken, and is told so.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::kernel::Mark;
pub(crate) use crate::kernel::tick;

/// The sides of one set.
#[derive(Debug)]
pub(crate) struct Description {
    /// What the names of its marks begin with.
    name: String,
    held: Mutex<BTreeMap<usize, Mark>>,
}

impl Description {
    /// Those of the set whose own objects have names that begin so.
    pub(crate) fn new(name: &str) -> Self {
        Self { name: format!("{name}side"), held: Mutex::default() }
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<usize, Mark>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn named(&self, place: usize) -> String {
        format!("{}{place}", self.name)
    }

    /// Takes a side; false if somebody has it.
    pub(crate) fn hold(&self, place: usize) -> io::Result<bool> {
        let mark = Mark::create(&self.named(place))?;
        let made = mark.is_some();
        self.held().extend(mark.map(|mark| (place, mark)));
        Ok(made)
    }

    /// Gives it back. The system does the same at the end of the process.
    pub(crate) fn let_go(&self, place: usize) {
        self.held().remove(&place);
    }

    /// Whether somebody, be it in this process, holds it.
    pub(crate) fn is_held(&self, place: usize) -> io::Result<bool> {
        Mark::is_there(&self.named(place))
    }
}
