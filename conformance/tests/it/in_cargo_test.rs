//! What fails in a test of somebody's own fails with the text that the command prints.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;

use vdi_conformance::adapter::Reference;
use vdi_conformance::reference::Mutant;
use vdi_conformance::vdi_sim::simulate::simulate;
use vdi_conformance::vdi_sim::{Profile, Watch, check_reader, options_of};
use vdi_conformance::{Adapter, Library, SuiteOptions, Summary, run_suite};

use crate::support::vdi;

/// What a panic says.
fn told(test: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(test)).expect_err("it fails");
    *panic.downcast::<String>().expect("a text")
}

/// What the command prints, behind the line with which a panic begins.
fn printed(words: &[&str]) -> String {
    format!("\n{}", String::from_utf8(vdi(words).stdout).expect("text"))
}

#[test]
fn a_trace() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("trace");
    let text = "{\"vdi\":\"trace/1\"}\n\
                {\"lane\":\"server.main\",\"call\":\"Close\",\"on\":\"sset\"}\n\
                {\"lane\":\"server.main\",\"return\":\"NOERROR\"}\n";
    std::fs::write(&path, text).expect("written");
    let mut check = Command::new(env!("CARGO_BIN_EXE_vdi"));
    let output = check.args(["check", "trace"]).current_dir(folder.path()).output().expect("vdi");
    let whole = format!("\n{}", String::from_utf8(output.stdout).expect("text"));
    let judged = || check_reader(text.as_bytes(), &Profile::default()).assert_conformant();
    assert_eq!(told(judged), whole);
}

#[test]
fn a_run() {
    let (defect, id) = ("forgets-delivered", "server/close/delivered-command");
    let library = Library::embedded().expect("sound");
    let options = SuiteOptions::default();
    let adapter = Reference::mutant(Mutant::by_name(defect).expect("a mutant"));
    let results =
        run_suite(&adapter, &[&library.get(id).expect("it is there").scenario], &options, &|_| {});
    let summary = || Summary {
        command: "run",
        options: adapter.options(),
        ..Summary::of(&results, &options)
    };
    let words = ["run", "--defect", defect, "--scenario", id];
    let whole = printed(&words);
    assert!(whole.contains("FAIL  server/close/delivered-command"), "{whole}");
    assert_eq!(told(|| summary().assert_conformant()), whole);
    // Who has given no command has none to give again.
    let alone = told(|| Summary::of(&results, &options).assert_conformant());
    let without: String =
        whole.split_inclusive('\n').filter(|line| !line.contains("  again  ")).collect();
    assert_eq!(alone, without);
}

#[test]
fn a_world() {
    let mut options = options_of(7);
    options.most_steps = 100;
    let watch = Watch { judge: true, keep: false };
    let outcome = simulate(7, &options, &Profile::default(), watch);
    assert!(!outcome.is_good(), "it is cut off");
    let whole = printed(&["simulate", "--seed", "7", "--set", "mostSteps=100"]);
    let without: String =
        whole.split_inclusive('\n').filter(|line| !line.starts_with("again ")).collect();
    assert_eq!(told(|| outcome.assert_good()), without);
    // With the last events, if the trace was kept.
    let kept = simulate(7, &options, &Profile::default(), Watch { judge: true, keep: true });
    let kept = told(|| kept.assert_good());
    assert!(kept.ends_with(&without[1..]) && kept.contains(" calls "), "{kept}");
}
