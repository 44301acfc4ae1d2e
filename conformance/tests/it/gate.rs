//! The gate for client programs: right ones pass, and what is wrong with the others is said.

mod shapes;
mod situations;

use crate::clients::stage::{Ended, Stage};
use serde_json::Value;

/// The report on a client with a fault, in these situations.
fn report(fault: &str, filters: &[&str]) -> (i32, Value) {
    report_by("documented-pages", fault, filters)
}

/// The same by the readings of a profile.
fn report_by(profile: &str, fault: &str, filters: &[&str]) -> (i32, Value) {
    let stage = Stage::new();
    let client = stage.program("faulty").display().to_string();
    let (backup, restore) = (
        format!("{client} backup {{database}} {{medium}}"),
        format!("{client} restore {{database}} {{medium}}"),
    );
    let mut words = vec!["gate", "--client", &backup, "--restore", &restore, "--format", "json"];
    words.extend(["--profile", profile]);
    // Who never ends is waited for in vain.
    let hangs = HANGS.contains(&fault);
    words.extend(["--timeout", if hangs { "8" } else { "120" }]);
    filters.iter().for_each(|filter| words.extend(["--filter", filter]));
    let mut command = stage.vdi(&words);
    let ended = Ended::of(command.env("FAULT", fault));
    let report =
        serde_json::from_str(&ended.out).unwrap_or_else(|error| panic!("{error}: {ended:?}"));
    (ended.code, report)
}

/// Faults with which a client does not end.
const HANGS: [&str; 6] = [
    "forgets-a-command",
    "hangs",
    "hangs-when-cancelled",
    "ignores-its-statement",
    "waits-for-ever",
    "waits-long",
];

/// What is said of a situation: the verdict, and the clause or the reason.
fn said(report: &Value, id: &str) -> (String, String) {
    let all = report["scenarios"].as_array().expect("situations");
    let one = all.iter().find(|one| one["id"] == id).unwrap_or_else(|| panic!("{id}: {report}"));
    let detail = &one["detail"];
    let why = ["clause", "message", "reason"].iter().find_map(|key| detail[key].as_str());
    (one["verdict"].as_str().expect("a verdict").to_owned(), why.unwrap_or_default().to_owned())
}

#[test]
fn a_client_that_does_everything_right_passes() {
    let (code, report) = report("", &[]);
    let all = report["scenarios"].as_array().expect("situations");
    for one in all {
        let id = one["id"].as_str().expect("an id");
        // It has one device, and does not ask for Complete.
        let other = id.starts_with("several/") || id.starts_with("backup/complete-");
        let expected = if other { "not-offered" } else { "conformant" };
        assert_eq!(one["verdict"], expected, "{one:#}");
    }
    assert_eq!(code, 0);
}

#[test]
fn what_shipped_clients_did_wrong_is_found() {
    for (fault, situation, verdict, why) in [
        ("close-is-success", "backup/device-closed-early", "violation", "client.success"),
        ("always-succeeds", "backup/abort-at-command-2", "violation", "client.success"),
        ("always-succeeds", "backup/server-dies", "violation", "client.success"),
        ("always-fails", "backup/plain", "program-failed", "its statement succeeded"),
        ("never-closes", "backup/plain", "violation", "client.close.required"),
        ("closes-twice", "backup/plain", "violation", "client.close.twice"),
        ("closes-without-abort", "backup/device-closed-early", "conformant", ""),
        ("uses-after-close", "backup/plain", "violation", "client.close.use-after"),
        ("writes-into-commands", "backup/plain", "violation", "client.command.read-only"),
        ("completes-twice", "backup/plain", "violation", "client.complete-command.active-only"),
        ("refuses-flush", "backup/plain", "violation", "client.command.mandatory"),
        ("accepts-everything", "restore/command-not-asked-for", "violation", "unsupported"),
        ("close-is-success", "restore/device-closed-early", "violation", "client.success"),
        (
            "accepts-everything",
            "backup/command-not-asked-for",
            "violation",
            "client.command.unsupported",
        ),
        ("stops-at-flush", "backup/flush-twice", "violation", "client.close.devices-open.mistake"),
        ("impatient", "backup/long-pause", "violation", "client.close.devices-open.mistake"),
        ("stores-nothing", "backup/plain", "violation", "client.media.true"),
        ("hides-errors", "backup/disk-full", "violation", "client.media.true"),
        ("forgets-a-command", "backup/plain", "hung", "in time"),
        ("hangs", "backup/plain", "hung", "in time"),
        ("crashes", "backup/plain", "crashed", "signal"),
    ] {
        let (code, report) = report(fault, &[situation]);
        let (got, reason) = said(&report, situation);
        assert!(got == verdict && reason.contains(why), "{fault}: {got}: {reason}\n{report:#}");
        assert_eq!(code, i32::from(verdict != "conformant"), "{fault}");
    }
}

#[test]
fn what_cannot_be_tried_is_said() {
    let stage = Stage::new();
    let told = |words: &[&str]| {
        let ended = Ended::of(&mut stage.vdi(words));
        (ended.code, ended.out + &ended.told)
    };
    let (code, text) = told(&["gate", "--client", "/no/such/program"]);
    let cannot = "the program cannot be started: sh: ";
    assert!(code == 69 && text.contains(cannot), "{code} {text}");
    assert!(text.contains("/no/such/program"), "{code} {text}");
    let (code, text) = told(&["gate", "--client", "true", "--filter", "backup/plain"]);
    assert!(code == 69 && text.contains("the program never created a set"), "{code} {text}");
    let (code, text) = told(&["gate", "--client", "true"]);
    assert!(code == 69 && text.contains("more (--verbose)"), "{code} {text}");
    let (code, text) = told(&["gate", "--client", "true", "--filter", "nothing"]);
    assert!(code == 64 && text.contains("no situation begins so"), "{code} {text}");
    let (code, text) = told(&["gate", "--client", "true", "--library", "/no/such.so"]);
    assert!(code == 69 && text.contains("/no/such.so"), "{code} {text}");
    let (code, text) = told(&["gate", "--client", "true", "--library", "/dev/null"]);
    assert!(code == 64 && text.contains("say --preload"), "{code} {text}");
    let (code, text) = told(&["gate", "--client", " "]);
    assert!(code == 64 && text.contains("it is empty"), "{code} {text}");
    let (code, text) = told(&["gate", "--client", "true", "--restore", "'"]);
    assert!(code == 64 && text.contains("--restore ''': its quotes are not closed"), "{text}");
    let mut command = stage.vdi(&["gate", "--client", "true"]);
    let ended = Ended::of(command.env("VDI_TIMEOUT_UNIT", "second"));
    let said = "VDI_TIMEOUT_UNIT is `second`, expected milliseconds or seconds";
    assert!(ended.code == 64 && ended.told.contains(said), "{ended:?}");
}

/// A client that fails before any server has come has shown nothing by failing.
#[test]
fn what_did_not_happen_is_not_passed() {
    let stage = Stage::new();
    let client = stage.program("single").display().to_string();
    let line = format!("{client} backup {{database}} /no/such/folder/medium");
    let gate = |filters: &[&str]| {
        let mut words = vec!["gate", "--client", &line, "--format", "json"];
        filters.iter().for_each(|filter| words.extend(["--filter", filter]));
        let ended = Ended::of(&mut stage.vdi(&words));
        (ended.code, serde_json::from_str::<Value>(&ended.out).expect("a report"))
    };
    let (code, report) = gate(&[]);
    assert_eq!(code, 1);
    let (verdict, why) = said(&report, "backup/plain");
    assert!(verdict == "program-failed" && why.contains("its statement failed: "), "{why}");
    let (verdict, why) = said(&report, "backup/server-dies");
    assert!(verdict == "inconclusive" && why.contains("without backup/plain"), "{why}");
    for situation in ["backup/server-dies", "backup/disk-full", "backup/abort-at-command-2"] {
        let (code, report) = gate(&[situation]);
        let (verdict, why) = said(&report, situation);
        assert!(code == 2 && verdict == "inconclusive", "{code} {report:#}");
        assert!(why.contains("its statement failed before: "), "{why}");
    }
}

/// Nobody knows what it has stored, if anything.
#[test]
fn without_a_restore_no_backup_is_proven() {
    let stage = Stage::new();
    let line = format!("{} backup {{database}} {{medium}}", stage.program("faulty").display());
    let mut command = stage.vdi(&["gate", "--client", &line, "--format", "json"]);
    for filter in ["backup/plain", "backup/flush-twice", "backup/slow-server"] {
        command.args(["--filter", filter]);
    }
    let ended = Ended::of(command.env("FAULT", "stores-nothing"));
    let report: Value = serde_json::from_str(&ended.out).expect("a report");
    for id in ["backup/plain", "backup/flush-twice"] {
        let (verdict, why) = said(&report, id);
        let told = "what it stored is not proven by a restore: no --restore";
        assert!(verdict == "not-offered" && why.contains(told), "{id}: {verdict}: {why}");
    }
    // This one is not about what it stores.
    assert_eq!(said(&report, "backup/slow-server").0, "conformant");
    let mut command = stage.vdi(&["gate", "--client", &line, "--filter", "backup/plain"]);
    let ended = Ended::of(command.env("FAULT", "stores-nothing"));
    // Nothing was shown to be right, nor wrong.
    assert_eq!(ended.code, 2, "{ended:?}");
}

/// A script that does, for BACKUP and RESTORE, what stands there for each.
fn script(stage: &Stage, backup: &str) -> (String, String) {
    let path = stage.path("client.sh");
    let program = |name: &str| stage.program(name).display().to_string();
    let text = format!(
        "verb=$1 database=$2 medium=$3\n\
         faulty={} single={}\n\
         if [ $verb = restore ]; then exec $single restore $database $medium; fi\n\
         {backup}\n",
        program("faulty"),
        program("single")
    );
    std::fs::write(&path, text).expect("written");
    let line = |verb: &str| format!("sh {} {verb} {{database}} {{medium}}", path.display());
    (line("backup"), line("restore"))
}

/// The verdict on such a script in one situation, and why.
fn verdict_on(backup: &str, situation: &str) -> (i32, String, String) {
    let stage = Stage::new();
    let (backup, restore) = script(&stage, backup);
    let words = ["gate", "--client", &backup, "--restore", &restore, "--filter", situation];
    let ended = Ended::of(stage.vdi(&words).args(["--format", "json"]));
    let report = serde_json::from_str(&ended.out).unwrap_or_else(|why| panic!("{why}: {ended:?}"));
    let (verdict, why) = said(&report, situation);
    (ended.code, verdict, why)
}

/// A joint snapshot, say, or one backup after the other.
#[test]
fn each_of_several_sets_is_judged() {
    let second = "SET=b $single backup $database $medium";
    for (first, verdict, clause) in [
        ("SET=a $single backup $database $medium.a & ", "conformant", ""),
        ("SET=a $single backup $database $medium.a; ", "conformant", ""),
        (
            "FAULT=closes-twice SET=a $faulty backup $database $medium.a & ",
            "violation",
            "client.close.twice",
        ),
        (
            "FAULT=closes-twice SET=a $faulty backup $database $medium.a; ",
            "violation",
            "client.close.twice",
        ),
    ] {
        let wait = if first.ends_with("& ") { "; code=$?; wait; exit $code" } else { "" };
        let line = format!("{first}{second}{wait}");
        let (code, got, why) = verdict_on(&line, "backup/plain");
        assert!(got == verdict && why.contains(clause), "{line}: {got}: {why}");
        assert_eq!(code, i32::from(verdict != "conformant"), "{line}");
    }
}

/// What a program exits with, and what it leaves, is a verdict on it and never the end of
/// the gate.
#[test]
fn a_program_that_ends_in_an_odd_way_is_judged() {
    for number in [126, 127] {
        let line = format!("$single backup $database $medium; exit {number}");
        let (code, verdict, why) = verdict_on(&line, "backup/plain");
        assert!(code == 1 && verdict == "program-failed", "{code} {verdict}: {why}");
        let told = format!("exits with {number}, which tells its caller failure, though its");
        assert!(why.contains(&told), "{why}");
    }
    let rubbish = "echo rubbish >$(dirname $medium)/trace-x.jsonl; ";
    let line = format!("{rubbish}$single backup $database $medium");
    let (code, verdict, why) = verdict_on(&line, "backup/plain");
    assert!(code == 1 && verdict == "program-failed", "{code} {verdict}: {why}");
    assert!(why.contains("a trace that cannot be read") && why.contains("trace-x.jsonl"), "{why}");
    // The restore is not there: that says nothing of what was stored.
    let stage = Stage::new();
    let line = format!("{} backup {{database}} {{medium}}", stage.program("single").display());
    let mut command = stage.vdi(&["gate", "--client", &line, "--restore", "/no/such/restore"]);
    let ended = Ended::of(command.args(["--filter", "backup/plain"]));
    let told = "cannot prove its backup by a restore";
    assert!(ended.code == 69 && ended.out.contains(told), "{ended:?}");
}

#[test]
fn a_program_that_hangs_is_ended_with_all_it_has_started() {
    let stage = Stage::new();
    // A time that no other process sleeps.
    let time = format!("77.{}", std::process::id());
    let line = format!("sh -c 'sleep {time}; true'");
    let words = ["gate", "--client", &line, "--filter", "backup/plain", "--timeout", "1"];
    let ended = Ended::of(&mut stage.vdi(&words));
    assert!(ended.code == 1 && ended.out.contains("did not end in time"), "{ended:?}");
    let out: Vec<&str> = ended.out.split_whitespace().collect();
    assert!(out.join(" ").contains("--timeout 1 --filter backup/plain"), "{ended:?}");
    let sleeps = |entry: &std::fs::DirEntry| {
        let number = entry.file_name().to_str().and_then(|name| name.parse().ok());
        number.is_some_and(|number| {
            crate::clients::stage::has_words(number, &time) && crate::clients::stage::lives(number)
        })
    };
    let left = std::fs::read_dir("/proc").expect("processes").flatten().find(sleeps);
    assert!(left.is_none(), "{left:?} lives on");
}

#[test]
fn the_report_is_for_ci_systems_too() {
    let stage = Stage::new();
    let line = format!("{} backup {{database}} {{medium}}", stage.program("faulty").display());
    let mut command = stage.vdi(&["gate", "--client", &line, "--filter", "backup/plain"]);
    let ended = Ended::of(command.args(["--format", "junit"]).env("FAULT", "never-closes"));
    let expected = "<testcase name=\"backup/plain\" classname=\"backup\" time=\"";
    assert!(ended.out.contains(expected), "{ended:?}");
    assert!(ended.out.contains("type=\"client.close.required\""), "{ended:?}");
    assert!(ended.out.contains("again     vdi gate --client"), "{ended:?}");
}
