//! A set in which calls are refused, again and again: it is carried out as if nothing had been.

use serde_json::{Value, json};

use super::super::steps::{call, with};
use super::super::story::{Story, story};
use super::life::{FIRST, Life, Made};

const DEVICES: u32 = 2;

/// How often each is refused: what counts refusals may bear two.
const TIMES: usize = 3;

/// Where calls are refused, and how the set is carried out from there.
struct Place {
    id: &'static str,
    /// How it goes on from "Refused …".
    title: &'static str,
    given: Value,
    server: Vec<(Value, &'static str)>,
    client: Vec<(Value, &'static str)>,
    rest: Vec<Value>,
}

fn refused(function: &str, args: Value) -> Value {
    call(function, &FIRST.server(), args, "VD_E_PROTOCOL")
}

fn open() -> (Value, &'static str) {
    (refused("Open", json!({ "name": "T" })), "server.open.once")
}

fn begin() -> (Value, &'static str) {
    let args =
        json!({ "features": ["ReadMedia"], "blockSize": 4096, "maxTransferSize": 4 * 65536 });
    (refused("BeginConfiguration", args), "server.begin-configuration.phase")
}

fn end() -> (Value, &'static str) {
    (refused("EndConfiguration", json!({})), "server.end-configuration.phase")
}

fn early_device() -> (Value, &'static str) {
    (refused("OpenDevice", json!({ "name": "Early" })), "server.open-device.phase")
}

fn early_buffer() -> (Value, &'static str) {
    (refused("AllocateBuffer", json!({ "size": 65536 })), "server.allocate-buffer.phase")
}

fn early_agent() -> (Value, &'static str) {
    (refused("ExecuteCompletionAgent", json!({})), "agent.phase")
}

fn second_agent() -> (Value, &'static str) {
    let starts = refused("ExecuteCompletionAgent", json!({}));
    (with(starts, "lane", "server.second"), "agent.phase")
}

fn create() -> (Value, &'static str) {
    let args = json!({ "name": "T", "config": { "deviceCount": 3, "serverTimeOut": 1 } });
    (call("CreateEx", &FIRST.client(), args, "VD_E_PROTOCOL"), "client.create.once")
}

fn client_device(name: &str, expect: Value, clause: &'static str) -> (Value, &'static str) {
    (call("OpenDevice", &FIRST.client(), json!({ "name": name }), expect), clause)
}

fn early_client_device() -> (Value, &'static str) {
    client_device("Early", "VD_E_PROTOCOL".into(), "client.open-device.phase")
}

fn no_configuration() -> (Value, &'static str) {
    (FIRST.configured("VD_E_TIMEOUT"), "client.get-configuration.timeout")
}

fn nothing(device: u32) -> (Value, &'static str) {
    (FIRST.get_nothing(device, "VD_E_TIMEOUT"), "client.get-command.timeout")
}

/// Commands on every device, twice, and the end in order.
fn carried_out(life: Life) -> Vec<Value> {
    let numbers = (1..=2 * DEVICES).map(|number| (1 + number % DEVICES, format!("c{number}")));
    let commands = numbers.flat_map(|(device, name)| life.exchange(device, &name));
    commands.chain(life.finish(DEVICES)).collect()
}

/// Everything from the end of the configuration on.
fn opened(first: Vec<Value>) -> Vec<Value> {
    let opens = FIRST.activate(DEVICES);
    first.into_iter().chain(opens).chain(carried_out(FIRST)).collect()
}

/// Every device is opened by the server, and none by the client.
fn half_open() -> Place {
    let joins = (1..=DEVICES).map(|device| {
        let opens = call(
            "OpenDevice",
            &FIRST.client(),
            json!({ "name": FIRST.device_name(device) }),
            "NOERROR",
        );
        with(opens, "as", FIRST.cdev(device))
    });
    let rest = joins.chain([FIRST.start_agent()]).chain(carried_out(FIRST));
    Place {
        id: "while-opening",
        title: "while devices are being opened",
        given: json!({ "phase": "Initializing", "devices": DEVICES, "serverOpened": DEVICES }),
        server: vec![open(), begin(), end(), (FIRST.surplus(), "server.open-device.surplus")],
        client: vec![
            create(),
            client_device("Unknown", "VD_E_INVALID".into(), "client.open-device.unknown"),
        ],
        rest: rest.collect(),
    }
}

fn places() -> Vec<Place> {
    let configure = || vec![FIRST.end(), FIRST.configured("NOERROR")];
    let begins = || [vec![FIRST.begin(&Made::plain(DEVICES))], configure()].concat();
    let surplus = json!({ "client-open-device-surplus=open-error": "VD_E_OPEN",
        "client-open-device-surplus=protocol-error": "VD_E_PROTOCOL" });
    vec![
        Place {
            id: "before-the-configuration",
            title: "before the configuration has begun",
            given: json!({ "phase": "Connected", "devices": DEVICES }),
            server: vec![open(), end(), early_device(), early_buffer(), early_agent()],
            client: vec![create(), early_client_device(), no_configuration()],
            rest: opened(begins()),
        },
        Place {
            id: "while-configuring",
            title: "while the set is configured",
            given: json!({ "phase": "Configurable", "devices": DEVICES }),
            server: vec![open(), begin(), early_device(), early_buffer(), early_agent()],
            client: vec![create(), early_client_device(), no_configuration()],
            rest: opened(configure()),
        },
        half_open(),
        Place {
            id: "while-active",
            title: "while the set is active",
            given: json!({ "phase": "Active", "devices": DEVICES }),
            server: vec![
                open(),
                begin(),
                end(),
                (FIRST.surplus(), "server.open-device.surplus"),
                second_agent(),
            ],
            client: vec![
                create(),
                client_device("S9", surplus, "client.open-device.surplus"),
                nothing(1),
                nothing(2),
            ],
            rest: carried_out(FIRST),
        },
    ]
}

pub(super) fn stories() -> Vec<Story> {
    let mut all = Vec::new();
    for Place { id, title, given, server, client, rest } in places() {
        for (side, calls) in [("server", server), ("client", client)] {
            let name = format!("lives/refused-{id}-{side}");
            let title = format!(
                "Calls of the {side} that are refused {title}, each {TIMES} times, leave the set as it was"
            );
            let ends = ["client.get-command.delivers", "agent.callback", "client.close.status"];
            let mut clauses: Vec<&str> = calls.iter().map(|(_, clause)| *clause).collect();
            clauses.extend(ends);
            clauses.dedup();
            let refusals = calls.iter().map(|(step, _)| step.clone());
            let refusals: Vec<Value> = refusals.collect();
            let again = std::iter::repeat_n(refusals, TIMES).flatten();
            let told = story(&name, &title, &clauses).given(given.clone());
            all.push(told.steps(again).steps(rest.clone()));
        }
    }
    all
}
