//! What goes wrong beside the commands: a statement that is refused, or ends late; a set that is
//! aborted before a device is open; a program that gives up, or is told to.

use std::fs;

use super::{report, report_by, said};
use crate::clients::stage::{Ended, Stage};
use serde_json::Value;

/// A client with this fault fails in this situation: how, and what is said of it.
fn fails(rows: &[(&str, &str, &str, &str)]) {
    for (fault, situation, verdict, why) in rows {
        let (code, report) = report(fault, &[situation]);
        let (got, reason) = said(&report, situation);
        assert!(got == *verdict && reason.contains(why), "{fault}: {got}: {reason}\n{report:#}");
        assert_eq!(code, 1, "{fault}");
    }
}

#[test]
fn who_does_not_look_at_its_statement_fails() {
    let waits = "client.get-configuration.after-failure";
    fails(&[
        ("ignores-its-statement", "backup/statement-refused", "violation", waits),
        ("waits-for-ever", "restore/statement-refused", "violation", waits),
        ("never-looks", "backup/late-end", "violation", "client.success"),
        ("never-looks", "backup/late-failure", "violation", "client.success"),
        ("never-looks", "restore/late-failure", "violation", "client.success"),
        ("looks-too-soon", "backup/late-end", "program-failed", "after it had ended"),
    ]);
}

/// A wait that has an end behind that of the situation is not endless.
#[test]
fn a_wait_with_a_late_end_is_undecided() {
    let situation = "backup/statement-refused";
    let (code, report) = report("waits-long", &[situation]);
    let (verdict, why) = said(&report, situation);
    assert!(verdict == "inconclusive" && why.contains("for 600000 ms"), "{verdict}: {why}");
    assert_eq!(code, 2);
}

#[test]
fn an_end_before_a_device_is_open_is_seen() {
    fails(&[
        ("opens-blindly", "backup/abort-before-open", "violation", "client.success"),
        ("always-succeeds", "backup/abort-while-configuring", "violation", "client.success"),
    ]);
}

#[test]
fn who_is_told_to_end_ends_and_tells_no_false_success() {
    fails(&[
        ("cancel-is-success", "backup/cancelled", "violation", "client.success"),
        ("hangs-when-cancelled", "backup/cancelled", "hung", "in time"),
    ]);
}

#[test]
fn what_else_shipped_clients_did_wrong_is_found() {
    fails(&[
        ("wants-it-all", "restore/head-only", "program-failed", "its statement succeeded"),
        ("shortens", "backup/disk-full", "violation", "client.write.short"),
        ("one-device-too-many", "backup/plain", "violation", "client.create.device-count"),
        ("knows-no-close", "backup/plain", "program-failed", "its statement succeeded"),
        ("moves-nothing", "restore/plain", "violation", "client.media.true"),
        ("opens-too-early", "backup/plain", "violation", "client.order"),
        ("asks-on", "backup/plain", "violation", "client.get-command.stop"),
        (
            "refuses-clear-error",
            "restore/command-not-asked-for",
            "violation",
            "device.error.clear-error-success",
        ),
    ]);
}

/// It has refused the command, and says that it has failed: nobody can ask for more.
#[test]
fn who_gives_up_at_a_command_it_does_not_support_is_conformant() {
    for situation in ["backup/command-not-asked-for", "restore/command-not-asked-for"] {
        let (code, report) = report("gives-up", &[situation]);
        assert_eq!(said(&report, situation).0, "conformant", "{report:#}");
        assert_eq!(code, 0);
    }
}

/// With REPLACE another database is replaced, without it is not: both are told as they are.
#[test]
fn a_restore_onto_another_database_ends_as_its_statement_says() {
    let situation = "restore/onto-another-database";
    for (options, told) in [("", "conformant"), (" REPLACE", "conformant")] {
        let stage = Stage::new();
        let client = stage.program("single").display().to_string();
        let backup = format!("{client} backup {{database}} {{medium}}");
        let restore = format!("{client} restore {{database}} {{medium}}{options}");
        let traces = stage.path("traces");
        let mut command = stage.vdi(&["gate", "--client", &backup, "--restore", &restore]);
        command.args(["--filter", situation, "--format", "json", "--traces"]).arg(&traces);
        let ended = Ended::of(&mut command);
        let report: Value = serde_json::from_str(&ended.out).expect("a report");
        assert_eq!(said(&report, situation).0, told, "{report:#}");
        let trace = fs::read_to_string(traces.join(format!("{situation}.jsonl"))).expect("a trace");
        let statement = if options.is_empty() { "failed" } else { "succeeded" };
        let learned = format!("\"primary.statement\",\"statement\":\"{statement}\"");
        assert!(trace.contains(&learned), "{trace}");
        // What the gate has done on purpose is told there.
        assert!(trace.lines().next().is_some_and(|header| header.contains("\"provoked\":")));
    }
    let (_, report) = report("always-succeeds", &[situation]);
    assert_eq!(said(&report, situation).1, "client.success", "{report:#}");
}

/// Nobody says what a count means there: it is told, and by the other reading a fault.
#[test]
fn a_count_with_a_flush_is_told() {
    let text = |profile: &str| {
        let stage = Stage::new();
        let client = stage.program("faulty").display().to_string();
        let (backup, restore) = (
            format!("{client} backup {{database}} {{medium}}"),
            format!("{client} restore {{database}} {{medium}}"),
        );
        let words =
            ["gate", "--client", &backup, "--restore", &restore, "--filter", "backup/plain"];
        let mut command = stage.vdi(&words);
        let file = stage.path("profile.json");
        fs::write(&file, "{\"readings\": {\"stray-bytes\": \"client-fault\"}}").expect("written");
        let profile = if profile.is_empty() { file.display().to_string() } else { profile.into() };
        let ended =
            Ended::of(command.args(["--profile", &profile]).env("FAULT", "counts-with-flush"));
        (ended.code, ended.out)
    };
    let (code, out) = text("documented-pages");
    let told = "note  backup/plain: 65536 bytes are given with a Flush, which has none to give";
    assert!(code == 0 && out.contains(told), "{code} {out}");
    let (code, out) = text("");
    assert!(code == 1 && out.contains("client.complete-command.stray-bytes"), "{code} {out}");
    assert!(out.contains("reading   stray-bytes=client-fault"), "{out}");
    assert!(out.contains("but not   stray-bytes=told"), "{out}");
}

/// A failure after a time-out names the unit it was taken in; by the other unit library, client
/// and verdict all go, and there is none.
#[test]
fn a_long_pause_names_the_unit_of_time_outs() {
    let (code, report) = report("impatient", &["backup/long-pause"]);
    let detail = &report["scenarios"][0]["detail"];
    assert_eq!(code, 1, "{report:#}");
    let got = detail["got"].as_str().unwrap_or_default();
    assert!(got.contains("its GetCommand(90) had timed out, taken for 90 milliseconds"), "{got}");
    let named = |key: &str| detail[key].to_string();
    assert!(named("readings").contains("linux-timeout-unit=milliseconds"), "{detail:#}");
    assert!(named("otherwise").contains("linux-timeout-unit=seconds"), "{detail:#}");
    let stage = Stage::new();
    let file = stage.path("profile.json");
    let readings = "{\"readings\": {\"linux-timeout-unit\": \"seconds\"}}";
    fs::write(&file, readings).expect("written");
    let profile = file.display().to_string();
    let (code, report) = report_by(&profile, "impatient", &["backup/long-pause"]);
    assert_eq!((code, said(&report, "backup/long-pause").0.as_str()), (0, "conformant"));
}

/// What is said of a failure is what happened to the program, not at a step.
#[test]
fn a_failure_tells_what_came_of_the_program() {
    let stage = Stage::new();
    let line = format!("{} backup {{database}} {{medium}}", stage.program("faulty").display());
    let words = ["gate", "--client", &line, "--filter", "backup/abort-at-command-2"];
    let ended = Ended::of(stage.vdi(&words).env("FAULT", "always-succeeds"));
    let out = ended.out.split_whitespace().collect::<Vec<_>>().join(" ");
    for told in [
        "got exits with 0, which tells its caller success, though its statement failed: ",
        "program exits with 0, which tells its caller success; its statement failed: ",
        "provoked the server was told to (abort@2)",
    ] {
        assert!(ended.code == 1 && out.contains(told), "{told}: {ended:?}");
    }
    assert!(!out.contains("in the situation given"), "{out}");
}
