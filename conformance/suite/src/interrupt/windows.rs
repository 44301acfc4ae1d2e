//! A program and what it has started, as a job: who is in it ends with it, and it ends with
//! whoever holds it.

use std::os::windows::io::AsHandle as _;
use std::os::windows::process::CommandExt as _;
use std::process::{Child, Command};
use std::sync::{Mutex, OnceLock};

use vdi_runtime::Job;

use crate::locked::locked;

/// The system's word for a program to whose console's Ctrl-C nobody listens in there.
const CREATE_NEW_PROCESS_GROUP: u32 = 0x200;

/// The job of one program; `None` once it was ended.
#[derive(Debug)]
pub(super) struct Family(Mutex<Option<Job>>);

impl Family {
    /// The job of a program that has just been started. What it starts before this is only
    /// in that of [`take_along`]; but a program takes longer than this to begin.
    pub(super) fn of(child: &Child) -> Self {
        let job = Job::new().and_then(|job| job.with(child.as_handle()));
        Self(Mutex::new(job.ok()))
    }

    /// Ends all that is in it.
    pub(super) fn kill(&self) {
        locked(self.0.lock()).take();
    }

    /// The same, its first known, which ends where there could be no job.
    pub(super) fn end(&self, first: &mut Child) {
        self.kill();
        // It may have ended at this moment.
        let _ = first.kill();
    }
}

pub(super) fn apart(command: &mut Command) -> &mut Command {
    command.creation_flags(CREATE_NEW_PROCESS_GROUP)
}

/// This process is in a job that only it holds, and so is what it starts.
pub(super) fn take_along() {
    static OWN: OnceLock<Option<Job>> = OnceLock::new();
    // A system that knows no job within a job refuses it; then each program has its own.
    OWN.get_or_init(|| Job::new().and_then(Job::with_this_process).ok());
}

/// Whether a process of this group runs: a job that is held tells by itself when it is closed.
#[must_use]
pub const fn group_lives(_: u32) -> bool {
    false
}
