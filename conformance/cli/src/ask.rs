//! `vdi ask`: after this history, what may come of a call?

use std::io::Write;

use serde_json::{Map, Value, json};
use vdi_check::{AskError, ask as ask_model};
use vdi_trace::Event;

use super::args::AskArgs;
use super::failure::Failure;
use super::input::{profile, trace_file};

pub(super) fn ask(args: &AskArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let profile = profile(&args.profile)?;
    let mut trace = trace_file(&args.trace, args.lines)?;
    if let Some(after) = args.after {
        trace.events.truncate(after);
    }
    let text = call_text(args)?;
    let call: Event<'_> = serde_json::from_str(&text).map_err(|error| {
        let text = error.to_string();
        let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text);
        Failure::Usage(format!("the call: {text}"))
    })?;
    let asked = ask_model(&trace, &profile, &call).map_err(|error| match error {
        AskError::Call(message) => Failure::Usage(format!("the call: {message}")),
        history => Failure::Input(format!("{}: {history}", args.trace.display())),
    })?;
    writeln!(out, "{call}")?;
    write!(out, "{asked}")?;
    Ok(0)
}

/// The call as an event of a trace.
fn call_text(args: &AskArgs) -> Result<String, Failure> {
    let mut call = Map::new();
    let arguments: Value = vdi_trace::from_str(&args.args)
        .map_err(|error| Failure::Usage(format!("--args: not JSON: {error}")))?;
    call.insert("lane".to_owned(), json!(args.lane));
    call.insert("call".to_owned(), json!(args.call));
    call.insert("on".to_owned(), json!(args.on));
    // What a call makes has to bear a name; nothing else will use it here.
    let makes = matches!(
        args.call.as_str(),
        "SendCommand" | "OpenDevice" | "AllocateBuffer" | "GetBufferHandle"
    );
    if makes {
        call.insert("as".to_owned(), json!("asked"));
    }
    call.insert("args".to_owned(), arguments);
    Ok(Value::Object(call).to_string())
}
