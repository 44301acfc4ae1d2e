//! The checker: takes the events of a trace one by one, and hands each to what judges it.

use crate::explain::{InputError, Judged, Report, order_of_effects};
use crate::session::{Invocation, ObservedCallback, Returned, Session, SetTrack, checked_row};
use crate::terms::Terms;
use crate::{dispatch, rules};
use vdi_model::State;
use vdi_spec::clauses::Profile;
use vdi_trace::{Args, Event, Function, FunctionInfo, Header, Name, Process, TraceError};

/// Judges a trace event by event.
#[derive(Clone, Debug)]
pub struct Checker {
    pub(crate) terms: Terms,
    pub(crate) session: Session,
    pub(crate) report: Report,
    last_seq: Option<u64>,
}

impl Checker {
    /// A judge for a trace with this header, under this profile.
    #[must_use]
    pub fn new(header: &Header, profile: Profile) -> Self {
        Self {
            terms: Terms::new(header, profile),
            session: Session::new(header),
            report: Report::new(header),
            last_seq: None,
        }
    }

    /// Looks at so many configurations of a set for one event, at most; then it gives up.
    #[must_use]
    pub const fn with_budget(mut self, budget: usize) -> Self {
        self.terms.search.budget = budget;
        self
    }

    /// Searches for the order of effects from the first event on, even where calls do not
    /// overlap. The verdict is the same.
    #[must_use]
    pub const fn searching_always(mut self) -> Self {
        self.terms.search.always = true;
        self
    }

    /// Tells the order of effects that explains the history, as [`Judged::order`]. What is
    /// kept for that grows with the length of the trace.
    #[must_use]
    pub const fn explaining(mut self) -> Self {
        (self.terms.search.always, self.terms.search.explains) = (true, true);
        self
    }

    /// Tries every order of effects in the plainest way: whatever can happen is tried
    /// between any two events. It takes time and memory that grow with every way in which
    /// that can be, and is what the search is compared with.
    #[must_use]
    pub const fn trying_everything(mut self) -> Self {
        (self.terms.search.always, self.terms.search.exhaustive) = (true, true);
        self
    }

    /// Takes the next event, which stands in this line. False: the verdict is
    /// reached and nothing more need be read.
    ///
    /// # Errors
    /// The event cannot have happened here whatever the implementation did.
    pub fn event(&mut self, line: usize, event: &Event<'_>) -> Result<bool, InputError> {
        if !self.report.is_open() {
            return Ok(false);
        }
        if let Some(seq) = event.seq() {
            if self.last_seq.is_some_and(|last| seq <= last) {
                return Err(InputError(format!("`seq` {seq} does not come after the last one")));
            }
            self.last_seq = Some(seq);
        }
        self.session.check_alive(event.lane())?;
        self.report.begin_event(line);
        self.judge(event)?;
        Ok(self.report.is_open())
    }

    /// Hands an event to what judges it.
    fn judge(&mut self, event: &Event<'_>) -> Result<(), InputError> {
        match event {
            Event::Call { lane, call, on, creates, args, .. } => {
                let creates = creates.as_ref().map(Name::as_str);
                let call = Invocation { function: *call, on: on.as_str(), creates, args };
                dispatch::begin(self, lane.as_str(), &call)
            }
            Event::Return { lane, status, out, .. } => {
                let seen = Returned { status: *status, out };
                dispatch::returns(self, lane.as_str(), &seen, event)
            }
            Event::Callback { lane, callback, completion, bytes, position, held, .. } => {
                let lane = self.session.lanes.id(lane.as_str())?;
                let (completion, bytes, position, held) = (*completion, *bytes, *position, *held);
                let seen = ObservedCallback { lane, completion, bytes, position, held };
                dispatch::callback(self, callback.as_str(), &seen, event)
            }
            Event::Ended { lane, ended, .. } => {
                self.session.end_routine(lane.as_str(), ended.as_str())
            }
            Event::Blocked { blocked, .. } => dispatch::rest(self, blocked),
            Event::Touch { lane, touch, found, .. } => {
                let lane = self.session.lanes.id(lane.as_str())?;
                rules::touch(self, lane, touch.as_str(), *found, event)
            }
            Event::Wrote { lane, wrote, .. } => {
                let lane = self.session.lanes.id(lane.as_str())?;
                rules::write(self, lane, wrote.as_str(), event)
            }
            Event::Expired { expired, after, .. } => rules::expire(self, expired.as_str(), *after),
            Event::Statement { lane, statement, devices, .. } => {
                let lane = self.session.lanes.id(lane.as_str())?;
                rules::statement(self, lane, *statement, *devices, event)
            }
            Event::Report { lane, report, .. } => {
                let lane = self.session.lanes.id(lane.as_str())?;
                rules::report(self, lane, *report, event)
            }
            Event::Exit { process, exit, .. } => {
                self.session.exit(*process)?;
                rules::exit(self, *process, *exit, event);
                Ok(())
            }
            Event::Unload { process, unload, .. } => rules::unload(self, *process, *unload),
        }
    }

    /// The verdict on all events so far.
    #[must_use]
    pub fn finish(self) -> Judged {
        let order = self.terms.search.explains.then(|| order_of_effects(&self.session));
        Judged { order, ..self.report.finish(&self.terms) }
    }

    /// The verdict on what could be read before this error.
    #[must_use]
    pub fn finish_with(self, error: TraceError) -> Judged {
        Judged { error: Some(error), ..self.finish() }
    }

    /// The states the model allows now, for the set of this name; none if it is unknown.
    pub fn states(&self, set: &str) -> impl Iterator<Item = &State> {
        let known = self.session.sets.iter().rfind(|known| known.name == set);
        known.into_iter().flat_map(SetTrack::states)
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
    ) -> Result<&'static FunctionInfo, InputError> {
        checked_row(process, function, creates, args)
    }
}
