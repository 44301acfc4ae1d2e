//! What threads are called in a trace.
//!
//! A thread may record while it ends, and while its process does: after its thread-local
//! values have gone. So nothing of this lies in one that has a destructor.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::panic::catch_unwind;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use super::Process;

/// The lanes of one recorder, by thread and process.
#[derive(Debug, Default)]
pub(super) struct Lanes(BTreeMap<(u64, Process), String>);

/// A thread, as long as it runs and after.
#[derive(Clone, Copy)]
struct Thread {
    number: u64,
    named: bool,
}

thread_local! {
    static THREAD: Cell<Option<Thread>> = const { Cell::new(None) };
}

impl Thread {
    fn present() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        THREAD.get().unwrap_or_else(|| {
            let number = COUNT.fetch_add(1, Ordering::Relaxed);
            let thread = Self { number, named: name().is_some() };
            THREAD.set(Some(thread));
            thread
        })
    }
}

/// What the present thread is called. One that has ended has no name any more, which the
/// standard library tells by a panic.
fn name() -> Option<String> {
    catch_unwind(|| thread::current().name().map(str::to_owned)).ok().flatten()
}

impl Lanes {
    /// The lane of the present thread.
    pub(super) fn of_this_thread(&mut self, process: Process) -> &str {
        let thread = Thread::present();
        let key = (thread.number, process);
        if !self.0.contains_key(&key) {
            let lane = self.new_lane(process, thread);
            self.0.insert(key, lane);
        }
        &self.0[&key]
    }

    fn new_lane(&self, process: Process, thread: Thread) -> String {
        let sound = |name: &String| {
            !name.is_empty()
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        };
        let own = if thread.named { name() } else { None };
        let own = own.filter(sound).map(|name| format!("{process}.{name}"));
        let numbered = (1..).map(|number: u32| format!("{process}.t{number}"));
        let is_free = |name: &String| !self.0.values().any(|lane| lane == name);
        let lane = own.into_iter().chain(numbered).find(is_free);
        lane.expect("there are more numbers than threads")
    }
}
