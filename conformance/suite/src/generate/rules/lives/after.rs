//! A set after another, whatever became of that one.

use serde_json::{Value, json};

use super::super::steps::{bare, call, with};
use super::super::story::{Story, story};
use super::life::{
    FIRST, Life, Made, SECOND, THIRD, client_close_aborted, client_close_open,
    server_close_aborted, server_close_open, two,
};

/// How a first set ends.
struct Ending {
    id: &'static str,
    /// How it goes on from "A set …".
    title: &'static str,
    /// The situation from which it ends, with two devices.
    given: Value,
    /// What its client asks for.
    config: Value,
    steps: Vec<Value>,
}

/// Of two devices a command is queued at the first, and one delivered at the second.
fn busy() -> Value {
    json!({ "phase": "Active", "devices": 2, "buffers": ["b1"], "commands": [
        { "as": "c1", "code": "Write", "buffer": "b1", "size": 65536, "device": 1, "at": "queued" },
        { "as": "c2", "code": "Flush", "device": 2, "at": "delivered" } ] })
}

fn aborted(commands: &[&str]) -> Vec<Value> {
    let mut steps: Vec<Value> =
        commands.iter().map(|name| FIRST.called_back(name, "ERROR_OPERATION_ABORTED")).collect();
    steps.push(FIRST.agent_returns());
    steps
}

/// An ending of a set whose client asks for nothing.
fn plain(id: &'static str, title: &'static str, given: Value, steps: Vec<Value>) -> Ending {
    Ending { id, title, given, config: json!({}), steps }
}

/// What ends a busy set, the callbacks that come of it, and what is closed then.
fn ended(first: Value, closes: impl IntoIterator<Item = Value>) -> Vec<Value> {
    std::iter::once(first).chain(aborted(&["c1", "c2"])).chain(closes).collect()
}

/// Both sides close after an abort, with devices open.
fn closed() -> [Value; 2] {
    [
        bare("Close", &FIRST.server(), server_close_aborted()),
        bare("Close", &FIRST.client(), client_close_aborted()),
    ]
}

fn endings() -> Vec<Ending> {
    let mut all = aborts();
    all.extend(closes());
    all
}

/// Ends in order, or by an abort.
fn aborts() -> Vec<Ending> {
    let expire = || json!({ "expire": FIRST.agent() });
    let abort = |on: String| bare("SignalAbort", &on, "NOERROR");
    let failed = [
        FIRST.complete(2, "c2", "ERROR_IO_DEVICE", 0),
        FIRST.called_back("c2", "ERROR_IO_DEVICE"),
        abort(FIRST.server()),
    ];
    let failed = failed.into_iter().chain(aborted(&["c1"])).chain(closed());
    let done = json!({ "phase": "NormallyTerminated", "devices": 2 });
    let by_server = || abort(FIRST.server());
    vec![
        plain("completed", "was carried out", done, FIRST.close().to_vec()),
        plain(
            "aborted-by-the-server",
            "was aborted by its server",
            busy(),
            ended(by_server(), closed()),
        ),
        plain(
            "aborted-by-the-client",
            "was aborted by its client",
            busy(),
            ended(abort(FIRST.client()), closed()),
        ),
        plain(
            "aborted-and-not-closed",
            "was aborted, and nobody has closed it yet",
            busy(),
            ended(by_server(), []),
        ),
        Ending {
            id: "timed-out",
            title: "was aborted because its time was over",
            given: busy(),
            config: json!({ "serverTimeOut": 1000 }),
            steps: [expire()].into_iter().chain(ended(expire(), closed())).collect(),
        },
        plain(
            "in-the-error-state",
            "ended with a device in the error state",
            busy(),
            failed.collect(),
        ),
    ]
}

/// Closed before its time.
fn closes() -> Vec<Ending> {
    let (server, client) = (FIRST.server(), FIRST.client());
    let (by_server, by_client) = (server_close_open(), client_close_open());
    vec![
        plain(
            "closed-early-by-the-client",
            "was closed by its client with devices open",
            busy(),
            ended(
                bare("Close", &client, by_client),
                [bare("Close", &server, server_close_aborted())],
            ),
        ),
        plain(
            "closed-early-by-the-server",
            "was closed by its server with devices open",
            busy(),
            ended(
                bare("Close", &server, by_server),
                [bare("Close", &client, client_close_aborted())],
            ),
        ),
        plain(
            "never-opened",
            "was created, and no server has opened it",
            json!({ "phase": "Created", "devices": 2 }),
            vec![bare("Close", &client, "NOERROR")],
        ),
        plain(
            "configured-only",
            "was given up while it was configured",
            json!({ "phase": "Configurable", "devices": 2 }),
            vec![
                FIRST.request(65536, 4),
                bare("Close", &client, "NOERROR"),
                bare("Close", &server, "NOERROR"),
            ],
        ),
    ]
}

/// What a second set is tried with: from Create to a normal end.
fn whole(life: Life, made: &Made) -> Vec<Value> {
    let mut steps = life.configure(made);
    // Before the configuration is complete.
    let early = json!({ "name": life.name });
    steps.insert(steps.len() - 2, call("OpenDevice", &life.client(), early, "VD_E_PROTOCOL"));
    steps.push(life.query(made.transfer));
    steps.extend(life.activate(made.devices));
    steps.push(life.surplus());
    let buffer = format!("d{}", life.name.to_lowercase());
    steps.push(life.allocate(&buffer, made.transfer));
    let (name, last) = (format!("w{}", life.name.to_lowercase()), made.devices);
    let write = json!({ "code": "Write", "buffer": buffer, "size": made.transfer });
    steps.extend((1..=last).map(|device| life.get_nothing(device, "VD_E_TIMEOUT")));
    steps.push(life.send(last, &name, write));
    for device in 1..last {
        steps.extend(life.exchange(device, &format!("{name}{device}")));
    }
    steps.extend([
        life.get(last, &name),
        life.complete(last, &name, "ERROR_SUCCESS", made.transfer),
        life.called_back(&name, "ERROR_SUCCESS"),
    ]);
    steps.extend(life.finish(last));
    steps
}

const CLAUSES: &[&str] = &[
    "client.create.status",
    "server.open.status",
    "server.get-configuration.status",
    "client.get-configuration.status",
    "client.get-configuration.timeout",
    "client.open-device.phase",
    "server.query-available-buffers.count",
    "server.open-device.surplus",
    "client.get-command.delivers",
    "agent.callback",
    "client.close.status",
];

pub(super) fn stories() -> Vec<Story> {
    let mut all = Vec::new();
    for Ending { id, title, given, config, steps } in endings() {
        let begun = |kind: &str, how: &str| {
            let name = format!("lives/after-{id}{kind}");
            story(&name, &format!("A set {title}: the next one {how}"), CLAUSES)
                .interfaces(two())
                .config(config.clone())
                .given(given.clone())
                .steps(steps.clone())
        };
        let other = begun("", "has nothing of it")
            .steps(whole(SECOND.with_devices("Stripe"), &Made::other(3)));
        all.push(other);
        if id != "aborted-and-not-closed" {
            let same = SECOND.named(FIRST.name);
            let again = begun("-by-the-same-name", "by the same name has nothing of it");
            all.push(again.steps(whole(same, &Made::plain(1))));
            let how = "that its client creates on the same interface has nothing of it";
            let again = begun("-through-the-same-interface", how);
            all.push(again.steps(whole(SECOND.through(FIRST), &Made::plain(2))));
        }
    }
    all.push(thirds());
    all.push(interfaces_of_the_first());
    all.push(handle_of_the_first());
    all
}

/// The third of three.
fn thirds() -> Story {
    let interfaces = json!({ "sset2": "server", "cset2": "primary", "sset3": "server",
        "cset3": "primary" });
    story("lives/third", "Three sets, one after the other, each through new interfaces", CLAUSES)
        .interfaces(interfaces)
        .steps(whole(FIRST, &Made::plain(2)))
        .steps(whole(SECOND, &Made::other(1)))
        .steps(whole(THIRD, &Made::plain(3)))
}

/// What the first has given is good for nothing any more.
fn interfaces_of_the_first() -> Story {
    let refused = |function: &str, on: &str| bare(function, on, "VD_E_PROTOCOL");
    story(
        "lives/interfaces-of-the-first",
        "A set was carried out and another one is active: the interfaces of the first have none",
        &["client.close.not-open", "agent.callback"],
    )
    .interfaces(two())
    .given(json!({ "phase": "NormallyTerminated" }))
    .steps(FIRST.close())
    .steps(SECOND.bring_up(&Made::plain(1)))
    .steps([refused("GetConfiguration", "sset"), refused("EndConfiguration", "sset")])
    .steps([refused("Close", "cset"), refused("Close", "sset")])
    .steps(SECOND.exchange(1, "w1"))
}

/// A buffer handle ends with its set, whatever the next one is called and lies at.
fn handle_of_the_first() -> Story {
    let life = SECOND.named(FIRST.name).through(FIRST);
    let write = |buffer: &str| json!({ "code": "Write", "buffer": buffer, "size": 65536 });
    let handle = |buffer: &str, name: &str| {
        let got = call("GetBufferHandle", "cset", json!({ "buffer": buffer }), "NOERROR");
        with(got, "as", name)
    };
    let map = |name: &str, expect: &str| {
        call("MapBufferHandle", "cset", json!({ "handle": name }), expect)
    };
    story(
        "lives/handle-of-the-first",
        "A set is created again by the same name, on the same interface: handles of before are none",
        &["client.map-buffer-handle.invalid", "client.map-buffer-handle.status"],
    )
    .interfaces(two())
    .given(json!({ "phase": "Active", "buffers": ["b1"] }))
    .steps([FIRST.send(1, "c1", write("b1")), FIRST.get(1, "c1"), handle("b1", "h1")])
    .step(FIRST.complete(1, "c1", "ERROR_SUCCESS", 65536))
    .step(FIRST.called_back("c1", "ERROR_SUCCESS"))
    .steps(FIRST.finish(1))
    .steps(life.bring_up(&Made::plain(1)))
    .steps([life.allocate("d1", 65536), life.send(1, "w1", write("d1")), life.get(1, "w1")])
    .steps([map("h1", "VD_E_INVALID"), handle("d1", "h2"), map("h2", "NOERROR")])
    .step(map("h1", "VD_E_INVALID"))
}
