//! `vdi diagnose`: logs, and which side ended the operation first.

use std::io::{Read, Write};
use std::path::Path;

use vdi_diagnose::read::{BadLog, LogFile, read};
use vdi_diagnose::{
    Certainty, Diagnosis, Ended, Evidence, Half, Operation, Side, diagnose as diagnosis,
};
use vdi_html::{Mark, Page, Section};

use super::args::{CheckFormat, DiagnoseArgs};
use super::failure::Failure;
use super::input::trace_file;
use super::output::pretty;
use super::pages::{row, tile};

impl From<BadLog> for Failure {
    fn from(bad: BadLog) -> Self {
        Self::Input(bad.to_string())
    }
}

pub(super) fn diagnose(args: &DiagnoseArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let mut files: Vec<LogFile> = Vec::new();
    for path in &args.files {
        let name = path.display().to_string();
        if files.iter().any(|file| file.path == name) {
            return Err(Failure::Usage(format!("{name} is given twice")));
        }
        files.push(read(&name, &bytes(path)?, args.utc_offset)?);
    }
    let trace =
        args.trace.as_deref().map(|path| Ok::<_, Failure>((path, trace_file(path, args.lines)?)));
    let trace = trace.transpose()?;
    let name = trace.as_ref().map(|(path, _)| path.display().to_string()).unwrap_or_default();
    let half = trace.as_ref().map(|(_, trace)| Half { path: &name, trace });
    let found = diagnosis(&files, half);
    match args.format {
        CheckFormat::Text => write!(out, "{}", found.text())?,
        CheckFormat::Json => writeln!(out, "{}", pretty(&found)?)?,
        CheckFormat::Html => write!(out, "{}", page(&found).html())?,
    }
    Ok(found.exit_code)
}

/// Bytes of a log, at most.
const LONGEST_LOG: u64 = 256 << 20;

fn bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    let shown = path.display();
    let cannot = |error| Failure::Input(format!("{shown}: cannot be read: {error}"));
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().lock().take(LONGEST_LOG + 1).read_to_end(&mut bytes)
    } else {
        let file = std::fs::File::open(path).map_err(cannot)?;
        file.take(LONGEST_LOG + 1).read_to_end(&mut bytes)
    };
    if read.map_err(cannot)? as u64 > LONGEST_LOG {
        let why = format!("more than {LONGEST_LOG} bytes, expected the part around the failure");
        return Err(Failure::Input(format!("{shown}: {why}")));
    }
    Ok(bytes)
}

/// What logs say, operation by operation.
fn page(found: &Diagnosis) -> Page {
    let ended = |one: &Operation| one.ended.by;
    let failed = |one: &&Operation| ended(one) != Side::Nobody;
    let mark = |Ended { by, .. }: &Ended| match by {
        Side::Nobody => Mark::Good,
        Side::Undecided => Mark::Open,
        Side::Client | Side::Interface | Side::Server | Side::Caller | Side::Environment => {
            Mark::Bad
        }
    };
    let lines = |operation: &Operation| {
        let mut rows = Vec::new();
        for (word, mark, lines) in [
            ("first", mark(&operation.ended), &operation.first),
            ("followed", Mark::Known, &operation.followed),
            ("beside it", Mark::Open, &operation.beside),
        ] {
            rows.extend(lines.iter().map(|line| row(mark, word, evidence(line))));
        }
        rows
    };
    let mut sections = Vec::new();
    for (index, operation) in found.operations.iter().enumerate() {
        let Ended { certainty, answer, .. } = &operation.ended;
        let of = operation.set.clone().unwrap_or_else(|| format!("operation {}", index + 1));
        let sure = match certainty {
            Certainty::Undecided => String::new(),
            Certainty::Possible | Certainty::Likely | Certainty::Certain => {
                format!(" ({})", certainty.word())
            }
        };
        sections.push(Section::Table {
            title: format!("{of}: {answer}{sure}"),
            columns: vec!["where", "when", "what it means", "what it says"],
            rows: lines(operation),
        });
    }
    sections.push(Section::Text { title: "As printed".to_owned(), text: found.text() });
    let read = found.files.iter().map(|file| format!("{} ({})", file.path, file.kind.title()));
    let bad = found.operations.iter().filter(failed).count();
    Page {
        command: "vdi diagnose".to_owned(),
        title: match &found.operations[..] {
            [] => "no line tells of a backup or restore".to_owned(),
            [one] => one.ended.answer.clone(),
            all => format!("{} operations, {bad} of which did not succeed", all.len()),
        },
        code: found.exit_code,
        facts: vec![("read", read.collect::<Vec<_>>().join(", "))],
        tiles: vec![tile(found.operations.len(), "operations", None)],
        sections,
    }
}

fn evidence(line: &Evidence) -> Vec<String> {
    vec![
        format!("{}:{}", line.file, line.line),
        line.time.clone().unwrap_or_default(),
        line.means.clone(),
        line.text.clone(),
    ]
}
