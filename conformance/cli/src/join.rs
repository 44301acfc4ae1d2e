//! `vdi join`: one history from the traces that several processes have written of one set.

use std::io::Write;

use vdi_recorder::gather::gather;

use super::args::JoinArgs;
use super::failure::Failure;
use super::output::{note, write};

pub(super) fn join(args: &JoinArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let gathered = gather(&args.traces).map_err(|error| Failure::Input(error.to_string()))?;
    if gathered.missing > 0 {
        note(&format!(
            "note: {} events of the set are in none of these files: is one missing, or was a \
             process killed while it wrote?",
            gathered.missing
        ));
    }
    let text = gathered.trace.to_json_lines();
    match &args.output {
        Some(path) => write(path, &text)?,
        None => out.write_all(text.as_bytes())?,
    }
    Ok(0)
}
