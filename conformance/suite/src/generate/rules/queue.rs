//! The queue of a device: its order, and how much it takes.

use serde_json::{Value, json};

use super::steps::{
    agent_returns, bare, call, called_back, complete, exchange, flush, get, names, send, with,
};
use super::story::{Story, story};

const DELIVERED: &str = "client.get-command.delivers";
const CALLED_BACK: &str = "agent.callback";

pub(super) fn stories() -> Vec<Story> {
    let mut all = vec![
        full(),
        full_each(),
        full_while_delivered(),
        full_and_aborted(),
        full_beside_held(),
        room_beside_held(),
    ];
    all.extend([1, 2, 3, 4].map(in_order));
    all.push(across_devices());
    all.extend([completed_from_the_last(), completed_from_the_middle(), sent_while_completed()]);
    all
}

/// A step that is done as often as the queue takes commands; `#` is the number.
fn as_often(step: Value) -> Value {
    with(step, "times", "queueDepth")
}

fn fill(device: u32, letter: &str) -> Value {
    as_often(send(device, &format!("{letter}#"), flush()))
}

/// One more command than the queue takes: status, code and callback.
fn one_too_many(device: u32, name: &str) -> Vec<Value> {
    let expect = json!({ "queue-full-code=busy": "VD_E_QUEUE_FULL", "queue-full-code=other": "VD_E_IO_ERROR" });
    vec![
        with(call("SendCommand", &format!("sdev{device}"), flush(), expect), "as", name),
        json!({ "await": "callback", "lane": "server.main", "of": name,
            "completion": "ERROR_NO_SYSTEM_RESOURCES" }),
    ]
}

const FULL: &[&str] = &[
    "server.send-command.status",
    "server.send-command.queue-full",
    "server.send-command.error-callback",
    DELIVERED,
];

fn full() -> Story {
    story(
        "queue/full",
        "A queue takes as many commands as are declared; one more is refused, and called back",
        FULL,
    )
    .given(json!({ "phase": "Active" }))
    .step(fill(1, "q"))
    .steps(one_too_many(1, "over1"))
    .steps(one_too_many(1, "over2"))
    .steps([get(1, "q1"), complete(1, "q1", "ERROR_SUCCESS", json!({}))])
    .step(called_back("q1", "ERROR_SUCCESS"))
    .step(send(1, "again", flush()))
    .steps(one_too_many(1, "over3"))
}

fn full_each() -> Story {
    story(
        "queue/full-each-device",
        "Each of three devices has a queue of its own, which takes as many commands",
        FULL,
    )
    .given(json!({ "phase": "Active", "devices": 3 }))
    .steps([fill(1, "q"), fill(2, "r")])
    .steps(one_too_many(1, "over1"))
    .step(fill(3, "t"))
    .steps(one_too_many(3, "over3"))
    .steps([get(3, "t1"), get(2, "r1"), get(1, "q1")])
}

/// All are delivered: none of the refused ones is among them, and all are in order.
fn full_while_delivered() -> Story {
    let get = as_often(get(1, "q#"));
    let answer = as_often(complete(1, "q#", "ERROR_SUCCESS", json!({})));
    let back = as_often(called_back("q#", "ERROR_SUCCESS"));
    story(
        "queue/full-then-emptied",
        "What a full queue refused is not delivered; emptied, it takes as many again",
        FULL,
    )
    .given(json!({ "phase": "Active" }))
    .step(fill(1, "q"))
    .steps(one_too_many(1, "over"))
    .steps([get, call("GetCommand", "cdev1", json!({ "timeout": 0 }), "VD_E_TIMEOUT")])
    .steps([answer, back, fill(1, "r")])
    .steps(one_too_many(1, "over2"))
}

/// Whether what the client holds counts, no document says; that it makes room for more than is
/// declared, none says either.
fn full_beside_held() -> Story {
    let perhaps = json!({ "queue-full-code=busy": ["NOERROR", "VD_E_QUEUE_FULL"],
        "queue-full-code=other": ["NOERROR", "VD_E_IO_ERROR"] });
    let more = |name| with(call("SendCommand", "sdev1", flush(), perhaps.clone()), "as", name);
    story(
        "queue/full-beside-what-is-held",
        "With three commands in the client's hands a queue takes no more than are declared",
        FULL,
    )
    .given(json!({ "phase": "Active" }))
    .step(fill(1, "q"))
    .steps(["q1", "q2", "q3"].map(|name| get(1, name)))
    .steps(["more1", "more2", "more3"].map(more))
    .steps(one_too_many(1, "more4"))
    .steps(one_too_many(1, "more5"))
    .step(get(1, "q4"))
}

/// What is outstanding is counted, and nothing is counted twice.
fn room_beside_held() -> Story {
    story(
        "queue/room-beside-what-is-held",
        "A full queue of which one command is done takes another, while the client holds one",
        &["server.send-command.status", DELIVERED, CALLED_BACK],
    )
    .given(json!({ "phase": "Active" }))
    .step(fill(1, "q"))
    .steps(["q1", "q2"].map(|name| get(1, name)))
    .steps([complete(1, "q1", "ERROR_SUCCESS", json!({})), called_back("q1", "ERROR_SUCCESS")])
    .step(send(1, "another", flush()))
    .step(get(1, "q3"))
}

fn full_and_aborted() -> Story {
    story(
        "queue/full-and-aborted",
        "An abort calls back every command of a full queue, and none that was refused",
        &["server.send-command.queue-full", "abort.callbacks", "abort.agent-returns"],
    )
    .given(json!({ "phase": "Active" }))
    .step(fill(1, "q"))
    .steps(one_too_many(1, "over"))
    .step(bare("SignalAbort", "sset", "NOERROR"))
    .step(as_often(called_back("q#", "ERROR_OPERATION_ABORTED")))
    .step(agent_returns())
}

/// So many commands are delivered in the order in which they were sent.
fn in_order(count: u32) -> Story {
    let commands = names("c", count);
    let commands_of =
        if count == 1 { "One command".to_owned() } else { format!("{count} commands") };
    story(
        &format!("queue/in-order-{count}"),
        &format!("{commands_of}, delivered in the order sent, each called back once"),
        &[DELIVERED, CALLED_BACK],
    )
    .given(json!({ "phase": "Active" }))
    .steps(commands.iter().map(|command| send(1, command, flush())))
    .steps(commands.iter().map(|command| get(1, command)))
    .step(call("GetCommand", "cdev1", json!({ "timeout": 0 }), "VD_E_TIMEOUT"))
    .steps(commands.iter().flat_map(|command| {
        let answer = complete(1, command, "ERROR_SUCCESS", json!({}));
        [answer, called_back(command, "ERROR_SUCCESS")]
    }))
}

fn across_devices() -> Story {
    let sent = [(1, "a1"), (3, "e1"), (2, "d1"), (3, "e2"), (1, "a2"), (3, "e3"), (2, "d2")];
    let got = [(3, "e1"), (3, "e2"), (1, "a1"), (2, "d1"), (2, "d2"), (3, "e3"), (1, "a2")];
    story(
        "queue/order-of-each-device",
        "Each of three devices keeps its own order, whatever the others do",
        &[DELIVERED],
    )
    .given(json!({ "phase": "Active", "devices": 3 }))
    .steps(sent.map(|(device, name)| send(device, name, flush())))
    .steps(got.map(|(device, name)| get(device, name)))
}

fn completed_in(what: &str, title: &str, order: &[&str]) -> Story {
    let commands = names("c", 4);
    story(
        &format!("queue/completed-{what}"),
        title,
        &["client.complete-command.status", CALLED_BACK],
    )
    .given(json!({ "phase": "Active" }))
    .steps(commands.iter().map(|command| send(1, command, flush())))
    .steps(commands.iter().map(|command| get(1, command)))
    .steps(order.iter().flat_map(|command| {
        let answer = complete(1, command, "ERROR_SUCCESS", json!({}));
        [answer, called_back(command, "ERROR_SUCCESS")]
    }))
    .steps(exchange(1, "after", flush(), json!({})))
}

fn completed_from_the_last() -> Story {
    let title = "What was delivered may be completed from the last to the first";
    completed_in("from-the-last", title, &["c4", "c3", "c2", "c1"])
}

fn completed_from_the_middle() -> Story {
    let title = "What was delivered may be completed in any order, the third first";
    completed_in("from-the-middle", title, &["c3", "c1", "c4", "c2"])
}

/// One is completed while others wait: what is sent then comes after those.
fn sent_while_completed() -> Story {
    story(
        "queue/sent-behind-what-waits",
        "What is sent after a completion is delivered after what waited before",
        &[DELIVERED, CALLED_BACK],
    )
    .given(json!({ "phase": "Active" }))
    .steps(["c1", "c2", "c3"].map(|name| send(1, name, flush())))
    .steps([get(1, "c1"), complete(1, "c1", "ERROR_SUCCESS", json!({}))])
    .step(called_back("c1", "ERROR_SUCCESS"))
    .step(send(1, "c4", flush()))
    .steps(["c2", "c3", "c4"].map(|name| get(1, name)))
}
