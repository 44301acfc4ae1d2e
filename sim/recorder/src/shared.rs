//! One trace that several processes of a set write, each for itself, in one order.
//!
//! Every event is appended under a lock of the file, and bears the next number of the
//! set's history, which all its processes share. A call is recorded before it is made and
//! a return after it came back, so whatever the order says came first did come first;
//! where calls overlap it claims nothing. Processes that write into different files can be
//! put together by these numbers. What a client calls after its Close is recorded without
//! one: the numbers lie in the set's memory, which Close lets go. So is what comes once they do
//! not increase any more, because somebody has written over that memory: then it is the order of
//! the lines that tells.

use std::fs::File;
use std::io::ErrorKind::Interrupted;
use std::io::{self, BufReader, Write as _};
#[cfg(unix)]
use std::os::unix::fs::FileExt;
#[cfg(windows)]
use std::os::windows::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use vdi_runtime::SetHistory;
use vdi_trace::{Event, Function, Header, Recorder, TraceReader, Turns, files};

use super::sync::lock;

/// The numbers of a trace: the process's own until there is a set.
#[derive(Clone, Debug, Default)]
pub struct Numbers(Arc<Mutex<Source>>);

#[derive(Debug, Default)]
struct Source {
    history: Option<SetHistory>,
    unshared: u64,
    ended: bool,
}

impl Numbers {
    /// From here on the numbers are those of this set.
    pub fn follow(&self, history: SetHistory) {
        self.source().history = Some(history);
    }

    fn source(&self) -> MutexGuard<'_, Source> {
        lock(&self.0)
    }

    /// There are no more: what this process records of a set that it has closed must keep
    /// nothing of the set's memory.
    fn end(&self) {
        let mut source = self.source();
        source.ended = true;
        source.history = None;
    }

    fn next(&self) -> Option<u64> {
        let mut source = self.source();
        match &source.history {
            Some(history) => Some(history.next_number()),
            None if source.ended => None,
            None => {
                source.unshared += 1;
                Some(source.unshared)
            }
        }
    }
}

/// Bytes of the end of a trace in which its last number is looked for.
const TAIL: u64 = 4096;

/// Reads from a place of a file.
fn read_at(file: &File, into: &mut [u8], start: u64) -> io::Result<usize> {
    #[cfg(unix)]
    return FileExt::read_at(file, into, start);
    #[cfg(windows)]
    FileExt::seek_read(file, into, start)
}

/// A lock on the file for each event.
struct Locked {
    file: File,
    numbers: Numbers,
    /// The last number that this process has written.
    last: u64,
}

impl Locked {
    /// The last number in the file, as far as its last lines tell.
    fn last(&self) -> u64 {
        let mut tail = [0; TAIL as usize];
        let read = self.file.metadata().and_then(|file| {
            let start = file.len().saturating_sub(TAIL);
            read_at(&self.file, &mut tail, start)
        });
        let text = &tail[..read.unwrap_or_default()];
        let number = |line: &[u8]| {
            let digits = line.strip_prefix(b"{\"seq\":")?;
            let end = digits.iter().position(|byte| !byte.is_ascii_digit())?;
            std::str::from_utf8(&digits[..end]).ok()?.parse().ok()
        };
        let found = text.rsplit(|byte| *byte == b'\n').find_map(number);
        found.map_or(self.last, |found: u64| found.max(self.last))
    }
}

impl Turns for Locked {
    fn begin(&mut self) -> Option<u64> {
        // Without the lock the lines may be out of order, but the numbers are not.
        while matches!(self.file.lock(), Err(error) if error.kind() == Interrupted) {}
        let number = self.numbers.next()?;
        if number > self.last() {
            self.last = number;
            return Some(number);
        }
        // Whoever may write the set's memory has taken the numbers away: from here on it is the
        // lines that have an order.
        self.numbers.end();
        None
    }

    fn end(&mut self) {
        let _ = self.file.unlock();
    }

    fn end_numbers(&mut self) {
        self.numbers.end();
    }
}

/// Begins the trace of a set that this process creates: a new file, in place of an old
/// trace. The call that creates the set has the number 1, and the numbers of the set come
/// once they are followed.
///
/// # Errors
/// The file cannot be written; or there is one that is no trace, which is left alone.
pub fn begin(path: &Path, header: &Header, numbers: &Numbers) -> io::Result<Recorder> {
    make_room(path)?;
    open(path, header, numbers)
}

/// Removes the trace that is there, if there is one.
fn make_room(path: &Path) -> io::Result<()> {
    let Some(file) = earlier(path)? else { return Ok(()) };
    TraceReader::new(BufReader::new(file)).map_err(|_| no_trace())?;
    std::fs::remove_file(path)
}

/// Goes on with the trace of a set of this name that another process has created, or
/// begins one, if that is not recorded: in place of that of an earlier set.
///
/// # Errors
/// The file cannot be written; or it is the trace of another set, or none, and is left
/// alone.
pub fn join(
    path: &Path,
    header: &Header,
    (history, set): (&SetHistory, &str),
) -> io::Result<Recorder> {
    if let Some(known) = Known::of(path)? {
        if known.set.as_deref().is_some_and(|known| known != set) {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, OTHER_SET));
        }
        // A number that this set has not given yet is one of another's.
        if known.last > history.numbers() {
            make_room(path)?;
        }
    }
    let numbers = Numbers::default();
    numbers.follow(history.clone());
    open(path, header, &numbers)
}

/// Why a set is not recorded into the trace of another.
const OTHER_SET: &str =
    "another set is being recorded there: a %s in the name stands for that of the set";

/// What a trace that is there says of its set.
struct Known {
    /// Its name, if the call that created or opened it is recorded.
    set: Option<String>,
    /// The number of the last event.
    last: u64,
}

impl Known {
    /// `None` if there is nothing yet.
    fn of(path: &Path) -> io::Result<Option<Self>> {
        let Some(file) = earlier(path)? else { return Ok(None) };
        file.lock_shared()?;
        let mut reader = TraceReader::new(BufReader::new(file)).map_err(|_| no_trace())?;
        let mut known = Self { set: None, last: 0 };
        // Half a line is of somebody who was killed.
        while let Ok(Some(line)) = reader.next_line() {
            known.last = known.last.max(line.event.seq().unwrap_or_default());
            let opens = [Function::CreateEx, Function::Create, Function::Open];
            if let Event::Call { call, args, .. } = &line.event
                && opens.contains(call)
                && known.set.is_none()
            {
                known.set = args.name.as_ref().map(|name| name.as_str().to_owned());
            }
        }
        Ok(Some(known))
    }
}

fn no_trace() -> io::Error {
    let why = "there is a file that is no trace, which is not written over";
    io::Error::new(io::ErrorKind::AlreadyExists, why)
}

/// The file that is there, if it holds anything.
fn earlier(path: &Path) -> io::Result<Option<File>> {
    match files::opened(File::options().read(true), path) {
        Ok(file) => {
            let kind = file.metadata()?;
            Ok((kind.is_file() && kind.len() > 0).then_some(file))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn open(path: &Path, header: &Header, numbers: &Numbers) -> io::Result<Recorder> {
    let file = files::opened(File::options().read(true).create(true).append(true), path)?;
    file.lock()?;
    if file.metadata()?.len() == 0 {
        let mut line = serde_json::to_vec(header)?;
        line.push(b'\n');
        (&file).write_all(&line)?;
    }
    // Wine says of a lock that it has just let go that there is none.
    let _ = file.unlock();
    let turns = Locked { file: file.try_clone()?, numbers: numbers.clone(), last: 0 };
    Ok(Recorder::in_turns(file, turns).timed(crate::elapsed))
}

/// A file into which this process records a set: nothing else may go there until the set
/// has ended, or this is dropped.
#[derive(Clone, Debug, Default)]
pub struct Claim(Arc<Life>);

#[derive(Debug, Default)]
struct Life {
    created: AtomicBool,
    ended: AtomicBool,
}

impl Claim {
    /// What came of Create: if there is no set, nothing is recorded either.
    pub fn note_create(&self, succeeded: bool) {
        if succeeded {
            self.0.created.store(true, Ordering::Release);
        } else if !self.0.created.load(Ordering::Acquire) {
            self.end();
        }
    }

    /// The set has ended: another may be recorded under this name.
    pub fn end(&self) {
        self.0.ended.store(true, Ordering::Release);
    }
}

/// Makes room for a trace of this process: that of an earlier set of it gets a number
/// behind its name; one of another time is written over.
///
/// # Errors
/// The earlier one cannot be renamed, or its set has not ended; what is there is no trace.
pub fn claim(path: &Path) -> io::Result<Claim> {
    static PATHS: Mutex<Vec<(PathBuf, Weak<Life>)>> = Mutex::new(Vec::new());
    let mut paths = lock(&PATHS);
    let ours = paths.iter().filter(|(known, _)| *known == path);
    let lives =
        |life: &Weak<Life>| life.upgrade().is_some_and(|life| !life.ended.load(Ordering::Acquire));
    if ours.clone().any(|(_, life)| lives(life)) {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, OTHER_SET));
    }
    match ours.count() {
        0 => make_room(path)?,
        _ if !path.exists() => {}
        earlier => {
            let mut name = path.to_owned().into_os_string();
            name.push(format!(".{earlier}"));
            std::fs::rename(path, name)?;
        }
    }
    let claim = Claim::default();
    paths.push((path.to_owned(), Arc::downgrade(&claim.0)));
    Ok(claim)
}

/// The file of a set's trace, by what `VDI_TRACE` says: `%p` in it stands for the number of
/// this process, `%s` for the name of the set, in which anything but letters, digits, `-`
/// and `_` is written as `%` and two digits for each of its bytes: no two names are alike, and
/// none is like that of an earlier trace, which ends with a dot and a number.
#[must_use]
pub fn trace_path(pattern: &str, set: &str) -> PathBuf {
    let mut name = String::new();
    for c in set.chars() {
        if c.is_alphanumeric() || "-_".contains(c) {
            name.push(c);
        } else {
            let mut room = [0; 4];
            name.extend(c.encode_utf8(&mut room).bytes().map(|byte| format!("%{byte:02X}")));
        }
    }
    let pattern = pattern.replace("%p", &std::process::id().to_string());
    PathBuf::from(pattern.replace("%s", &name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_sets_share_a_file() {
        let names = ["a", "a.1", "a/1", "a_1", "a%2F1", "{a}", "(a)", "ä", "ü", "a 1", "A"];
        let paths: std::collections::BTreeSet<_> =
            names.iter().map(|name| trace_path("t-%s.jsonl", name)).collect();
        assert_eq!(paths.len(), names.len());
        assert!(paths.iter().all(|path| path.components().count() == 1));
        // Nor does one share that of an earlier set of another.
        assert_ne!(trace_path("%s", "a.1"), PathBuf::from("a.1"));
    }

    #[test]
    fn a_pipe_is_no_file_for_a_trace() {
        let path = std::env::temp_dir().join(format!("pipe-{}", std::process::id()));
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.expect("mkfifo is there").success());
        let begun = begin(&path, &Header::default(), &Numbers::default());
        let why = begun.err().map(|error| error.to_string());
        std::fs::remove_file(&path).expect("it is there");
        assert_eq!(why.as_deref(), Some("it is a pipe: a trace is recorded into a file"));
    }

    /// Whatever stands where the numbers come from, the trace can be read to its end.
    #[test]
    fn numbers_that_do_not_increase_are_no_more_written() {
        let path = std::env::temp_dir().join(format!("numbers-{}.jsonl", std::process::id()));
        let recorder = begin(&path, &Header::default(), &Numbers::default()).expect("made");
        let event = || Event::Exit {
            seq: None,
            process: vdi_trace::Process::Secondary(1),
            exit: vdi_trace::HowEnded::Normal,
        };
        recorder.record(event());
        // Another process has been given larger ones.
        let line = "{\"seq\":900,\"process\":\"secondary2\",\"exit\":\"normal\"}\n";
        let mut file = File::options().append(true).open(&path).expect("it is there");
        file.write_all(line.as_bytes()).expect("written");
        recorder.record(event());
        recorder.record(event());
        recorder.finish().expect("recorded");
        let file = BufReader::new(File::open(&path).expect("it is there"));
        let mut reader = TraceReader::new(file).expect("a header");
        let mut numbers = Vec::new();
        while let Some(line) = reader.next_line().expect("it can be read") {
            numbers.push(line.event.seq());
        }
        std::fs::remove_file(&path).expect("it is there");
        assert_eq!(numbers, [Some(1), Some(900), None, None]);
    }

    /// One set of a process after another: of each there is a trace.
    #[test]
    fn an_earlier_trace_gets_a_number() {
        let folder = std::env::temp_dir().join(format!("claims-{}", std::process::id()));
        std::fs::create_dir(&folder).expect("made");
        let path = folder.join("trace.jsonl");
        let header = |version: &str| Header {
            source: Some(vdi_trace::Origin {
                name: "sets".to_owned(),
                version: Some(version.to_owned()),
                setting: None,
            }),
            ..Header::default()
        };
        let of = |name: &str| {
            let file = File::open(folder.join(name)).expect("a trace");
            let reader = TraceReader::new(BufReader::new(file)).expect("a header");
            reader.header().source.clone().and_then(|source| source.version)
        };
        let record = |version: &str| {
            let claim = claim(&path).expect("it is free");
            begin(&path, &header(version), &Numbers::default()).expect("it is written");
            claim.end();
        };
        // Of another time, so it gives way.
        begin(&path, &header("0"), &Numbers::default()).expect("it is written");
        for (version, sets) in [("1", 1), ("2", 2), ("3", 3)] {
            record(version);
            assert_eq!(std::fs::read_dir(&folder).expect("a folder").count(), sets);
        }
        let versions = ["trace.jsonl.1", "trace.jsonl.2", "trace.jsonl"].map(of);
        assert_eq!(versions.map(Option::unwrap_or_default), ["1", "2", "3"]);
        std::fs::remove_dir_all(folder).expect("it is there");
    }

    #[test]
    fn a_file_is_of_one_set_at_a_time() {
        let path = std::env::temp_dir().join(format!("claimed-{}.jsonl", std::process::id()));
        let first = claim(&path).expect("it is free");
        assert!(claim(&path).is_err(), "its set has not ended");
        drop(first);
        let second = claim(&path).expect("nobody records there");
        second.note_create(true);
        second.note_create(false);
        assert!(claim(&path).is_err(), "a second Create that fails ends nothing");
        second.end();
        let third = claim(&path).expect("its set has ended");
        third.note_create(false);
        assert!(claim(&path).is_ok(), "there is no set");
    }
}
