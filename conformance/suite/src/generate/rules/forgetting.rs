//! What a call that is refused, an abort and a Close leave behind, and what not.

use serde_json::{Value, json};

use super::steps::{
    BUFFER, CLIENT, SERVER, agent_returns, bare, begin, call, client_configuration, create, end,
    exchange, flush, open, request, with,
};
use super::story::{Story, story};

pub(super) fn stories() -> Vec<Story> {
    vec![
        unknown_names(),
        surplus_device(),
        created_again(),
        created_again_larger(),
        aborted_and_created_again(),
        begin_again(),
        closed_devices(),
        refused_completions(),
        opened_too_early(CLIENT),
        opened_too_early(SERVER),
        granted_before(true),
        granted_before(false),
        closed_late(),
        devices_of_a_set_before(),
        closed_in_error(),
        refused_to_a_secondary(),
        closes_beside_another(),
        short_of_memory(),
    ]
}

fn opens(on: &str, name: &str, handle: &str) -> Value {
    with(call("OpenDevice", on, json!({ "name": name }), "NOERROR"), "as", handle)
}

/// Names that are unknown take no device.
fn unknown_names() -> Story {
    let unknown = |name| call("OpenDevice", CLIENT, json!({ "name": name }), "VD_E_INVALID");
    let twice = |name| call("OpenDevice", CLIENT, json!({ "name": name }), "VD_E_PROTOCOL");
    story(
        "forgetting/unknown-device",
        "OpenDevice by names that are unknown, or twice by one, takes no device",
        &["client.open-device.unknown", "client.open-device.twice", "client.open-device.status"],
    )
    .given(json!({ "phase": "Initializing", "devices": 3, "serverOpened": 3 }))
    .steps(["A", "B", "C"].map(unknown))
    .steps([opens(CLIENT, "S3", "cdev3"), twice("S3"), unknown("D"), opens(CLIENT, "S", "cdev1")])
    .steps([twice("S"), twice("S3"), unknown("E"), opens(CLIENT, "S2", "cdev2")])
}

/// The server may ask for one device too many, as often as it likes.
fn surplus_device() -> Story {
    let surplus = || {
        let expect = json!({ "server-open-device-surplus=open-error": "VD_E_OPEN",
            "server-open-device-surplus=protocol-error": "VD_E_PROTOCOL" });
        call("OpenDevice", SERVER, json!({ "name": "S9" }), expect)
    };
    story(
        "forgetting/surplus-device",
        "Devices that the server opens in vain leave the others as they are",
        &["server.open-device.surplus", "agent.callback"],
    )
    .given(json!({ "phase": "Active", "devices": 2 }))
    .steps([surplus(), surplus(), surplus()])
    .steps(exchange(1, "c1", flush(), json!({})))
    .steps(exchange(2, "c2", flush(), json!({})))
}

/// What a client is told of its third set is what it asked for then.
fn created_again() -> Story {
    let made = |name: &str, devices: u32| {
        let config = json!({ "deviceCount": devices, "prefixZoneSize": 512 * devices });
        create(name, config, "NOERROR")
    };
    let close = || bare("Close", CLIENT, "NOERROR");
    story(
        "forgetting/created-again",
        "A client creates three sets, one after the other: the first two are gone",
        &[
            "client.create.status",
            "client.close.status",
            "server.open.no-set",
            "server.open.status",
        ],
    )
    .steps([made("S", 3), close(), made("T", 2), close(), made("U", 1)])
    .steps(["S", "T"].map(|name| open(name, "VD_E_INVALID")))
    .step(open("U", "NOERROR"))
    .step(bare("GetConfiguration", SERVER, "NOERROR"))
    .steps([begin(512, 0, BUFFER), end(), client_configuration()])
}

/// The same name, with more devices, is a new set.
fn created_again_larger() -> Story {
    let made = |devices: u32, features: &[&str]| {
        create("S", json!({ "deviceCount": devices, "features": features }), "NOERROR")
    };
    let close = || bare("Close", CLIENT, "NOERROR");
    story(
        "forgetting/created-again-larger",
        "A set is created twice by the same name: of the first no number of devices is left",
        &["client.create.status", "server.open-device.status", "client.open-device.status"],
    )
    .steps([made(1, &["RandomAccess"]), close(), made(2, &[]), open("S", "NOERROR")])
    .steps([begin(512, 0, BUFFER), end(), client_configuration()])
    .steps([opens(SERVER, "S", "sdev1"), opens(SERVER, "S2", "sdev2")])
    .steps([opens(CLIENT, "S2", "cdev2"), opens(CLIENT, "S", "cdev1")])
}

/// An abort ends with the set.
fn aborted_and_created_again() -> Story {
    story(
        "forgetting/aborted-and-created-again",
        "A client aborts and closes its set: the next one by the same name is not aborted",
        &["client.create.status", "server.open.status", "client.get-configuration.status"],
    )
    .steps([create("S", json!({ "deviceCount": 1 }), "NOERROR")])
    .steps([bare("SignalAbort", CLIENT, "NOERROR"), bare("Close", CLIENT, "NOERROR")])
    .steps([create("S", json!({ "deviceCount": 1 }), "NOERROR"), open("S", "NOERROR")])
    .steps([begin(512, 0, BUFFER), end(), client_configuration()])
}

/// A second BeginConfiguration changes nothing.
fn begin_again() -> Story {
    let again = |block: u32, transfer: u32| {
        let args =
            json!({ "features": ["WriteMedia"], "blockSize": block, "maxTransferSize": transfer });
        call("BeginConfiguration", SERVER, args, "VD_E_PROTOCOL")
    };
    story(
        "forgetting/begin-again",
        "BeginConfiguration that is refused, twice while configuring and once after, changes nothing",
        &["server.begin-configuration.phase", "client.get-configuration.status"],
    )
    .given(json!({ "phase": "Configurable" }))
    .steps([again(1024, BUFFER), again(4096, 2 * BUFFER), request(4096, 0, 2), end()])
    .steps([again(65536, 4 * BUFFER), client_configuration(), client_configuration()])
}

/// A device that is closed stays so, and takes none of the others with it.
fn closed_devices() -> Story {
    let again = || {
        let expect = json!({ "close-device-twice-while-active=close-error": "VD_E_CLOSE",
            "close-device-twice-while-active=noerror": "NOERROR" });
        call("CloseDevice", "sdev2", json!({}), expect)
    };
    let refused = with(call("SendCommand", "sdev2", flush(), "VD_E_PROTOCOL"), "as", "late");
    let told = json!({ "await": "callback", "lane": "server.main", "of": "late",
        "completion": "ERROR_INVALID_HANDLE" });
    story(
        "forgetting/closed-device",
        "Of three devices the second is closed, twice: the others go on",
        &["server.close-device.again", "server.send-command.phase", "agent.callback"],
    )
    .given(json!({ "phase": "Active", "devices": 3 }))
    .steps([bare("CloseDevice", "sdev2", "NOERROR"), again(), refused, told])
    .steps(exchange(3, "c3", flush(), json!({})))
    .steps(exchange(1, "c1", flush(), json!({})))
    .step(again())
}

/// A completion that is refused completes nothing.
fn refused_completions() -> Story {
    let wrong = |device: u32, name: &str| {
        let args = json!({ "command": name, "code": "ERROR_SUCCESS", "bytes": 0 });
        call("CompleteCommand", &format!("cdev{device}"), args, "VD_E_INVALID")
    };
    let mut given = json!({ "phase": "Active", "devices": 3 });
    given["commands"] = json!([
        { "as": "c1", "code": "Flush", "device": 1, "at": "delivered" },
        { "as": "c2", "code": "Flush", "device": 2, "at": "delivered" },
        { "as": "c3", "code": "Flush", "device": 3, "at": "delivered" },
    ]);
    story(
        "forgetting/refused-completion",
        "Commands completed on other devices are not completed: an abort calls each of them back",
        &["client.complete-command.inactive", "abort.callbacks"],
    )
    .given(given)
    .steps([wrong(1, "c3"), wrong(2, "c1"), wrong(3, "c2"), wrong(2, "c3")])
    .step(bare("SignalAbort", SERVER, "NOERROR"))
    .steps(["c1", "c2", "c3"].map(
        |name| json!({ "await": "callback", "of": name, "completion": "ERROR_OPERATION_ABORTED" }),
    ))
    .step(agent_returns())
}

/// An OpenDevice that comes too early names no device.
fn opened_too_early(who: &str) -> Story {
    let early = |on: &str| call("OpenDevice", on, json!({ "name": "Early" }), "VD_E_PROTOCOL");
    let side = if who == CLIENT { "client" } else { "server" };
    story(
        &format!("forgetting/{side}-device-too-early"),
        &format!("OpenDevice of the {side} that is refused before the configuration takes no name"),
        &[
            if who == CLIENT { "client.open-device.phase" } else { "server.open-device.phase" },
            "client.open-device.status",
            "server.open-device.status",
        ],
    )
    .given(json!({ "phase": "Connected", "devices": 2 }))
    .steps([early(who), begin(512, 0, BUFFER), early(who), end(), client_configuration()])
    .steps([opens(SERVER, "S", "sdev1"), opens(SERVER, "S2", "sdev2")])
    .steps([opens(CLIENT, "S2", "cdev2"), opens(CLIENT, "S", "cdev1")])
}

/// What a server granted a set is no feature of the next one.
fn granted_before(same_name: bool) -> Story {
    let asks = |name: &str, features: &[&str]| {
        create(name, json!({ "deviceCount": 1, "features": features }), "NOERROR")
    };
    let grants = |features: &[&str], on: &str| {
        let args = json!({ "features": features, "blockSize": 512, "maxTransferSize": BUFFER });
        call("BeginConfiguration", on, args, "NOERROR")
    };
    let ends = |on: &str| bare("EndConfiguration", on, "NOERROR");
    let (next, how, which) =
        if same_name { ("S", "same-name", "the same") } else { ("T", "another-name", "another") };
    story(
        &format!("forgetting/granted-before-by-{how}"),
        &format!("A set has more features than the next one by {which} name, which has its own"),
        &["client.get-configuration.features", "client.get-configuration.status"],
    )
    .interfaces(json!({ "sset2": "server" }))
    .steps([asks("S", &["RandomAccess", "RequestComplete"]), open("S", "NOERROR")])
    .step(grants(&["WriteMedia", "ReadMedia", "CompleteEnabled"], SERVER))
    .steps([ends(SERVER), client_configuration()])
    .steps([bare("SignalAbort", SERVER, "NOERROR"), bare("Close", SERVER, "NOERROR")])
    .steps([bare("Close", CLIENT, "NOERROR"), asks(next, &[])])
    .step(call("Open", "sset2", json!({ "name": next }), "NOERROR"))
    .steps([grants(&["WriteMedia"], "sset2"), ends("sset2"), client_configuration()])
}

/// Who leaves the first set last takes nothing of the second.
fn closed_late() -> Story {
    story(
        "forgetting/closed-late",
        "A client makes a second set of the same name before the server has closed the first",
        &["server.close.status", "server.open.status", "client.create.status"],
    )
    .interfaces(json!({ "sset2": "server" }))
    .given(json!({ "phase": "NormallyTerminated" }))
    .steps([bare("Close", CLIENT, "NOERROR"), create("S", json!({ "deviceCount": 1 }), "NOERROR")])
    .step(bare("Close", SERVER, "NOERROR"))
    .step(call("Open", "sset2", json!({ "name": "S" }), "NOERROR"))
}

/// The client's devices of a set that it has closed are gone for good.
fn devices_of_a_set_before() -> Story {
    story(
        "forgetting/devices-of-a-set-before",
        "A client has closed a set and makes another: the devices of the first stay gone",
        &["client.close.releases", "client.close.use-after", "client.create.status"],
    )
    .given(json!({ "phase": "NormallyTerminated", "devices": 2 }))
    .steps([bare("Close", CLIENT, "NOERROR"), create("T", json!({ "deviceCount": 2 }), "NOERROR")])
    .steps(
        ["cdev1", "cdev2"]
            .map(|device| json!({ "touch": device, "lane": "primary.main", "found": "gone" })),
    )
}

/// A device that was closed in its error state is closed.
fn closed_in_error() -> Story {
    let fails = json!({ "command": "c1", "code": "ERROR_WRITE_FAULT", "bytes": 0 });
    let refused = with(call("SendCommand", "sdev1", flush(), "VD_E_PROTOCOL"), "as", "late");
    let told = json!({ "await": "callback", "lane": "server.main", "of": "late",
        "completion": "ERROR_INVALID_HANDLE" });
    story(
        "forgetting/closed-in-error",
        "A device is closed while it is in the error state, and sent to: it is closed, not in error",
        &["server.send-command.phase", "server.order", "agent.callback"],
    )
    .given(json!({ "phase": "Active", "devices": 2,
        "commands": [{ "as": "c1", "code": "Flush", "at": "delivered" }] }))
    .step(call("CompleteCommand", "cdev1", fails, "NOERROR"))
    .step(json!({ "await": "callback", "of": "c1", "completion": "ERROR_WRITE_FAULT" }))
    .steps([bare("CloseDevice", "sdev1", "NOERROR"), refused, told])
    .steps(exchange(2, "c2", flush(), json!({})))
}

/// A device that a secondary client was refused is none of its own.
fn refused_to_a_secondary() -> Story {
    let refused = call("OpenDevice", "x1set", json!({ "name": "S" }), "VD_E_PROTOCOL");
    story(
        "forgetting/device-refused-to-a-secondary",
        "A secondary client is refused a device that the primary has, and closes: the set goes on",
        &["client.open-device.twice", "client.close.secondary", "client.order"],
    )
    .given(json!({ "phase": "Initializing", "devices": 2, "serverOpened": 2, "clientOpened": 1,
        "secondaries": 1 }))
    .steps([refused, bare("Close", "x1set", "NOERROR")])
    .step(with(opens(CLIENT, "S2", "cdev2"), "when", "secondary-close=harmless"))
}

/// What a secondary client has mapped stays when another closes.
fn closes_beside_another() -> Story {
    let maps = |on: &str| call("MapBufferHandle", on, json!({ "handle": "h1" }), "NOERROR");
    let gives = call("GetBufferHandle", CLIENT, json!({ "buffer": "b1" }), "NOERROR");
    let touches = json!({ "touch": "b1", "lane": "secondary2.main", "found": "alive" });
    let when = |step| with(step, "when", "secondary-close=harmless");
    story(
        "forgetting/mapped-by-another-secondary",
        "Two secondary clients have mapped a buffer, and one closes: the other has it still",
        &["client.map-buffer-handle.status", "client.close.secondary"],
    )
    .given(json!({ "phase": "Active", "secondaries": 2, "buffers": ["b1"], "commands": [
        { "as": "c1", "code": "Write", "buffer": "b1", "size": BUFFER, "at": "delivered" }] }))
    .steps([with(gives, "as", "h1"), maps("x1set"), maps("x2set")])
    .steps([bare("Close", "x1set", "NOERROR"), touches].map(when))
}

/// An EndConfiguration that fails configures nothing, and wakes nobody.
fn short_of_memory() -> Story {
    let asked = json!({ "size": 1_u32 << 31, "count": 1 << 20 });
    let waits = json!({ "start": "GetConfiguration", "lane": "primary.main", "on": CLIENT,
        "args": { "timeout": "infinite" } });
    story(
        "forgetting/short-of-memory",
        "EndConfiguration is short of memory while the client waits in GetConfiguration: it waits on",
        &["server.end-configuration.memory"],
    )
    .given(json!({ "phase": "Configurable" }))
    .step(call("RequestBuffers", SERVER, asked, json!(["NOERROR", "VD_E_MEMORY"])))
    .steps([waits, bare("EndConfiguration", SERVER, json!(["VD_E_MEMORY", "NOERROR"]))])
    .step(json!({ "blocked": ["primary.main"] }))
}
