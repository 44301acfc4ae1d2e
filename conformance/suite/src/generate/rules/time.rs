//! Time-outs: of one millisecond, beyond what a sign leaves of 32 bits, and passing in
//! parts.

use serde_json::{Value, json};

use super::callbacks::{KINDS, codes_of, sent};
use super::failures::OTHERS;
use super::steps::{
    BUFFER, agent_returns, begin, call, called_back, complete, flush, get, open, request, send,
    with,
};
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
    all.extend([1, 2].map(waited_before));
    all.extend([2, 3].map(|devices| completed_on_the_last(devices, "ERROR_SUCCESS")));
    all.push(completed_on_the_last(2, "ERROR_WRITE_FAULT"));
    all.extend([idle_before(), part_before_a_completion()]);
    all.extend(outstanding());
    all.extend(["GetConfiguration", "GetCommand"].map(again));
    all.extend(no_completions());
    all.extend(beside());
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

/// What a call has waited does not count in the next one, on the same device or on another.
fn waited_before(device: u32) -> Story {
    const TIME_OUT: u32 = 1000;
    let begins = |device: u32| {
        json!({ "start": "GetCommand", "lane": MAIN, "on": format!("cdev{device}"),
            "args": { "timeout": TIME_OUT } })
    };
    let passes = |after: u32| json!({ "expire": MAIN, "after": after });
    let stays = || json!({ "blocked": [MAIN] });
    let delivered = json!({ "await": "return", "lane": MAIN, "expect": "NOERROR", "gives": "c1" });
    let over = json!({ "await": "return", "lane": MAIN, "expect": "VD_E_TIMEOUT",
        "unblockedBy": "expiry" });
    let when = |step| with(step, "when", "linux-timeout-unit=milliseconds");
    let on = if device == 1 { "the same device" } else { "another device" };
    let steps = vec![begins(1), passes(400), stays(), send(1, "c1", flush()), delivered];
    let again = [begins(device), passes(700), stays(), passes(299), stays(), passes(1), over];
    story(
        &format!("time/waited-before-on-{}", if device == 1 { "the-same" } else { "another" }),
        &format!("A GetCommand waits, then one on {on}: all of its own time has to pass"),
        &["client.get-command.timeout", "client.get-command.delivers"],
    )
    .given(json!({ "phase": "Active", "devices": 2 }))
    .steps(steps.into_iter().chain(again).map(when))
}

/// A completion on the last device begins the count anew, whatever waits on the first.
fn completed_on_the_last(devices: u32, code: &str) -> Story {
    let interval = || json!({ "expire": AGENT });
    let stays = || json!({ "blocked": [AGENT] });
    let (name, what) = match code {
        "ERROR_SUCCESS" => ("completed", "A completion"),
        _ => ("failed", "A failure"),
    };
    story(
        &format!("time/{name}-on-the-last-of-{devices}"),
        &format!("{what} on the last device begins the count of intervals anew"),
        &["server.time-out.aborts", "agent.callback", "abort.agent-returns"],
    )
    .config(json!({ "serverTimeOut": 300 }))
    .given(json!({ "phase": "Active", "devices": devices }))
    .steps([send(1, "c1", flush()), send(devices, "c2", flush()), interval(), stays()])
    .steps([get(devices, "c2"), complete(devices, "c2", code, json!({}))])
    .steps([called_back("c2", code), interval(), stays(), interval()])
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

/// What has passed while nothing was pending does not count for what is sent then.
fn idle_before() -> Story {
    let passes = |after: u32| json!({ "expire": AGENT, "after": after });
    let stays = || json!({ "blocked": [AGENT] });
    story(
        "time/idle-before",
        "A set is idle for nearly an interval: what is sent then has two whole ones",
        &["server.time-out.aborts", "abort.agent-returns"],
    )
    .config(json!({ "serverTimeOut": 1000 }))
    .given(json!({ "phase": "Active" }))
    .steps([passes(900), send(1, "c1", flush()), passes(900), passes(200), stays()])
    .steps([passes(899), stays(), passes(1)])
    .steps(aborted(&["c1"]))
}

/// A completion begins the count anew, and not only that of whole intervals.
fn part_before_a_completion() -> Story {
    let passes = |after: u32| json!({ "expire": AGENT, "after": after });
    let stays = || json!({ "blocked": [AGENT] });
    let done = complete(1, "c1", "ERROR_SUCCESS", json!({}));
    story(
        "time/part-before-a-completion",
        "Nearly an interval has passed when a command is completed: it counts for none after it",
        &["server.time-out.aborts", "agent.callback", "abort.agent-returns"],
    )
    .config(json!({ "serverTimeOut": 1000 }))
    .given(json!({ "phase": "Active", "devices": 2 }))
    .steps([send(1, "c1", flush()), send(2, "c2", flush()), passes(900), get(1, "c1"), done])
    .steps([called_back("c1", "ERROR_SUCCESS"), passes(900), passes(200), stays()])
    .steps([passes(899), stays(), passes(1)])
    .steps(aborted(&["c2"]))
}

/// No command is excepted from serverTimeOut.
fn outstanding() -> Vec<Story> {
    let mut of: Vec<(&str, Vec<&str>, &[&str])> = Vec::new();
    for (_, features, own) in KINDS {
        for code in codes_of(own) {
            if !of.iter().any(|(known, ..)| *known == code) {
                of.push((code, features.to_vec(), &["WriteMedia"]));
            }
        }
    }
    for (code, features, granted) in OTHERS {
        of.retain(|(known, ..)| known != code);
        of.push((code, features.to_vec(), granted));
    }
    // In the error state alone it is sent, and has a scenario where it is.
    of.retain(|(code, ..)| *code != "ClearError");
    let each = of.into_iter().map(|(code, features, granted)| {
        let expires = || json!({ "expire": AGENT });
        let when = |step: Value| match code {
            "Load" => with(step, "when", "load-excuses=nothing"),
            _ => step,
        };
        story(
            &format!("time/outstanding-{}", code.to_lowercase()),
            &format!("A {code} that is delivered and not completed counts towards serverTimeOut"),
            &["server.time-out.aborts", "abort.agent-returns"],
        )
        .config(json!({ "serverTimeOut": 1000, "features": features }))
        .given(json!({ "phase": "Active", "granted": granted, "buffers": ["b1"] }))
        .steps([send(1, "c1", sent(code)), get(1, "c1"), expires()])
        .step(json!({ "blocked": [AGENT] }))
        .steps([expires()].into_iter().chain(aborted(&["c1"])).map(when))
    });
    let mut all: Vec<Story> = each.collect();
    all.push(outstanding_clear_error());
    all
}

fn outstanding_clear_error() -> Story {
    let expires = || json!({ "expire": AGENT });
    story(
        "time/outstanding-clearerror",
        "A ClearError that is delivered and not completed counts towards serverTimeOut",
        &["server.time-out.aborts", "abort.agent-returns"],
    )
    .config(json!({ "serverTimeOut": 1000 }))
    .given(json!({ "phase": "Active" }))
    .steps([send(1, "c1", flush()), get(1, "c1")])
    .step(complete(1, "c1", "ERROR_WRITE_FAULT", json!({})))
    .step(called_back("c1", "ERROR_WRITE_FAULT"))
    .steps([send(1, "c2", json!({ "code": "ClearError" })), get(1, "c2"), expires()])
    .steps([json!({ "blocked": [AGENT] }), expires()])
    .steps(aborted(&["c2"]))
}

/// Who has waited in vain waits as long the next time.
fn again(function: &str) -> Story {
    let (on, phase, clause) = match function {
        "GetConfiguration" => ("cset", "Configurable", "client.get-configuration.timeout"),
        _ => ("cdev1", "Active", "client.get-command.timeout"),
    };
    let begins =
        || json!({ "start": function, "lane": MAIN, "on": on, "args": { "timeout": 1000 } });
    let over = || {
        json!({ "await": "return", "lane": MAIN, "expect": "VD_E_TIMEOUT",
            "unblockedBy": "expiry" })
    };
    let of_commands = function == "GetCommand";
    let when = |step| {
        if of_commands { with(step, "when", "linux-timeout-unit=milliseconds") } else { step }
    };
    let passes = |after: u32| json!({ "expire": MAIN, "after": after });
    let stays = || json!({ "blocked": [MAIN] });
    story(
        &format!("time/{}-again", function.to_lowercase()),
        &format!("{function} waits in vain, twice more: each time for as long as it was told"),
        &[clause],
    )
    .given(json!({ "phase": phase }))
    .steps([begins(), stays(), passes(1000), over()].map(when))
    .steps([begins(), stays(), passes(999), stays(), passes(1), over()].map(when))
    .steps([begins(), stays(), passes(1000), over()].map(when))
}

/// What happens between two intervals and is no completion.
fn no_completions() -> [Story; 4] {
    let poll = |device: u32, expect: &str| {
        call("GetCommand", &format!("cdev{device}"), json!({ "timeout": 0 }), expect)
    };
    let unknown = json!({ "command": null, "code": "ERROR_SUCCESS", "bytes": 0 });
    let refused = call("CompleteCommand", "cdev1", unknown, "VD_E_INVALID");
    let again = json!({ "command": "c2", "code": "ERROR_SUCCESS", "bytes": 0 });
    let again = call("CompleteCommand", "cdev2", again, "VD_E_INVALID");
    let done = [
        send(2, "c2", flush()),
        get(2, "c2"),
        complete(2, "c2", "ERROR_SUCCESS", json!({})),
        called_back("c2", "ERROR_SUCCESS"),
    ];
    [
        no_completion("a-delivery", "A command is delivered", &[], vec![get(1, "c1")]),
        no_completion("a-poll", "A client polls in vain", &[], vec![poll(2, "VD_E_TIMEOUT")]),
        no_completion("no-command", "CompleteCommand of no command is refused", &[], vec![refused]),
        no_completion("a-second-completion", "A command is completed again", &done, vec![again]),
    ]
}

/// It begins no count anew.
fn no_completion(id: &str, what: &str, before: &[Value], between: Vec<Value>) -> Story {
    let expires = || json!({ "expire": AGENT });
    story(
        &format!("time/interval-then-{id}"),
        &format!(
            "{what} after an interval of serverTimeOut: that is no completion, and the next aborts"
        ),
        &["server.time-out.aborts", "abort.agent-returns"],
    )
    .config(json!({ "serverTimeOut": 1000 }))
    .given(json!({ "phase": "Active", "devices": 2 }))
    .steps(before.iter().cloned())
    .steps([send(1, "c1", flush()), expires(), json!({ "blocked": [AGENT] })])
    .steps(between)
    .step(expires())
    .steps(aborted(&["c1"]))
}

/// What goes on beside a call that waits neither ends its time nor begins it anew.
fn beside() -> Vec<Story> {
    let sends = || vec![send(2, "c2", flush())];
    let mut exchanged = sends();
    exchanged.extend([get(2, "c2"), complete(2, "c2", "ERROR_SUCCESS", json!({}))]);
    exchanged.push(called_back("c2", "ERROR_SUCCESS"));
    let closes = vec![call("CloseDevice", "sdev2", json!({}), "NOERROR")];
    let configures = vec![begin(512, 0, BUFFER), request(4096, 0, 1)];
    let opens = vec![open("S", "NOERROR")];
    vec![
        waits_beside("GetCommand", "a-command-of-another", "a command of another device", sends()),
        waits_beside(
            "GetCommand",
            "a-completion-of-another",
            "what another device does",
            exchanged,
        ),
        waits_beside("GetCommand", "a-close-of-another", "the end of another device", closes),
        waits_beside(
            "GetConfiguration",
            "the-server-that-begins",
            "what precedes EndConfiguration",
            configures,
        ),
        waits_beside("GetConfiguration", "the-server-that-opens", "the server's Open", opens),
    ]
}

fn waits_beside(function: &str, id: &str, what: &str, between: Vec<Value>) -> Story {
    let (on, given, clauses): (_, _, &[&str]) = match function {
        "GetConfiguration" => {
            let phase = if id.ends_with("opens") { "Created" } else { "Connected" };
            ("cset", json!({ "phase": phase }), &["client.get-configuration.timeout"])
        }
        _ => (
            "cdev1",
            json!({ "phase": "Active", "devices": 2 }),
            &["client.get-command.waits", "client.get-command.timeout"],
        ),
    };
    let of_commands = function == "GetCommand";
    let when = |step| {
        if of_commands { with(step, "when", "linux-timeout-unit=milliseconds") } else { step }
    };
    let begins = json!({ "start": function, "lane": "primary.t1", "on": on,
        "args": { "timeout": 1000 } });
    let passes = |after: u32| json!({ "expire": "primary.t1", "after": after });
    let stays = || json!({ "blocked": ["primary.t1"] });
    let over = json!({ "await": "return", "lane": "primary.t1", "expect": "VD_E_TIMEOUT",
        "unblockedBy": "expiry" });
    story(
        &format!("time/{}-beside-{id}", function.to_lowercase()),
        &format!("{function} waits for 1000 ms beside {what}: neither less nor more"),
        clauses,
    )
    .given(given)
    .steps([begins, stays(), passes(900)].map(when))
    .steps(between)
    .steps([stays(), passes(99), stays(), passes(1), over].map(when))
}
