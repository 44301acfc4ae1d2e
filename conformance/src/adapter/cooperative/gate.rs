//! Who may run: the completion agents, each a thread, wait here until the scheduler of a
//! world lets them go on. At any time one thread runs, the world's or one agent's.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;
use std::time::Duration;

use vdi_sim::codes::HResult;
use vdi_sim::simulate::CalledBack;

use crate::adapter::inprocess::Still;

/// After so long without a sign an agent is given up: it hangs.
const PATIENCE: Duration = Duration::from_secs(10);

thread_local! {
    /// The lane whose agent the present thread is.
    static LANE: Cell<Option<u8>> = const { Cell::new(None) };
}

/// What an agent does.
enum Phase {
    /// It runs, or is about to.
    Running,
    /// It sleeps inside the implementation; it has a reason to wake once this is false.
    Asleep(Option<Still>),
    /// It is inside a completion routine, and whether that was told.
    Calling(CalledBack, bool),
    /// ExecuteCompletionAgent has returned; `None`: its process was no more.
    Returned(Option<HResult>),
}

struct Agent {
    phase: Phase,
    /// It may go on.
    released: bool,
    /// It is not waited for any more, and waits for nobody.
    free: bool,
    thread: Option<ThreadId>,
}

/// What became of an agent that was let go on.
pub(super) enum Went {
    /// A completion routine was invoked.
    Called(CalledBack),
    /// ExecuteCompletionAgent has returned.
    Returned(HResult),
    /// Nothing that could be seen.
    Nothing,
}

/// The gate of one world.
#[derive(Default)]
pub(super) struct Gate {
    agents: Mutex<BTreeMap<u8, Agent>>,
    changed: Condvar,
}

impl Gate {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<u8, Agent>> {
        self.agents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts an agent on a thread of its own, and lets it run until it sleeps.
    pub(super) fn start(
        self: &Arc<Self>,
        lane: u8,
        execute: impl FnOnce() -> Option<HResult> + Send + 'static,
    ) {
        let agent = Agent { phase: Phase::Running, released: false, free: false, thread: None };
        self.lock().insert(lane, agent);
        let gate = Arc::clone(self);
        let spawned = std::thread::spawn(move || {
            LANE.set(Some(lane));
            gate.change(lane, |agent| agent.thread = Some(std::thread::current().id()));
            // A panic of the implementation is a hang of its agent.
            let returned = std::panic::catch_unwind(std::panic::AssertUnwindSafe(execute));
            gate.change(lane, |agent| agent.phase = Phase::Returned(returned.unwrap_or(None)));
        });
        drop(spawned);
        self.settle();
    }

    fn change(&self, lane: u8, change: impl FnOnce(&mut Agent)) {
        if let Some(agent) = self.lock().get_mut(&lane) {
            change(agent);
        }
        self.changed.notify_all();
    }

    /// Waits until no agent runs.
    pub(super) fn settle(&self) {
        let runs = |agents: &mut BTreeMap<u8, Agent>| {
            agents.values().any(|agent| matches!(agent.phase, Phase::Running) && !agent.free)
        };
        let waited = self.changed.wait_timeout_while(self.lock(), PATIENCE, runs);
        let (mut agents, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        if timeout.timed_out() {
            let hangs = |agent: &&mut Agent| matches!(agent.phase, Phase::Running);
            agents.values_mut().filter(hangs).for_each(|agent| agent.free = true);
        }
    }

    /// The present thread, an agent, may not go on until it is let.
    fn wait(&self, phase: Phase) {
        let Some(lane) = LANE.get() else {
            return;
        };
        self.change(lane, |agent| (agent.phase, agent.released) = (phase, false));
        self.pass(lane);
    }

    fn pass(&self, lane: u8) {
        let held = |agents: &mut BTreeMap<u8, Agent>| {
            agents.get(&lane).is_some_and(|agent| !agent.released && !agent.free)
        };
        let agents = self.changed.wait_while(self.lock(), held);
        drop(agents);
        self.change(lane, |agent| agent.phase = Phase::Running);
    }

    /// The present thread is about to sleep inside the implementation.
    pub(super) fn sleeps(&self, still: Option<Still>) {
        if let Some(lane) = LANE.get() {
            let phase = Phase::Asleep(still);
            self.change(lane, |agent| (agent.phase, agent.released) = (phase, false));
        }
    }

    /// The present thread has woken: if it is an agent, it waits to be let on.
    pub(super) fn wakes(&self) {
        if let Some(lane) = LANE.get() {
            self.pass(lane);
        }
    }

    /// Whoever sleeps without a reason told is about to look again.
    pub(super) fn stirs(&self) {
        for agent in self.lock().values_mut() {
            if matches!(agent.phase, Phase::Asleep(None)) {
                agent.phase = Phase::Running;
            }
        }
    }

    /// A completion routine runs on the present thread; whether that is an agent's.
    pub(super) fn calls(&self, back: CalledBack) -> bool {
        let agent = LANE.get().is_some();
        if agent {
            self.wait(Phase::Calling(back, false));
        }
        agent
    }

    /// An agent inside a completion routine that was not told yet.
    pub(super) fn pressing(&self) -> Option<u8> {
        let agents = self.lock();
        let presses = |agent: &Agent| matches!(agent.phase, Phase::Calling(_, false));
        agents.iter().find(|(_, agent)| presses(agent) && !agent.free).map(|(lane, _)| *lane)
    }

    /// Lets an agent go on until it is seen to do something, or sleeps.
    pub(super) fn advance(&self, lane: u8) -> Went {
        if let Some(went) = self.tell(lane) {
            return went;
        }
        {
            let mut agents = self.lock();
            let Some(agent) = agents.get_mut(&lane) else {
                return Went::Nothing;
            };
            match &agent.phase {
                Phase::Asleep(Some(still)) if still() => return Went::Nothing,
                Phase::Asleep(None) | Phase::Running => return Went::Nothing,
                _ => {}
            }
            (agent.phase, agent.released) = (Phase::Running, true);
        }
        self.changed.notify_all();
        self.settle();
        self.tell(lane).unwrap_or(Went::Nothing)
    }

    /// What the agent has done that was not told.
    fn tell(&self, lane: u8) -> Option<Went> {
        let mut agents = self.lock();
        match &mut agents.get_mut(&lane)?.phase {
            Phase::Calling(back, told @ false) => {
                *told = true;
                Some(Went::Called(*back))
            }
            Phase::Returned(status) => {
                let went = status.map_or(Went::Nothing, Went::Returned);
                agents.remove(&lane);
                Some(went)
            }
            _ => None,
        }
    }

    /// The thread of an agent.
    pub(super) fn thread(&self, lane: u8) -> Option<ThreadId> {
        self.lock().get(&lane).and_then(|agent| agent.thread)
    }

    /// An agent is not waited for any more.
    pub(super) fn free(&self, lane: u8) {
        self.change(lane, |agent| agent.free = true);
    }

    /// No agent is.
    pub(super) fn open(&self) {
        self.lock().values_mut().for_each(|agent| agent.free = true);
        self.changed.notify_all();
    }
}
