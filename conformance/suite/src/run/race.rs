//! Lanes that race: when each begins, and what came of them together.

use std::collections::BTreeMap;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::Serialize;
use vdi_spec::codes::{HResult, Win32};
use vdi_trace::{Event, Name, Process};

use super::brought::is_short;
use crate::scenario::{Action, Combination};

/// The agent's usual lane, whose callbacks are told without it.
const AGENT: &str = "server.agent";

/// What stands for a lane that is still in its call.
const BLOCKED: &str = "blocked";

/// How the lanes of a race begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// One after the other, as they are written, with rest in between: always the same.
    InTurn,
    /// At once, with hints drawn from this number.
    AtOnce(u64),
}

/// How often races are run, and the number that their hints are drawn from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeat {
    /// Runs of each scenario with a race, at least 1.
    pub times: u32,
    /// The seed of all hints.
    pub seed: u64,
}

impl Repeat {
    /// The number of one run of a scenario.
    pub(super) fn number(&self, id: &str, run: u32) -> u64 {
        let of_id = id.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3)
        });
        self.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ of_id ^ (u64::from(run) << 32)
    }
}

/// What came of the races of a scenario, over all its runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RaceTally {
    /// How often it was run.
    pub runs: u32,
    /// By race, the combinations that the model allows, and how often each was seen.
    pub races: Vec<RaceSeen>,
}

/// One race.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RaceSeen {
    /// The step, counted from 1.
    pub step: usize,
    /// Every combination allowed.
    pub combinations: Vec<CombinationSeen>,
}

/// One combination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CombinationSeen {
    /// The outcome of each lane and command.
    pub outcome: Combination,
    /// In how many runs it was seen.
    pub times: u32,
}

impl RaceTally {
    pub(super) fn new(allowed: &Allowed) -> Self {
        let seen = |outcome: &Combination| CombinationSeen { outcome: outcome.clone(), times: 0 };
        let races = allowed.iter().map(|(step, combinations)| RaceSeen {
            step: *step,
            combinations: combinations.iter().map(seen).collect(),
        });
        Self { runs: 0, races: races.collect() }
    }

    /// Counts one run; gives what it came to that is not allowed.
    pub(super) fn count(&mut self, races: &[(usize, Combination)]) -> Option<(usize, Combination)> {
        self.runs += 1;
        let mut unknown = None;
        for (step, combination) in races {
            let Some(race) = self.races.iter_mut().find(|race| race.step == *step) else {
                continue;
            };
            let cut_short = |one: &CombinationSeen| is_cut_short(&one.outcome, combination);
            let is_cut_short = race.combinations.iter().any(cut_short);
            match race.combinations.iter_mut().find(|one| is_same(&one.outcome, combination)) {
                Some(known) => known.times += 1,
                None if is_cut_short => {}
                None => unknown = unknown.or_else(|| Some((*step, combination.clone()))),
            }
        }
        unknown
    }

    /// How many combinations were seen, and how many there are.
    #[must_use]
    pub fn coverage(&self) -> (usize, usize) {
        let all = || self.races.iter().flat_map(|race| &race.combinations);
        (all().filter(|one| one.times > 0).count(), all().count())
    }
}

/// By step, the combinations that its race may come to.
pub(super) type Allowed = BTreeMap<usize, Vec<Combination>>;

/// Delays of up to so many microseconds are drawn, in turns: what races is decided
/// within a few of them in one implementation and within milliseconds in another.
const SPREADS: [u32; 4] = [50, 300, 1_500, 4_000];

/// Draws the delays of a race.
pub(super) struct Hints {
    random: ChaCha8Rng,
    spread: u32,
}

impl Hints {
    pub(super) fn new(number: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(number);
        let spread = SPREADS[random.next_u32() as usize % SPREADS.len()];
        Self { random, spread }
    }

    /// Microseconds; one lane in three does not wait.
    pub(super) fn delay(&mut self) -> u32 {
        let drawn = self.random.next_u32();
        if drawn.is_multiple_of(3) { 0 } else { (drawn / 3) % self.spread }
    }
}

/// What came of a race, as it comes.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Tally(BTreeMap<String, Vec<String>>);

impl Tally {
    fn add(&mut self, key: &str, value: String) {
        self.0.entry(key.to_owned()).or_default().push(value);
    }

    pub(super) fn returned(&mut self, lane: &str, status: &str, command: Option<&str>) {
        let command = command.map(|command| format!(" {command}")).unwrap_or_default();
        self.add(lane, format!("{status}{command}"));
    }

    pub(super) fn called_back(&mut self, command: &str, code: &str, lane: &str) {
        let place = if lane == AGENT { String::new() } else { format!(" on {lane}") };
        self.add(command, format!("{code}{place}"));
    }

    /// An event that was observed.
    pub(super) fn note(&mut self, event: &Event<'_>) {
        match event {
            Event::Return { lane, status, out, .. } => {
                let command = out.command.as_ref().map(Name::as_str);
                self.returned(lane.as_str(), &status.to_string(), command);
            }
            Event::Callback { lane, callback, completion, .. } => {
                self.called_back(callback.as_str(), &completion.to_string(), lane.as_str());
            }
            _ => {}
        }
    }

    /// Everything is at rest, and these lanes are in their calls. What a process that
    /// has ended was doing is not told: it may or may not have come to its end.
    pub(super) fn combination<'l>(
        mut self,
        in_call: impl Iterator<Item = &'l str>,
        racers: &[Action],
    ) -> Combination {
        for lane in in_call {
            self.add(lane, BLOCKED.to_owned());
        }
        let ended = |key: &str| {
            racers.iter().any(|racer| {
                let Action::Exit { exit, .. } = racer else { return false };
                let runs_callbacks = *exit == Process::Server && !key.contains('.');
                runs_callbacks || key.starts_with(&format!("{exit}."))
            })
        };
        let told = self.0.into_iter().filter(|(key, _)| !ended(key));
        told.map(|(key, values)| (key, values.join(", "))).collect()
    }
}

/// Whether what was seen is this combination; VD_E_IO_ERROR, which has no number of its
/// own, stands for any failure.
pub(super) fn is_same(allowed: &Combination, seen: &Combination) -> bool {
    let same = |(one, other): (&str, &str)| {
        let failure = || other.parse().is_ok_and(HResult::is_failure);
        one == other || one == "any" || (one == "VD_E_IO_ERROR" && failure())
    };
    let values = |(one, other): (&String, &String)| {
        let (one, other): (Vec<&str>, Vec<&str>) =
            (one.split(", ").collect(), other.split(", ").collect());
        one.len() == other.len() && one.into_iter().zip(other).all(same)
    };
    allowed.keys().eq(seen.keys()) && allowed.values().zip(seen.values()).all(values)
}

/// Whether what was seen is this combination but for what the environment brought, or a full
/// queue, and for what follows from it: who waited for what that lane would have done waits
/// on, and a command that was not sent is not called back. Whether it may come here the
/// oracle judges; what every other lane came to has to be as allowed.
fn is_cut_short(allowed: &Combination, seen: &Combination) -> bool {
    let fails = |value: &str| value.parse().is_ok_and(is_short);
    let refused = Win32::ERROR_NO_SYSTEM_RESOURCES.to_string();
    let follows = |value: &str| fails(value) || value == BLOCKED || value.starts_with(&refused);
    let some_fails = seen.values().any(|values| values.split(", ").any(fails));
    let as_allowed = |(key, values): (&String, &String)| {
        let known = allowed.get(key).map(|known| known.split(", ").collect::<Vec<_>>());
        values.split(", ").enumerate().all(|(place, value)| {
            let known = known.as_ref().and_then(|known| known.get(place));
            follows(value) || known.is_some_and(|known| *known == value || *known == "any")
        })
    };
    some_fails && seen.iter().all(as_allowed)
}

/// A combination in one line.
#[must_use]
pub fn combination_text(combination: &Combination) -> String {
    let parts: Vec<String> =
        combination.iter().map(|(key, value)| format!("{key} {value}")).collect();
    parts.join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn combination(told: &[(&str, &str)]) -> Combination {
        told.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn unknown(allowed: &[&[(&str, &str)]], seen: &[(&str, &str)]) -> bool {
        let allowed = allowed.iter().map(|told| combination(told)).collect();
        let mut tally = RaceTally::new(&Allowed::from([(1, allowed)]));
        tally.count(&[(1, combination(seen))]).is_some()
    }

    const ALLOCATES: &[&[(&str, &str)]] =
        &[&[("server.main", "NOERROR"), ("server.t1", "NOERROR")]];

    #[test]
    fn what_the_environment_brings_is_no_other_combination() {
        for status in ["VD_E_MEMORY", "VD_E_SECURITY", "VD_E_UNEXPECTED", "0x8007000E"] {
            assert!(!unknown(ALLOCATES, &[("server.main", "NOERROR"), ("server.t1", status)]));
            assert!(!unknown(ALLOCATES, &[("server.main", status), ("server.t1", status)]));
        }
    }

    /// What failed excuses its own lane alone.
    #[test]
    fn what_another_lane_came_to_has_to_be_allowed() {
        let (main, wrong) = ("server.main", "VD_E_PROTOCOL");
        assert!(unknown(ALLOCATES, &[(main, wrong), ("server.t1", "VD_E_MEMORY")]));
        assert!(unknown(ALLOCATES, &[(main, wrong), ("server.t1", "NOERROR")]));
    }

    #[test]
    fn a_full_queue_excuses_its_own_command_alone() {
        let allowed: &[&[(&str, &str)]] = &[&[
            ("c1", "ERROR_SUCCESS"),
            ("c2", "ERROR_SUCCESS"),
            ("server.t1", "NOERROR"),
            ("server.t2", "NOERROR"),
        ]];
        let seen = |of_other: &'static str| {
            [
                ("c1", of_other),
                ("c2", "ERROR_NO_SYSTEM_RESOURCES on server.t2"),
                ("server.t1", "NOERROR"),
                ("server.t2", "VD_E_BUSY"),
            ]
        };
        assert!(!unknown(allowed, &seen("ERROR_SUCCESS")));
        assert!(unknown(allowed, &seen("ERROR_OPERATION_ABORTED")));
    }

    /// Who waits for what did not come about waits on.
    #[test]
    fn who_waits_for_what_failed_waits_on() {
        let allowed: &[&[(&str, &str)]] =
            &[&[("primary.main", "NOERROR"), ("server.main", "NOERROR")]];
        assert!(!unknown(allowed, &[("primary.main", "blocked"), ("server.main", "VD_E_MEMORY")]));
        assert!(unknown(allowed, &[("primary.main", "blocked"), ("server.main", "NOERROR")]));
    }
}
