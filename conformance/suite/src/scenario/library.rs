//! The scenarios to run: those embedded in the program, or a folder.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use flate2::read::GzDecoder;

use super::{BadFile, Scenario, parse};
use crate::walks;

/// The texts by their paths below the scenarios, packed by the build script.
static PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/scenarios.json.gz"));

/// The same, unpacked when they are first asked for.
static EMBEDDED: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    let mut texts = Vec::new();
    GzDecoder::new(PACKED).read_to_end(&mut texts).expect("the build script packed them");
    serde_json::from_slice(&texts).expect("the build script wrote them")
});

/// The folder of schemas below the scenarios.
const SCHEMAS: &str = "schema/";

/// The folder of what came home from real implementations, in which no file is a scenario.
const REAL: &str = "recorded/real";

/// The published schema of a format, embedded: `campaign` is that of campaigns.
#[must_use]
pub fn schema(name: &str) -> Option<&'static str> {
    EMBEDDED.get(&format!("{SCHEMAS}{name}.v1.json")).map(String::as_str)
}

/// A scenario and where it was found.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The scenario.
    pub scenario: Scenario,
    /// Its file.
    pub path: String,
}

/// Scenarios by id, in the order of their ids.
#[derive(Clone, Debug, Default)]
pub struct Library {
    scenarios: BTreeMap<String, Loaded>,
}

/// Why scenarios cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// A file cannot be understood.
    #[error(transparent)]
    File(#[from] Box<BadFile>),
    /// The folder holds none.
    #[error("{0}: no scenario in this folder; expected files that end in .json")]
    Empty(PathBuf),
    /// The folder cannot be read.
    #[error("{path}: cannot be read: {error}")]
    Unreadable {
        /// The folder.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// Two files have one id.
    #[error("{second}: the id `{id}` is that of {first} already")]
    SameId {
        /// The id.
        id: String,
        /// The file that had it first.
        first: String,
        /// The file that has it too.
        second: String,
    },
}

impl Library {
    /// The embedded scenarios.
    ///
    /// # Errors
    /// One of them is not sound, which a test excludes.
    pub fn embedded() -> Result<Self, LibraryError> {
        let mut library = Self::default();
        for (path, text) in EMBEDDED.iter().filter(|(path, _)| !path.starts_with(SCHEMAS)) {
            library.add(&format!("scenarios/{path}"), text)?;
        }
        Ok(library)
    }

    /// The scenarios of a folder and the folders in it.
    ///
    /// # Errors
    /// It cannot be read, holds no scenario, or one that is not sound.
    pub fn folder(path: &Path) -> Result<Self, LibraryError> {
        let mut library = Self::default();
        let found = if path.is_file() { vec![path.to_owned()] } else { json_files(path)? };
        for file in found {
            let text = vdi_trace::read_document(&file)
                .map_err(|error| LibraryError::Unreadable { path: file.clone(), error })?;
            library.add(&file.display().to_string(), &text)?;
        }
        if library.scenarios.is_empty() {
            return Err(LibraryError::Empty(path.to_owned()));
        }
        Ok(library)
    }

    fn add(&mut self, path: &str, text: &str) -> Result<(), LibraryError> {
        let scenario = parse(path, text)?;
        let id = scenario.id.clone();
        let loaded = Loaded { scenario, path: path.to_owned() };
        if let Some(first) = self.scenarios.get(&id) {
            let (first, second) = (first.path.clone(), path.to_owned());
            return Err(LibraryError::SameId { id, first, second });
        }
        self.scenarios.insert(id, loaded);
        Ok(())
    }

    /// Adds the walk of this id, if it is one's: walks stand in no file.
    pub fn draw(&mut self, id: &str) {
        if let Some(scenario) = walks::drawn(id) {
            let path = format!("drawn from {}", id.rsplit('/').next().unwrap_or_default());
            self.scenarios.insert(id.to_owned(), Loaded { scenario, path });
        }
    }

    /// All scenarios.
    pub fn iter(&self) -> impl Iterator<Item = &Loaded> {
        self.scenarios.values()
    }

    /// The scenarios whose id begins with the filter, or that exercise a clause
    /// whose id begins with it.
    #[must_use]
    pub fn filter(&self, filter: &str) -> Vec<&Loaded> {
        let matches = |loaded: &&Loaded| {
            loaded.scenario.id.starts_with(filter)
                || loaded.scenario.clauses.iter().any(|clause| clause.info().id.starts_with(filter))
        };
        self.iter().filter(matches).collect()
    }

    /// The scenario of this id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Loaded> {
        self.scenarios.get(id)
    }
}

fn json_files(path: &Path) -> Result<Vec<PathBuf>, LibraryError> {
    let unreadable = |error| LibraryError::Unreadable { path: path.to_owned(), error };
    let mut entries = std::fs::read_dir(path)
        .map_err(unreadable)?
        .collect::<Result<Vec<_>, _>>()
        .map_err(unreadable)?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.path();
        if path.is_dir() {
            if entry.file_name() != SCHEMAS.trim_end_matches('/') && !path.ends_with(REAL) {
                found.extend(json_files(&path)?);
            }
        } else if path.extension().is_some_and(|extension| extension == "json") {
            found.push(path);
        }
    }
    Ok(found)
}
