//! A folder with databases, a `sqlcmd`, and client programs compiled once.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

/// Every client program.
pub(crate) const CLIENTS: [&str; 10] = [
    "single",
    "threads",
    "processes",
    "handles",
    "disk",
    "complete",
    "snapshot",
    "abort",
    "faulty",
    "turns",
];

/// Where the clients are compiled to, once for all tests of this process.
fn programs() -> &'static Path {
    static PROGRAMS: OnceLock<TempDir> = OnceLock::new();
    let compile = || {
        let folder = TempDir::new().expect("a folder");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sim/libsqlvdi");
        let build = |name: &str| {
            Command::new("g++")
                .args(["-std=c++11", "-O2", "-pthread", "-I"])
                .arg(source.join("include"))
                .arg(source.join("clients").join(name).with_extension("cpp"))
                .arg("-L")
                .arg(library())
                .args(["-lsqlvdi", "-o"])
                .arg(folder.path().join(name))
                .spawn()
                .expect("g++ starts")
        };
        for mut compiler in CLIENTS.map(build) {
            assert!(compiler.wait().expect("it ends").success(), "a client does not compile");
        }
        folder
    };
    PROGRAMS.get_or_init(compile).path()
}

/// The folder in which Cargo has built `libsqlvdi.so` for this test.
pub(crate) fn library() -> PathBuf {
    let here = std::env::current_exe().expect("a running test");
    let folder = here.parent().expect("a folder").to_owned();
    assert!(folder.join("libsqlvdi.so").is_file(), "{} has no library", folder.display());
    folder
}

/// One test's world: nothing of it is shared with another.
pub(crate) struct Stage {
    folder: TempDir,
    prefix: String,
}

/// A program that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) process: u32,
    pub(crate) out: String,
    #[allow(dead_code, reason = "shown when something else was expected")]
    pub(crate) told: String,
}

impl Ended {
    pub(crate) fn of(command: &mut Command) -> Self {
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let child = child.unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let process = child.id();
        let output = child.wait_with_output().expect("it ends");
        Self {
            code: output.status.code().unwrap_or(-1),
            process,
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            told: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self::at(TempDir::new().expect("a folder"))
    }

    /// One whose files are in memory.
    pub(crate) fn in_memory() -> Self {
        Self::at(TempDir::new_in("/dev/shm").expect("a folder"))
    }

    fn at(folder: TempDir) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        for name in ["bin", "data"] {
            fs::create_dir(folder.path().join(name)).expect("made");
        }
        let sqlcmd = folder.path().join("bin/sqlcmd");
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_vdi"), sqlcmd).expect("linked");
        Self { folder, prefix: format!("clients-{}-{number}-", std::process::id()) }
    }

    /// What stands in for `sqlcmd` where somebody else, the process `server`, makes the
    /// statement: it says nothing, and ends well when that has ended.
    pub(crate) fn statement_of_others(&self, server: u32) -> PathBuf {
        let path = self.path("statement-of-others");
        let lives = format!("grep -q '^State:[[:space:]]*[RSDTtI]' /proc/{server}/status");
        let text = format!("#!/bin/sh\nwhile {lives} 2>/dev/null; do sleep 0.1; done\n");
        fs::write(&path, text).expect("written");
        let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(&path, executable).expect("made executable");
        path
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The file of a database.
    pub(crate) fn data(&self, name: &str) -> PathBuf {
        self.folder.path().join("data").join(name)
    }

    /// A database of so many bytes, no two stretches of which are alike.
    pub(crate) fn database(&self, name: &str, bytes: usize) -> Vec<u8> {
        let mut state: u32 = 1;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        let data: Vec<u8> = (0..bytes).map(|_| next()).collect();
        fs::write(self.data(name), &data).expect("written");
        data
    }

    /// A program that is told where all of this is.
    pub(crate) fn prepared(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        let path = std::env::var("PATH").unwrap_or_default();
        command
            .current_dir(self.folder.path())
            .env("PATH", format!("{}:{path}", self.path("bin").display()))
            .env("LD_LIBRARY_PATH", library())
            .env("VDI_DATA", self.path("data"))
            .env("VDI_PREFIX", &self.prefix);
        for name in ["FAULTS", "TRACE", "WAIT", "OUTCOME", "GROUP", "SERVER", "ORIGINAL"] {
            command.env_remove(format!("VDI_{name}"));
        }
        command
    }

    /// A client program.
    pub(crate) fn program(&self, client: &str) -> PathBuf {
        programs().join(client)
    }

    /// A client with these words; `MEDIUM` is its medium.
    pub(crate) fn command(&self, client: &str, words: &[&str]) -> Command {
        let mut command = self.prepared(programs().join(client));
        command.args(words.iter().map(|word| if *word == "MEDIUM" { "medium" } else { word }));
        command
    }

    pub(crate) fn run(&self, client: &str, words: &[&str]) -> Ended {
        Ended::of(&mut self.command(client, words))
    }

    /// The same, which must succeed.
    pub(crate) fn good(&self, client: &str, words: &[&str]) {
        let ended = self.run(client, words);
        assert_eq!(ended.code, 0, "{client} {words:?}: {ended:?}");
    }

    pub(crate) fn sqlcmd(&self, words: &[&str]) -> Ended {
        Ended::of(self.prepared(self.path("bin/sqlcmd")).args(words))
    }

    pub(crate) fn vdi(&self, words: &[&str]) -> Command {
        let mut command = self.prepared(env!("CARGO_BIN_EXE_vdi"));
        command.args(words);
        command
    }

    /// The process that plays the server for a client: its child named `sqlcmd`.
    pub(crate) fn server_of(&self, client: u32) -> u32 {
        loop {
            for entry in fs::read_dir("/proc").expect("processes").flatten() {
                let Some(number) = entry.file_name().to_str().and_then(|name| name.parse().ok())
                else {
                    continue;
                };
                let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
                let Some((name, rest)) = stat.rsplit_once(')') else { continue };
                let parent = rest.split_whitespace().nth(1).and_then(|word| word.parse().ok());
                if name.ends_with("(sqlcmd") && parent == Some(client) {
                    return number;
                }
            }
            std::thread::yield_now();
        }
    }

    /// The processes of this test that run: those whose environment has its prefix, with what
    /// they are called.
    pub(crate) fn processes(&self) -> Vec<(u32, String)> {
        let prefix = format!("VDI_PREFIX={}", self.prefix);
        let entries = fs::read_dir("/proc").expect("processes").flatten();
        let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let mut found = Vec::new();
        for number in numbers.filter(|number| *number != std::process::id()) {
            let environment = fs::read(format!("/proc/{number}/environ")).unwrap_or_default();
            if environment.split(|byte| *byte == 0).any(|entry| entry == prefix.as_bytes())
                && lives(number)
            {
                let name = fs::read_to_string(format!("/proc/{number}/comm")).unwrap_or_default();
                found.push((number, name.trim().to_owned()));
            }
        }
        found
    }

    /// Takes away what this test has left in shared memory.
    pub(crate) fn clear(&self) {
        vdi_sim::runtime::remove_leftovers(&self.prefix);
    }

    /// Nothing of this test is left in shared memory.
    pub(crate) fn leaves_nothing(&self) {
        let left = self.left();
        assert!(left.is_empty(), "{left:?} stays");
    }

    /// What of this test is left in shared memory.
    pub(crate) fn left(&self) -> Vec<String> {
        let entries = fs::read_dir("/dev/shm").expect("shared memory").flatten();
        let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
        names.filter(|name| name.starts_with(&self.prefix)).collect()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Whether a process runs, and is no zombie.
pub(crate) fn lives(process: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X']))
}

/// Kills a process that this test started, through a child of its own.
pub(crate) fn kill(process: u32) {
    assert!(try_kill(process));
}

/// Kills a process of this test, if it is still there.
pub(crate) fn try_kill(process: u32) -> bool {
    signal("-KILL", process)
}

/// Ends a process of this test as an operator does.
pub(crate) fn terminate(process: u32) {
    assert!(signal("-TERM", process));
}

fn signal(signal: &str, process: u32) -> bool {
    let mut command = Command::new("kill");
    command.args([signal, &process.to_string()]).stderr(Stdio::null());
    command.status().expect("kill starts").success()
}

/// Whether this word stands on a process's command line.
pub(crate) fn has_words(process: u32, word: &str) -> bool {
    let line = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
    line.split(|byte| *byte == 0).any(|one| one == word.as_bytes())
}

/// A path as a word of a command line.
pub(crate) fn word(path: &Path) -> &str {
    path.to_str().expect("a path of this test")
}
