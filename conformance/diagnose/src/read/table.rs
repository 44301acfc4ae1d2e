//! Exports of an event log as a table: of the Event Viewer, or of PowerShell's Export-Csv.

use csv::{ReaderBuilder, StringRecord};

use super::Record;
use super::when::stamp;

const SOURCE: &[&str] = &["source", "providername", "provider", "quelle", "origen"];
const NUMBER: &[&str] = &["event id", "id", "eventid", "ereignis-id", "instanceid"];
const PROCESS: &[&str] = &["processid", "process id"];
const TEXT: &[&str] = &["message", "description"];

/// The delimiter, if the first line is the head of such a table: several names, and that of the
/// source among them; or if its rows look so.
pub(super) fn delimiter(text: &str) -> Option<u8> {
    let (_, head, rest) = head(text);
    let of = |delimiter: char| {
        let cells = |line: &str| line.split(delimiter).map(clean).collect::<Vec<_>>();
        let names = cells(head);
        let known = names.iter().any(|name| SOURCE.contains(&name.as_str()));
        let dated = || {
            let row = cells(rest.lines().next().unwrap_or_default());
            stamp(head).is_none()
                && row.iter().any(|cell| stamp(cell).is_some_and(|at| at.start == 0))
        };
        names.len() >= 3 && (known || dated())
    };
    // With tabs it is the Event Viewer's text, unless its head names the columns.
    let head_of_tabs = head.split('\t').any(|name| SOURCE.contains(&clean(name).as_str()));
    [b',', b';']
        .into_iter()
        .find(|delimiter| of(char::from(*delimiter)))
        .or_else(|| head_of_tabs.then_some(b'\t'))
}

fn clean(name: &str) -> String {
    name.trim().trim_matches(['"', '\u{feff}']).trim().to_lowercase()
}

/// How many lines stand before the head, the head, and what follows.
fn head(text: &str) -> (usize, &str, &str) {
    let typed = text.trim_start().starts_with("#TYPE");
    let (skipped, text) = match text.split_once('\n') {
        Some((_, rest)) if typed => (1, rest),
        _ => (0, text),
    };
    let (head, rest) = text.split_once('\n').unwrap_or((text, ""));
    (skipped, head, rest)
}

pub(super) fn records(text: &str, delimiter: u8) -> Result<Vec<Record>, (usize, String)> {
    let (skipped, _, _) = head(text);
    let body =
        if skipped > 0 { text.split_once('\n').map_or(text, |(_, rest)| rest) } else { text };
    let mut reader = ReaderBuilder::new()
        .delimiter(delimiter)
        .flexible(true)
        .has_headers(true)
        .from_reader(body.as_bytes());
    let wrong = |error: csv::Error| {
        let line = error.position().map_or(1, |at| at.line() as usize + skipped);
        (line, format!("not well-formed as a table: {error}"))
    };
    let names: Vec<String> = reader.headers().map_err(wrong)?.iter().map(clean).collect();
    let mut records = Vec::new();
    for row in reader.records() {
        let row = row.map_err(wrong)?;
        let line = row.position().map_or(1, |at| at.line() as usize) + skipped;
        // The description of the Event Viewer has no name in the head.
        if row.len() < names.len() || row.len() > names.len() + 1 {
            let columns = format!("{} columns, where the head names {}", row.len(), names.len());
            return Err((line, format!("not well-formed as a table: {columns}")));
        }
        records.extend(record(line, &names, &row));
    }
    if names_are_quoted_open(body) {
        return Err((
            body.lines().count() + skipped,
            "a quote is opened and never closed".to_owned(),
        ));
    }
    Ok(records)
}

/// Whether the table ends within quotes.
fn names_are_quoted_open(text: &str) -> bool {
    text.matches('"').count() % 2 == 1
}

fn record(line: usize, names: &[String], row: &StringRecord) -> Option<Record> {
    let cell = |wanted: &[&str]| {
        let at = names.iter().position(|name| wanted.contains(&name.as_str()))?;
        row.get(at).map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned)
    };
    let time = row.iter().find(|cell| stamp(cell.trim()).is_some_and(|at| at.start == 0));
    // The Event Viewer gives the description a column without a name, the last.
    let text =
        cell(TEXT).or_else(|| row.iter().max_by_key(|cell| cell.len()).map(str::to_owned))?;
    Some(Record {
        line,
        time: time.map(|time| time.trim().to_owned()),
        process: cell(PROCESS),
        source: cell(SOURCE).or_else(|| row.get(2).map(str::to_owned)),
        number: cell(NUMBER)
            .or_else(|| row.get(3).map(str::to_owned))
            .and_then(|id| id.parse().ok()),
        text: text.trim().to_owned(),
        ..Record::default()
    })
}
