//! Running the program: where, with which environment, and what is left of it.

use std::fs::{self, File};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process_group, setrlimit};
use vdi_recorder::gather::gather;
use vdi_recorder::settings;
use vdi_trace::{Event, HowEnded, Process, Trace};

use super::gate::Gate;
use super::observation::{NotStarted, Observation, Outcome, Row};
use super::situations::SMALL_DISK;

/// How often it is asked whether the program has ended.
const POLL: Duration = Duration::from_millis(5);

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

impl Workspace {
    /// A folder with a `sqlcmd` and a place for databases.
    pub(super) fn new(folder: &Path, gate: &Gate) -> Result<Self, NotStarted> {
        let make = || -> std::io::Result<()> {
            fs::create_dir_all(folder.join("bin"))?;
            fs::create_dir_all(folder.join("data"))?;
            std::os::unix::fs::symlink(&gate.vdi, folder.join("bin/sqlcmd"))
        };
        make().map_err(|error| NotStarted::at(folder, &error))?;
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        let prefix = format!("gate{}-{name}-", std::process::id());
        Ok(Self { folder: folder.to_owned(), prefix })
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data").join(DATABASE)
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

    pub(super) fn holds(&self, data: &[u8]) -> bool {
        fs::read(self.data()).is_ok_and(|held| held == data)
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
    fn words(&self, line: &str) -> Result<Vec<String>, NotStarted> {
        let unknown = || NotStarted(format!("{line}: quotes are not closed"));
        let words = shlex::split(line).filter(|words| !words.is_empty()).ok_or_else(unknown)?;
        let medium = self.folder.join("medium").display().to_string();
        let put = |word: String| word.replace("{database}", DATABASE).replace("{medium}", &medium);
        Ok(words.into_iter().map(put).collect())
    }

    fn command(&self, gate: &Gate, words: &[String], small_disk: bool) -> Command {
        let mut command = Command::new("sh");
        // A file that grows too large ends the program, unless it ignores that signal.
        let ignore = if small_disk { "trap '' XFSZ; " } else { "" };
        command.arg("-c").arg(format!("{ignore}exec \"$@\"")).arg("sh").args(words);
        let joined = |first: &Path, name: &str| {
            let rest = std::env::var(name).map(|rest| format!(":{rest}")).unwrap_or_default();
            format!("{}{rest}", first.display())
        };
        let folder = gate.library.parent().unwrap_or(Path::new("/"));
        command
            .env("PATH", joined(&self.folder.join("bin"), "PATH"))
            .env("LD_LIBRARY_PATH", joined(folder, "LD_LIBRARY_PATH"))
            .env(settings::DATA.name, self.folder.join("data"))
            .env(settings::PREFIX.name, &self.prefix)
            // Its faults are those of the sqlcmd that the program starts.
            .env(settings::SERVER.name, "none")
            // A file for each set: a program may have several at once.
            .env(settings::TRACE.name, self.folder.join(format!("{TRACE}%s.jsonl")))
            .env(settings::OUTCOME.name, self.folder.join(OUTCOMES))
            .env_remove(settings::DEBUG.name)
            // With all that it starts, so that all can be ended.
            .process_group(0);
        if gate.preload {
            command.env("LD_PRELOAD", &gate.library);
        }
        command
    }

    /// Runs the program to its end.
    pub(super) fn run(
        &self,
        gate: &Gate,
        line: &str,
        faults: &str,
        small_disk: bool,
    ) -> Result<Observation, NotStarted> {
        let words = self.words(line)?;
        let create = |name: &str| {
            let path = self.folder.join(name);
            File::create(&path).map_err(|error| NotStarted::at(&path, &error))
        };
        let mut command = self.command(gate, &words, small_disk);
        command.env(settings::FAULTS.name, faults).stdin(Stdio::null());
        command.stdout(create("out")?).stderr(create("err")?);
        let child = with_limit(small_disk, || command.spawn());
        let mut child = child.map_err(|error| NotStarted(format!("{line}: {error}")))?;
        RUNNING.store(child.id().cast_signed(), Ordering::Release);
        let hung = !ends_within(&mut child, gate.timeout);
        if hung {
            end_program();
        }
        RUNNING.store(0, Ordering::Release);
        let status = child.wait().map_err(|error| NotStarted(format!("{line}: {error}")))?;
        let read = |name: &str| fs::read(self.folder.join(name)).unwrap_or_default();
        let output: Vec<u8> = [read("out"), read("err")].concat();
        let mut output = String::from_utf8_lossy(&output).into_owned();
        if let Some(signal) = status.signal() {
            output.push_str(&format!("ended by signal {signal}\n"));
        }
        vdi_runtime::remove_leftovers(&self.prefix);
        Ok(Observation {
            code: status.code(),
            signal: status.signal(),
            hung,
            output,
            traces: Vec::new(),
            unreadable: None,
            outcomes: Vec::new(),
            faults: Vec::new(),
            full: small_disk && holds_large_file(&self.folder),
        })
    }

    /// What library and server have recorded of each set, in the order of its numbers; and
    /// why one of the files cannot be read, if one cannot.
    pub(super) fn traces(&self) -> (Vec<Trace>, Option<String>) {
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
    pub(super) fn rows(&self) -> (Vec<Outcome>, Vec<String>) {
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

/// The group of the program that runs; 0 if none does.
static RUNNING: AtomicI32 = AtomicI32::new(0);

/// Ends the program that runs, and whatever it has started.
pub fn end_program() {
    if let Some(group) = Pid::from_raw(RUNNING.load(Ordering::Acquire)) {
        // It may have ended at this moment.
        let _ = kill_process_group(group, Signal::KILL);
    }
}

/// Whether a file below this folder, but the database, is as large as a small disk allows.
fn holds_large_file(folder: &Path) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_name() != "data").any(|entry| {
        let kind = entry.metadata();
        kind.is_ok_and(|is| {
            is.is_file() && is.len() >= SMALL_DISK || is.is_dir() && holds_large_file(&entry.path())
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
fn with_limit<T>(limited: bool, act: impl FnOnce() -> T) -> T {
    let before = getrlimit(Resource::Fsize);
    if limited {
        // Where it cannot be set the disk is not small, which the result tells.
        let _ = setrlimit(Resource::Fsize, Rlimit { current: Some(SMALL_DISK), ..before });
    }
    let result = act();
    if limited {
        let _ = setrlimit(Resource::Fsize, before);
    }
    result
}

#[expect(clippy::disallowed_methods, reason = "whether a program hangs is asked of the clock")]
fn ends_within(child: &mut Child, limit: Duration) -> bool {
    let begun = Instant::now();
    loop {
        match child.try_wait() {
            Ok(None) if begun.elapsed() < limit => std::thread::sleep(POLL),
            Ok(None) => return false,
            _ => return true,
        }
    }
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
