//! Sound programs of every shape are conformant, whatever transfers they ask for: nothing is
//! undecided. `VDI_GATE=whole` tries each in every situation; else in some of those whose sizes
//! and places follow from what it does undisturbed.

use crate::clients::stage::{Ended, Stage};

/// The sound clients, each with what it needs in its environment.
const SOUND: [(&str, &str); 9] = [
    ("single", ""),
    ("threads", ""),
    ("processes", ""),
    ("handles", ""),
    ("disk", ""),
    ("complete", ""),
    ("snapshot", "DATABASE_FILE=$VDI_DATA/{database} "),
    ("faulty", ""),
    ("turns", ""),
];

/// Where the sizes of a program matter, those that take the longest last.
const SIZED: [&str; 7] = [
    "backup/abort-at-command-6",
    "restore/device-closed-early",
    "restore/server-dies",
    "several/abort-at-command-6",
    "backup/flush-twice",
    "backup/disk-full",
    "several/restore",
];

fn no_failure(transfer: usize, situations: &[&str]) {
    let whole = std::env::var("VDI_GATE").is_ok_and(|what| what == "whole");
    for (client, before) in SOUND {
        let stage = Stage::new();
        let program = stage.program(client).display().to_string();
        let line = |verb: &str| {
            let options = format!("MAXTRANSFERSIZE={transfer}");
            format!("sh -c '{before}exec {program} {verb} {{database}} {{medium}} {options}'")
        };
        let (backup, restore) = (line("backup"), line("restore"));
        let mut command = stage.vdi(&["gate", "--client", &backup, "--restore", &restore]);
        command.args(["--several", &backup, "--several-restore", &restore, "--timeout", "300"]);
        if !whole {
            for situation in situations {
                command.args(["--filter", situation]);
            }
        }
        let ended = Ended::of(&mut command);
        let sound = ended.code == 0 && !["FAIL", "UNDECIDED"].iter().any(|w| ended.out.contains(w));
        assert!(sound, "{client} {transfer}: {ended:?}");
    }
}

#[test]
fn sound_programs_with_small_transfers() {
    no_failure(65_536, &SIZED[..4]);
}

#[test]
fn sound_programs_with_transfers_of_a_mebibyte() {
    no_failure(1 << 20, &SIZED[..4]);
}

#[test]
fn sound_programs_with_the_largest_transfers() {
    no_failure(4 << 20, &SIZED[2..]);
}

/// A server keeps every device open until the operation is complete on each.
#[test]
fn who_serves_one_device_after_another_fails() {
    let stage = Stage::new();
    let program = stage.program("turns").display().to_string();
    let line = |verb: &str| format!("{program} {verb} {{database}} {{medium}}");
    let (backup, restore) = (line("backup"), line("restore"));
    let mut command = stage.vdi(&["gate", "--client", &backup, "--filter", "several/backup"]);
    command.args(["--several", &backup, "--several-restore", &restore]);
    let ended = Ended::of(command.env("FAULT", "one-after-another"));
    let out = ended.out.split_whitespace().collect::<Vec<_>>().join(" ");
    let told = "asked for no command of the device";
    assert!(ended.code == 1 && out.contains("FAIL several/backup"), "{ended:?}");
    assert!(out.contains(told), "{ended:?}");
}

/// However much is under way when it is told to end, it is decided.
#[test]
fn a_program_with_many_devices_that_is_told_to_end_is_decided() {
    let stage = Stage::new();
    let line = format!("{} backup {{database}} {{medium}}", stage.program("threads").display());
    for _ in 0..3 {
        let mut command = stage.vdi(&["gate", "--client", &line, "--filter", "backup/cancelled"]);
        let ended = Ended::of(command.env("DEVICES", "64"));
        assert!(ended.code == 0 && ended.out.contains("1 conformant"), "{ended:?}");
    }
}
