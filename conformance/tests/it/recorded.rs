//! Recordings of real client programs, and of the simulator's: each is judged, and its calls
//! are made again.
//!
//! `VDI_RECORD=write cargo test -p vdi_conformance --test it recorded` records the simulator's
//! anew.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{told, vdi, word};
use vdi_conformance::campaign::{BackendKind, CampaignConfig};
use vdi_sim::simulate::{Arrangement, Faults, Like, Options, Plan, Watch, options_of};
use vdi_sim::trace::Event;

/// A small world in which nothing goes wrong.
fn quiet() -> Options {
    Options {
        plan: Plan::Backup,
        like: Like::Pipe,
        removable: false,
        sets: 1,
        devices: 1,
        arrangement: Arrangement::OneThread,
        block_size: 512,
        max_transfer_size: 65_536,
        write_size: 65_536,
        read_size: 65_536,
        buffers: 2,
        queue_depth: 4,
        metadata: 65_536,
        data: 131_072,
        flushes: 1,
        complete: false,
        discard: false,
        positions: false,
        reads_to_end: false,
        trusting: false,
        fails_in_order: false,
        closes_early: false,
        server_time_out: 0,
        configuration_wait: 10_000,
        command_wait: 0,
        aborts_on_failure: true,
        holds: 1,
        deviation: None,
        odd_calls: 0,
        faults: Faults::default(),
        at_once: 8,
        ..options_of(1)
    }
}

/// What is recorded of the simulator's clients: a name, the world, and whether the RESTORE is
/// meant, or else the BACKUP.
fn simulated() -> Vec<(&'static str, Options, bool)> {
    let quiet = quiet();
    let tape = Options { like: Like::Tape, removable: true, positions: true, ..quiet };
    let disk = Options { like: Like::Disk, positions: true, flushes: 2, ..quiet };
    let threads = Options { devices: 2, arrangement: Arrangement::ThreadPerDevice, ..quiet };
    let processes = Options { devices: 2, arrangement: Arrangement::ProcessPerDevice, ..quiet };
    let joint = Options { plan: Plan::Snapshot, sets: 2, complete: true, ..quiet };
    let full = Faults { capacity: Some(131_072), ..Faults::default() };
    let aborted = Faults { client_abort_at: Some(60), ..Faults::default() };
    let dies = Faults { server_dies_at: Some(60), ..Faults::default() };
    let broken = Faults { medium_fails_at: Some(1), ..Faults::default() };
    let stopped = Faults { server_abort_at: Some(60), ..Faults::default() };
    vec![
        ("pipe-backup", Options { holds: 2, ..quiet }, false),
        ("pipe-restore", quiet, true),
        ("tape-backup", tape, false),
        ("tape-restore", tape, true),
        ("disk-backup", disk, false),
        ("disk-restore", disk, true),
        ("removable-backup", Options { faults: full, ..tape }, false),
        ("removable-restore", Options { faults: full, ..tape }, true),
        ("threads-backup", threads, false),
        ("threads-restore", threads, true),
        ("processes-backup", processes, false),
        ("processes-restore", processes, true),
        ("joint-snapshot-backup", joint, false),
        ("joint-snapshot-restore", joint, true),
        ("disk-full", Options { faults: full, ..disk }, false),
        ("client-abort", Options { faults: aborted, ..threads }, false),
        ("server-abort", Options { faults: stopped, ..processes }, false),
        ("server-death", Options { faults: dies, ..threads }, false),
        ("write-error", Options { faults: broken, fails_in_order: true, ..quiet }, false),
    ]
}

/// The trace of one statement of a world's first set, by the names that every adapter knows.
fn statement(options: Options, restore: bool) -> String {
    let mut options = options;
    options.settle();
    let worlds = CampaignConfig { backend: BackendKind::Runtime, ..CampaignConfig::on_model() };
    let outcome = worlds.run(1, &options, Watch { judge: true, keep: true });
    assert!(outcome.is_good(), "{:?}", outcome.problems);
    let mut trace = outcome.log.expect("kept").to_trace();
    trace.header.interfaces.clear();
    let mut statement = 0;
    trace.events.retain(|event| {
        let of_others = |name: &str| {
            let thread = name.split_once('.').map_or("", |(_, thread)| thread);
            let roles = ["main2", "agent2", "operator2", "sql2"];
            thread.starts_with("s2t") || roles.contains(&thread)
        };
        let own = event.lane().is_none_or(|lane| !of_others(lane));
        let begins = matches!(event, Event::Call { lane, call, .. }
            if own && lane.as_str() == "primary.main" && call.name() == "CreateEx");
        statement += i32::from(begins);
        own && statement == 1 + i32::from(restore) && !matches!(event, Event::Blocked { .. })
    });
    let first = if options.sets == 1 { 2 } else { 3 };
    let mut text = trace.to_json_lines();
    if restore {
        for (from, to) in [
            (format!("\"s{first}set\""), "\"sset\""),
            (format!("\"s{first}dev"), "\"sdev"),
            (format!("\"c{first}dev"), "\"cdev"),
            (format!("r{first}dev"), "r1dev"),
            (format!("\"S{first}"), "\"S1"),
        ] {
            text = text.replace(&from, to);
        }
    }
    text
}

/// What the simulator's clients do is what is recorded.
#[test]
fn recordings_of_simulated_clients_are_made_again() {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/recorded");
    for (name, options, restore) in simulated() {
        let text = statement(options, restore);
        let path = place.join(format!("simulated-{name}.jsonl"));
        if std::env::var("VDI_RECORD").is_ok_and(|value| value == "write") {
            fs::write(&path, &text).expect("written");
        }
        let known = fs::read_to_string(&path).unwrap_or_default();
        assert!(known == text, "{name} has changed: run this test with VDI_RECORD=write\n{text}");
        assert!(text.lines().count() > 20, "{name}: too little is left\n{text}");
    }
}

fn recordings() -> Vec<PathBuf> {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/recorded");
    let entries = fs::read_dir(place).expect("the recordings");
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    // Those of real implementations have a folder, and are judged by their own profiles.
    found.retain(|path| path.is_file());
    found.sort();
    assert!(found.len() >= 21 + simulated().len(), "only {} recordings", found.len());
    found
}

#[test]
fn every_recording_is_conformant() {
    for path in recordings() {
        let output = vdi(&["check", word(&path)]);
        assert!(output.status.success(), "{}", told(&["check", word(&path)]));
    }
}

/// What came home from probes is what was written: each trace as its own report has it, by its
/// own profile.
#[test]
fn recordings_of_real_implementations_are_as_they_came() {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/recorded/real");
    let entries = fs::read_dir(place).expect("recordings").flatten();
    let folders: Vec<PathBuf> = entries.map(|one| one.path()).filter(|one| one.is_dir()).collect();
    assert!(!folders.is_empty(), "not even our own is there");
    for folder in folders {
        let sums = std::process::Command::new("sha256sum")
            .args(["--quiet", "--strict", "-c", "SHA256SUMS"])
            .current_dir(&folder)
            .output()
            .expect("sha256sum starts");
        assert!(sums.status.success(), "{}: {sums:?}", folder.display());
        let sums = fs::read_to_string(folder.join("SHA256SUMS")).expect("sums");
        let report = fs::read_to_string(folder.join("report.json")).expect("a report");
        let report: serde_json::Value = serde_json::from_str(&report).expect("JSON");
        let profile = folder.join("profile.json");
        let mut traces = 0;
        for one in report["scenarios"].as_array().expect("scenarios") {
            let id = one["id"].as_str().expect("an id");
            let name = format!("traces/{id}.jsonl");
            let trace = folder.join(&name);
            if !trace.is_file() {
                continue;
            }
            traces += 1;
            assert!(sums.contains(&name), "{name} has no sum");
            let party = ["--party", "interface"];
            let words =
                [&["check", "--profile", word(&profile), word(&trace)][..], &party].concat();
            if one["verdict"] == "conformant" {
                assert!(vdi(&words).status.success(), "{}", told(&words));
            }
            // It was redacted, and nothing is left to take out.
            let text = fs::read_to_string(&trace).expect("a trace");
            let redacted = vdi(&["redact", word(&trace)]).stdout;
            assert_eq!(String::from_utf8_lossy(&redacted), text, "{name} tells names");
        }
        assert!(traces > 0, "{} has no traces", folder.display());
        assert_eq!(traces + 7, sums.lines().count(), "{}", folder.display());
    }
}

/// By every implementation, with the order of the calls alone.
#[test]
fn every_recording_can_be_played_again() {
    let python = "--adapter=python3 conformance/adapters/python/tiny_vdi.py";
    for path in recordings() {
        let path = word(&path);
        for words in [
            &["replay", path][..],
            &["replay", "--processes", path],
            &["replay", "--plain", path],
            &["replay", "--strict", python, path],
        ] {
            let output = vdi(words);
            assert!(output.status.success(), "{}", told(words));
        }
    }
}
