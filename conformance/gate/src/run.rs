//! The situations, one after the other.

use std::path::{Path, PathBuf};

use vdi_suite::adapter::{Misdeed, Stopwatch, Trouble};
use vdi_suite::interrupt::is_interrupted;
use vdi_suite::run::{ScenarioResult, Verdict};
use vdi_trace::files::Temporary;

use super::gate::Gate;
use super::observation::{NotStarted, Proof};
use super::program::{Conditions, OTHER, Workspace};
use super::scale::{Plain, SMALL, Scale};
use super::situation::{Around, Situation, Verb};
use super::verdict::Tried;

impl Gate {
    /// Runs the program through the situations; `done` is told of each. A situation for
    /// which there is no command line is not offered. Once the run is interrupted, what has
    /// not come to its end is not run.
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
        // Why nothing more can be tried, and what plain runs tell: with one device, and with
        // several.
        let mut hopeless: [Option<Verdict>; 2] = [None, None];
        let mut scales: [Option<Scale>; 2] = [None, None];
        for situation in situations {
            let kind = usize::from(situation.several);
            if is_interrupted() {
                results.push(situation.result(Verdict::NotRun));
                continue;
            }
            let watch = Stopwatch::started();
            let result = match (self.commands.line(situation), &hopeless[kind]) {
                (None, _) => situation.result(Verdict::NotOffered(situation.why_not().to_owned())),
                (Some(_), Some(verdict)) => situation.result(verdict.clone()),
                (Some(line), None) => {
                    let scale = match scales[kind] {
                        _ if situation.is_plain() => Scale::default(),
                        Some(scale) => scale,
                        None => *scales[kind].insert(self.scale(situation, folder.0.path())?),
                    };
                    let workspace = Workspace::new(&folder.of(situation.id), self)?;
                    self.one(situation, line, (&workspace, &scale))?
                }
            };
            // Its program was ended, most likely.
            let mut result =
                if is_interrupted() { situation.result(Verdict::NotRun) } else { result };
            result.adapter.took = watch.read();
            if situation.is_plain_backup() {
                hopeless[kind] = hopeless_after(&result);
            }
            done(&result);
            results.push(result);
        }
        Ok(results)
    }

    /// What the program does undisturbed, with databases that are large enough for what it
    /// asks for. What fails tells nothing, and says why where it is judged.
    fn scale(&self, of: &Situation, folder: &Path) -> Result<Scale, NotStarted> {
        let folder = folder.join(if of.several { "several-undisturbed" } else { "undisturbed" });
        let workspace = Workspace::new(&folder, self)?;
        let first = self.undisturbed(of, &workspace, SMALL)?;
        if first.bytes() == SMALL {
            return Ok(first);
        }
        let second = self.undisturbed(of, &workspace, first.bytes())?;
        Ok(if second.backup.commands == 0 { first } else { second })
    }

    fn undisturbed(
        &self,
        of: &Situation,
        workspace: &Workspace,
        bytes: u64,
    ) -> Result<Scale, NotStarted> {
        let mut scale = Scale::default();
        workspace.database(bytes)?;
        let Some(backup) = self.commands.backup_for(of) else { return Ok(scale) };
        let ended = workspace.run(self, backup, &Conditions::default())?;
        scale.backup = Plain::of(&ended.outcomes);
        let restore = self.commands.restore_for(of).filter(|_| ended.succeeded());
        workspace.clear()?;
        if let Some(restore) = restore {
            workspace.lose_database()?;
            let ended = workspace.run(self, restore, &Conditions::default())?;
            scale.restore = Plain::of(&ended.outcomes);
            workspace.clear()?;
        }
        Ok(scale)
    }

    fn one(
        &self,
        situation: &Situation,
        line: &str,
        (workspace, scale): (&Workspace, &Scale),
    ) -> Result<ScenarioResult, NotStarted> {
        if let Some(why) = scale.why_not(situation) {
            return Ok(situation.result(Verdict::NotOffered(why.to_owned())));
        }
        let data = workspace.database(scale.bytes_in(situation))?;
        if situation.verb == Verb::Restore {
            // What is to be restored, the program backs up first, undisturbed.
            let Some(backup) = self.commands.backup_for(situation) else {
                let why = "there is no command line for the backup that is to be restored";
                return Ok(situation.result(Verdict::NotOffered(why.to_owned())));
            };
            let observed = workspace.run(self, backup, &Conditions::default())?;
            if observed.end.code != Some(0) {
                let why = "the backup that is to be restored does not succeed";
                let mut result = situation.result(Verdict::Inconclusive(why.to_owned()));
                result.adapter.stderr = observed.output;
                return Ok(result);
            }
            workspace.clear()?;
            workspace.lose_database()?;
        }
        let conditions = Conditions {
            database: (situation.around == Around::OtherDatabase).then_some(OTHER),
            faults: scale.faults_in(situation),
            disk: scale.disk_in(situation),
            cancelled: situation.around == Around::Cancelled,
            held: situation.around == Around::HeldConfiguration,
        };
        if conditions.database.is_some() {
            workspace.other_database()?;
        }
        let observed = workspace.run(self, line, &conditions)?;
        let good = observed.end.code == Some(0) && observed.succeeded();
        let proof = match (good, situation.verb) {
            (false, _) => Proof::NotDue,
            (true, Verb::Backup) => self.prove(situation, workspace, &data)?,
            (true, Verb::Restore) if situation.restores_nothing() => Proof::NotDue,
            (true, Verb::Restore) if workspace.holds(conditions.database, &data) => Proof::Sound,
            (true, Verb::Restore) => Proof::Lost("the statement succeeded".to_owned()),
        };
        let tried = Tried { situation, faults: conditions.faults, observed, proof };
        Ok(tried.judge(self))
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
        let again = workspace.run(self, restore, &Conditions::default())?;
        Ok(match again.not_started() {
            _ if workspace.holds(None, data) => Proof::Sound,
            Some(why) => Proof::NotStarted(why.to_owned()),
            None => Proof::Lost(again.output),
        })
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
struct Folder(Temporary);

impl Folder {
    fn new() -> Result<Self, NotStarted> {
        let failed = |error| NotStarted::at(&std::env::temp_dir(), &error);
        Temporary::new("vdi-gate").map(Self).map_err(failed)
    }

    /// That of a situation.
    fn of(&self, id: &str) -> PathBuf {
        self.0.path().join(id.replace('/', "-"))
    }
}
