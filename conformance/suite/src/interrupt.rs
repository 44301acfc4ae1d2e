//! Whoever has started a run wants it no more: what was found until then is told, and nothing
//! that was started goes on.

#[cfg_attr(windows, path = "interrupt/windows.rs")]
mod group;

use std::collections::BTreeMap;
use std::process::{Child, Command, ExitStatus};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use self::group::Family;
pub use self::group::group_lives;
use crate::locked::locked;

static ASKED: AtomicBool = AtomicBool::new(false);

/// The groups of the programs that run, each by the number of its first process.
static GROUPS: Mutex<BTreeMap<u32, Family>> = Mutex::new(BTreeMap::new());

/// Ends every program that was started, with what it has started itself; scenarios, situations
/// and worlds that have not come to an end are not run. For the whole process, and for good.
pub fn interrupt() {
    ASKED.store(true, Ordering::SeqCst);
    locked(GROUPS.lock()).values().for_each(Family::kill);
}

/// Whether that was asked for.
#[must_use]
pub fn is_interrupted() -> bool {
    ASKED.load(Ordering::SeqCst)
}

/// A program that is to be started with all that it starts in a group of its own, so that all
/// can be ended, and told nothing that is meant for this one.
pub fn apart(command: &mut Command) -> &mut Command {
    group::apart(command)
}

/// A program was started, in a group of its own, that ends when it is asked for.
pub fn started(child: &Child) {
    let family = Family::of(child);
    let mut groups = locked(GROUPS.lock());
    // It may have been asked for just before.
    if is_interrupted() {
        family.kill();
    }
    groups.insert(child.id(), family);
}

/// Ends a program that was [`started`], and what is left in its group.
///
/// # Errors
/// It cannot be waited for.
pub fn end(child: &mut Child) -> std::io::Result<ExitStatus> {
    // Before it is waited for: until then its number is nobody else's.
    let mut groups = locked(GROUPS.lock());
    if let Some(family) = groups.remove(&child.id()) {
        family.end(child);
    }
    drop(groups);
    child.wait()
}

/// A program that was [`started`] has ended, and nothing is left in its group.
pub fn ended(child: &Child) {
    locked(GROUPS.lock()).remove(&child.id());
}

/// Whatever ends this process, even at once, ends what it has started, and what that has.
pub fn take_along() {
    group::take_along();
}
