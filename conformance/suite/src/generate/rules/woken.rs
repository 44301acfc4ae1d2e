//! A wait with a time-out ends with all that ends one without.

use serde_json::{Value, json};

use super::lives::{client_close_open, server_close_open};
use super::steps::{CLIENT, SERVER, agent_returns, bare, end, flush, send, with};
use super::story::{Story, story};

const MAIN: &str = "primary.main";

pub(super) fn stories() -> Vec<Story> {
    let mut all: Vec<Story> = ends(true).into_iter().map(|one| woken("GetCommand", one)).collect();
    all.extend(ends(false).into_iter().map(|one| woken("GetConfiguration", one)));
    all
}

/// What ends a wait: a name, a title, the step, and what the wait returns.
type End = (&'static str, &'static str, Value, &'static str);

/// The agent, after a normal end.
fn returned() -> Value {
    json!({ "await": "return", "lane": "server.agent", "expect": "NOERROR" })
}

/// By another thread of the client.
fn beside(step: Value) -> Value {
    with(step, "lane", "primary.t1")
}

fn ends(of_commands: bool) -> Vec<End> {
    let abort = |on| bare("SignalAbort", on, "NOERROR");
    let close = |on, devices_open: Value| {
        bare("Close", on, if of_commands { devices_open } else { "NOERROR".into() })
    };
    let dies = json!({ "exit": "server", "how": "killed" });
    let mut all = vec![
        ("server-abort", "SignalAbort by the server", abort(SERVER), "VD_E_ABORT"),
        ("client-abort", "SignalAbort by another thread", beside(abort(CLIENT)), "VD_E_ABORT"),
        ("server-close", "the server's Close", close(SERVER, server_close_open()), "VD_E_ABORT"),
        (
            "client-close",
            "Close by another thread",
            beside(close(CLIENT, client_close_open())),
            "VD_E_ABORT",
        ),
        ("server-death", "the death of the server", dies, "VD_E_ABORT"),
    ];
    if of_commands {
        all.push(("delivery", "SendCommand", send(1, "c1", flush()), "NOERROR"));
        let closed = bare("CloseDevice", "sdev1", "NOERROR");
        all.push(("close-device", "CloseDevice", closed, "VD_E_CLOSE"));
    } else {
        all.push(("configured", "EndConfiguration", end(), "NOERROR"));
    }
    all
}

fn woken(function: &str, (name, title, step, status): End) -> Story {
    let (on, phase) = match function {
        "GetCommand" => ("cdev1", "Active"),
        _ => (CLIENT, "Configurable"),
    };
    let clause = match (function, status) {
        (_, "VD_E_ABORT") => "abort.unblocks",
        ("GetCommand", "VD_E_CLOSE") => "client.get-command.close",
        ("GetCommand", _) => "client.get-command.delivers",
        _ => "client.get-configuration.status",
    };
    // Where the abort comes from within the library, what GetConfiguration tells is contested.
    let within = function != "GetCommand" && (name.ends_with("close") || name.ends_with("death"));
    let expect = match status {
        "VD_E_ABORT" if within => json!({ "get-configuration-after-abort=abort-error": status,
            "get-configuration-after-abort=noerror-then-open-device-fails":
                ["VD_E_ABORT", "NOERROR"] }),
        _ => status.into(),
    };
    let mut returns = json!({ "await": "return", "lane": MAIN, "expect": expect });
    if name == "delivery" {
        returns["gives"] = "c1".into();
    }
    // The agent, too, ends with the set, and with its only device.
    let ended = match (function, status) {
        ("GetCommand", "VD_E_ABORT") => Some(agent_returns()),
        ("GetCommand", "VD_E_CLOSE") => {
            Some(with(returned(), "when", "agent-return=after-last-device"))
        }
        _ => None,
    };
    let ended = ended.filter(|_| name != "server-death");
    story(
        &format!("time/{}-ends-with-{name}", function.to_lowercase()),
        &format!("{function} waits with a time-out: {title} ends it"),
        &[clause],
    )
    .given(json!({ "phase": phase }))
    .step(json!({ "start": function, "lane": MAIN, "on": on, "args": { "timeout": 1000 } }))
    .steps([step, returns])
    .steps(ended)
}
