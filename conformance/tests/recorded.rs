//! Recordings of real client programs: each is judged, and its calls are made again.

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use support::{told, vdi, word};

fn recordings() -> Vec<PathBuf> {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/recorded");
    let entries = fs::read_dir(place).expect("the recordings");
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    found.sort();
    assert!(found.len() >= 21, "only {} recordings", found.len());
    found
}

#[test]
fn every_recording_is_conformant() {
    for path in recordings() {
        let output = vdi(&["check", word(&path)]);
        assert!(output.status.success(), "{}", told(&["check", word(&path)]));
    }
}

/// By the runtime, and by the plain implementation, with the order of the calls alone.
#[test]
fn every_recording_can_be_played_again() {
    for path in recordings() {
        for words in [&["replay", word(&path)][..], &["replay", "--plain", word(&path)]] {
            let output = vdi(words);
            assert!(output.status.success(), "{}", told(words));
        }
    }
}
