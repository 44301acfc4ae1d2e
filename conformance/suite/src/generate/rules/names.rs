//! Names: of sets, of instances, of devices. Any character but the backslash is part of
//! one, and nothing but the same name is the same name.

use serde_json::{Value, json};

use super::steps::{
    BUFFER, CLIENT, SERVER, begin, call, called_back, client_configuration, complete, create, end,
    exchange, flush, get, open, send, with,
};
use super::story::{Story, story};

/// A name, what it is for its scenario, and names that are nearly it.
const NEARLY: &[(&str, &str, &[&str])] = &[
    ("case", "Backup-One", &["backup-one", "BACKUP-ONE", "Backup-one", "bACKUP-oNE", "backup-One"]),
    (
        "part",
        "Backup-One",
        &["Backup", "Backup-On", "Backup-One1", "Backup-One-", "One", "XBackup-One", "B"],
    ),
    (
        "blanks",
        "Backup One",
        &["BackupOne", " Backup One", "Backup One ", "Backup  One", "Backup\tOne", "Backup_One"],
    ),
    ("outer-blanks", " S ", &["S", " S", "S ", "  S  ", "_S_"]),
    (
        "first-32",
        "12345678901234567890123456789012-A",
        &[
            "12345678901234567890123456789012-B",
            "12345678901234567890123456789012",
            "12345678901234567890123456789012-",
            "12345678901234567890123456789012-AA",
        ],
    ),
    (
        "first-64",
        "1234567890123456789012345678901234567890123456789012345678901234-A",
        &[
            "1234567890123456789012345678901234567890123456789012345678901234-B",
            "1234567890123456789012345678901234567890123456789012345678901234",
            "1234567890123456789012345678901234567890123456789012345678901234-AB",
        ],
    ),
    ("beyond-ascii", "Sé", &["S", "Se", "SÉ", "S?", "Sê", "Se\u{301}", "S\u{fffd}", "SÃ©"]),
    ("beyond-16-bits", "S💾", &["S", "S💿", "S?", "S??", "S\u{fffd}"]),
    ("global", "Global/S", &["S", "Local/S", "/S", "Global", "Global/", "global/S", "GlobalS"]),
    ("slashes", "a/b", &["b", "a", "a//b", "/a/b", "a_b", "a%2Fb", "ab"]),
    ("punctuation", "a:b*c?.\"<>|'%", &["a", "a:b", "abc", "a_b_c__", "a:b*c?.\"<>|'", "a:b*c?."]),
    ("dots", "..", &[".", "...", "../", "S"]),
    ("percent", "a%5Cb", &["a%5cb", "a", "ab", "a%255Cb"]),
    ("digits", "1", &["01", "1.0", "10", "+1", " 1"]),
    ("line-ends", "S\nT", &["S", "T", "ST", "S T", "S\r\nT", "S\n", "S\nt"]),
    ("guid", "{A0B1C2D3-0001}", &["A0B1C2D3-0001", "{a0b1c2d3-0001}", "{A0B1C2D3-0002}"]),
];

/// With a backslash in it: at its beginning, within, at its end, alone.
const WITH_A_BACKSLASH: &[&str] =
    &["\\S", "S\\", "a\\b", "\\", "Global\\S", "\\\\S", "a\\b\\c", "é\\"];

pub(super) fn stories() -> Vec<Story> {
    let mut all: Vec<Story> = NEARLY.iter().map(nearly).collect();
    all.push(backslashes());
    all.extend([
        instances_refused(),
        other_instance(),
        default_instance(),
        instance_of_secondary(),
    ]);
    all.extend(NEARLY.iter().take(3).map(nearly_an_instance));
    all.extend(NEARLY.iter().filter(|(_, _, near)| near.len() > 4).map(devices));
    all.extend([first_to_last(), last_to_first(), second_to_be_named()]);
    all.extend(client_first());
    all
}

/// A set is found by its name and by no other.
fn nearly(row: &(&str, &str, &[&str])) -> Story {
    let (what, name, near) = *row;
    story(
        &format!("names/set-{what}"),
        &format!("A set named {name:?} is found by that name only"),
        &["client.create.status", "server.open.status", "server.open.no-set"],
    )
    .step(create(name, json!({ "deviceCount": 1 }), "NOERROR"))
    .steps(near.iter().map(|other| open(other, "VD_E_INVALID")))
    .step(open(name, "NOERROR"))
    .steps([begin(512, 0, BUFFER), end(), client_configuration()])
    .step(with(call("OpenDevice", SERVER, json!({ "name": name }), "NOERROR"), "as", "sdev1"))
    .step(with(call("OpenDevice", CLIENT, json!({ "name": name }), "NOERROR"), "as", "cdev1"))
}

/// No set has a backslash in its name.
fn backslashes() -> Story {
    let refused = |name: &&str| {
        [create(name, json!({ "deviceCount": 1 }), "VD_E_IO_ERROR"), open(name, "VD_E_INVALID")]
    };
    story(
        "names/set-with-a-backslash",
        "Wherever a backslash is in the name of a set, Create refuses it and leaves no set",
        &["client.create.name-refused", "server.open.no-set", "client.create.status"],
    )
    .steps(WITH_A_BACKSLASH.iter().flat_map(refused))
    .step(create("S", json!({ "deviceCount": 1 }), "NOERROR"))
    .step(open("S", "NOERROR"))
}

fn of_instance(mut step: Value, instance: &str) -> Value {
    step["args"]["instance"] = instance.into();
    step
}

fn instances_refused() -> Story {
    let create = || create("S", json!({ "deviceCount": 1 }), "VD_E_INSTANCE_NAME");
    story(
        "names/instance-with-a-backslash",
        "Wherever a backslash is in the name of an instance, CreateEx refuses it and leaves no set",
        &["client.create.instance", "server.open.no-set"],
    )
    .steps(WITH_A_BACKSLASH.iter().map(|name| of_instance(create(), name)))
    .step(open("S", "VD_E_INVALID"))
}

/// A set that was made for one instance is not found from another.
fn other_instance() -> Story {
    let sought = ["B", "a", "A ", "AA", "S"];
    story(
        "names/instance-another",
        "A set made for the instance A is opened for that instance and for no other",
        &["client.create.status", "server.open.status", "server.open.no-set"],
    )
    .step(of_instance(create("S", json!({ "deviceCount": 1 }), "NOERROR"), "A"))
    .step(open("S", "VD_E_INVALID"))
    .steps(sought.iter().map(|instance| of_instance(open("S", "VD_E_INVALID"), instance)))
    .step(of_instance(open("A", "VD_E_INVALID"), "S"))
    .step(of_instance(open("S", "NOERROR"), "A"))
    .steps([begin(512, 0, BUFFER), end(), client_configuration()])
    .step(with(call("OpenDevice", SERVER, json!({ "name": "S" }), "NOERROR"), "as", "sdev1"))
    .step(with(call("OpenDevice", CLIENT, json!({ "name": "S" }), "NOERROR"), "as", "cdev1"))
}

/// A set is found by the name of its instance, and by no other.
fn nearly_an_instance(row: &(&str, &str, &[&str])) -> Story {
    let (what, instance, near) = *row;
    story(
        &format!("names/instance-{what}"),
        &format!("A set made for the instance {instance:?} is opened for that instance only"),
        &["client.create.status", "server.open.status", "server.open.no-set"],
    )
    .step(of_instance(create("S", json!({ "deviceCount": 1 }), "NOERROR"), instance))
    .steps(near.iter().map(|other| of_instance(open("S", "VD_E_INVALID"), other)))
    .step(of_instance(open("S", "NOERROR"), instance))
}

fn default_instance() -> Story {
    story(
        "names/instance-default",
        "A set made for the default instance is not opened for one with a name",
        &["client.create.status", "server.open.status", "server.open.no-set"],
    )
    .step(create("S", json!({ "deviceCount": 1 }), "NOERROR"))
    .steps(["A", "S"].iter().map(|instance| of_instance(open("S", "VD_E_INVALID"), instance)))
    .step(open("S", "NOERROR"))
}

fn instance_of_secondary() -> Story {
    let join = |expect: &str| call("OpenInSecondaryEx", "x1set", json!({ "name": "S" }), expect);
    story(
        "names/instance-of-a-secondary",
        "A secondary client finds a set by its instance too",
        &["client.open-in-secondary.not-created", "client.open-in-secondary.status"],
    )
    .step(of_instance(create("S", json!({ "deviceCount": 1 }), "NOERROR"), "A"))
    .step(of_instance(open("S", "NOERROR"), "A"))
    .steps([begin(512, 0, BUFFER), end(), client_configuration()])
    .step(join("VD_E_PROTOCOL"))
    .step(of_instance(join("VD_E_PROTOCOL"), "B"))
    .step(of_instance(join("NOERROR"), "A"))
}

fn opens(on: &str, letter: &str, name: &str, handle: u32) -> Value {
    let opened = call("OpenDevice", on, json!({ "name": name }), "NOERROR");
    with(opened, "as", format!("{letter}dev{handle}"))
}

/// A device is found by its name and by no other.
fn devices(row: &(&str, &str, &[&str])) -> Story {
    let (what, name, near) = *row;
    let unknown =
        |other: &&str| call("OpenDevice", CLIENT, json!({ "name": other }), "VD_E_INVALID");
    // No name at all is none that there is, either.
    let near = near.iter().copied().filter(|other| *other != "S");
    let near: Vec<&str> = near.chain([""]).collect();
    story(
        &format!("names/device-{what}"),
        &format!("A device named {name:?} is found by that name only"),
        &["client.open-device.status", "client.open-device.unknown"],
    )
    .given(json!({ "phase": "Initializing", "devices": 2 }))
    .step(opens(SERVER, "s", "S", 1))
    .step(opens(SERVER, "s", name, 2))
    .steps(near.iter().map(unknown))
    .step(opens(CLIENT, "c", name, 2))
    .steps(near.iter().map(unknown))
    .step(opens(CLIENT, "c", "S", 1))
}

/// Three devices with names of their own; each device of the server is the client's of the
/// same name, in whatever order they are opened.
const THREE: [&str; 3] = ["S", "Tape-B", "Tape-C"];

fn start_agent() -> Value {
    json!({ "start": "ExecuteCompletionAgent", "lane": "server.agent", "on": SERVER })
}

/// A command on each device is delivered on the device of that name, and nowhere else.
fn told_apart() -> Vec<Value> {
    let each = [3, 1, 2];
    let nothing = |device: u32| {
        call("GetCommand", &format!("cdev{device}"), json!({ "timeout": 0 }), "VD_E_TIMEOUT")
    };
    let mut steps = vec![send(3, "only", flush()), nothing(1), nothing(2), get(3, "only")];
    steps.extend([complete(3, "only", "ERROR_SUCCESS", json!({}))]);
    steps.push(called_back("only", "ERROR_SUCCESS"));
    steps.extend(each.iter().map(|device| send(*device, &format!("c{device}"), flush())));
    steps.extend([2, 3, 1].iter().map(|device| get(*device, &format!("c{device}"))));
    steps
}

fn in_order(what: &str, title: &str, server: [u32; 3], client: [u32; 3]) -> Story {
    let name = |device: &u32| THREE[*device as usize - 1];
    story(
        &format!("names/order-{what}"),
        title,
        &["server.open-device.status", "client.open-device.status", "client.get-command.delivers"],
    )
    .given(json!({ "phase": "Initializing", "devices": 3 }))
    .step(start_agent())
    .steps(server.iter().map(|device| opens(SERVER, "s", name(device), *device)))
    .steps(client.iter().map(|device| opens(CLIENT, "c", name(device), *device)))
    .steps(told_apart())
}

fn first_to_last() -> Story {
    let title = "Devices by their names, on both sides from the first to the last";
    in_order("first-to-last", title, [1, 2, 3], [1, 2, 3])
}

fn last_to_first() -> Story {
    let title = "Devices by their names, on the client's side from the last to the first";
    in_order("last-to-first", title, [1, 2, 3], [3, 2, 1])
}

/// The client opens before the server; it is the first to say how the others are called. What
/// the server then opens: names, and the devices that they stand for.
fn clients_choose(what: &str, title: &str, server: [(&str, u32); 3]) -> Story {
    story(
        &format!("names/order-client-first{what}"),
        title,
        &["server.open-device.status", "client.open-device.status", "client.get-command.delivers"],
    )
    .given(json!({ "phase": "Initializing", "devices": 3 }))
    .step(start_agent())
    .steps(
        [2, 1, 3].map(|device| {
            with(opens(CLIENT, "c", THREE[device as usize - 1], device), "when", FIRST)
        }),
    )
    .steps(server.map(|(name, device)| with(opens(SERVER, "s", name, device), "when", FIRST)))
    .steps(told_apart().into_iter().map(|step| with(step, "when", FIRST)))
}

fn client_first() -> [Story; 3] {
    let by_name = |order: [u32; 3]| order.map(|device| (THREE[device as usize - 1], device));
    [
        clients_choose(
            "",
            "The client opens its devices first, and the server then opens them by the same names",
            by_name([1, 2, 3]),
        ),
        clients_choose(
            "-crosswise",
            "The client opens its devices first, and the server then the last of them first",
            by_name([3, 1, 2]),
        ),
        // The first bears the set's name; the client was the first to open the second.
        clients_choose(
            "-unknown-names",
            "A name that the server does not share with the client stands for the next device",
            [("Other-A", 1), ("Other-B", 2), ("Other-C", 3)],
        ),
    ]
}

/// That the client opens first is contested.
const FIRST: &str = "client-opens-first=accepted";

/// The second device bears the name that it was given, when the third has none yet.
fn second_to_be_named() -> Story {
    let exchange = exchange(2, "c1", flush(), json!({}));
    story(
        "names/order-third-is-missing",
        "A device that only the client lacks keeps the set from being active",
        &["server.send-command.phase", "client.open-device.status", "server.send-command.status"],
    )
    .given(json!({ "phase": "Initializing", "devices": 3 }))
    .step(start_agent())
    .steps([1, 2, 3].map(|device| opens(SERVER, "s", THREE[device as usize - 1], device)))
    .steps([3, 2].map(|device| opens(CLIENT, "c", THREE[device as usize - 1], device)))
    .step(with(
        with(call("SendCommand", "sdev3", flush(), "VD_E_PROTOCOL"), "as", "early"),
        "when",
        "active-entry=all-open-and-agent",
    ))
    .step(with(
        json!({ "await": "callback", "lane": "server.main", "of": "early",
            "completion": "ERROR_INVALID_HANDLE" }),
        "when",
        "active-entry=all-open-and-agent",
    ))
    .step(opens(CLIENT, "c", THREE[0], 1))
    .steps(exchange)
}
