//! The lanes of a simulation, what each of them is in, and which of them can act.

use super::strategy::{LaneSet, Strategist, each};
use crate::backend::Ask;
use crate::faults::misuse_calls::Misuser;
use crate::observe::names::LaneInfo;
use crate::options::Strategy;
use crate::rng::Rng;
use vdi_trace::Process;

/// What acts on a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Server,
    Agent,
    /// Somebody who stops the statement at the server.
    Operator,
    Client,
    Sql,
    Worker(u8),
    /// Whoever misuses the interface.
    Misuser(Misuser),
}

/// The places of lanes among those of their set.
pub(crate) const SERVER_LANE: usize = 0;
pub(crate) const AGENT_LANE: usize = 1;
pub(crate) const CLIENT_LANE: usize = 3;

/// No deadline.
pub(crate) const NEVER: u64 = u64::MAX;

/// One lane.
#[derive(Clone, Debug)]
pub(crate) struct Lane {
    pub(crate) info: LaneInfo,
    pub(crate) role: Role,
    /// The call it is in.
    pub(crate) ask: Option<Ask>,
    /// When its call expires, its sleep ends, or its completion routine returns.
    pub(crate) deadline: u64,
    /// The command whose completion routine takes its time here.
    pub(crate) routine: u32,
}

impl Lane {
    pub(crate) const fn new(info: LaneInfo, role: Role) -> Self {
        Self { info, role, ask: None, deadline: NEVER, routine: 0 }
    }

    /// Whether it polls for a command, or misuses: what does not count as progress.
    pub(crate) fn is_idle_work(&self) -> bool {
        matches!(self.role, Role::Misuser(_)) || self.ask.as_ref().is_some_and(Ask::fetches)
    }
}

/// All lanes.
#[derive(Debug)]
pub(crate) struct LaneTable {
    lanes: Vec<Lane>,
    /// By set.
    of_sets: Vec<LaneSet>,
    strategist: Strategist,
    /// Lanes that can act.
    ready: LaneSet,
    /// Lanes inside a call.
    in_call: LaneSet,
    asleep: LaneSet,
    /// Lanes inside a completion routine that takes its time.
    held: LaneSet,
    /// Lanes that have come to their end.
    done: LaneSet,
    /// Whether every lane inside a call has been asked since something last happened.
    swept: bool,
}

impl LaneTable {
    /// The lanes of sets that have so many each.
    pub(crate) fn new(lanes: Vec<Lane>, sets: u8, strategy: Strategy, rng: &mut Rng) -> Self {
        let count = lanes.len() / usize::from(sets);
        let of_set = |set: u8| ((1 << count) - 1) << (usize::from(set) * count);
        Self {
            of_sets: (0..sets).map(of_set).collect(),
            strategist: Strategist::new(strategy, lanes.len(), rng),
            lanes,
            ready: 0,
            in_call: 0,
            asleep: 0,
            held: 0,
            done: 0,
            swept: false,
        }
    }

    /// A statement begins: every lane can act, in this life of its set.
    pub(crate) fn begin(&mut self, runs: impl Iterator<Item = u8>) {
        for (set, run) in runs.enumerate() {
            for lane in each(self.of_sets[set]) {
                self.lanes[lane].info.run = run;
            }
        }
        self.done = 0;
        self.ready = self.all();
    }

    fn all(&self) -> LaneSet {
        self.of_sets.iter().fold(0, |all, lanes| all | lanes)
    }

    pub(crate) fn all_done(&self) -> bool {
        self.done == self.all()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.lanes.len()
    }

    #[inline]
    pub(crate) fn lane(&self, lane: usize) -> &Lane {
        &self.lanes[lane]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Lane> {
        self.lanes.iter()
    }

    /// The first lane of a set: its server's; the agent's is the next.
    #[inline]
    pub(crate) fn first(&self, set: usize) -> usize {
        self.of_sets[set].trailing_zeros() as usize
    }

    /// The lanes inside a call.
    pub(crate) const fn callers(&self) -> LaneSet {
        self.in_call
    }

    #[inline]
    pub(crate) const fn is_in_call(&self, lane: usize) -> bool {
        self.in_call & 1 << lane != 0
    }

    pub(crate) const fn is_held(&self, lane: usize) -> bool {
        self.held & 1 << lane != 0
    }

    pub(crate) const fn is_done(&self, lane: usize) -> bool {
        self.done & 1 << lane != 0
    }

    /// Whether any lane can act.
    #[inline]
    pub(crate) const fn can_act(&mut self) -> bool {
        self.ready &= !self.held;
        self.ready != 0
    }

    /// The lane that acts next, if any can.
    #[inline]
    pub(crate) fn pick(&mut self, step: u32, rng: &mut Rng) -> Option<usize> {
        self.can_act().then(|| self.strategist.pick(self.ready, step, rng).into())
    }

    /// It cannot act until something wakes it.
    #[inline]
    pub(crate) const fn rests(&mut self, lane: usize) {
        self.ready &= !(1 << lane);
    }

    pub(crate) fn sleeps(&mut self, lane: usize, until: u64) {
        self.lanes[lane].deadline = until;
        self.asleep |= 1 << lane;
        self.rests(lane);
    }

    /// It has come to its end, which the others of its set may have waited for.
    pub(crate) fn ends(&mut self, lane: usize) {
        self.done |= 1 << lane;
        self.rests(lane);
        self.wake_set(self.lanes[lane].info.set.into());
    }

    /// It is inside a call, which expires then.
    pub(crate) fn enters(&mut self, lane: usize, ask: Ask, deadline: u64) {
        self.in_call |= 1 << lane;
        self.swept = false;
        (self.lanes[lane].ask, self.lanes[lane].deadline) = (Some(ask), deadline);
    }

    /// Its call has returned; which.
    pub(crate) fn leaves(&mut self, lane: usize) -> Option<Ask> {
        self.in_call &= !(1 << lane);
        self.ready |= 1 << lane;
        self.lanes[lane].deadline = NEVER;
        self.lanes[lane].ask.take()
    }

    /// The completion routine of a command takes until then.
    pub(crate) fn holds(&mut self, lane: usize, until: u64, command: u32) {
        (self.lanes[lane].deadline, self.lanes[lane].routine) = (until, command);
        self.held |= 1 << lane;
    }

    /// That routine returns.
    pub(crate) fn releases(&mut self, lane: usize) {
        self.lanes[lane].deadline = NEVER;
        self.held &= !(1 << lane);
        self.ready |= 1 << lane;
    }

    /// Its sleep is over, or its call expires.
    pub(crate) fn wakes_up(&mut self, lane: usize) {
        self.lanes[lane].deadline = NEVER;
        self.asleep &= !(1 << lane);
        self.ready |= 1 << lane;
        self.swept = false;
    }

    /// Something has happened: whoever is inside a call is to be asked again.
    #[inline]
    pub(crate) const fn changes(&mut self) {
        self.swept = false;
    }

    #[inline]
    pub(crate) fn wake_set(&mut self, set: usize) {
        self.ready |= self.of_sets[set] & !self.asleep & !self.done;
        self.swept = false;
    }

    /// A lane that just waits for something to happen looks again.
    #[inline]
    pub(crate) const fn wake_idle(&mut self, lane: usize) {
        self.ready |= 1 << lane & !self.asleep & !self.done;
    }

    /// The lane, if it is inside a call.
    #[inline]
    pub(crate) const fn wake_caller(&mut self, lane: usize) {
        self.ready |= self.in_call & 1 << lane;
    }

    /// The lanes of a set that are inside a call.
    #[inline]
    pub(crate) fn wake_callers_of(&mut self, set: usize) {
        self.ready |= self.in_call & self.of_sets[set];
    }

    /// All lanes inside a call, and no others.
    pub(crate) const fn only_callers(&mut self) {
        self.ready = self.in_call;
    }

    /// Before time passes whoever is inside a call is asked once more; whether anybody is.
    pub(crate) const fn sweep(&mut self) -> bool {
        if self.swept {
            return false;
        }
        self.swept = true;
        self.ready = self.in_call & !self.held;
        self.ready != 0
    }

    /// Whether anybody is inside a call.
    pub(crate) const fn anybody_calls(&self) -> bool {
        self.in_call & !self.done != 0
    }

    /// Whether a process has lanes that take part in the statement at hand; whether one of
    /// them has not come to its end.
    pub(crate) fn takes_part(&self, process: Process) -> Option<bool> {
        let all = each(self.all()).filter(|lane| self.lanes[*lane].info.process == process);
        all.map(|lane| !self.is_done(lane)).reduce(|one, other| one | other)
    }

    /// A process is no more; its lanes.
    pub(crate) fn kill(&mut self, process: Process) -> LaneSet {
        let gone = |lane: &usize| self.lanes[*lane].info.process == process;
        let gone = (0..self.lanes.len()).filter(gone).fold(0, |lanes, lane| lanes | 1 << lane);
        self.done |= gone;
        self.in_call &= !gone;
        self.asleep &= !gone;
        self.held &= !gone;
        for lane in each(gone) {
            (self.lanes[lane].ask, self.lanes[lane].deadline) = (None, NEVER);
        }
        gone
    }

    /// These lanes are not to act.
    pub(crate) const fn bury(&mut self, gone: LaneSet) {
        self.ready &= !gone;
    }

    /// Whether a lane is inside a call that does not just wait.
    pub(crate) fn is_changing(&self, lane: usize) -> bool {
        self.lanes[lane].ask.as_ref().is_some_and(|ask| !ask.waits())
    }

    /// Whether a process is inside such a call on the lanes of this set.
    pub(crate) fn is_inside(&self, set: usize, process: Process, such: fn(&Ask) -> bool) -> bool {
        each(self.in_call & self.of_sets[set]).any(|lane| {
            let Lane { info, ask, .. } = &self.lanes[lane];
            info.process == process && ask.as_ref().is_some_and(such)
        })
    }

    /// Lanes that have not come to their end, with what they wait for.
    pub(crate) fn waiting(&self) -> Vec<String> {
        let waits = |lane: usize| {
            let Lane { info, ask, .. } = &self.lanes[lane];
            match ask {
                Some(ask) => format!("{} in {}", info.name, ask.function()),
                None => format!("{} in no call", info.name),
            }
        };
        // Who only waits for a drawn moment belongs to no program.
        let program = |lane: &usize| {
            let Lane { role, ask, .. } = &self.lanes[*lane];
            ask.is_some() || !matches!(role, Role::Misuser(_) | Role::Operator)
        };
        each(self.all() & !self.done).filter(program).map(waits).collect()
    }

    /// The processes, in order.
    pub(crate) fn processes(&self) -> Vec<Process> {
        let mut all: Vec<_> = self.lanes.iter().map(|lane| lane.info.process).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}
