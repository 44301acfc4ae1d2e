//! Which combinations of outcomes a race may have: every order in which what was begun
//! may take effect, played through.

use std::collections::{BTreeMap, BTreeSet};

use vdi_check::Candidate;
use vdi_model::{Ending, Expected};
use vdi_spec::codes::{HResult, Win32};
use vdi_trace::{Event, Name, Out};

use super::disagreement::Disagreement;
use super::oracle_play::Play;
use super::race::Tally;
use crate::scenario::{Action, Combination};

/// How many situations are visited before a race counts as too large.
const SITUATIONS: usize = 200_000;

/// A play in the middle of a race.
#[derive(Clone)]
struct Situation<'a> {
    play: Play<'a>,
    /// What has been begun, by their places. Lanes and commands are numbered in this
    /// order, so it tells situations apart.
    begun: Vec<usize>,
    tally: Tally,
    /// Statuses that only a shortage of resources explains, by lane.
    short: BTreeMap<String, BTreeSet<HResult>>,
}

/// Every combination that a race may come to, each with the plays that end so.
pub(super) fn combinations<'a>(
    play: &Play<'a>,
    racers: &[Action],
) -> Result<Vec<(Combination, Play<'a>)>, Disagreement> {
    let first = Situation {
        play: play.clone(),
        begun: Vec::new(),
        tally: Tally::default(),
        short: BTreeMap::new(),
    };
    let mut seen = BTreeSet::new();
    let mut ends: Vec<(Combination, Play<'a>)> = Vec::new();
    let mut ended = BTreeSet::new();
    let mut open = vec![first];
    let mut misuse = play.misuse.clone();
    while let Some(situation) = open.pop() {
        let key = situation.key();
        // Who breaks what depends on the way, and ways are forgotten.
        misuse.extend(situation.play.misuse());
        if !seen.insert(key.clone()) {
            continue;
        }
        if seen.len() > SITUATIONS {
            return play.differ("too many orders to try".to_owned(), "a race".to_owned());
        }
        let (next, forced) = situation.next(racers)?;
        if !forced && ended.insert(key) {
            let lanes = situation.play.checker.lanes_in_call();
            let lanes = lanes.iter().map(String::as_str);
            ends.push((situation.tally.combination(lanes, racers), situation.play));
        }
        open.extend(next);
    }
    ends.sort_by(|one, other| one.0.cmp(&other.0));
    ends.iter_mut().for_each(|(_, play)| play.misuse.clone_from(&misuse));
    Ok(ends)
}

impl<'a> Situation<'a> {
    /// What tells situations apart.
    fn key(&self) -> String {
        let states: Vec<_> = self.play.sets().collect();
        let between = self.play.checker.lanes_between();
        format!("{:?} {:?} {states:?} {between:?}", self.begun, self.tally)
    }

    /// The situations that may come next, and whether one of them must.
    fn next(&self, racers: &[Action]) -> Result<(Vec<Self>, bool), Disagreement> {
        let inside = self.play.checker.lanes_in_call();
        let mut next = Vec::new();
        for (at, racer) in racers.iter().enumerate() {
            let earlier = racers[..at].iter().enumerate().any(|(before, other)| {
                !self.begun.contains(&before)
                    && other.racing_lane().is_some()
                    && other.racing_lane() == racer.racing_lane()
            });
            let busy = matches!(racer, Action::Call { lane, .. }
                if inside.iter().any(|inside| inside == lane.as_str()));
            let gone = racer.racing_lane().is_some_and(|lane| self.play.is_gone(lane.process()));
            if !self.begun.contains(&at) && !earlier && !busy && !gone {
                next.push(self.begin(at, racer)?);
            }
        }
        let mut forced = !next.is_empty();
        if let Some(after) = self.certain_return(&inside).filter(|_| !forced) {
            return Ok((vec![after], true));
        }
        for owed in self.play.checker.owed_callbacks() {
            for ending in &owed.endings {
                forced = true;
                if !self.is_short(&owed.lane, ending.code()) {
                    next.push(self.call_back(&owed.command, &owed.lane, *ending)?);
                }
            }
        }
        for lane in inside {
            // What waits for a return that only a shortage explains is no end either.
            forced |= self.play.checker.candidates(&lane).iter().any(|candidate| candidate.forced);
            for candidate in self.returns(&lane) {
                // A delivery that was not told before its command was called back has
                // been told before in another order.
                next.extend(self.give(&lane, &candidate).ok());
            }
        }
        Ok((next, forced))
    }

    /// What a call in progress may return, but for what only time or a shortage brings.
    fn returns(&self, lane: &str) -> Vec<Candidate> {
        let mut candidates = self.play.checker.candidates(lane);
        let short = self.short.get(lane);
        candidates.retain(|candidate| match candidate.status {
            None => false,
            Some(Expected::Status(HResult::VD_E_TIMEOUT)) => candidate.forced,
            Some(Expected::Status(status)) => !short.is_some_and(|short| short.contains(&status)),
            Some(_) => true,
        });
        candidates
    }

    /// If the state is known: a return that is decided. It changes nothing for anybody else.
    fn certain_return(&self, inside: &[String]) -> Option<Self> {
        if self.play.sets().any(|states| states.len() != 1) {
            return None;
        }
        inside.iter().find_map(|lane| match &self.returns(lane)[..] {
            [only] if only.forced && self.play.checker.candidates(lane).len() == 1 => {
                self.give(lane, only).ok()
            }
            _ => None,
        })
    }

    /// Whether a callback can only be that of a refusal for want of resources.
    fn is_short(&self, lane: &str, code: Win32) -> bool {
        code == Win32::ERROR_NO_SYSTEM_RESOURCES
            && self.short.get(lane).is_some_and(|short| !short.is_empty())
    }

    fn begin(&self, at: usize, racer: &Action) -> Result<Self, Disagreement> {
        let mut after = self.clone();
        after.begun.push(at);
        match racer {
            Action::Call { lane, .. } => {
                let candidates = after.play.begun(racer)?;
                let (short, usual): (Vec<_>, Vec<_>) =
                    candidates.iter().partition(|candidate| candidate.exceptional);
                let status = |status: Option<Expected>| match status {
                    Some(Expected::Status(status)) => Some(status),
                    Some(Expected::AnyFailure | Expected::Any) | None => None,
                };
                let usual: BTreeSet<_> = usual.iter().filter_map(|c| status(c.status)).collect();
                let short = short.iter().filter_map(|c| status(c.status));
                let short = short.filter(|status| !usual.contains(status)).collect();
                after.short.insert(lane.to_string(), short);
                after.play.checker.let_calls_begin();
            }
            // Of what races the others are resumes and exits.
            other => other.event().iter().try_for_each(|event| after.play.event(event))?,
        }
        Ok(after)
    }

    fn call_back(&self, command: &str, lane: &str, ending: Ending) -> Result<Self, Disagreement> {
        let mut after = self.clone();
        after.play.call_back(command, lane, ending)?;
        after.tally.called_back(command, &ending.code().to_string(), lane);
        Ok(after)
    }

    fn give(&self, lane: &str, candidate: &Candidate) -> Result<Self, Disagreement> {
        let mut after = self.clone();
        let delivers = candidate.delivers.as_deref();
        let (status, text) = match candidate.status {
            Some(Expected::Status(status)) => (status, status.to_string()),
            Some(Expected::AnyFailure) => (HResult::VD_E_IO_ERROR, "VD_E_IO_ERROR".to_owned()),
            Some(Expected::Any) | None => (HResult::VD_E_PROTOCOL, "any".to_owned()),
        };
        let command = delivers.map(|name| Name::from(name.to_owned()));
        let out = Out { command, ..after.play.out(lane, status) };
        after.play.event(&Event::Return { seq: None, lane: Name::from(lane), status, out })?;
        after.tally.returned(lane, &text, delivers);
        Ok(after)
    }
}
