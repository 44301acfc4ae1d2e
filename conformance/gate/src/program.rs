//! Running the program: where, with which environment, and what is left of it.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use vdi_recorder::gather::gather;
use vdi_recorder::settings;
use vdi_suite::adapter::Keeping;
use vdi_suite::interrupt::{end, ended, group_lives, started};
use vdi_trace::{Event, HowEnded, Process, Trace};

use super::door::Door;
use super::gate::Gate;
use super::observation::{End, NotStarted, Observation, Outcome, Row};
use super::waiting::{REST, tell_to_end, within};

/// How long the end of its output is waited for once all of it has ended.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Under which conditions the program runs.
#[derive(Clone, Debug, Default)]
pub(super) struct Conditions {
    /// The database that its command line names, if not the one that is backed up.
    pub(super) database: Option<&'static str>,
    /// What the server does on purpose.
    pub(super) faults: String,
    /// Bytes that a file may have, if they are few.
    pub(super) disk: Option<u64>,
    /// It is told to end when what the server does on purpose has happened.
    pub(super) cancelled: bool,
    /// A thread of it stands still where it has got its configuration.
    pub(super) held: bool,
}

/// Where the program runs in one situation.
pub(super) struct Workspace {
    folder: PathBuf,
    prefix: String,
}

/// What the name of each trace begins with.
const TRACE: &str = "trace-";

/// Where the server tells of its statements.
const OUTCOMES: &str = "outcomes.jsonl";

/// The name of the database.
const DATABASE: &str = "gate";

/// The name of another database.
pub(super) const OTHER: &str = "other";

/// The tool that statements are handed to, where files cannot become large for the program:
/// what plays the server is not on its disk.
const SQLCMD: &str =
    "#!/bin/sh\nulimit -S -f \"$(ulimit -H -f)\"\nexec \"${0%/*}/vdi\" sqlcmd \"$@\"\n";

impl Workspace {
    /// A folder with a `sqlcmd` and a place for databases.
    pub(super) fn new(folder: &Path, gate: &Gate) -> Result<Self, NotStarted> {
        let make = || -> std::io::Result<()> {
            fs::create_dir_all(folder.join("bin"))?;
            fs::create_dir_all(folder.join("data"))?;
            fs::create_dir_all(folder.join("bin-small"))?;
            symlink(&gate.vdi, folder.join("bin/sqlcmd"))?;
            symlink(&gate.vdi, folder.join("bin-small/vdi"))?;
            fs::write(folder.join("bin-small/sqlcmd"), SQLCMD)?;
            fs::set_permissions(folder.join("bin-small/sqlcmd"), Permissions::from_mode(0o755))
        };
        make().map_err(|error| NotStarted::at(folder, &error))?;
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        let prefix = format!("gate{}-{name}-", std::process::id());
        Ok(Self { folder: folder.to_owned(), prefix })
    }

    fn data(&self) -> PathBuf {
        self.data_of(DATABASE)
    }

    fn data_of(&self, name: &str) -> PathBuf {
        self.folder.join("data").join(name)
    }

    /// Makes another database, which is not the one that is backed up.
    pub(super) fn other_database(&self) -> Result<(), NotStarted> {
        let path = self.data_of(OTHER);
        fs::write(&path, "another database").map_err(|error| NotStarted::at(&path, &error))
    }

    /// Makes the database, no two stretches of which are alike.
    pub(super) fn database(&self, bytes: u64) -> Result<Vec<u8>, NotStarted> {
        let mut state = 1_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        };
        let data: Vec<u8> = (0..bytes).map(|_| next()).collect();
        fs::write(self.data(), &data).map_err(|error| NotStarted::at(&self.data(), &error))?;
        Ok(data)
    }

    pub(super) fn lose_database(&self) -> Result<(), NotStarted> {
        fs::remove_file(self.data()).map_err(|error| NotStarted::at(&self.data(), &error))
    }

    /// Whether the database of this name, or the one that is backed up, has this data.
    pub(super) fn holds(&self, name: Option<&str>, data: &[u8]) -> bool {
        fs::read(self.data_of(name.unwrap_or(DATABASE))).is_ok_and(|held| held == data)
    }

    /// What was recorded so far is not of interest any more.
    pub(super) fn clear(&self) -> Result<(), NotStarted> {
        let outcomes = Some(self.folder.join(OUTCOMES)).filter(|path| path.exists());
        for path in trace_files(&self.folder).into_iter().chain(outcomes) {
            fs::remove_file(&path).map_err(|error| NotStarted::at(&path, &error))?;
        }
        Ok(())
    }

    /// The words of a command line, in which names are put in.
    fn words(&self, line: &str, (database, tds): (&str, &str)) -> Result<Vec<String>, NotStarted> {
        let unknown = || NotStarted(format!("{line}: quotes are not closed"));
        let words = shlex::split(line).filter(|words| !words.is_empty()).ok_or_else(unknown)?;
        let medium = self.folder.join("medium").display().to_string();
        let put = |word: String| {
            let word = word.replace("{database}", database).replace("{medium}", &medium);
            word.replace("{tds}", tds)
        };
        Ok(words.into_iter().map(put).collect())
    }

    fn command(&self, gate: &Gate, words: &[String], conditions: &Conditions) -> Command {
        let mut command = Command::new("sh");
        let small_disk = conditions.disk.is_some();
        // A file that grows too large ends the program, unless it ignores that signal.
        let ignore = if small_disk { "trap '' XFSZ; " } else { "" };
        let tools = if small_disk { "bin-small" } else { "bin" };
        command.arg("-c").arg(format!("{ignore}exec \"$@\"")).arg("sh").args(words);
        let joined = |first: &Path, name: &str| {
            let rest = std::env::var(name).map(|rest| format!(":{rest}")).unwrap_or_default();
            format!("{}{rest}", first.display())
        };
        let folder = gate.library.parent().unwrap_or(Path::new("/"));
        command
            .env("PATH", joined(&self.folder.join(tools), "PATH"))
            .env("LD_LIBRARY_PATH", joined(folder, "LD_LIBRARY_PATH"))
            .stdin(Stdio::null())
            // With all that it starts, so that all can be ended.
            .process_group(0);
        self.surround(&mut command, gate, conditions);
        if gate.preload {
            command.env("LD_PRELOAD", &gate.library);
        }
        command
    }

    /// What program and server find in their environment.
    fn surround(&self, command: &mut Command, gate: &Gate, conditions: &Conditions) {
        command
            .env(settings::DATA.name, self.folder.join("data"))
            .env(settings::PREFIX.name, &self.prefix)
            // Its faults are those of the sqlcmd that the program starts.
            .env(settings::SERVER.name, "none")
            // A file for each set: a program may have several at once.
            .env(settings::TRACE.name, self.folder.join(format!("{TRACE}%s.jsonl")))
            .env(settings::OUTCOME.name, self.folder.join(OUTCOMES))
            .env(settings::FAULTS.name, &conditions.faults)
            .env(settings::TIMEOUT_UNIT.name, gate.timeout_unit())
            .env(settings::HOLD.name, if conditions.held { "configuration" } else { "nothing" })
            .env_remove(settings::DEBUG.name);
    }

    /// The server that a driver of the program connects to, if one does.
    fn door(&self, gate: &Gate, conditions: &Conditions) -> Result<Option<Door>, NotStarted> {
        let Some(tds) = gate.tds else { return Ok(None) };
        let mut command = Command::new(&gate.vdi);
        self.surround(&mut command, gate, conditions);
        command.process_group(0);
        Door::open(command, &self.folder.join("server.sock"), tds.ends).map(Some)
    }

    /// Runs the program to its end.
    pub(super) fn run(
        &self,
        gate: &Gate,
        line: &str,
        conditions: &Conditions,
    ) -> Result<Observation, NotStarted> {
        let door = self.door(gate, conditions)?;
        let tds = door.as_ref().map_or("", Door::address);
        let words = self.words(line, (conditions.database.unwrap_or(DATABASE), tds))?;
        let mut command = self.command(gate, &words, conditions);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let failed = |error| NotStarted(format!("{line}: {error}"));
        let mut child = with_limit(conditions.disk, || command.spawn()).map_err(failed)?;
        started(&child);
        let output: Vec<Keeping> =
            [child.stdout.take().map(Keeping::of), child.stderr.take().map(Keeping::of)]
                .into_iter()
                .flatten()
                .collect();
        let mut cancelled = false;
        let hung = !within(gate.timeout, || {
            if conditions.cancelled && !cancelled && !self.rows().1.is_empty() {
                cancelled = true;
                tell_to_end(&child);
            }
            !matches!(child.try_wait(), Ok(None))
        });
        let (known, _) = self.rows();
        // What it has started, and not waited for, comes to its own end, if it has one.
        let group = child.id();
        let left = hung || !within(REST, || !group_lives(group));
        if !left {
            ended(&child);
        }
        let status = end(&mut child).map_err(failed)?;
        drop(door);
        let (outcomes, faults) = self.rows();
        let (traces, unreadable) = self.traces();
        // Who has left the group may hold them, and is not waited for long.
        output.iter().for_each(|kept| kept.end(LAST_WORDS));
        let mut output: String = output.iter().map(Keeping::take).collect();
        if let Some(signal) = status.signal() {
            output.push_str(&format!("ended by signal {signal}\n"));
        }
        vdi_runtime::remove_leftovers(&self.prefix);
        Ok(Observation {
            end: End { code: status.code(), signal: status.signal(), hung, cancelled },
            output,
            traces,
            unreadable,
            awaited: known.len(),
            outcomes,
            faults,
            full: conditions.disk.is_some_and(|disk| holds_large_file(&self.folder, disk)),
        })
    }

    /// What library and server have recorded of each set, in the order of its numbers; and
    /// why one of the files cannot be read, if one cannot.
    fn traces(&self) -> (Vec<Trace>, Option<String>) {
        let (mut traces, mut unreadable) = (Vec::new(), None);
        for path in trace_files(&self.folder) {
            match gather(&[path]) {
                Ok(gathered) => traces.push(gathered.trace),
                Err(error) => unreadable = unreadable.or(Some(error.to_string())),
            }
        }
        (traces, unreadable)
    }

    /// What became of the statements, and which faults have happened.
    fn rows(&self) -> (Vec<Outcome>, Vec<String>) {
        let text = fs::read_to_string(self.folder.join(OUTCOMES)).unwrap_or_default();
        let (mut outcomes, mut faults) = (Vec::new(), Vec::new());
        for row in text.lines().filter_map(|line| serde_json::from_str(line).ok()) {
            match row {
                Row::Fault { fault } => faults.push(fault),
                Row::Outcome(outcome) => outcomes.push(outcome),
            }
        }
        (outcomes, faults)
    }
}

/// The traces in this folder: those of sets of one name in the order in which these were
/// created, of which all but the last have a number behind their name.
fn trace_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut found: Vec<(String, u64, String)> = names
        .filter(|name| name.starts_with(TRACE))
        .map(|name| {
            let end = name.rsplit_once(".jsonl.");
            let numbered = end.and_then(|(set, number)| Some((set, number.parse().ok()?)));
            let (set, number) = numbered.unwrap_or((name.trim_end_matches(".jsonl"), u64::MAX));
            (set.to_owned(), number, name)
        })
        .collect();
    found.sort_unstable();
    found.into_iter().map(|(.., name)| folder.join(name)).collect()
}

/// Whether a file below this folder, but the database, is as large as a small disk allows.
fn holds_large_file(folder: &Path, disk: u64) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_name() != "data").any(|entry| {
        let kind = entry.metadata();
        kind.is_ok_and(|is| {
            is.is_file() && is.len() >= disk || is.is_dir() && holds_large_file(&entry.path(), disk)
        })
    })
}

/// Whether an event says that the primary client's process ended.
pub(super) const fn is_end_of_client(event: &Event<'_>) -> bool {
    matches!(
        event,
        Event::Exit { process: Process::Primary, exit: HowEnded::Normal | HowEnded::Killed, .. }
    )
}

/// Acts while files may not become large, for this process and what it starts.
fn with_limit<T>(limit: Option<u64>, act: impl FnOnce() -> T) -> T {
    let before = getrlimit(Resource::Fsize);
    if limit.is_some() {
        // Where it cannot be set the disk is not small, which the result tells.
        let _ = setrlimit(Resource::Fsize, Rlimit { current: limit, ..before });
    }
    let result = act();
    if limit.is_some() {
        let _ = setrlimit(Resource::Fsize, before);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_come_in_the_order_in_which_their_sets_were_created() {
        let folder = tempfile::TempDir::new().expect("a folder");
        let names = [
            "trace-a.jsonl.1",
            "trace-a.jsonl.2",
            "trace-a.jsonl.10",
            "trace-a.jsonl",
            "trace-b.jsonl.x.jsonl",
            "trace-b.jsonl",
        ];
        for name in names.iter().rev().chain(&["out", "outcomes.jsonl", "medium"]) {
            fs::write(folder.path().join(name), "").expect("written");
        }
        let mut expected: Vec<PathBuf> = names.map(|name| folder.path().join(name)).into();
        expected.swap(4, 5);
        assert_eq!(trace_files(folder.path()), expected);
    }
}
