//! `vdi diagnose`: logs, and which side ended the operation first.

use std::io::{Read, Write};
use std::path::Path;

use vdi_diagnose::read::{BadLog, LogFile, read};
use vdi_diagnose::{Half, diagnose as diagnosis};

use super::args::{CheckFormat, DiagnoseArgs};
use super::failure::Failure;
use super::input::trace_file;
use super::output::pretty;
use super::pages;

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
        CheckFormat::Html => write!(out, "{}", pages::diagnosis(&found).html())?,
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
