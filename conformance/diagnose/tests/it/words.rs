//! The words of logs: complete rows, each found by every spelling.

use std::collections::BTreeSet;

use vdi_diagnose::words::{WordKind, explained, words};

#[test]
fn every_row_says_all_and_cites_a_page() {
    let mut seen = BTreeSet::new();
    for word in words() {
        for text in [word.says, word.fault, word.next, word.silent] {
            assert!(text.ends_with(['.', '?']) && text.len() > 5, "{}: {text}", word.name);
        }
        assert!(!word.source.title.is_empty(), "{}", word.name);
        assert!(word.source.at.starts_with("https://"), "{}", word.name);
        assert!(seen.insert((word.kind, word.name)), "{} stands twice", word.name);
        assert_eq!(
            word.number.is_some(),
            matches!(word.kind, WordKind::Message | WordKind::System)
        );
    }
    assert!(seen.len() > 100, "only {} words", seen.len());
}

/// What the first row of an explanation is called.
fn first(word: &str) -> Option<&'static str> {
    explained(word).first().map(|word| word.name)
}

#[test]
fn spellings() {
    for (name, spellings) in [
        (
            "ERROR_OPERATION_ABORTED",
            &["995", "0x3e3", "0x800703E3", "995(The I/O operation", "-2147023901"][..],
        ),
        ("ERROR_DISK_FULL", &["112", "0x80070070", "error_disk_full", "OS error 112."]),
        ("ERROR_FILE_NOT_FOUND", &["0x80070002", "x80070002", "2", "2147942402", "-2147024894"]),
        ("REGDB_E_CLASSNOTREG", &["0x80040154", "-2147221164", "80040154", "regdb_e_classnotreg"]),
        ("3013", &["3013", "Msg 3013", "Error: 3013, Severity: 16", "Msg 3013, Level 16, State 1"]),
        ("SignalAbort", &["signalabort", "Loc=SignalAbort.", "SignalAbort"]),
        (
            "RequestDurableMedia",
            &["BackupVirtualDeviceFile::RequestDurableMedia:", "requestdurablemedia"],
        ),
        ("MAXTRANSFERSIZE", &["maxtransfersize", "MaxTransferSize"]),
    ] {
        for spelling in spellings {
            assert_eq!(first(spelling), Some(name), "{spelling}");
        }
    }
    for unknown in ["70", "123456", "x", "", "-", "0x80770001", "(", "Msg"] {
        assert_eq!(first(unknown), None, "{unknown}");
    }
}
