//! What was seen of real implementations: a library that does so is found by default, the reading
//! that explains it is named, and with that reading it is accused of nothing.

use std::fs;

use super::{Ended, Stage, defective, library, word};
use vdi_sim::clauses::{SEEN, Seen};

/// A library that does what was seen of this question, what comes of it by that reading, and
/// a defect that it does not excuse.
fn imitating(seen: &Seen) -> (&'static str, i32, &'static str) {
    match seen.question.info().id {
        // It comes to nothing that could be conformant.
        "get-configuration-after-abort" => {
            ("unmapped-memory-is-told-late", 2, "completion-bytes-are-lost")
        }
        "random-access-operations" => ("random-access-aborts", 0, "configuration-lacks-features"),
        "several-waiters" => ("second-waiter-times-out", 0, "completion-bytes-are-lost"),
        other => panic!("nothing imitates {other}"),
    }
}

fn probed(stage: &Stage, seen: &Seen, defect: &str, words: &[&str]) -> Ended {
    let words = [&["--scenario", seen.scenario], words].concat();
    let mut command = super::command(stage, &defective(), &words);
    command.env("DEFECT", defect).env("ORIGINAL", library().join("libsqlvdi.so"));
    Ended::of(&mut command)
}

#[test]
fn what_was_seen_is_recognised_and_no_sound_library_is_taken_for_it() {
    for seen in SEEN {
        let (defect, with_it, another) = imitating(seen);
        let stage = Stage::new();
        let ended = probed(&stage, seen, defect, &[]);
        assert_eq!(ended.code, 1, "{defect}: {ended:?}");
        let reading = seen.reading().to_string();
        assert!(ended.out.contains(&reading), "{reading} is not named: {}", ended.out);

        let (question, id) = reading.split_once('=').expect("a reading");
        let profile = stage.path("seen.json");
        let text = format!(
            "{{ \"base\": \"documented-pages\", \"readings\": {{ \"{question}\": \"{id}\" }} }}\n"
        );
        fs::write(&profile, text).expect("written");
        let ended = probed(&stage, seen, defect, &["--profile", word(&profile)]);
        assert_eq!(ended.code, with_it, "{reading}: {ended:?}");

        // The reading excuses nothing else, and nobody needs it.
        let ended = probed(&stage, seen, another, &["--profile", word(&profile)]);
        assert_eq!(ended.code, 1, "{reading}: {another}: {ended:?}");
        assert_eq!(probed(&stage, seen, "none", &[]).code, 0, "{reading}");
    }
}

/// What a probe has seen decides the questions that its recordings alone leave open.
#[test]
fn a_probe_decides_what_its_recordings_leave_open() {
    for (defect, expected) in [
        ("none", "several-waiters: every, by wait/two-for-the-configuration"),
        ("second-waiter-times-out", "several-waiters: one-may-time-out, by wait/two-"),
    ] {
        let stage = Stage::new();
        let seen = SEEN.iter().find(|seen| seen.reading == "one-may-time-out").expect("it");
        let home = stage.path("home");
        let ended = probed(&stage, seen, defect, &["--out", word(&home)]);
        let readings = fs::read_to_string(home.join("readings.txt"));
        let readings = readings.unwrap_or_else(|error| panic!("{error}: {ended:?}"));
        assert!(readings.contains(expected), "{defect}: {readings}");
        let profile = fs::read_to_string(home.join("profile.json")).expect("a profile");
        assert_eq!(profile.contains("one-may-time-out"), defect != "none", "{profile}");
    }
}
