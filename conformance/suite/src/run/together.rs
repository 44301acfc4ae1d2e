//! Driving lanes that race.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use vdi_spec::clauses::Profile;

use super::driver::{Driver, End};
use super::race::{Hints, Pace, Tally};
use crate::adapter::protocol::{Offer, Racing, Request};
use crate::adapter::{Deadline, Trouble, pause};
use crate::scenario::{Action, StepCall};

/// How long to wait for a lane to come free before asking whether all is at rest.
const FREE_WITHIN: Duration = Duration::from_millis(5);

impl Driver<'_> {
    /// Begins all of these, and waits until everything is at rest.
    pub(super) fn together(&mut self, racers: &[Action], profile: &Profile) -> Result<(), End> {
        let first = self.run.trace.events.len();
        match self.pace {
            Pace::InTurn => self.in_turn(racers, profile)?,
            Pace::AtOnce(number) => {
                let step = self.run.step as u64;
                self.at_once(racers, &mut Hints::new(number.wrapping_add(step)))?;
            }
        }
        // What came is what the race came to: no later step takes it.
        let before = |line: usize| line < first + 2;
        self.untaken.returns.values_mut().for_each(|list| list.retain(|seen| before(seen.line)));
        self.untaken.callbacks.retain(|seen| before(seen.line));
        let mut tally = Tally::default();
        self.run.trace.events[first..].iter().for_each(|event| tally.note(event));
        let inside: BTreeSet<&str> = self.calls.values().map(String::as_str).collect();
        let combination = tally.combination(inside.into_iter(), racers);
        self.run.races.push((self.run.step, combination));
        Ok(())
    }

    /// One after the other, with rest in between.
    fn in_turn(&mut self, racers: &[Action], profile: &Profile) -> Result<(), End> {
        for racer in racers {
            match StepCall::of(racer) {
                Some(call) if self.is_free(racer) => self.step(&call.started(), profile)?,
                Some(_) => {}
                None => self.step(racer, profile)?,
            }
        }
        Ok(())
    }

    /// Whether what races can begin: its lane is in no call, and its process lives.
    fn is_free(&self, racer: &Action) -> bool {
        StepCall::of(racer).is_none_or(|StepCall { lane, .. }| {
            !self.ended.contains(&lane.process())
                && self.calls.values().all(|inside| inside != lane.as_str())
        })
    }

    fn at_once(&mut self, racers: &[Action], hints: &mut Hints) -> Result<(), End> {
        let mut lanes = BTreeSet::new();
        let (mut wave, mut later) = (Vec::new(), VecDeque::new());
        for racer in racers {
            let is_first = racer.racing_lane().is_none_or(|lane| lanes.insert(lane));
            if is_first && self.is_free(racer) {
                wave.push(racer);
            } else {
                later.push_back(racer);
            }
        }
        // What a process calls is told before it ends.
        wave.sort_by_key(|racer| matches!(racer, Action::Exit { .. }));
        let wave = wave.into_iter().filter_map(|racer| self.racing(racer, hints)).collect();
        self.start(wave)?;
        while !later.is_empty() {
            if let Some(at) = later.iter().position(|racer| self.is_first_free(racer, &later)) {
                let next = later.remove(at).and_then(|racer| self.racing(racer, hints));
                self.start(next.into_iter().collect())?;
            } else if let Some(answer) = self.connection.receive(FREE_WITHIN)? {
                self.note(answer)?;
            } else {
                self.settle()?;
                if !later.iter().any(|racer| self.is_first_free(racer, &later)) {
                    break;
                }
            }
        }
        later.into_iter().for_each(|racer| self.objects.never_made(racer));
        let within = self.limits.timeout;
        let mut deadline = Deadline::after(within);
        while !self.unanswered.is_empty() {
            match self.next(&mut deadline)? {
                Some(answer) => self.note(answer)?,
                None => return Err(Trouble::Silent { asked: "together".to_owned(), within }.into()),
            }
        }
        self.settle()
    }

    /// Whether a call can begin, and is the first of its lane that is left.
    fn is_first_free(&self, racer: &Action, left: &VecDeque<&Action>) -> bool {
        let first = left.iter().find(|other| other.racing_lane() == racer.racing_lane());
        self.is_free(racer) && first.is_some_and(|first| std::ptr::eq(*first, racer))
    }

    /// Records that something is about to begin, if it can.
    fn racing(&mut self, racer: &Action, hints: &mut Hints) -> Option<Racing> {
        if self.leaves_out(racer) {
            return None;
        }
        let request = match racer {
            Action::Call { .. } | Action::Start { .. } => self.prepare(StepCall::of(racer)?).1,
            Action::Resume { resume, lane } => {
                let (id, request) = self.let_go(resume, lane);
                self.unanswered.insert(id);
                request
            }
            Action::Exit { exit, how } => {
                let (id, request) = self.exit(*exit, *how);
                self.unanswered.insert(id);
                request
            }
            Action::Await { .. }
            | Action::Blocked { .. }
            | Action::Together { .. }
            | Action::Touch { .. }
            | Action::Wrote { .. }
            | Action::Expire { .. }
            | Action::Statement { .. }
            | Action::Report { .. }
            | Action::Unload { .. } => return None,
        };
        Some(Racing { request, delay: hints.delay() })
    }

    /// Begins requests at once: the adapter does so if it offers that, and otherwise they
    /// are sent without waiting for an answer.
    fn start(&mut self, mut wave: Vec<Racing>) -> Result<(), End> {
        if self.offers(Offer::Together) {
            if !wave.is_empty() {
                self.connection.send(&Request::Together { requests: wave })?;
            }
            return Ok(());
        }
        wave.sort_by_key(|racing| racing.delay);
        let mut passed = 0;
        for Racing { request, delay } in wave {
            pause(delay - passed);
            passed = delay;
            self.connection.send(&request)?;
        }
        Ok(())
    }
}
