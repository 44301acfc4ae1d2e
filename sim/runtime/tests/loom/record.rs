//! What is seen of a race as it runs, and which thread is which lane.

use std::sync::{Arc, Mutex};

use loom::thread::{self, JoinHandle, ThreadId};
use vdi_spec::codes::HResult;

use crate::history::{History, Seen, Status};
use crate::script::Lane;

/// What the lanes share. Its locks are the standard library's, and never held while the
/// implementation is called: they are no part of what is explored.
#[derive(Clone, Default)]
pub(crate) struct Record {
    seen: Arc<Mutex<History>>,
    /// Every thread with the lane it is now.
    lanes: Arc<Mutex<Vec<(ThreadId, Lane)>>>,
}

impl Record {
    /// What was seen before the race does not count.
    pub(crate) fn begin(&self) {
        let before = self.end();
        let failed =
            |seen: &Seen| !matches!(seen, Seen::Returned(_, Status::Exactly(HResult::NOERROR), _));
        assert!(!before.0.iter().any(|(_, seen)| seen.iter().any(failed)), "set-up: {before}");
    }

    /// A thread that is this lane, known as such before it begins: time may pass for it.
    pub(crate) fn spawn(&self, lane: Lane, act: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
        let handle = thread::spawn(act);
        self.is_lane(handle.thread().id(), lane);
        handle
    }

    /// The present thread is this lane from here on.
    pub(crate) fn enters(&self, lane: Lane) {
        self.is_lane(thread::current().id(), lane);
    }

    fn is_lane(&self, thread: ThreadId, lane: Lane) {
        let mut lanes = self.lanes.lock().expect("no panic while held");
        lanes.retain(|(id, name)| *id != thread && *name != lane);
        lanes.push((thread, lane));
    }

    /// Which lane the present thread is.
    pub(crate) fn lane(&self) -> Lane {
        let here = thread::current().id();
        let lanes = self.lanes.lock().expect("no panic while held");
        lanes.iter().find(|(id, _)| *id == here).expect("every thread is a lane").1
    }

    /// The thread of a lane, if it is one now.
    pub(crate) fn thread(&self, lane: Lane) -> Option<ThreadId> {
        let lanes = self.lanes.lock().expect("no panic while held");
        lanes.iter().find(|(_, name)| *name == lane).map(|(id, _)| *id)
    }

    /// What was seen, which is then forgotten.
    pub(crate) fn end(&self) -> History {
        std::mem::take(&mut *self.seen.lock().expect("no panic while held"))
    }

    pub(crate) fn note(&self, lane: Lane, seen: Seen) {
        self.seen.lock().expect("no panic while held").note(lane, seen);
    }
}

/// The lanes that have done all they do, for routines that wait for them.
#[derive(Default)]
pub(crate) struct Ended {
    lanes: loom::sync::Mutex<Vec<Lane>>,
    changed: loom::sync::Condvar,
}

impl Ended {
    pub(crate) fn note(&self, lane: Lane) {
        self.lanes.lock().expect("no panic while held").push(lane);
        self.changed.notify_all();
    }

    pub(crate) fn wait_for(&self, lane: Lane) {
        let mut lanes = self.lanes.lock().expect("no panic while held");
        while !lanes.contains(&lane) {
            lanes = self.changed.wait(lanes).expect("no panic while held");
        }
    }
}
