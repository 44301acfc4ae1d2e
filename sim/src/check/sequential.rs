//! The sequential judge: a frontier of states, advanced event by event.

use smallvec::SmallVec;

use super::bind::{Binder, Bound, checked_row};
use super::contested::cited;
use super::frontier::{World, advance};
use super::names::Names;
use super::verdict::{Allowed, Finding, InputError, Overlap, Verdict, Violation, exit_code};
use crate::clauses::{CLAUSES, Clause, Party, Profile};
use crate::codes::HResult;
use crate::model::{self, LaneId, Limits, Outcome, State};
use crate::trace::{
    Args, Event, Function, Header, LaneName, Name, Process, Recorded, TimeoutArg, TraceError,
};

/// How many states the frontier of one set may hold before the judge gives up.
const FRONTIER: usize = 4096;

/// How many findings are kept; the rest is counted.
const FINDINGS: usize = 100;

/// A call that has begun and not returned.
#[derive(Clone, Debug)]
pub(super) struct OpenCall {
    pub(super) lane: LaneId,
    /// The line where it began.
    pub(super) line: usize,
    pub(super) function: Function,
    pub(super) bound: Bound,
    /// How long it may wait.
    pub(super) timeout: Option<TimeoutArg>,
    /// Milliseconds of it that passed.
    pub(super) waited: u64,
    /// Whether its effect is in the frontier already.
    pub(super) taken: bool,
    /// If it is: a state from just before.
    before: Option<Box<State>>,
}

#[derive(Clone, Debug)]
pub(super) struct Lane {
    pub(super) name: String,
    pub(super) process: Process,
    /// Completion routines on this lane that have not returned.
    pub(super) routines: u8,
}

/// What a check gave.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Judged {
    /// The verdict on what was read.
    pub verdict: Verdict,
    /// Obligations that server or client broke.
    pub findings: Vec<Finding>,
    /// Findings beyond those kept.
    pub more_findings: usize,
    /// Events judged.
    pub events: usize,
    /// Every clause that explained an event.
    pub clauses: Vec<Clause>,
    /// Why the trace could not be read to its end, if it could not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<TraceError>,
    /// Parties whose misuse was on purpose.
    pub provoked: Vec<Party>,
}

impl Judged {
    /// What is known of a trace that could not be read at all.
    pub(super) const fn unread(error: TraceError) -> Self {
        Self {
            verdict: Verdict::Conformant,
            findings: Vec::new(),
            more_findings: 0,
            events: 0,
            clauses: Vec::new(),
            error: Some(error),
            provoked: Vec::new(),
        }
    }

    /// The findings that count: by a party in `parties`, and not on purpose.
    pub fn held_against<'a>(&'a self, parties: &'a [Party]) -> impl Iterator<Item = &'a Finding> {
        self.findings.iter().filter(move |finding| {
            parties.contains(&finding.party) && !self.provoked.contains(&finding.party)
        })
    }

    /// The exit code, when only `parties` gate.
    #[must_use]
    pub fn exit_code(&self, parties: &[Party]) -> u8 {
        match &self.verdict {
            Verdict::Violation(violation) if parties.contains(&violation.party) => {
                exit_code::VIOLATION
            }
            _ if self.held_against(parties).next().is_some() => exit_code::VIOLATION,
            _ if self.error.is_some() => exit_code::BAD_INPUT,
            Verdict::Inconclusive(_) => exit_code::INCONCLUSIVE,
            Verdict::Conformant | Verdict::Violation(_) => exit_code::CONFORMANT,
        }
    }
}

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
    overlap: Option<usize>,
    pub(super) verdict: Verdict,
    findings: Vec<Finding>,
    more_findings: usize,
    events: usize,
    used: Vec<bool>,
    provoked: Vec<Party>,
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
            overlap: None,
            verdict: Verdict::Conformant,
            findings: Vec::new(),
            more_findings: 0,
            events: 0,
            used: vec![false; CLAUSES.len()],
            provoked: header.provoked.clone(),
        }
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
        let process = event.lane().and_then(|lane| LaneName::process_of(lane).ok());
        if let Some(process) = process.filter(|process| self.gone.contains(process)) {
            return Err(InputError(format!("the process {process} has exited before")));
        }
        self.events += 1;
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
    pub fn finish(self) -> Judged {
        let used = CLAUSES.iter().zip(&self.used).filter(|(_, used)| **used);
        Judged {
            clauses: used.map(|(row, _)| row.clause).collect(),
            verdict: self.verdict,
            findings: self.findings,
            more_findings: self.more_findings,
            events: self.events,
            error: None,
            provoked: self.provoked,
        }
    }

    /// The verdict on what could be read before this error.
    #[must_use]
    pub fn finish_with(self, error: TraceError) -> Judged {
        Judged { error: Some(error), ..self.finish() }
    }

    /// The states the model allows now, for the set of this name; empty if it is unknown.
    #[must_use]
    pub fn states(&self, set: &str) -> &[State] {
        self.worlds.iter().rfind(|world| world.name == set).map_or(&[], |world| &world.frontier)
    }

    pub(super) fn lane(&mut self, name: &str) -> Result<LaneId, InputError> {
        if let Some(index) = self.lanes.iter().position(|lane| lane.name == name) {
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
        self.note_overlap(line, bound.world);
        self.note_use(line, lane, function, &bound, args);
        let timeout = args.timeout;
        self.open.push(OpenCall {
            lane,
            line,
            function,
            bound,
            timeout,
            waited: 0,
            taken: false,
            before: None,
        });
        Ok(())
    }

    /// Lets what has begun take effect. If something of the same set has not come
    /// to rest by then, calls overlap: from here on the order of effects is not known.
    fn note_overlap(&mut self, line: usize, world: usize) {
        if self.open.is_empty() {
            return;
        }
        if self.open.iter().any(|open| !open.taken) {
            self.take_all(line);
        }
        if self.overlap.is_none()
            && self.worlds[world].any(|state| !state.is_at_rest(&self.profile))
        {
            self.overlap = Some(line);
        }
    }

    /// Lets every call that has begun take effect, in the order they began.
    pub(super) fn take_all(&mut self, line: usize) {
        for index in 0..self.open.len() {
            if !self.open[index].taken {
                self.take(line, index);
            }
        }
    }

    fn take(&mut self, line: usize, index: usize) {
        let OpenCall { lane, ref bound, .. } = self.open[index];
        let (world, call) = (bound.world, bound.call.clone());
        let caller = call.caller();
        let before = self.worlds[world].frontier.first().cloned().map(Box::new);
        let mut misuse: SmallVec<[Clause; 2]> = SmallVec::new();
        let mut clauses: SmallVec<[Clause; 4]> = SmallVec::new();
        advance(
            &mut self.worlds[world].frontier,
            |state| model::outcomes(state, &self.profile, self.limits, lane, &call),
            |state, outcome| {
                model::apply(state, lane, caller, outcome);
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
        if self.worlds[world].frontier.len() > FRONTIER {
            let violation = self.violation(line, Clause::AgentBlocks, "too many states", world);
            self.verdict = Verdict::Inconclusive(Box::new(Overlap { line, violation }));
        }
    }

    fn returned(
        &mut self,
        line: usize,
        lane: LaneId,
        status: HResult,
        out: &crate::trace::Out<'_>,
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
        if index + 1 != self.open.len() || self.open[..index].iter().any(|open| !open.taken) {
            self.take_all(line);
        }
        let allowed = if self.open[index].taken {
            self.return_of_taken(index, status, out)
        } else {
            self.return_at_once(index, status, out)
                || self.return_after_waiting(line, index, status, out)
        };
        if !allowed {
            let (world, clause, expected) = self.expected_return(index, status, out);
            let got = event.to_string();
            self.violated(line, Some(index), world, clause, expected, got);
            if !self.open[index].taken {
                // A wrong answer does not excuse a wrong question.
                self.take(line, index);
            }
            return Ok(());
        }
        let open = self.open.remove(index);
        self.follow(line, open, status, out, event);
        Ok(())
    }

    /// The call returns with nothing in between: its effect and its return are one step.
    fn return_at_once(
        &mut self,
        index: usize,
        status: HResult,
        out: &crate::trace::Out<'_>,
    ) -> bool {
        let lane = self.open[index].lane;
        let world = self.open[index].bound.world;
        let caller = self.open[index].bound.call.caller();
        let early =
            |outcome: &Outcome| outcome.refuses() && model::owes_callback_first(&self.profile);
        let call = &self.open[index].bound.call;
        let mut misuse: SmallVec<[Clause; 2]> = SmallVec::new();
        let mut blameless = false;
        let mut clauses: SmallVec<[Clause; 4]> = SmallVec::new();
        let mut frontier = std::mem::take(&mut self.worlds[world].frontier);
        let allowed = |state: &State| {
            let mut outcomes = model::outcomes(state, &self.profile, self.limits, lane, call);
            let failed = model::system_failure(call, &outcomes, status);
            outcomes.extend(failed);
            outcomes.retain(|outcome| {
                !early(outcome) && self.matches(outcome, world, state, status, out)
            });
            outcomes
        };
        let moved = advance(&mut frontier, allowed, |state, outcome| {
            model::apply_and_return(state, lane, caller, outcome);
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
        out: &crate::trace::Out<'_>,
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
    fn return_of_taken(
        &mut self,
        index: usize,
        status: HResult,
        out: &crate::trace::Out<'_>,
    ) -> bool {
        let (lane, world) = (self.open[index].lane, self.open[index].bound.world);
        let mut clauses: SmallVec<[Clause; 4]> = SmallVec::new();
        let mut frontier = std::mem::take(&mut self.worlds[world].frontier);
        let allowed = |state: &State| {
            let mut outcomes = model::returns(state, &self.profile, lane);
            outcomes.retain(|outcome| self.matches(outcome, world, state, status, out));
            outcomes
        };
        let moved = advance(&mut frontier, allowed, |state, outcome| {
            model::apply_return(state, lane, outcome);
            clauses.extend(outcome.clauses());
        });
        self.worlds[world].frontier = frontier;
        self.mark(clauses);
        moved
    }

    /// Notes that a party broke an obligation of its own.
    pub(super) fn find(&mut self, line: usize, clause: Clause, what: String, hazard: bool) {
        self.used[clause as usize] = true;
        if self.findings.len() == FINDINGS {
            self.more_findings += 1;
            return;
        }
        let party = clause.party();
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
        self.verdict = match self.overlap {
            None => Verdict::Violation(Box::new(violation)),
            Some(line) => Verdict::Inconclusive(Box::new(Overlap { line, violation })),
        };
    }

    /// If the call is ready to return: the state before its effect, in which the
    /// answer was decided.
    fn state_before_reply(&self, index: usize) -> Option<String> {
        let OpenCall { lane, ref bound, ref before, .. } = self.open[index];
        let ready = |state: &State| {
            state.in_progress(lane).is_some_and(|c| matches!(c.pending, model::Pending::Ready(_)))
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
    ) -> Result<&'static crate::trace::FunctionInfo, InputError> {
        checked_row(process, function, creates, args)
    }
}
