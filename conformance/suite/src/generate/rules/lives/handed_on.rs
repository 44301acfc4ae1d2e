//! What one interface has left, and another would take up.

use serde_json::json;

use super::super::steps::{bare, call};
use super::super::story::{Story, story};
use super::life::two;

pub(super) fn stories() -> Vec<Story> {
    ["Connected", "Configurable", "Initializing", "NormallyTerminated"]
        .map(opened_by_the_next)
        .into()
}

/// A set that its server has closed is no other server's to open.
fn opened_by_the_next(phase: &str) -> Story {
    let mut given = json!({ "phase": phase });
    if phase == "Initializing" {
        given["serverOpened"] = 0.into();
    }
    story(
        &format!("lives/opened-by-the-next-server-{}", phase.to_lowercase()),
        &format!("A server closes its set in {phase}: the next interface cannot open it"),
        &["server.close.status", "server.open.no-set"],
    )
    .interfaces(two())
    .given(given)
    .step(bare("Close", "sset", "NOERROR"))
    .step(call("Open", "sset2", json!({ "name": "S" }), "VD_E_INVALID"))
}
