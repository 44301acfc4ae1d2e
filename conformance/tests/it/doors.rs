//! The doors: what is unsafe, and what opens, makes or removes files, each place of it listed in
//! a page with the reason why it is sound.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::tidy::{sources, top};

/// The rows of the tables of a page: the cells, without what marks code.
fn rows(page: &str) -> Vec<Vec<String>> {
    let text = fs::read_to_string(top().join(page)).expect("a page");
    let lines = text.lines().filter(|line| line.starts_with("| `"));
    let cells = |line: &str| {
        let cells = line.trim_matches('|').split(" | ");
        cells.map(|cell| cell.trim().trim_matches('`').to_owned()).collect()
    };
    lines.map(cells).collect()
}

/// Our own sources, without tests: their paths from the top, and their text up to the tests in
/// them.
fn own_sources() -> Vec<(String, String)> {
    let all = ["sim", "conformance"].into_iter().flat_map(|folder| sources(&top().join(folder)));
    let mut found = Vec::new();
    for path in all {
        let short = path.strip_prefix(top()).expect("below the top").display().to_string();
        let text = fs::read_to_string(&path).expect("a source");
        let outside = ["/tests/", "/benches/", "/examples/", "/libfuzzer/", "/skeletons/"];
        if !outside.iter().any(|folder| short.contains(folder)) {
            let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
            found.push((short, text.to_owned()));
        }
    }
    found
}

/// A line without a comment.
fn code(line: &str) -> &str {
    line.split("//").next().unwrap_or_default()
}

/// What opens, makes, links or removes something, or says who may.
const OPERATIONS: &[&str] = &[
    "File::create",
    "File::open",
    "File::options",
    "OpenOptions::new",
    "fs::copy(",
    "fs::create_dir",
    "fs::hard_link",
    "fs::read(",
    "fs::read_dir",
    "fs::read_to_string",
    "fs::remove_",
    "fs::rename",
    "fs::set_permissions",
    "fs::write(",
    "DirBuilder::new",
    "UnixListener::bind",
    "symlink(",
    "fchmod(",
    "fchown(",
    "open_object(",
    "files::",
    "temp_dir()",
    "TempDir::new",
    "set_permissions(",
    "memfd_create",
    "read_document(",
];

#[test]
fn every_file_operation_is_reviewed() {
    let uses = |text: &str| {
        let lines = text.lines().map(code).filter(|line| !line.trim_start().starts_with("use "));
        let is_name = |line: &&str| {
            let line = line.trim_start();
            line.starts_with("pub mod ") || line.starts_with("pub use ")
        };
        let mut lines = lines.filter(|line| !is_name(line));
        lines.any(|line| OPERATIONS.iter().any(|operation| line.contains(operation)))
    };
    let found: BTreeSet<String> =
        own_sources().into_iter().filter(|(_, text)| uses(text)).map(|(path, _)| path).collect();
    assert!(found.len() > 20, "only {found:?}");
    let listed: BTreeSet<String> =
        rows("conformance/docs/security.md").into_iter().map(|row| row[0].clone()).collect();
    let listed: BTreeSet<String> =
        listed.into_iter().filter(|path| Path::new(path).extension().is_some()).collect();
    let unlisted: Vec<_> = found.difference(&listed).collect();
    let stale: Vec<_> = listed.difference(&found).collect();
    let page = "conformance/docs/security.md";
    assert!(unlisted.is_empty(), "{page} does not say why these are sound: {unlisted:#?}");
    assert!(stale.is_empty(), "{page} lists what opens nothing: {stale:#?}");
}

/// The words `unsafe` of a source, by the function in which they stand, or behind which.
fn unsafe_places(text: &str) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    let mut place = "top".to_owned();
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    for line in text.lines().map(code) {
        let words: Vec<&str> =
            line.split(|letter| !is_word(letter)).filter(|w| !w.is_empty()).collect();
        if let Some(at) = words.iter().position(|word| *word == "fn")
            && let Some(name) = words.get(at + 1)
            && line.contains(&format!("fn {name}"))
        {
            place = format!("fn {name}");
        }
        let of_trait = words.iter().position(|word| *word == "for");
        if words.first() == Some(&"unsafe")
            && words.get(1) == Some(&"impl")
            && let Some(at) = of_trait
        {
            found.insert(format!("impl {} for {}", words[at - 1], words[at + 1]), 1);
            continue;
        }
        let count = words.iter().filter(|word| **word == "unsafe").count();
        if count > 0 {
            *found.entry(place.clone()).or_default() += count;
        }
    }
    found
}

#[test]
fn everything_unsafe_is_listed_with_who_has_looked_at_it() {
    let page = "sim/docs/unsafe.md";
    let listed = rows(page);
    let names: BTreeSet<String> =
        listed.iter().map(|row| format!("{}: {}: {}", row[0], row[1], row[2])).collect();
    assert_eq!(names.len(), listed.len(), "a row stands twice");
    let loom = "sim/runtime/tests/loom/sync.rs".to_owned();
    let text = fs::read_to_string(top().join(&loom)).expect("a source");
    let all = own_sources().into_iter().chain([(loom, text)]);
    // In a text of its own it is none.
    let texts = ["conformance/html/src/page.rs", "conformance/src/docs.rs", "sim/src/docs.rs"];
    let all = all.filter(|(path, _)| !texts.contains(&path.as_str()));
    let found: BTreeSet<String> = all
        .flat_map(|(path, text)| {
            let places = unsafe_places(&text).into_iter();
            places.map(move |(place, count)| format!("{path}: {place}: {count}"))
        })
        .collect();
    assert!(found.len() > 40, "only {found:?}");
    let unlisted: Vec<_> = found.difference(&names).collect();
    let stale: Vec<_> = names.difference(&found).collect();
    assert!(unlisted.is_empty() && stale.is_empty(), "{page} lacks {unlisted:#?}, has {stale:#?}");
    let tests: String = ["sim/runtime/tests/it", "sim/libsqlvdi/tests"]
        .iter()
        .flat_map(|folder| sources(&top().join(folder)))
        .map(|path: std::path::PathBuf| fs::read_to_string(path).expect("a test"))
        .collect();
    for row in &listed {
        let by = &row[3];
        let says = ["Miri: `", "TSan: `", "Valgrind: `", "by reason: "];
        assert!(says.iter().any(|start| by.starts_with(start)), "{row:?}");
        for name in by.split('`').skip(1).step_by(2) {
            let is_test = tests.contains(&format!("fn {name}()"));
            assert!(is_test || Path::new(&top()).join(name).is_file(), "no test `{name}`: {row:?}");
        }
    }
}
