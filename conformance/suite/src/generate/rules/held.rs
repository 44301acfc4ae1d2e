//! Between a completion and its callback: the agent is inside another completion routine.

use serde_json::{Value, json};

use super::steps::{call, called_back, complete, exchange, flush, get, send, with};
use super::story::{Story, story};

pub(super) fn stories() -> Vec<Story> {
    vec![error_until_called_back()]
}

fn resumed() -> Value {
    json!({ "resume": "busy" })
}

/// The error begins with the completion, and ends with the callback of ClearError.
fn error_until_called_back() -> Story {
    let refused = |name: &str| {
        let told = json!({ "await": "callback", "lane": "server.main", "of": name,
            "completion": "ERROR_IO_DEVICE" });
        [with(call("SendCommand", "sdev1", flush(), "VD_E_IO_ERROR"), "as", name), told]
    };
    let poll = call("GetCommand", "cdev1", json!({ "timeout": 0 }), "VD_E_TIMEOUT");
    let mut steps = vec![send(1, "c1", flush()), send(1, "c2", flush()), get(1, "c1")];
    steps.extend([complete(1, "c1", "ERROR_WRITE_FAULT", json!({})), poll]);
    steps.extend(refused("r1"));
    steps.extend([send(1, "clear", json!({ "code": "ClearError" })), get(1, "clear")]);
    steps.push(complete(1, "clear", "ERROR_SUCCESS", json!({})));
    steps.extend(refused("r2"));
    steps.extend([resumed(), called_back("c1", "ERROR_WRITE_FAULT")]);
    steps.extend([called_back("c2", "ERROR_IO_DEVICE"), called_back("clear", "ERROR_SUCCESS")]);
    steps.extend(exchange(1, "c3", flush(), json!({})));
    // When the error begins is contested.
    let when = |step| with(step, "when", "error-state-entry=at-completion");
    story(
        "held/error-until-called-back",
        "An error, and ClearError, are answered while the agent is busy: the device stays in error",
        &["server.send-command.io-error", "device.error.queue", "device.error.cleared"],
    )
    .given(json!({ "phase": "Active", "agent": "busy" }))
    .steps(steps.into_iter().map(when))
}
