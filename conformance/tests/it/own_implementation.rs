//! Any adapter in the place of our implementations in a world: a sound one comes to no harm, a
//! defect is found, and an adapter that breaks down is told from an implementation that errs.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::support::{PYTHON, defective, told};
use vdi_conformance::adapter::Limits;
use vdi_conformance::campaign::{
    AdapterProgram, BackendKind, CampaignConfig, CannotRun, Seeds, Shard, Share,
};
use vdi_sim::simulate::{Campaign, Problem};

fn campaign(command: &str, seeds: u64) -> Result<Campaign, CannotRun> {
    let limits = Limits { timeout: Duration::from_secs(60), ..Limits::default() };
    let adapter = Some(AdapterProgram::new(command, limits).expect("a command line"));
    let backend = BackendKind::Adapter;
    let worlds = CampaignConfig { backend, adapter, digest: true, ..CampaignConfig::on_model() };
    let share = Share { seeds: Seeds { from: 0, to: seeds }, shard: Shard::WHOLE };
    worlds.campaign("documented-pages", share, 2, &AtomicBool::new(false), &|_| {})
}

fn python(folder: &Path) -> String {
    format!("python3 '{}/tiny_vdi.py'", folder.display())
}

#[test]
fn a_sound_adapter_comes_to_no_harm_and_does_the_same_again() {
    let run = || campaign(&python(Path::new(PYTHON)), 60).expect("it runs");
    let found = run();
    assert_eq!(found.failures, []);
    assert_eq!(found.engine, "tiny-vdi");
    assert!(found.totals.restores > 10, "{:?}", found.totals);
    assert_eq!(found.digest, run().digest, "the same seeds gave other traces");
}

#[test]
fn a_defect_behind_an_adapter_is_found() {
    let folder = tempfile::tempdir().expect("a folder");
    defective(folder.path(), "vdi.py", ("device.queue.popleft()", "device.queue.pop()"));
    let found = campaign(&python(folder.path()), 40).expect("it runs");
    let delivers = |class: &String| class.contains("client.get-command.");
    assert!(found.problems.keys().any(delivers), "{:?}", found.problems);
}

#[test]
fn an_adapter_that_breaks_down_is_told_and_started_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let breaks = (
        "def _open_device(scene, target, args, name):\n",
        "def _open_device(*all):\n    import os; os._exit(3)\n",
    );
    defective(folder.path(), "calls.py", breaks);
    let found = campaign(&python(folder.path()), 6).expect("it runs");
    assert_eq!(found.worlds, 6);
    let is_down =
        |problem: &Problem| matches!(problem, Problem::Adapter { what } if what.contains("ended"));
    assert!(!found.failures.is_empty());
    for failure in &found.failures {
        assert!(failure.problems.iter().all(is_down), "{:?}", failure.problems);
    }
}

#[test]
fn one_that_dies_before_its_hello_tells_its_last_words_once_and_how_to_greet_it() {
    let command = "sh -c 'echo no libsqlvdi here >&2; echo give up >&2; exit 3'";
    let ways = [
        (&["simulate", "--seed", "1"][..], "--adapter"),
        (&["simulate", "--seeds", "0..9"], "--adapter"),
        (&["shrink", "--seed", "1"], "--adapter"),
        (&["simulate", "--seed", "1"], "--client"),
        (&["readings"], "--adapter"),
        (&["run"], "--adapter"),
    ];
    for (words, option) in ways {
        let output = told(&[words, &[option, command]].concat());
        assert!(output.ends_with("exit 69\n"), "{words:?} {output}");
        for once in ["no libsqlvdi here\n", "give up\n", "by hand   echo '{\"op\":\"hello\","] {
            // The command itself is told, too, in quotation marks.
            let count = output.matches(once).count();
            assert_eq!(count, 1, "{words:?} {option}: {once}: {output}");
        }
    }
}

#[test]
fn an_adapter_that_offers_too_little_is_refused_and_says_why() {
    let folder = tempfile::tempdir().expect("a folder");
    defective(folder.path(), "tiny_vdi.py", (r#""settle", "expire","#, r#""settle","#));
    let command = python(folder.path());
    let output = told(&["simulate", "--seed", "1", "--adapter", &command]);
    assert!(output.ends_with("exit 69\n"), "{output}");
    assert!(output.contains("does not offer what worlds need: expire"), "{output}");
}

#[test]
fn a_seed_that_fails_on_an_adapter_is_replayed_by_the_command_it_prints() {
    let folder = tempfile::tempdir().expect("a folder");
    defective(folder.path(), "vdi.py", ("device.queue.popleft()", "device.queue.pop()"));
    let command = python(folder.path());
    let output = told(&["simulate", "--seeds", "0..40", "--jobs", "1", "--adapter", &command]);
    assert!(output.ends_with("exit 1\n"), "{output}");
    let again = output.lines().find_map(|line| line.trim().strip_prefix("again     vdi "));
    let again = shlex::split(again.expect("a command that shows it again")).expect("words");
    let words: Vec<&str> = again.iter().map(String::as_str).collect();
    let output = told(&words);
    assert!(output.contains("PROBLEM") && output.ends_with("exit 1\n"), "{output}");
}
