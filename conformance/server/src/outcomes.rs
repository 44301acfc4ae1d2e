//! For whoever runs a client program and wants to know what became of its statements: a line
//! of JSON for each, and for each fault as it happens, in the file that `VDI_OUTCOME` names.

use std::io::{self, Write};
use std::path::Path;

use serde_json::{Value, json};
use vdi_recorder::settings::OUTCOME;
use vdi_trace::files;

use super::execute::Done;
use super::faults::Fault;
use super::messages::Failed;
use super::statement::Statement;
use super::stop::Stop;
use super::verb::Verb;

/// What became of a statement.
pub(super) fn report_outcome(
    statement: &Statement,
    result: Result<Option<&Done>, &Failed>,
    stop: &Stop,
) -> io::Result<()> {
    let messages: Vec<_> = match result {
        Ok(_) => Vec::new(),
        Err(failed) => failed.messages.iter().map(|message| &message.text).collect(),
    };
    let done = result.ok().flatten();
    append(&json!({
        "statement": statement.title(),
        "restore": statement.verb == Verb::Restore,
        "database": statement.database,
        "devices": statement.devices,
        "succeeded": result.is_ok(),
        "bytes": done.map(|done| done.bytes),
        "checksum": done.and_then(|done| done.checksum),
        "transfer": done.map(|done| done.transfer),
        "commands": done.map(|done| done.commands),
        "snapshot": statement.options.snapshot,
        "withoutEffect": statement.without_effect,
        "messages": messages,
        "endedBy": result.is_err().then(|| stop.why()).flatten(),
    }))
}

/// A fault that was asked for happens.
pub(super) fn report_fault(fault: Fault) {
    // The statement goes on, or ends, as it was to.
    let _ = append(&json!({ "fault": fault.to_string() }));
}

fn append(row: &Value) -> io::Result<()> {
    let Some(path) = OUTCOME.get() else { return Ok(()) };
    let mut file = files::appended(Path::new(&path))?;
    file.write_all(format!("{row}\n").as_bytes())
}
