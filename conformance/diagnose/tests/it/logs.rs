//! Small logs, written after what is publicly reported, each with the right answer: pinned here by
//! hand, and as text and JSON in `snapshots/diagnose/`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use vdi_diagnose::Certainty::{Certain, Likely, Possible, Undecided as NotSure};
use vdi_diagnose::Side::{Caller, Client, Environment, Interface, Nobody, Server, Undecided};
use vdi_diagnose::read::{LogFile, offset, read};
use vdi_diagnose::{Certainty, Diagnosis, Half, Side, diagnose};
use vdi_trace::Trace;

/// The right answer: by whom, how sure, how, by which line first, and how many lines only
/// followed.
type Answer = (Side, Certainty, &'static str, &'static str, usize);

const CASES: &[(&str, &[Answer])] = &[
    ("aborts-too-late", &[(Undecided, NotSure, "undecided", "", 3)]),
    ("bad-data", &[(Server, Likely, "bad-data", "sqlcmd.txt:1", 1)]),
    ("client-aborts-alone", &[(Client, Likely, "client-aborts", "copied.txt:1", 0)]),
    ("client-aborts-confirmed", &[(Client, Certain, "client-aborts", "app.xml:3", 3)]),
    ("client-timed-out", &[(Client, Likely, "client-timed-out", "agent.log:2", 0)]),
    ("cut-short", &[(Client, Likely, "client-answers-error", "sqlcmd.txt:2", 1)]),
    ("damaged-page", &[(Server, Likely, "server-trouble", "sqlcmd.txt:1", 1)]),
    ("disk-full", &[(Client, Likely, "client-answers-error", "ERRORLOG:2", 1)]),
    ("echoes-only", &[(Undecided, NotSure, "undecided", "", 2)]),
    ("failed-then-aborts", &[(Undecided, NotSure, "undecided", "", 2)]),
    ("flush-refused", &[(Client, Likely, "client-answers-error", "ERRORLOG:2", 0)]),
    ("german", &[(Client, Likely, "client-answers-error", "ERRORLOG:2", 0)]),
    ("gave-up-waiting", &[(Client, Likely, "client-aborts", "agent.log:3", 0)]),
    ("interface-alone", &[(Interface, Likely, "interface-aborts", "events.txt:2", 0)]),
    ("interface-fails", &[(Interface, Likely, "interface-fails", "app.txt:3", 1)]),
    ("interface-first", &[(Interface, Likely, "interface-aborts", "export.csv:3", 1)]),
    ("journal", &[(Server, Likely, "server-trouble", "journal.txt:4", 1)]),
    ("killed-for-memory", &[(Client, Possible, "process-ended", "syslog:1", 1)]),
    ("large-buffers", &[(Server, Likely, "no-memory", "ERRORLOG:2", 1)]),
    ("linux-memory", &[(Interface, Likely, "interface-fails", "client.err:1", 4)]),
    ("login-failed", &[(Server, Likely, "statement-refused", "agent.log:2", 0)]),
    ("medium-full", &[(Client, Likely, "client-trouble", "agent.log:1", 1)]),
    ("no-access", &[(Environment, Likely, "no-access", "sqlcmd.txt:1", 1)]),
    ("no-set", &[(Client, Likely, "no-set", "sqlcmd.txt:1", 1)]),
    ("noise", &[(Undecided, NotSure, "undecided", "", 1)]),
    ("not-registered", &[(Environment, Likely, "not-registered", "agent.log:2", 0)]),
    ("not-registered-server", &[(Environment, Likely, "not-registered", "ERRORLOG:2", 0)]),
    ("order-unknown", &[(Undecided, NotSure, "undecided", "copied.txt:1", 0)]),
    ("plain-file", &[(Undecided, NotSure, "no-virtual-device", "ERRORLOG:2", 0)]),
    ("program-crashes", &[(Client, Possible, "process-ended", "app.xml:1", 1)]),
    ("recorded-abort", &[(Client, Certain, "client-aborts", "half.jsonl:10", 2)]),
    ("recorded-against-log", &[(Undecided, NotSure, "undecided", "copied.txt:1", 1)]),
    ("recorded-disk-full", &[(Client, Likely, "client-answers-error", "half.jsonl:10", 3)]),
    ("recorded-innocent", &[(Undecided, NotSure, "undecided", "", 3)]),
    ("refused-then-timed-out", &[(Server, Likely, "statement-refused", "agent.log:2", 1)]),
    ("server-stops", &[(Server, Certain, "server-stops", "ERRORLOG:2", 1)]),
    ("session-killed", &[(Caller, Certain, "session-killed", "ERRORLOG:1", 1)]),
    ("snapshot-on-purpose", &[(Interface, Likely, "interface-aborts", "blocks.txt:15", 2)]),
    ("statement-timed-out", &[(Caller, Likely, "statement-timed-out", "agent.log:2", 1)]),
    ("succeeded", &[(Nobody, Certain, "succeeded", "ERRORLOG:1", 0)]),
    ("three-devices", &[(Client, Likely, "client-answers-error", "ERRORLOG:4", 2)]),
    ("trouble-alone", &[(Client, Possible, "client-trouble", "agent.log:1", 0)]),
    ("trouble-then-echo", &[(Client, Likely, "client-trouble", "agent.log:1", 1)]),
    ("twin-lines", &[(Client, Likely, "client-aborts", "events.csv:4", 2)]),
    (
        "two-operations",
        &[
            (Client, Likely, "client-answers-error", "ERRORLOG:2", 1),
            (Undecided, NotSure, "undecided", "", 1),
        ],
    ),
    ("utf-16", &[(Undecided, NotSure, "undecided", "", 2)]),
    ("writer-and-database", &[(Server, Likely, "statement-refused", "details.txt:11", 2)]),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/logs")
}

/// The files of a case, and its recording, if it has one.
fn case(name: &str) -> (Vec<LogFile>, Option<Trace>) {
    // That machine's clock is two hours ahead of UTC.
    let local = (name == "client-aborts-confirmed").then(|| offset("+02:00").expect("an offset"));
    let entries = fs::read_dir(folder().join(name)).expect("a case");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    let mut files = Vec::new();
    let mut trace = None;
    for path in paths {
        let file = path.file_name().and_then(|name| name.to_str()).expect("a name");
        let bytes = fs::read(&path).expect("a file");
        if file.ends_with(".jsonl") {
            trace = Some(Trace::read(bytes.as_slice()).expect("a trace"));
        } else {
            files.push(read(file, &bytes, local).expect("a log"));
        }
    }
    (files, trace)
}

fn diagnosed(name: &str) -> Diagnosis {
    let (files, trace) = case(name);
    diagnose(&files, trace.as_ref().map(|trace| Half { path: "half.jsonl", trace }))
}

#[test]
fn every_log_has_its_answer() {
    for (name, answers) in CASES {
        let found = diagnosed(name);
        let value = serde_json::to_value(&found).expect("it serialises");
        let text = found.text();
        assert_eq!(found.operations.len(), answers.len(), "{name}:\n{text}");
        for (operation, (by, certainty, cause, first, followed)) in
            found.operations.iter().zip(*answers)
        {
            let ended = &operation.ended;
            let line = operation.first.first();
            let line = line.map(|line| format!("{}:{}", line.file, line.line)).unwrap_or_default();
            let is = (
                ended.by,
                ended.certainty,
                ended.cause.as_str(),
                line.as_str(),
                operation.followed.len(),
            );
            assert_eq!(is, (*by, *certainty, *cause, *first, *followed), "{name}:\n{text}");
            assert!(text.contains(&first.to_string()), "{name}: the text lacks {first}");
            assert_eq!(operation.next.is_empty(), *by == Nobody, "{name}: what to collect next");
        }
        assert_eq!(value["vdi"], "diagnosis/1");
        let failed = answers.iter().any(|answer| answer.0 != Nobody);
        let open = answers.iter().any(|answer| answer.0 == Undecided);
        assert_eq!(value["exitCode"], if open { 2 } else { u8::from(failed) }, "{name}");
    }
}

#[test]
fn what_is_written_of_every_log() {
    let mut settings = insta::Settings::clone_current();
    let snapshots = concat!(env!("CARGO_MANIFEST_DIR"), "/../../snapshots/diagnose");
    settings.set_snapshot_path(snapshots);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for (name, _) in CASES {
            let found = diagnosed(name);
            let json = serde_json::to_string_pretty(&found).expect("it serialises");
            insta::assert_snapshot!(*name, format!("{}\n{json}\n", found.text()));
        }
    });
}

#[test]
fn every_case_is_looked_at() {
    let entries = fs::read_dir(folder()).expect("the cases");
    let found: BTreeSet<String> = entries
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    let pinned: BTreeSet<String> = CASES.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(found, pinned);
    assert!(pinned.len() >= 25);
}

/// The order in which files are given decides nothing.
#[test]
fn the_order_of_files_decides_nothing() {
    for (name, _) in CASES {
        let (mut files, trace) = case(name);
        let half = trace.as_ref().map(|trace| Half { path: "half.jsonl", trace });
        let ended = |files: &[LogFile]| {
            let found = diagnose(files, half);
            let mut all: Vec<String> =
                found.operations.iter().map(|one| format!("{:?}", one.ended)).collect();
            all.sort();
            all
        };
        let once = ended(&files);
        files.reverse();
        assert_eq!(once, ended(&files), "{name}");
    }
}

/// Without a line the answer may become less sure, and by no means surer of somebody else: what is
/// taken away is never what kept it honest.
#[test]
fn fewer_lines_never_make_another_side_certain() {
    for (name, answers) in CASES {
        let (files, trace) = case(name);
        let half = trace.as_ref().map(|trace| Half { path: "half.jsonl", trace });
        for (at, file) in files.iter().enumerate() {
            for left_out in 0..file.records.len() {
                let mut fewer = files.clone();
                fewer[at].records.remove(left_out);
                for operation in diagnose(&fewer, half).operations {
                    let ended = &operation.ended;
                    let known = answers.iter().any(|answer| answer.0 == ended.by);
                    assert!(
                        ended.certainty < Certain || known,
                        "{name}: without entry {left_out} of {} it is {ended:?}",
                        file.path
                    );
                }
            }
        }
    }
}

/// Without the zone of local times the order is not known: it is less sure, and it is said what
/// would help.
#[test]
fn without_a_zone_it_is_less_sure() {
    let folder = folder().join("client-aborts-confirmed");
    let files: Vec<LogFile> = ["ERRORLOG", "app.xml"]
        .iter()
        .map(|name| read(name, &fs::read(folder.join(name)).expect("a file"), None).expect("a log"))
        .collect();
    let found = diagnose(&files, None);
    let [operation] = found.operations.as_slice() else { panic!("{}", found.text()) };
    assert_eq!((operation.ended.by, operation.ended.certainty), (Client, Likely));
    assert!(found.text().contains("note: ERRORLOG: its times name no zone"), "{}", found.text());
}
