//! What a completion routine is told: codes, bytes, positions; and what becomes of commands
//! when one of them fails.

use serde_json::{Value, json};
use vdi_spec::codes::CommandCode as C;

use super::steps::{
    BUFFER, agent_returns, allocate, bare, begin, call, called_back, client_configuration,
    complete, end, exchange, flush, get, request, send, with,
};
use super::story::{Story, story};

/// Codes of errors that no document names, with one that 16 bits, or a sign, would make
/// another of.
const UNKNOWN: &[u32] =
    &[1, 2, 31, 255, 999, 1001, 2000, 65536, 65536 + 1117, (1 << 31) - 1, 1 << 31, u32::MAX];

/// Codes that the documents name, but for success and the two for which more follows.
const NAMED: &[&str] = &[
    "ERROR_INVALID_HANDLE",
    "ERROR_ARENA_TRASHED",
    "ERROR_WRITE_FAULT",
    "ERROR_READ_FAULT",
    "ERROR_HANDLE_EOF",
    "ERROR_HANDLE_DISK_FULL",
    "ERROR_OPERATION_ABORTED",
    "ERROR_END_OF_MEDIA",
    "ERROR_FILEMARK_DETECTED",
    "ERROR_NO_DATA_DETECTED",
    "ERROR_IO_DEVICE",
    "ERROR_NO_SYSTEM_RESOURCES",
];

/// Numbers just below and above those of the codes that the documents name.
const BESIDE: &[(&str, &[u32])] = &[
    ("1-to-39", &[5, 8, 28, 31, 37, 40]),
    ("49-to-113", &[49, 51, 111, 113]),
    ("994-to-1105", &[994, 996, 1099, 1102, 1103, 1105]),
    ("1116-to-1451", &[1116, 1118, 1128, 1130, 1449, 1451]),
];

/// Counts of SkipBlocks and SkipMarks, with a sign.
const COUNTS: &[i64] = &[1, 0, -1, -5, 65537, -65537, (1 << 31) - 1, -(1 << 31)];

pub(super) const TAPE: [&str; 6] =
    ["Removable", "Rewind", "Position", "SkipBlocks", "ReversePosition", "FileMarks"];

pub(super) fn stories() -> Vec<Story> {
    let mut all: Vec<Story> =
        UNKNOWN.iter().map(|code| error(&code.to_string(), (*code).into())).collect();
    all.extend(NAMED.iter().map(|code| {
        let name = code.to_lowercase().replace('_', "-");
        error(name.trim_start_matches("error-"), (*code).into())
    }));
    all.extend([bytes_of_writes(), bytes_of_failed_writes(), bytes_as_given()]);
    all.extend([skipped("SkipBlocks"), skipped("SkipMarks")]);
    all.extend([1, 2, 3].map(flushed));
    all.extend([held_at_the_error(), two_errors(), two_times_cleared(), refused_several()]);
    all.extend([other_devices(), closed_before_cleared()]);
    all.extend([aborted(1), aborted(3)]);
    all.extend(kinds());
    all.extend(refused_each());
    all.extend(outlasts_each());
    all.extend(BESIDE.iter().map(beside_known));
    all
}

/// ClearError is sent, delivered and answered.
pub(super) fn cleared(device: u32, name: &str) -> Vec<Value> {
    exchange(device, name, json!({ "code": "ClearError" }), json!({}))
}

/// A command fails with this code, which the callback is told; the device is in its error
/// state, and after ClearError in order.
fn error(name: &str, code: Value) -> Story {
    let refused = with(call("SendCommand", "sdev1", flush(), "VD_E_IO_ERROR"), "as", "refused");
    let told = json!({ "await": "callback", "lane": "server.main", "of": "refused",
        "completion": "ERROR_IO_DEVICE" });
    story(
        &format!("callbacks/error-{name}"),
        &format!("A command that fails with {name} is called back with that code, and is an error"),
        &["agent.callback", "device.error.cleared", "server.send-command.io-error"],
    )
    .given(json!({ "phase": "Active" }))
    .steps([send(1, "c1", flush()), get(1, "c1"), complete(1, "c1", code.clone(), json!({}))])
    .step(called_back("c1", code))
    .steps([refused, told])
    .steps(cleared(1, "clear"))
    .steps(exchange(1, "c2", flush(), json!({})))
}

/// A code is its number, and that of no other: a table with a wrong entry would tell another.
fn beside_known((what, codes): &(&str, &[u32])) -> Story {
    let each = codes.iter().flat_map(|code| {
        let name = format!("c{code}");
        let mut steps = vec![send(1, &name, flush()), get(1, &name)];
        steps.extend([complete(1, &name, *code, json!({})), called_back(&name, *code)]);
        steps.extend(cleared(1, &format!("clear{code}")));
        steps
    });
    story(
        &format!("callbacks/codes-beside-{what}"),
        "Codes whose numbers are next to those of known ones are called back as they are",
        &["agent.callback", "device.error.cleared"],
    )
    .given(json!({ "phase": "Active" }))
    .steps(each)
}

/// An active set with larger transfers, a buffer of each size, and the agent at work.
fn active(features: &[&str], sizes: &[u32]) -> Vec<Value> {
    let mut begun = begin(512, 0, 4 * BUFFER);
    begun["args"]["features"] = features.into();
    let mut steps = vec![begun];
    steps.extend(sizes.iter().map(|size| request(*size, 0, 1)));
    steps.extend([end(), client_configuration()]);
    let named = sizes.iter().enumerate().map(|(index, size)| (format!("b{}", index + 1), *size));
    steps.extend(named.map(|(name, size)| allocate(&name, size, 0)));
    steps.push(json!({ "start": "ExecuteCompletionAgent", "lane": "server.agent", "on": "sset" }));
    let opened = |on| call("OpenDevice", on, json!({ "name": "S" }), "NOERROR");
    steps.push(with(opened("sset"), "as", "sdev1"));
    steps.push(with(opened("cset"), "as", "cdev1"));
    steps
}

/// A Write of a buffer, and what its callback is told.
fn write(number: usize, size: u32, bytes: u32, code: &str) -> Vec<Value> {
    let (command, buffer) = (format!("c{number}"), format!("b{number}"));
    let sent = json!({ "code": "Write", "buffer": buffer, "size": size });
    vec![
        send(1, &command, sent),
        get(1, &command),
        complete(1, &command, code, json!({ "bytes": bytes })),
        with(called_back(&command, code), "bytes", bytes),
    ]
}

fn bytes_of_writes() -> Story {
    let sizes = [512, BUFFER - 512, BUFFER, BUFFER + 512, 4 * BUFFER];
    let each = sizes.iter().enumerate();
    story(
        "callbacks/bytes-of-writes",
        "Writes of several sizes, around 64 KiB and more: each is told all its bytes",
        &["agent.callback", "client.get-command.as-sent"],
    )
    .given(json!({ "phase": "Connected" }))
    .steps(active(&["WriteMedia"], &sizes))
    .steps(each.flat_map(|(index, size)| write(index + 1, *size, *size, "ERROR_SUCCESS")))
}

fn bytes_of_failed_writes() -> Story {
    let moved = [0, 1, 512, BUFFER, 4 * BUFFER - 1];
    let each = moved.iter().enumerate();
    let sizes = [4 * BUFFER; 5];
    story(
        "callbacks/bytes-of-failed-writes",
        "Writes that fail half-way: each is told the bytes that were moved",
        &["agent.callback", "device.error.cleared"],
    )
    .given(json!({ "phase": "Connected" }))
    .steps(active(&["WriteMedia"], &sizes))
    .steps(each.flat_map(|(index, bytes)| {
        let mut steps = write(index + 1, 4 * BUFFER, *bytes, "ERROR_WRITE_FAULT");
        steps.extend(cleared(1, &format!("clear{index}")));
        steps
    }))
}

/// A client may be wrong about its bytes: the library hands on what it says.
fn bytes_as_given() -> Story {
    let given = [0, 1, BUFFER - 1, BUFFER + 1, (1 << 31) - 1, 1 << 31, u32::MAX];
    let each = given.iter().enumerate();
    story(
        "callbacks/bytes-as-given",
        "Writes that succeed, with fewer bytes than were sent, with none and with more: as given",
        &["agent.callback"],
    )
    .given(json!({ "phase": "Connected" }))
    .steps(active(&["WriteMedia"], &[BUFFER; 7]))
    .steps(each.flat_map(|(index, bytes)| write(index + 1, BUFFER, *bytes, "ERROR_SUCCESS")))
}

/// The count has a sign.
fn skipped(code: &str) -> Story {
    let each = COUNTS.iter().enumerate();
    story(
        &format!("callbacks/counts-of-{}", code.to_lowercase()),
        &format!("{code} carries its count, forwards and backwards"),
        &["client.get-command.as-sent"],
    )
    .config(json!({ "features": TAPE }))
    .given(json!({ "phase": "Active" }))
    .steps(each.flat_map(|(index, count)| {
        exchange(1, &format!("c{index}"), json!({ "code": code, "size": count }), json!({}))
    }))
}

/// With so many commands queued behind the one that fails.
fn flushed(queued: u32) -> Story {
    let behind: Vec<String> = (1..=queued).map(|number| format!("q{number}")).collect();
    story(
        &format!("callbacks/error-flushes-{queued}"),
        &format!("A command fails with {queued} queued behind it: all of them fail, none is seen"),
        &["device.error.queue", "device.error.cleared"],
    )
    .given(json!({ "phase": "Active" }))
    .steps([send(1, "c1", flush()), get(1, "c1")])
    .steps(behind.iter().map(|name| send(1, name, flush())))
    .step(complete(1, "c1", "ERROR_WRITE_FAULT", json!({})))
    .step(called_back("c1", "ERROR_WRITE_FAULT"))
    .steps(behind.iter().map(|name| called_back(name, "ERROR_IO_DEVICE")))
    .step(call("GetCommand", "cdev1", json!({ "timeout": 0 }), "VD_E_TIMEOUT"))
    .steps(cleared(1, "clear"))
    .steps(exchange(1, "c2", flush(), json!({})))
}

fn waits() -> Value {
    call("GetCommand", "cdev1", json!({ "timeout": 0 }), "VD_E_TIMEOUT")
}

/// Three of four are still held at the error: ClearError waits for the last of them.
fn held_at_the_error() -> Story {
    let all = ["c1", "c2", "c3", "c4"];
    story(
        "callbacks/clear-error-waits-for-each",
        "ClearError waits until the client has completed the last of three that it held",
        &["device.error.clear-error-waits", "device.error.cleared"],
    )
    .given(json!({ "phase": "Active" }))
    .steps(all.map(|name| send(1, name, flush())))
    .steps(all.map(|name| get(1, name)))
    .step(complete(1, "c2", "ERROR_WRITE_FAULT", json!({})))
    .step(called_back("c2", "ERROR_WRITE_FAULT"))
    .steps([send(1, "clear", json!({ "code": "ClearError" })), waits()])
    .steps(["c4", "c1"].iter().flat_map(|name| {
        let answer = complete(1, name, "ERROR_SUCCESS", json!({}));
        [answer, called_back(name, "ERROR_SUCCESS"), waits()]
    }))
    .steps([complete(1, "c3", "ERROR_SUCCESS", json!({})), called_back("c3", "ERROR_SUCCESS")])
    .steps([get(1, "clear"), complete(1, "clear", "ERROR_SUCCESS", json!({}))])
    .step(called_back("clear", "ERROR_SUCCESS"))
    .steps(exchange(1, "after", flush(), json!({})))
}

/// A second and a third error while the device is in its error state.
fn two_errors() -> Story {
    let all = ["c1", "c2", "c3", "c4"];
    story(
        "callbacks/several-errors",
        "Three of four fail one after the other: ClearError waits for the fourth, and clears all",
        &["device.error.clear-error-waits", "device.error.cleared", "agent.callback"],
    )
    .given(json!({ "phase": "Active" }))
    .steps(all.map(|name| send(1, name, flush())))
    .steps(all.map(|name| get(1, name)))
    .steps(["c1", "c2"].iter().flat_map(|name| {
        let answer = complete(1, name, "ERROR_WRITE_FAULT", json!({}));
        [answer, called_back(name, "ERROR_WRITE_FAULT")]
    }))
    .steps([send(1, "clear", json!({ "code": "ClearError" })), waits()])
    .steps([
        complete(1, "c4", "ERROR_READ_FAULT", json!({})),
        called_back("c4", "ERROR_READ_FAULT"),
    ])
    .step(waits())
    .steps([complete(1, "c3", "ERROR_SUCCESS", json!({})), called_back("c3", "ERROR_SUCCESS")])
    .steps([get(1, "clear"), complete(1, "clear", "ERROR_SUCCESS", json!({}))])
    .step(called_back("clear", "ERROR_SUCCESS"))
    .steps(exchange(1, "after", flush(), json!({})))
}

/// A device that was cleared fails again, and again.
fn two_times_cleared() -> Story {
    let rounds = (1..=4).flat_map(|round| {
        let [name, held, clear] = ["c", "held", "clear"].map(|of| format!("{of}{round}"));
        let mut steps = vec![send(1, &name, flush()), send(1, &held, flush())];
        steps.extend([get(1, &name), get(1, &held)]);
        steps.push(complete(1, &name, "ERROR_WRITE_FAULT", json!({})));
        steps.push(called_back(&name, "ERROR_WRITE_FAULT"));
        steps.extend([send(1, &clear, json!({ "code": "ClearError" })), waits()]);
        steps.push(complete(1, &held, "ERROR_SUCCESS", json!({})));
        steps.extend([called_back(&held, "ERROR_SUCCESS"), get(1, &clear)]);
        steps.push(complete(1, &clear, "ERROR_SUCCESS", json!({})));
        steps.push(called_back(&clear, "ERROR_SUCCESS"));
        steps
    });
    story(
        "callbacks/error-again-and-again",
        "A device fails and is cleared four times, and each time the client holds another command",
        &["device.error.clear-error-waits", "device.error.cleared", "agent.callback"],
    )
    .given(json!({ "phase": "Active" }))
    .steps(rounds)
    .steps(exchange(1, "after", flush(), json!({})))
}

/// Each refusal has its callback, and leaves nothing in the queue.
fn refused_several() -> Story {
    let refused = (1..=3).flat_map(|number| {
        let name = format!("r{number}");
        let told = json!({ "await": "callback", "lane": "server.main", "of": name,
            "completion": "ERROR_IO_DEVICE" });
        [with(call("SendCommand", "sdev1", flush(), "VD_E_IO_ERROR"), "as", name), told]
    });
    story(
        "callbacks/refused-several",
        "Three commands are refused in the error state: each is called back, none is delivered",
        &["server.send-command.io-error", "server.send-command.error-callback"],
    )
    .given(json!({ "phase": "Active" }))
    .steps([send(1, "c1", flush()), get(1, "c1")])
    .step(complete(1, "c1", "ERROR_WRITE_FAULT", json!({})))
    .step(called_back("c1", "ERROR_WRITE_FAULT"))
    .steps(refused)
    .steps([waits()])
    .steps(cleared(1, "clear"))
    .steps([waits()])
}

/// What waits in the queue is not over because it has to wait.
fn closed_before_cleared() -> Story {
    let when = |step| with(step, "when", "deliver-after-close-device=drained");
    let close = bare("CloseDevice", "sdev1", "NOERROR");
    let closed = call("GetCommand", "cdev1", json!({ "timeout": 0 }), "VD_E_CLOSE");
    let mut steps = vec![close, waits(), complete(1, "c2", "ERROR_SUCCESS", json!({}))];
    steps.extend([called_back("c2", "ERROR_SUCCESS"), get(1, "clear")]);
    steps.push(complete(1, "clear", "ERROR_SUCCESS", json!({})));
    steps.extend([called_back("clear", "ERROR_SUCCESS"), closed]);
    let both = "deliver-after-close-device=drained, agent-return=after-last-device";
    let returned = json!({ "await": "return", "lane": "server.agent", "expect": "NOERROR" });
    let ended = with(returned, "when", both);
    story(
        "callbacks/closed-before-cleared",
        "The server closes a device while ClearError waits for the client: it is delivered first",
        &["device.error.clear-error-waits", "client.get-command.close"],
    )
    .given(json!({ "phase": "Active" }))
    .steps(["c1", "c2"].map(|name| send(1, name, flush())))
    .steps(["c1", "c2"].map(|name| get(1, name)))
    .step(complete(1, "c1", "ERROR_WRITE_FAULT", json!({})))
    .step(called_back("c1", "ERROR_WRITE_FAULT"))
    .step(send(1, "clear", json!({ "code": "ClearError" })))
    .steps(steps.into_iter().map(when))
    .step(ended)
}

/// The error of one device is no other's.
fn other_devices() -> Story {
    story(
        "callbacks/error-of-the-last-device",
        "The last of three devices fails: the first two go on, queued commands included",
        &["device.independent", "device.error.queue"],
    )
    .given(json!({ "phase": "Active", "devices": 3 }))
    .steps(
        [(1, "a1"), (2, "b1"), (3, "e1"), (3, "e2"), (2, "b2")]
            .map(|(device, name)| send(device, name, flush())),
    )
    .steps([get(3, "e1"), complete(3, "e1", "ERROR_WRITE_FAULT", json!({}))])
    .steps([called_back("e1", "ERROR_WRITE_FAULT"), called_back("e2", "ERROR_IO_DEVICE")])
    .steps([(1, "a1"), (2, "b1"), (2, "b2")].iter().flat_map(|(device, name)| {
        let answer = complete(*device, name, "ERROR_SUCCESS", json!({}));
        [get(*device, name), answer, called_back(name, "ERROR_SUCCESS")]
    }))
    .steps(exchange(1, "a2", flush(), json!({})))
    .steps(exchange(2, "b3", flush(), json!({})))
    .steps(cleared(3, "clear"))
    .steps(exchange(3, "e3", flush(), json!({})))
}

/// An abort with four commands on each of so many devices, two of which are delivered.
fn aborted(devices: u32) -> Story {
    let names = |device: u32| (1..=4).map(move |number| format!("d{device}c{number}"));
    let each =
        || (1..=devices).flat_map(move |device| names(device).map(move |name| (device, name)));
    let of =
        if devices == 1 { "one device".to_owned() } else { format!("each of {devices} devices") };
    story(
        &format!("callbacks/aborted-{devices}"),
        &format!("An abort with four commands on {of}: each is called back once"),
        &["abort.callbacks", "abort.agent-returns"],
    )
    .given(json!({ "phase": "Active", "devices": devices }))
    .steps(each().map(|(device, name)| send(device, &name, flush())))
    .steps(
        (1..=devices).flat_map(|device| names(device).take(2).map(move |name| get(device, &name))),
    )
    .step(bare("SignalAbort", "cset", "NOERROR"))
    .steps(each().map(|(_, name)| called_back(&name, "ERROR_OPERATION_ABORTED")))
    .step(agent_returns())
}

/// A kind of device, its features, and the commands that it has besides those of all.
pub(super) type Kind = (&'static str, &'static [&'static str], &'static [&'static str]);

/// Commands: which each kind of device supports.
pub(super) const KINDS: &[Kind] = &[
    ("pipe", &[], &[]),
    ("pipe-removable", &["Removable"], &["Load"]),
    ("disk", &["RandomAccess"], &["SetPosition"]),
    ("disk-removable", &["RandomAccess", "Removable"], &["SetPosition", "Load"]),
    ("tape", &TAPE, &["Rewind", "WriteMark", "SkipMarks", "SkipBlocks", "Load", "GetPosition"]),
];

/// A command as the server sends it, with what it needs.
pub(super) fn sent(code: &str) -> Value {
    let mut sent = json!({ "code": code });
    if let (Value::Object(sent), Value::Object(needs)) = (&mut sent, carried(code).0) {
        sent.extend(needs);
    }
    sent
}

/// What the client tells of a command that it has carried out.
pub(super) fn told(code: &str) -> Value {
    carried(code).1
}

/// What a command needs besides its code, and what its client tells of it.
fn carried(code: &str) -> (Value, Value) {
    let nothing = || json!({});
    match C::by_name(code).expect("a command that there is") {
        C::Read | C::Write => (json!({ "buffer": "b1", "size": 512 }), json!({ "bytes": 512 })),
        C::SkipMarks | C::SkipBlocks | C::Load => (json!({ "size": 1 }), nothing()),
        C::SetPosition => (json!({ "size": 0, "position": 4096 }), json!({ "position": 4096 })),
        C::GetPosition => (nothing(), json!({ "position": 4096 })),
        C::ClearError
        | C::Rewind
        | C::WriteMark
        | C::Discard
        | C::Flush
        | C::Snapshot
        | C::MountSnapshot
        | C::PrepareToFreeze
        | C::FileInfoBegin
        | C::FileInfoEnd
        | C::GetError
        | C::Complete => (nothing(), nothing()),
    }
}

/// All commands of a kind of device.
pub(super) fn codes_of(own: &[&'static str]) -> Vec<&'static str> {
    ["Write", "Flush"].iter().chain(own).copied().collect()
}

/// Each command on each kind of device, twice.
fn kinds() -> Vec<Story> {
    let of_kind = |(kind, features, own): &Kind| {
        let twice = codes_of(own).repeat(2);
        let each = twice.iter().enumerate().flat_map(|(index, code)| {
            exchange(1, &format!("c{}", index + 1), sent(code), told(code))
        });
        story(
            &format!("callbacks/commands-of-a-{kind}"),
            &format!(
                "Every command that a {} has, from SendCommand to its callback",
                kind.replace('-', ", ")
            ),
            &["client.get-command.as-sent", "agent.callback", "server.send-command.status"],
        )
        .config(json!({ "features": features }))
        .given(json!({ "phase": "Active", "buffers": ["b1"] }))
        .steps(each)
    };
    KINDS.iter().map(of_kind).collect()
}

/// A device in its error state refuses each command that there is but ClearError.
fn refused_each() -> Vec<Story> {
    let of_kind = |(kind, features, own): &Kind| {
        let refused = codes_of(own).into_iter().enumerate().flat_map(|(index, code)| {
            let name = format!("r{}", index + 1);
            let told = json!({ "await": "callback", "lane": "server.main", "of": name,
                "completion": "ERROR_IO_DEVICE" });
            [with(call("SendCommand", "sdev1", sent(code), "VD_E_IO_ERROR"), "as", name), told]
        });
        story(
            &format!("callbacks/refused-of-a-{kind}"),
            &format!(
                "In its error state a {} refuses every command but ClearError",
                kind.replace('-', ", ")
            ),
            &["server.send-command.io-error", "server.send-command.error-callback"],
        )
        .config(json!({ "features": features }))
        .given(json!({ "phase": "Active", "buffers": ["b1"] }))
        .steps([send(1, "c1", flush()), get(1, "c1")])
        .step(complete(1, "c1", "ERROR_WRITE_FAULT", json!({})))
        .step(called_back("c1", "ERROR_WRITE_FAULT"))
        .steps(refused)
        .step(waits())
        .steps(cleared(1, "clear"))
        .step(waits())
    };
    KINDS.iter().map(of_kind).collect()
}

/// What succeeds on a device in its error state does not end that; ClearError does.
fn outlasts_each() -> Vec<Story> {
    // No more at a time than any queue takes.
    let of_kind = |(kind, features, own): &Kind| {
        let parts: Vec<Vec<&str>> = codes_of(own).chunks(3).map(<[_]>::to_vec).collect();
        let part = |(index, codes): (usize, &Vec<&str>)| {
            outlasts(&format!("{kind}-{}", index + 1), features, codes)
        };
        parts.iter().enumerate().map(part).collect::<Vec<_>>()
    };
    // Load waits for what is outstanding: no sound server sends it beside other commands.
    KINDS.iter().filter(|(kind, ..)| !kind.ends_with("removable")).flat_map(of_kind).collect()
}

fn outlasts(kind: &str, features: &[&str], codes: &[&str]) -> Story {
    let all: Vec<String> = (1..=codes.len()).map(|number| format!("c{number}")).collect();
    let refused = |number: usize| {
        let name = format!("r{number}");
        let told = json!({ "await": "callback", "lane": "server.main", "of": name,
            "completion": "ERROR_IO_DEVICE" });
        [with(call("SendCommand", "sdev1", flush(), "VD_E_IO_ERROR"), "as", name), told]
    };
    let succeed = all.iter().enumerate().flat_map(|(index, name)| {
        let answer = complete(1, name, "ERROR_SUCCESS", told(codes[index]));
        let mut steps = vec![answer, called_back(name, "ERROR_SUCCESS")];
        steps.extend(refused(index + 1));
        steps
    });
    story(
        &format!("callbacks/error-outlasts-commands-of-a-{kind}"),
        "A device fails while the client holds other commands: their success clears nothing",
        &["server.send-command.io-error", "agent.callback", "device.error.cleared"],
    )
    .config(json!({ "features": features }))
    .given(json!({ "phase": "Active", "buffers": ["b1"] }))
    .steps(all.iter().zip(codes).map(|(name, code)| send(1, name, sent(code))))
    .step(send(1, "fails", flush()))
    .steps(all.iter().map(|name| get(1, name)))
    .steps([get(1, "fails"), complete(1, "fails", "ERROR_WRITE_FAULT", json!({}))])
    .step(called_back("fails", "ERROR_WRITE_FAULT"))
    .steps(succeed)
    .steps(cleared(1, "clear"))
    .steps(exchange(1, "after", flush(), json!({})))
}
