//! The failure of each command that there is puts its device into the error state.

use serde_json::{Value, json};

use super::callbacks::{KINDS, Kind, cleared, codes_of, sent};
use super::steps::{call, called_back, complete, flush, get, send, with};
use super::story::{Story, story};

/// Commands that not every device of a kind may be sent: the features that it takes, and what
/// the server grants.
pub(super) const OTHERS: &[(&str, &[&str], &[&str])] = &[
    ("Read", &[], &["ReadMedia"]),
    ("Discard", &["Discard"], &["WriteMedia"]),
    ("Snapshot", &[], &["WriteMedia"]),
    ("MountSnapshot", &[], &["ReadMedia"]),
    ("PrepareToFreeze", &["SnapshotPrepare"], &["WriteMedia"]),
    ("FileInfoBegin", &["SnapshotPrepare", "EnumFrozenFiles"], &["WriteMedia"]),
    ("FileInfoEnd", &["SnapshotPrepare", "EnumFrozenFiles"], &["WriteMedia"]),
    ("GetError", &[], &["WriteMedia"]),
    ("Complete", &["RequestComplete"], &["WriteMedia", "CompleteEnabled"]),
];

const CLAUSES: &[&str] =
    &["agent.callback", "server.send-command.io-error", "device.error.cleared"];

pub(super) fn stories() -> Vec<Story> {
    let mut all: Vec<Story> = KINDS.iter().map(of_kind).collect();
    all.extend(OTHERS.iter().map(|(code, features, granted)| other(code, features, granted)));
    all
}

/// A command fails; what is sent then is refused, until ClearError.
fn fails(number: usize, code: &str) -> Vec<Value> {
    let (name, refused) = (format!("c{number}"), format!("r{number}"));
    let told = json!({ "await": "callback", "lane": "server.main", "of": refused,
        "completion": "ERROR_IO_DEVICE" });
    let mut steps = vec![send(1, &name, sent(code)), get(1, &name)];
    steps.push(complete(1, &name, "ERROR_READ_FAULT", json!({})));
    steps.push(called_back(&name, "ERROR_READ_FAULT"));
    let refusal = call("SendCommand", "sdev1", flush(), "VD_E_IO_ERROR");
    steps.extend([with(refusal, "as", refused), told]);
    steps.extend(cleared(1, &format!("clear{number}")));
    steps
}

fn of_kind((kind, features, own): &Kind) -> Story {
    let each = codes_of(own).into_iter().enumerate();
    story(
        &format!("callbacks/failures-of-a-{kind}"),
        &format!(
            "Every command that a {} has fails: each puts it in its error state",
            kind.replace('-', ", ")
        ),
        CLAUSES,
    )
    .config(json!({ "features": features }))
    .given(json!({ "phase": "Active", "buffers": ["b1"] }))
    .steps(each.flat_map(|(index, code)| fails(index + 1, code)))
}

fn other(code: &str, features: &[&str], granted: &[&str]) -> Story {
    story(
        &format!("callbacks/failure-of-{}", code.to_lowercase()),
        &format!("A {code} that fails puts its device in the error state"),
        CLAUSES,
    )
    .config(json!({ "features": features }))
    .given(json!({ "phase": "Active", "granted": granted, "buffers": ["b1"] }))
    .steps(fails(1, code))
}
