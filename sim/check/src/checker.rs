//! The checker: by what it judges, what a trace's names stand for, what was found.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::explain::{InputError, Judged, Report, in_progress, order_of_effects, set_texts};
use crate::rules;
use crate::session::{Session, SetTrack, checked_row};
use crate::terms::Terms;
use vdi_model::State;
use vdi_spec::clauses::Profile;
use vdi_trace::{Args, Event, Function, FunctionInfo, Header, Name, Process, TraceError};

/// Judges a trace event by event.
#[derive(Clone, Debug)]
pub struct Checker {
    pub(crate) terms: Terms,
    pub(crate) session: Session,
    pub(crate) report: Report,
    pub(crate) last_seq: Option<u64>,
    /// The same history with other sets for some of its calls, if it is not known yet for
    /// which they are; of these none has others.
    pub(crate) others: Vec<Self>,
    /// Whether everything is at rest at the end.
    pub(crate) rests_at_end: bool,
}

impl Checker {
    /// The profile it judges by.
    #[must_use]
    pub const fn profile(&self) -> &Profile {
        &self.terms.profile
    }

    /// A checker for a trace with this header, under this profile.
    #[must_use]
    pub fn new(header: &Header, profile: Profile) -> Self {
        Self {
            terms: Terms::new(header, profile),
            session: Session::new(header),
            report: Report::new(header),
            last_seq: None,
            others: Vec::new(),
            rests_at_end: false,
        }
    }

    /// A copy that follows nothing else.
    pub(crate) fn alone(&self) -> Self {
        let Self { terms, session, report, last_seq, others: _, rests_at_end } = self;
        Self {
            terms: terms.clone(),
            session: session.clone(),
            report: report.clone(),
            last_seq: *last_seq,
            others: Vec::new(),
            rests_at_end: *rests_at_end,
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

    /// Searches for the order of effects in every order of calls, also of those that do not
    /// bear on one another. The verdict is the same; it is what the search is compared with.
    #[must_use]
    pub const fn in_every_order(self) -> Self {
        self.putting_off_from(usize::MAX)
    }

    /// Puts off what does not bear on an event where at least so many calls of a set are in
    /// progress, agent's included; 0 or 1: always. The verdict is the same, it is only found
    /// sooner: where calls are few it takes longer to tell what bears.
    #[must_use]
    pub const fn putting_off_from(mut self, calls: usize) -> Self {
        self.terms.search.puts_off_from = calls;
        self
    }

    /// How many configurations of sets were looked at so far, where calls overlapped. It is
    /// the measure of what a history costs to judge.
    #[must_use]
    pub fn examined(&self) -> usize {
        self.report.examined + self.others.iter().map(Self::examined).sum::<usize>()
    }

    /// Takes the end of the history for a moment of rest: a call that had to end by then, or a
    /// callback that had to come, is a violation.
    #[must_use]
    pub const fn ending_at_rest(mut self) -> Self {
        self.rests_at_end = true;
        self
    }

    /// A call that has to end, because nothing keeps it waiting any more, has so many
    /// milliseconds for it, by what the lines tell as `elapsed`: if it is in progress for longer
    /// it is a violation. Otherwise no verdict depends on time.
    #[must_use]
    pub const fn ending_calls_within(mut self, milliseconds: u64) -> Self {
        self.terms.within = Some(milliseconds);
        self
    }

    /// A server that was not seen is taken to have done all that it had to: it has ended no set
    /// before its time, so that no abort of a client's call is explained by one of the server's.
    /// For a history of which it is known that nothing has kept the server from that.
    #[must_use]
    pub const fn with_sound_server(mut self) -> Self {
        self.terms.server_is_sound = true;
        self
    }

    /// The line of the next event was written so many milliseconds after some moment, the same
    /// for the whole trace. How long a call has waited is said then; no verdict depends on it,
    /// unless [`ending_calls_within`](Self::ending_calls_within) asks for that.
    pub fn note_elapsed(&mut self, elapsed: Option<u64>) {
        let Some(elapsed) = elapsed else { return };
        self.report.time.elapsed = Some(elapsed);
        self.others.iter_mut().for_each(|other| other.report.time.elapsed = Some(elapsed));
    }

    /// The same of all events, by their lines.
    pub(crate) fn with_times(mut self, times: BTreeMap<usize, u64>) -> Self {
        self.report.time.of_lines = Arc::new(times);
        self
    }

    /// The verdict on all events so far.
    #[must_use]
    pub fn finish(mut self) -> Judged {
        if std::mem::take(&mut self.rests_at_end) && self.report.is_open() {
            let lanes = self.lanes_in_call();
            let blocked = lanes.iter().map(|lane| Name::from(lane.as_str())).collect();
            let line = self.report.line;
            // Every lane that is in a call is listed, so that nothing can be wrong with it.
            let _ = self.event(line, &Event::Blocked { seq: None, blocked });
        }
        let others = std::mem::take(&mut self.others);
        let mut best = others.into_iter().fold(self, |best, other| {
            let better = other.report.faults() < best.report.faults();
            if better && other.report.is_open() { other } else { best }
        });
        rules::note_unexplained(&best.session, &mut best.report);
        let order = best.terms.search.explains.then(|| order_of_effects(&best.session));
        let in_progress = in_progress(&best.session, &best.terms, best.report.time.elapsed);
        let untimed = best.terms.within.is_some() && best.report.time.elapsed.is_none();
        let judged = Judged { order, in_progress, ..best.report.finish(&best.terms) };
        if untimed { judged.of_whole(Some(rules::no_time_told())) } else { judged }
    }

    /// The verdict on what could be read before this error.
    #[must_use]
    pub fn finish_with(self, error: TraceError) -> Judged {
        self.finish().of_whole(Some(error))
    }

    /// The states the model allows now, for the set of this name; none if it is unknown.
    pub fn states(&self, set: &str) -> impl Iterator<Item = &State> {
        let known = self.session.sets.iter().rfind(|known| known.name == set);
        known.into_iter().flat_map(SetTrack::states)
    }

    /// The sets that exist now, by name, each with its state in words.
    #[must_use]
    pub fn sets(&self) -> Vec<(String, String)> {
        set_texts(&self.session)
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
