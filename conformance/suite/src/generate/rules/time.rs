//! Time-outs: of one millisecond, beyond what a sign leaves of 32 bits, and passing in
//! parts.

use serde_json::{Value, json};

use super::steps::{agent_returns, called_back, complete, flush, get, send, with};
use super::story::{Story, story};

/// Milliseconds. 4294967295 would be INFINITE.
const TIME_OUTS: &[u32] = &[1, 2, 1000, (1 << 31) - 1, 1 << 31, (1 << 31) + 1000, u32::MAX - 1];

/// Milliseconds of serverTimeOut.
const INTERVALS: &[u32] = &[1, 2, 1000, (1 << 31) - 1, 1 << 31, u32::MAX];

const MAIN: &str = "primary.main";
const AGENT: &str = "server.agent";

pub(super) fn stories() -> Vec<Story> {
    let mut all = Vec::new();
    for time_out in TIME_OUTS {
        all.push(waits("GetConfiguration", *time_out));
        all.push(waits("GetCommand", *time_out));
    }
    all.extend(INTERVALS.iter().map(|interval| intervals(*interval)));
    all.extend([1, 2, 3].map(pending_on_the_last));
    all.push(whole_and_in_parts());
    all
}

/// The time-out passes in parts; one millisecond before its end the call is still there.
fn parts(lane: &str, time_out: u32) -> Vec<Value> {
    let part = |after: u32| json!({ "expire": lane, "after": after });
    let stays = || json!({ "blocked": [lane] });
    match time_out {
        1 => vec![part(1)],
        2 => vec![part(1), stays(), part(1)],
        long => {
            let half = long / 2;
            vec![part(half), stays(), part(long - half - 1), stays(), part(1)]
        }
    }
}

fn waits(function: &str, time_out: u32) -> Story {
    let (on, phase, clause) = match function {
        "GetConfiguration" => ("cset", "Configurable", "client.get-configuration.timeout"),
        _ => ("cdev1", "Active", "client.get-command.timeout"),
    };
    let mut steps =
        vec![json!({ "start": function, "lane": MAIN, "on": on, "args": { "timeout": time_out } })];
    steps.extend(parts(MAIN, time_out));
    steps.push(json!({ "await": "return", "lane": MAIN, "expect": "VD_E_TIMEOUT",
        "unblockedBy": "expiry" }));
    let of_commands = function == "GetCommand";
    // The unit of this one is contested.
    let when = |step| {
        if of_commands { with(step, "when", "linux-timeout-unit=milliseconds") } else { step }
    };
    story(
        &format!("time/{}-{time_out}", function.to_lowercase()),
        &format!("{function} waits for {time_out} ms, whole or in parts, and not for less"),
        &[clause],
    )
    .given(json!({ "phase": phase }))
    .steps(steps.into_iter().map(when))
}

fn aborted(commands: &[&str]) -> Vec<Value> {
    let mut steps: Vec<Value> =
        commands.iter().map(|name| called_back(name, "ERROR_OPERATION_ABORTED")).collect();
    steps.push(agent_returns());
    steps
}

/// Two intervals, each in parts.
fn intervals(interval: u32) -> Story {
    let mut first = parts(AGENT, interval);
    first.push(json!({ "blocked": [AGENT] }));
    story(
        &format!("time/interval-{interval}"),
        &format!("A serverTimeOut of {interval} ms passes twice, in parts, and aborts the set"),
        &["server.time-out.aborts", "abort.agent-returns"],
    )
    .config(json!({ "serverTimeOut": interval }))
    .given(json!({ "phase": "Active" }))
    .step(send(1, "c1", flush()))
    .steps(first)
    .steps(parts(AGENT, interval))
    .steps(aborted(&["c1"]))
}

/// A command is pending on the last device only.
fn pending_on_the_last(devices: u32) -> Story {
    story(
        &format!("time/pending-on-the-last-of-{devices}"),
        "Two intervals of serverTimeOut pass with a command pending on the last device only",
        &["server.time-out.aborts", "abort.agent-returns"],
    )
    .config(json!({ "serverTimeOut": 300 }))
    .given(json!({ "phase": "Active", "devices": devices }))
    .step(send(devices, "c1", flush()))
    .steps([json!({ "expire": AGENT }), json!({ "blocked": [AGENT] }), json!({ "expire": AGENT })])
    .steps(aborted(&["c1"]))
}

/// What has passed of an interval is counted from its beginning, however the one before passed.
fn whole_and_in_parts() -> Story {
    const INTERVAL: u32 = 300;
    let cut_off = json!({ "expire": AGENT, "after": INTERVAL - 1 });
    let answered = |name: &str| {
        let done = complete(1, name, "ERROR_SUCCESS", json!({}));
        [get(1, name), done, called_back(name, "ERROR_SUCCESS")]
    };
    story(
        "time/interval-whole-then-in-parts",
        "The first interval of serverTimeOut passes at once, the second to its last millisecond",
        &["server.time-out.aborts", "abort.agent-returns"],
    )
    .config(json!({ "serverTimeOut": INTERVAL }))
    .given(json!({ "phase": "Active" }))
    .step(send(1, "c1", flush()))
    .step(json!({ "expire": AGENT }))
    .steps(answered("c1"))
    .step(send(1, "c2", flush()))
    .step(json!({ "expire": AGENT }))
    .steps([cut_off, json!({ "blocked": [AGENT] })])
    .step(json!({ "expire": AGENT, "after": 1 }))
    .steps(aborted(&["c2"]))
}
