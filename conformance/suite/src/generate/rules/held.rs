//! Between a completion and its callback: the agent is inside another completion routine.

use serde_json::{Value, json};

use super::steps::{
    SERVER, agent_returns, bare, call, called_back, complete, exchange, flush, get, send, with,
};
use super::story::{Story, story};

pub(super) fn stories() -> Vec<Story> {
    let mut all = vec![error_until_called_back(), fallen_and_aborted()];
    all.extend([ends_from_within("Close"), ends_from_within("SignalAbort")]);
    all.extend([1, 2].map(closed_from_within));
    all.extend([closed_before_called_back(), within_another(), cleared_within()]);
    all
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

/// What fell with its device is outstanding until its callback: an abort takes it, too.
fn fallen_and_aborted() -> Story {
    let when = |step| with(step, "when", "completion-race=overridden");
    let mut steps = vec![send(1, "c1", flush()), send(1, "c2", flush()), get(1, "c1")];
    steps.push(complete(1, "c1", "ERROR_WRITE_FAULT", json!({})));
    steps.extend([bare("SignalAbort", SERVER, "NOERROR"), resumed()]);
    steps.extend(["c1", "c2"].map(|name| called_back(name, "ERROR_OPERATION_ABORTED")));
    steps.push(agent_returns());
    story(
        "held/fallen-and-aborted",
        "A command fails, another falls with it, and an abort comes before either is called back",
        &["abort.recorded-completions", "abort.agent-returns"],
    )
    .given(json!({ "phase": "Active", "agent": "busy" }))
    .steps(steps.into_iter().map(when))
}

/// On the lane of the agent, within a completion routine.
fn within(step: Value) -> Value {
    with(step, "lane", "server.agent")
}

/// A routine ends the set: what is outstanding is called back before the agent returns.
fn ends_from_within(function: &str) -> Story {
    let (expect, clause) = match function {
        "Close" => (
            json!({ "server-close-devices-open=protocol-error": "VD_E_PROTOCOL",
                "server-close-devices-open=noerror": "NOERROR" }),
            "server.close.devices-open.callbacks",
        ),
        _ => (json!("NOERROR"), "abort.callbacks"),
    };
    story(
        &format!("held/{}-from-within", function.to_lowercase()),
        &format!("{function} from within a routine: the commands of both devices are called back"),
        &[clause],
    )
    .given(json!({ "phase": "Active", "devices": 2, "agent": "busy", "commands": [
        { "as": "c1", "code": "Flush", "device": 1, "at": "queued" },
        { "as": "c2", "code": "Flush", "device": 2, "at": "delivered" } ] }))
    .step(within(bare(function, SERVER, expect)))
    .steps([json!({ "blocked": ["server.agent"] }), resumed()])
    .steps(["c1", "c2"].map(|name| called_back(name, "ERROR_OPERATION_ABORTED")))
    .step(agent_returns())
}

/// A routine closes the last device: the agent returns as after any other CloseDevice.
fn closed_from_within(devices: u32) -> Story {
    let when = |step| with(step, "when", "agent-return=after-last-device");
    let close = |device: u32| within(bare("CloseDevice", &format!("sdev{device}"), "NOERROR"));
    let sees = |device: u32| {
        let on = format!("cdev{device}");
        call("GetCommand", &on, json!({ "timeout": 0 }), "VD_E_CLOSE")
    };
    let returns = json!({ "await": "return", "lane": "server.agent", "expect": "NOERROR" });
    let of = if devices == 1 { "the only device" } else { "both devices" };
    story(
        &format!("held/closed-from-within-{devices}"),
        &format!("A routine closes {of}: once it has returned the agent returns, too"),
        &[
            "agent.returns-after-last-device",
            "server.close-device.status",
            "client.get-command.close",
        ],
    )
    .given(json!({ "phase": "Active", "devices": devices, "agent": "busy" }))
    .steps((1..=devices).map(close))
    .steps([json!({ "blocked": ["server.agent"] }), resumed(), returns].map(when))
    .steps((1..=devices).map(|device| when(sees(device))))
}

/// The client need not wait for the agent.
fn closed_before_called_back() -> Story {
    let when = |step| with(step, "when", "agent-return=after-last-device");
    let sees = call("GetCommand", "cdev1", json!({ "timeout": 0 }), "VD_E_CLOSE");
    let returns = json!({ "await": "return", "lane": "server.agent", "expect": "NOERROR" });
    story(
        "held/closed-before-called-back",
        "The client closes the set while the agent has two callbacks left: they tell success",
        &["agent.callback", "client.close.status", "client.get-command.close"],
    )
    .given(json!({ "phase": "Active", "agent": "busy" }))
    .steps(["c1", "c2"].map(|name| send(1, name, flush())))
    .steps(["c1", "c2"].map(|name| get(1, name)))
    .steps(["c1", "c2"].map(|name| complete(1, name, "ERROR_SUCCESS", json!({}))))
    .steps([bare("CloseDevice", "sdev1", "NOERROR"), sees, bare("Close", "cset", "NOERROR")])
    .step(resumed())
    .steps(["c1", "c2"].map(|name| called_back(name, "ERROR_SUCCESS")))
    .step(when(returns))
}

/// A routine sends what is refused, and is called back for it from within; that routine is held,
/// too. The inner one returns first, and SendCommand with it, while the outer one goes on.
fn within_another() -> Story {
    let refused = within(json!({ "start": "SendCommand", "on": "sdev1", "as": "inner",
        "args": { "code": "Flush", "hold": true } }));
    let told = json!({ "await": "callback", "lane": "server.agent", "of": "inner",
        "completion": "ERROR_OPERATION_ABORTED" });
    let returns = json!({ "await": "return", "lane": "server.agent", "expect": "VD_E_ABORT" });
    story(
        "held/within-another",
        "A routine is held within another: the inner one returns first, the outer one goes on",
        &[
            "server.send-command.aborted",
            "server.send-command.error-callback",
            "abort.agent-returns",
        ],
    )
    .given(json!({ "phase": "Active", "agent": "busy" }))
    .steps([bare("SignalAbort", SERVER, "NOERROR"), refused, told])
    .steps([json!({ "resume": "inner" }), returns, json!({ "blocked": ["server.agent"] })])
    .steps([resumed(), agent_returns()])
}

/// The callback of ClearError tells that the error is over: it is, within that callback.
fn cleared_within() -> Story {
    let clear = json!({ "code": "ClearError", "hold": true });
    let sends = with(call("SendCommand", "sdev1", flush(), "NOERROR"), "as", "c2");
    story(
        "held/cleared-within",
        "From within the callback of ClearError the server sends the next command",
        &["device.error.cleared", "server.send-command.status", "client.get-command.delivers"],
    )
    .given(json!({ "phase": "Active" }))
    .steps([send(1, "c1", flush()), get(1, "c1")])
    .step(complete(1, "c1", "ERROR_WRITE_FAULT", json!({})))
    .step(called_back("c1", "ERROR_WRITE_FAULT"))
    .steps([send(1, "clear", clear), get(1, "clear")])
    .step(complete(1, "clear", "ERROR_SUCCESS", json!({})))
    .steps([called_back("clear", "ERROR_SUCCESS"), within(sends), get(1, "c2")])
    .step(json!({ "resume": "clear" }))
    .step(complete(1, "c2", "ERROR_SUCCESS", json!({})))
    .step(called_back("c2", "ERROR_SUCCESS"))
}
