//! Sleeping on a word: one of this process alone by its address, one that processes share by
//! a semaphore that has a name.
//!
//! No address wakes another process. So a word in shared memory has a semaphore, which is
//! named after the memory and the word's place in it, and made when somebody first sleeps
//! there. Whoever rings lets as many through as listen; one who begins to listen just then may
//! be let through in another's place, who sleeps on. Nothing is lost by that but time: nobody
//! sleeps longer than [`LONGEST`] without a look.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use crate::kernel::{self, Semaphore};

/// How long a sleep on shared memory lasts at most.
const LONGEST: Duration = Duration::from_millis(20);

/// How often a shared word is looked at before a sleep, which costs two system calls.
const SPINS: u32 = 1000;

/// How many may be let through at once; there are no more sides than that.
const MOST: u32 = super::limits::SIDES as u32;

/// The shared memory of this process in which words may be slept on.
static AREAS: RwLock<Vec<Arc<Area>>> = RwLock::new(Vec::new());

#[derive(Debug)]
struct Area {
    start: usize,
    length: usize,
    /// What the names of its semaphores begin with.
    name: String,
    bells: Mutex<BTreeMap<usize, Arc<Semaphore>>>,
}

impl Area {
    /// The semaphore of the word at this address; `None` where the system refuses one.
    fn bell(&self, address: usize) -> Option<Arc<Semaphore>> {
        let place = address - self.start;
        let mut bells = self.bells.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bell) = bells.get(&place) {
            return Some(bell.clone());
        }
        let bell = Arc::new(Semaphore::named(&format!("{}bell{place:x}", self.name), MOST).ok()?);
        bells.insert(place, bell.clone());
        Some(bell)
    }
}

/// Memory whose words processes sleep on, until this is dropped.
#[derive(Debug)]
pub(crate) struct Shared(Arc<Area>);

impl Shared {
    /// The memory of so many bytes from this address on, which all who share it give this name.
    pub(crate) fn new(start: usize, length: usize, name: &str) -> Self {
        let area = Area { start, length, name: name.to_owned(), bells: Mutex::default() };
        let area = Arc::new(area);
        AREAS.write().unwrap_or_else(PoisonError::into_inner).push(area.clone());
        Self(area)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let mut areas = AREAS.write().unwrap_or_else(PoisonError::into_inner);
        areas.retain(|area| !Arc::ptr_eq(area, &self.0));
    }
}

/// The shared memory that a word lies in, if it does in any.
fn area_of(word: &AtomicU32) -> Option<(Arc<Area>, usize)> {
    let address = word.as_ptr() as usize;
    let areas = AREAS.read().unwrap_or_else(PoisonError::into_inner);
    let area = areas.iter().find(|area| address.wrapping_sub(area.start) < area.length)?;
    Some((area.clone(), address))
}

/// Wakes those who sleep on this word, of whom there are so many.
pub(super) fn wake_all(word: &AtomicU32, listeners: u32) {
    match area_of(word) {
        None => kernel::wake_by_address(word),
        Some((area, address)) => {
            if let Some(bell) = area.bell(address) {
                bell.release(listeners.min(MOST));
            }
        }
    }
}

/// Sleeps while the word is `heard`, until it is woken; no longer than `limit`.
pub(super) fn wait(word: &AtomicU32, heard: u32, limit: Option<Duration>) {
    let Some((area, address)) = area_of(word) else {
        return kernel::wait_on_address(word, heard, limit);
    };
    let rung = || word.load(Ordering::SeqCst) != heard;
    for _ in 0..SPINS {
        if rung() {
            return;
        }
        std::hint::spin_loop();
    }
    let bell = area.bell(address);
    let limit = limit.unwrap_or(LONGEST).min(LONGEST);
    // Whoever has rung before this look has not counted on being slept on.
    if rung() {
        return;
    }
    match bell {
        Some(bell) => bell.wait(limit),
        // Nothing wakes it: it is looked at often.
        None => kernel::wait_on_address(word, heard, Some(Duration::from_millis(1).min(limit))),
    }
}
