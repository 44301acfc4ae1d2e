//! `vdi explain`: whatever has a name or a number is known in every spelling, and of the rest it
//! is said that it is not. `vdi ask` of a phase.

use crate::support::{snapshot, told, vdi};

/// A name in any case and a number in any spelling say the same.
#[test]
fn explanations_of_any_spelling() {
    let said = |word| {
        let text = told(&["explain", word]);
        text.split_once('\n').expect("the command stands before").1.to_owned()
    };
    for spellings in [
        &["VD_E_ABORT", "vd_e_abort", "0x80770004", "0X80770004", "x80770004", "80770004"][..],
        &["VD_E_ABORT", "2155282436", "-2139684860", "0x8077_0004", "0xFFFFFFFF80770004"],
        &["VD_E_PROTOCOL", "0x8077000c", "8077000C", "X8077000c"],
        &["VD_E_QUEUE_FULL", "VD_E_BUSY", "0x8077000F"],
        &["ERROR_OPERATION_ABORTED", "995", "0x3e3", "3E3", "error_operation_aborted"],
        &["0x800703E3", "2147943395", "-2147023901", "HRESULT_FROM_WIN32(ERROR_OPERATION_ABORTED)"],
        &["VDF_LikeTape", "liketape", "0x173", "371", "LikeTape"],
        &["VDC_Rewind", "REWIND", "rewind"],
        &["GetCommand", "getcommand"],
        &["AllocateBuffer", "GetBuffer"],
        &["Closed", "closed"],
    ] {
        let first = said(spellings[0]);
        assert!(first.ends_with("exit 0\n"), "{}: {first}", spellings[0]);
        for other in &spellings[1..] {
            let same = said(other);
            // A name is only its own, a number may have more than one.
            assert!(same.contains(first.lines().next().expect("a line")), "{other}: {same}");
            assert!(same.ends_with("exit 0\n"), "{other}: {same}");
        }
    }
    for unknown in
        ["123456", "70", "0x80770001", "0xA0770001", "-1", "99", "x", "-", "VD_E", "Opened", "4711"]
    {
        let text = told(&["explain", unknown]);
        assert!(text.ends_with("exit 64\n") && text.contains("is not known"), "{text}");
    }
}

/// Every function of the interface is explained: its arguments, its answers in every phase, and
/// its clauses; every field of VDConfig and every state as well.
#[test]
fn everything_that_has_a_name_is_explained() {
    use vdi_sim::trace::{FUNCTIONS, Function};

    for function in Function::ALL {
        let text = told(&["explain", function.name()]);
        let rows = FUNCTIONS.iter().filter(|row| row.function == *function);
        for row in rows.clone() {
            let head = format!("function {function} of the {}, ", row.party);
            assert!(text.contains(&head), "{text}");
            let names = row.required.names();
            assert!(names.iter().all(|name| text.contains(name)), "{function}: {names:?}");
        }
        assert_eq!(text.matches("    arguments: ").count(), rows.count(), "{text}");
        assert!(text.contains("    in DoesNotExist "), "{text}");
        assert!(!text.contains("  -\n"), "a phase without an answer: {text}");
        assert!(text.contains("    clause "), "{text}");
    }
    let fields = vdi_sim::config::CONFIG_FIELDS.iter().map(|row| row.name);
    let states = vdi_sim::states::DEVICE_SET_STATES.iter().map(|row| row.name);
    for name in fields.chain(states) {
        let text = told(&["explain", name]);
        assert!(text.ends_with("exit 0\n") && text.contains("    source: "), "{text}");
    }
}

/// The founding page in Spanish: every clause that cites it, with both citations, and the four
/// states; of what is not on it that is said.
#[test]
fn the_founding_page_in_spanish() {
    use vdi_sim::clauses::CLAUSES;
    use vdi_sim::codes::Document;

    let all = told(&["explain", "--language", "es"]);
    let cites = |sources: &[vdi_sim::codes::Source]| {
        sources.iter().any(|source| source.document == Document::ClosePage)
    };
    for row in CLAUSES.iter().filter(|row| cites(row.sources)) {
        let one = told(&["explain", row.id, "--language", "es"]);
        let text = one.split_once('\n').expect("the command").1.trim_end_matches("exit 0\n");
        assert!(all.contains(text) && !one.contains(row.demand), "{one}");
        for document in [Document::ClosePage, Document::ClosePageSpanish] {
            assert!(one.contains(document.title()), "{one}");
        }
    }
    assert_eq!(all.matches("estado ").count(), 4, "{all}");
    for beyond in ["VD_E_ABORT", "server.open.status", "Clos"] {
        let text = told(&["explain", beyond, "--language", "es"]);
        assert!(text.ends_with("exit 64\n"), "{text}");
    }
}

/// Every word of a log is explained with its source, whatever the log puts around it.
#[test]
fn words_of_logs_are_explained() {
    use vdi_conformance::diagnose::words::words;

    for word in words() {
        let text = told(&["explain", word.name]);
        let found = [word.says, word.silent, word.source.at].iter().all(|part| text.contains(part));
        assert!(found && text.ends_with("exit 0\n"), "{}: {text}", word.name);
    }
    for (spelled, first) in [
        ("Msg 3013, Level 16", "message of the server 3013\n"),
        ("995(The I/O operation", "error of the operating system 995 (ERROR_OPERATION_ABORTED)\n"),
        ("-2147221164", "error of the operating system REGDB_E_CLASSNOTREG (0x80040154)\n"),
        ("SignalAbort", "word of a SQLVDI line SignalAbort\n"),
        ("buffercount", "option of BACKUP and RESTORE BUFFERCOUNT\n"),
        ("AllocateBuffer", "function AllocateBuffer of the server, called on a set\n"),
    ] {
        let text = told(&["explain", "--", spelled]);
        assert!(text.split_once('\n').expect("the command").1.starts_with(first), "{text}");
    }
}

/// What cannot be read is an error with its place, and no diagnosis.
#[test]
fn odd_logs_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("written");
        path.display().to_string()
    };
    let log = file("a.log", b"nothing of backups\n");
    let evtx = file("a.evtx", b"ElfFile\0\0");
    let xml = file("a.xml", b"<Events>\n<Event>\n</Events>");
    let gone = folder.path().join("gone").display().to_string();
    for (words, code, said) in [
        (&["diagnose", &log][..], 2, "undecided: no line tells"),
        (&["diagnose", &evtx], 65, "a.evtx:1: this is an event log in its own binary form"),
        (&["diagnose", &xml], 65, "a.xml:3: not well-formed as XML"),
        (&["diagnose", &gone], 65, "gone: cannot be read"),
        (&["diagnose", &log, &log], 64, "is given twice"),
        (&["diagnose", &log, "--trace", &log], 65, "a.log:1: not a trace's header"),
        (&["diagnose", &log, "--utc-offset", "2"], 64, "is no offset from UTC"),
        (&["diagnose"], 64, "<FILE>"),
    ] {
        let text = told(words);
        assert!(text.contains(said) && text.ends_with(&format!("exit {code}\n")), "{text}");
    }
}

#[test]
fn lists_are_filtered() {
    let out = |words: &[&str]| String::from_utf8(vdi(words).stdout).expect("text");
    let mutants = out(&["list", "mutants", "--filter", "forgets-d"]);
    assert!(!mutants.is_empty() && mutants.lines().all(|line| line.starts_with("forgets-d")));
    let scenarios = out(&["list", "--filter", "server/close/", "--filter", "abort/both"]);
    let ids = || scenarios.lines().filter(|line| !line.starts_with(' '));
    assert!(ids().any(|id| id.starts_with("abort/both-sides")), "{scenarios}");
    assert!(ids().all(|id| id.starts_with("server/close/") || id.starts_with("abort/both")));
    let clause = "server.close.devices-open.callbacks";
    let by_clause = out(&["list", "--filter", clause]);
    assert!(by_clause.contains("server/close/delivered-command  ["), "{by_clause}");
    // Of one that was asked for everything is told.
    let whole = out(&["list", "clauses", "--filter", clause]);
    assert!(whole.matches("\n    - ").count() > 5 && !whole.contains(" more ("), "{whole}");
    assert!(
        out(&["list", "clauses"]).contains(&format!(" more (vdi list clauses --filter {clause})"))
    );
    for wrong in
        [&["list", "mutants", "--filter", "no-such"][..], &["list", "parties", "--filter", "s"]]
    {
        assert_eq!(vdi(wrong).status.code(), Some(64), "{wrong:?}");
    }
}

/// The calls that lead to a phase are not the asker's to write down.
#[test]
fn questions_of_a_phase() {
    let mut text = String::new();
    for words in [
        &["DoesNotExist", "server.main", "Close", "sset"][..],
        &["Created", "server.main", "Open", "sset", "--args", r#"{"name":"S"}"#],
        &["connected", "server.main", "EndConfiguration", "sset"],
        &["Configurable", "server.main", "EndConfiguration", "sset"],
        &["Initializing", "server.main", "Close", "sset"],
        &["Active", "server.main", "CloseDevice", "sdev1"],
        &["Active", "server.main", "Close", "sset", "--profile", "documented-tables"],
        &[
            "NormallyTerminated",
            "primary.main",
            "GetCommand",
            "cdev1",
            "--args",
            r#"{"timeout":0}"#,
        ],
        &["AbnormallyTerminated", "server.main", "CloseDevice", "sdev1"],
        &["Abort", "primary.main", "Close", "cset"],
        &["Activ", "server.main", "Close", "sset"],
        &["Active", "trace.jsonl", "server.main", "Close", "sset"],
        &["Active", "server.main", "Close", "sset", "--after", "1"],
    ] {
        text.push_str(&told(&[&["ask", "--given"][..], words].concat()));
        text.push('\n');
    }
    text.push_str(&told(&["ask", "server.main", "Close", "sset"]));
    snapshot("cli", "ask-given", &text);
}
