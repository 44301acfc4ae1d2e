//! Known failures: keyed by scenario, verdict and clause, each with a reason.
//!
//! They run all the same. A failure that is listed does not fail the run; an
//! entry that no failure matches does.

use std::collections::BTreeSet;
use std::path::Path;

use serde::{Deserialize, Serialize};
use vdi_spec::clauses::Clause;

use crate::run::{ScenarioResult, Verdict};
use crate::scenario::BadFile;

/// The format's name and version.
const FORMAT: &str = "baseline/1";

/// A baseline file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Baseline {
    /// Where the schema is.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// `baseline/1`.
    pub vdi: String,
    /// The failures that are known.
    pub known: Vec<Entry>,
    /// What the implementation does not offer, and need not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_offered: Vec<LeftOut>,
}

/// Something that is not offered, with all the scenarios that need it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LeftOut {
    /// What, in the word by which a run names it: `client`, `hold`, `server.FreeBuffer`.
    pub what: String,
    /// Why it is left out.
    pub reason: String,
}

/// One known failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Entry {
    /// The scenario's id.
    pub scenario: String,
    /// The verdict, such as `violation` or `crashed`.
    pub verdict: String,
    /// The broken clause, if the verdict has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clause: Option<Clause>,
    /// Why it is known and left.
    pub reason: String,
}

/// An entry that matches no failure of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stale {
    /// The entry.
    pub entry: Entry,
    /// What came instead.
    pub got: String,
}

impl Baseline {
    /// Reads a baseline from a file.
    ///
    /// # Errors
    /// The file cannot be read, is no baseline, lists a failure twice or without a reason.
    pub fn read(path: &Path) -> Result<Self, Box<BadFile>> {
        let name = path.display().to_string();
        let text = vdi_trace::read_document(path)
            .map_err(|error| Box::new(BadFile::whole(&name, format!("cannot be read: {error}"))))?;
        Self::parse(&name, &text)
    }

    /// Reads a baseline from text; `path` names it in errors.
    ///
    /// # Errors
    /// The text is no baseline, lists a failure twice or without a reason.
    pub fn parse(path: &str, text: &str) -> Result<Self, Box<BadFile>> {
        let baseline: Self = vdi_trace::from_str(text)
            .map_err(|error| Box::new(BadFile::json(path, text, 0, &error)))?;
        let at = |word: &str, message: String| {
            let offset = text.find(word).unwrap_or_default();
            Err(Box::new(BadFile::at(path, text, offset, word.len(), message)))
        };
        if baseline.vdi != FORMAT {
            let message = format!("format `{}`, expected `{FORMAT}`", baseline.vdi);
            return at("\"vdi\"", message);
        }
        for (index, entry) in baseline.known.iter().enumerate() {
            let quoted = format!("\"{}\"", entry.scenario);
            if entry.reason.trim().is_empty() {
                return at(&quoted, "a known failure needs a reason".to_owned());
            }
            if baseline.known[..index].iter().any(|other| other.scenario == entry.scenario) {
                return at(&quoted, "this scenario is listed twice".to_owned());
            }
        }
        for (index, left_out) in baseline.not_offered.iter().enumerate() {
            let quoted = format!("\"{}\"", left_out.what);
            if left_out.reason.trim().is_empty() {
                return at(&quoted, "what is not offered needs a reason".to_owned());
            }
            if baseline.not_offered[..index].iter().any(|other| other.what == left_out.what) {
                return at(&quoted, "this is listed twice".to_owned());
            }
        }
        Ok(baseline)
    }

    /// A baseline that lists what fails, and what was not offered, of these results.
    #[must_use]
    pub fn of(results: &[&ScenarioResult], reason: &str) -> Self {
        let known = results.iter().filter(|result| result.verdict.is_failure());
        let lacks: BTreeSet<&String> =
            results.iter().filter_map(|result| result.adapter.lacks.as_ref()).collect();
        let reason = || reason.to_owned();
        Self {
            schema: None,
            vdi: FORMAT.to_owned(),
            known: known
                .map(|result| Entry {
                    scenario: result.id.clone(),
                    verdict: result.verdict.name().to_owned(),
                    clause: result.verdict.clause(),
                    reason: reason(),
                })
                .collect(),
            not_offered: lacks
                .into_iter()
                .map(|what| LeftOut { what: what.clone(), reason: reason() })
                .collect(),
        }
    }

    /// Whether it is known that what a result lacks is not offered.
    #[must_use]
    pub fn leaves_out(&self, result: &ScenarioResult) -> bool {
        let listed = |what: &String| self.not_offered.iter().any(|left_out| left_out.what == *what);
        result.adapter.lacks.as_ref().is_some_and(listed)
    }

    /// The entry that a result matches, if it is a known failure.
    #[must_use]
    pub fn covers(&self, result: &ScenarioResult) -> Option<&Entry> {
        self.known.iter().find(|entry| {
            entry.scenario == result.id
                && entry.verdict == result.verdict.name()
                && entry.clause == result.verdict.clause()
        })
    }

    /// The entries that no result matches. With `all == false` only a part of the
    /// scenarios was run, and entries of the others are left alone.
    #[must_use]
    pub fn stale(&self, results: &[ScenarioResult], all: bool) -> Vec<Stale> {
        let mut stale = Vec::new();
        let cut_short = results.iter().any(|result| result.verdict == Verdict::NotRun);
        for entry in &self.known {
            let result = results.iter().find(|result| result.id == entry.scenario);
            let got = match result {
                Some(result) if self.covers(result).is_some() => continue,
                // It may come to what is listed yet.
                Some(result) if result.verdict == Verdict::NotRun => continue,
                Some(result) => match result.verdict.clause() {
                    Some(clause) => format!("{} of {clause}", result.verdict.name()),
                    None => result.verdict.name().to_owned(),
                },
                None if all => "no such scenario".to_owned(),
                None => continue,
            };
            stale.push(Stale { entry: entry.clone(), got });
        }
        for LeftOut { what, reason } in self.not_offered.iter().filter(|_| all && !cut_short) {
            if results.iter().all(|result| result.adapter.lacks.as_ref() != Some(what)) {
                let entry = Entry {
                    scenario: what.clone(),
                    verdict: "not-offered".to_owned(),
                    clause: None,
                    reason: reason.clone(),
                };
                stale.push(Stale { entry, got: "no scenario lacks it".to_owned() });
            }
        }
        stale
    }
}
