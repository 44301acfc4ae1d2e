//! `vdi join`: one history from the traces that several processes have written of one set.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use vdi_recorder::gather::gather;

use super::Failure;

/// `vdi join`.
#[derive(Debug, Clone, Args)]
pub struct JoinArgs {
    /// Traces of one set, in any order
    #[arg(required = true, value_name = "TRACE")]
    pub traces: Vec<PathBuf>,
    /// Write the history here, not to standard output
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

pub(super) fn join(args: &JoinArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let gathered = gather(&args.traces).map_err(|error| Failure::Input(error.to_string()))?;
    if gathered.missing > 0 {
        note(gathered.missing);
    }
    let text = gathered.trace.to_json_lines();
    match &args.output {
        Some(path) => fs::write(path, text).map_err(|error| {
            Failure::Input(format!("{}: cannot write: {error}", path.display()))
        })?,
        None => out.write_all(text.as_bytes())?,
    }
    Ok(0)
}

#[expect(clippy::print_stderr, reason = "standard output carries the history")]
fn note(missing: u64) {
    eprintln!(
        "note: {missing} events of the set are in none of these files: is one missing, or was a \
         process killed while it wrote?"
    );
}
