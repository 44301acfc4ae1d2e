//! `vdi ask`: after this history, or in this phase, what may come of a call?

use std::io::Write;
use std::path::Path;

use serde_json::{Map, Value, json};
use vdi_check::{AskError, ask as ask_model};
use vdi_spec::clauses::{Party, Profile};
use vdi_suite::adapter::{Limits, Reference};
use vdi_suite::run::{SuiteOptions, Verdict, run_suite};
use vdi_suite::scenario::{Given, Phase, Scenario, Step};
use vdi_trace::{Event, Trace};

use super::args::{AskArgs, PhaseArg};
use super::failure::Failure;
use super::input::{profile, trace_file};

pub(super) fn ask(args: &AskArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let profile = profile(&args.profile)?;
    let (name, mut trace, [lane, function, on]) = match (args.given, args.words.as_slice()) {
        (Some(phase), [lane, function, on]) => {
            (given_name(phase), given(phase)?, [lane, function, on])
        }
        (None, [path, lane, function, on]) => {
            let trace = trace_file(Path::new(path), args.lines)?;
            (path.clone(), trace, [lane, function, on])
        }
        (Some(_), _) => return Err(usage("--given is in the place of a trace: LANE FUNCTION ON")),
        (None, _) => {
            return Err(usage("after what? a trace before LANE FUNCTION ON, or --given PHASE"));
        }
    };
    if let Some(after) = args.after {
        trace.events.truncate(after);
    }
    let text = call_text(&args.args, [lane, function, on])?;
    let call: Event<'_> = serde_json::from_str(&text).map_err(|error| {
        let text = error.to_string();
        let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text);
        Failure::Usage(format!("the call: {text}"))
    })?;
    let asked = ask_model(&trace, &profile, &call).map_err(|error| match error {
        AskError::Call(message) => Failure::Usage(format!("the call: {message}")),
        history => Failure::Input(format!("{name}: {history}")),
    })?;
    writeln!(out, "{call}")?;
    write!(out, "{asked}")?;
    Ok(0)
}

fn usage(why: &str) -> Failure {
    Failure::Usage(why.to_owned())
}

fn given_name(phase: PhaseArg) -> String {
    format!("--given {phase:?}")
}

/// A history that leads to a phase: that of a scenario's situation, on the reference
/// implementation.
fn given(phase: PhaseArg) -> Result<Trace, Failure> {
    let (reached, steps) = match phase {
        PhaseArg::DoesNotExist => return Ok(Trace::default()),
        PhaseArg::Created => (Phase::Created, json!([])),
        PhaseArg::Connected => (Phase::Connected, json!([])),
        PhaseArg::Configurable => (Phase::Configurable, json!([])),
        PhaseArg::Initializing => (Phase::Initializing, json!([])),
        PhaseArg::Active => (Phase::Active, json!([])),
        PhaseArg::NormallyTerminated => (Phase::NormallyTerminated, json!([])),
        PhaseArg::AbnormallyTerminated => {
            let abort = json!({ "call": "SignalAbort", "on": "cset" });
            let ended = json!({ "await": "return", "lane": "server.agent" });
            (Phase::Active, json!([abort, ended]))
        }
    };
    let wrong =
        |why: &dyn std::fmt::Display| Failure::Internal(format!("{}: {why}", given_name(phase)));
    let steps: Vec<Step> = serde_json::from_value(steps).map_err(|error| wrong(&error))?;
    let given: Given =
        serde_json::from_value(json!({ "phase": reached })).map_err(|error| wrong(&error))?;
    let scenario = Scenario {
        schema: None,
        id: "given".to_owned(),
        title: given_name(phase),
        clauses: Vec::new(),
        parties: vec![Party::Interface],
        misuse_under: std::collections::BTreeMap::new(),
        misuse: Vec::new(),
        unpinned: true,
        records: Vec::new(),
        interfaces: std::collections::BTreeMap::default(),
        config: None,
        given: Some(given),
        steps,
    };
    let options = SuiteOptions {
        profile: Profile::default(),
        limits: Limits::default(),
        jobs: 1,
        max_fail: None,
    };
    let results = run_suite(&Reference::adapter(), &[&scenario], &options, &|_| {});
    match <[_; 1]>::try_from(results) {
        Ok([result]) if result.verdict == Verdict::Conformant => Ok(result.trace),
        Ok([result]) => Err(wrong(&format!("{:?}", result.verdict))),
        Err(_) => Err(wrong(&"it was not run")),
    }
}

/// The call as an event of a trace.
fn call_text(args: &str, [lane, function, on]: [&String; 3]) -> Result<String, Failure> {
    let mut call = Map::new();
    let arguments: Value = vdi_trace::from_str(args)
        .map_err(|error| Failure::Usage(format!("--args: not JSON: {error}")))?;
    call.insert("lane".to_owned(), json!(lane));
    call.insert("call".to_owned(), json!(function));
    call.insert("on".to_owned(), json!(on));
    // What a call makes has to bear a name; nothing else will use it here.
    let makes = matches!(
        function.as_str(),
        "SendCommand" | "OpenDevice" | "AllocateBuffer" | "GetBufferHandle"
    );
    if makes {
        call.insert("as".to_owned(), json!("asked"));
    }
    call.insert("args".to_owned(), arguments);
    Ok(Value::Object(call).to_string())
}
