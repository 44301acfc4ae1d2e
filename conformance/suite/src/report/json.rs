//! The report for programs.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json as object};

use super::cause::call_of;
use super::{Counts, Summary};
use crate::run::{Blocking, RaceTally, ScenarioResult, Verdict};

/// A run as JSON, version 1.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct JsonReport {
    /// `report/1`.
    pub vdi: String,
    /// Name and version of the implementation.
    pub implementation: String,
    /// The options of `vdi` that choose it; empty for the built-in one.
    pub options: String,
    /// The profile's name or file.
    pub profile: String,
    /// Where it differs from the default: `question=reading`.
    pub readings: Vec<String>,
    /// The exit code of the run.
    pub exit_code: u8,
    /// How many scenarios ended how.
    pub counts: Counts,
    /// What was not offered and is not in the baseline, each with how many scenarios need it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub not_offered: BTreeMap<String, usize>,
    /// The half that alone was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// One entry per scenario.
    pub scenarios: Vec<JsonScenario>,
    /// Entries of the baseline that nothing matches.
    pub stale: Vec<Value>,
}

/// A scenario's result.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct JsonScenario {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// The clauses it exercises.
    pub clauses: Vec<String>,
    /// The verdict's name.
    pub verdict: String,
    /// Whether the baseline lists it.
    pub known: bool,
    /// The step at which the verdict was reached, counted from 1; 0 in the situation.
    pub step: usize,
    /// What the verdict rests on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<Value>,
    /// What a call did wrong about blocking; a hang is a verdict of its own, `silent`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocking: Option<Blocking>,
    /// The pinned expectation that was not met.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mismatch: Option<Value>,
    /// What server and client broke on purpose.
    pub findings: Vec<Value>,
    /// Of a scenario with races that were repeated: what came of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub races: Option<RaceTally>,
    /// Of a failure: what was observed, event by event, in canonical order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trace: Vec<Value>,
    /// The call that a failure is about, with its arguments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<String>,
    /// Of what was not offered: what is missing, in a word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lacks: Option<String>,
    /// Of a failure: so many milliseconds without an answer (`--grace`) told that lanes were
    /// blocked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub silence: Option<u64>,
    /// What the adapter wrote to standard error.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub stderr: String,
}

/// The report as JSON text.
#[must_use]
pub fn json(summary: &Summary<'_>) -> String {
    let report = JsonReport {
        vdi: "report/1".to_owned(),
        implementation: summary.implementation.clone(),
        options: summary.options.to_owned(),
        profile: summary.profile_name.to_owned(),
        readings: summary.profile.differences().map(|reading| reading.to_string()).collect(),
        exit_code: summary.exit_code(),
        counts: summary.counts(),
        not_offered: summary
            .lacking()
            .into_iter()
            .map(|(what, count)| (what.to_owned(), count))
            .collect(),
        role: summary.role.map(|(role, _)| role.to_owned()),
        scenarios: summary
            .results
            .iter()
            .map(|result| scenario(result, summary.baseline.covers(result).is_some()))
            .collect(),
        stale: summary.stale.iter().map(value).collect(),
    };
    let mut text = serde_json::to_string_pretty(&report).expect("a report serialises");
    text.push('\n');
    text
}

fn value(of: &impl Serialize) -> Value {
    serde_json::to_value(of).expect("a report's parts serialise")
}

/// The same with its line counted in canonical order: which lane of several was
/// observed first differs from run to run.
fn placed(of: &impl Serialize, order: &[usize]) -> Value {
    let mut value = value(of);
    if let Some(line) = value.get_mut("line") {
        // Line 1 is the header.
        let index = line.as_u64().and_then(|line| usize::try_from(line).ok()?.checked_sub(2));
        if let Some(at) = index.and_then(|index| order.iter().position(|of| *of == index)) {
            *line = (at + 2).into();
        }
    }
    value
}

fn scenario(result: &ScenarioResult, known: bool) -> JsonScenario {
    let order = result.trace.canonical_order();
    let detail = match &result.verdict {
        Verdict::Violation(violation) => Some(placed(violation, &order)),
        Verdict::Disagreement(disagreement) => Some(value(disagreement)),
        Verdict::Trouble(trouble) => Some(object!({ "message": trouble.to_string() })),
        Verdict::NotOffered(reason) | Verdict::Inconclusive(reason) => {
            Some(object!({ "reason": reason }))
        }
        Verdict::Conformant | Verdict::NotRun => None,
    };
    let failed = result.verdict.is_failure();
    let trace = result.trace.canonical().events.iter().map(value).collect();
    JsonScenario {
        id: result.id.clone(),
        title: result.title.clone(),
        clauses: result.clauses.iter().map(ToString::to_string).collect(),
        verdict: result.verdict.name().to_owned(),
        known,
        step: result.step,
        detail,
        blocking: result.blocking,
        mismatch: result.mismatch.as_ref().map(value),
        findings: result.findings.iter().map(|finding| placed(finding, &order)).collect(),
        races: result.races.tally.clone(),
        call: call_of(result),
        lacks: result.adapter.lacks.clone(),
        silence: result
            .adapter
            .silence
            .filter(|_| failed)
            .map(|grace| u64::try_from(grace.as_millis()).unwrap_or(u64::MAX)),
        trace: if failed { trace } else { Vec::new() },
        stderr: if failed { result.adapter.stderr.clone() } else { String::new() },
    }
}
