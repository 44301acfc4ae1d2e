//! What is tried with every input: a parser, the judge, a medium, the shared memory. A target
//! is a plain function that takes bytes and panics if something is wrong. libFuzzer calls it
//! with inputs that it finds by coverage (`libfuzzer/` beside this crate, a workspace of its
//! own for a nightly toolchain); the test of this crate with inputs that it makes of the same
//! corpus from a seed, on stable.
//!
//! | file | what it tries |
//! | --- | --- |
//! | `lines` | lines of traces, adapters and clients |
//! | `documents` | scenarios, baselines, profiles, headers |
//! | `sql` | statements, scripts, what is handed over to a server that stands |
//! | `wire` | what drivers send, logs |
//! | `media` | media that were changed, restored |
//! | `history` | histories for the judge, made of bytes |
//! | `judge` | the verdict on them, reached in several ways; questions to the model |
//! | `region` | the shared memory, written by a peer that lies |
//! | `words` | the words of our grammars |
//! | `mutate` | inputs made of a corpus, from a seed |
//!
//! Read first: [`Target`], [`TARGETS`], [`Mutator`].

mod documents;
mod history;
mod judge;
mod lines;
mod media;
mod mutate;
mod region;
mod sql;
mod wire;
mod words;

use std::fs;
use std::path::{Path, PathBuf};

pub use mutate::Mutator;
pub use words::{dictionary, words};

/// Something that is tried.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name: that of its libFuzzer program, and of its folder in `corpus/`.
    pub name: &'static str,
    /// Tries one input.
    pub run: fn(&[u8]),
    /// Folders and files of the repository whose contents are good inputs, too.
    pub seeds: &'static [&'static str],
}

macro_rules! targets {
    ($( $name:ident: $room:ident, $seeds:expr; )+) => {
        $( #[doc = concat!("Tries an input of the target `", stringify!($name), "`.")]
        pub fn $name(input: &[u8]) {
            $room::$name(input);
        } )+

        /// Everything that is tried.
        pub const TARGETS: &[Target] = &[
            $( Target { name: stringify!($name), run: $name, seeds: $seeds }, )+
        ];
    };
}

targets! {
    trace: lines, &["scenarios/recorded"];
    answer: lines, &[];
    client: lines, &[];
    scenario: documents, &["scenarios/deviations", "scenarios/time", "scenarios/races"];
    baseline: documents, &[];
    profile: documents, &[];
    header: documents, &[];
    statement: sql, &[];
    script: sql, &[];
    request: sql, &[];
    packets: wire, &[];
    log: wire, &["conformance/diagnose/tests/logs"];
    medium: media, &[];
    verdict: judge, &[];
    question: judge, &[];
    control: region, &[];
}

/// The top of the repository.
fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Files in a folder, at whatever depth, in the order of their names; the file itself if it
/// is one.
fn files(path: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(path) else { return vec![path.to_owned()] };
    let mut found: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    found.sort();
    found.iter().flat_map(|path| files(path)).collect()
}

impl Target {
    /// The target of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        TARGETS.iter().find(|target| target.name == name)
    }

    /// Where its own corpus is.
    #[must_use]
    pub fn corpus(&self) -> PathBuf {
        top().join("conformance/fuzz/corpus").join(self.name)
    }

    /// What is known to be worth trying, its corpus and the files of the repository that are
    /// inputs of it, each with its name.
    #[must_use]
    pub fn inputs(&self) -> Vec<(String, Vec<u8>)> {
        let seeds = self.seeds.iter().map(|seed| top().join(seed));
        let own = Some(self.corpus()).into_iter().filter(|corpus| corpus.is_dir());
        let paths = own.chain(seeds).flat_map(|path| files(&path));
        let read = |path: PathBuf| Some((path.display().to_string(), fs::read(&path).ok()?));
        paths.filter_map(read).collect()
    }
}
