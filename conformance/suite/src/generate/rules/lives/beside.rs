//! Two sets side by side: what happens to one does not happen to the other.

use serde_json::{Value, json};

use super::super::steps::{bare, call, with};
use super::super::story::{Story, story};
use super::life::{FIRST, Life, Made, SECOND, client_close_open, server_close_open, two};

pub(super) fn stories() -> Vec<Story> {
    let mut all = vec![
        names(),
        same_name_of_instances(),
        opened_crosswise(),
        configurations(),
        waits_for_its_own(),
        requested(),
        buffers(),
        handles(),
        commands(),
        queues(),
        errors(),
        agents(),
        time_outs(),
        intervals(),
        secondaries(),
    ];
    all.extend(ends());
    all.extend(["server", "primary"].map(deaths));
    all
}

/// Two sets are active: the first with two devices, the second with so many.
fn both(name: &str, title: &str, clauses: &[&str], devices: u32) -> Story {
    story(&format!("lives/{name}"), title, clauses)
        .interfaces(two())
        .given(json!({ "phase": "Active", "devices": 2, "buffers": ["b1"] }))
        .steps(SECOND.bring_up(&Made::plain(devices)))
}

/// What is done of both in turn.
fn alternately(one: Vec<Value>, other: Vec<Value>) -> Vec<Value> {
    one.into_iter().zip(other).flat_map(|(one, other)| [one, other]).collect()
}

fn names() -> Story {
    both(
        "same-device-names",
        "Two sets have devices of the same names: each finds its own",
        &["client.open-device.status", "client.get-command.delivers", "agent.callback.lane"],
        2,
    )
    .steps(alternately(FIRST.exchange(2, "c1"), SECOND.exchange(2, "w1")))
    .steps(alternately(SECOND.exchange(1, "w2"), FIRST.exchange(1, "c2")))
    .steps(SECOND.finish(2))
    .steps(FIRST.exchange(2, "c3"))
    .steps(FIRST.finish(2))
}

fn same_name_of_instances() -> Story {
    let create = |life: Life, instance: &str, devices: u32| {
        let config = json!({ "deviceCount": devices });
        let args = json!({ "name": "S", "instance": instance, "config": config });
        call("CreateEx", &life.client(), args, "NOERROR")
    };
    let open = |life: Life, instance: &str| {
        call("Open", &life.server(), json!({ "name": "S", "instance": instance }), "NOERROR")
    };
    let told = |life: Life| bare("GetConfiguration", &life.server(), "NOERROR");
    let life = SECOND.named("S");
    story(
        "lives/same-name-of-instances",
        "Two sets of one name, for two instances: each server opens its own",
        &["client.create.status", "server.open.status", "server.get-configuration.status"],
    )
    .interfaces(two())
    .steps([create(FIRST, "A", 1), create(life, "B", 3)])
    .steps([open(life, "B"), told(life), open(FIRST, "A"), told(FIRST)])
}

fn opened_crosswise() -> Story {
    let open =
        |on: &str, name: &str, expect: &str| call("Open", on, json!({ "name": name }), expect);
    story(
        "lives/opened-crosswise",
        "Two interfaces of a server open the two sets of a client in the other order",
        &["server.open.status", "server.open.no-set", "client.get-configuration.status"],
    )
    .interfaces(two())
    .steps([FIRST.create(&Made::plain(1)), SECOND.create(&Made::other(2))])
    .steps([open("sset2", "S", "NOERROR"), open("sset", "S", "VD_E_INVALID")])
    .steps([open("sset", "T", "NOERROR")])
    .steps(["sset", "sset2"].map(|on| bare("GetConfiguration", on, "NOERROR")))
    .steps([SECOND.begin(&Made::plain(1)), SECOND.end(), FIRST.configured("NOERROR")])
    .steps([SECOND.configured("VD_E_TIMEOUT"), FIRST.begin(&Made::other(2)), FIRST.end()])
    .steps([SECOND.configured("NOERROR"), FIRST.configured("NOERROR")])
}

fn configurations() -> Story {
    let (one, other) = (Made::plain(1), Made::other(3));
    story(
        "lives/configurations",
        "Two sets are configured at the same time: each client is told its own configuration",
        &[
            "server.begin-configuration.status",
            "client.get-configuration.granted",
            "client.get-configuration.as-asked",
            "client.get-configuration.timeout",
        ],
    )
    .interfaces(two())
    .steps([FIRST.create(&one), SECOND.create(&other), FIRST.open("NOERROR")])
    .steps([SECOND.open("NOERROR"), SECOND.begin(&other), FIRST.begin(&one), FIRST.end()])
    .steps([SECOND.configured("VD_E_TIMEOUT"), SECOND.end()])
    .steps([SECOND.configured("NOERROR"), FIRST.configured("NOERROR")])
    .steps([FIRST, SECOND].map(|life| bare("GetConfiguration", &life.server(), "NOERROR")))
}

fn waits_for_its_own() -> Story {
    let wait = |lane: &str, function: &str, on: String| json!({ "start": function, "lane": lane, "on": on, "args": { "timeout": "infinite" } });
    let still = |lanes: &[&str]| json!({ "blocked": lanes });
    let made = Made::plain(1);
    let returns =
        |lane: &str, expect: &str| json!({ "await": "return", "lane": lane, "expect": expect });
    story(
        "lives/waits-for-its-own",
        "A client waits at two sets: what comes of one wakes nobody who waits at the other",
        &[
            "client.get-configuration.status",
            "client.get-command.waits",
            "client.get-command.delivers",
            "abort.unblocks",
        ],
    )
    .interfaces(two())
    .steps([FIRST.create(&made), SECOND.create(&made)])
    .step(wait("primary.t1", "GetConfiguration", FIRST.client()))
    .step(wait("primary.t2", "GetConfiguration", SECOND.client()))
    .steps([SECOND.open("NOERROR"), SECOND.begin(&made), SECOND.end()])
    .steps([returns("primary.t2", "NOERROR"), still(&["primary.t1"])])
    .steps([FIRST.open("NOERROR"), FIRST.begin(&made), FIRST.end()])
    .step(returns("primary.t1", "NOERROR"))
    .steps(FIRST.activate(1))
    .steps(SECOND.activate(1))
    .step(wait("primary.t1", "GetCommand", FIRST.cdev(1)))
    .step(wait("primary.t2", "GetCommand", SECOND.cdev(1)))
    .step(SECOND.send(1, "w1", json!({ "code": "Flush" })))
    .step(with(returns("primary.t2", "NOERROR"), "gives", "w1"))
    .step(still(&["primary.t1"]))
    .steps([bare("SignalAbort", &SECOND.client(), "NOERROR")])
    .steps([SECOND.called_back("w1", "ERROR_OPERATION_ABORTED"), SECOND.agent_returns()])
    .steps([still(&["primary.t1", "server.agent"]), bare("SignalAbort", "sset", "NOERROR")])
    .steps([returns("primary.t1", "VD_E_ABORT"), FIRST.agent_returns()])
}

fn requested() -> Story {
    let made = Made { buffers: 2, ..Made::plain(1) };
    story(
        "lives/requested",
        "Two sets request buffers: what one requested or allocated is not the other's",
        &[
            "server.query-available-buffers.count",
            "server.allocate-buffer.requested",
            "server.allocate-buffer.status",
        ],
    )
    .interfaces(two())
    .steps(FIRST.configure(&Made { buffers: 3, ..made.clone() }))
    .steps(SECOND.configure(&made))
    .steps([FIRST.query(65536), SECOND.query(65536)])
    .steps([SECOND.allocate("d1", 65536), SECOND.allocate("d2", 65536)])
    .steps([FIRST.query(65536), FIRST.allocate("b1", 65536), FIRST.allocate("b2", 65536)])
    .steps([FIRST.allocate("b3", 65536), FIRST.query(65536), SECOND.query(65536)])
}

fn buffers() -> Story {
    let free = |life: Life, buffer: &str, expect: &str| {
        call("FreeBuffer", &life.server(), json!({ "buffer": buffer, "size": 65536 }), expect)
    };
    let shared = |life: Life, buffer: &str, tells: Value| {
        let asked = call("IsSharedBuffer", &life.server(), json!({ "buffer": buffer }), "NOERROR");
        with(asked, "tells", tells)
    };
    let no = || json!("FALSE");
    let alive =
        |lane: &str, buffer: &str| json!({ "touch": buffer, "lane": lane, "found": "alive" });
    both(
        "buffer-of-the-other",
        "A buffer of one set is none of the other",
        &["server.free-buffer.invalid", "server.is-shared-buffer.answer", "agent.callback"],
        1,
    )
    .steps([SECOND.allocate("d1", 65536)])
    .steps([shared(FIRST, "d1", no()), shared(SECOND, "b1", no())])
    .steps([shared(FIRST, "b1", json!("TRUE")), shared(SECOND, "d1", json!("TRUE"))])
    .steps([free(FIRST, "d1", "VD_E_INVALID"), free(SECOND, "b1", "VD_E_INVALID")])
    .step(alive("server.main", "d1"))
    .step(free(FIRST, "b1", "NOERROR"))
    .step(SECOND.send(1, "w1", json!({ "code": "Write", "buffer": "d1", "size": 65536 })))
    .steps([SECOND.get(1, "w1"), SECOND.complete(1, "w1", "ERROR_SUCCESS", 65536)])
    .steps([SECOND.called_back("w1", "ERROR_SUCCESS"), free(SECOND, "d1", "NOERROR")])
}

fn handles() -> Story {
    let write = |buffer: &str| json!({ "code": "Write", "buffer": buffer, "size": 65536 });
    let handle = |life: Life, buffer: &str, expect: &str| {
        call("GetBufferHandle", &life.client(), json!({ "buffer": buffer }), expect)
    };
    let map = |life: Life, handle: &str, expect: &str| {
        call("MapBufferHandle", &life.client(), json!({ "handle": handle }), expect)
    };
    both(
        "handle-of-the-other",
        "A buffer handle of one set is none of the other",
        &["client.get-buffer-handle.invalid", "client.map-buffer-handle.invalid"],
        1,
    )
    .step(SECOND.allocate("d1", 65536))
    .steps([FIRST.send(1, "c1", write("b1")), SECOND.send(1, "w1", write("d1"))])
    .steps([FIRST.get(1, "c1"), SECOND.get(1, "w1")])
    .steps([handle(FIRST, "d1", "VD_E_INVALID"), handle(SECOND, "b1", "VD_E_INVALID")])
    .step(with(handle(FIRST, "b1", "NOERROR"), "as", "h1"))
    .step(with(handle(SECOND, "d1", "NOERROR"), "as", "h2"))
    .steps([map(FIRST, "h2", "VD_E_INVALID"), map(SECOND, "h1", "VD_E_INVALID")])
    .steps([map(FIRST, "h1", "NOERROR"), map(SECOND, "h2", "NOERROR")])
}

fn commands() -> Story {
    let wrong = |life: Life, name: &str| {
        let args = json!({ "command": name, "code": "ERROR_SUCCESS", "bytes": 0 });
        call("CompleteCommand", &life.cdev(1), args, "VD_E_INVALID")
    };
    let flush = || json!({ "code": "Flush" });
    both(
        "command-of-the-other",
        "A command of one set cannot be completed at the other",
        &["client.complete-command.inactive", "agent.callback"],
        1,
    )
    .steps([FIRST.send(1, "c1", flush()), SECOND.send(1, "w1", flush())])
    .steps([SECOND.get(1, "w1"), FIRST.get(1, "c1")])
    .steps([wrong(FIRST, "w1"), wrong(SECOND, "c1")])
    .steps([FIRST.complete(1, "c1", "ERROR_SUCCESS", 0), FIRST.called_back("c1", "ERROR_SUCCESS")])
    .steps([
        SECOND.complete(1, "w1", "ERROR_SUCCESS", 0),
        SECOND.called_back("w1", "ERROR_SUCCESS"),
    ])
}

fn queues() -> Story {
    let all = |life: Life, name: &str| {
        with(life.send(1, &format!("{name}#"), json!({ "code": "Flush" })), "times", "queueDepth")
    };
    both(
        "queue-of-each",
        "A queue of one set is full: that of the other takes as much",
        &["server.send-command.status", "client.get-command.delivers"],
        1,
    )
    .steps([all(FIRST, "c"), all(SECOND, "w")])
    .steps([SECOND.get(1, "w1"), FIRST.get(1, "c1"), FIRST.get(1, "c2"), SECOND.get(1, "w2")])
}

fn errors() -> Story {
    let flush = || json!({ "code": "Flush" });
    both(
        "error-of-one",
        "A device of one set is in the error state: those of the other go on",
        &["device.independent", "agent.callback", "client.get-command.delivers"],
        2,
    )
    .steps([FIRST.send(1, "c1", flush()), FIRST.send(1, "c2", flush())])
    .steps([SECOND.send(1, "w1", flush()), FIRST.get(1, "c1")])
    .step(FIRST.complete(1, "c1", "ERROR_IO_DEVICE", 0))
    .steps(["c1", "c2"].map(|name| FIRST.called_back(name, "ERROR_IO_DEVICE")))
    .steps([SECOND.get(1, "w1"), SECOND.complete(1, "w1", "ERROR_SUCCESS", 0)])
    .step(SECOND.called_back("w1", "ERROR_SUCCESS"))
    .steps(SECOND.exchange(2, "w2"))
    .steps(FIRST.exchange(2, "c3"))
}

fn agents() -> Story {
    let held =
        |life: Life, name: &str| life.send(1, name, json!({ "code": "Flush", "hold": true }));
    let done = |life: Life, name: &str| {
        [
            life.get(1, name),
            life.complete(1, name, "ERROR_SUCCESS", 0),
            life.called_back(name, "ERROR_SUCCESS"),
        ]
    };
    both(
        "agent-of-each",
        "The agent of one set is inside a routine: that of the other makes its callbacks",
        &["agent.callback", "agent.callback.lane"],
        1,
    )
    .step(held(FIRST, "c1"))
    .steps(done(FIRST, "c1"))
    .steps(SECOND.exchange(1, "w1"))
    .step(held(SECOND, "w2"))
    .steps(done(SECOND, "w2"))
    .steps([FIRST, SECOND].map(|life| {
        let again = bare("ExecuteCompletionAgent", &life.server(), "VD_E_PROTOCOL");
        with(again, "lane", "server.main")
    }))
    .step(json!({ "resume": "w2", "lane": SECOND.agent() }))
    .steps(SECOND.exchange(1, "w3"))
    .step(json!({ "resume": "c1", "lane": FIRST.agent() }))
}

fn time_outs() -> Story {
    let expire = |life: Life| json!({ "expire": life.agent() });
    let flush = || json!({ "code": "Flush" });
    let made = Made { asked: json!({ "serverTimeOut": 1000 }), ..Made::plain(1) };
    story(
        "lives/time-out-of-one",
        "The time of one set is over: completions of the other do not help, and it goes on",
        &["server.time-out.aborts", "agent.callback"],
    )
    .interfaces(two())
    .config(json!({ "serverTimeOut": 1000 }))
    .given(json!({ "phase": "Active", "devices": 2 }))
    .steps(SECOND.bring_up(&made))
    .step(FIRST.send(1, "c1", flush()))
    .step(expire(FIRST))
    .steps(SECOND.exchange(1, "w1"))
    .step(SECOND.send(1, "w2", flush()))
    .steps([expire(FIRST), FIRST.called_back("c1", "ERROR_OPERATION_ABORTED")])
    .steps([FIRST.agent_returns(), expire(SECOND)])
    .steps([SECOND.get(1, "w2"), SECOND.complete(1, "w2", "ERROR_SUCCESS", 0)])
    .step(SECOND.called_back("w2", "ERROR_SUCCESS"))
}

fn intervals() -> Story {
    let after = |life: Life, ms: u32| json!({ "expire": life.agent(), "after": ms });
    let flush = || json!({ "code": "Flush" });
    let made = Made { asked: json!({ "serverTimeOut": 3000 }), ..Made::plain(1) };
    story(
        "lives/interval-of-each",
        "Two sets have time-outs of 1 and 3 seconds: each is aborted in its own time",
        &["server.time-out.aborts"],
    )
    .interfaces(two())
    .config(json!({ "serverTimeOut": 1000 }))
    .given(json!({ "phase": "Active" }))
    .steps(SECOND.bring_up(&made))
    .steps([FIRST.send(1, "c1", flush()), SECOND.send(1, "w1", flush())])
    .steps([after(SECOND, 2500), after(FIRST, 1000), after(SECOND, 3000), after(FIRST, 1000)])
    .steps([FIRST.called_back("c1", "ERROR_OPERATION_ABORTED"), FIRST.agent_returns()])
    .step(after(SECOND, 500))
    .steps([SECOND.called_back("w1", "ERROR_OPERATION_ABORTED"), SECOND.agent_returns()])
}

fn secondaries() -> Story {
    let interfaces = json!({ "sset2": "server", "cset2": "primary", "x1set2": "secondary1" });
    let joins = |on: &str, name: &str, expect: &str| {
        call("OpenInSecondaryEx", on, json!({ "name": name }), expect)
    };
    let opens = |on: &str, name: &str, handle: &str| {
        with(call("OpenDevice", on, json!({ "name": name }), "NOERROR"), "as", handle)
    };
    let made = Made::plain(2);
    story(
        "lives/secondary-of-each",
        "A secondary client opens two sets: a device of the same name in each",
        &[
            "client.open-in-secondary.status",
            "client.open-device.status",
            "client.close.devices-open.status",
        ],
    )
    .interfaces(interfaces)
    .steps([FIRST.create(&made), SECOND.create(&made), FIRST.open("NOERROR")])
    .steps([SECOND.open("NOERROR"), FIRST.begin(&made), SECOND.begin(&made), FIRST.end()])
    .steps([SECOND.end(), FIRST.configured("NOERROR")])
    .steps([opens("sset", "S", "sdev1"), opens("sset", "S2", "sdev2")])
    .steps([opens("sset2", "T", "s2dev1"), opens("sset2", "S2", "s2dev2")])
    .steps([SECOND.configured("NOERROR"), joins("x1set2", "T", "NOERROR")])
    .step(joins("x1set", "S", "NOERROR"))
    .steps([opens("x1set", "S2", "x1dev2"), opens("x1set2", "S2", "x1dev4")])
    .step(bare("Close", "x1set", client_close_open()))
    .step(call("OpenDevice", "cset", json!({ "name": "S" }), "VD_E_ABORT"))
    .step(SECOND.configured("NOERROR"))
}

/// One of two sets ends: the other goes on.
fn ends() -> Vec<Story> {
    let (server, client) = (FIRST.server(), FIRST.client());
    let cases = [
        (
            "abort-of-one",
            "The server aborts one of two sets",
            "abort.callbacks",
            bare("SignalAbort", &server, "NOERROR"),
        ),
        (
            "client-abort-of-one",
            "The client aborts one of two sets",
            "abort.callbacks",
            bare("SignalAbort", &client, "NOERROR"),
        ),
        (
            "close-of-one",
            "The server closes one of two sets with devices open",
            "server.close.devices-open.status",
            bare("Close", &server, server_close_open()),
        ),
        (
            "client-close-of-one",
            "The client closes one of two sets with devices open",
            "client.close.devices-open.status",
            bare("Close", &client, client_close_open()),
        ),
    ];
    let flush = || json!({ "code": "Flush" });
    let write = || json!({ "code": "Write", "buffer": "d1", "size": 65536 });
    let alive = |lane: &str, thing: &str| json!({ "touch": thing, "lane": lane, "found": "alive" });
    let case = |(name, title, clause, end): (&str, &str, &str, Value)| {
        let title = format!("{title}: the other goes on");
        both(name, &title, &[clause, "agent.callback", "client.get-command.delivers"], 2)
            .step(SECOND.allocate("d1", 65536))
            .steps([FIRST.send(1, "c1", flush()), end])
            .steps([FIRST.called_back("c1", "ERROR_OPERATION_ABORTED"), FIRST.agent_returns()])
            .steps([alive("server.main", "d1"), alive("server.main", "s2dev1")])
            .step(alive("primary.main", "c2dev1"))
            .step(json!({ "blocked": [SECOND.agent()] }))
            .step(SECOND.send(1, "w1", write()))
            .steps([SECOND.get(1, "w1"), alive("primary.main", "d1")])
            .step(SECOND.complete(1, "w1", "ERROR_SUCCESS", 65536))
            .step(SECOND.called_back("w1", "ERROR_SUCCESS"))
            .steps(SECOND.exchange(2, "w2"))
            .steps(SECOND.finish(2))
    };
    cases.into_iter().map(case).collect()
}

/// A process ends: all its sets are aborted.
fn deaths(process: &str) -> Story {
    let of_server = process == "server";
    let title = match process {
        "server" => "A server of two sets dies: both clients notice",
        _ => "A client of two sets dies: both agents notice",
    };
    let flush = || json!({ "code": "Flush" });
    let clause = if of_server { "process.server-death" } else { "process.client-death" };
    let wait = |lane: &str, life: Life| {
        json!({ "start": "GetCommand", "lane": lane, "on": life.cdev(1),
            "args": { "timeout": "infinite" } })
    };
    let told = |lane: &str| json!({ "await": "return", "lane": lane, "expect": "VD_E_ABORT" });
    let begun = both(&format!("{process}-dies"), title, &[clause], 1);
    let dies = json!({ "exit": process, "how": "killed" });
    if of_server {
        return begun
            .steps([wait("primary.t1", FIRST), wait("primary.t2", SECOND), dies])
            .steps([told("primary.t1"), told("primary.t2")]);
    }
    begun
        .steps([FIRST.send(1, "c1", flush()), SECOND.send(1, "w1", flush()), dies])
        .step(FIRST.called_back("c1", "ERROR_OPERATION_ABORTED"))
        .step(SECOND.called_back("w1", "ERROR_OPERATION_ABORTED"))
        .steps([FIRST.agent_returns(), SECOND.agent_returns()])
}
