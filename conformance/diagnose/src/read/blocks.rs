//! Exports of an event log as text: blocks of names and values, or one event a line.

use std::sync::LazyLock;

use regex::Regex;

use super::Record;
use super::when::{form, stamp};

/// What begins a block, and what it holds, under each of the names that tools give them.
const TIME: &[&str] = &["date", "timecreated", "timegenerated", "date and time", "time"];
const SOURCE: &[&str] = &["source", "providername", "provider", "provider name", "event source"];
const NUMBER: &[&str] = &["event id", "eventid", "id"];
const TEXT: &[&str] = &["description", "message"];
const PROCESS: &[&str] = &["processid", "process id"];
const OTHER: &[&str] = &[
    "log name",
    "level",
    "leveldisplayname",
    "task",
    "task category",
    "keyword",
    "keywords",
    "opcode",
    "user",
    "user name",
    "computer",
    "machinename",
    "index",
    "entrytype",
    "instanceid",
    "logname",
    "recordid",
    "userid",
    "threadid",
    "event type",
    "event category",
    "category",
];

pub(super) fn records(text: &str) -> Option<Vec<Record>> {
    blocks(text).or_else(|| rows(text))
}

/// One event a line, as the Event Viewer copies and saves it: level, date, source, number,
/// category and description, with tabs between.
fn rows(text: &str) -> Option<Vec<Record>> {
    let mut records: Vec<Record> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let cells: Vec<&str> = line.split('\t').map(str::trim).collect();
        let event = cells.len() >= 5 && stamp(cells[1]).is_some_and(|range| range.start == 0);
        match (event, records.last_mut()) {
            (true, _) => records.push(Record {
                line: index + 1,
                time: Some(cells[1].to_owned()),
                source: Some(cells[2].to_owned()),
                number: cells[3].parse().ok(),
                text: cells[5..].join(" ").trim_matches(['"', ' ']).to_owned(),
                ..Record::default()
            }),
            (false, Some(last)) if !line.trim().is_empty() => {
                last.text.push('\n');
                last.text.push_str(line.trim().trim_matches('"'));
            }
            (false, _) => {}
        }
    }
    (!records.is_empty()).then_some(records)
}

fn blocks(text: &str) -> Option<Vec<Record>> {
    static FIELD: LazyLock<Regex> =
        LazyLock::new(|| form(r"^(?:[> ]\s*)?([A-Za-z][A-Za-z ]{1,16}?)\s*:(?:\s+|$)(.*)$"));
    let mut records: Vec<Record> = Vec::new();
    let mut open = Block::default();
    for (index, line) in text.lines().enumerate() {
        let begins = line.trim_start().starts_with("Event[");
        let field =
            FIELD.captures(line).map(|found| (found[1].to_lowercase(), found.extract::<2>().1[1]));
        let known =
            field.filter(|(name, _)| is_known(name) && (!open.in_text || starts_anew(name, &open)));
        match known {
            Some((name, value)) => {
                if starts_anew(&name, &open) {
                    records.extend(std::mem::take(&mut open).done());
                }
                open.take(index + 1, &name, value.trim());
            }
            None if begins => records.extend(std::mem::take(&mut open).done()),
            None => open.more(line.trim()),
        }
    }
    records.extend(open.done());
    (!records.is_empty()).then_some(records)
}

fn is_known(name: &str) -> bool {
    [TIME, SOURCE, NUMBER, TEXT, PROCESS, OTHER].iter().any(|names| names.contains(&name))
}

/// A block that is being read.
#[derive(Default)]
struct Block {
    record: Record,
    names: Vec<String>,
    in_text: bool,
}

/// Whether a name cannot belong to the open block any more: it has it, and a text besides.
fn starts_anew(name: &str, open: &Block) -> bool {
    open.names.first().is_some_and(|first| first == name)
        || (open.names.iter().any(|known| known == name) && !open.in_text)
}

impl Block {
    fn take(&mut self, line: usize, name: &str, value: &str) {
        if self.names.is_empty() {
            self.record.line = line;
        }
        self.names.push(name.to_owned());
        let value = || Some(value.to_owned()).filter(|value| !value.is_empty());
        if TIME.contains(&name) {
            // Date and time may stand in lines of their own.
            self.record.time = match (self.record.time.take(), value()) {
                (Some(date), Some(time)) => Some(format!("{date} {time}")),
                (one, other) => one.or(other),
            };
        } else if SOURCE.contains(&name) {
            self.record.source = value();
        } else if NUMBER.contains(&name) {
            self.record.number = value().and_then(|value| value.parse().ok());
        } else if PROCESS.contains(&name) {
            self.record.process = value();
        } else if TEXT.contains(&name) {
            self.in_text = true;
            self.record.text = value().unwrap_or_default();
        }
    }

    fn more(&mut self, line: &str) {
        if self.in_text && !line.is_empty() && !line.starts_with("```") {
            if !self.record.text.is_empty() {
                self.record.text.push('\n');
            }
            self.record.text.push_str(line);
        }
    }

    /// The event, if the block is one: it says who wrote it, and what.
    fn done(self) -> Option<Record> {
        (self.record.source.is_some() && self.in_text).then_some(self.record)
    }
}
