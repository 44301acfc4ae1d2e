//! Logs of lines: the server's error log, and whatever clients and tools write.

use std::sync::LazyLock;

use regex::Regex;

use super::Record;
use super::when::{form, stamp};

/// How the server's error log names who writes.
const SESSION: &str = r"^(?:spid\d+[a-z]*|Backup|Server|Logon)$";

/// An entry of the error log in the middle of a line, as copies that lost their line breaks
/// have it.
const JOINED: &str =
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+\s+(?:spid\d+[a-z]*|Backup|Server|Logon)\s";

/// Whether the entry is one of the server's error log.
pub(super) fn is_session(record: &Record) -> bool {
    static FORM: LazyLock<Regex> = LazyLock::new(|| form(SESSION));
    record.process.as_deref().is_some_and(|process| FORM.is_match(process))
}

pub(super) fn records(text: &str) -> Vec<Record> {
    let mut records: Vec<Record> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for part in parts(line) {
            add(&mut records, index + 1, part.trim_end());
        }
    }
    records
}

/// A line, parted where another entry begins in it.
fn parts(line: &str) -> Vec<&str> {
    static FORM: LazyLock<Regex> = LazyLock::new(|| form(JOINED));
    let mut starts: Vec<usize> = FORM.find_iter(line).map(|found| found.start()).collect();
    // What stands before the first is a journal's or a container's, unless it is a line by itself.
    if starts.first().is_none_or(|first| *first >= 64) {
        starts.insert(0, 0);
    }
    starts.push(line.len());
    starts.windows(2).map(|pair| &line[pair[0]..pair[1]]).filter(|part| !part.is_empty()).collect()
}

fn add(records: &mut Vec<Record>, line: usize, part: &str) {
    // A time counts as that of the entry only near its beginning.
    let stamped = stamp(part).filter(|range| range.start < 64);
    if let Some(range) = stamped {
        records.push(timed(line, part, range));
        return;
    }
    if part.trim().is_empty() {
        return;
    }
    match records.last_mut() {
        // What is indented, or follows on a line of the error log, goes on with it; so does the
        // text of a message that `Msg …` heads.
        Some(last) if goes_on(last, part) => {
            last.text.push('\n');
            last.text.push_str(part.trim());
        }
        _ => records.push(Record {
            line,
            process: process(part),
            text: part.trim().to_owned(),
            ..Record::default()
        }),
    }
}

fn goes_on(last: &Record, part: &str) -> bool {
    static HEAD: LazyLock<Regex> =
        LazyLock::new(|| form(r"^\p{L}+ \d+, \p{L}+ \d+, \p{L}+ \d+(?:, [^\n]*)?$"));
    // The text of an error may end a line of the interface.
    if part.trim_start().starts_with(". Process=") {
        return true;
    }
    let is_head = HEAD.is_match(part.trim());
    let heads = HEAD.is_match(last.text.trim()) && !is_head;
    heads
        || (is_session(last) && last.time.is_some() && !is_head)
        || (part.starts_with([' ', '\t']) && last.time.is_some())
}

fn timed(line: usize, part: &str, range: std::ops::Range<usize>) -> Record {
    let rest = &part[range.end..];
    let before = part[..range.start].trim_matches(['[', '(', ' ', '\t']);
    let after = rest.trim_start_matches([']', ')', ' ', '\t', ',', ';', ':', '|']);
    let word = after.split_whitespace().next().unwrap_or_default();
    let session = Record { process: Some(word.to_owned()), ..Record::default() };
    let is_session = is_session(&session);
    let text = if is_session { after[word.len()..].trim() } else { after.trim() };
    // Before an entry of the error log stands what journals and containers put there.
    let plain = before.is_empty() || is_session;
    let text = if plain { text.to_owned() } else { format!("{before} {text}") };
    Record {
        line,
        time: Some(part[range].trim().to_owned()),
        process: if is_session { session.process } else { process(after) },
        text,
        ..Record::default()
    }
}

/// The process or thread that a client's line names.
fn process(text: &str) -> Option<String> {
    static FORM: LazyLock<Regex> = LazyLock::new(|| {
        form(
            r"(?i)^[^A-Za-z\[\(]*[\[\(]?(?:pid|process|tid|thread)?[ =:#]*(\d+(?:[:./]\d+)?)[\]\)]|\b(?:pid|process)[ =:#]+(\d+)",
        )
    });
    let found = FORM.captures(text)?;
    found.get(1).or_else(|| found.get(2)).map(|part| part.as_str().to_owned())
}
