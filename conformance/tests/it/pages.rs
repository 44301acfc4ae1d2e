//! Pages for a browser, as the command writes them; what they do in a browser is tried in
//! `conformance/tests/consumers/pages.mjs`.

use std::fs;

use tempfile::TempDir;

use crate::support::{vdi, word};

const LOG: &str = "2024-01-01 10:00:00.00 spid51      Error: 18210, Severity: 16, State: 1.\n\
2024-01-01 10:00:00.00 spid51      BackupVirtualDeviceFile::RequestDurableMedia: Flush failure on backup \
device '<b>x</b>'. Operating system error 995(The I/O operation has been aborted because of either a \
thread exit or an application request.).\n";

/// The same exit code as in words, and one file that asks for nothing else.
#[test]
fn every_command_writes_one_page() {
    let folder = TempDir::new().expect("a temporary folder");
    let (trace, log) = (folder.path().join("trace.jsonl"), folder.path().join("ERRORLOG"));
    fs::write(&log, LOG).expect("written");
    let one =
        ["run", "--defect", "forgets-delivered", "--scenario", "server/close/delivered-command"];
    let traces = [&one[..], &["--traces", word(folder.path())]].concat();
    assert_eq!(vdi(&traces).status.code(), Some(1));
    let written = folder.path().join("server/close/delivered-command.jsonl");
    fs::rename(written, &trace).expect("a trace");
    let commands: [&[&str]; 8] = [
        &one,
        &["run", "--filter", "server/close"],
        &["check", word(&trace)],
        &["simulate", "--seed", "7"],
        &["simulate", "--seeds", "0..20"],
        &["mutants", "--filter", "forgets-d"],
        &["readings", "--traces", word(&trace)],
        &["diagnose", word(&log)],
    ];
    for command in commands {
        let page = vdi(&[command, &["--format", "html"]].concat());
        let text = vdi(command);
        assert_eq!(page.status.code(), text.status.code(), "{command:?}");
        let html = String::from_utf8(page.stdout).expect("text");
        assert!(html.starts_with("<!doctype html>") && html.ends_with("</html>\n"), "{command:?}");
        // But for what stands in the page itself.
        let html = html.replace("url(#", "");
        for outside in [" src=", "<link", "url(", "@import", "http://", "https://", "<b>"] {
            assert!(!html.contains(outside), "{command:?}: {outside}");
        }
        let code = page.status.code().unwrap_or_default();
        assert!(html.contains(&format!("<dt>exit code</dt><dd>{code}</dd>")), "{command:?}");
    }
}

#[test]
fn the_whole_suite_fits_into_a_mail() {
    for defect in ["forgets-delivered", "server-close-noerror"] {
        let page = vdi(&["run", "--defect", defect, "--format", "html"]);
        assert!(page.stdout.len() < 2_000_000, "{defect}: {}", page.stdout.len());
        let html = String::from_utf8(page.stdout).expect("text");
        let text = String::from_utf8(vdi(&["run", "--defect", defect, "--verbose"]).stdout);
        let text = text.expect("text");
        let mut failing = 0;
        for line in text.lines().filter_map(|line| line.strip_prefix("FAIL  ")) {
            let id = line.split_whitespace().next().expect("an id");
            assert!(html.contains(&format!("<details class=\"case\" data-case=\"{id}\"")), "{id}");
            failing += 1;
        }
        assert!(failing > 10, "{text}");
    }
}

/// A trace beside its page; the page never takes the trace's place.
#[test]
fn a_trace_is_viewed() {
    let folder = TempDir::new().expect("a temporary folder");
    let trace = folder.path().join("a.jsonl");
    let (header, call) =
        (r#"{"vdi":"trace/1"}"#, r#"{"lane":"server.main","call":"Close","on":"sset"}"#);
    let end = r#"{"lane":"server.main","return":"NOERROR"}"#;
    fs::write(&trace, format!("{header}\n{call}\n{end}\n")).expect("written");
    let told = vdi(&["view", word(&trace)]);
    assert_eq!(told.status.code(), Some(1));
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(told.contains("a.html: violation by the interface in line 3"), "{told}");
    let html = fs::read_to_string(folder.path().join("a.html")).expect("a page");
    assert!(html.contains("clause    server.close.not-open"), "the verdict as it is printed");
    let same = vdi(&["view", word(&trace), "--output", "-"]);
    assert_eq!(String::from_utf8_lossy(&same.stdout), html);
    let itself = vdi(&["view", word(&trace), "--output", word(&trace)]);
    assert_eq!(itself.status.code(), Some(64), "{itself:?}");
    assert_eq!(vdi(&["view", "no-such-trace"]).status.code(), Some(65));
}
