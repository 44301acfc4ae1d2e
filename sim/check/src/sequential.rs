//! The sequential judge: a frontier of states, advanced event by event.

use smallvec::SmallVec;

use super::bind::{Binder, checked_row};
use super::contested::cited;
use super::frontier::{World, advance};
use super::names::{Names, is_same};
use super::overlap::{Effect, SLOTS};
use super::setup::{Lane, OpenCall, Setup};
use super::transitions::Transitions;
use super::under_way::Given;
use super::verdict::{Allowed, Finding, InputError, Judged, Undecided, Verdict, Violation, Why};
use vdi_model::{LaneId, Limits, Outcome, State};
use vdi_spec::clauses::{CLAUSES, Clause, Party, Profile};
use vdi_spec::codes::HResult;
use vdi_trace::{Args, Event, Function, Header, LaneName, Name, Process, Recorded, TraceError};

/// How many findings are kept; the rest is counted.
const FINDINGS: usize = 100;

/// Judges a trace event by event.
#[derive(Clone, Debug)]
pub struct Checker {
    pub(super) profile: Profile,
    pub(super) limits: Limits,
    time_is_told: bool,
    pub(super) names: Names,
    pub(super) worlds: Vec<World>,
    pub(super) lanes: Vec<Lane>,
    pub(super) open: Vec<OpenCall>,
    next_id: u32,
    last_seq: Option<u64>,
    /// Processes that have exited.
    pub(super) gone: Vec<Process>,
    pub(super) setup: Setup,
    /// The line of the event that is judged.
    pub(super) line: usize,
    /// Whether nobody waited for rest between the events.
    pub(super) runs_freely: bool,
    /// A call whose meaning depends on another that overlaps it, in a way not followed.
    pub(super) ambiguous: Option<usize>,
    pub(super) verdict: Verdict,
    findings: Vec<Finding>,
    more_findings: usize,
    events: usize,
    used: Vec<bool>,
    transitions: Transitions,
    provoked: Vec<Party>,
    server_unseen: bool,
}

impl Checker {
    /// A judge for a trace with this header, under this profile.
    #[must_use]
    pub fn new(header: &Header, profile: Profile) -> Self {
        Self {
            profile,
            limits: Limits {
                queue_depth: header.declares.queue_depth,
                data_is_told: header.records.contains(&Recorded::Data),
            },
            time_is_told: header.records.contains(&Recorded::Time),
            names: Names::new(header),
            worlds: vec![World::new()],
            lanes: Vec::new(),
            open: Vec::new(),
            next_id: 0,
            last_seq: None,
            gone: Vec::new(),
            setup: Setup::default(),
            line: 0,
            runs_freely: header.free,
            ambiguous: None,
            verdict: Verdict::Conformant,
            findings: Vec::new(),
            more_findings: 0,
            events: 0,
            used: vec![false; CLAUSES.len()],
            transitions: Transitions::default(),
            provoked: header.provoked.clone(),
            server_unseen: header.unseen.contains(&Party::Server),
        }
    }

    /// One more set interface of a process.
    pub(super) fn add_interface(&mut self, name: String, process: Process) {
        self.names.add_interface(name, process);
    }

    /// A handle of the buffer of this name, which nobody was seen to give.
    pub(super) fn add_foreign_handle(&mut self, handle: String, buffer: String) {
        self.names.add_foreign(handle, buffer);
    }

    /// Takes the next event, which stands in this line. False: the verdict is
    /// reached and nothing more need be read.
    ///
    /// # Errors
    /// The event cannot have happened here whatever the implementation did.
    pub fn event(&mut self, line: usize, event: &Event<'_>) -> Result<bool, InputError> {
        if self.verdict != Verdict::Conformant {
            return Ok(false);
        }
        if let Some(seq) = event.seq() {
            if self.last_seq.is_some_and(|last| seq <= last) {
                return Err(InputError(format!("`seq` {seq} does not come after the last one")));
            }
            self.last_seq = Some(seq);
        }
        if let Some(lane) = event.lane().filter(|_| !self.gone.is_empty())
            && let Ok(process) = LaneName::process_of(lane)
            && self.gone.contains(&process)
        {
            return Err(InputError(format!("the process {process} has exited before")));
        }
        self.events += 1;
        self.line = line;
        match event {
            Event::Call { lane, call, on, creates, args, .. } => {
                let creates = creates.as_ref().map(Name::as_str);
                self.call(line, lane.as_str(), *call, on.as_str(), creates, args)?;
            }
            Event::Return { lane, status, out, .. } => {
                let lane = self.lane(lane.as_str())?;
                self.returned(line, lane, *status, out, event)?;
            }
            _ => self.other_event(line, event)?,
        }
        Ok(self.verdict == Verdict::Conformant)
    }

    /// The verdict on all events so far.
    #[must_use]
    pub fn finish(mut self) -> Judged {
        // When it was certain who is to blame depends on what was seen later.
        self.findings.sort_by_key(|finding| (finding.line, finding.clause as usize));
        let order = self.setup.explains.then(|| self.order());
        let used = CLAUSES.iter().zip(&self.used).filter(|(_, used)| **used);
        Judged {
            clauses: used.map(|(row, _)| row.clause).collect(),
            verdict: self.verdict,
            findings: self.findings,
            more_findings: self.more_findings,
            events: self.events,
            transitions: self.transitions,
            error: None,
            provoked: self.provoked,
            order,
        }
    }

    /// One order of effects that explains what was judged, up to a violation.
    fn order(&self) -> Vec<Effect> {
        let mut order = Vec::new();
        for (index, world) in self.worlds.iter().enumerate() {
            let first = world.live.iter().flat_map(|live| &live.configs).next();
            order.extend(first.iter().flat_map(|first| self.order_of_effects(index, &first.story)));
        }
        order.sort_by_key(|effect| effect.after);
        order
    }

    /// The verdict on what could be read before this error.
    #[must_use]
    pub fn finish_with(self, error: TraceError) -> Judged {
        Judged { error: Some(error), ..self.finish() }
    }

    /// The states the model allows now, for the set of this name; none if it is unknown.
    pub fn states(&self, set: &str) -> impl Iterator<Item = &State> {
        let world = self.worlds.iter().rfind(|world| world.name == set);
        world.into_iter().flat_map(World::states)
    }

    pub(super) fn lane(&mut self, name: &str) -> Result<LaneId, InputError> {
        if let Some(index) = self.lanes.iter().position(|lane| is_same(&lane.name, name)) {
            return Ok(LaneId(index as u16));
        }
        let process = LaneName::process_of(name).map_err(|error| InputError(error.to_string()))?;
        self.lanes.push(Lane { name: name.to_owned(), process, routines: 0 });
        Ok(LaneId((self.lanes.len() - 1) as u16))
    }

    pub(super) fn lane_of(&self, id: LaneId) -> &Lane {
        &self.lanes[usize::from(id.0)]
    }

    fn call(
        &mut self,
        line: usize,
        lane_name: &str,
        function: Function,
        on: &str,
        creates: Option<&str>,
        args: &Args<'_>,
    ) -> Result<(), InputError> {
        let lane = self.lane(lane_name)?;
        let process = self.lane_of(lane).process;
        if let Some(open) = self.open.iter().rfind(|open| open.lane == lane)
            && !(self.lane_of(lane).routines > 0
                && open.function == Function::ExecuteCompletionAgent)
        {
            return Err(InputError(format!("{lane_name} is still in {}", open.function)));
        }
        let Self { names, worlds, next_id, profile, .. } = self;
        let worlds_before = worlds.len();
        let time_is_told = self.time_is_told;
        let mut binder = Binder { names, worlds, next_id, time_is_told, profile };
        let bound = binder.bind(process, function, on, creates, args)?;
        for world in &mut self.worlds[worlds_before..] {
            *world = World::new();
        }
        let world = bound.world;
        if let Some(state) = self.worlds[world].states().next() {
            self.transitions.insert(function, process, state);
        }
        self.meet(line, world, &bound.call);
        let Some(slot) = self.free_slot(world) else {
            self.undecided(line, Why::TooManyCalls { most: SLOTS });
            return Ok(());
        };
        self.note_use(line, lane, function, &bound, args);
        let timeout = args.timeout;
        let mut overlapped = false;
        for open in self.open.iter_mut().filter(|open| open.bound.world == world) {
            overlapped |= open.function != Function::ExecuteCompletionAgent;
            open.overlapped = true;
        }
        self.open.push(OpenCall {
            lane,
            line,
            function,
            bound,
            timeout,
            waited: 0,
            taken: false,
            presumed: false,
            before: None,
            slot,
            lost: false,
            overlapped,
            given: Given::default(),
        });
        self.enter_live(world, slot);
        self.give_early();
        Ok(())
    }

    /// Lets every call that has begun take effect, in the order they began. Where calls
    /// overlap there is no such order, and they are left as they are.
    pub(super) fn take_all(&mut self, line: usize) {
        (0..self.worlds.len()).for_each(|world| self.take_in(line, world));
    }

    /// The same in one set.
    pub(super) fn take_in(&mut self, line: usize, world: usize) {
        for index in 0..self.open.len() {
            let open = &self.open[index];
            if open.bound.world == world && !open.taken && !self.is_live(world) {
                self.take(line, index);
            }
        }
    }

    pub(super) fn take(&mut self, line: usize, index: usize) {
        let OpenCall { lane, ref bound, .. } = self.open[index];
        let (world, call) = (bound.world, bound.call.clone());
        let caller = call.caller();
        let before = self.worlds[world].frontier.first().cloned().map(Box::new);
        let mut misuse: SmallVec<[Clause; 2]> = SmallVec::new();
        let mut clauses: SmallVec<[Clause; 4]> = SmallVec::new();
        advance(
            &mut self.worlds[world].frontier,
            |state| vdi_model::outcomes(state, &self.profile, self.limits, lane, &call),
            |state, outcome| {
                vdi_model::apply(state, lane, caller, outcome);
                misuse = outcome.misuses().collect();
                clauses.extend(outcome.clauses());
            },
        );
        clauses.into_iter().for_each(|clause| self.used[clause as usize] = true);
        (self.open[index].taken, self.open[index].before) = (true, before);
        self.bound_frontier(line, world);
        self.misused(index, misuse);
    }

    /// Notes what the caller of a call broke.
    fn misused(&mut self, index: usize, misuse: SmallVec<[Clause; 2]>) {
        for clause in misuse {
            let (began, what) = (self.open[index].line, self.call_text(index));
            self.find(began, clause, what, false);
        }
    }

    /// Gives up when the frontier has grown past its bound.
    fn bound_frontier(&mut self, line: usize, world: usize) {
        if self.worlds[world].frontier.len() > self.setup.budget {
            self.undecided(line, Why::Budget { budget: self.setup.budget });
        }
    }

    pub(super) fn undecided(&mut self, line: usize, why: Why) {
        self.verdict = Verdict::Inconclusive(Box::new(Undecided { line, why }));
    }

    fn returned(
        &mut self,
        line: usize,
        lane: LaneId,
        status: HResult,
        out: &vdi_trace::Out<'_>,
        event: &Event<'_>,
    ) -> Result<(), InputError> {
        let Some(index) = self.open.iter().rposition(|open| open.lane == lane) else {
            return Err(InputError(format!(
                "{} returns, but it is in no call",
                self.lane_of(lane).name
            )));
        };
        if self.lane_of(lane).routines > 0
            && self.open[index].function == Function::ExecuteCompletionAgent
        {
            let name = &self.lane_of(lane).name;
            return Err(InputError(format!("{name} returns from inside a completion routine")));
        }
        if self.open[index].lost {
            let name = &self.lane_of(lane).name;
            return Err(InputError(format!("{name} returns, but its process has ended")));
        }
        let world = self.open[index].bound.world;
        self.settle_others(line, world, index);
        let explained = if self.is_live(world) {
            self.return_searched(line, index, status, out, event)
        } else {
            self.return_in_order(line, index, status, out)
                || self.return_out_of_order(index, status, out)
                || self.return_unexplained(line, index, (status, out), event)
        };
        // What explained it may have taken lost calls away.
        let again = self.open.iter().rposition(|open| open.lane == lane && !open.lost);
        if let Some(index) = again.filter(|_| explained) {
            let open = self.open.remove(index);
            self.keep_or_take_back(&open, status);
            self.follow(line, open, status, out, event);
        }
        Ok(())
    }

    /// The return follows from the states, the calls having taken effect in the order
    /// they were made.
    fn return_in_order(
        &mut self,
        line: usize,
        index: usize,
        status: HResult,
        out: &vdi_trace::Out<'_>,
    ) -> bool {
        if self.open[index].taken {
            return self.return_of_taken(index, status, out);
        }
        self.return_at_once(index, status, out)
            || self.return_after_waiting(line, index, status, out)
    }

    /// It does not follow, in no order.
    fn return_unexplained(
        &mut self,
        line: usize,
        index: usize,
        (status, out): (HResult, &vdi_trace::Out<'_>),
        event: &Event<'_>,
    ) -> bool {
        let (world, clause, expected) = self.expected_return(index, status, out);
        let got = event.to_string();
        self.violated(line, Some(index), world, clause, expected, got);
        if !self.open[index].taken {
            // A wrong answer does not excuse a wrong question.
            self.take(line, index);
        }
        false
    }

    /// The call returns with nothing in between: its effect and its return are one step.
    fn return_at_once(&mut self, index: usize, status: HResult, out: &vdi_trace::Out<'_>) -> bool {
        let lane = self.open[index].lane;
        let world = self.open[index].bound.world;
        let caller = self.open[index].bound.call.caller();
        let early =
            |outcome: &Outcome| outcome.refuses() && vdi_model::owes_callback_first(&self.profile);
        let call = &self.open[index].bound.call;
        let mut misuse: SmallVec<[Clause; 2]> = SmallVec::new();
        let mut blameless = false;
        let mut clauses: SmallVec<[Clause; 4]> = SmallVec::new();
        let mut frontier = std::mem::take(&mut self.worlds[world].frontier);
        let allowed = |state: &State| {
            let mut outcomes = vdi_model::outcomes(state, &self.profile, self.limits, lane, call);
            let failed = vdi_model::system_failure(call, &outcomes, status);
            outcomes.extend(failed);
            outcomes.retain(|outcome| !early(outcome) && self.matches(outcome, world, status, out));
            outcomes
        };
        let moved = advance(&mut frontier, allowed, |state, outcome| {
            vdi_model::apply_and_return(state, lane, caller, outcome);
            clauses.extend(outcome.clauses());
            match outcome.misuse[0] {
                Some(_) => misuse = outcome.misuses().collect(),
                None => blameless = true,
            }
        });
        self.worlds[world].frontier = frontier;
        if !moved {
            return false;
        }
        self.mark(clauses);
        if !blameless {
            self.misused(index, misuse);
        }
        true
    }

    /// The call waited, although nothing was seen in between, and expired.
    fn return_after_waiting(
        &mut self,
        line: usize,
        index: usize,
        status: HResult,
        out: &vdi_trace::Out<'_>,
    ) -> bool {
        if status != HResult::VD_E_TIMEOUT {
            return false;
        }
        let world = self.open[index].bound.world;
        let before = self.worlds[world].frontier.clone();
        self.take(line, index);
        let allowed = self.return_of_taken(index, status, out);
        if !allowed {
            self.worlds[world].frontier = before;
            self.open[index].taken = false;
        }
        allowed
    }

    /// The call took effect earlier, or was blocked.
    fn return_of_taken(&mut self, index: usize, status: HResult, out: &vdi_trace::Out<'_>) -> bool {
        let (lane, world) = (self.open[index].lane, self.open[index].bound.world);
        let mut clauses: SmallVec<[Clause; 4]> = SmallVec::new();
        let mut frontier = std::mem::take(&mut self.worlds[world].frontier);
        let allowed = |state: &State| {
            let mut outcomes = vdi_model::returns(state, &self.profile, lane);
            outcomes.retain(|outcome| self.matches(outcome, world, status, out));
            outcomes
        };
        let moved = advance(&mut frontier, allowed, |state, outcome| {
            vdi_model::apply_return(state, lane, outcome);
            clauses.extend(outcome.clauses());
        });
        self.worlds[world].frontier = frontier;
        self.mark(clauses);
        moved
    }

    /// Notes that a party broke an obligation of its own.
    pub(super) fn find(&mut self, line: usize, clause: Clause, what: String, hazard: bool) {
        self.used[clause as usize] = true;
        let party = clause.party();
        // What calls break that were supplied for it is nobody's.
        if party == Party::Server && self.server_unseen {
            return;
        }
        if self.findings.len() == FINDINGS {
            self.more_findings += 1;
            return;
        }
        let (readings, otherwise) = (cited(clause, &self.profile), Vec::new());
        self.findings.push(Finding { line, party, clause, what, hazard, readings, otherwise });
    }

    pub(super) fn mark(&mut self, clauses: impl IntoIterator<Item = Clause>) {
        clauses.into_iter().for_each(|clause| self.used[clause as usize] = true);
    }

    /// The verdict: this event is not allowed, or the overlap leaves it open.
    pub(super) fn violated(
        &mut self,
        line: usize,
        open: Option<usize>,
        world: usize,
        clause: Clause,
        mut expected: Vec<Allowed>,
        got: String,
    ) {
        expected.sort();
        expected.dedup();
        let mut violation = self.violation(line, clause, &got, world);
        if let Some(index) = open {
            violation.lane = Some(self.lane_of(self.open[index].lane).name.clone());
            violation.call = Some(self.call_text(index));
            if let Some(before) = self.state_before_reply(index) {
                violation.state = before;
            }
        }
        // What stays in its call is expected to return at another time, if at all.
        violation.early = open.is_some()
            && !expected.is_empty()
            && expected.iter().all(|allowed| !allowed.what.starts_with("returns"));
        violation.expected = expected;
        self.verdict = match self.ambiguous {
            None => Verdict::Violation(Box::new(violation)),
            Some(call) => {
                let why = Why::Ambiguous { call };
                Verdict::Inconclusive(Box::new(Undecided { line, why }))
            }
        };
    }

    /// If the call is ready to return: the state before its effect, in which the
    /// answer was decided.
    fn state_before_reply(&self, index: usize) -> Option<String> {
        let OpenCall { lane, ref bound, ref before, .. } = self.open[index];
        let ready = |state: &State| {
            state
                .in_progress(lane)
                .is_some_and(|c| matches!(c.pending, vdi_model::Pending::Ready(_)))
        };
        let decided = self.worlds[bound.world].any(ready);
        before.as_ref().filter(|_| decided).map(|state| self.describe_in(bound.world, state))
    }

    fn violation(&self, line: usize, clause: Clause, got: &str, world: usize) -> Violation {
        Violation {
            line,
            lane: None,
            call: None,
            party: clause.party(),
            clause,
            readings: cited(clause, &self.profile),
            otherwise: Vec::new(),
            early: false,
            got: got.to_owned(),
            expected: Vec::new(),
            state: self.state_text(world),
            attempts: Vec::new(),
        }
    }

    pub(super) fn call_text(&self, index: usize) -> String {
        let open = &self.open[index];
        format!("{} by {}", open.function, self.lane_of(open.lane).name)
    }

    /// Whether the arguments of a call are sound, without making it: for
    /// validating scenarios before they run.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn check_call(
        process: Process,
        function: Function,
        creates: Option<&str>,
        args: &Args<'_>,
    ) -> Result<&'static vdi_trace::FunctionInfo, InputError> {
        checked_row(process, function, creates, args)
    }
}
