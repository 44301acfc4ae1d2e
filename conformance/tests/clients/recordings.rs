//! The same clients recorded, library and server into one file, and judged.
//!
//! `VDI_RECORD=write cargo test --test clients recordings` puts what the list below makes
//! into `scenarios/recorded/`, where the test `recorded` plays it again.

use std::fs;
use std::path::{Path, PathBuf};

use vdi_sim::check::{Judged, Verdict, check_reader};
use vdi_sim::clauses::{Party, Profile};
use vdi_sim::trace::TraceReader;

use super::stage::{Ended, Stage};

/// What is recorded: a name, a client, BACKUP or RESTORE, options, faults of the server.
const RECORDINGS: &[(&str, &str, &str, &str, &str)] = &[
    ("one-device-backup", "single", "backup", "", ""),
    ("one-device-restore", "single", "restore", "", ""),
    ("one-buffer-backup", "single", "backup", "BUFFERCOUNT=1", ""),
    ("thread-per-device-backup", "threads", "backup", "", ""),
    ("thread-per-device-restore", "threads", "restore", "", ""),
    ("process-per-device-backup", "processes", "backup", "", ""),
    ("process-per-device-restore", "processes", "restore", "", ""),
    ("snapshot-backup", "snapshot", "backup", "", ""),
    ("snapshot-restore", "snapshot", "restore", "", ""),
    ("complete-granted", "complete", "backup", "", ""),
    ("complete-withheld", "complete", "backup", "", "no-complete"),
    ("client-aborts", "abort", "backup", "", ""),
    ("server-aborts", "single", "backup", "", "abort@3"),
    ("server-closes-a-device-early", "single", "backup", "", "close@3"),
    ("server-closes-the-set-early", "single", "backup", "", "close-set@3"),
    ("server-dies", "single", "backup", "", "kill@3"),
    ("flush-twice", "single", "backup", "", "flush-twice"),
    ("command-not-asked-for", "single", "backup", "", "unknown@3"),
];

fn record(row: &(&str, &str, &str, &str, &str)) -> (Stage, PathBuf) {
    let (name, client, verb, options, faults) = *row;
    let stage = Stage::new();
    stage.database("x", 100_000);
    let run = |verb: &str, trace: Option<&Path>| {
        let mut command = stage.command(client, &[verb, "x", "MEDIUM", options]);
        command.env("DATABASE_FILE", stage.data("x")).env("SET", name).env("DEVICES", "2");
        if let Some(trace) = trace {
            command.env("VDI_TRACE", trace).env("VDI_FAULTS", faults);
        }
        Ended::of(&mut command)
    };
    if verb == "restore" {
        run("backup", None);
    }
    let trace = stage.path("trace.jsonl");
    run(verb, Some(&trace));
    stage.leaves_nothing();
    (stage, trace)
}

fn judged(trace: &Path) -> Judged {
    let file = fs::File::open(trace).expect("a trace");
    check_reader(std::io::BufReader::new(file), &Profile::default())
}

#[test]
fn recordings_are_whole_and_nobody_but_the_server_is_at_fault() {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/recorded");
    for row in RECORDINGS {
        let (_stage, trace) = record(row);
        let text = fs::read_to_string(&trace).expect("a trace");
        let mut reader = TraceReader::new(text.as_bytes()).expect("a header");
        let mut last = 0;
        while let Some(line) = reader.next_line().expect("an event") {
            let seq = line.event.seq().expect("a number");
            assert_eq!(seq, last + 1, "{}: line {}", row.0, line.number);
            last = seq;
        }
        for party in
            ["\"lane\":\"primary.", "\"lane\":\"server.main\"", "\"lane\":\"server.agent\""]
        {
            assert!(text.contains(party), "{}: nothing by {party}", row.0);
        }
        let judged = judged(&trace);
        let fault = match &judged.verdict {
            Verdict::Violation(violation) => Some(violation.party),
            _ => None,
        };
        let by_others = judged.findings.iter().find(|finding| finding.party != Party::Server);
        assert!(by_others.is_none() && fault.is_none(), "{}: {judged:?}\n{text}", row.0);
        if std::env::var("VDI_RECORD").is_ok_and(|value| value == "write") {
            fs::create_dir_all(&place).expect("made");
            let mut trace = text.clone();
            if !row.4.is_empty() {
                // What the server does wrong there it does on purpose.
                let mut header = reader.header().clone();
                header.provoked = vec![Party::Server];
                let rest = text.split_once('\n').expect("lines").1;
                let header = serde_json::to_string(&header).expect("plain data");
                trace = format!("{header}\n{rest}");
            }
            fs::write(place.join(row.0).with_extension("jsonl"), trace).expect("written");
        }
    }
}

/// Who was killed is recorded by who is left, before anything that came of it.
#[test]
fn a_death_is_recorded_by_the_survivor() {
    let row = RECORDINGS.iter().find(|row| row.0 == "server-dies").expect("listed");
    let (_stage, trace) = record(row);
    let text = fs::read_to_string(trace).expect("a trace");
    let exit = text.find("{\"seq\"").and_then(|_| text.find("\"process\":\"server\",\"exit\""));
    let abort = text.find("VD_E_ABORT");
    assert!(exit.is_some() && exit < abort, "{text}");
}

/// Two sets of one process, one after the other, leave two traces.
#[test]
fn the_library_records_alone_what_it_sees() {
    let stage = Stage::new();
    let mut command = stage.command("single", &["backup", "x", "MEDIUM"]);
    let trace = stage.path("t-%s.jsonl");
    let ended = Ended::of(command.env("VDI_TRACE", trace).env("SQLCMD", "false").env("SET", "a b"));
    assert_eq!(ended.code, 1, "{ended:?}");
    let text = fs::read_to_string(stage.path("t-a_b.jsonl")).expect("a trace");
    assert!(text.contains("\"return\":\"VD_E_TIMEOUT\""), "{text}");
    assert!(
        text.lines().last().is_some_and(|line| line.contains("\"return\":\"NOERROR\"")),
        "{text}"
    );
}
