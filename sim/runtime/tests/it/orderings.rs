//! What loom cannot see of atomics and channels, the source does not use.

use std::fs;
use std::path::{Path, PathBuf};

fn sources(of: &str) -> Vec<(PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(of);
    let files = fs::read_dir(folder).expect("sources").map(|file| file.expect("a file").path());
    let files = files.filter(|path| path.extension().is_some_and(|ending| ending == "rs"));
    files.map(|path| (path.clone(), fs::read_to_string(path).expect("a source"))).collect()
}

/// The lines that are code and hold one of these words.
fn holding<'a>(text: &'a str, words: &'a [&str]) -> impl Iterator<Item = &'a str> {
    let code = text.lines().map(str::trim).filter(|line| !line.starts_with("//"));
    code.filter(|line| words.iter().any(|word| line.contains(word)))
}

/// Loom does not let a load see a store that comes after it in another thread's order, and
/// back: *load buffering*. With acquire and release it cannot happen; relaxed operations
/// that threads share are only those of a record's words, which loom takes for no atomics
/// and so holds to be ordered by others.
#[test]
fn shared_words_are_acquired_and_released() {
    let mut relaxed = Vec::new();
    let folders = ["", "/sync", "/implementation", "/implementation/windows"];
    let shm = ["/implementation/shm", "/implementation/shm/windows"];
    for (path, text) in
        folders.iter().chain(&shm).flat_map(|folder| sources(&format!("src{folder}")))
    {
        let name = path.file_name().expect("a file").to_string_lossy().into_owned();
        relaxed.extend(holding(&text, &["Relaxed"]).map(|line| format!("{name}: {line}")));
    }
    relaxed.sort();
    assert_eq!(relaxed, KNOWN.map(|(line, _)| line));
}

/// Every relaxed operation, and why none is needed that is stronger.
const KNOWN: [(&str, &str); 5] = [
    (
        "registry.rs: let salt = registry.salt.fetch_add(0x9E37_79B9, Ordering::Relaxed);",
        "the numbers have to differ, and nothing follows from them",
    ),
    (
        "sync.rs: let _ = self.holder.compare_exchange(me, 0, Ordering::AcqRel, Ordering::Relaxed);",
        "what it finds if it fails is not looked at",
    ),
    ("sync.rs: let turn = TURN.fetch_add(1, Ordering::Relaxed);", "as of the salt"),
    ("sync.rs: self.0.load(Ordering::Relaxed)", "a word of a record"),
    ("sync.rs: self.0.store(value, Ordering::Relaxed);", "a word of a record"),
];

/// In loom 0.7.2 `try_lock` never fails and `try_recv` never receives unless another
/// operation stands before: what depends on them would not be tried.
#[test]
fn nothing_is_tried_without_waiting() {
    let words = ["try_lock", "try_recv", "try_read", "try_write", "recv_timeout", "park_timeout"];
    for of in ["src/implementation", "src", "../../conformance/reference/src/implementation"] {
        for (path, text) in &sources(of) {
            let found: Vec<&str> = holding(text, &words).collect();
            assert!(found.is_empty(), "{}: {found:?}", path.display());
        }
    }
}
