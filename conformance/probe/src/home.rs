//! What comes home from a probe: half traces, what was made of them, and their sums. No data, no
//! names but the probe's own, and nothing of how the server was reached.

use std::collections::BTreeMap;

use serde::Serialize;
use sha2::{Digest, Sha256};
use vdi_spec::clauses::{Profile, ProfileFile, SEEN};
use vdi_suite::report::{Summary, json, junit, text};
use vdi_suite::run::{Answered, Followed, NamedTrace, ScenarioResult, Verdict, readings_of_traces};
use vdi_suite::scenario::Scenario as SuiteScenario;

/// Events of a trace that is asked for its readings, less than: a long one is the same again and
/// again, and is judged once for each reading.
const LONG: usize = 120;

/// A file: its place in the folder, and what is in it.
pub type HomeFile = (String, String);

/// What was probed, and with what.
#[derive(Clone, Debug, Serialize)]
pub struct About {
    /// `probe/1`.
    pub vdi: &'static str,
    /// The library's file, without its folder.
    pub library: String,
    /// Bytes of it.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: String,
    /// What the server says of its version, if it says it.
    pub server: Option<String>,
    /// The version of this program.
    pub probe: &'static str,
}

impl About {
    /// Of a library that has this in its file.
    #[must_use]
    pub fn of(library: &str, content: &[u8], server: Option<String>) -> Self {
        Self {
            vdi: "probe/1",
            library: library.to_owned(),
            bytes: content.len() as u64,
            sha256: sum(content),
            server,
            probe: env!("CARGO_PKG_VERSION"),
        }
    }
}

/// Everything that comes home of these results.
#[must_use]
pub fn home(
    about: &About,
    results: &[ScenarioResult],
    summary: &Summary<'_>,
    scenarios: &[&SuiteScenario],
) -> Vec<HomeFile> {
    let results: Vec<ScenarioResult> = results.iter().map(at_home).collect();
    let summary = Summary {
        command: "probe",
        implementation: about.library.clone(),
        options: "",
        results: &results,
        stale: summary.stale.clone(),
        files: BTreeMap::new(),
        ..*summary
    };
    let mut files: Vec<HomeFile> = results
        .iter()
        .filter(|result| !result.trace.events.is_empty())
        .map(|result| (format!("traces/{}.jsonl", result.id), result.trace.to_json_lines()))
        .collect();
    let traces: Vec<NamedTrace> = results
        .iter()
        .filter(|result| (1..LONG).contains(&result.trace.events.len()))
        .map(|result| NamedTrace { name: result.id.clone(), trace: result.trace.clone() })
        .collect();
    let (mut answered, mut found) = readings_of_traces(&traces, scenarios, summary.profile);
    decide_seen(&mut answered, &mut found, &results);
    files.push(("report.txt".to_owned(), text(&summary)));
    files.push(("report.json".to_owned(), json(&summary)));
    files.push(("report.junit.xml".to_owned(), junit(&summary, false)));
    files.push(("readings.txt".to_owned(), readings(&answered)));
    files.push(("readings.json".to_owned(), pretty(&answered)));
    files.push(("profile.json".to_owned(), pretty(&profile_file(&found))));
    files.push(("about.json".to_owned(), pretty(about)));
    let sums: Vec<String> =
        files.iter().map(|(name, text)| format!("{}  {name}\n", sum(text.as_bytes()))).collect();
    files.push(("SHA256SUMS".to_owned(), sums.concat()));
    files
}

/// What recordings alone leave open, and a verdict of the probe has shown, which rests on it.
fn decide_seen(answered: &mut [Answered], found: &mut Profile, results: &[ScenarioResult]) {
    for seen in SEEN {
        let Some(result) = results.iter().find(|result| result.id == seen.scenario) else {
            continue;
        };
        let judged_by = found.reading(seen.question);
        let followed = match &result.verdict {
            Verdict::Violation(violation) if violation.otherwise.contains(&seen.reading()) => {
                seen.reading()
            }
            // By a profile that allows either, that nothing is wrong tells nothing.
            Verdict::Conformant if seen.denied && judged_by != seen.reading() => judged_by,
            _ => continue,
        };
        let open = |answer: &&mut Answered| {
            answer.question == seen.question.info().id
                && matches!(answer.followed, Followed::NotRecorded | Followed::Several(_))
        };
        if let Some(answer) = answered.iter_mut().find(open) {
            answer.followed = Followed::One(followed.info().id.to_owned());
            answer.traces = vec![result.id.clone()];
            found.choose(followed);
        }
    }
}

/// A result without what was printed beside it, and without its names.
fn at_home(result: &ScenarioResult) -> ScenarioResult {
    let mut result = result.clone();
    result.trace = result.trace.redacted();
    result.adapter.stderr = String::new();
    result.adapter.program = None;
    result.adapter.told = Vec::new();
    result
}

/// What the recordings say of each question.
fn readings(answered: &[Answered]) -> String {
    let told = |answer: &Answered| match &answer.followed {
        Followed::One(reading) => format!("{reading}, by {}", answer.traces.join(", ")),
        Followed::Several(fit) => {
            format!("fits {}, by {}", fit.join(" and "), answer.traces.join(", "))
        }
        Followed::Only(reading) => format!("{reading}, the only reading"),
        Followed::Inconsistent(traces) => format!("INCONSISTENT, by {}", traces.join(", ")),
        Followed::Failing | Followed::Trouble(_) | Followed::NotOffered | Followed::NotShown => {
            "not told".to_owned()
        }
        Followed::Silence(readings) => {
            format!("open: {}, told apart by silence", readings.join(" or "))
        }
        Followed::NotRecorded => match &answer.scenarios[..] {
            [] => "open: no scenario asks it".to_owned(),
            [first, ..] => format!("open: {first} would tell"),
        },
    };
    answered.iter().map(|answer| format!("{}: {}\n", answer.question, told(answer))).collect()
}

fn profile_file(found: &Profile) -> ProfileFile {
    let readings = found
        .differences()
        .map(|reading| (reading.question.to_string(), reading.info().id.to_owned()))
        .collect();
    ProfileFile { schema: None, base: "documented-pages".to_owned(), readings }
}

fn pretty(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value).expect("plain values serialise") + "\n"
}

/// The SHA-256 of these bytes, as `sha256sum` writes it.
fn sum(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_sha256sum() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sum(b"abc"), abc);
        assert_eq!(About::of("libsqlvdi.so", b"abc", None).sha256, abc);
    }
}
