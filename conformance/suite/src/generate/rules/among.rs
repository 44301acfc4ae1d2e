//! Each command there is among others: none overtakes, none waits for the others, and none
//! makes them wait. Of all commands ClearError alone has to wait.

use serde_json::{Value, json};

use super::callbacks::{KINDS, Kind, codes_of, sent, told};
use super::failures::OTHERS;
use super::steps::{called_back, complete, flush, get, send};
use super::story::{Story, story};

const CLAUSES: &[&str] = &["client.get-command.delivers", "agent.callback"];

pub(super) fn stories() -> Vec<Story> {
    let mut all: Vec<Story> = KINDS.iter().map(of_kind).collect();
    all.extend(OTHERS.iter().map(|(code, features, granted)| other(code, features, granted)));
    all
}

/// A snapshot has one device.
fn has_one_device(code: &str) -> bool {
    ["Snapshot", "MountSnapshot", "PrepareToFreeze"].contains(&code)
}

/// Nothing but the end comes after these.
fn is_last(code: &str) -> bool {
    ["Discard", "Snapshot", "MountSnapshot"].contains(&code)
}

/// The command between two others, of which the client holds the first, while a second device
/// has one that nobody has fetched; completed from the last to the first.
fn among(number: usize, code: &str, devices: u32) -> Vec<Value> {
    let [first, name, last, other] = ["f", "c", "l", "o"].map(|of| format!("{of}{number}"));
    let done = |device: u32, name: &str, more: Value| {
        [complete(device, name, "ERROR_SUCCESS", more), called_back(name, "ERROR_SUCCESS")]
    };
    let (beside, followed) = (devices > 1, !is_last(code));
    let mut steps = Vec::new();
    steps.extend(beside.then(|| send(2, &other, flush())));
    steps.extend([send(1, &first, flush()), send(1, &name, sent(code))]);
    steps.extend(followed.then(|| send(1, &last, flush())));
    steps.extend([get(1, &first), get(1, &name)]);
    steps.extend(followed.then(|| get(1, &last)));
    steps.extend(beside.then(|| get(2, &other)));
    steps.extend(followed.then(|| done(1, &last, json!({}))).into_iter().flatten());
    steps.extend(done(1, &name, told(code)));
    steps.extend(done(1, &first, json!({})));
    steps.extend(beside.then(|| done(2, &other, json!({}))).into_iter().flatten());
    steps
}

fn of_kind((kind, features, own): &Kind) -> Story {
    // Load waits for what is outstanding: no sound server sends it beside other commands.
    let codes = codes_of(own).into_iter().filter(|code| *code != "Load").enumerate();
    story(
        &format!("queue/among-others-of-a-{kind}"),
        &format!("Every command that a {} has goes among others", kind.replace('-', ", ")),
        CLAUSES,
    )
    .config(json!({ "features": features }))
    .given(json!({ "phase": "Active", "devices": 2, "buffers": ["b1"] }))
    .steps(codes.flat_map(|(index, code)| among(index + 1, code, 2)))
}

fn other(code: &str, features: &[&str], granted: &[&str]) -> Story {
    let devices = if has_one_device(code) { 1 } else { 2 };
    story(
        &format!("queue/among-others-{}", code.to_lowercase()),
        &format!("A {code} goes among others"),
        CLAUSES,
    )
    .config(json!({ "features": features }))
    .given(json!({ "phase": "Active", "devices": devices, "granted": granted, "buffers": ["b1"] }))
    .steps(among(1, code, devices))
}
