//! What every command writes is valid by the schema of what it writes.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{schema, told, vdi, word};

fn is_valid(schema: &jsonschema::Validator, value: &Value) {
    if let Err(error) = schema.validate(value) {
        panic!("{error} at `{}`: {value}", error.instance_path());
    }
}

/// The JSON that a command writes to standard output.
fn json_of(words: &[&str]) -> Value {
    let output = vdi(words);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", told(words)))
}

const PYTHON: &str = "python3 conformance/adapters/python/tiny_vdi.py";

/// Nothing wrong, something wrong, half of it not offered, nothing reached, known and stale.
#[test]
fn reports() {
    let report = schema("report.v1");
    let folder = tempfile::tempdir().expect("a folder");
    let baseline = folder.path().join("baseline.json");
    let written = ["run", "--defect", "both-complete", "--write-baseline", word(&baseline)];
    vdi(&[&written[..], &["--reason", "seen"]].concat());
    let known: Value =
        serde_json::from_slice(&fs::read(&baseline).expect("a baseline")).expect("JSON");
    assert!(known["known"].as_array().is_some_and(|list| !list.is_empty()), "{known}");
    is_valid(&schema("baseline.v1"), &known);
    let dies = "sh -c 'echo gone >&2; exit 3'";
    let few = ["--filter", "server/close/", "--filter", "races/two-"];
    for words in [
        &["run"][..],
        &["run", "--repeat", "2"],
        &["run", "--defect", "both-complete", "--verbose"],
        &["run", "--defect", "both-complete", "--baseline", word(&baseline)],
        &["run", "--baseline", word(&baseline)],
        &["run", "--adapter", dies],
        &["run", "--adapter", PYTHON],
        &["run", "--profile", "documented-tables"],
    ] {
        let found = json_of(&[words, &["--format", "json"], &few].concat());
        is_valid(&report, &found);
        assert!(found["scenarios"].as_array().is_some_and(|list| !list.is_empty()), "{words:?}");
    }
    let half = json_of(&["run", "--role", "client", "--filter", "client/", "--format", "json"]);
    is_valid(&report, &half);
    // A report is refused whose fields are of other kinds.
    let mut broken = json_of(&[&["run", "--format", "json"][..], &few].concat());
    broken["counts"]["failed"] = json!("none");
    assert!(!report.is_valid(&broken));
}

/// Each line of a file.
fn lines_are_valid(schema: &jsonschema::Validator, path: &Path) {
    let text = fs::read_to_string(path).expect("a file");
    assert!(!text.is_empty(), "{} is empty", path.display());
    for line in text.lines() {
        is_valid(schema, &serde_json::from_str(line).expect("JSON"));
    }
}

#[test]
fn traces_scenarios_and_profiles() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let (trace, scenario) = (schema("trace.v1"), schema("scenario.v1"));
    let world = at("world.jsonl");
    vdi(&["simulate", "--seed", "3", "--trace", word(&world)]);
    lines_are_valid(&trace, &world);
    let traces = at("traces");
    vdi(&["run", "--filter", "races/two-", "--traces", word(&traces)]);
    let mut files = 0;
    for entry in walkdir(&traces) {
        lines_are_valid(&trace, &entry);
        files += 1;
    }
    assert!(files > 5, "{files} traces");
    let (failing, small, shrunk) = (at("failing"), at("small.jsonl"), at("small.json"));
    let defect = ["run", "--scenario", "races/two-completes", "--defect", "both-complete"];
    vdi(&[&defect[..], &["--traces", word(&failing)]].concat());
    let found = walkdir(&failing).pop().expect("the trace of what failed");
    vdi(&["shrink", word(&found), "--trace", word(&small), "--output", word(&shrunk)]);
    lines_are_valid(&trace, &small);
    is_valid(&scenario, &serde_json::from_slice(&fs::read(&shrunk).expect("it")).expect("JSON"));
    let profile = at("profile.json");
    let few = concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios/readings");
    vdi(&["readings", "--scenarios", few, "--output", word(&profile)]);
    let found = serde_json::from_slice(&fs::read(&profile).expect("a profile")).expect("JSON");
    is_valid(&schema("profile.v1"), &found);
}

/// All files below a folder.
fn walkdir(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
    let below = entries.flat_map(|entry| match entry.path().is_dir() {
        true => walkdir(&entry.path()),
        false => vec![entry.path()],
    });
    below.collect()
}

#[test]
fn campaigns() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let (first, second, whole) = (at("1.json"), at("2.json"), at("whole.json"));
    for (shard, path) in [("1/2", &first), ("2/2", &second)] {
        let seeds = ["simulate", "--seeds", "0..40", "--shard", shard, "--format", "json"];
        vdi(&[&seeds[..], &["--output", word(path)]].concat());
    }
    vdi(&["merge", word(&first), word(&second), "--format", "json", "--output", word(&whole)]);
    for path in [first, second, whole] {
        let found = serde_json::from_slice(&fs::read(path).expect("a result")).expect("JSON");
        is_valid(&schema("campaign.v1"), &found);
    }
}

/// Both sides of both protocols, in every line.
#[test]
fn protocols() {
    let folder = tempfile::tempdir().expect("a folder");
    let tapped = |program: &str, name: &str| {
        let path = |side: &str| folder.path().join(format!("{name}-{side}.jsonl"));
        let (sent, answered) = (path("request"), path("answer"));
        let (to, from) = (word(&sent), word(&answered));
        let text = format!("tee -a {to} | {program} | tee -a {from}");
        (format!("sh -c '{text}'"), sent.clone(), answered.clone())
    };
    let (command, sent, answered) = tapped(PYTHON, "adapter");
    let part = ["server/", "client/", "commands/", "buffers/"];
    let run = ["run", "--jobs", "1", "--adapter", &command];
    let output = told(&[&run[..], &part.map(|part| ["--filter", part]).concat()].concat());
    assert!(output.ends_with("exit 0\n"), "{output}");
    lines_are_valid(&schema("adapter-request.v1"), &sent);
    lines_are_valid(&schema("adapter-answer.v1"), &answered);
    let program = "python3 conformance/adapters/python/backup_client.py";
    let (command, sent, answered) = tapped(program, "client");
    let output = told(&["simulate", "--seeds", "0..40", "--jobs", "1", "--client", &command]);
    assert!(output.ends_with("exit 0\n"), "{output}");
    lines_are_valid(&schema("client-request.v1"), &sent);
    lines_are_valid(&schema("client-answer.v1"), &answered);
}

/// A field that is there twice is refused wherever people write.
#[test]
fn fields_that_are_there_twice_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let close =
        r#""id":"s","title":"t","clauses":["server.close.not-open"],"parties":["interface"]"#;
    let expect = r#""question=reading":"NOERROR","question=reading":"VD_E_PROTOCOL""#;
    let expect = expect.replace("question=reading", "shared-when-not-open=protocol-error");
    let step = r#"{"call":"Close","on":"sset","expect":"VD_E_PROTOCOL"}"#;
    let scenarios = [
        format!(
            r#"{{{close},"interfaces":{{"cset2":"primary","cset2":"primary"}},"steps":[{step}]}}"#
        ),
        format!(r#"{{{close},"misuseUnder":{{"a":[],"a":[]}},"steps":[{step}]}}"#),
        format!(r#"{{{close},"steps":[{{"call":"Close","on":"sset","expect":{{{expect}}}}}]}}"#),
        format!(r#"{{{close},"steps":[{{"call":"Close","on":"sset","on":"sset"}}]}}"#),
    ];
    let mine = at("mine");
    fs::create_dir(&mine).expect("a folder");
    let refused = |words: &[&str]| {
        let output = told(words);
        assert!(output.contains("duplicate field `"), "{output}");
        assert!(output.ends_with("exit 65\n"), "{output}");
    };
    for text in scenarios {
        fs::write(mine.join("s.json"), text).expect("it is written");
        refused(&["run", "--scenarios", word(&mine)]);
    }
    let written = |name: &str, text: &str| {
        fs::write(at(name), text).expect("it is written");
        at(name)
    };
    let header = r#"{"vdi":"trace/1","interfaces":{"cset2":"primary","cset2":"primary"}}"#;
    refused(&["check", word(&written("t.jsonl", header))]);
    let profile = r#"{"readings":{"available-count":"exact","available-count":"exact"}}"#;
    refused(&["run", "--profile", word(&written("p.json", profile))]);
    let baseline = r#"{"vdi":"baseline/1","known":[],"known":[]}"#;
    refused(&["run", "--baseline", word(&written("b.json", baseline))]);
    let campaign = r#"{"vdi":"campaign/1","problems":{"a":1,"a":2}}"#;
    refused(&["merge", word(&written("c.json", campaign))]);
}

/// Of every log of the tests, and the exit code that stands in it is the command's.
#[test]
fn diagnoses() {
    let schema = schema("diagnosis.v1");
    let logs = Path::new(env!("CARGO_MANIFEST_DIR")).join("diagnose/tests/logs");
    let mut seen = [0; 3];
    for case in fs::read_dir(logs).expect("the logs").map(|case| case.expect("a case").path()) {
        let entries =
            fs::read_dir(&case).expect("a case").map(|entry| entry.expect("an entry").path());
        let (traces, files): (Vec<_>, Vec<_>) = entries
            .partition(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
        let mut words = vec!["diagnose", "--format", "json"];
        words.extend(traces.iter().flat_map(|trace| ["--trace", word(trace)]));
        words.extend(files.iter().map(|file| word(file)));
        let output = vdi(&words);
        let found: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        is_valid(&schema, &found);
        let code = output.status.code().expect("it exits");
        assert_eq!(found["exitCode"], code, "{words:?}");
        seen[usize::try_from(code).expect("a code")] += 1;
        let mut broken = found.clone();
        broken["operations"][0]["ended"]["by"] = json!("somebody");
        assert!(!schema.is_valid(&broken), "{words:?}");
    }
    assert!(seen.iter().all(|count| *count > 0), "each exit code is seen: {seen:?}");
}
