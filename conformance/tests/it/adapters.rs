//! Adapters that misbehave: each way is a verdict of its own for its scenario,
//! the adapter is started anew and the run goes on. And a copy of the Python
//! adapter with three defects, each caught by the right clause.

use std::fs;
use std::path::Path;

use crate::support::{told, word};
use tempfile::TempDir;

/// A tiny adapter that misbehaves in the second scenario it is given.
const TROUBLED: &str = r#"
import json, os, sys, time

KIND = sys.argv[1]
STATE = sys.argv[2]

def send(**message):
    print(json.dumps(message), flush=True)

# The misbehaviour comes once, whichever process it falls on.
def once():
    try:
        os.close(os.open(STATE, os.O_CREAT | os.O_EXCL))
        return True
    except FileExistsError:
        return False

for line in sys.stdin:
    message = json.loads(line)
    op = message["op"]
    if op == "hello":
        version = 2 if KIND == "version" and once() else 1
        if KIND == "early-silence" and once():
            time.sleep(60)
        send(op="hello", protocol=version, implementation={"name": "troubled", "version": "1"},
             offers=["server", "client", "settle"], surplus=KIND == "surplus")
    elif op == "reset":
        if KIND == "crash" and once():
            print("about to fall", file=sys.stderr, flush=True)
            os._exit(3)
        if KIND == "garbage" and once():
            print("Traceback (most recent call last):", flush=True)
        if KIND == "silence" and once():
            time.sleep(60)
        send(op="ready")
    elif op == "call":
        status = "VD_E_PROTOCOL" if message["call"] != "Open" else "VD_E_INVALID"
        if KIND == "impossible" and once():
            send(op="callback", lane="server.agent", command="never-sent",
                 completion="ERROR_SUCCESS", bytes=0)
        if KIND == "own" and once():
            send(op="trouble", message="the bridge to the library is down")
        send(op="return", id=message["id"], lane=message["lane"], status=status)
    elif op == "settle":
        send(op="settled", id=message["id"], inCall=["server.main"] if KIND == "lanes" and once() else [])
    elif op == "bye":
        sys.exit(0)
"#;

const SCENARIO: &str = r#"{
  "id": "ID",
  "title": "Close on an interface that was never opened",
  "clauses": ["server.close.not-open", "server.open.first"],
  "parties": ["interface", "server"],
  "misuse": ["server.open.first"],
  "steps": [{ "call": "Close", "on": "sset", "expect": "VD_E_PROTOCOL" }]
}
"#;

fn run(kind: &str, more: &[&str]) -> String {
    let folder = TempDir::new().expect("a temporary folder");
    let scenarios = folder.path().join("scenarios");
    fs::create_dir(&scenarios).expect("made");
    for id in ["one", "two", "three"] {
        fs::write(scenarios.join(format!("{id}.json")), SCENARIO.replace("ID", id))
            .expect("written");
    }
    let script = folder.path().join("troubled.py");
    fs::write(&script, TROUBLED).expect("written");
    let adapter =
        format!("python3 {} {kind} {}", word(&script), word(&folder.path().join("happened")));
    let mut words = vec![
        "run",
        "--jobs",
        "1",
        "--timeout",
        if kind.ends_with("silence") { "4" } else { "60" },
        "--scenarios",
        word(&scenarios),
        "--adapter",
        &adapter,
    ];
    words.extend(more);
    told(&words).replace(word(folder.path()), "FOLDER")
}

/// One scenario fails with this verdict, the two others conform.
fn one_fails(kind: &str, verdict: &str, says: &str) {
    let text = run(kind, &[]);
    let heads: Vec<&str> = text.lines().filter(|line| line.starts_with("FAIL")).collect();
    assert_eq!(heads.len(), 1, "{text}");
    assert!(heads[0].ends_with(verdict), "{text}");
    assert!(text.contains("3 scenarios: 2 conformant, 1 failed"), "{text}");
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains(says), "{text}");
    assert!(text.ends_with("exit 1\n"), "{text}");
}

#[test]
fn a_crash() {
    one_fails(
        "crash",
        "crashed",
        "ended (exit status: 3), expected an answer stderr about to fall",
    );
}

#[test]
fn garbage() {
    one_fails("garbage", "garbage", "the line: Traceback (most recent call last):");
}

#[test]
fn silence() {
    one_fails("silence", "silent", "gave no answer to `reset` within 4s");
}

#[test]
fn silence_at_the_greeting() {
    one_fails("early-silence", "silent", "gave no answer to `hello` within 4s");
}

#[test]
fn another_version() {
    one_fails("version", "wrong-protocol-version", "speaks protocol version 2, expected 1");
}

#[test]
fn what_cannot_have_happened() {
    one_fails("impossible", "garbage", "`never-sent` is no command that SendCommand sent");
}

#[test]
fn lanes_that_do_not_add_up() {
    one_fails("lanes", "garbage", "expected `inCall` to be the lanes without a return");
}

#[test]
fn trouble_of_its_own() {
    one_fails("own", "adapter-trouble", "the bridge to the library is down");
}

#[test]
fn surplus_fields_matter_only_when_strict() {
    let lenient = run("surplus", &[]);
    assert!(lenient.ends_with("exit 0\n"), "{lenient}");
    let strict = run("surplus", &["--strict"]);
    assert!(strict.contains("against the schema"), "{strict}");
    // It already fails at the greeting, so it is never reached.
    assert!(strict.ends_with("exit 69\n"), "{strict}");
}

#[test]
fn an_adapter_that_never_starts_is_given_up() {
    let text = told(&["run", "--adapter", "false", "--jobs", "1", "--filter", "server/open/"]);
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains("3 starts in a row failed; not tried again"), "{text}");
    assert!(flat.contains("and 3 more scenarios, not started either"), "{text}");
    assert!(text.ends_with("exit 69\n"), "{text}");
}

/// A copy of the Python adapter in which `old` is replaced by `new`.
fn broken_python(into: &Path, changes: &[(&str, &str, &str)]) -> String {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("adapters/python");
    for entry in fs::read_dir(source).expect("the adapter's folder") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "py") {
            fs::copy(&path, into.join(path.file_name().expect("a name"))).expect("copied");
        }
    }
    for (file, old, new) in changes {
        let path = into.join(file);
        let text = fs::read_to_string(&path).expect("the file");
        assert_eq!(text.matches(old).count(), 1, "{file} has changed: `{old}`");
        fs::write(&path, text.replace(old, new)).expect("written");
    }
    format!("python3 {}", word(&into.join("tiny_vdi.py")))
}

/// The clause, and the party it binds, that a defect is blamed on.
fn blamed(changes: &[(&str, &str, &str)], clause: &str) {
    let folder = TempDir::new().expect("a temporary folder");
    let adapter = broken_python(folder.path(), changes);
    let text = told(&["run", "--adapter", &adapter, "--format", "json"]);
    let text = text.split_once('\n').map_or("", |(_, rest)| rest);
    let text = text.rsplit_once("exit ").map_or("", |(json, _)| json);
    let report: serde_json::Value = serde_json::from_str(text).expect("a JSON report");
    let scenarios = report["scenarios"].as_array().expect("scenarios");
    let failed: Vec<_> = scenarios.iter().filter(|s| s["verdict"] != "conformant").collect();
    assert!(!failed.is_empty(), "the defect survives");
    let by_clause = failed.iter().filter(|s| s["detail"]["clause"] == clause).count();
    let parties: Vec<_> = failed.iter().map(|s| &s["detail"]["party"]).collect();
    assert!(by_clause > 0, "{clause} is not blamed: {failed:?}");
    assert!(parties.iter().all(|party| *party == "interface"), "{parties:?}");
}

#[test]
fn python_with_a_wrong_status() {
    let change = ("vdi_server.py", "answer = VD_E_PROTOCOL", "answer = NOERROR");
    blamed(&[change], "server.close.devices-open.status");
}

#[test]
fn python_with_a_wrong_completion_code() {
    let change = (
        "vdi.py",
        "command.answer(ERROR_OPERATION_ABORTED)\n        self._due = deque",
        "command.answer(ERROR_SUCCESS)\n        self._due = deque",
    );
    blamed(&[change], "server.close.devices-open.callbacks");
}

#[test]
fn python_with_a_wrong_order() {
    let change = ("vdi.py", "device.queue.popleft()", "device.queue.pop()");
    blamed(&[change], "client.get-command.delivers");
}

#[test]
fn python_with_all_three() {
    let changes = [
        ("vdi_server.py", "answer = VD_E_PROTOCOL", "answer = NOERROR"),
        (
            "vdi.py",
            "command.answer(ERROR_OPERATION_ABORTED)\n        self._due = deque",
            "command.answer(ERROR_SUCCESS)\n        self._due = deque",
        ),
        ("vdi.py", "device.queue.popleft()", "device.queue.pop()"),
    ];
    for clause in
        ["server.close.devices-open.status", "abort.callbacks", "client.get-command.delivers"]
    {
        blamed(&changes, clause);
    }
}
