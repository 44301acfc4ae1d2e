//! What a set needs of the machine it is on: what was chosen, the time, who lives.

use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::clock::Clock;
use super::layout::ProcessId;
use super::locked::lock;
use super::object::PLACE;
use super::refusal::Refusal;
use crate::sync::{Arc, Count};
use vdi_spec::codes::HResult;

/// What may be chosen about a machine.
#[derive(Clone)]
pub struct Options {
    /// How many commands may be outstanding on one device, 1 to 64.
    pub queue_depth: usize,
    /// How many bytes the buffer area of one set may hold.
    pub memory_limit: u64,
    /// Between processes: whether the group of the creating user may use a set, too.
    /// Others never may.
    pub group: bool,
    /// Between processes: what the names of shared memory objects begin with.
    pub prefix: String,
    /// Whether time-outs, other than 0, pass only when [`Machine::expire`](super::Machine::expire) lets them.
    pub virtual_time: bool,
    /// Who is told when calls sleep and wake.
    pub observer: Option<Arc<dyn Observer>>,
    /// Between processes: who is told what the system refuses, in a line that has the call,
    /// the size, the path of the object and the error.
    pub refusals: Option<Refusals>,
}

/// Is told what the system refuses. It must not call back into the runtime.
pub type Refusals = Arc<dyn Fn(&str) + Send + Sync>;

impl Default for Options {
    fn default() -> Self {
        Self {
            queue_depth: 64,
            memory_limit: 1 << 30,
            group: false,
            prefix: String::new(),
            virtual_time: false,
            observer: None,
            refusals: None,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { queue_depth, memory_limit, group, prefix, virtual_time, .. } = self;
        f.debug_struct("Options")
            .field("queue_depth", queue_depth)
            .field("memory_limit", memory_limit)
            .field("group", group)
            .field("prefix", prefix)
            .field("virtual_time", virtual_time)
            .finish_non_exhaustive()
    }
}

/// Whether a sleeping call still has a reason to sleep.
pub type Still = Arc<dyn Fn() -> bool + Send + Sync>;

/// Is told when calls sleep: enough to know exactly when everything is at rest. It
/// must not call back into the runtime.
pub trait Observer: Send + Sync {
    /// The present thread is about to sleep. Once `still` gives false it is on its way
    /// to wake, though it may not run yet.
    fn sleeps(&self, still: Still);
    /// The present thread is awake again.
    fn wakes(&self);
}

/// Whether a process lives, and how many of its threads are inside the interface.
#[derive(Debug, Default)]
pub(super) struct Life {
    dead: AtomicBool,
    inside: AtomicUsize,
    /// The completion agents among them, apart, for loom to see them come and go.
    agents: Count,
}

/// Counts a thread inside the interface until this is dropped.
pub(super) struct Inside<'a>(&'a Life);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.inside.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The same for a completion agent.
#[derive(Debug)]
pub(super) struct Stay(Arc<Life>);

impl Drop for Stay {
    fn drop(&mut self) {
        self.0.agents.leave();
    }
}

impl Life {
    pub(super) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Acquire)
    }

    pub(super) fn end(&self) {
        self.dead.store(true, Ordering::Release);
    }

    /// How many threads are inside the interface.
    pub(super) fn inside(&self) -> usize {
        self.inside.load(Ordering::Acquire) + self.agents.get()
    }

    pub(super) fn enter(&self) -> Inside<'_> {
        self.inside.fetch_add(1, Ordering::AcqRel);
        Inside(self)
    }

    pub(super) fn stay(self: &Arc<Self>) -> Stay {
        self.agents.enter();
        Stay(self.clone())
    }
}

/// What all sets of one machine share.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) options: Options,
    pub(super) clock: Clock,
    /// The virtual processes by number, unless sets are shared with other processes.
    lives: Option<Mutex<Vec<Arc<Life>>>>,
}

impl Host {
    pub(super) fn new(options: Options, is_shared: bool) -> Self {
        let clock = Clock::new(options.virtual_time);
        Self { options, clock, lives: (!is_shared).then(Mutex::default) }
    }

    /// Whether others have to be looked after, since nobody tells when they die.
    pub(super) const fn is_shared(&self) -> bool {
        self.lives.is_none()
    }

    /// The status of what the system has refused, of the object of this name; it is told.
    pub(super) fn refused(&self, name: &str, refusal: &Refusal) -> HResult {
        if let Some(refusals) = &self.options.refusals {
            refusals(&refusal.told(&format!("{PLACE}{name}")));
        }
        refusal.status()
    }

    /// Whether a virtual process lives.
    pub(super) fn lives(&self, id: ProcessId) -> bool {
        let Some(lives) = &self.lives else { return false };
        let lives = lock(lives);
        let life = (id.0 as usize).checked_sub(1).and_then(|index| lives.get(index));
        life.is_some_and(|life| !life.is_dead())
    }

    /// The number of a new virtual process; `None` where processes are real.
    pub(super) fn add_life(&self, life: &Arc<Life>) -> Option<ProcessId> {
        let mut lives = lock(self.lives.as_ref()?);
        lives.push(life.clone());
        let number = u32::try_from(lives.len()).expect("processes can be counted");
        Some(ProcessId(number))
    }

    /// All virtual processes have died.
    pub(super) fn end_lives(&self) {
        if let Some(lives) = &self.lives {
            lock(lives).iter().for_each(|life| life.end());
        }
    }
}
