//! The situations, one after the other.

use std::fs;
use std::path::PathBuf;

use vdi_suite::adapter::{Misdeed, Trouble};
use vdi_suite::run::{ScenarioResult, Verdict};

use super::gate::Gate;
use super::observation::{NotStarted, Observation, Proof};
use super::program::Workspace;
use super::situations::{Situation, Verb};
use super::verdict;

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
            let workspace = Workspace::new(&folder.0.join(situation.id.replace('/', "-")), self)?;
            let hopeless = &mut hopeless[usize::from(situation.several)];
            let result = match (self.commands.line(situation), &*hopeless) {
                (None, _) => situation.result(Verdict::NotOffered(situation.why_not().to_owned())),
                (Some(_), Some(verdict)) => situation.result(verdict.clone()),
                (Some(line), None) => self.one(situation, line, &workspace)?,
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
        workspace: &Workspace,
    ) -> Result<ScenarioResult, NotStarted> {
        let data = workspace.database(situation.bytes)?;
        if situation.verb == Verb::Restore {
            // What is to be restored, the program backs up first, undisturbed.
            let Some(backup) = self.commands.backup_for(situation) else {
                let why = "there is no command line for the backup that is to be restored";
                return Ok(situation.result(Verdict::NotOffered(why.to_owned())));
            };
            let observed = self.run_in(workspace, backup, "", false)?;
            if observed.code != Some(0) {
                let why = "the backup that is to be restored does not succeed";
                let mut result = situation.result(Verdict::Inconclusive(why.to_owned()));
                result.adapter.stderr = observed.output;
                return Ok(result);
            }
            workspace.clear()?;
            workspace.lose_database()?;
        }
        let observed = self.run_in(workspace, line, situation.faults, situation.small_disk)?;
        let good =
            observed.code == Some(0) && observed.outcomes.iter().all(|outcome| outcome.succeeded);
        let proof = match (good, situation.verb) {
            (false, _) => Proof::NotDue,
            (true, Verb::Backup) => self.prove(situation, workspace, &data)?,
            (true, Verb::Restore) if workspace.holds(&data) => Proof::Sound,
            (true, Verb::Restore) => Proof::Lost("the statement succeeded".to_owned()),
        };
        Ok(verdict::judge(situation, &observed, &proof, &self.profile))
    }

    /// The proof of a backup is what it brings back.
    fn prove(
        &self,
        situation: &Situation,
        workspace: &Workspace,
        data: &[u8],
    ) -> Result<Proof, NotStarted> {
        let Some(restore) = self.commands.restore_for(situation) else { return Ok(Proof::None) };
        workspace.clear()?;
        workspace.lose_database()?;
        let again = self.run_in(workspace, restore, "", false)?;
        Ok(match again.not_started() {
            _ if workspace.holds(data) => Proof::Sound,
            Some(why) => Proof::NotStarted(why.to_owned()),
            None => Proof::Lost(again.output),
        })
    }

    fn run_in(
        &self,
        workspace: &Workspace,
        line: &str,
        faults: &str,
        small_disk: bool,
    ) -> Result<Observation, NotStarted> {
        let ended = workspace.run(self, line, faults, small_disk)?;
        let (traces, unreadable) = workspace.traces();
        let (outcomes, faults) = workspace.rows();
        Ok(Observation { traces, unreadable, outcomes, faults, ..ended })
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
        fs::create_dir_all(&path).map_err(|error| NotStarted::at(&path, &error))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What stays lies in the system's folder for such things.
        let _ = fs::remove_dir_all(&self.0);
    }
}
