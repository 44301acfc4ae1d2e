//! `vdi replay --library`, `vdi shrink --library`: a recording's calls, made again.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Ended, Stage, at_once, defective, library, word};

/// A recording of the sound library: what the probe's scenario of this id has left.
fn recorded(stage: &Stage, id: &str) -> PathBuf {
    let folder = stage.path("recorded");
    let words = ["--scenario", id, "--traces", word(&folder)];
    let ended = Ended::of(&mut super::command(stage, &library().join("libsqlvdi.so"), &words));
    assert_eq!(ended.code, 0, "{}", ended.out);
    folder.join(format!("{id}.jsonl"))
}

/// The same calls again, of a library with this defect, or of the sound one.
fn again(stage: &Stage, what: &str, of: &Path, defect: Option<&str>, words: &[&str]) -> Command {
    let sql = format!("{} -b -Q {{statement}}", stage.path("bin/sqlcmd").display());
    let original = library().join("libsqlvdi.so");
    let called = if defect.is_some() { defective() } else { original.clone() };
    let called = word(&called).to_owned();
    let mut all = vec![what, word(of), "--library", &called, "--sql", &sql];
    all.extend(["--database-prefix", "vdi_probe_", "--limit", "8"]);
    all.extend(words);
    let mut command = stage.vdi(&all);
    command.env("VDI_SERVER", "none").env("ORIGINAL", original);
    command.env("DEFECT", defect.unwrap_or_default());
    command
}

fn replayed(stage: &Stage, of: &Path, defect: Option<&str>) -> Ended {
    Ended::of(&mut again(stage, "replay", of, defect, &[]))
}

/// Scenarios of every kind, recorded and made again.
const KINDS: [&str; 14] = [
    "abort/after-three",
    "abort/held",
    "backup/2-devices",
    "backup/by-polls",
    "cancel/held",
    "close/held",
    "code/write-disk-full",
    "death/held",
    "lives/after-an-abort",
    "refused/complete-twice",
    "restore/2-devices",
    "secondary/maps-a-buffer",
    "secondary/serves-a-device",
    "wait/configuration-poll",
];

#[test]
fn what_a_sound_library_did_it_does_again() {
    at_once(&KINDS, |id| {
        let stage = Stage::new();
        let recording = recorded(&stage, id);
        let ended = replayed(&stage, &recording, None);
        assert_eq!(ended.code, 0, "{id}: {}\n{}", ended.out, ended.told);
        // What is queued when a server is killed may be delivered before that is noticed, or not.
        let noticed = id.starts_with("cancel/");
        let same = ended.out.contains("conformant, answered as recorded");
        let other = ended.out.contains("conformant, 1 lane is answered otherwise than recorded");
        assert!(same || noticed && other, "{id}: {}", ended.out);
        assert!(!ended.out.contains("left out"), "{id}: {}", ended.out);
        let databases = std::fs::read_dir(stage.path("data")).expect("databases").count();
        assert_eq!(databases, 0, "{id}: databases are left");
    });
}

/// A defect, what shows it, and what a clause that fits begins with.
const DEFECTS: [(&str, &str, &str); 10] = [
    ("open-surplus-answers-protocol", "refused/device-surplus", "client.open-device.surplus"),
    ("close-hangs", "backup/for-ever", "client.close.status"),
    ("close-crashes", "backup/for-ever", "crash"),
    ("configuration-is-aborted-once", "backup/for-ever", "client.get-configuration."),
    ("command-is-lost", "backup/for-ever", "client.get-command.delivers"),
    ("completion-code-is-lost", "code/flush-failed", "server.statement."),
    ("completion-bytes-are-lost", "backup/2-devices", "client.complete-command.status"),
    ("abort-is-told-as-an-end", "abort/held", "abort."),
    ("handle-is-another", "secondary/maps-a-buffer", "client.map-buffer-handle.status"),
    ("data-is-damaged", "restore/for-ever", "client.get-command.as-sent"),
];

fn fails(ended: &Ended, clause: &str) -> bool {
    let fits = |line: &str| match clause {
        "crash" => line.contains("crashed"),
        begins => line.trim_start().starts_with("clause") && line.contains(begins),
    };
    ended.code == 1 && ended.out.lines().any(fits)
}

#[test]
fn a_defect_is_found_by_what_the_sound_library_did() {
    let wrong = at_once(&DEFECTS, |(defect, id, clause)| {
        let stage = Stage::new();
        let ended = replayed(&stage, &recorded(&stage, id), Some(defect));
        if fails(&ended, clause) {
            return String::new();
        }
        format!("{defect}: {clause}: {ended:?}\n")
    });
    assert_eq!(wrong.concat(), "");
}

#[test]
fn what_fails_is_made_small_and_still_fails() {
    let defects = [
        ("open-surplus-answers-protocol", "refused/device-surplus", "client.open-device.surplus"),
        ("abort-is-told-as-an-end", "abort/held", "abort."),
        ("close-crashes", "backup/2-devices", "crash"),
    ];
    at_once(&defects, |(defect, id, clause)| {
        let stage = Stage::new();
        let recording = recorded(&stage, id);
        let small = stage.path("small.jsonl");
        let words = ["--output", word(&small)];
        let ended = Ended::of(&mut again(&stage, "shrink", &recording, Some(defect), &words));
        assert_eq!(ended.code, 0, "{defect}: {ended:?}");
        let lines = |path: &Path| std::fs::read_to_string(path).expect("a trace").lines().count();
        let (before, after) = (lines(&recording), lines(&small));
        assert!(after < before, "{defect}: {after} of {before} lines are left");
        let ended = replayed(&stage, &small, Some(defect));
        assert!(fails(&ended, clause), "{defect}: {clause}: {ended:?}");
        let ended = replayed(&stage, &small, None);
        assert_eq!(ended.code, 0, "{defect}: the sound library fails: {ended:?}");
    });
}

#[test]
fn what_does_not_fail_is_not_made_small() {
    let stage = Stage::new();
    let recording = recorded(&stage, "wait/configuration-poll");
    let ended = Ended::of(&mut again(&stage, "shrink", &recording, None, &[]));
    assert_eq!(ended.code, 64, "{ended:?}");
    assert!(ended.told.contains("does not fail"), "{ended:?}");
}

/// Histories of both halves, in which no statement is told.
#[test]
fn the_clients_half_of_a_whole_history_is_made_again() {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/recorded");
    for name in ["one-device-backup", "one-device-restore", "thread-per-device-backup"] {
        let stage = Stage::new();
        let recording = place.join(format!("{name}.jsonl"));
        let ended = replayed(&stage, &recording, None);
        assert_eq!(ended.code, 0, "{name}: {}\n{}", ended.out, ended.told);
        assert!(ended.out.contains(": conformant"), "{name}: {}", ended.out);
    }
    let stage = Stage::new();
    let restored = place.join("process-per-device-restore.jsonl");
    let ended = replayed(&stage, &restored, None);
    assert_eq!(ended.code, 65, "{ended:?}");
    assert!(ended.told.contains("in the memory of another process"), "{ended:?}");
}

/// Whoever waits for what came once, and comes no more, has not shown a defect.
#[test]
fn a_wait_in_vain_for_what_the_recording_had_accuses_nobody() {
    let stage = Stage::new();
    let recording = recorded(&stage, "abort/held");
    let text = std::fs::read_to_string(&recording).expect("a trace");
    // The client asks for one command more before it has completed the first.
    let asks = text.lines().find(|line| line.contains("GetCommand")).expect("a GetCommand");
    let comes = text.lines().find(|line| line.contains("\"command\"")).expect("a command");
    let comes = comes.replace("\"c1\"", "\"c99\"").replace("\"b1\"", "\"b99\"");
    let aborts = text.lines().find(|line| line.contains("SignalAbort")).expect("an abort");
    let mut many = String::new();
    for number in 0..40 {
        many.push_str(&format!("{asks}\n{}\n", comes.replace("99", &format!("99{number}"))));
    }
    let changed = text.replace(aborts, &format!("{many}{aborts}"));
    let seq = |line: &str| {
        let mut line: serde_json::Value = serde_json::from_str(line).expect("JSON");
        line.as_object_mut().expect("an object").remove("seq");
        line.to_string() + "\n"
    };
    let changed: String = changed.lines().map(seq).collect();
    let path = stage.path("changed.jsonl");
    std::fs::write(&path, changed).expect("written");
    let ended = replayed(&stage, &path, None);
    assert_eq!(ended.code, 2, "{ended:?}");
    assert!(ended.out.contains("may wait"), "{ended:?}");
}

#[test]
fn what_cannot_be_made_again_is_said() {
    let stage = Stage::new();
    let path = |name: &str, text: &str| {
        let path = stage.path(name);
        std::fs::write(&path, text).expect("written");
        path
    };
    let empty = path("empty.jsonl", "{\"vdi\":\"trace/1\"}\n");
    let others = path("others.jsonl", "{\"vdi\":\"trace/1\",\"unseen\":[\"client\"]}\n");
    for (file, code, says) in [
        (empty.as_path(), 65, "no client calls anything"),
        (&others, 65, "clients that were not recorded"),
        (Path::new("nowhere.jsonl"), 64, "expected a trace"),
        (Path::new("abort/blocked-get-command"), 64, "expected a trace"),
    ] {
        let ended = replayed(&stage, file, None);
        assert_eq!(ended.code, code, "{ended:?}");
        assert!(ended.told.contains(says), "{ended:?}");
    }
    let vdi = |words: &[&str]| Ended::of(Command::new(env!("CARGO_BIN_EXE_vdi")).args(words));
    let ended = vdi(&["replay", word(&empty), "--library", "x.so"]);
    assert_eq!((ended.code, ended.told.contains("--sql")), (64, true), "{ended:?}");
    let ended = vdi(&["replay", word(&empty), "--sql", "x"]);
    assert_eq!((ended.code, ended.told.contains("--library")), (64, true), "{ended:?}");
}

#[test]
fn a_dry_run_of_a_recording_names_its_statements() {
    let stage = Stage::new();
    let recording = recorded(&stage, "restore/for-ever");
    let ended = Ended::of(&mut again(&stage, "replay", &recording, None, &["--dry-run"]));
    assert_eq!(ended.code, 0, "{ended:?}");
    let begins = ["CREATE DATABASE [vdi_probe_", "BACKUP DATABASE [", "RESTORE DATABASE [", "DROP"];
    for (line, begins) in ended.out.lines().zip(begins) {
        assert!(line.starts_with(begins), "{line}");
    }
    assert_eq!(ended.out.lines().count(), begins.len());
}
