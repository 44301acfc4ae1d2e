//! The scenarios, one after the other, each in a process of its own.

use std::fs;
use std::io::{BufReader, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use vdi_spec::clauses::{LinuxTimeoutUnit, Party};
use vdi_suite::adapter::{Deadline, Keeping, Stopwatch};
use vdi_suite::interrupt::{end, ended, group_lives, is_interrupted, started};
use vdi_suite::run::{ScenarioResult, Verdict};
use vdi_trace::files::Temporary;
use vdi_trace::{Header, Origin, Process, Recorder, Trace};

use crate::judge::judge;
use crate::plan::{OBSERVED, PRINTED, Plan, TRACE};
use crate::play::PROCESS;
use crate::probe::{End, NotStarted, Played, Probe};
use crate::scenario::Scenario;
use crate::sql::Names;

/// What asks a server for its version.
const VERSION: &str = "SELECT @@VERSION";

/// How often it is asked whether a process has ended.
const POLL: Duration = Duration::from_millis(5);

/// How long what a client has started may live on when it has ended itself: a server notices
/// its death, and says so.
const REST: Duration = Duration::from_secs(10);

/// How long the end of its output is waited for once all of it has ended.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Bytes of what statements print that are read.
const PRINTED_BYTES: usize = 16 * 1024;

impl Probe {
    /// Runs the scenarios; `done` is told of each. Once the run is interrupted, what has not
    /// come to its end is not run.
    ///
    /// # Errors
    /// A folder cannot be had, or a program not be started.
    pub fn run(
        &self,
        scenarios: &[&Scenario],
        done: &dyn Fn(&ScenarioResult),
    ) -> Result<Vec<ScenarioResult>, NotStarted> {
        let failed = |error| NotStarted::at(&std::env::temp_dir(), &error);
        let folder = Temporary::new("vdi-probe").map_err(failed)?;
        let mut results = Vec::new();
        for (number, scenario) in scenarios.iter().enumerate() {
            let not_run = || Self::result(scenario, Verdict::NotRun);
            if is_interrupted() {
                results.push(not_run());
                continue;
            }
            let watch = Stopwatch::started();
            let own = folder.path().join(number.to_string());
            fs::create_dir_all(&own).map_err(|error| NotStarted::at(&own, &error))?;
            let result = self.one(scenario, &self.prefix.names(&self.run, number), &own)?;
            let mut result = if is_interrupted() { not_run() } else { result };
            result.adapter.took = watch.read();
            // Traces of many backups are large.
            fs::remove_dir_all(&own).map_err(|error| NotStarted::at(&own, &error))?;
            done(&result);
            results.push(result);
        }
        Ok(results)
    }

    /// What the server says of its version; `None` if it does not.
    #[must_use]
    pub fn server_version(&self) -> Option<String> {
        let folder = Temporary::new("vdi-probe").ok()?;
        let said = self.said(VERSION, folder.path()).ok()?.ok()?;
        let line = said.lines().map(str::trim).find(|line| line.contains("SQL Server"))?;
        // Behind the version stands the machine.
        let version: String = line.chars().take_while(|one| *one != '\n').take(120).collect();
        Some(version)
    }

    fn one(
        &self,
        scenario: &Scenario,
        names: &Names,
        folder: &Path,
    ) -> Result<ScenarioResult, NotStarted> {
        if scenario.has_statement()
            && let Err(why) = self.carry_out(&names.creation(), folder)?
        {
            let why = format!("the database of the scenario cannot be made: {}", why.trim());
            return Ok(Self::result(scenario, Verdict::Inconclusive(why)));
        }
        let played = self.play(scenario, names, folder);
        // Whatever has come of it, its database goes.
        let removed = match scenario.has_statement() {
            true => self.carry_out(&names.removal(), folder)?,
            false => Ok(()),
        };
        let mut result = judge(scenario, &played?, self);
        if let Err(why) = removed {
            let why = format!("{} is left: {}", names.database, why.trim());
            result.adapter.told.push(why);
        }
        Ok(result)
    }

    /// Carries a statement out that is no part of a scenario; why it has failed.
    fn carry_out(&self, statement: &str, folder: &Path) -> Result<Result<(), String>, NotStarted> {
        Ok(self.said(statement, folder)?.map(drop))
    }

    /// The same; what was printed.
    fn said(&self, statement: &str, folder: &Path) -> Result<Result<String, String>, NotStarted> {
        let printed = folder.join("besides.txt");
        let failed = |error: &std::io::Error| NotStarted::at(Path::new(self.sql.program()), error);
        let mut child = self.sql.begin(statement, &printed).map_err(|error| failed(&error))?;
        let in_time = within(self.timeout, || !matches!(child.try_wait(), Ok(None)));
        if !in_time {
            // It may have ended at this moment.
            let _ = child.kill();
        }
        let status = child.wait().map_err(|error| failed(&error))?;
        let said = head(&fs::read(&printed).unwrap_or_default());
        Ok(match in_time {
            true if status.success() => Ok(said),
            true => Err(said),
            false => Err(format!("{statement} does not end within {:?}", self.timeout)),
        })
    }

    /// Whether the library takes time-outs as seconds, as the readings have it.
    const fn seconds(&self) -> bool {
        match self.profile.linux_timeout_unit {
            LinuxTimeoutUnit::Milliseconds => false,
            LinuxTimeoutUnit::Seconds => true,
        }
    }

    fn header(&self, scenario: &Scenario) -> Header {
        let name = self.library.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Header {
            source: Some(Origin { name, version: None, setting: None }),
            scenario: Some(scenario.id.clone()),
            free: true,
            // Where no statement is handed over no server has a part in it.
            unseen: if scenario.has_statement() { vec![Party::Server] } else { Vec::new() },
            interfaces: [("cset2".to_owned(), Process::Primary)].into_iter().collect(),
            ..Header::default()
        }
    }

    fn play(
        &self,
        scenario: &Scenario,
        names: &Names,
        folder: &Path,
    ) -> Result<Played, NotStarted> {
        let failed = |error: std::io::Error| NotStarted::at(folder, &error);
        let trace = fs::File::create(folder.join(TRACE)).map_err(failed)?;
        Recorder::new(trace, &self.header(scenario)).map_err(failed)?;
        let plan = Plan {
            library: self.library.clone(),
            secondary: 0,
            steps: scenario.steps.clone(),
            sql: self.sql.clone(),
            names: names.clone(),
            folder: folder.to_owned(),
            seconds: self.seconds(),
            leaves: scenario.recorded,
            handle: None,
        };
        let (end, left, said) = self.process(&plan)?;
        let read = fs::File::open(folder.join(TRACE)).map_err(failed)?;
        let trace = Trace::read(BufReader::new(read))
            .map_err(|error| NotStarted(format!("the trace of {}: {error}", scenario.id)))?;
        let observed = fs::read_to_string(folder.join(OBSERVED)).unwrap_or_default();
        let observed = observed.lines().filter_map(|line| serde_json::from_str(line).ok());
        let printed = head(&fs::read(folder.join(PRINTED)).unwrap_or_default());
        Ok(Played { end, trace, observed: observed.collect(), printed, said, left })
    }

    /// Runs a client, in a group of its own with all that it starts.
    fn process(&self, plan: &Plan) -> Result<(End, bool, String), NotStarted> {
        let failed = |error: std::io::Error| NotStarted::at(&self.vdi, &error);
        let mut child = Command::new(&self.vdi)
            .arg(PROCESS)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(failed)?;
        started(&child);
        let said = child.stderr.take().map(Keeping::of);
        give(&mut child, plan).map_err(failed)?;
        let hung = !within(self.timeout, || !matches!(child.try_wait(), Ok(None)));
        let group = child.id();
        let left = hung || !within(REST, || !group_lives(group));
        if !left {
            ended(&child);
        }
        let status = end(&mut child).map_err(failed)?;
        let said = said.map_or_else(String::new, |said| {
            said.end(LAST_WORDS);
            said.take()
        });
        let end = match (hung, status.code(), status.signal()) {
            (true, ..) => End::Hung,
            (false, Some(code), _) => End::Code(code),
            (false, None, signal) => End::Signal(signal.unwrap_or_default()),
        };
        Ok((end, left, said))
    }
}

/// Tells a process what to do.
fn give(child: &mut Child, plan: &Plan) -> std::io::Result<()> {
    let Some(mut input) = child.stdin.take() else { return Ok(()) };
    input.write_all(&serde_json::to_vec(plan)?)
}

/// The beginning of a text.
fn head(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(PRINTED_BYTES)]).into_owned()
}

/// Whether that comes to hold within this time.
#[expect(clippy::disallowed_methods, reason = "whether a library hangs is asked of the clock")]
fn within(limit: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let deadline = Deadline::after(limit);
    loop {
        match () {
            () if holds() => return true,
            () if deadline.is_over() => return false,
            () => std::thread::sleep(POLL),
        }
    }
}
