//! Reading a scenario file: what is wrong is told with file, line and column.

use std::collections::BTreeMap;
use std::path::Path;

use miette::{Diagnostic, LabeledSpan, SourceCode, SourceSpan};
use serde::Deserialize;
use serde_json::value::RawValue;
use vdi_spec::clauses::{Clause, Party, Profile, ProfileFile};
use vdi_spec::config::VdConfig;
use vdi_trace::{Interfaces, Recorded};

use super::shown::ShownText;
use super::{Given, Scenario, Step, validate};

/// A file that cannot be understood.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}{message}", place_text(path, *line, *column))]
pub struct BadFile {
    /// The file.
    pub path: String,
    /// The line, counted from 1; 0 if no place in the file is meant.
    pub line: usize,
    /// The column, counted from 1.
    pub column: usize,
    /// What is wrong and what was expected.
    pub message: String,
    source_code: ShownText,
    span: Option<SourceSpan>,
}

impl Diagnostic for BadFile {
    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.source_code)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let here = |span| LabeledSpan::new_with_span(Some("here".to_owned()), span);
        Some(Box::new(self.span.into_iter().map(here)))
    }
}

impl BadFile {
    /// An error at a byte of a file's text.
    #[must_use]
    pub fn at(path: &str, text: &str, offset: usize, length: usize, message: String) -> Self {
        let offset = offset.min(text.len());
        let before = &text.as_bytes()[..offset];
        let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let length = length.min(text.len() - offset);
        let (source_code, span) = ShownText::around(path, text, offset, length);
        Self {
            path: path.to_owned(),
            line: before.iter().filter(|byte| **byte == b'\n').count() + 1,
            column: String::from_utf8_lossy(&before[line_start..]).chars().count() + 1,
            message,
            source_code,
            span: Some(span),
        }
    }

    /// An error of a file as a whole.
    #[must_use]
    pub fn whole(path: &str, message: String) -> Self {
        Self {
            path: path.to_owned(),
            line: 0,
            column: 0,
            message,
            source_code: ShownText::around(path, "", 0, 0).0,
            span: None,
        }
    }

    /// An error of serde in a piece of a file's text that begins at `base`.
    #[must_use]
    pub fn json(path: &str, text: &str, base: usize, error: &serde_json::Error) -> Self {
        let piece = &text[base..];
        let line_start: usize =
            piece.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
        let offset = base + line_start + error.column().saturating_sub(1);
        let message = error.to_string();
        let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(text, _)| text);
        let (at, length) = named_word(text, base, offset, message).unwrap_or((offset, 1));
        Self::at(path, text, at, length, message.to_owned())
    }
}

fn place_text(path: &str, line: usize, column: usize) -> String {
    if line == 0 { format!("{path}: ") } else { format!("{path}:{line}:{column}: ") }
}

/// Serde points behind the value it refuses, or behind what holds it; if the
/// message names it, the place of its own next before that is shown.
fn named_word(text: &str, base: usize, offset: usize, message: &str) -> Option<(usize, usize)> {
    let word = format!("\"{}", message.split('`').nth(1)?);
    let line_end = text.get(offset..)?.find('\n').map_or(text.len(), |at| offset + at);
    let at = base + text.get(base..line_end)?.rfind(&word)?;
    let length = text[at + 1..].find('"')? + 2;
    Some((at, length))
}

/// The document, its steps not yet read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Outline<'a> {
    #[serde(rename = "$schema")]
    schema: Option<String>,
    id: String,
    title: String,
    clauses: Vec<Clause>,
    parties: Vec<Party>,
    #[serde(default)]
    misuse: Vec<Clause>,
    #[serde(default)]
    misuse_under: BTreeMap<String, Vec<Clause>>,
    #[serde(default)]
    unpinned: bool,
    #[serde(default)]
    records: Vec<Recorded>,
    #[serde(default)]
    interfaces: Interfaces,
    config: Option<VdConfig>,
    given: Option<Given>,
    #[serde(borrow)]
    steps: Vec<&'a RawValue>,
}

/// Reads a scenario from a file.
///
/// # Errors
/// The file cannot be read or understood.
pub fn read(path: &Path) -> Result<Scenario, Box<BadFile>> {
    let name = path.display().to_string();
    let text = vdi_trace::read_document(path)
        .map_err(|error| Box::new(BadFile::whole(&name, format!("cannot be read: {error}"))))?;
    parse(&name, &text)
}

/// Reads a scenario from text; `path` names it in errors.
///
/// # Errors
/// The text is no scenario, or one that cannot be run.
pub fn parse(path: &str, text: &str) -> Result<Scenario, Box<BadFile>> {
    let outline: Outline<'_> = vdi_trace::check_fields(text)
        .and_then(|()| serde_json::from_str(text))
        .map_err(|error| Box::new(BadFile::json(path, text, 0, &error)))?;
    let mut steps = Vec::new();
    let mut places = Vec::new();
    for raw in &outline.steps {
        // The raw value borrows from the text: its address tells its place.
        let offset = raw.get().as_ptr() as usize - text.as_ptr() as usize;
        let step: Step = serde_json::from_str(raw.get())
            .map_err(|error| Box::new(BadFile::json(path, text, offset, &error)))?;
        steps.push(step);
        places.push((offset, raw.get()));
    }
    let scenario = Scenario {
        schema: outline.schema,
        id: outline.id,
        title: outline.title,
        clauses: outline.clauses,
        parties: outline.parties,
        misuse: outline.misuse,
        misuse_under: outline.misuse_under,
        unpinned: outline.unpinned,
        records: outline.records,
        interfaces: outline.interfaces,
        config: outline.config,
        given: outline.given,
        steps,
    };
    validate::validate(&scenario)
        .map_err(|problem| Box::new(place(path, text, &places, &problem)))?;
    Ok(scenario)
}

/// Reads a profile from text; `path` names it in errors.
///
/// # Errors
/// The text is no profile, or names what there is not.
pub fn parse_profile(path: &str, text: &str) -> Result<Profile, Box<BadFile>> {
    let file: ProfileFile = vdi_trace::from_str(text)
        .map_err(|error| Box::new(BadFile::json(path, text, 0, &error)))?;
    Profile::from_file(&file).map_err(|error| {
        let word = format!("\"{}\"", error.text);
        let offset = text.find(&word).unwrap_or_default();
        Box::new(BadFile::at(path, text, offset, word.len(), error.to_string()))
    })
}

/// Finds the place of a problem: its word within its step, or else the step.
fn place(path: &str, text: &str, places: &[(usize, &str)], problem: &validate::Problem) -> BadFile {
    // Of a step that is done several times each is counted: the file has fewer.
    let written = problem.step.and_then(|step| places.get(step).or(places.last()));
    let (offset, piece) = written.copied().unwrap_or((0, text));
    let quoted = problem.word.as_ref().map(|word| format!("\"{word}\""));
    let found = quoted.as_ref().and_then(|quoted| piece.rfind(quoted.as_str()));
    let (at, length) = match (found, &quoted) {
        (Some(at), Some(quoted)) => (at, quoted.len()),
        _ => (0, piece.lines().next().map_or(0, str::len)),
    };
    BadFile::at(path, text, offset + at, length, problem.message.clone())
}
