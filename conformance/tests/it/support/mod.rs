//! What several tests share: running the command, and where snapshots are.
#![allow(dead_code, reason = "each test uses a part")]

use std::panic::resume_unwind;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The output of `vdi` with these words, run at the top of the project.
pub(crate) fn vdi(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_vdi"))
        .args(words)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()
        .expect("the command starts")
}

/// Whether a line tells, beside the report, what races and walks came to: of races that differs
/// from run to run.
pub(crate) fn is_note(line: &str) -> bool {
    ["races: ", "walks: ", "racing walks: "].iter().any(|word| line.starts_with(word))
}

/// Exit code, standard output and standard error as one text, without such notes.
pub(crate) fn told(words: &[&str]) -> String {
    let output = vdi(words);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let stderr = stderr.split_inclusive('\n').filter(|line| !is_note(line));
    format!(
        "$ vdi {}\n{}{}exit {}\n",
        words.join(" "),
        String::from_utf8_lossy(&output.stdout),
        stderr.collect::<String>(),
        output.status.code().unwrap_or(-1)
    )
}

/// What comes of each, in their order, of six at once: for what waits more than it computes.
pub(crate) fn at_once<T: Sync, R: Send>(all: &[T], each: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(one) = all.get(index) else { return done };
            done.push((index, each(one)));
        }
    };
    let mut done: Vec<(usize, R)> = std::thread::scope(|scope| {
        let workers = [(); 6].map(|()| scope.spawn(work));
        let ended = workers.map(|worker| worker.join().unwrap_or_else(|why| resume_unwind(why)));
        ended.into_iter().flatten().collect()
    });
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, one)| one).collect()
}

/// Compares with `snapshots/<folder>/<name>.snap`.
pub(crate) fn snapshot(folder: &str, name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(format!("{}/../snapshots/{folder}", env!("CARGO_MANIFEST_DIR")));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

/// The path as a word of a command line.
pub(crate) fn word(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// The published schema.
pub(crate) fn schema(name: &str) -> jsonschema::Validator {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios/schema");
    let text = std::fs::read_to_string(format!("{folder}/{name}.json")).expect("a schema");
    let schema: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    jsonschema::validator_for(&schema).expect("a sound schema")
}

/// The Python adapter.
pub(crate) const PYTHON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/adapters/python");

/// The Python adapter with one thing wrong: of a file, what takes the place of what.
pub(crate) fn defective(folder: &Path, file: &str, (right, wrong): (&str, &str)) {
    for entry in
        std::fs::read_dir(PYTHON).expect("the adapter").map(|entry| entry.expect("an entry"))
    {
        let (from, to) = (entry.path(), folder.join(entry.file_name()));
        // What is wrong already stays so.
        if from.extension().is_some_and(|extension| extension == "py") && !to.exists() {
            std::fs::copy(from, to).expect("it is copied");
        }
    }
    let text = std::fs::read_to_string(folder.join(file)).expect("a file of the adapter");
    assert!(text.contains(right), "{file} has no {right}");
    std::fs::write(folder.join(file), text.replace(right, wrong)).expect("it is written");
}
