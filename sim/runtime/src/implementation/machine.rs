//! Where sets are found by name, and which processes use them: between the threads of
//! this process, or between processes over POSIX shared memory.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, Weak};

use super::clock::Clock;
use super::layout::ProcessId;
use super::mapping::SetMapping;
use super::posix;
use super::{ClientSet, ServerSet};
use crate::sync::{Arc, ThreadId};
use vdi_spec::codes::HResult;
use vdi_spec::config::VdConfig;

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
    /// Between processes: what the names of shared memory objects begin with. Processes
    /// that cannot see each other's numbers (of several containers, say) and share the
    /// file system all the same need different ones: each takes the others for dead.
    pub prefix: String,
    /// Whether time-outs, other than 0, pass only when [`Machine::expire`] lets them.
    pub virtual_time: bool,
    /// Who is told when calls sleep and wake.
    pub observer: Option<Arc<dyn Observer>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            queue_depth: 64,
            memory_limit: 1 << 30,
            group: false,
            prefix: String::new(),
            virtual_time: false,
            observer: None,
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

/// A machine: the device sets that can be found by name.
#[derive(Clone, Debug)]
pub struct Machine {
    core: Arc<Core>,
}

pub(super) struct Core {
    pub(super) options: Options,
    pub(super) clock: Clock,
    sets: Sets,
    /// Every mapping of this process that may still be in use.
    mappings: Mutex<Vec<Weak<SetMapping>>>,
    salt: AtomicU32,
}

enum Sets {
    /// Of this process alone: its sets, and its virtual processes by number.
    Own { named: Mutex<BTreeMap<String, Arc<SetMapping>>>, lives: Mutex<Vec<Arc<Life>>> },
    /// Shared with other processes.
    Shared(posix::Names),
}

/// A process that uses sets: this one, or a virtual one within.
#[derive(Clone)]
pub struct Process {
    pub(super) core: Arc<Core>,
    pub(super) id: ProcessId,
    life: Arc<Life>,
}

/// Whether a process lives, and how many of its threads are inside the interface.
#[derive(Debug, Default)]
struct Life {
    dead: AtomicBool,
    inside: AtomicUsize,
}

/// Counts a thread inside the interface until this is dropped.
pub(super) struct Inside<'a>(&'a Life);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.inside.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Machine {
    /// A machine whose sets are shared by the threads of this process. It may have many
    /// virtual processes.
    #[must_use]
    pub fn in_memory(options: Options) -> Self {
        let (named, lives) = (Mutex::default(), Mutex::default());
        Self::new(options, Sets::Own { named, lives })
    }

    /// A machine whose sets are shared with other processes of this computer, through
    /// POSIX shared memory.
    #[must_use]
    pub fn shared_memory(options: Options) -> Self {
        let names = posix::Names::new(&options);
        Self::new(options, Sets::Shared(names))
    }

    fn new(options: Options, sets: Sets) -> Self {
        let clock = Clock::new(options.virtual_time);
        let salt = AtomicU32::new(std::process::id());
        let mappings = Mutex::default();
        Self { core: Arc::new(Core { options, clock, sets, mappings, salt }) }
    }

    /// In memory, a new virtual process; else this process.
    ///
    /// # Panics
    /// In memory, after some billions of processes.
    #[must_use]
    pub fn process(&self) -> Process {
        let life = Arc::new(Life::default());
        let id = match &self.core.sets {
            Sets::Own { lives, .. } => {
                let mut lives = lock(lives);
                lives.push(life.clone());
                let number = u32::try_from(lives.len()).expect("processes can be counted");
                ProcessId { number, began: 0 }
            }
            Sets::Shared(_) => posix::this_process(),
        };
        Process { core: self.core.clone(), id, life }
    }

    /// The server's half, in a process of its own.
    #[must_use]
    pub fn server_set(&self) -> ServerSet {
        self.process().server_set()
    }

    /// The client's half, in a process of its own.
    #[must_use]
    pub fn client_set(&self) -> ClientSet {
        self.process().client_set()
    }

    /// With [`Options::virtual_time`]: lets time pass for the call in progress on this
    /// thread: its time-out, if it waits with one; one interval of serverTimeOut, if the
    /// thread is a completion agent. With `milliseconds` just so much of it passes.
    /// Nothing happens otherwise.
    pub fn expire(&self, thread: ThreadId, milliseconds: Option<u32>) {
        self.core.clock.expire(thread, milliseconds);
    }

    /// Notices now which processes have died, as every waiting call does in time.
    pub fn look_around(&self) {
        self.core.mappings().iter().for_each(|mapping| mapping.notice_deaths());
    }

    /// Between processes: removes from the shared memory file system the sets of this
    /// prefix whose client died without Close while no server had them open, or none any
    /// more. A server that has a set open removes it itself, and every Create does this
    /// first. Nothing happens in memory.
    pub fn sweep(&self) {
        if let Sets::Shared(names) = &self.core.sets {
            names.sweep(&self.core);
        }
    }

    /// Ends every call in this process with VD_E_ABORT, now and from now on, as if all
    /// its virtual processes had died: for the end of a test.
    pub fn abandon(&self) {
        if let Sets::Own { lives, named } = &self.core.sets {
            lock(lives).iter().for_each(|life| life.dead.store(true, Ordering::Release));
            lock(named).clear();
        }
        self.core.wake_all();
    }
}

impl Process {
    /// A server's set interface, not yet open.
    #[must_use]
    pub fn server_set(&self) -> ServerSet {
        ServerSet::new(self.clone())
    }

    /// A client's set interface, neither created nor opened.
    #[must_use]
    pub fn client_set(&self) -> ClientSet {
        ClientSet::new(self.clone())
    }

    /// Kills a virtual process: its calls end with VD_E_ABORT, no completion routine
    /// runs in it any more, and the other side notices, as far as the documents let it.
    /// Nothing happens to a real process.
    ///
    /// Source: SQL Server 2005 Virtual Backup Device Specification, Abnormal Termination.
    pub fn kill(&self) {
        if matches!(self.core.sets, Sets::Own { .. }) {
            self.life.dead.store(true, Ordering::Release);
            self.core.wake_all();
        }
    }

    /// How many of its threads are inside the interface.
    #[must_use]
    pub fn inside(&self) -> usize {
        self.life.inside.load(Ordering::Acquire)
    }

    pub(super) fn is_dead(&self) -> bool {
        self.life.dead.load(Ordering::Acquire)
    }

    pub(super) fn enter(&self) -> Inside<'_> {
        self.life.inside.fetch_add(1, Ordering::AcqRel);
        Inside(&self.life)
    }

    /// A new set of that name. VD_E_PROTOCOL if one is in use, VD_E_INVALID if the name
    /// is too long.
    pub(super) fn create(
        &self,
        key: (Option<&str>, &str),
        config: &VdConfig,
    ) -> Result<Arc<SetMapping>, HResult> {
        let core = &self.core;
        let salt = core.salt.fetch_add(0x9E37_79B9, Ordering::Relaxed);
        let mapping = match &core.sets {
            Sets::Shared(names) => {
                names.sweep(core);
                names.create(core, key, config, (self.id, salt))?
            }
            Sets::Own { named, .. } => {
                let (mut named, name) = (lock(named), own_name(key));
                let taken = |mapping: &Arc<SetMapping>| mapping.client_lives();
                if named.get(&name).is_some_and(taken) {
                    return Err(HResult::VD_E_PROTOCOL);
                }
                let mapping = SetMapping::own(core.clone(), name.clone(), config.device_count);
                mapping.begin(key.1, config, (self.id, salt));
                named.insert(name, mapping.clone());
                mapping
            }
        };
        core.remember(&mapping);
        Ok(mapping)
    }

    /// The set of that name, if its client has not closed it.
    pub(super) fn find(&self, key: (Option<&str>, &str)) -> Option<Arc<SetMapping>> {
        let mapping = match &self.core.sets {
            Sets::Shared(names) => names.find(&self.core, key)?,
            Sets::Own { named, .. } => lock(named).get(&own_name(key))?.clone(),
        };
        self.core.remember(&mapping);
        Some(mapping)
    }
}

impl Core {
    /// Whether a process lives.
    pub(super) fn lives(&self, mapping: &SetMapping, id: ProcessId) -> bool {
        match &self.sets {
            Sets::Shared(_) => mapping.watches().lives(id),
            Sets::Own { lives, .. } => {
                let lives = lock(lives);
                let life = (id.number as usize).checked_sub(1).and_then(|index| lives.get(index));
                life.is_some_and(|life| !life.dead.load(Ordering::Acquire))
            }
        }
    }

    /// Whether others have to be looked after, since nobody tells when they die.
    pub(super) const fn is_shared(&self) -> bool {
        matches!(self.sets, Sets::Shared(_))
    }

    /// The set is found by its name no more.
    pub(super) fn forget(&self, mapping: &SetMapping) {
        match &self.sets {
            Sets::Shared(names) => names.forget(mapping),
            Sets::Own { named, .. } => {
                let mut named = lock(named);
                let ours = |found: &Arc<SetMapping>| std::ptr::eq(Arc::as_ptr(found), mapping);
                if named.get(mapping.key()).is_some_and(ours) {
                    named.remove(mapping.key());
                }
            }
        }
    }

    fn remember(&self, mapping: &Arc<SetMapping>) {
        let mut mappings = lock(&self.mappings);
        mappings.retain(|known| known.strong_count() > 0);
        mappings.push(Arc::downgrade(mapping));
    }

    /// Everyone who sleeps in this process is to look again.
    fn wake_all(&self) {
        self.mappings().iter().for_each(|mapping| mapping.ring_all());
    }

    fn mappings(&self) -> Vec<Arc<SetMapping>> {
        lock(&self.mappings).iter().filter_map(Weak::upgrade).collect()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn own_name((instance, name): (Option<&str>, &str)) -> String {
    // No name has a backslash.
    format!("{}\\{name}", instance.unwrap_or_default())
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shared = self.is_shared();
        f.debug_struct("Core").field("shared", &shared).field("options", &self.options).finish()
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process").field("id", &self.id).finish_non_exhaustive()
    }
}
