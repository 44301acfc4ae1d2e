//! `vdi join`: one history from the traces that several processes have written of one set.

use std::io::Write;

use vdi_recorder::gather::gather_lines;

use super::args::JoinArgs;
use super::failure::Failure;
use super::output::{note, write};

pub(super) fn join(args: &JoinArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let gathered = gather_lines(&args.traces, args.lines.longest_line as usize);
    let gathered = gathered.map_err(|error| Failure::Input(error.to_string()))?;
    for (path, line) in &gathered.cut_off {
        note(&format!(
            "note: {}:{line}: dropped: it ends in the middle of this line, as when a process is \
             killed while it writes",
            path.display()
        ));
    }
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
