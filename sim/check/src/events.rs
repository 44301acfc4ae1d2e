//! Each event of a trace, handed to what judges it.

use vdi_trace::{Event, HowEnded, Name};

use crate::checker::Checker;
use crate::explain::{InputError, Judged, Why};
use crate::own_fault::guarded;
use crate::session::{Invocation, ObservedCallback, Returned};
use crate::{dispatch, lives, rules};

impl Checker {
    /// Judges these events, each with its line, as far as a verdict.
    pub(crate) fn judge_all<'e, E>(mut self, events: impl IntoIterator<Item = (usize, E)>) -> Judged
    where
        E: std::borrow::Borrow<Event<'e>>,
    {
        for (line, event) in events {
            let event = event.borrow();
            match self.event(line, event) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => return self.finish_with(error.at(line, event)),
            }
        }
        self.finish()
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
        guarded(|| lives::event(self, line, event)).unwrap_or_else(|message| {
            self.report.begin_event(line);
            self.report.undecided(Why::Fault { message });
            Ok(false)
        })
    }

    /// The same of the one history that this checker follows.
    pub(crate) fn judge_event(
        &mut self,
        line: usize,
        event: &Event<'_>,
    ) -> Result<bool, InputError> {
        if let Some(seq) = event.seq() {
            if self.last_seq.is_some_and(|last| seq <= last) {
                return Err(InputError(format!("`seq` {seq} does not come after the last one")));
            }
            self.last_seq = Some(seq);
        }
        self.session.check_alive(event.lane())?;
        self.report.begin_event(line);
        if !rules::keeps_time(self) {
            return Ok(false);
        }
        let before = rules::may_have_passed(self, event).map(|set| (set, self.alone()));
        self.judge(event)?;
        if !self.report.is_open()
            && let Some((set, mut passed)) = before
            && rules::pass_unrecorded(&mut passed, set)
            && passed.judge(event).is_ok()
            && passed.report.is_open()
        {
            *self = passed;
        }
        if self.report.is_open() {
            rules::note_due(self);
        }
        Ok(self.report.is_open())
    }

    /// Who tells something of a statement.
    fn told<'n>(
        &mut self,
        lane: &Name<'_>,
        on: Option<&'n Name<'_>>,
    ) -> Result<rules::Told<'n>, InputError> {
        Ok(rules::Told { lane: self.session.lanes.id(lane.as_str())?, on: on.map(Name::as_str) })
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
            Event::Statement { lane, on, statement, devices, .. } => {
                let told = self.told(lane, on.as_ref())?;
                rules::statement(self, &told, *statement, *devices, event)
            }
            Event::Report { lane, on, report, .. } => {
                let told = self.told(lane, on.as_ref())?;
                rules::report(self, &told, *report, event)
            }
            // Everybody whom a death concerns may tell it, since he cannot know who else does.
            Event::Exit { process, exit: HowEnded::Killed, .. }
                if self.session.has_exited(*process) =>
            {
                Ok(())
            }
            Event::Exit { process, exit, .. } => {
                self.session.exit(*process)?;
                rules::exit(self, *process, *exit, event);
                Ok(())
            }
            Event::Unload { process, unload, .. } => rules::unload(self, *process, *unload),
        }
    }
}
