//! Steps as they stand in a scenario's file.

use serde_json::{Value, json};

/// The name of the set.
pub(super) const SET: &str = "S";

/// Bytes of a buffer in a situation, and the largest transfer there.
pub(super) const BUFFER: u32 = 65536;

/// The set interface of the server.
pub(super) const SERVER: &str = "sset";

/// The set interface of the primary client.
pub(super) const CLIENT: &str = "cset";

/// A call with arguments.
pub(super) fn call(function: &str, on: &str, args: Value, expect: impl Into<Value>) -> Value {
    json!({ "call": function, "on": on, "args": args, "expect": expect.into() })
}

/// A call without arguments.
pub(super) fn bare(function: &str, on: &str, expect: impl Into<Value>) -> Value {
    json!({ "call": function, "on": on, "expect": expect.into() })
}

/// The step with one more field.
pub(super) fn with(mut step: Value, field: &str, value: impl Into<Value>) -> Value {
    step[field] = value.into();
    step
}

/// What device number so and so is called: the first bears the set's name.
pub(super) fn device_name(number: u32) -> String {
    if number == 1 { SET.to_owned() } else { format!("{SET}{number}") }
}

pub(super) fn create(name: &str, config: Value, expect: impl Into<Value>) -> Value {
    call("CreateEx", CLIENT, json!({ "name": name, "config": config }), expect)
}

pub(super) fn open(name: &str, expect: impl Into<Value>) -> Value {
    call("Open", SERVER, json!({ "name": name }), expect)
}

/// BeginConfiguration of a BACKUP to a pipe.
pub(super) fn begin(block: u32, alignment: u32, transfer: u32) -> Value {
    let mut args =
        json!({ "features": ["WriteMedia"], "blockSize": block, "maxTransferSize": transfer });
    if alignment != 0 {
        args["alignment"] = alignment.into();
    }
    call("BeginConfiguration", SERVER, args, "NOERROR")
}

pub(super) fn end() -> Value {
    bare("EndConfiguration", SERVER, "NOERROR")
}

pub(super) fn client_configuration() -> Value {
    call("GetConfiguration", CLIENT, json!({ "timeout": 0 }), "NOERROR")
}

/// The arguments size, alignment and, for some, count.
pub(super) fn sized(size: u32, alignment: u32, count: Option<u32>) -> Value {
    let mut args = json!({ "size": size });
    if alignment != 0 {
        args["alignment"] = alignment.into();
    }
    if let Some(count) = count {
        args["count"] = count.into();
    }
    args
}

pub(super) fn request(size: u32, alignment: u32, count: u32) -> Value {
    call("RequestBuffers", SERVER, sized(size, alignment, Some(count)), "NOERROR")
}

pub(super) fn query(size: u32, alignment: u32) -> Value {
    call("QueryAvailableBuffers", SERVER, sized(size, alignment, None), "NOERROR")
}

pub(super) fn allocate(name: &str, size: u32, alignment: u32) -> Value {
    let call = call("AllocateBuffer", SERVER, sized(size, alignment, None), "NOERROR");
    with(call, "as", name)
}

pub(super) fn free(name: &str, size: u32, expect: &str) -> Value {
    call("FreeBuffer", SERVER, json!({ "buffer": name, "size": size }), expect)
}

/// SendCommand to the server's device of that number.
pub(super) fn send(device: u32, name: &str, args: Value) -> Value {
    with(call("SendCommand", &format!("sdev{device}"), args, "NOERROR"), "as", name)
}

pub(super) fn get(device: u32, name: &str) -> Value {
    let on = format!("cdev{device}");
    with(call("GetCommand", &on, json!({ "timeout": 0 }), "NOERROR"), "gives", name)
}

/// CompleteCommand with a code; `more` has bytes and position.
pub(super) fn complete(device: u32, name: &str, code: impl Into<Value>, more: Value) -> Value {
    let mut args = json!({ "command": name, "code": code.into() });
    for (field, value) in more.as_object().into_iter().flatten() {
        args[field] = value.clone();
    }
    call("CompleteCommand", &format!("cdev{device}"), args, "NOERROR")
}

pub(super) fn called_back(name: &str, code: impl Into<Value>) -> Value {
    json!({ "await": "callback", "of": name, "completion": code.into() })
}

/// A command from SendCommand to its callback, with success.
pub(super) fn exchange(device: u32, name: &str, sent: Value, more: Value) -> Vec<Value> {
    vec![
        send(device, name, sent),
        get(device, name),
        complete(device, name, "ERROR_SUCCESS", more),
        called_back(name, "ERROR_SUCCESS"),
    ]
}

pub(super) fn flush() -> Value {
    json!({ "code": "Flush" })
}

/// The agent returns, in order or because of an abort.
pub(super) fn agent_returns() -> Value {
    json!({ "await": "return", "lane": "server.agent", "expect": ["NOERROR", "VD_E_ABORT"] })
}

/// Names c1, c2, … of so many commands.
pub(super) fn names(letter: &str, count: u32) -> Vec<String> {
    (1..=count).map(|number| format!("{letter}{number}")).collect()
}
