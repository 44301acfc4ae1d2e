//! Whoever has started a run wants it no more: what was found until then is told, and nothing
//! that was started goes on.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Child, ExitStatus};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::locked::locked;

static ASKED: AtomicBool = AtomicBool::new(false);

/// The groups of the programs that run, each named after its first process.
static GROUPS: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// Ends every program that was started, with what it has started itself; scenarios, situations
/// and worlds that have not come to an end are not run. For the whole process, and for good.
pub fn interrupt() {
    ASKED.store(true, Ordering::SeqCst);
    locked(GROUPS.lock()).iter().for_each(|group| kill(*group));
}

/// Whether that was asked for.
#[must_use]
pub fn is_interrupted() -> bool {
    ASKED.load(Ordering::SeqCst)
}

/// A program was started, in a group of its own, that ends when it is asked for.
pub fn started(child: &Child) {
    let group = child.id().cast_signed();
    locked(GROUPS.lock()).insert(group);
    // It may have been asked for just before.
    if is_interrupted() {
        kill(group);
    }
}

/// Ends a program that was [`started`], and what is left in its group.
///
/// # Errors
/// It cannot be waited for.
pub fn end(child: &mut Child) -> std::io::Result<ExitStatus> {
    // Before it is waited for: until then its number is nobody else's.
    let group = child.id().cast_signed();
    let mut groups = locked(GROUPS.lock());
    if groups.remove(&group) {
        kill(group);
    }
    drop(groups);
    child.wait()
}

/// A program that was [`started`] has ended, and nothing is left in its group.
pub fn ended(child: &Child) {
    locked(GROUPS.lock()).remove(&child.id().cast_signed());
}

/// Whether a process of this group runs, and is no zombie.
#[must_use]
pub fn group_lives(group: u32) -> bool {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| fs::read_to_string(entry.path().join("stat")).ok()).any(|stat| {
        // Behind the name, which may hold anything: the state, the parent, the group.
        let words = stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace());
        let mut words = words.into_iter().flatten();
        let runs = words.next().is_some_and(|state| !matches!(state, "Z" | "X"));
        runs && words.nth(1).and_then(|word| word.parse().ok()) == Some(group)
    })
}

fn kill(group: i32) {
    if let Some(group) = Pid::from_raw(group) {
        // It may have ended at this moment.
        let _ = kill_process_group(group, Signal::KILL);
    }
}
