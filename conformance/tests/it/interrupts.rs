//! Ctrl-C and SIGTERM in the midst of something: what is known is told, nothing is left, and
//! the exit code says so.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::clients::stage::{self, Stage};

/// A program that says into a pipe that it is there, and then does nothing for long.
struct Sleeper {
    pipe: PathBuf,
}

impl Sleeper {
    fn new(stage: &Stage) -> Self {
        let pipe = stage.path("pipe");
        let made = Command::new("mkfifo").arg(&pipe).status().expect("mkfifo is there");
        assert!(made.success());
        fs::write(stage.path("sleeper"), Self::script(&pipe)).expect("written");
        Self { pipe }
    }

    /// It greets as an adapter does, and has a child.
    fn script(pipe: &Path) -> String {
        let pipe = pipe.display();
        let hello = r#"{"op":"hello","protocol":1,"implementation":{"name":"sleeper","version":"1"},"offers":["server","client","settle"],"declares":{}}"#;
        // Its own output stays open: without it it is as good as gone.
        format!(
            "read line || exit\necho '{hello}'\nread line || exit\nexec 3>'{pipe}'\n\
             (echo here >&3; sleep 60; echo survived >&3) &\nsleep 60\n"
        )
    }

    /// Waits until it is there, sends the signal to who has started it, and waits for the end
    /// of all that it has started.
    fn interrupt(&self, mut command: Command, signal: &str) -> (Child, String) {
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let child = child.expect("it starts");
        let mut pipe = BufReader::new(File::open(&self.pipe).expect("somebody writes"));
        let mut line = String::new();
        pipe.read_line(&mut line).expect("text");
        assert_eq!(line, "here\n");
        let sent = Command::new("kill").args([signal, &child.id().to_string()]).status();
        assert!(sent.expect("kill starts").success());
        let mut rest = String::new();
        pipe.read_to_string(&mut rest).expect("text");
        (child, rest)
    }
}

/// What it says, and that nothing that it started lives on.
fn interrupted(words: &[&str], signal: &str) -> String {
    let stage = Stage::new();
    let sleeper = Sleeper::new(&stage);
    let (child, rest) = sleeper.interrupt(stage.vdi(words), signal);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(rest, "", "{words:?}: what it started lives on");
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(130), "{words:?}: {out}{told}");
    out
}

const SLEEPER: &str = "sh sleeper";

#[test]
fn a_run_tells_what_is_known() {
    for signal in ["-INT", "-TERM"] {
        let words = ["run", "--adapter", SLEEPER, "--timeout", "600", "--jobs", "1"];
        let out = interrupted(&[&words[..], &["--format", "json"]].concat(), signal);
        let report: Value = serde_json::from_str(&out).expect("a whole report");
        let counts = &report["counts"];
        let count = |name: &str| counts[name].as_u64().expect("a number");
        // What it does not offer, is known.
        let all = report["scenarios"].as_array().expect("all").len() as u64;
        assert_eq!(count("notRun") + count("notOffered"), all, "{counts}");
        assert!(count("notRun") > 0, "{counts}");
    }
}

#[test]
fn a_gate_tells_what_is_known_and_leaves_nothing() {
    let stage = Stage::new();
    let sleeper = Sleeper::new(&stage);
    // It holds its set when it is interrupted, and its server waits for it.
    let client = stage.program("faulty").display().to_string();
    let line = format!(
        "sh -c 'exec 3>pipe; (echo here >&3; sleep 60; echo survived >&3) & exec {client} backup \
         {{database}} {{medium}}'"
    );
    let mut command = stage.vdi(&["gate", "--client", &line, "--format", "json"]);
    command.env("FAULT", "hangs").env("TMPDIR", stage.path(""));
    let (child, rest) = sleeper.interrupt(command, "-TERM");
    let number = child.id();
    let output = child.wait_with_output().expect("it ends");
    assert_eq!((output.status.code(), rest.as_str()), (Some(130), ""), "{output:?}");
    let report: Value = serde_json::from_slice(&output.stdout).expect("a whole report");
    let all = report["scenarios"].as_array().expect("situations");
    assert!(all.iter().all(|one| one["verdict"] == "not-run"), "{report:#}");
    assert!(!stage.path(&format!("vdi-gate-{number}")).exists(), "its folder stays");
    let names = fs::read_dir("/dev/shm").expect("shared memory").flatten();
    let prefix = format!("gate{number}-");
    let left: Vec<_> =
        names.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    assert!(!left.iter().any(|name| name.starts_with(&prefix)), "{left:?}");
}

/// Who carries out a statement, in the midst of it.
#[test]
fn a_restore_that_is_interrupted_leaves_nothing() {
    for standing in [true, false] {
        let stage = Stage::new();
        stage.database("x", 1 << 20);
        stage.good("single", &["backup", "x", "MEDIUM"]);
        let mut command = stage.vdi(&["serve"]);
        let server = standing.then(|| {
            let mut server = command.stdout(Stdio::piped()).spawn().expect("it starts");
            let mut line = String::new();
            let out = server.stdout.as_mut().expect("piped");
            BufReader::new(out).read_line(&mut line).expect("text");
            server
        });
        let outcome = stage.path("outcome");
        let mut client = stage.command("single", &["restore", "x", "MEDIUM"]);
        client.env("VDI_FAULTS", "pause=60000@4").env("VDI_OUTCOME", &outcome);
        let mut client =
            client.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
        let sqlcmd = stage.server_of(client.id());
        let unfinished = || {
            let entries = fs::read_dir(stage.data("")).expect("a folder").flatten();
            entries
                .filter(|entry| entry.file_name().to_string_lossy().ends_with(".restoring"))
                .count()
        };
        while unfinished() == 0 {
            assert!(client.try_wait().expect("a child").is_none(), "it ended");
            std::thread::yield_now();
        }
        match server {
            Some(mut server) => {
                stage::terminate(server.id());
                assert_eq!(server.wait().expect("ended").code(), Some(130));
            }
            None => stage::terminate(sqlcmd),
        }
        assert_eq!(client.wait().expect("ended").code(), Some(1));
        assert_eq!(unfinished(), 0, "standing: {standing}");
        assert!(stage.data("x").exists());
        stage.leaves_nothing();
    }
}

/// What a killed one leaves goes when any server starts, whatever it is asked for.
#[test]
fn what_a_killed_restore_leaves_goes_with_the_next_server() {
    let stage = Stage::new();
    stage.database("x", 1 << 20);
    stage.good("single", &["backup", "x", "MEDIUM"]);
    let mut client = stage.command("single", &["restore", "x", "MEDIUM"]);
    client.env("VDI_FAULTS", "kill@4").stdout(Stdio::null()).stderr(Stdio::null());
    assert_eq!(client.status().expect("it starts").code(), Some(1));
    let files = || fs::read_dir(stage.data("")).expect("a folder").count();
    assert_eq!(files(), 2, "it left none: nothing is shown");
    let ended = stage.sqlcmd(&["-Q", "USE another"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(files(), 1);
}
