//! An adapter to start from: it speaks the protocol, and offers nothing yet.
//!
//! Fill in `call`. Each lane is a thread; a call on a lane may block, the others go on. Answer
//! `Unsupported` for what you do not offer: it is reported as such, never as passed. The protocol
//! is told in conformance/adapters/PROTOCOL.md of the suite. It needs the crate serde_json.

use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::sync::mpsc::{Sender, channel};

use serde_json::{Value, json};

/// The implementation does not offer this, for that reason.
struct Unsupported(String);

/// What a call gives when it returns: the name of its status, and what comes out of it.
struct Returned {
    status: &'static str,
    out: Value,
}

/// Makes one call, and gives what it returns with, when it returns.
///
/// `function` is such as "GetCommand", `on` the handle it is called on, `creates` what the thing
/// it makes is called from now on, `args` its arguments by name.
///
/// A function you do not have is `Unsupported` as well: OpenInSecondary on "x1set", say, if your
/// adapter knows one client process only.
fn call(
    function: &str,
    _on: &str,
    _creates: Option<&str>,
    _args: &Value,
) -> Result<Returned, Unsupported> {
    Err(Unsupported(format!("{function} is not bound to the implementation yet")))
}

/// Writes one message; lanes take turns.
fn send(message: &Value) {
    let mut output = std::io::stdout().lock();
    // Whoever asked may have gone.
    let _ = writeln!(output, "{message}").and_then(|()| output.flush());
}

/// One lane: makes its calls in order.
fn lane(name: &str, messages: impl Iterator<Item = Value>) {
    for message in messages {
        let word = |field: &str| message[field].as_str();
        let function = word("call").unwrap_or_default();
        let made = call(function, word("on").unwrap_or_default(), word("as"), &message["args"]);
        let id = &message["id"];
        send(&match made {
            Ok(Returned { status, out }) => {
                json!({"op": "return", "id": id, "lane": name, "status": status, "out": out})
            }
            Err(Unsupported(reason)) => json!({"op": "unsupported", "id": id, "reason": reason}),
        });
    }
}

fn main() {
    let mut lanes: BTreeMap<String, Sender<Value>> = BTreeMap::new();
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let line = line.trim_start_matches('\u{feff}').trim();
        if line.is_empty() {
            continue;
        }
        let message: Value = serde_json::from_str(line).expect("the suite writes JSON");
        match message["op"].as_str().unwrap_or_default() {
            "hello" => send(&json!({
                "op": "hello",
                "protocol": 1,
                "implementation": {"name": "my-vdi", "version": "0.1", "language": "Rust"},
                // Without "settle" the suite takes a span of silence for rest, and without
                // "expire" your time-outs pass by the clock.
                "offers": ["server", "client"],
            })),
            "reset" => {
                // Forget the sets, devices and commands of your implementation here.
                lanes.clear();
                send(&json!({"op": "ready"}));
            }
            "call" => {
                let name = message["lane"].as_str().unwrap_or_default().to_owned();
                let of_lane = lanes.entry(name.clone()).or_insert_with(|| {
                    let (sender, receiver) = channel();
                    std::thread::spawn(move || lane(&name, receiver.into_iter()));
                    sender
                });
                let _ = of_lane.send(message);
            }
            "bye" => return,
            other => {
                let reason = format!("{other} is not offered");
                send(&json!({"op": "unsupported", "id": message["id"], "reason": reason}));
            }
        }
    }
}
