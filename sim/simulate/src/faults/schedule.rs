//! When what was drawn goes wrong: faults at their steps, and misuses every few steps.

use super::Faults;
use super::injected::Injected;
use super::misuse_calls::Misuser;
use crate::options::{About, Options};
use crate::rng::Rng;
use vdi_trace::{Function, Process};

/// Misuses in a world, at most: it is to come to an end.
const MOST_MISUSES: u32 = 300;

/// What has gone wrong, and what is yet to.
#[derive(Debug)]
pub(crate) struct FaultSchedule {
    /// The step of the next fault.
    next: u32,
    /// The faults that came.
    pub(crate) injected: Injected,
    dead: Vec<Process>,
    /// The line of the trace that tells of the death of the primary client's process.
    pub(crate) primary_died: Option<usize>,
    pub(crate) misuses: MisuseSchedule,
}

impl FaultSchedule {
    pub(crate) fn new(faults: &Faults) -> Self {
        Self {
            next: next_fault(faults, 0),
            injected: Injected::default(),
            dead: Vec::new(),
            primary_died: None,
            misuses: MisuseSchedule::new(),
        }
    }

    /// Whether a fault is drawn for this step.
    #[inline]
    pub(crate) fn comes(&mut self, step: u32, faults: &Faults) -> bool {
        let comes = step == self.next;
        if comes {
            self.next = next_fault(faults, step + 1);
        }
        comes
    }

    /// A process has died.
    pub(crate) fn note_death(&mut self, process: Process, line: usize) {
        self.dead.push(process);
        if process == Process::Primary {
            self.primary_died = Some(line);
        }
    }

    pub(crate) fn is_dead(&self, process: Process) -> bool {
        self.dead.contains(&process)
    }

    /// Whether every process lives.
    pub(crate) const fn all_live(&self) -> bool {
        self.dead.is_empty()
    }
}

/// The first step from this one on at which a fault is drawn to come.
fn next_fault(faults: &Faults, from: u32) -> u32 {
    let drawn = [
        faults.server_abort_at,
        faults.client_abort_at,
        faults.server_dies_at,
        faults.primary_dies_at,
        faults.secondary_dies_at,
        faults.cancelled_at,
    ];
    drawn.into_iter().flatten().filter(|at| *at >= from).min().unwrap_or(u32::MAX)
}

/// When misuses are made, and which of them may have disturbed others.
#[derive(Debug)]
pub(crate) struct MisuseSchedule {
    /// The step of the next.
    at: u32,
    /// How many there may yet be.
    left: u32,
    /// Whether one is due, by who makes it.
    due: [bool; 3],
    /// The functions by which others may have been disturbed.
    disturbing: Vec<Function>,
}

impl MisuseSchedule {
    const fn new() -> Self {
        Self { at: 1, left: MOST_MISUSES, due: [false; 3], disturbing: Vec::new() }
    }

    /// Whether somebody is about to make one at this step.
    #[inline]
    pub(crate) fn comes(&mut self, step: u32, options: &Options, rng: &mut Rng) -> bool {
        if options.odd_calls == 0 || step < self.at || self.left == 0 {
            return false;
        }
        self.left -= 1;
        self.at = step + 1 + rng.below(options.odd_calls.saturating_mul(2));
        // A secondary comes seldom, but for worlds that are about it.
        let most = if options.odd_about == About::Secondaries { 3 } else { 5 };
        self.due[[0, 1, 2, 0, 1][rng.below(most) as usize]] = true;
        true
    }

    /// Whether one of somebody is due; if it is made, it is not any more.
    pub(crate) const fn due(&mut self, misuser: Misuser) -> &mut bool {
        &mut self.due[misuser as usize]
    }

    /// Others may have been disturbed by this function.
    pub(crate) fn note_disturbing(&mut self, function: Function) {
        if !self.disturbing.contains(&function) {
            self.disturbing.push(function);
        }
    }

    /// The functions by which others may have been disturbed.
    pub(crate) fn into_disturbing(self) -> Vec<Function> {
        self.disturbing
    }
}
