//! Many worlds, and what they have shown together. Campaigns of other seeds, from other
//! threads or machines, can be joined in any order: the result is the same.

pub(crate) mod coverage;
pub(crate) mod shrink;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::campaign::coverage::Coverage;
use crate::observe::outcome::{Counts, Ended, Outcome, Problem, StatementEnd, clauses_of};
use crate::options::Options;
use vdi_spec::clauses::Profile;

/// The format's name and version.
pub const CAMPAIGN: &str = "campaign/1";

/// How many failures are kept; the others are counted.
const KEPT: usize = 100;

/// A world that was not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Failure {
    /// Its seed.
    pub seed: u64,
    /// What should not be.
    pub problems: Vec<Problem>,
    /// Its options.
    pub options: Options,
}

/// What the worlds with one deviation have shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Deviant {
    /// Worlds with such a client.
    pub worlds: u64,
    /// Those in which it was caught, or did harm that was seen.
    pub shown: u64,
    /// The lowest such seed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub first: Option<u64>,
    /// The lowest seed in which it was caught by a clause of its own.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub first_by_clause: Option<u64>,
    /// How it showed, by how many worlds.
    pub how: BTreeMap<String, u64>,
}

/// What many worlds have shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Campaign {
    /// `campaign/1`.
    pub vdi: String,
    /// What the worlds ran on.
    pub engine: String,
    /// The readings they were judged by, as they were named.
    pub profile: String,
    /// The words that make a world so again behind `vdi replay --seed N`.
    #[serde(default)]
    pub how: String,
    /// Ranges of seeds that were asked for, each from its first to the one before its last,
    /// with the shard of it.
    pub seeds: Vec<String>,
    /// Worlds that were run.
    pub worlds: u64,
    /// Seeds without a world: the options that were asked for do not go with the others.
    #[serde(default)]
    pub left_out: u64,
    /// Whether it ended before all worlds had run.
    pub interrupted: bool,
    /// Steps, commands and so on of all worlds.
    pub totals: Totals,
    /// The sum of the FNV-1a hashes of all traces, as JSON Lines; 0 if they were not kept.
    pub digest: u64,
    /// Worlds by how their statements ended.
    pub endings: BTreeMap<String, u64>,
    /// Worlds by their virtual time: the power of two, in milliseconds, that it reaches; 0 if it
    /// was none.
    #[serde(default)]
    pub times: BTreeMap<u64, u64>,
    /// Worlds that were not as they should be.
    pub failed: u64,
    /// Those worlds by what was wrong with them.
    pub problems: BTreeMap<String, u64>,
    /// Those with the lowest seeds.
    pub failures: Vec<Failure>,
    /// By deviation.
    pub deviations: BTreeMap<String, Deviant>,
    /// What was met.
    pub coverage: Coverage,
}

/// How much happened in all worlds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Totals {
    /// Steps of the model, or of the implementation.
    pub model_steps: u64,
    /// Calls.
    pub calls: u64,
    /// Commands called back.
    pub commands: u64,
    /// Statements that succeeded, of BACKUP.
    pub backups: u64,
    /// The same of RESTORE.
    pub restores: u64,
    /// Milliseconds of virtual time.
    pub milliseconds: u64,
}

/// Why two results cannot be joined.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Apart {
    /// They are of another format.
    #[error("it is `{0}`, expected `{CAMPAIGN}`")]
    Format(String),
    /// They ran on different things, or were judged differently.
    #[error("it is of {0}, and not of {1} as the others")]
    Different(String, String),
    /// The same seeds would count twice.
    #[error("the seeds {0} are in it a second time")]
    Twice(String),
    /// The sum of hashes is that of all traces, or of none.
    #[error("of some the traces were summed up (--digest), and of others not")]
    Digest,
}

impl Campaign {
    /// No world yet.
    #[must_use]
    pub fn new(engine: &str, profile: &str, seeds: Vec<String>) -> Self {
        Self {
            vdi: CAMPAIGN.to_owned(),
            engine: engine.to_owned(),
            profile: profile.to_owned(),
            seeds,
            ..Self::default()
        }
    }

    /// Adds a world; `profile` is the one it was judged by.
    pub fn add(&mut self, outcome: &Outcome, profile: &Profile) {
        let Counts { model_steps, calls, commands, milliseconds, .. } = outcome.counts;
        let succeeded = |end| u64::from(end == StatementEnd::Succeeded);
        self.worlds += 1;
        self.totals.add(&Totals {
            model_steps,
            calls,
            commands,
            backups: succeeded(outcome.backup),
            restores: succeeded(outcome.restore),
            milliseconds,
        });
        *self.endings.entry(ending(outcome)).or_default() += 1;
        let reached = milliseconds.checked_ilog2().map_or(0, |power| 1 << power);
        *self.times.entry(reached).or_default() += 1;
        self.cover(outcome, profile);
        if let Some(log) = &outcome.log {
            let hash = fnv(log.to_trace().to_json_lines().as_bytes());
            self.digest = self.digest.wrapping_add(hash);
        }
        self.note_deviation(outcome);
        if !outcome.is_good() {
            self.failed += 1;
            for class in classes(&outcome.problems) {
                *self.problems.entry(class).or_default() += 1;
            }
            let Outcome { seed, problems, options, .. } = outcome;
            self.failures.push(Failure {
                seed: *seed,
                problems: problems.clone(),
                options: *options,
            });
            self.keep_lowest();
        }
    }

    fn note_deviation(&mut self, outcome: &Outcome) {
        let Some(deviation) = outcome.options.deviation else {
            return;
        };
        let known = self.deviations.entry(deviation.id().to_owned()).or_default();
        known.worlds += 1;
        if outcome.shown.is_empty() {
            return;
        }
        known.shown += 1;
        let seed = outcome.seed;
        known.first = Some(known.first.map_or(seed, |first| first.min(seed)));
        if clauses_of(&outcome.shown).any(|clause| deviation.clauses().contains(&clause)) {
            known.first_by_clause =
                Some(known.first_by_clause.map_or(seed, |first| first.min(seed)));
        }
        for class in classes(&outcome.shown) {
            *known.how.entry(class).or_default() += 1;
        }
    }

    fn cover(&mut self, outcome: &Outcome, profile: &Profile) {
        let Outcome { seed, options, interference, .. } = outcome;
        let seed = *seed;
        let Coverage { clauses, transitions, readings, faults, outcomes, .. } = &mut self.coverage;
        let mut met = outcome.met;
        let judged = outcome.judged.iter().flat_map(|judged| judged.clauses.iter());
        judged.for_each(|clause| met.insert(*clause));
        let mut questions = Vec::new();
        for clause in met.iter() {
            let row = clause.info();
            Coverage::note(clauses, row.id, seed);
            questions.extend(row.questions);
        }
        questions.sort_unstable();
        questions.dedup();
        for question in questions {
            Coverage::note(readings, &profile.reading(question).to_string(), seed);
        }
        for transition in outcome.judged.iter().flat_map(|judged| judged.transitions.iter()) {
            Coverage::note(transitions, &transition, seed);
        }
        for fault in interference.injected.iter() {
            Coverage::note(faults, fault.name(), seed);
        }
        let client = options.deviation.map_or("well-behaved", crate::Deviation::id);
        let kind = format!(
            "{:?} {:?} {:?} {client}: {}",
            options.plan,
            options.like,
            options.arrangement,
            ending(outcome)
        );
        Coverage::note(outcomes, &kind, seed);
    }

    fn keep_lowest(&mut self) {
        if self.failures.len() > 2 * KEPT {
            self.settle();
        }
    }

    /// Puts what was kept into its final order.
    pub fn settle(&mut self) {
        self.failures.sort_by_key(|failure| failure.seed);
        self.failures.truncate(KEPT);
        self.coverage.find_last();
    }

    /// Adds the worlds of another campaign.
    pub fn join(&mut self, other: Self) {
        self.worlds += other.worlds;
        self.left_out += other.left_out;
        self.interrupted |= other.interrupted;
        self.totals.add(&other.totals);
        self.digest = self.digest.wrapping_add(other.digest);
        self.failed += other.failed;
        self.failures.extend(other.failures);
        add(&mut self.endings, other.endings);
        add(&mut self.times, other.times);
        add(&mut self.problems, other.problems);
        for (deviation, more) in other.deviations {
            self.deviations.entry(deviation).or_default().join(more);
        }
        self.coverage.join(other.coverage);
        self.settle();
    }

    /// The same for a result from elsewhere.
    ///
    /// # Errors
    /// They do not belong together.
    pub fn merge(&mut self, other: Self) -> Result<(), Apart> {
        if other.vdi != CAMPAIGN {
            return Err(Apart::Format(other.vdi));
        }
        let of = |one: &Self| format!("{} by {}{}", one.engine, one.profile, one.how);
        if of(self) != of(&other) {
            return Err(Apart::Different(of(&other), of(self)));
        }
        if let Some(twice) = other.seeds.iter().find(|seeds| self.seeds.contains(seeds)) {
            return Err(Apart::Twice(twice.clone()));
        }
        let (own, its) = (self.digest != 0, other.digest != 0);
        if own != its && self.worlds > 0 && other.worlds > 0 {
            return Err(Apart::Digest);
        }
        self.seeds.extend(other.seeds.iter().cloned());
        self.seeds.sort_unstable();
        self.join(other);
        Ok(())
    }
}

impl Totals {
    const fn add(&mut self, more: &Self) {
        self.model_steps += more.model_steps;
        self.calls += more.calls;
        self.commands += more.commands;
        self.backups += more.backups;
        self.restores += more.restores;
        self.milliseconds += more.milliseconds;
    }
}

impl Deviant {
    fn join(&mut self, more: Self) {
        let lowest = |one: Option<u64>, other: Option<u64>| one.into_iter().chain(other).min();
        self.worlds += more.worlds;
        self.shown += more.shown;
        self.first = lowest(self.first, more.first);
        self.first_by_clause = lowest(self.first_by_clause, more.first_by_clause);
        add(&mut self.how, more.how);
    }
}

/// What is wrong, each kind once.
fn classes(problems: &[Problem]) -> BTreeSet<String> {
    problems.iter().map(Problem::class).collect()
}

fn add<K: Ord>(counts: &mut BTreeMap<K, u64>, more: BTreeMap<K, u64>) {
    for (name, worlds) in more {
        *counts.entry(name).or_default() += worlds;
    }
}

/// FNV-1a, the same on every machine.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
    })
}

/// How the statements of a world ended, in words.
fn ending(outcome: &Outcome) -> String {
    let end = match outcome.ended {
        Ended::Done => "",
        Ended::Stuck(_) => ", stuck",
        Ended::TooLong => ", too long",
        Ended::Judged => ", judged early",
    };
    format!("BACKUP {}, RESTORE {}{end}", outcome.backup, outcome.restore)
}
