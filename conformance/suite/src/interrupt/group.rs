//! A program and what it has started, as a group of processes.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command};

use rustix::process::{Pid, Signal, kill_process_group};

/// A group of processes, named after its first.
#[derive(Debug)]
pub(super) struct Family(i32);

impl Family {
    /// The group that a program was started in.
    pub(super) fn of(child: &Child) -> Self {
        Self(child.id().cast_signed())
    }

    /// Ends all that is in it.
    pub(super) fn kill(&self) {
        if let Some(group) = Pid::from_raw(self.0) {
            // It may have ended at this moment.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }

    /// The same, its first known.
    pub(super) fn end(&self, _: &mut Child) {
        self.kill();
    }
}

pub(super) fn apart(command: &mut Command) -> &mut Command {
    command.process_group(0)
}

/// Nothing does that here for what a program has started itself: a killed `vdi` closes the
/// standard input of what it drives, upon which that ends.
pub(super) const fn take_along() {}

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
