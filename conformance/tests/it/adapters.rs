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
    if KIND == "nulls":
        message["out" if message["op"] == "return" else "position"] = None
    if KIND == "decimals" and "id" in message:
        message["id"] = float(message["id"])
    line = json.dumps(message)
    if KIND == "twice" and "id" in message:
        line = line[:-1] + ', "id": 1}'
    if KIND == "mark" and message["op"] == "hello":
        line = "\ufeff" + line
    end = {"blank-lines": "\n\n \n", "carriage-return": "\r"}.get(KIND, "\n")
    sys.stdout.buffer.write((line + end).encode())
    sys.stdout.buffer.flush()

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
        version = 3 if KIND == "version" and once() else 1
        if KIND == "early-silence" and once():
            time.sleep(60)
        if KIND == "no-greeting":
            sys.exit("cannot find my library")
        offers = ["server", "client", "settle"]
        more = {}
        if KIND == "surplus":
            more = {"surplus": True, "declares": {"colour": "blue"}}
            offers.append("flying")
        if KIND in ("late", "never"):
            offers.remove("settle")
        if KIND == "one-half":
            offers.remove("client")
        if KIND.endswith("its-word"):
            more["functions"] = {"server": ["Close", "Open"] if KIND == "breaks-its-word" else ["Open"]}
        send(op="hello", protocol=version, implementation={"name": "troubled", "version": "1"},
             offers=offers, **more)
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
        if KIND == "never" or KIND == "mute":
            continue
        if KIND == "late":
            time.sleep(0.2)
        if KIND == "wrong-status":
            status = "FINE"
        if KIND == "breaks-its-word" or KIND == "lazy" and not once():
            send(op="unsupported", id=message["id"], reason="not today")
            continue
        if KIND == "impossible" and once():
            send(op="callback", lane="server.agent", command="never-sent",
                 completion="ERROR_SUCCESS", bytes=0)
        if KIND == "own" and once():
            send(op="trouble", message="the bridge to the library is down")
        send(op="return", id=message["id"], lane=message["lane"], status=status)
    elif op == "settle" and KIND != "mute":
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
    let ids = ["one", "two", "three", "four"];
    let several = ["mute", "lazy", "keeps-its-word", "breaks-its-word"].contains(&kind);
    for id in &ids[..if several { 4 } else { 3 }] {
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
        match kind {
            "mute" | "never" | "silence" | "early-silence" => "4",
            _ => "60",
        },
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
    one_fails("version", "wrong-protocol-version", "speaks protocol version 3, expected 1 to 2");
}

/// One of version 1 has one set interface in each process: what needs more is not asked of
/// it, and told.
#[test]
fn version_1_is_not_asked_for_a_second_set() {
    let folder = TempDir::new().expect("a temporary folder");
    let scenarios = folder.path().join("scenarios");
    fs::create_dir(&scenarios).expect("made");
    let two = SCENARIO.replace(
        r#""steps": ["#,
        r#""interfaces": { "sset2": "server" },
  "steps": [{ "call": "Close", "on": "sset2", "expect": "VD_E_PROTOCOL" }, "#,
    );
    fs::write(scenarios.join("two.json"), two.replace("ID", "two")).expect("written");
    for number in 0..8 {
        let (id, file) = (format!("one{number}"), format!("{number}.json"));
        fs::write(scenarios.join(file), SCENARIO.replace("ID", &id)).expect("written");
    }
    let script = folder.path().join("adapter.py");
    fs::write(&script, TROUBLED).expect("written");
    let state = folder.path().join("state");
    let adapter = format!("python3 '{}' sound '{}'", word(&script), word(&state));
    let words = ["run", "--jobs", "1", "--scenarios", word(&scenarios), "--adapter", &adapter];
    let text = told(&words);
    assert!(text.contains("what was not offered: interfaces 1"), "{text}");
    assert!(text.contains("9 scenarios: 8 conformant, 1 not offered"), "{text}");
    assert!(text.ends_with("exit 0\n"), "{text}");
    // The others make it.
    let text = told(&["run", "--scenarios", word(&scenarios)]);
    assert!(text.contains("9 scenarios: 9 conformant"), "{text}");
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

/// Whatever the rule about messages allows is read the same with `--strict`.
#[test]
fn what_the_rule_about_messages_allows() {
    for kind in ["surplus", "nulls", "blank-lines", "carriage-return", "mark", "decimals"] {
        for strict in [&[][..], &["--strict"][..]] {
            let text = run(kind, strict);
            assert!(text.ends_with("exit 0\n"), "{kind} {strict:?}: {text}");
        }
    }
}

#[test]
fn a_wrong_field_is_named_whether_strict_or_not() {
    for strict in [&[][..], &["--strict"][..]] {
        let flat = flat(&run("wrong-status", strict));
        assert!(flat.contains("`return`: `status` is \"FINE\": "), "{flat}");
        assert!(!flat.contains("oneOf"), "{flat}");
        let flat = self::flat(&run("twice", strict));
        assert!(flat.contains("the field `id` is there twice"), "{flat}");
    }
}

fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn its_last_words_before_the_greeting() {
    let text = run("no-greeting", &[]);
    assert_eq!(text.matches("cannot find my library").count(), 1, "{text}");
    assert!(text.contains("by hand   echo '{\"op\":\"hello\""), "{text}");
    assert!(flat(&text).contains("likewise and 2 more"), "{text}");
    assert!(text.ends_with("exit 69\n"), "{text}");
}

#[test]
fn what_is_late_is_waited_for_unless_the_model_allows_it_to_block() {
    // Without `settle`, and each answer later than the silence that means rest.
    let text = run("late", &["--grace", "20"]);
    assert!(text.ends_with("exit 0\n"), "{text}");
}

#[test]
fn what_silence_decided_says_so() {
    let text = run("never", &["--grace", "20"]);
    assert!(flat(&text).contains("silence that lanes were blocked was told by 20ms"), "{text}");
    assert!(text.contains("--grace"), "{text}");
    assert!(text.ends_with("exit 1\n"), "{text}");
}

#[test]
fn whoever_never_answers_is_given_up() {
    let text = run("mute", &["--verbose"]);
    assert_eq!(text.matches("gave no answer").count(), 3, "{text}");
    assert!(flat(&text).contains("3 scenarios in a row did not come to an end"), "{text}");
}

#[test]
fn whoever_offers_function_by_function_is_held_to_it() {
    let text = run("breaks-its-word", &[]);
    let says = "answers `unsupported` to `server.Close`, which it offers: not today";
    assert!(flat(&text).contains(says), "{text}");
    assert!(text.ends_with("exit 1\n"), "{text}");
    let text = run("keeps-its-word", &[]);
    assert!(flat(&text).contains("what was not offered: server.Close 4"), "{text}");
    assert!(text.ends_with("exit 2\n"), "{text}");
}

#[test]
fn whoever_offers_little_is_not_green() {
    let text = run("lazy", &[]);
    assert!(text.contains("1 conformant, 3 not offered"), "{text}");
    assert!(flat(&text).contains("what was not offered: server.Close 3"), "{text}");
    assert!(text.ends_with("exit 2\n"), "{text}");
}

#[test]
fn what_is_not_offered_may_be_known() {
    let folder = TempDir::new().expect("a temporary folder");
    let known = folder.path().join("known.json");
    let text = run("lazy", &["--write-baseline", word(&known), "--reason", "half a library"]);
    assert!(text.ends_with("exit 2\n"), "{text}");
    let text = run("lazy", &["--baseline", word(&known)]);
    assert!(text.ends_with("exit 0\n"), "{text}");
    // What is offered after all must not be listed.
    let text = run("sound", &["--baseline", word(&known)]);
    assert!(text.contains("STALE  server.Close"), "{text}");
    assert!(text.ends_with("exit 1\n"), "{text}");
}

#[test]
fn a_half_alone_can_be_asked_for() {
    let text = run("one-half", &["--role", "server"]);
    assert!(text.contains("only the server half was asked for, 0 scenarios not"), "{text}");
    assert!(text.ends_with("exit 0\n"), "{text}");
    let text =
        told(&["run", "--role", "client", "--reference", "--scenario", "server/close/twice"]);
    assert!(text.contains("each of these scenarios needs both halves"), "{text}");
}

#[test]
fn an_adapter_that_never_starts_is_given_up() {
    let text = told(&["run", "--adapter", "false", "--jobs", "1", "--filter", "server/open/"]);
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains("3 starts in a row failed; not tried again"), "{text}");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/server/open");
    // Three are tried, of the others one is shown.
    let more = fs::read_dir(folder).expect("the scenarios").count() - 3 - 1;
    assert!(flat.contains(&format!("likewise and {more} more (--verbose)")), "{text}");
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

/// The clauses, and the party they bind, that defects are blamed on in scenarios of servers.
fn blamed(changes: &[(&str, &str, &str)], clauses: &[&str]) {
    let folder = TempDir::new().expect("a temporary folder");
    let adapter = broken_python(folder.path(), changes);
    let text = told(&["run", "--adapter", &adapter, "--filter", "server/", "--format", "json"]);
    let text = text.split_once('\n').map_or("", |(_, rest)| rest);
    let text = text.rsplit_once("exit ").map_or("", |(json, _)| json);
    let report: serde_json::Value = serde_json::from_str(text).expect("a JSON report");
    let scenarios = report["scenarios"].as_array().expect("scenarios");
    let failed: Vec<_> = scenarios.iter().filter(|s| s["verdict"] != "conformant").collect();
    assert!(!failed.is_empty(), "the defect survives");
    let parties: Vec<_> = failed.iter().map(|s| &s["detail"]["party"]).collect();
    for clause in clauses {
        let by_clause = failed.iter().any(|s| s["detail"]["clause"] == *clause);
        assert!(by_clause, "{clause} is not blamed: {failed:?}");
    }
    assert!(parties.iter().all(|party| *party == "interface"), "{parties:?}");
}

/// What a call gives is told, or it is no answer; a number that is missing is 0, which is judged.
#[test]
fn what_a_call_gives_is_told() {
    let gets = "        out[\"buffer\"] = command.buffer.context or \"?\"\n    return status, out";
    let without = |field: &str| {
        let changed =
            gets.replace("\n    return", &format!("\n    out.pop(\"{field}\", None)\n    return"));
        (gets.to_owned(), changed)
    };
    let nothing = |given: &str| (given.to_owned(), "return status, None".to_owned());
    let silent = [
        ("out.config", nothing("return status, {\"config\": config}"), "server/"),
        ("out.count", nothing("return status, {\"count\": count}"), "buffers/"),
        ("out.shared", nothing("return status, {\"shared\": shared}"), "buffers/"),
        ("out.buffer", nothing("return status, {\"buffer\": buffer.context or \"?\"}"), "buffers/"),
        ("out.command", without("command"), "runs/"),
        ("out.code", without("code"), "runs/"),
        ("out.buffer", without("buffer"), "runs/"),
        ("client.get-command.as-sent", without("size"), "runs/"),
        ("client.get-command.as-sent", without("position"), "callbacks/"),
    ];
    for (says, (old, new), filter) in silent {
        let folder = TempDir::new().expect("a temporary folder");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("adapters/python/calls.py");
        let before = fs::read_to_string(source).expect("the adapter");
        let adapter = broken_python(folder.path(), &[]);
        assert!(before.contains(&old), "the adapter has changed: {old}");
        fs::write(folder.path().join("calls.py"), before.replace(&old, &new)).expect("written");
        let text = told(&["run", "--adapter", &adapter, "--filter", filter, "--max-fail", "1"]);
        assert!(flat(&text).contains(says), "{says}: {text}");
        assert!(!text.ends_with("exit 0\n"), "{says}: {text}");
    }
}

#[test]
fn python_with_a_wrong_status() {
    let change = ("vdi_server.py", "answer = VD_E_PROTOCOL", "answer = NOERROR");
    blamed(&[change], &["server.close.devices-open.status"]);
}

#[test]
fn python_with_a_wrong_completion_code() {
    let change = (
        "vdi.py",
        "command.answer(ERROR_OPERATION_ABORTED)\n        self._due = deque",
        "command.answer(ERROR_SUCCESS)\n        self._due = deque",
    );
    blamed(&[change], &["server.close.devices-open.callbacks"]);
}

#[test]
fn python_with_a_wrong_order() {
    let change = ("vdi.py", "device.queue.popleft()", "device.queue.pop()");
    blamed(&[change], &["client.get-command.delivers"]);
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
    let clauses =
        ["server.close.devices-open.status", "abort.callbacks", "client.get-command.delivers"];
    blamed(&changes, &clauses);
}
