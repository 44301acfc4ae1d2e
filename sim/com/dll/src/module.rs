//! What is counted, and what keeps this library loaded.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use vdi_com::module::pin;
use vdi_runtime::{Machine, Options};

use crate::defects::{Defect, has};

/// Objects that live, agents that are inside.
static COUNTED: AtomicUsize = AtomicUsize::new(0);
/// Locks of LockServer.
static LOCKS: AtomicUsize = AtomicUsize::new(0);

/// Is counted while it lives.
pub(crate) struct Counted(());

impl Counted {
    pub(crate) fn new() -> Self {
        COUNTED.fetch_add(1, Ordering::SeqCst);
        Self(())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        COUNTED.fetch_sub(1, Ordering::SeqCst);
    }
}

/// LockServer.
pub(crate) fn lock(lock: bool) {
    if has(Defect::LockUncounted) {
        return;
    }
    if lock {
        LOCKS.fetch_add(1, Ordering::SeqCst);
    } else {
        // One unlock too many is the caller's mistake, and locks nothing for ever.
        let less = |locks: usize| locks.checked_sub(1);
        let _ = LOCKS.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less);
    }
}

/// DllCanUnloadNow.
pub(crate) fn is_unused() -> bool {
    if has(Defect::AlwaysUnloads) || has(Defect::NeverUnloads) {
        return has(Defect::AlwaysUnloads);
    }
    COUNTED.load(Ordering::SeqCst) == 0 && LOCKS.load(Ordering::SeqCst) == 0
}

/// An agent comes in: it is counted until this is dropped, and the library stays until the
/// process ends.
pub(crate) fn agent() -> Option<Counted> {
    if !has(Defect::CountsWithoutHolding) && !has(Defect::AgentUncounted) {
        pin();
    }
    (!has(Defect::AgentUncounted)).then(Counted::new)
}

/// The machine, as this process has it.
pub(crate) fn machine() -> &'static Machine {
    static MACHINE: OnceLock<Machine> = OnceLock::new();
    MACHINE.get_or_init(|| {
        let prefix = std::env::var("VDI_PREFIX").unwrap_or_default();
        Machine::shared_memory(Options { prefix, ..Options::default() })
    })
}
