//! The checker: by what it judges, what a trace's names stand for, what was found.

use crate::explain::{InputError, Judged, Report, order_of_effects};
use crate::rules;
use crate::session::{Session, SetTrack, checked_row};
use crate::terms::Terms;
use vdi_model::State;
use vdi_spec::clauses::Profile;
use vdi_trace::{Args, Function, FunctionInfo, Header, Process, TraceError};

/// Judges a trace event by event.
#[derive(Clone, Debug)]
pub struct Checker {
    pub(crate) terms: Terms,
    pub(crate) session: Session,
    pub(crate) report: Report,
    pub(crate) last_seq: Option<u64>,
}

impl Checker {
    /// A checker for a trace with this header, under this profile.
    #[must_use]
    pub fn new(header: &Header, profile: Profile) -> Self {
        Self {
            terms: Terms::new(header, profile),
            session: Session::new(header),
            report: Report::new(header),
            last_seq: None,
        }
    }

    /// Examines so many configurations of a set for one event, at most; then it gives up.
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

    /// Records the order of effects that explains the history, as [`Judged::order`]. What is
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

    /// The verdict on all events so far.
    #[must_use]
    pub fn finish(mut self) -> Judged {
        rules::note_unexplained(&self.session, &mut self.report);
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
