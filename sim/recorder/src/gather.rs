//! One history from what several processes have recorded of one set.
//!
//! They number their events by one counter, which lies in the set's shared memory, so their
//! files can be put together afterwards; several may be in one file already.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use vdi_trace::{
    Event, Function, Header, LONGEST_LINE, LaneName, Process, Trace, TraceError, TraceReader,
};

/// What several processes have recorded.
#[derive(Clone, Debug)]
pub struct Gathered {
    /// The events in the order of their numbers, numbered anew without gaps.
    pub trace: Trace,
    /// How many numbers no event bears: those of a process whose file is missing, or that was
    /// killed before it could write.
    pub missing: u64,
    /// Files whose last line is half one, with its number, counted from 1: it was dropped.
    pub cut_off: Vec<(PathBuf, usize)>,
}

/// Why files are not traces of one set.
#[derive(Debug, thiserror::Error)]
pub enum NotOne {
    /// It cannot be read.
    #[error("{}: cannot be read: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It is no trace.
    #[error("{}:{}: {error}", path.display(), error.line)]
    NoTrace {
        /// The file.
        path: PathBuf,
        /// Why.
        error: TraceError,
    },
    /// An event has no number.
    #[error("{}:{line}: an event without `seq`: it cannot be put into an order with others", path.display())]
    NoNumber {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
    },
    /// Two events have the same number.
    #[error("{}:{line}: the number {number} is that of another event already: these are not traces of one set", path.display())]
    Twice {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// The number.
        number: u64,
    },
    /// The headers say different things.
    #[error("{}:1: another header than that of the first file: these are not traces of one set", path.display())]
    Headers {
        /// The file.
        path: PathBuf,
    },
}

/// The place of an event: its number and 0, or for one that has none the number of the last
/// before it that has one, and how many further it is.
type Place = (u64, u32);

/// An event, and the milliseconds that had elapsed: of all processes of a machine alike.
type Timed = (Event<'static>, Option<u64>);

/// Reads these files and puts their events into one order. A process that was killed while it
/// wrote has left half a line, which is passed over. What a client has called after its Close
/// bears no number and stays behind what stands before it in its file: it touches nobody.
///
/// # Errors
/// They cannot be read, or are not traces of one set.
pub fn gather<P: AsRef<Path>>(paths: &[P]) -> Result<Gathered, NotOne> {
    gather_lines(paths, LONGEST_LINE)
}

/// The same of files whose lines may have so many bytes.
///
/// # Errors
/// As [`gather`].
pub fn gather_lines<P: AsRef<Path>>(paths: &[P], longest: usize) -> Result<Gathered, NotOne> {
    let mut header: Option<Header> = None;
    let (mut events, mut cut_off) = (BTreeMap::new(), Vec::new());
    for path in paths {
        let (read, torn) = add(path.as_ref(), longest, &mut events)?;
        cut_off.extend(torn.map(|line| (path.as_ref().to_owned(), line)));
        let header = header.get_or_insert_with(|| read.clone());
        // What goes wrong on purpose not everybody knows.
        for party in &read.provoked {
            if !header.provoked.contains(party) {
                header.provoked.push(*party);
            }
        }
        if *header != (Header { provoked: header.provoked.clone(), ..read }) {
            return Err(NotOne::Headers { path: path.as_ref().to_owned() });
        }
    }
    let last = events.keys().next_back().map_or(0, |(number, _)| *number);
    let numbered = events.keys().filter(|(_, after)| *after == 0).count();
    let missing = last.saturating_sub(numbered as u64);
    let mut trace = Trace::new(header.unwrap_or_default());
    for (event, elapsed) in events.into_values() {
        trace.push_timed(event, elapsed);
    }
    Ok(Gathered { trace, missing, cut_off })
}

/// Adds the events of one file by their numbers; its header, and the line of which only half
/// is there.
fn add(
    path: &Path,
    longest: usize,
    events: &mut BTreeMap<Place, Timed>,
) -> Result<(Header, Option<usize>), NotOne> {
    let owned = || path.to_owned();
    let file = File::open(path).map_err(|error| NotOne::Unreadable { path: owned(), error })?;
    let bad = |error: TraceError| NotOne::NoTrace { path: owned(), error };
    let reader = TraceReader::with_longest_line(BufReader::new(file), longest);
    let mut reader = reader.map_err(bad)?;
    let header = reader.header().clone();
    let (mut last, mut closed): (Place, BTreeSet<Process>) = ((0, 0), BTreeSet::new());
    loop {
        let (line, elapsed, event) = match reader.next_line() {
            Ok(Some(line)) => (line.number, line.elapsed, line.event.into_owned()),
            Ok(None) => return Ok((header, None)),
            Err(error) if error.is_cut_off() => return Ok((header, Some(error.line))),
            Err(error) => return Err(bad(error)),
        };
        let process = event.lane().and_then(|lane| LaneName::process_of(lane).ok());
        last = match event.seq() {
            Some(number) => (number, 0),
            None if process.is_some_and(|process| closed.contains(&process)) => {
                (last.0, last.1 + 1)
            }
            None => return Err(NotOne::NoNumber { path: owned(), line }),
        };
        if let Event::Call { call: Function::Close, .. } = &event {
            closed.extend(process);
        }
        if events.insert(last, (event, elapsed)).is_some() {
            return Err(NotOne::Twice { path: owned(), line, number: last.0 });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "{\"vdi\":\"trace/1\"}\n";

    fn line(seq: &str, lane: &str, rest: &str) -> String {
        format!("{{{seq}\"lane\":\"{lane}\",{rest}}}\n")
    }

    fn gathered(name: &str, files: [String; 2]) -> Result<Gathered, NotOne> {
        let paths = [1, 2].map(|number| {
            let name = format!("gathered-{name}-{}-{number}.jsonl", std::process::id());
            std::env::temp_dir().join(name)
        });
        for (path, lines) in paths.iter().zip(files) {
            std::fs::write(path, format!("{HEADER}{lines}")).expect("written");
        }
        let gathered = gather(&paths);
        paths.iter().for_each(|path| std::fs::remove_file(path).expect("it is there"));
        gathered
    }

    /// The server goes on with the numbers of the set while its client calls what it has
    /// closed.
    #[test]
    fn what_comes_after_close_stays_where_it_stands() {
        let (close, done) = ("\"call\":\"Close\",\"on\":\"cset\"", "\"return\":\"NOERROR\"");
        let abort = "\"call\":\"SignalAbort\",\"on\":\"cset\"";
        let refused = "\"return\":\"VD_E_PROTOCOL\"";
        let client = [("\"seq\":1,", close), ("\"seq\":3,", done), ("", abort), ("", refused)]
            .map(|(seq, rest)| line(seq, "primary.t1", rest));
        let close_by_server = close.replace("cset\"", "sset\",\"elapsed\":70");
        let server = [("\"seq\":2,", &*close_by_server), ("\"seq\":4,", done)]
            .map(|(seq, rest)| line(seq, "server.main", rest));
        let whole = gathered("late", [client.concat(), server.concat()]).expect("one history");
        assert_eq!(whole.missing, 0);
        let lanes: Vec<_> = whole.trace.events.iter().filter_map(Event::lane).collect();
        let (client, server) = ("primary.t1", "server.main");
        assert_eq!(lanes, [client, server, client, client, client, server]);
        // The times of those that tell them stay beside them.
        assert_eq!(whole.trace.times().collect::<Vec<_>>(), [(3, 70)]);
        assert!(whole.trace.to_json_lines().contains("\"sset\",\"elapsed\":70}"));
        // Of anybody who has closed nothing it is asked for.
        let early = line("", "primary.t1", abort);
        let error = gathered("early", [early, String::new()]).expect_err("it has no number");
        assert!(matches!(error, NotOne::NoNumber { line: 2, .. }), "{error}");
    }
}
