//! Who may run: whatever may wait inside the implementation is on a thread of its lane,
//! and waits here until the scheduler of a world lets it go on. At any time one thread
//! runs, the world's or one lane's.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::mpsc::{SendError, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;
use std::time::Duration;

use vdi_simulate::CalledBack;

use crate::adapter::inprocess::Still;
use vdi_reference::at_windows;

/// After so long without a sign a lane is given up: it hangs.
const PATIENCE: Duration = Duration::from_secs(10);

thread_local! {
    /// The lane that the present thread is.
    static LANE: Cell<Option<u8>> = const { Cell::new(None) };
}

type Work = Box<dyn FnOnce() + Send>;

/// Threads that have nothing to do: most calls are short, and a new thread for each would
/// cost more than the call.
static IDLE: Mutex<Vec<Sender<Work>>> = Mutex::new(Vec::new());

fn on_a_thread(mut work: Work) {
    let idle = || IDLE.lock().unwrap_or_else(PoisonError::into_inner);
    let known = idle().pop();
    if let Some(known) = known {
        match known.send(work) {
            Ok(()) => return,
            Err(SendError(back)) => work = back,
        }
    }
    let (give, take) = channel();
    std::thread::spawn(move || {
        let mut next = Ok(work);
        while let Ok(work) = next {
            work();
            idle().push(give.clone());
            next = take.recv();
        }
    });
}

/// What a lane's thread does.
enum Phase {
    /// It runs, or is about to.
    Running,
    /// It sleeps inside the implementation; it has a reason to wake once this is false.
    Asleep(Option<Still>),
    /// It has a reason to wake, and may not go on before it is let.
    Stirred,
    /// It is in the window of a race that a defect has opened.
    Lingering,
    /// It is inside a completion routine, and whether that was told.
    Calling(CalledBack, bool),
    /// Its call has returned.
    Returned,
}

struct Lane {
    phase: Phase,
    /// It may go on.
    released: bool,
    /// It is not waited for any more, and waits for nobody.
    free: bool,
    thread: Option<ThreadId>,
    /// Rung when it may go on.
    bell: Arc<Condvar>,
}

/// What became of a lane that was let go on.
pub(super) enum Went {
    /// A completion routine was invoked.
    Called(CalledBack),
    /// Its call has returned.
    Returned,
    /// Nothing that could be seen.
    Nothing,
}

/// The gate of one world.
#[derive(Default)]
pub(super) struct StepGate {
    lanes: Mutex<BTreeMap<u8, Lane>>,
    /// Rung when a lane does not run any more.
    rests: Condvar,
}

impl StepGate {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<u8, Lane>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a call on a thread of its own, and lets it run until it rests.
    pub(super) fn start(self: &Arc<Self>, lane: u8, call: impl FnOnce() + Send + 'static) {
        let bell = Arc::default();
        let begun =
            Lane { phase: Phase::Running, released: false, free: false, thread: None, bell };
        self.lock().insert(lane, begun);
        let gate = Arc::clone(self);
        on_a_thread(Box::new(move || {
            LANE.set(Some(lane));
            let windows = Arc::clone(&gate);
            at_windows(Box::new(move || windows.wait(Phase::Lingering)));
            gate.change(lane, |known| known.thread = Some(std::thread::current().id()));
            // A panic of the implementation is a call that has no answer.
            drop(std::panic::catch_unwind(std::panic::AssertUnwindSafe(call)));
            gate.change(lane, |known| known.phase = Phase::Returned);
        }));
        self.settle();
    }

    fn change(&self, lane: u8, change: impl FnOnce(&mut Lane)) {
        if let Some(known) = self.lock().get_mut(&lane) {
            change(known);
        }
        self.rests.notify_all();
    }

    /// Waits until no lane runs.
    pub(super) fn settle(&self) {
        let runs = |lanes: &mut BTreeMap<u8, Lane>| {
            lanes.values().any(|lane| matches!(lane.phase, Phase::Running) && !lane.free)
        };
        let waited = self.rests.wait_timeout_while(self.lock(), PATIENCE, runs);
        let (mut lanes, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        if timeout.timed_out() {
            let hangs = |lane: &&mut Lane| matches!(lane.phase, Phase::Running);
            lanes.values_mut().filter(hangs).for_each(|lane| lane.free = true);
        }
    }

    /// The present thread, a lane's, may not go on until it is let.
    fn wait(&self, phase: Phase) {
        let Some(lane) = LANE.get() else {
            return;
        };
        self.change(lane, |known| (known.phase, known.released) = (phase, false));
        self.pass(lane);
    }

    fn pass(&self, lane: u8) {
        let mut lanes = self.lock();
        while let Some(known) = lanes.get(&lane)
            && !known.released
            && !known.free
        {
            let bell = Arc::clone(&known.bell);
            lanes = bell.wait(lanes).unwrap_or_else(PoisonError::into_inner);
        }
        if let Some(known) = lanes.get_mut(&lane) {
            known.phase = Phase::Running;
        }
    }

    /// The present thread is about to sleep inside the implementation.
    pub(super) fn sleeps(&self, still: Option<Still>) {
        if let Some(lane) = LANE.get() {
            let phase = Phase::Asleep(still);
            self.change(lane, |known| (known.phase, known.released) = (phase, false));
        }
    }

    /// The present thread has woken: if it is a lane's, it waits to be let on.
    pub(super) fn wakes(&self) {
        if let Some(lane) = LANE.get() {
            self.pass(lane);
        }
    }

    /// Whoever sleeps without a reason told has one to look again.
    pub(super) fn stirs(&self) {
        for lane in self.lock().values_mut() {
            if matches!(lane.phase, Phase::Asleep(None)) {
                lane.phase = Phase::Stirred;
            }
        }
    }

    /// A completion routine runs on the present thread; whether that is a lane's.
    pub(super) fn calls(&self, back: CalledBack) -> bool {
        let of_lane = LANE.get().is_some();
        if of_lane {
            self.wait(Phase::Calling(back, false));
        }
        of_lane
    }

    /// A lane inside a completion routine that was not told yet.
    pub(super) fn pressing(&self) -> Option<u8> {
        let lanes = self.lock();
        let presses = |lane: &Lane| matches!(lane.phase, Phase::Calling(_, false));
        lanes.iter().find(|(_, lane)| presses(lane) && !lane.free).map(|(number, _)| *number)
    }

    /// Lets a lane go on until it is seen to do something, or rests.
    pub(super) fn advance(&self, lane: u8) -> Went {
        if let Some(went) = self.tell(lane) {
            return went;
        }
        {
            let mut lanes = self.lock();
            let Some(known) = lanes.get_mut(&lane) else {
                return Went::Nothing;
            };
            match &known.phase {
                Phase::Asleep(Some(still)) if still() => return Went::Nothing,
                Phase::Asleep(None) | Phase::Running => return Went::Nothing,
                _ => {}
            }
            (known.phase, known.released) = (Phase::Running, true);
            known.bell.notify_all();
        }
        self.settle();
        self.tell(lane).unwrap_or(Went::Nothing)
    }

    /// What the lane has done that was not told.
    pub(super) fn tell(&self, lane: u8) -> Option<Went> {
        let mut lanes = self.lock();
        match &mut lanes.get_mut(&lane)?.phase {
            Phase::Calling(back, told @ false) => {
                *told = true;
                Some(Went::Called(*back))
            }
            Phase::Returned => {
                lanes.remove(&lane);
                Some(Went::Returned)
            }
            _ => None,
        }
    }

    /// The thread of a lane that is inside a call.
    pub(super) fn thread(&self, lane: u8) -> Option<ThreadId> {
        self.lock().get(&lane).and_then(|known| known.thread)
    }

    /// A lane is not waited for any more.
    pub(super) fn free(&self, lane: u8) {
        if let Some(known) = self.lock().get_mut(&lane) {
            known.free = true;
            known.bell.notify_all();
        }
    }

    /// No lane is.
    pub(super) fn open(&self) {
        for lane in self.lock().values_mut() {
            lane.free = true;
            lane.bell.notify_all();
        }
    }
}
