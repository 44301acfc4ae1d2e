//! Positions: those that commands carry, and those that completion routines are told.

use serde_json::{Value, json};

use super::callbacks::{TAPE, cleared};
use super::steps::{called_back, complete, exchange, get, send};
use super::story::{Story, story};

/// Positions: beyond what 31, 32, 40 and 62 bits hold.
const POSITIONS: &[u64] = &[0, 512, (1 << 31) + 512, 1 << 32, (1 << 40) + 4096, (1 << 62) + 1024];

pub(super) fn stories() -> Vec<Story> {
    vec![
        positions_of_writes(),
        positions_set(),
        positions_told(),
        positions_of_failures(),
        positions_of_a_tape(),
    ]
}

fn disk() -> Value {
    json!({ "features": ["RandomAccess"] })
}

fn positions_of_writes() -> Story {
    let each = POSITIONS.iter().enumerate();
    story(
        "callbacks/positions-of-writes",
        "Writes of a disk carry their positions, beyond 4 GiB too",
        &["client.get-command.as-sent"],
    )
    .config(disk())
    .given(json!({ "phase": "Active", "buffers": ["b1"] }))
    .steps(each.flat_map(|(index, position)| {
        let sent = json!({ "code": "Write", "buffer": "b1", "size": 512, "position": position });
        exchange(1, &format!("c{index}"), sent, json!({ "bytes": 512 }))
    }))
}

fn positions_set() -> Story {
    let each = POSITIONS.iter().enumerate();
    story(
        "callbacks/positions-set",
        "SetPosition carries its position and tells the new one, beyond 4 GiB too",
        &["client.get-command.as-sent", "agent.callback"],
    )
    .config(disk())
    .given(json!({ "phase": "Active" }))
    .steps(each.flat_map(|(index, position)| {
        let sent = json!({ "code": "SetPosition", "size": 0, "position": position });
        exchange(1, &format!("c{index}"), sent, json!({ "position": position }))
    }))
}

fn asking() -> Value {
    json!({ "code": "GetPosition" })
}

fn positions_told() -> Story {
    let each = POSITIONS.iter().enumerate();
    story(
        "callbacks/positions-told",
        "GetPosition tells the position that the client gives, beyond 4 GiB too",
        &["agent.callback"],
    )
    .config(json!({ "features": TAPE }))
    .given(json!({ "phase": "Active" }))
    .steps(each.flat_map(|(index, position)| {
        exchange(1, &format!("c{index}"), asking(), json!({ "position": position }))
    }))
}

/// What fails tells the position that the client gives, as what succeeds does.
fn positions_of_failures() -> Story {
    let each = POSITIONS.iter().skip(1).enumerate().flat_map(|(index, position)| {
        let name = format!("c{index}");
        let answer = complete(1, &name, "ERROR_WRITE_FAULT", json!({ "position": position }));
        let mut steps = vec![send(1, &name, asking()), get(1, &name), answer];
        steps.push(called_back(&name, "ERROR_WRITE_FAULT"));
        steps.extend(cleared(1, &format!("clear{index}")));
        steps
    });
    story(
        "callbacks/positions-of-failures",
        "A GetPosition that fails tells the position that the client gives all the same",
        &["agent.callback", "device.error.cleared"],
    )
    .config(json!({ "features": TAPE }))
    .given(json!({ "phase": "Active" }))
    .steps(each)
}

/// Several at once: each is told its own position.
fn positions_of_a_tape() -> Story {
    let commands = ["c1", "c2", "c3"];
    let told = [("c3", 3 << 33), ("c1", 1 << 33), ("c2", 2_u64 << 33)];
    story(
        "callbacks/positions-of-several",
        "Three GetPosition at once: each is told its own position",
        &["agent.callback"],
    )
    .config(json!({ "features": TAPE }))
    .given(json!({ "phase": "Active" }))
    .steps(commands.map(|name| send(1, name, asking())))
    .steps(commands.map(|name| get(1, name)))
    .steps(told.iter().flat_map(|(name, position)| {
        let answer = complete(1, name, "ERROR_SUCCESS", json!({ "position": position }));
        [answer, called_back(name, "ERROR_SUCCESS")]
    }))
}
