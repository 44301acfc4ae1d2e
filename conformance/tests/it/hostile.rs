//! Adapters and files that write without end, drip, do not listen, or leave something behind:
//! each is told as that, within the time and the memory that are there for it.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use tempfile::TempDir;

use crate::support::{told, word};

/// An adapter that is hostile as soon as it is called.
const HOSTILE: &str = r#"
import json, os, subprocess, sys, time

KIND, PIPE = sys.argv[1], sys.argv[2]

def send(**message):
    print(json.dumps(message), flush=True)

def callback():
    send(op="callback", lane="server.agent", command="c", completion="ERROR_SUCCESS", bytes=0)

for line in sys.stdin:
    message = json.loads(line)
    op = message["op"]
    if op == "hello":
        offers = ["server", "client"] + (["settle"] if KIND != "restless" else [])
        send(op="hello", protocol=1, implementation={"name": "hostile", "version": "1"}, offers=offers)
    elif op == "reset":
        send(op="ready")
    elif op == "call":
        while KIND == "floods":
            callback()
        while KIND in ("drips", "restless"):
            callback()
            time.sleep(0.01)
        while KIND == "never-ends-a-line":
            sys.stdout.write("x" * 65536)
        if KIND == "shouts":
            sys.stderr.write("first words\n" + "x" * (1 << 20) + "\nlast words\n")
            sys.stderr.flush()
            os._exit(3)
        if KIND == "leaves-a-child":
            command = ["sh", "-c", "echo here; sleep 30; echo survived"]
            subprocess.Popen(command, stdout=open(PIPE, "w"), stdin=subprocess.DEVNULL)
            os._exit(3)
"#;

const SCENARIO: &str = r#"{
  "id": "one",
  "title": "Close on an interface that was never opened",
  "clauses": ["server.close.not-open", "server.open.first"],
  "parties": ["interface", "server"],
  "misuse": ["server.open.first"],
  "steps": [{ "call": "Close", "on": "sset", "expect": "VD_E_PROTOCOL" }]
}
"#;

/// A folder with a scenario, the adapter, and a pipe with a name.
fn folder() -> TempDir {
    let folder = TempDir::new().expect("a temporary folder");
    fs::create_dir(folder.path().join("scenarios")).expect("made");
    fs::write(folder.path().join("scenarios/one.json"), SCENARIO).expect("written");
    fs::write(folder.path().join("hostile.py"), HOSTILE).expect("written");
    fifo(&folder.path().join("pipe"));
    folder
}

fn fifo(path: &Path) {
    let made = std::process::Command::new("mkfifo").arg(path).status();
    assert!(made.expect("mkfifo is there").success());
}

fn run(folder: &TempDir, kind: &str, seconds: &str) -> String {
    let at = |name: &str| word(&folder.path().join(name)).to_owned();
    let adapter = format!("python3 '{}' {kind} '{}'", at("hostile.py"), at("pipe"));
    let scenarios = at("scenarios");
    let words = ["run", "--timeout", seconds, "--scenarios", &scenarios, "--adapter", &adapter];
    let text = told(&words);
    assert!(text.ends_with("exit 1\n"), "{kind}: {text}");
    assert!(text.len() < 200_000, "{kind}: a report of {} bytes", text.len());
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn whoever_floods_is_cut_off() {
    // It comes to an end at all, and what it made up is told.
    let text = run(&folder(), "floods", "600");
    assert!(text.contains("`c` is no command that SendCommand sent"), "{text}");
}

#[test]
fn a_line_without_an_end_is_none() {
    let text = run(&folder(), "never-ends-a-line", "600");
    assert!(text.contains("it is longer than 16777216 bytes"), "{text}");
}

/// A time-out is a deadline: what comes meanwhile does not put it off.
#[test]
fn whoever_drips_hangs_all_the_same() {
    for kind in ["drips", "restless"] {
        let text = run(&folder(), kind, "10");
        assert!(text.contains("`c` is no command that SendCommand sent"), "{text}");
    }
}

#[test]
fn of_much_on_standard_error_head_and_tail_are_told() {
    let text = run(&folder(), "shouts", "60");
    assert!(text.contains("first words") && text.contains("last words"), "{text}");
    assert!(text.contains("bytes left out]"), "{text}");
}

#[test]
fn a_child_ends_with_its_parent() {
    let folder = folder();
    let path = folder.path().join("pipe");
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let pipe = File::options().read(true).custom_flags(flags).open(&path);
    let mut pipe = pipe.expect("it is there");
    let text = run(&folder, "leaves-a-child", "60");
    assert!(text.contains("crashed"), "{text}");
    let flags = fcntl_getfl(&pipe).expect("its flags");
    fcntl_setfl(&pipe, flags - OFlags::NONBLOCK).expect("it waits");
    let mut said = String::new();
    pipe.read_to_string(&mut said).expect("read until nobody holds the other end");
    // It may have been ended before it said a word, but not have lived on.
    assert!(!said.contains("survived"), "{said}");
}

/// Whatever is read is read up to a bound.
#[test]
fn what_never_ends_is_refused() {
    for words in [
        &["check", "/dev/zero"][..],
        &["check", "--explain", "/dev/zero"],
        &["join", "/dev/zero"],
        &["diagnose", "/dev/zero"],
        &["readings", "--traces", "/dev/zero"],
        &["merge", "/dev/zero"],
        &["ask", "/dev/zero", "server.main", "Close", "sset"],
        &["run", "--baseline", "/dev/zero"],
        &["run", "--profile", "/dev/zero"],
    ] {
        let text = told(words);
        assert!(text.ends_with("exit 65\n"), "{text}");
        assert!(text.contains("more than "), "{text}");
    }
}

#[test]
fn how_long_a_line_may_be_is_settable() {
    let folder = TempDir::new().expect("a temporary folder");
    let path = folder.path().join("trace.jsonl");
    let name = "S".repeat(200);
    let lines = format!(
        "{{\"vdi\":\"trace/1\"}}\n{{\"lane\":\"server.main\",\"call\":\"Open\",\"on\":\"sset\",\
         \"args\":{{\"name\":\"{name}\"}}}}\n{{\"lane\":\"server.main\",\"return\":\"VD_E_INVALID\"}}\n"
    );
    fs::write(&path, lines).expect("written");
    assert!(told(&["check", word(&path)]).ends_with("exit 0\n"));
    for command in ["check", "join"] {
        let text = told(&[command, word(&path), "--longest-line", "100"]);
        assert!(text.contains(":2: a line of more than 100 bytes"), "{text}");
        assert!(text.ends_with("exit 65\n"), "{text}");
    }
}

/// The line that is shown is cut; the place is the true one.
#[test]
fn a_place_far_to_the_right_is_shown() {
    let folder = TempDir::new().expect("a temporary folder");
    let path = folder.path().join("one.json");
    let title = "x".repeat(2_000);
    let text = SCENARIO.replace('\n', "").replace("Close on an", &title).replace("sset", "what");
    File::create(&path).expect("made").write_all(text.as_bytes()).expect("written");
    let text = told(&["run", "--scenarios", word(folder.path())]);
    let place = text.split("one.json:1:").nth(1).and_then(|rest| rest.split(':').next());
    let column = place.expect("a place");
    assert!(column.parse::<usize>().is_ok_and(|column| column > 2_000), "{text}");
    assert!(text.contains(&format!("one.json:1:{column}]")), "{text}");
    assert!(text.contains('…') && !text.contains(&title), "{text}");
    assert!(text.ends_with("exit 65\n"), "{text}");
}

#[test]
fn the_line_of_what_is_not_utf8_is_told() {
    let folder = TempDir::new().expect("a temporary folder");
    let path = folder.path().join("file");
    fs::write(&path, b"{\n\"vdi\": \"\xFF\"\n}").expect("written");
    for option in ["--baseline", "--profile", "--scenarios"] {
        let text = told(&["run", option, word(&path)]);
        assert!(text.contains("line 2, column 9: not UTF-8"), "{text}");
        assert!(text.ends_with("exit 65\n"), "{text}");
    }
    fs::write(&path, b"{\"vdi\":\"trace/1\"}\n{\"lane\":\"\xFF\"}").expect("written");
    for command in ["check", "join"] {
        let text = told(&[command, word(&path)]);
        assert!(text.contains(":2"), "{text}");
        assert!(text.contains("invalid unicode"), "{text}");
    }
}
