//! `vdi readings`: which readings an implementation follows, run or recorded.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::cli::code;
use crate::support::{snapshot, told, vdi, word};

#[test]
fn readings_are_found() {
    let folder = TempDir::new().expect("a temporary folder");
    let file = folder.path().join("found.json");
    let found = told(&["readings", "--output", word(&file)]);
    let found = found.replace(word(&file), "found.json");
    let profile = fs::read_to_string(&file).expect("a profile");
    assert_eq!(code(&["run", "--filter", "readings/", "--profile", word(&file)]), 0);
    let broken = told(&["readings", "--defect", "server-close-no-abort"]);
    snapshot("cli", "readings", &format!("{found}\n{profile}\n{broken}"));
    // An implementation that cannot be started follows nothing.
    assert_eq!(code(&["readings", "--adapter", "false"]), 69);
}

/// The recordings of the repository say which readings they decide, and name for the others a
/// scenario that would.
#[test]
fn recordings_decide_readings() {
    // Not those of real implementations, of which more come.
    let folder = tempfile::tempdir().expect("a folder");
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/recorded");
    for entry in fs::read_dir(place).expect("the recordings").flatten() {
        if entry.path().is_file() {
            fs::copy(entry.path(), folder.path().join(entry.file_name())).expect("copied");
        }
    }
    let found = told(&["readings", "--traces", word(folder.path())]);
    let found = found.replace(word(folder.path()), "scenarios/recorded");
    snapshot("cli", "readings-of-recordings", &found);
}

/// A server closes with its device open, and its Close answers this.
fn closed_early(folder: &Path, name: &str, status: &str) {
    let lines = [
        r#"{"vdi":"trace/1"}"#.to_owned(),
        r#"{"lane":"primary.main","call":"Create","on":"cset","args":{"name":"S","config":{"deviceCount":1}}}"#.to_owned(),
        r#"{"lane":"primary.main","return":"NOERROR"}"#.to_owned(),
        r#"{"lane":"server.main","call":"Open","on":"sset","args":{"name":"S"}}"#.to_owned(),
        r#"{"lane":"server.main","return":"NOERROR"}"#.to_owned(),
        r#"{"lane":"server.main","call":"BeginConfiguration","on":"sset","args":{"blockSize":512,"maxTransferSize":65536,"features":["WriteMedia"]}}"#.to_owned(),
        r#"{"lane":"server.main","return":"NOERROR"}"#.to_owned(),
        r#"{"lane":"server.main","call":"EndConfiguration","on":"sset"}"#.to_owned(),
        r#"{"lane":"server.main","return":"NOERROR"}"#.to_owned(),
        r#"{"lane":"server.main","call":"OpenDevice","on":"sset","as":"s1","args":{"name":"S"}}"#.to_owned(),
        r#"{"lane":"server.main","return":"NOERROR"}"#.to_owned(),
        r#"{"lane":"server.main","call":"Close","on":"sset"}"#.to_owned(),
        format!(r#"{{"lane":"server.main","return":"{status}"}}"#),
    ];
    fs::write(folder.join(name), lines.join("\n") + "\n").expect("a trace");
}

fn answer(words: &[&str], question: &str) -> serde_json::Value {
    let output = vdi(words);
    let text = String::from_utf8(output.stdout).expect("text");
    let mut lines = text.lines().map(|line| serde_json::from_str(line).expect("JSON"));
    lines
        .find(|line: &serde_json::Value| line["question"] == question)
        .expect("an answer to the question")
}

/// What the recordings of one implementation say is its profile; of two that differ no reading
/// explains both.
#[test]
fn recordings_contradict_each_other() {
    let (folder, file) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
    let (traces, profile) = (word(folder.path()), file.path().join("found.json"));
    let words = ["readings", "--traces", traces, "--format", "json", "--output", word(&profile)];
    closed_early(folder.path(), "one.jsonl", "NOERROR");
    assert_eq!(code(&words), 0);
    let found = answer(&words, "server-close-devices-open");
    assert_eq!((&found["found"], &found["of"]), (&"one".into(), &"noerror".into()));
    assert_eq!(found["traces"], serde_json::json!(["one.jsonl"]));
    let one = folder.path().join("one.jsonl");
    let checked = ["check", "--profile", word(&profile), "--party", "interface", word(&one)];
    assert_eq!(code(&checked), 0);
    closed_early(folder.path(), "other.jsonl", "VD_E_PROTOCOL");
    assert_eq!(code(&words), 1);
    assert_eq!(answer(&words, "server-close-devices-open")["found"], "inconsistent");
    // What is wrong under every reading says nothing of any.
    closed_early(folder.path(), "other.jsonl", "VD_E_TIMEOUT");
    assert_eq!(code(&words), 0);
    let found = answer(&words, "server-close-devices-open");
    assert_eq!(
        (&found["of"], &found["failing"]),
        (&"noerror".into(), &serde_json::json!(["other.jsonl"]))
    );
}

#[test]
fn recordings_that_are_not_there() {
    let folder = TempDir::new().expect("a folder");
    let of = |path: &Path| {
        told(&["readings", "--traces", word(path)]).replace(word(folder.path()), "FOLDER")
    };
    let empty = of(folder.path());
    assert!(empty.contains("no trace in it") && empty.ends_with("exit 65\n"), "{empty}");
    let missing = of(&folder.path().join("missing.jsonl"));
    assert!(missing.contains("missing.jsonl") && missing.ends_with("exit 65\n"), "{missing}");
    fs::write(folder.path().join("one.jsonl"), "{}\n").expect("a file");
    let bad = of(folder.path());
    assert!(bad.contains("one.jsonl:1") && bad.ends_with("exit 65\n"), "{bad}");
}
