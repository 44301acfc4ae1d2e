//! Where sets are found by name, and the processes that use them: between the threads of
//! this process, or between processes over POSIX shared memory.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, Weak};

use super::host::{Host, Inside, Life, Options, Stay};
use super::layout::ProcessId;
use super::locked::lock;
use super::mapping::{PRIMARY, SetMapping};
use super::names::Names;
use super::processes::this_process;
use crate::sync::Arc;
use vdi_spec::codes::HResult;
use vdi_spec::config::VdConfig;

/// The sets of one machine.
pub(super) struct Registry {
    pub(super) host: Arc<Host>,
    sets: Sets,
    /// Every mapping of this process that may still be in use.
    mappings: Mutex<Vec<Weak<SetMapping>>>,
    salt: AtomicU32,
}

enum Sets {
    /// Of this process alone.
    Own(Mutex<BTreeMap<String, Arc<SetMapping>>>),
    /// Shared with other processes.
    Shared(Names),
}

/// A process that uses sets: this one, or a virtual one within.
#[derive(Clone)]
pub struct Process {
    registry: Arc<Registry>,
    pub(super) id: ProcessId,
    life: Arc<Life>,
}

impl Process {
    /// Kills a virtual process: its calls end with VD_E_ABORT, no completion routine
    /// runs in it any more, and the other side notices, as far as the documents let it.
    /// Nothing happens to a real process.
    ///
    /// Source: SQL Server 2005 Virtual Backup Device Specification, Abnormal Termination.
    pub fn kill(&self) {
        if !self.registry.host.is_shared() {
            self.life.end();
            self.registry.wake_all();
        }
    }

    /// How many of its threads are inside the interface.
    #[must_use]
    pub fn inside(&self) -> usize {
        self.life.inside()
    }

    pub(super) fn is_dead(&self) -> bool {
        self.life.is_dead()
    }

    pub(super) fn enter(&self) -> Inside<'_> {
        self.life.enter()
    }

    pub(super) fn stay(&self) -> Stay {
        self.life.stay()
    }

    /// A new set of that name. VD_E_PROTOCOL if one is in use, VD_E_INVALID if the name
    /// is too long.
    pub(super) fn create(
        &self,
        instance: Option<&str>,
        name: &str,
        config: &VdConfig,
    ) -> Result<Arc<SetMapping>, HResult> {
        let registry = &self.registry;
        let salt = registry.salt.fetch_add(0x9E37_79B9, Ordering::Relaxed);
        let mapping = match &registry.sets {
            Sets::Shared(names) => {
                names.sweep(&registry.host);
                names.create(&registry.host, instance, name, config, (self.id, salt))?
            }
            Sets::Own(named) => {
                let (mut named, own) = (lock(named), own_name(instance, name));
                let taken = |mapping: &Arc<SetMapping>| mapping.client_lives();
                if named.get(&own).is_some_and(taken) {
                    return Err(HResult::VD_E_PROTOCOL);
                }
                let mapping =
                    SetMapping::own(registry.host.clone(), own.clone(), config.device_count);
                mapping.take_side(PRIMARY, self.id)?;
                mapping.begin(name, config, salt);
                named.insert(own, mapping.clone());
                mapping
            }
        };
        registry.remember(&mapping);
        Ok(mapping)
    }

    /// The set of that name, if its client has not closed it.
    /// VD_E_MEMORY if there is one that cannot be mapped.
    pub(super) fn find(
        &self,
        instance: Option<&str>,
        name: &str,
    ) -> Result<Option<Arc<SetMapping>>, HResult> {
        let mapping = match &self.registry.sets {
            Sets::Shared(names) => names.find(&self.registry.host, instance, name)?,
            Sets::Own(named) => lock(named).get(&own_name(instance, name)).cloned(),
        };
        if let Some(mapping) = &mapping {
            self.registry.remember(mapping);
        }
        Ok(mapping)
    }

    /// In memory, a new virtual process; else this process.
    pub(super) fn new(registry: &Arc<Registry>) -> Self {
        let life = Arc::new(Life::default());
        let id = registry.host.add_life(&life).unwrap_or_else(this_process);
        Self { registry: registry.clone(), id, life }
    }

    /// Whether it lives.
    pub(super) fn life(&self) -> &Life {
        &self.life
    }

    /// No process will look for the set by its name any more.
    pub(super) fn forget(&self, mapping: &SetMapping) {
        self.registry.forget(mapping);
    }
}

impl Registry {
    pub(super) fn new(options: Options, is_shared: bool) -> Self {
        let sets = if is_shared {
            Sets::Shared(Names::new(&options))
        } else {
            Sets::Own(Mutex::default())
        };
        let host = Arc::new(Host::new(options, is_shared));
        let salt = AtomicU32::new(std::process::id());
        Self { host, sets, mappings: Mutex::default(), salt }
    }

    /// Removes what dead clients have left behind.
    pub(super) fn sweep(&self) {
        if let Sets::Shared(names) = &self.sets {
            names.sweep(&self.host);
        }
    }

    /// All virtual processes have died.
    pub(super) fn abandon(&self) {
        self.host.end_lives();
        if let Sets::Own(named) = &self.sets {
            lock(named).clear();
        }
        self.wake_all();
    }

    /// The set is found by its name no more.
    pub(super) fn forget(&self, mapping: &SetMapping) {
        match &self.sets {
            Sets::Shared(names) => names.forget(mapping),
            Sets::Own(named) => {
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

    pub(super) fn mappings(&self) -> Vec<Arc<SetMapping>> {
        lock(&self.mappings).iter().filter_map(Weak::upgrade).collect()
    }
}

fn own_name(instance: Option<&str>, name: &str) -> String {
    // No name has a backslash.
    format!("{}\\{name}", instance.unwrap_or_default())
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("host", &self.host).finish_non_exhaustive()
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process").field("id", &self.id).finish_non_exhaustive()
    }
}
