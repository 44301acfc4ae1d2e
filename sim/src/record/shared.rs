//! One trace that several processes of a set write, each for itself, in one order.
//!
//! Every event is appended under a lock of the file, and bears the next number of the
//! set's history, which all its processes share. A call is recorded before it is made and
//! a return after it came back, so whatever the order says came first did come first;
//! where calls overlap it claims nothing. Processes that write into different files can be
//! put together by these numbers.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::{FlockOperation, flock};

use crate::runtime::SetHistory;
use crate::trace::{Header, Recorder, Turns};

/// The numbers of a trace: the process's own until there is a set.
#[derive(Clone, Debug, Default)]
pub struct Numbers(Arc<Mutex<Source>>);

#[derive(Debug, Default)]
struct Source {
    history: Option<SetHistory>,
    own: u64,
}

impl Numbers {
    /// From here on the numbers are those of this set.
    pub fn follow(&self, history: SetHistory) {
        self.source().history = Some(history);
    }

    fn source(&self) -> MutexGuard<'_, Source> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self) -> u64 {
        let mut source = self.source();
        match &source.history {
            Some(history) => history.next_number(),
            None => {
                source.own += 1;
                source.own
            }
        }
    }
}

/// A lock on the file for each event.
struct Locked {
    file: File,
    numbers: Numbers,
}

impl Turns for Locked {
    fn begin(&mut self) -> u64 {
        // Without the lock the lines may be out of order, but the numbers are not.
        let _ = rustix::io::retry_on_intr(|| flock(&self.file, FlockOperation::LockExclusive));
        self.numbers.next()
    }

    fn end(&mut self) {
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}

/// Begins the trace of a set that this process creates: a new file, in place of an old one.
/// The call that creates the set has the number 1, and the numbers of the set come once
/// they are followed.
///
/// # Errors
/// The file cannot be written.
pub fn begin(path: &Path, header: &Header, numbers: &Numbers) -> io::Result<Recorder> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    open(path, header, numbers)
}

/// Goes on with the trace of a set that another process has created, or begins one, if
/// that is not recorded.
///
/// # Errors
/// The file cannot be written.
pub fn join(path: &Path, header: &Header, history: &SetHistory) -> io::Result<Recorder> {
    let numbers = Numbers::default();
    numbers.follow(history.clone());
    open(path, header, &numbers)
}

fn open(path: &Path, header: &Header, numbers: &Numbers) -> io::Result<Recorder> {
    let file = File::options().create(true).append(true).open(path)?;
    flock(&file, FlockOperation::LockExclusive)?;
    if file.metadata()?.len() == 0 {
        let mut line = serde_json::to_vec(header)?;
        line.push(b'\n');
        (&file).write_all(&line)?;
    }
    flock(&file, FlockOperation::Unlock)?;
    let turns = Locked { file: file.try_clone()?, numbers: numbers.clone() };
    Ok(Recorder::in_turns(file, turns))
}

/// Makes room for a trace of this process: that of an earlier set of it gets a number
/// behind its name; one of another time is written over.
///
/// # Errors
/// The earlier one cannot be renamed.
pub fn claim(path: &Path) -> io::Result<()> {
    static WRITTEN: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());
    let mut written = WRITTEN.lock().unwrap_or_else(PoisonError::into_inner);
    let earlier = written.iter().filter(|known| **known == path).count();
    if earlier > 0 && path.exists() {
        let mut name = path.to_owned().into_os_string();
        name.push(format!(".{earlier}"));
        std::fs::rename(path, name)?;
    }
    written.push(path.to_owned());
    Ok(())
}

/// The file of a set's trace, by what `VDI_TRACE` says: `%p` in it stands for the number of
/// this process, `%s` for the name of the set, in which anything but letters, digits, `-`,
/// `_` and dots becomes `_`.
#[must_use]
pub fn trace_path(pattern: &str, set: &str) -> PathBuf {
    let sound = |c: char| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    let name: String = set.chars().map(sound).collect();
    let pattern = pattern.replace("%p", &std::process::id().to_string());
    PathBuf::from(pattern.replace("%s", &name))
}
