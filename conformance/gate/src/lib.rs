//! The gate for client programs: a backup program is run through a list of situations
//! against the stand-in server, recorded, and judged as a client.
//!
//! The program is the real one: it is linked with, or loads, `libsqlvdi.so`, and hands its
//! statement to a `sqlcmd` that it finds on its path. What it does is in the trace; what it
//! says is its exit code; what it stored is what a restore brings back.

mod program;
mod situations;
mod verdict;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use vdi_spec::clauses::Profile;
use vdi_trace::Trace;

pub use program::{Commands, NotStarted, end_program};
pub use situations::{SITUATIONS, Situation, Verb};

use program::Place;
use vdi_suite::adapter::{Misdeed, Trouble};
use vdi_suite::run::{ScenarioResult, Verdict};

/// How a program is put to the test.
#[derive(Debug)]
pub struct Gate {
    /// The program's command lines.
    pub commands: Commands,
    /// The library it is to load.
    pub library: PathBuf,
    /// Whether it is to be loaded in any case, whatever the program is linked with.
    pub preload: bool,
    /// The program `vdi`, which plays sqlcmd.
    pub vdi: PathBuf,
    /// How long a situation may take.
    pub timeout: Duration,
    /// The readings to judge by.
    pub profile: Profile,
}

/// What a program did in one situation.
#[derive(Debug)]
struct Seen {
    /// Its exit code; `None` if it was ended by a signal.
    code: Option<i32>,
    /// The signal that ended it.
    signal: Option<i32>,
    /// It did not end in time.
    hung: bool,
    /// Standard output and standard error.
    told: String,
    /// What was recorded of each set that it has created.
    traces: Vec<Trace>,
    /// Why there is a trace that cannot be read, if there is one.
    unreadable: Option<String>,
    /// What became of its statements.
    outcomes: Vec<Outcome>,
    /// The faults of the server that have happened.
    met: Vec<String>,
    /// The small disk was full.
    full: bool,
}

/// A row of what a server tells of its statements.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(untagged)]
enum Row {
    Fault { fault: String },
    Outcome(Outcome),
}

/// What became of one statement.
#[derive(Clone, Debug, serde::Deserialize)]
struct Outcome {
    succeeded: bool,
    devices: Vec<String>,
    messages: Vec<String>,
}

/// What speaks for what a program has stored.
#[derive(Debug)]
enum Proof {
    /// It brings back what it is to bring back.
    Sound,
    /// It does not, and this was said.
    Lost(String),
    /// There is no command line that would bring it back.
    None,
    /// The command line that is to bring it back does not start.
    NotStarted(String),
    /// The statement has not come to anything that could be proven.
    NotDue,
}

impl Seen {
    /// Why the program did not start, if a shell says so, and there is nothing else of it.
    fn not_started(&self) -> Option<&str> {
        let nothing = self.traces.is_empty() && self.unreadable.is_none();
        let said = matches!(self.code, Some(126 | 127)) && nothing && self.outcomes.is_empty();
        said.then(|| self.told.trim())
    }
}

impl Gate {
    /// Runs the program through the situations; `done` is told of each. A situation for
    /// which there is no command line is not offered.
    ///
    /// # Errors
    /// A folder for the program cannot be had, or its command line is none.
    pub fn run(
        &self,
        situations: &[&Situation],
        done: &dyn Fn(&ScenarioResult),
    ) -> Result<Vec<ScenarioResult>, NotStarted> {
        let folder = Folder::new()?;
        let mut results: Vec<ScenarioResult> = Vec::new();
        // Why nothing more can be tried with one device, and with several.
        let mut hopeless: [Option<Verdict>; 2] = [None, None];
        for situation in situations {
            let place = Place::new(&folder.0.join(situation.id.replace('/', "-")), self)?;
            let hopeless = &mut hopeless[usize::from(situation.several)];
            let result = match (self.commands.line(situation), &*hopeless) {
                (None, _) => situation.result(Verdict::NotOffered(situation.why_not().to_owned())),
                (Some(_), Some(verdict)) => situation.result(verdict.clone()),
                (Some(line), None) => self.one(situation, line, &place)?,
            };
            if situation.is_plain_backup() {
                *hopeless = hopeless_after(&result);
            }
            done(&result);
            results.push(result);
        }
        Ok(results)
    }

    fn one(
        &self,
        situation: &Situation,
        line: &str,
        place: &Place,
    ) -> Result<ScenarioResult, NotStarted> {
        let data = place.database(situation.bytes)?;
        if situation.verb == Verb::Restore {
            // What is to be restored, the program backs up first, undisturbed.
            let Some(backup) = self.commands.backup_for(situation) else {
                let why = "there is no command line for the backup that is to be restored";
                return Ok(situation.result(Verdict::NotOffered(why.to_owned())));
            };
            let seen = self.run_in(place, backup, "", false)?;
            if seen.code != Some(0) {
                let why = "the backup that is to be restored does not succeed";
                let mut result = situation.result(Verdict::Inconclusive(why.to_owned()));
                result.stderr = seen.told;
                return Ok(result);
            }
            place.clear()?;
            place.lose_database()?;
        }
        let seen = self.run_in(place, line, situation.faults, situation.small_disk)?;
        let good = seen.code == Some(0) && seen.outcomes.iter().all(|outcome| outcome.succeeded);
        let proof = match (good, situation.verb) {
            (false, _) => Proof::NotDue,
            (true, Verb::Backup) => self.prove(situation, place, &data)?,
            (true, Verb::Restore) if place.holds(&data) => Proof::Sound,
            (true, Verb::Restore) => Proof::Lost("the statement succeeded".to_owned()),
        };
        Ok(verdict::judge(situation, &seen, &proof, &self.profile))
    }

    /// The proof of a backup is what it brings back.
    fn prove(
        &self,
        situation: &Situation,
        place: &Place,
        data: &[u8],
    ) -> Result<Proof, NotStarted> {
        let Some(restore) = self.commands.restore_for(situation) else { return Ok(Proof::None) };
        place.clear()?;
        place.lose_database()?;
        let again = self.run_in(place, restore, "", false)?;
        Ok(match again.not_started() {
            _ if place.holds(data) => Proof::Sound,
            Some(why) => Proof::NotStarted(why.to_owned()),
            None => Proof::Lost(again.told),
        })
    }

    fn run_in(
        &self,
        place: &Place,
        line: &str,
        faults: &str,
        small_disk: bool,
    ) -> Result<Seen, NotStarted> {
        let ended = place.run(self, line, faults, small_disk)?;
        let (traces, unreadable) = place.traces();
        let (outcomes, met) = place.rows();
        Ok(Seen { traces, unreadable, outcomes, met, ..ended })
    }
}

/// What is said of all else if the plain backup comes to this, and cannot be done at all.
fn hopeless_after(plain: &ScenarioResult) -> Option<Verdict> {
    match &plain.verdict {
        Verdict::Trouble(Trouble::Program(Misdeed::NotStarted, _)) => Some(plain.verdict.clone()),
        Verdict::Trouble(_) => Some(Verdict::Inconclusive(format!(
            "not tried: without {}, which fails, nothing else can be shown",
            plain.id
        ))),
        _ => None,
    }
}

/// A folder that goes away.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self, NotStarted> {
        let path = std::env::temp_dir().join(format!("vdi-gate-{}", std::process::id()));
        fs::create_dir_all(&path).map_err(|error| NotStarted(told(&path, &error)))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What stays lies in the system's folder for such things.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn told(path: &Path, error: &dyn std::fmt::Display) -> String {
    format!("{}: {error}", path.display())
}
