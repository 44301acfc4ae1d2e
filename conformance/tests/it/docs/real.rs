//! The page of what real implementations do is made from what came home of them.

use std::fs;
use std::path::PathBuf;
use std::sync::PoisonError;

use serde_json::Value;
use vdi_sim::clauses::SEEN;

use super::{ANEW, PAGES, Page, top, writes};

const PAGE: &str = "conformance/docs/implementations.md";

/// Evidence that is named of one answer.
const NAMED: usize = 3;

/// What came home: the folders, by their names.
fn folders() -> Vec<(String, PathBuf)> {
    let entries = fs::read_dir(top().join("scenarios/recorded/real")).expect("recordings");
    let folders = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir());
    let mut named: Vec<(String, PathBuf)> = folders
        .map(|path| (path.file_name().expect("a name").to_string_lossy().into_owned(), path))
        .collect();
    named.sort();
    named
}

fn json(folder: &std::path::Path, name: &str) -> Value {
    let text = fs::read_to_string(folder.join(name)).expect("a file that came home");
    serde_json::from_str(&text).expect("JSON")
}

fn word<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or("not told")
}

fn implementations() -> Vec<String> {
    let mut rows = vec![
        "| implementation | library | server | scenarios | conformant |".to_owned(),
        "| --- | --- | --- | --- | --- |".to_owned(),
    ];
    for (name, folder) in folders() {
        let (about, report) = (json(&folder, "about.json"), json(&folder, "report.json"));
        let scenarios = report["scenarios"].as_array().expect("scenarios");
        let conformant = scenarios.iter().filter(|one| one["verdict"] == "conformant").count();
        let sum = &word(&about, "sha256")[..12];
        rows.push(format!(
            "| {name} | {}, SHA-256 {sum}… | {} | {} | {conformant} |",
            word(&about, "library"),
            word(&about, "server").split_whitespace().collect::<Vec<_>>().join(" "),
            scenarios.len(),
        ));
    }
    rows
}

fn answers() -> Vec<String> {
    let mut rows = vec![
        "| implementation | question | reading | evidence |".to_owned(),
        "| --- | --- | --- | --- |".to_owned(),
    ];
    for (name, folder) in folders() {
        for answer in json(&folder, "readings.json").as_array().expect("answers") {
            let traces: Vec<&str> = answer["traces"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            let of: Vec<&str> = match &answer["of"] {
                Value::String(one) => vec![one],
                Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
                _ => Vec::new(),
            };
            let reading = match word(answer, "found") {
                "one" => of.join(""),
                "several" | "silence" if !traces.is_empty() => of.join(" or "),
                "inconsistent" => "none".to_owned(),
                _ => continue,
            };
            let more = match traces.len().saturating_sub(NAMED) {
                0 => String::new(),
                more => format!(", {more} more"),
            };
            let named = traces[..traces.len().min(NAMED)].join(", ");
            let question = word(answer, "question");
            rows.push(format!("| {name} | {question} | {reading} | {named}{more} |"));
        }
    }
    for seen in SEEN {
        rows.push(format!(
            "| {}, {} | {} | {} | {} |",
            seen.implementation,
            seen.version.unwrap_or("of a version not told"),
            seen.question,
            seen.reading,
            seen.evidence
        ));
    }
    rows
}

/// The lines with what stands between two marks made anew.
fn made(page: &Page) -> Vec<String> {
    let mut lines = Vec::new();
    let mut within = false;
    for line in &page.lines {
        within &= line != "<!-- made: end -->";
        if !within {
            lines.push(line.clone());
        }
        let rows = match line.as_str() {
            "<!-- made: implementations -->" => implementations(),
            "<!-- made: answers -->" => answers(),
            _ => continue,
        };
        within = true;
        lines.extend(rows);
    }
    assert!(!within, "{}: a mark has no end", page.path);
    lines
}

#[test]
fn the_page_of_implementations_is_what_came_home() {
    let _one = PAGES.lock().unwrap_or_else(PoisonError::into_inner);
    let mut page = Page::read(PAGE.to_owned());
    let anew = made(&page);
    assert!(anew.len() > page.text().len() / 2 && anew.len() > 12, "the page has no marks");
    if writes() {
        page.lines = anew;
        page.save();
        return;
    }
    assert!(page.lines == anew, "{PAGE}: {ANEW}");
}
