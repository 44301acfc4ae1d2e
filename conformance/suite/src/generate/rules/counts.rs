//! *Each* and *every*: with one, two, three and many, the odd one out being the last.

use serde_json::{Value, json};

use super::steps::{CLIENT, SERVER, bare, call, device_name, exchange, flush, with};
use super::story::{Story, story};

/// How many devices.
const DEVICES: &[u32] = &[1, 2, 3, 12, 64];

/// How many secondary clients.
const SECONDARIES: &[u32] = &[2, 3, 9];

pub(super) fn stories() -> Vec<Story> {
    let mut all: Vec<Story> = DEVICES.iter().map(|devices| all_open(*devices)).collect();
    all.extend([2, 3, 5].map(last_is_missing));
    all.extend([1, 2, 3, 5].map(closed_in_turn));
    all.extend([2, 3, 5].map(|devices| closed_but_for(devices, devices)));
    all.extend([1, 2].map(|which| closed_but_for(which, 3)));
    all.extend([1, 2, 3].map(|which| end_unseen_of(which, 3)));
    all.extend([1, 2, 3].map(|which| client_lacks(which, 3)));
    all.push(of_who_has_gone());
    all.extend(SECONDARIES.iter().map(|number| secondaries(*number)));
    all.extend([aborts_each("sset"), aborts_each("cset"), asked_again(), ends_again()]);
    all
}

fn of_devices(devices: u32) -> String {
    if devices == 1 { "one device".to_owned() } else { format!("{devices} devices") }
}

/// Both sides open every device, and no more than there are; the last one works.
fn all_open(devices: u32) -> Story {
    let surplus = |on: &str, question: &str| {
        let expect = json!({
            format!("{question}=open-error"): "VD_E_OPEN",
            format!("{question}=protocol-error"): "VD_E_PROTOCOL",
        });
        call("OpenDevice", on, json!({ "name": device_name(devices + 1) }), expect)
    };
    story(
        &format!("counts/devices-{devices}"),
        &format!("{} open on both sides, and not one more", of_devices(devices)),
        &["server.open-device.surplus", "client.open-device.surplus", "agent.callback"],
    )
    .given(json!({ "phase": "Active", "devices": devices }))
    .step(surplus(SERVER, "server-open-device-surplus"))
    .step(surplus(CLIENT, "client-open-device-surplus"))
    .steps(exchange(devices, "last", flush(), json!({})))
    .steps(exchange(1, "first", flush(), json!({})))
}

/// As long as the last device is not open the set is not active.
fn last_is_missing(devices: u32) -> Story {
    let entry = "active-entry=all-open-and-agent";
    let early = with(call("SendCommand", "sdev1", flush(), "VD_E_PROTOCOL"), "as", "early");
    let told = json!({ "await": "callback", "lane": "server.main", "of": "early",
        "completion": "ERROR_INVALID_HANDLE" });
    let name = device_name(devices);
    let last = call("OpenDevice", SERVER, json!({ "name": name }), "NOERROR");
    story(
        &format!("counts/last-of-{devices}-not-open"),
        &format!("Of {} the server lacks the last: nothing can be sent yet", of_devices(devices)),
        &["server.send-command.phase", "server.open-device.status", "server.send-command.status"],
    )
    .given(json!({ "phase": "Initializing", "devices": devices, "agent": "running",
        "serverOpened": devices - 1, "clientOpened": devices }))
    .steps([early, told].map(|step| with(step, "when", entry)))
    .step(with(last, "as", format!("sdev{devices}")))
    .steps(exchange(devices, "c1", flush(), json!({})))
}

/// As long as the client has not opened each of them, the first too, the set is not active.
fn client_lacks(which: u32, devices: u32) -> Story {
    let entry = "active-entry=all-open-and-agent";
    let early = with(call("SendCommand", "sdev1", flush(), "VD_E_PROTOCOL"), "as", "early");
    let told = json!({ "await": "callback", "lane": "server.main", "of": "early",
        "completion": "ERROR_INVALID_HANDLE" });
    let opens = |device: u32| {
        let opened = call("OpenDevice", CLIENT, json!({ "name": device_name(device) }), "NOERROR");
        with(opened, "as", format!("cdev{device}"))
    };
    let place = place(which, devices);
    story(
        &format!("counts/{place}-of-{devices}-not-open-at-the-client"),
        &format!(
            "Of {} the client lacks the {place}: nothing can be sent yet",
            of_devices(devices)
        ),
        &["server.send-command.phase", "client.open-device.status", "server.send-command.status"],
    )
    .given(json!({ "phase": "Initializing", "devices": devices, "agent": "running",
        "serverOpened": devices, "clientOpened": 0 }))
    .steps((1..=devices).filter(|one| *one != which).map(opens))
    .steps([early, told].map(|step| with(step, "when", entry)))
    .step(opens(which))
    .steps(exchange(which, "c1", flush(), json!({})))
}

fn close_device(device: u32) -> Value {
    bare("CloseDevice", &format!("sdev{device}"), "NOERROR")
}

fn sees(device: u32, status: &str) -> Value {
    call("GetCommand", &format!("cdev{device}"), json!({ "timeout": 0 }), status)
}

/// The agent stays until the last device is closed.
fn closed_in_turn(devices: u32) -> Story {
    // Nobody opens again what is closed.
    let surplus = |on: &str, question: &str, device: u32| {
        let expect = json!({ format!("{question}=open-error"): "VD_E_OPEN",
            format!("{question}=protocol-error"): "VD_E_PROTOCOL" });
        call("OpenDevice", on, json!({ "name": device_name(device) }), expect)
    };
    let first = (1..devices).flat_map(|device| {
        [
            close_device(device),
            sees(device, "VD_E_CLOSE"),
            surplus(SERVER, "server-open-device-surplus", device),
            surplus(CLIENT, "client-open-device-surplus", device),
            json!({ "blocked": ["server.agent"] }),
        ]
    });
    let agent = json!({ "await": "return", "lane": "server.agent", "expect": "NOERROR" });
    let when = |step| with(step, "when", "agent-return=after-last-device");
    let mut clauses =
        vec!["client.get-command.close", "server.close.status", "client.close.status"];
    if devices > 1 {
        clauses.extend(["server.open-device.surplus", "client.open-device.surplus"]);
    }
    story(
        &format!("counts/closed-in-turn-{devices}"),
        &format!(
            "{} closed in turn: with the last the agent returns, and the set is at its end",
            of_devices(devices)
        ),
        &clauses,
    )
    .given(json!({ "phase": "Active", "devices": devices }))
    .steps(first.map(when))
    .steps([close_device(devices), agent, sees(devices, "VD_E_CLOSE")].map(when))
    .steps([bare("Close", CLIENT, "NOERROR"), bare("Close", SERVER, "NOERROR")].map(when))
}

/// Which one of so many it is, in a word.
fn place(which: u32, devices: u32) -> &'static str {
    match which {
        1 => "first",
        last if last == devices => "last",
        _ => "middle",
    }
}

/// The client has seen the end of every device but one: its Close is a mistake all the same.
fn end_unseen_of(which: u32, devices: u32) -> Story {
    let expect = json!({ "client-close-devices-open=open-error": "VD_E_OPEN",
        "client-close-devices-open=noerror": "NOERROR" });
    let surplus = json!({ "client-open-device-surplus=open-error": "VD_E_OPEN",
        "client-open-device-surplus=protocol-error": "VD_E_PROTOCOL" });
    let agent = json!({ "await": "return", "lane": "server.agent", "expect": "NOERROR" });
    let place = place(which, devices);
    let when = |step| with(step, "when", "agent-return=after-last-device");
    story(
        &format!("counts/{place}-of-{devices}-not-seen-closed"),
        &format!(
            "Of {} the client has not seen the end of the {place} when it closes the set",
            of_devices(devices)
        ),
        &[
            "client.close.devices-open.status",
            "client.get-command.close",
            "client.open-device.surplus",
        ],
    )
    .given(json!({ "phase": "Active", "devices": devices }))
    .steps((1..=devices).map(close_device).map(when))
    .step(when(agent))
    .steps((1..=devices).filter(|one| *one != which).map(|one| when(sees(one, "VD_E_CLOSE"))))
    .step(when(call("OpenDevice", CLIENT, json!({ "name": "S9" }), surplus)))
    .step(when(call("Close", CLIENT, json!({}), expect)))
}

/// All but one device are closed: Close is the server's mistake all the same.
fn closed_but_for(which: u32, devices: u32) -> Story {
    let expect = json!({ "server-close-devices-open=protocol-error": "VD_E_PROTOCOL",
        "server-close-devices-open=noerror": "NOERROR" });
    let place = place(which, devices);
    let mut given = json!({ "phase": "Active", "devices": devices });
    given["commands"] = json!([{ "as": "c1", "code": "Flush", "device": which, "at": "queued" }]);
    story(
        &format!("counts/{place}-of-{devices}-not-closed"),
        &format!("Of {} the {place} is open when the server closes the set", of_devices(devices)),
        &["server.close.devices-open.status", "server.close.devices-open.callbacks"],
    )
    .given(given)
    .steps((1..=devices).filter(|one| *one != which).map(close_device))
    .step(call("Close", SERVER, json!({}), expect))
    .step(json!({ "await": "callback", "of": "c1", "completion": "ERROR_OPERATION_ABORTED" }))
    .step(super::steps::agent_returns())
}

/// Each of so many secondary clients has a device of its own.
fn secondaries(number: u32) -> Story {
    let devices = number + 1;
    let exchange = |device: u32| {
        let name = format!("c{device}");
        let steps = exchange(device, &name, flush(), json!({}));
        let other = format!("x{}dev{device}", device - 1);
        steps.into_iter().map(move |mut step| {
            if step["on"] == json!(format!("cdev{device}")) {
                step["on"] = json!(other);
            }
            step
        })
    };
    story(
        &format!("counts/secondaries-{number}"),
        &format!("{number} secondary clients have a device each, from the last to the first"),
        &["client.get-command.delivers", "agent.callback"],
    )
    .given(json!({ "phase": "Active", "devices": devices, "secondaries": number }))
    .steps((2..=devices).rev().flat_map(exchange))
}

/// A device whose client has gone is nobody's to open again.
fn of_who_has_gone() -> Story {
    let when = |step| with(step, "when", "secondary-close=harmless");
    let surplus = |on: &str| {
        let expect = json!({ "client-open-device-surplus=open-error": "VD_E_OPEN",
            "client-open-device-surplus=protocol-error": "VD_E_PROTOCOL" });
        when(call("OpenDevice", on, json!({ "name": "S2" }), expect))
    };
    let sees = call("GetCommand", "x1dev2", json!({ "timeout": 0 }), "VD_E_CLOSE");
    let joins = call("OpenInSecondary", "x1set", json!({ "name": "S" }), "NOERROR");
    story(
        "counts/device-of-a-secondary-that-has-gone",
        "A secondary client has seen the end of its device and closed: no process opens it again",
        &["client.open-device.surplus", "client.close.secondary"],
    )
    .given(json!({ "phase": "Active", "devices": 3, "secondaries": 2 }))
    .steps([close_device(2), sees, when(bare("Close", "x1set", "NOERROR"))])
    .steps([surplus(CLIENT), surplus("x2set"), when(joins), surplus("x1set")])
    .steps(exchange(1, "c1", flush(), json!({})).into_iter().map(when))
}

/// Every GetCommand that waits returns, that of the last device too.
fn aborts_each(on: &str) -> Story {
    let waits = |device: u32| {
        json!({ "start": "GetCommand", "lane": format!("primary.t{device}"),
            "on": format!("cdev{device}"), "args": { "timeout": "infinite" } })
    };
    let returns = |device: u32| {
        json!({ "await": "return", "lane": format!("primary.t{device}"), "expect": "VD_E_ABORT",
            "unblockedBy": "abort" })
    };
    story(
        &format!("counts/abort-wakes-each-{on}"),
        "An abort wakes each of four GetCommand that wait",
        &["client.get-command.waits", "abort.unblocks", "abort.agent-returns"],
    )
    .given(json!({ "phase": "Active", "devices": 4 }))
    .steps((1..=4).map(waits))
    .step(bare("SignalAbort", on, "NOERROR"))
    .steps((1..=4).map(returns))
    .step(super::steps::agent_returns())
}

/// What may be asked once may be asked again, as often as one likes.
fn asked_again() -> Story {
    let round = |round: u32| {
        let handle = format!("h{round}");
        let of = json!({ "buffer": "b1" });
        let map =
            |handle: &str| call("MapBufferHandle", CLIENT, json!({ "handle": handle }), "NOERROR");
        let shared = call("IsSharedBuffer", SERVER, of.clone(), "NOERROR");
        [
            super::steps::client_configuration(),
            bare("GetConfiguration", SERVER, "NOERROR"),
            with(shared, "tells", "TRUE"),
            with(call("GetBufferHandle", CLIENT, of, "NOERROR"), "as", &*handle),
            map(&handle),
            map("h1"),
            sees(1, "VD_E_TIMEOUT"),
        ]
    };
    let mut given = json!({ "phase": "Active", "buffers": ["b1"] });
    given["commands"] = json!([{ "as": "c1", "code": "Write", "device": 1, "buffer": "b1",
        "size": 65536, "at": "delivered" }]);
    story(
        "counts/asked-again",
        "Configuration, handles of a buffer and whether it is shared, asked five times",
        &[
            "client.get-configuration.status",
            "server.get-configuration.status",
            "server.is-shared-buffer.answer",
            "client.get-buffer-handle.status",
            "client.map-buffer-handle.status",
        ],
    )
    .given(given)
    .steps((1..=5).flat_map(round))
}

/// The end of a device is told as often as it is asked for.
fn ends_again() -> Story {
    let again = || {
        let expect = json!({ "get-command-after-close-seen=close-error": "VD_E_CLOSE",
            "get-command-after-close-seen=protocol-error": "VD_E_PROTOCOL" });
        call("GetCommand", "cdev1", json!({ "timeout": 0 }), expect)
    };
    story(
        "counts/end-told-again",
        "Of two devices the first is closed: GetCommand says so five times",
        &["client.get-command.close", "client.get-command.close-again"],
    )
    .given(json!({ "phase": "Active", "devices": 2 }))
    .steps([close_device(1), sees(1, "VD_E_CLOSE")])
    .steps((0..4).map(|_| again()))
}
