//! What is concluded from an implementation that says nothing: no reading.

use std::fs;
use std::path::Path;

use crate::support::{PYTHON, defective, vdi, word};

/// A folder with the scenarios about time.
fn scenarios(folder: &Path) -> String {
    let all = concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios");
    let mine = folder.join("scenarios");
    fs::create_dir_all(mine.join("time")).expect("a folder");
    fs::create_dir_all(mine.join("readings")).expect("a folder");
    for entry in fs::read_dir(format!("{all}/time")).expect("scenarios") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name");
        fs::copy(&path, mine.join("time").join(name)).expect("it is copied");
    }
    let unit = "readings/linux-timeout-unit.json";
    fs::copy(format!("{all}/{unit}"), mine.join(unit)).expect("it is copied");
    word(&mine).to_owned()
}

/// The readings that are found of the Python adapter with this wrong, as the profile has them
/// and as they are told.
fn found(wrong: &[(&str, (&str, &str))]) -> (serde_json::Value, String) {
    let folder = tempfile::tempdir().expect("a folder");
    for (file, change) in wrong {
        defective(folder.path(), file, *change);
    }
    let profile = folder.path().join("profile.json");
    let adapter = match wrong {
        [] => format!("python3 '{PYTHON}/tiny_vdi.py'"),
        _ => format!("python3 '{}/tiny_vdi.py'", folder.path().display()),
    };
    let mine = scenarios(folder.path());
    let words = ["readings", "--adapter", &adapter, "--scenarios", &mine, "--timeout", "2"];
    let output = vdi(&[&words[..], &["--output", word(&profile)]].concat());
    let text = fs::read_to_string(profile).expect("a profile");
    let file: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    (file["readings"].clone(), String::from_utf8_lossy(&output.stdout).into_owned())
}

fn line<'a>(told: &'a str, question: &str) -> &'a str {
    told.lines().find(|line| line.starts_with(question)).unwrap_or_else(|| panic!("{told}"))
}

const NEVER: (&str, (&str, &str)) =
    ("monitor.py", ("self.timed_out = self.time_left <= 0", "self.timed_out = False"));
const NO_INTERVAL: (&str, (&str, &str)) = ("vdi.py", ("self._intervals += 1", "pass"));

#[test]
fn whoever_lets_no_time_pass_follows_no_reading_of_it() {
    let (readings, told) = found(&[NEVER, NO_INTERVAL]);
    assert_eq!(readings, serde_json::json!({}), "{told}");
    for question in ["linux-timeout-unit", "load-excuses"] {
        assert!(line(&told, question).contains("cannot be told"), "{told}");
    }
}

#[test]
fn whoever_lets_time_pass_is_known_by_what_does_not_follow() {
    let (_, told) = found(&[]);
    assert!(line(&told, "load-excuses").ends_with(" nothing"), "{told}");
    assert!(line(&told, "linux-timeout-unit").ends_with(" milliseconds"), "{told}");
    let pending = "if not self.config.serverTimeOut or not self._pending:";
    let excused = "if not self.config.serverTimeOut or not self._pending or any(\
                   command.code == 8 for command in self._pending):";
    let (readings, told) = found(&[("vdi.py", (pending, excused))]);
    assert_eq!(readings, serde_json::json!({ "load-excuses": "whole-set" }), "{told}");
}
