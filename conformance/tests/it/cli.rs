//! The command as a person meets it: help, results, errors, exit codes.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{snapshot, told, vdi, word};
use tempfile::TempDir;

const PYTHON: &str = "python3 conformance/adapters/python/tiny_vdi.py";

pub(crate) fn code(words: &[&str]) -> i32 {
    vdi(words).status.code().expect("it exits by itself")
}

pub(crate) fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().expect("a temporary folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        fs::write(path, text).expect("written");
    }
    folder
}

/// What is told, with the temporary folder's name left out.
pub(crate) fn told_in(folder: &Path, words: &[&str]) -> String {
    told(words).replace(word(folder), "FOLDER")
}

#[test]
fn help() {
    let mut text = String::new();
    for words in [
        &["--help"][..],
        &["run", "--help"],
        &["check", "--help"],
        &["replay", "--help"],
        &["list", "--help"],
        &["explain", "--help"],
        &["table", "--help"],
        &["explore", "--help"],
        &["gate", "--help"],
        &["probe", "--help"],
        &["redact", "--help"],
        &["serve", "--help"],
        &["sqlcmd", "-?"],
        &["simulate", "--help"],
        &["merge", "--help"],
        &["shrink", "--help"],
        &["init", "--help"],
        &["install", "--help"],
        &["join", "--help"],
        &["diagnose", "--help"],
    ] {
        text.push_str(&told(words));
        text.push('\n');
    }
    // And every other command that there is.
    let all = told(&["--help"]);
    let names = all.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let is_command = |name: &&str| name.starts_with(|c: char| c.is_ascii_lowercase());
    for name in names.filter(is_command).filter(|name| *name != "help") {
        if !text.contains(&format!("$ vdi {name} ")) {
            text.push_str(&told(&[name, "--help"]));
            text.push('\n');
        }
    }
    snapshot("cli", "help", &text);
}

#[test]
fn the_main_job() {
    let plain = told(&[]);
    assert!(plain.ends_with("exit 0\n"), "{plain}");
    assert_eq!(plain.lines().count(), 3, "quiet on success: {plain}");
    assert_eq!(plain.replace("$ vdi \n", ""), told(&["run"]).replace("$ vdi run\n", ""));
}

#[test]
fn an_implementation_in_another_language() {
    let text = told(&["run", "--adapter", PYTHON, "--strict", "--jobs", "2"]);
    snapshot("suite", "python", &text);
}

#[test]
fn explanations() {
    let mut text = String::new();
    for what in [
        "server.close.devices-open.status",
        "VD_E_PROTOCOL",
        "0x8077000F",
        "995",
        "Complete",
        "RandomAccess",
        "server-close-devices-open",
        "queue-depth=four",
        "linux",
        "DevicesOpen",
        "OpenDevice",
        "IsSharedBuffer",
        "GetBufferHandle",
        "serverTimeOut",
        "VDF_LikePipe",
        "LikeTape",
        "LikeDisk|Removable",
        "HRESULT_FROM_WIN32(995)",
        "0x80070005",
    ] {
        text.push_str(&told(&["explain", what]));
        text.push('\n');
    }
    snapshot("cli", "explain", &text);
    snapshot("cli", "explain-spanish", &told(&["explain", "--language", "es"]));
}

#[test]
fn lists() {
    for topic in ["scenarios", "clauses", "readings", "profiles", "mutants", "parties"] {
        let text = told(&["list", topic]);
        assert!(text.ends_with("exit 0\n"), "{text}");
        snapshot("cli", &format!("list-{topic}"), &text);
    }
    snapshot("cli", "list-steps", &told(&["list", "--steps", "server/close/delivered-command"]));
}

#[test]
fn tables() {
    for machine in ["set", "server", "client", "device"] {
        let mut text = String::new();
        for format in ["drawn", "markdown", "csv", "mermaid"] {
            text.push_str(&told(&["table", machine, "--format", format]));
            text.push('\n');
        }
        snapshot("cli", &format!("table-{machine}"), &text);
    }
}

/// The tables' own readings give the documented tables, and a profile from a
/// file what it says.
#[test]
fn tables_by_other_profiles() {
    use vdi_sim::explore::{DOCUMENTED_CLIENT, DOCUMENTED_SERVER};

    let mut text = String::new();
    for (machine, documented) in [("server", DOCUMENTED_SERVER), ("client", DOCUMENTED_CLIENT)] {
        let words = ["table", machine, "--profile", "documented-tables", "--format"];
        let csv = vdi(&[&words[..], &["csv"]].concat());
        assert_eq!(csv.stdout, documented.as_bytes(), "{machine}");
        text.push_str(&told(&[&words[..], &["markdown"]].concat()));
        text.push('\n');
    }
    let mine = r#"{"base": "documented-tables", "readings": {"active-entry": "all-open-and-agent",
        "server-close-devices-open": "protocol-error", "close-and-agent-order": "close-waits"}}"#;
    let folder = folder(&[("mine.json", mine)]);
    let file = folder.path().join("mine.json");
    let words = ["table", "server", "--profile", word(&file)];
    text.push_str(&told_in(folder.path(), &words));
    snapshot("cli", "table-profiles", &text);
}

#[test]
fn wrong_words() {
    let mut text = String::new();
    for words in [
        &["explain", "VD_E_PROTOCAL"][..],
        &["run", "--filter", "server/clsoe"],
        &["run", "--profile", "linus"],
        &["run", "--defect", "server-close-noeror"],
        &["run", "--adapter", "no-such-command --at all"],
        &["run", "--adapter", "'open quotation"],
        &["run", "--timeout", "0"],
        &["replay", "server/close/delivered-comand"],
        &["list", "--steps", "nothing"],
        &["explain", "0x80770001"],
        &["explain", "VD_E_ABORT", "--language", "es"],
        &["table", "agent"],
        &["table", "server", "--profile", "documented-table"],
        &["frobnicate"],
    ] {
        text.push_str(&told(words));
        text.push('\n');
    }
    snapshot("cli", "wrong-words", &text);
}

const HEADER: &str = "{\"vdi\":\"trace/1\"}\n";

#[test]
fn bad_traces() {
    let cut = format!(
        "{HEADER}{{\"lane\":\"server.main\",\"call\":\"Close\",\"on\":\"sset\"}}\n{{\"lane\":\"serv"
    );
    let unknown =
        format!("{HEADER}{{\"lane\":\"server.main\",\"call\":\"Clsoe\",\"on\":\"sset\"}}\n");
    let surplus =
        format!("{HEADER}{{\"lane\":\"server.main\",\"return\":\"NOERROR\",\"found\":\"gone\"}}\n");
    let alone = format!("{HEADER}{{\"lane\":\"server.main\",\"return\":\"NOERROR\"}}\n");
    let dangling =
        format!("{HEADER}{{\"lane\":\"server.main\",\"call\":\"CloseDevice\",\"on\":\"sdev\"}}\n");
    let seq = format!(
        "{HEADER}{{\"seq\":2,\"lane\":\"server.main\",\"call\":\"Close\",\"on\":\"sset\"}}\n{{\"seq\":2,\"lane\":\"server.main\",\"return\":\"VD_E_PROTOCOL\"}}\n"
    );
    let files = [
        ("cut-off.jsonl", cut.as_str()),
        ("unknown-function.jsonl", &unknown),
        ("surplus-field.jsonl", &surplus),
        ("return-alone.jsonl", &alone),
        ("dangling-handle.jsonl", &dangling),
        ("seq.jsonl", &seq),
        ("empty.jsonl", ""),
        ("other-version.jsonl", "{\"vdi\":\"trace/9\"}\n"),
        ("no-header.jsonl", "{\"lane\":\"server.main\",\"return\":\"NOERROR\"}\n"),
    ];
    let folder = folder(&files);
    let mut text = String::new();
    for (name, _) in files {
        let path = folder.path().join(name);
        text.push_str(&told_in(folder.path(), &["check", word(&path)]));
        text.push('\n');
    }
    text.push_str(&told_in(folder.path(), &["check", word(&folder.path().join("missing.jsonl"))]));
    snapshot("cli", "bad-traces", &text);
}

/// What was judged before a trace broke off is not lost, and a violation stands.
#[test]
fn a_violation_before_the_end_of_a_broken_trace_stands() {
    let text = format!(
        "{HEADER}{{\"lane\":\"server.main\",\"call\":\"Close\",\"on\":\"sset\"}}\n{{\"lane\":\"server.main\",\"return\":\"NOERROR\"}}\n{{\"lane\":"
    );
    let folder = folder(&[("t.jsonl", &text)]);
    let path = folder.path().join("t.jsonl");
    snapshot("cli", "violation-then-broken", &told_in(folder.path(), &["check", word(&path)]));
}

pub(crate) fn scenario(change: impl Fn(&str) -> String) -> String {
    change(
        r#"{
  "id": "a/b",
  "title": "Close on an interface that was never opened",
  "clauses": ["server.close.not-open", "server.open.first"],
  "parties": ["interface", "server"],
  "misuse": ["server.open.first"],
  "steps": [
    { "call": "Close", "on": "sset", "expect": "VD_E_PROTOCOL" }
  ]
}
"#,
    )
}

#[test]
fn bad_scenarios() {
    let good = scenario(str::to_owned);
    let other = |call: &str, on: &str| good.replace("\"Close\"", call).replace("sset", on);
    let cases: Vec<(&str, String)> = vec![
        ("unknown-field", good.replace("\"title\"", "\"titel\"")),
        ("unknown-clause", good.replace("close.not-open\"", "close.not-opn\"")),
        ("dangling-handle", good.replace("\"sset\"", "\"sst\"")),
        ("type-error", good.replace("\"VD_E_PROTOCOL\"", "true")),
        ("unknown-code", good.replace("VD_E_PROTOCOL", "VD_E_PROTOCAL")),
        ("unknown-step-field", good.replace("\"expect\"", "\"expects\"")),
        ("wrong-party", good.replace("[\"interface\", \"server\"]", "[\"server\"]")),
        ("wrong-argument", good.replace("\"expect\"", "\"args\": { \"size\": 1 }, \"expect\"")),
        ("wrong-lane", good.replace("\"expect\"", "\"lane\": \"primary.main\", \"expect\"")),
        ("secondary-creates", other(r#""Create", "args": { "name": "S", "config": {} }"#, "x1set")),
        (
            "code-of-no-command",
            other(r#""SendCommand", "as": "q", "args": { "code": "ERROR_SUCCESS" }"#, "sdev1"),
        ),
        (
            "missing-reading",
            good.replace(
                "\"VD_E_PROTOCOL\"",
                "{ \"signal-abort-not-open=noerror\": \"NOERROR\" }",
            ),
        ),
        ("no-steps", good.replace("\n    { \"call\": \"Close\", \"on\": \"sset\", \"expect\": \"VD_E_PROTOCOL\" }\n  ", "")),
        ("cut-off", good[..good.len() / 2].to_owned()),
    ];
    let mut text = String::new();
    for (name, content) in &cases {
        let folder = folder(&[(&format!("{name}.json"), content)]);
        text.push_str(&told_in(folder.path(), &["run", "--scenarios", word(folder.path())]));
        text.push('\n');
    }
    snapshot("cli", "bad-scenarios", &text);
}

#[test]
fn bad_folders() {
    let empty = folder(&[]);
    let text = told_in(empty.path(), &["run", "--scenarios", word(empty.path())]);
    assert!(text.ends_with("exit 65\n"), "{text}");
    let good = scenario(str::to_owned);
    let twice = folder(&[("one.json", &good), ("two.json", &good)]);
    let twins = told_in(twice.path(), &["run", "--scenarios", word(twice.path())]);
    assert!(twins.ends_with("exit 65\n"), "{twins}");
    let missing = told(&["run", "--scenarios", "no/such/folder"]);
    assert!(missing.ends_with("exit 65\n"), "{missing}");
    snapshot("cli", "bad-folders", &format!("{text}\n{twins}\n{missing}"));
    assert_eq!(code(&["run", "--scenarios", word(folder(&[("a.json", &good)]).path())]), 0);
}

#[test]
fn failures_in_every_format() {
    let words =
        ["run", "--defect", "forgets-delivered", "--filter", "server/close/delivered-command"];
    for format in ["text", "json", "junit", "markdown"] {
        let mut all = words.to_vec();
        all.extend(["--format", format, "--no-times"]);
        let text = told(&all);
        assert!(text.ends_with("exit 1\n"), "{text}");
        snapshot("report", &format!("failure-{format}"), &text);
    }
    let conformant = ["run", "--filter", "server/close/delivered-command", "--format"];
    for format in ["json", "junit", "markdown"] {
        let mut all = conformant.to_vec();
        all.extend([format, "--no-times"]);
        snapshot("report", &format!("conformant-{format}"), &told(&all));
    }
}

#[test]
fn baselines() {
    let filter = "server/close/delivered-command";
    let known = |scenario: &str, clause: &str, reason: &str| {
        format!(
            "{{\n  \"vdi\": \"baseline/1\",\n  \"known\": [\n    {{ \"scenario\": \"{scenario}\", \"verdict\": \"violation\", \"clause\": \"{clause}\", \"reason\": \"{reason}\" }}\n  ]\n}}\n"
        )
    };
    let right =
        known(filter, "server.close.devices-open.callbacks", "to be mended in the next release");
    let other = known(filter, "server.close.devices-open.status", "of another clause");
    let unreasoned = known(filter, "server.close.devices-open.callbacks", " ");
    let files =
        folder(&[("right.json", &right), ("other.json", &other), ("unreasoned.json", &unreasoned)]);
    let path = |name: &str| files.path().join(name);
    let mut text = String::new();
    for (defect, name) in [
        (Some("forgets-delivered"), "right.json"),
        (None, "right.json"),
        (Some("forgets-delivered"), "other.json"),
        (None, "unreasoned.json"),
        (None, "missing.json"),
    ] {
        let file = path(name);
        let mut words = vec!["run", "--filter", filter, "--baseline", word(&file)];
        if let Some(defect) = defect {
            words.extend(["--defect", defect]);
        }
        text.push_str(&told_in(files.path(), &words));
        text.push('\n');
    }
    snapshot("cli", "baselines", &text);
}

#[test]
fn max_fail_stops_the_run() {
    let text = told(&["run", "--defect", "aborted-as-success", "--max-fail", "1", "--jobs", "1"]);
    let last = text.lines().rev().nth(1).expect("a summary");
    assert!(last.contains("1 failed") && last.contains("not run"), "{last}");
}

#[test]
fn traces_written_by_a_run_can_be_checked_and_replayed() {
    let folder = TempDir::new().expect("a temporary folder");
    let traces = word(folder.path());
    let filter = "server/close/delivered-command";
    assert_eq!(code(&["run", "--filter", filter, "--traces", traces]), 0);
    let trace = folder.path().join(format!("{filter}.jsonl"));
    assert_eq!(code(&["check", word(&trace)]), 0);
    assert_eq!(code(&["replay", word(&trace)]), 0);
    assert_eq!(code(&["replay", word(&trace), "--defect", "forgets-delivered"]), 1);
    // The server's mistake was on purpose, as `provoked` says, or a scenario that also decides
    // when time passes; without either it counts, for its party.
    let text = fs::read_to_string(&trace).expect("a trace");
    let without = text.replace("\"provoked\":[\"server\"],", "");
    assert_ne!(text, without);
    fs::write(&trace, &without).expect("written");
    assert_eq!(code(&["check", word(&trace)]), 0);
    let of_client = text.replace("\"provoked\":[\"server\"]", "\"provoked\":[\"client\"]");
    fs::write(&trace, of_client).expect("written");
    assert_eq!(code(&["check", word(&trace)]), 1);
    let scenario = format!("\"scenario\":\"{filter}\",");
    fs::write(&trace, without.replace(&scenario, "")).expect("written");
    assert_eq!(code(&["check", word(&trace)]), 1);
    assert_eq!(code(&["check", "--party", "interface", word(&trace)]), 0);
    snapshot("cli", "check-misuse", &told_in(folder.path(), &["check", word(&trace)]));
}

/// One device, from Create to the moment at which it is open on both sides and the agent
/// runs.
const OPEN: &str = r#"{"vdi":"trace/1"}
{"lane":"primary.main","call":"CreateEx","on":"cset","args":{"name":"S","config":{"deviceCount":1,"features":[]}}}
{"lane":"primary.main","return":"NOERROR"}
{"lane":"server.main","call":"Open","on":"sset","args":{"name":"S"}}
{"lane":"server.main","return":"NOERROR"}
{"lane":"server.main","call":"BeginConfiguration","on":"sset","args":{"features":["WriteMedia"],"blockSize":512,"maxTransferSize":65536}}
{"lane":"server.main","return":"NOERROR"}
{"lane":"server.main","call":"EndConfiguration","on":"sset"}
{"lane":"server.main","return":"NOERROR"}
{"lane":"primary.main","call":"GetConfiguration","on":"cset","args":{"timeout":"infinite"}}
{"lane":"primary.main","return":"NOERROR"}
{"lane":"server.main","call":"OpenDevice","on":"sset","as":"sdev","args":{"name":"S"}}
{"lane":"server.main","return":"NOERROR"}
{"lane":"primary.main","call":"OpenDevice","on":"cset","as":"cdev","args":{"name":"S"}}
{"lane":"primary.main","return":"NOERROR"}
{"lane":"server.agent","call":"ExecuteCompletionAgent","on":"sset"}
"#;

/// The server sends while the client gives up: what the client held goes either way.
const RACE: &str = r#"{"lane":"server.main","call":"SendCommand","on":"sdev","as":"c1","args":{"code":"Flush"}}
{"lane":"primary.main","call":"GetCommand","on":"cdev","args":{"timeout":"infinite"}}
{"lane":"primary.t1","call":"SignalAbort","on":"cset"}
{"lane":"server.main","return":"NOERROR"}
{"lane":"primary.main","return":"NOERROR","out":{"command":"c1"}}
{"lane":"primary.t1","return":"NOERROR"}
{"lane":"primary.main","call":"CompleteCommand","on":"cdev","args":{"command":"c1","code":"ERROR_SUCCESS"}}
{"lane":"primary.main","return":"VD_E_ABORT"}
{"lane":"server.agent","callback":"c1","completion":"ERROR_OPERATION_ABORTED","bytes":0}
{"lane":"server.agent","return":"VD_E_ABORT"}
"#;

#[test]
fn races_are_explained() {
    let wrong = RACE.replace(
        r#"{"lane":"primary.main","return":"VD_E_ABORT"}"#,
        r#"{"lane":"primary.main","return":"NOERROR"}"#,
    );
    let (race, wrong) = (format!("{OPEN}{RACE}"), format!("{OPEN}{wrong}"));
    let folder = folder(&[("race.jsonl", &race), ("wrong.jsonl", &wrong)]);
    let told =
        |name| told_in(folder.path(), &["check", "--explain", word(&folder.path().join(name))]);
    snapshot("cli", "race-explained", &told("race.jsonl"));
    snapshot("cli", "race-unexplained", &told("wrong.jsonl"));
    let some = told_in(
        folder.path(),
        &["check", word(&folder.path().join("race.jsonl")), "--explain", "--lines", "16..22"],
    );
    snapshot("cli", "race-lines", &some);
}

/// Sixty lanes on one device, aborted by two more: nobody can say in what order.
#[test]
fn too_many_orders_are_undecided() {
    let lanes = 30;
    let mut text = OPEN.to_owned();
    let mut line = |event: String| {
        text.push_str(&event);
        text.push('\n');
    };
    for lane in 1..=lanes {
        line(format!(
            r#"{{"lane":"server.t{lane}","call":"SendCommand","on":"sdev","as":"c{lane}","args":{{"code":"Flush"}}}}"#
        ));
        line(format!(
            r#"{{"lane":"primary.t{lane}","call":"GetCommand","on":"cdev","args":{{"timeout":0}}}}"#
        ));
    }
    line(r#"{"lane":"server.main","call":"SignalAbort","on":"sset"}"#.to_owned());
    line(r#"{"lane":"primary.main","call":"SignalAbort","on":"cset"}"#.to_owned());
    for lane in 1..=lanes {
        line(format!(r#"{{"lane":"primary.t{lane}","return":"VD_E_ABORT"}}"#));
    }
    let folder = folder(&[("storm.jsonl", &text)]);
    let storm = folder.path().join("storm.jsonl");
    let told = told_in(
        folder.path(),
        &["check", "--party", "interface", "--budget", "2000", word(&storm)],
    );
    snapshot("cli", "too-many-orders", &told);
}

#[test]
fn init_writes_an_adapter_that_runs() {
    let folder = TempDir::new().expect("a temporary folder");
    let target = folder.path().join("mine");
    let text = told_in(folder.path(), &["init", word(&target)]);
    assert!(text.ends_with("exit 0\n"), "{text}");
    offers_nothing(&format!("python3 {}", word(&target.join("vdi_adapter.py"))));
    let again = told_in(folder.path(), &["init", word(&target)]);
    assert!(again.ends_with("exit 65\n"), "{again}");
    snapshot("cli", "init", &format!("{text}\n{again}"));
}

#[test]
fn init_writes_one_in_other_languages_too() {
    let folder = TempDir::new().expect("a temporary folder");
    let mut all = String::new();
    for language in ["node", "rust", "cpp"] {
        let target = folder.path().join(language);
        let text = told_in(folder.path(), &["init", "--language", language, word(&target)]);
        assert!(text.ends_with("exit 0\n"), "{text}");
        let job = std::fs::read_to_string(target.join("vdi-conformance.yml")).expect("the job");
        assert!(!job.contains('{'), "{job}");
        all.push_str(&format!("{text}\n"));
    }
    snapshot("cli", "init-languages", &all);
    let runs = |program: &str| {
        let run = Command::new(program).arg("--version").stdout(Stdio::null()).status();
        run.is_ok_and(|status| status.success())
    };
    if runs("node") {
        offers_nothing(&format!("node {}", word(&folder.path().join("node/vdi_adapter.js"))));
    }
    let cpp = folder.path().join("cpp");
    let build = "c++ -std=c++17 -Wall -Wextra -Werror -pthread -o vdi_adapter vdi_adapter.cpp";
    let built = Command::new("sh").args(["-c", build]).current_dir(&cpp).status();
    assert!(built.expect("sh").success());
    offers_nothing(word(&cpp.join("vdi_adapter")));
    // The same source is an example here, which spares a build with a registry.
    let written = std::fs::read_to_string(folder.path().join("rust/src/main.rs")).expect("it");
    assert_eq!(written, include_str!("../../adapters/skeletons/vdi_adapter.rs"));
    let tests = std::env::current_exe().expect("this test");
    let built = tests.parent().and_then(Path::parent).expect("the build's folder");
    let adapter = built.join("examples/vdi_adapter");
    if !adapter.exists() {
        // It is, unless these tests were asked for alone.
        let words = ["build", "-p", "vdi_conformance", "--example", "vdi_adapter"];
        let made = Command::new(env!("CARGO")).args(words).status().expect("cargo starts");
        assert!(made.success());
    }
    offers_nothing(word(&adapter));
}

/// An adapter to start from greets and goes on; nothing is offered yet, so nothing is shown
/// to conform.
fn offers_nothing(adapter: &str) {
    let run = told(&["run", "--adapter", adapter, "--grace", "300", "--filter", "server/open/"]);
    assert!(run.ends_with("exit 2\n"), "{adapter}: {run}");
    assert!(!run.contains("FAIL"), "{adapter}: {run}");
    assert!(run.contains("not offered"), "{adapter}: {run}");
}

#[test]
fn the_same_run_gives_the_same_bytes() {
    // The most as JSON, which says the most. `.ci/run` compares all of it in all of them.
    for format in ["text", "json", "junit", "markdown", "html"] {
        let part = if format == "json" { "server/" } else { "server/close/" };
        let run = ["run", "--format", format, "--no-times", "--filter", part, "--jobs"];
        let [one, two] = ["2", "1"].map(|jobs| vdi(&[&run[..], &[jobs]].concat()));
        assert_eq!(one.stdout, two.stdout, "{format}");
    }
}

#[test]
fn the_model_is_asked() {
    let folder = TempDir::new().expect("a temporary folder");
    let trace = folder.path().join("trace.jsonl");
    let events = [
        r#"{"vdi":"trace/1"}"#,
        r#"{"lane":"primary.main","call":"CreateEx","on":"cset","args":{"name":"S","config":{"deviceCount":1}}}"#,
        r#"{"lane":"primary.main","return":"NOERROR"}"#,
        r#"{"lane":"server.main","call":"Open","on":"sset","args":{"name":"S"}}"#,
        r#"{"lane":"server.main","return":"NOERROR"}"#,
        r#"{"lane":"primary.main","call":"SignalAbort","on":"cset"}"#,
        r#"{"lane":"primary.main","return":"NOERROR"}"#,
    ];
    fs::write(&trace, events.join("\n")).expect("written");
    let questions: [&[&str]; 7] = [
        &[
            "server.main",
            "BeginConfiguration",
            "sset",
            "--args",
            r#"{"blockSize":512,"maxTransferSize":65536}"#,
        ],
        &["server.main", "Close", "sset", "--after", "4"],
        &["server.main", "Open", "sset", "--after", "2", "--args", r#"{"name":"S"}"#],
        &[
            "primary.main",
            "GetConfiguration",
            "cset",
            "--after",
            "4",
            "--args",
            r#"{"timeout":"infinite"}"#,
        ],
        &["server.main", "Closee", "sset"],
        &["server.main", "Close", "nothing"],
        &["server.main", "Close", "sset", "--args", "{"],
    ];
    let mut text = String::new();
    for question in questions {
        let mut words = vec!["ask", word(&trace)];
        words.extend(question);
        text.push_str(&told_in(folder.path(), &words));
        text.push('\n');
    }
    snapshot("cli", "ask", &text);
}

#[test]
fn only_named_parties_gate() {
    let run = ["run", "--defect", "server-close-noerror", "--filter", "server/", "--party"];
    let gating = |party| code(&[&run[..], &[party]].concat());
    assert_eq!((gating("interface"), gating("client")), (1, 0));
}
