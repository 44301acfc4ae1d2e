//! Reports of a run. They never judge: what they say was decided before.

mod cause;
mod json;
mod junit;
mod lanes;
mod markdown;
mod text;

pub use json::{JsonReport, json};
pub use junit::junit;
pub use lanes::{LaneView, lane_diagram};
pub use markdown::markdown;
pub use text::{failure, short, text, trace_verdict};

use std::cmp::Reverse;
use std::collections::BTreeMap;

use vdi_check::exit_code;
use vdi_spec::clauses::{PROFILES, Party, Profile};

use crate::adapter::{Misdeed, Trouble};
use crate::baseline::{Baseline, Stale};
use crate::run::{ScenarioResult, SuiteOptions, Verdict};
use crate::shell::quoted;

/// Everything a report tells of.
#[derive(Debug)]
pub struct Summary<'a> {
    /// The command of `vdi` that was given; empty if it was none.
    pub command: &'a str,
    /// Name and version of the implementation, if one was reached.
    pub implementation: String,
    /// The options of `vdi` that choose it; empty for the built-in one.
    pub options: &'a str,
    /// The profile's name or file.
    pub profile_name: &'a str,
    /// The profile.
    pub profile: &'a Profile,
    /// The parties whose faults fail the run.
    pub parties: &'a [Party],
    /// The results, in the order of their ids.
    pub results: &'a [ScenarioResult],
    /// The known failures.
    pub baseline: &'a Baseline,
    /// Entries of the baseline that nothing matches.
    pub stale: Vec<Stale>,
    /// The half that alone was asked for, and how many scenarios were not for it.
    pub role: Option<(&'static str, usize)>,
    /// Whether each failure is told, and not only one of those that have the same cause.
    pub verbose: bool,
    /// The files of the scenarios, by their ids, as far as they come from files.
    pub files: BTreeMap<String, String>,
}

/// Of so many scenarios, if one was not offered, a run is not green any more.
const NOT_OFFERED: usize = 7;

/// How many scenarios ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Conformant.
    pub conformant: usize,
    /// Failures that the baseline does not list.
    pub failed: usize,
    /// Failures that the baseline lists.
    pub known: usize,
    /// Violations by a party that does not gate.
    pub not_gating: usize,
    /// Not offered by the implementation.
    pub not_offered: usize,
    /// Inconclusive.
    pub inconclusive: usize,
    /// Not run, because the run was stopped.
    pub not_run: usize,
}

/// No failure is known.
static NONE: Baseline =
    Baseline { schema: None, vdi: String::new(), known: Vec::new(), not_offered: Vec::new() };

impl<'a> Summary<'a> {
    /// What a run came to in which no command had a part, as in a test of one's own: every party
    /// counts, and no failure is known.
    #[must_use]
    pub fn of(results: &'a [ScenarioResult], options: &'a SuiteOptions) -> Self {
        let mut names = PROFILES.iter().map(|(name, _, _)| *name);
        let is_ours = |name: &&str| Profile::named(name).is_ok_and(|of| of == options.profile);
        Self {
            command: "",
            implementation: implementation(results),
            options: "",
            profile_name: names.find(is_ours).unwrap_or("of its own"),
            profile: &options.profile,
            parties: &[Party::Interface, Party::Server, Party::Client],
            results,
            baseline: &NONE,
            stale: Vec::new(),
            role: None,
            verbose: false,
            files: BTreeMap::new(),
        }
    }

    /// For tests: panics with what `vdi run` prints, unless it ends with 0.
    ///
    /// # Panics
    /// In every other case.
    #[track_caller]
    pub fn assert_conformant(&self) {
        if self.exit_code() != exit_code::CONFORMANT {
            panic!("\n{}", text(self));
        }
    }
}

/// Name and version of what was reached.
#[must_use]
pub fn implementation(results: &[ScenarioResult]) -> String {
    let known = results.iter().find_map(|result| result.trace.header.source.as_ref());
    match known {
        Some(origin) => {
            format!("{} {}", origin.name, origin.version.as_deref().unwrap_or_default())
        }
        None => "no implementation was reached".to_owned(),
    }
}

impl Summary<'_> {
    /// What stands behind `vdi` to choose the implementation again.
    #[must_use]
    pub fn call(&self) -> String {
        format!("{} {}", self.command, self.options).trim_end().to_owned()
    }

    /// How many scenarios ended how.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for result in self.results {
            *match &result.verdict {
                _ if self.baseline.covers(result).is_some() => &mut counts.known,
                _ if !self.gates(result) => &mut counts.not_gating,
                Verdict::Conformant => &mut counts.conformant,
                Verdict::NotOffered(_) => &mut counts.not_offered,
                Verdict::Inconclusive(_) => &mut counts.inconclusive,
                Verdict::NotRun => &mut counts.not_run,
                Verdict::Violation(_) | Verdict::Disagreement(_) | Verdict::Trouble(_) => {
                    &mut counts.failed
                }
            } += 1;
        }
        counts
    }

    /// Whether a result counts: a violation does if its party gates, all else does.
    #[must_use]
    pub fn gates(&self, result: &ScenarioResult) -> bool {
        match &result.verdict {
            Verdict::Violation(violation) => self.parties.contains(&violation.party),
            _ => true,
        }
    }

    /// The results that fail the run.
    pub fn failures(&self) -> impl Iterator<Item = &ScenarioResult> {
        self.results.iter().filter(|result| {
            result.verdict.is_failure()
                && self.gates(result)
                && self.baseline.covers(result).is_none()
        })
    }

    /// Whether no scenario came as far as to be given to the implementation.
    #[must_use]
    pub fn never_reached(&self) -> bool {
        let never_began = |result: &ScenarioResult| {
            matches!(result.verdict, Verdict::Trouble(Trouble::Program(Misdeed::NotStarted, _)))
        };
        // Of a program it is known before what it does not offer; of an adapter it is asked.
        let program = self.results.iter().any(never_began);
        let unreached = |result: &ScenarioResult| match &result.verdict {
            Verdict::Trouble(Trouble::Program(..)) => never_began(result),
            Verdict::NotOffered(_) => program,
            Verdict::Trouble(_) | Verdict::NotRun => result.trace.header.source.is_none(),
            _ => false,
        };
        !self.results.is_empty() && self.results.iter().all(unreached)
    }

    /// What was not offered, in words, with how many scenarios need it; most first. What the
    /// baseline lists is not there.
    #[must_use]
    pub fn lacking(&self) -> Vec<(&str, usize)> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for result in self.results {
            let covered =
                self.baseline.leaves_out(result) || self.baseline.covers(result).is_some();
            if let Some(what) = result.adapter.lacks.as_deref().filter(|_| !covered) {
                *counts.entry(what).or_default() += 1;
            }
        }
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by_key(|(what, count)| (Reverse(*count), *what));
        counts
    }

    /// Whether so much was not offered that nothing is shown: a half of the interface, or
    /// one scenario in seven.
    #[must_use]
    pub fn lacks_too_much(&self) -> bool {
        lacks_too_much(&self.lacking(), self.results.len())
    }

    /// The exit code of the run. Nothing shown to conform is never a success.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        let counts = self.counts();
        let is_ours = |result: &ScenarioResult| result.verdict.is_our_fault();
        if self.results.iter().any(is_ours) {
            exit_code::INTERNAL
        } else if self.never_reached() {
            exit_code::UNAVAILABLE
        } else if counts.failed > 0 || !self.stale.is_empty() {
            exit_code::VIOLATION
        } else if counts.inconclusive > 0
            || counts.conformant + counts.known == 0
            || self.lacks_too_much()
        {
            exit_code::INCONCLUSIVE
        } else {
            exit_code::CONFORMANT
        }
    }
}

/// Whether what was not offered, with how many of `all` scenarios need it, is a half of the
/// interface or one scenario in seven.
#[must_use]
pub fn lacks_too_much(lacking: &[(&str, usize)], all: usize) -> bool {
    let scenarios: usize = lacking.iter().map(|(_, count)| count).sum();
    let is_half = |(what, _): &(&str, usize)| ["server", "client"].contains(what);
    lacking.iter().any(is_half) || (scenarios > 0 && scenarios * NOT_OFFERED >= all)
}

/// The command that runs one scenario again; `call` is what stands behind `vdi`.
fn again(call: &str, profile: &str, id: &str) -> String {
    let mut text = format!("vdi {call}");
    if profile != PROFILES[0].0 {
        text.push_str(&format!(" --profile {}", quoted(profile)));
    }
    // The gate has situations, of which it takes those whose name begins so.
    let option = if call.starts_with("gate") { "--filter" } else { "--scenario" };
    text.push_str(&format!(" {option} {id}"));
    text
}
