//! What a command gives: files, lines, reports, how far it is.

use std::fmt::{Display, Write as _};
use std::io::{IsTerminal, Write};
use std::path::Path;

use console::{Style, Term};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use textwrap::{WordSeparator, WordSplitter};
use vdi_suite::report::{self, Summary};
use vdi_suite::run::ScenarioResult;
use vdi_suite::shell::quoted;

use super::args::{Format, ReportArgs};
use super::failure::Failure;

/// Standard output whose reader may leave early, as `head` does: what was
/// measured is still told by the exit code.
pub(super) struct Patient<W>(pub(super) W);

impl<W: Write> Write for Patient<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self.0.write(bytes) {
            Err(error) if is_of_reader(&error) => Ok(bytes.len()),
            written => written,
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

/// Whether the reader has left. Windows says in several ways that it has, and the standard
/// library does not know all of them.
fn is_of_reader(error: &std::io::Error) -> bool {
    const PIPE_NOT_CONNECTED: i32 = 233;
    error.kind() == std::io::ErrorKind::BrokenPipe
        || cfg!(windows) && error.raw_os_error() == Some(PIPE_NOT_CONNECTED)
}

/// What a terminal gets for a line, its end included.
type Dressed = Box<dyn Fn(&str) -> String>;

/// Gives lines on as a terminal gets them; what is no terminal gets them as they are, for
/// programs read them.
pub(super) struct Lines<W> {
    out: W,
    dressed: Option<Dressed>,
    /// The line that is not complete yet.
    begun: Vec<u8>,
}

impl<W: Write> Lines<W> {
    /// Folds lines that are wider than that, at blanks. What follows on a line stands deeper than
    /// it begins.
    pub(super) fn folded(out: W, columns: Option<usize>) -> Self {
        let dressed =
            columns.map(|columns| -> Dressed { Box::new(move |line: &str| fold(columns, line)) });
        Self { out, dressed, begun: Vec::new() }
    }

    /// Gives the word for what came of something its colour, if there are colours.
    pub(super) fn painted(out: W, colours: bool) -> Self {
        let dressed = colours.then(|| -> Dressed { Box::new(paint) });
        Self { out, dressed, begun: Vec::new() }
    }
}

fn fold(columns: usize, line: &str) -> String {
    let text = line.trim_start_matches(' ');
    let margin = " ".repeat(line.len() - text.len());
    let deeper = format!("{margin}  ");
    wrapped(text, columns, (&margin, &deeper))
}

/// Whether standard output is a terminal that shows colours, and nobody wants none (`NO_COLOR`).
pub(super) fn colours() -> bool {
    std::io::stdout().is_terminal() && console::colors_enabled()
}

/// A line of a report, the word that it begins with in the colour of what that means.
fn paint(line: &str) -> String {
    let (word, rest) = line.split_at(line.find(' ').unwrap_or(line.len()));
    let style = match word {
        "FAIL" | "DISAGREE" | "STALE" | "PROBLEM" => Style::new().red().bold(),
        "UNDECIDED" | "OPEN" => Style::new().yellow().bold(),
        "NOTE" => Style::new().cyan(),
        _ => return format!("{line}\n"),
    };
    format!("{}{rest}\n", style.force_styling(true).apply_to(word))
}

impl<W: Write> Write for Lines<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let Some(dressed) = &self.dressed else {
            return self.out.write(bytes);
        };
        self.begun.extend_from_slice(bytes);
        while let Some(end) = self.begun.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.begun.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            self.out.write_all(dressed(line.trim_end_matches('\n')).as_bytes())?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        let begun = std::mem::take(&mut self.begun);
        self.out.write_all(&begun)?;
        self.out.flush()
    }
}

/// A line beside the results.
#[expect(clippy::print_stderr, reason = "this is where the command talks to people")]
pub(super) fn note(text: &str) {
    eprintln!("{text}");
}

/// The events of a run, and what was found besides.
pub(super) fn show(result: &ScenarioResult, out: &mut dyn Write) -> Result<(), Failure> {
    for event in &result.trace.events {
        writeln!(out, "{:4}  {event}", event.seq().unwrap_or_default())?;
    }
    for finding in &result.findings {
        let mark = if finding.hazard { "hazard" } else { "misuse" };
        writeln!(out, "{mark} by the {}: {} ({})", finding.party, finding.what, finding.clause)?;
    }
    Ok(())
}

/// That a file cannot be written.
pub(super) fn cannot_write(path: &Path, error: &std::io::Error) -> Failure {
    Failure::Input(format!("{}: cannot write: {error}", path.display()))
}

/// Writes a file.
pub(super) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    vdi_trace::files::write(path, text).map_err(|error| cannot_write(path, &error))
}

/// JSON for people, too.
pub(super) fn pretty(value: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string_pretty(value).map_err(|error| Failure::Internal(error.to_string()))
}

/// The traces, if they are wanted, and the report, or, if that goes into a file, its last
/// line; the exit code.
pub(super) fn print(
    args: &ReportArgs,
    summary: &Summary<'_>,
    out: &mut dyn Write,
) -> Result<u8, Failure> {
    if let Some(folder) = &args.traces {
        write_traces(folder, summary.results)?;
    }
    let text = match args.format {
        Format::Text => report::text(summary),
        Format::Json => report::json(summary),
        Format::Junit => report::junit(summary, !args.no_times),
        Format::Markdown => report::markdown(summary),
        Format::Html => vdi_html::run_page(summary).html(),
    };
    match &args.output {
        None => out.write_all(text.as_bytes())?,
        Some(path) => {
            write(path, &text)?;
            let text = report::text(summary);
            let line = text.lines().next_back().unwrap_or_default();
            writeln!(out, "{line}")?;
        }
    }
    Ok(summary.exit_code())
}

/// Writes the trace of each result into a folder.
fn write_traces(folder: &Path, results: &[ScenarioResult]) -> Result<(), Failure> {
    for result in results {
        let path = folder.join(format!("{}.jsonl", result.id));
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(|error| {
                Failure::Input(format!("{}: cannot make: {error}", parent.display()))
            })?;
        }
        write(&path, &result.trace.to_json_lines())?;
    }
    Ok(())
}

/// How far something of this length is, and how long it will take, about; nothing is drawn but on a terminal. The template is
/// that of `indicatif`, behind the bar.
pub(super) fn progress(length: u64, template: &str) -> ProgressBar {
    let terminal = std::io::stderr().is_terminal();
    let target = if terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let style =
        ProgressStyle::with_template(&format!("{{bar:30}} {{pos}}/{{len}} {{eta}} {template}"));
    ProgressBar::with_draw_target(Some(length), target)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Columns of the terminal that standard output is, if it is one.
pub(super) fn terminal_width() -> Option<usize> {
    let (_, columns) = Term::stdout().size_checked()?;
    // On less than this nothing is legible.
    Some(usize::from(columns).max(20))
}

/// Columns that may be used: those of the terminal, or those that are enough everywhere.
pub(super) fn width() -> usize {
    terminal_width().unwrap_or(COLUMNS)
}

/// Columns that are enough for everything.
const COLUMNS: usize = 80;

/// Lines in so many columns, but for words that are wider: the first one behind a margin, those
/// that follow on it behind another.
pub(super) fn wrapped(text: &str, columns: usize, (first, rest): (&str, &str)) -> String {
    let options = textwrap::Options::new(columns).initial_indent(first).subsequent_indent(rest);
    // A name is taken as it stands, its slashes and hyphens included.
    let options = options
        .word_splitter(WordSplitter::NoHyphenation)
        .break_words(false)
        .word_separator(WordSeparator::AsciiSpace);
    textwrap::fill(text, options) + "\n"
}

/// Options of a command line that makes the same again, each behind a space.
#[derive(Debug, Default)]
pub(super) struct OptionWords(pub(super) String);

impl OptionWords {
    /// An option with its value, quoted.
    pub(super) fn add(&mut self, option: &str, value: impl Display) {
        // Writing into a string cannot fail.
        let _ = write!(self.0, " {option} {}", quoted(&value.to_string()));
    }

    /// An option without a value, if it is set.
    pub(super) fn flag(&mut self, option: &str, set: bool) {
        if set {
            self.0.push(' ');
            self.0.push_str(option);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::Lines;

    fn folded(columns: Option<usize>, pieces: &[&str]) -> String {
        let mut out = Vec::new();
        let mut lines = Lines::folded(&mut out, columns);
        for piece in pieces {
            lines.write_all(piece.as_bytes()).expect("a vector takes it");
        }
        lines.flush().expect("a vector takes it");
        drop(lines);
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn what_is_too_wide_is_folded_at_blanks() {
        let pieces = ["- `a`: one, t", "wo, three\n    four five six seven eight\n\nend"];
        let narrow = "- `a`: one, two,\n  three\n    four five six\n      seven eight\n\nend";
        assert_eq!(folded(Some(20), &pieces), narrow);
        assert_eq!(folded(None, &pieces), pieces.concat());
        // A name is never cut.
        assert_eq!(folded(Some(4), &["server/close/twice\n"]), "server/close/twice\n");
    }
}
