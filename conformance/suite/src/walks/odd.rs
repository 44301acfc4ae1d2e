//! Calls that come at the wrong time, or ask for something odd. What they come to is the
//! oracle's matter; the walk goes on as if they had come to nothing.

use serde_json::{Value, json};
use vdi_trace::Process;

use super::configure;
use super::program::Program;
use super::set::{Set, Stage};

pub(super) fn call(program: &mut Program, set: &mut Set) {
    match program.rng.below(16) {
        14 | 15 => touches(program, set),
        10 => stale(program, set),
        11 => leaves(program, set),
        12 => joins(program, set),
        13 => handles(program, set),
        0 => again(program, set),
        1 | 2 => configuration(program, set),
        3 => opens(program, set),
        4 | 5 => on_buffers(program, set),
        6 => sends(program, set),
        7 | 8 => completes(program, set),
        _ => polls(program, set),
    }
}

/// What begins a set, once more.
fn again(program: &mut Program, set: &Set) {
    let rng = &mut program.rng;
    let name = match rng.below(4) {
        0 => set.ids.name.to_lowercase(),
        1 => format!("{} ", set.ids.name),
        2 => format!("{}X", set.ids.name),
        _ => set.ids.name.to_owned(),
    };
    let config = json!({ "deviceCount": rng.one_of(&[0, 1, 2, 64, 65]) });
    match rng.below(4) {
        0 => program.call(Process::Server, "Open", set.ids.server, json!({ "name": name })),
        1 => program.call(
            Process::Primary,
            "CreateEx",
            set.ids.client,
            json!({ "name": name, "config": config }),
        ),
        2 => program.call(
            Process::Primary,
            "OpenInSecondary",
            set.ids.client,
            json!({ "name": name }),
        ),
        _ => program.call(Process::Server, "ExecuteCompletionAgent", set.ids.server, json!({})),
    };
}

fn configuration(program: &mut Program, set: &Set) {
    let usual = configure::size(program, set);
    let rng = &mut program.rng;
    let size = rng.one_of(&[0, 1, usual, usual, usual + 1, usual - 1, 1 << 20, 1 << 31, u32::MAX]);
    let (call, args) = match rng.below(5) {
        0 => ("BeginConfiguration", begins(rng)),
        1 => ("EndConfiguration", json!({})),
        2 => (
            "RequestBuffers",
            json!({ "size": size, "count": rng.one_of(&[0, 1, 1, 3, 3, 1 << 16, u32::MAX]) }),
        ),
        3 => ("QueryAvailableBuffers", json!({ "size": size })),
        _ => ("GetConfiguration", json!({})),
    };
    program.call(Process::Server, call, set.ids.server, args);
}

/// A configuration with something that may not be.
fn begins(rng: &mut vdi_simulate::Rng) -> Value {
    json!({
        "features": rng.one_of(&["WriteMedia", "ReadMedia", "CompleteEnabled"]).split(',').collect::<Vec<_>>(),
        "blockSize": rng.one_of(&[0, 1, 511, 512, 513, 65536]),
        "maxTransferSize": rng.one_of(&[0, 512, 65536, 65537]),
        "alignment": rng.one_of(&[0, 3, 512]),
    })
}

/// An OpenDevice by whatever name, whoever asks.
fn opens(program: &mut Program, set: &Set) {
    let known = set.device(program, |_| true).map(|at| set.devices[at].name.clone());
    let known = known.unwrap_or_else(|| set.ids.name.to_owned());
    let name = match program.rng.below(9) {
        0 => known.to_lowercase(),
        1 => format!("{known} "),
        2 => "nobody".to_owned(),
        3 => set.ids.name.to_owned(),
        4 => known.replace('1', "01"),
        5 => known.chars().rev().collect(),
        6 => known.chars().take(1).chain(['*']).collect(),
        _ => known,
    };
    let clients = set.clients();
    let at = program.rng.below(clients.len() as u32 + 1) as usize;
    let (process, interface, name) = match clients.get(at) {
        Some((process, interface)) => (*process, interface.as_str(), name),
        None if program.has_races() && !set.has_first(program) => return polls(program, set),
        // Two devices of one name are nothing that documents speak of.
        None => (Process::Server, set.ids.server, format!("N{}", program.number())),
    };
    program.make(process, "OpenDevice", (interface, "od"), json!({ "name": name }));
}

fn on_buffers(program: &mut Program, set: &Set) {
    let rng = &mut program.rng;
    let known = match set.buffers.is_empty() || rng.once_in(6) {
        true if set.past.freed.is_empty() => Value::Null,
        true => json!(rng.one_of(&set.past.freed.iter().map(String::as_str).collect::<Vec<_>>())),
        false => json!(set.buffers[rng.below(set.buffers.len() as u32) as usize].name),
    };
    match rng.below(5) {
        0 => {
            let args = match rng.below(4) {
                0 => json!({ "buffer": known, "size": rng.one_of(&[0, 1, 512, 65536]) }),
                _ => json!({ "buffer": known }),
            };
            program.call(Process::Server, "FreeBuffer", set.ids.server, args);
        }
        1 | 2 => {
            program.call(
                Process::Server,
                "IsSharedBuffer",
                set.ids.server,
                json!({ "buffer": known }),
            );
        }
        3 => {
            let args = json!({
                "size": rng.one_of(&[0, 1, 511, 512, 65535, 65537, 1 << 31, u32::MAX - 511, u32::MAX]),
                "alignment": rng.one_of(&[0, 1, 3, 512, 4096])
            });
            program.make(Process::Server, "AllocateBuffer", (set.ids.server, "ob"), args);
        }
        _ => {
            let clients = set.clients();
            let (process, interface) = &clients[rng.below(clients.len() as u32) as usize];
            program.make(*process, "GetBufferHandle", (interface, "h"), json!({ "buffer": known }));
        }
    }
}

/// A command that cannot be carried out: of a feature nobody has granted, with a buffer in use,
/// or on a device that is closed.
fn sends(program: &mut Program, set: &Set) {
    let Some(at) = set.device(program, |device| device.server.is_some()) else { return };
    let handle = set.devices[at].server.clone().unwrap_or_default();
    let rng = &mut program.rng;
    let code = rng.one_of(&["Rewind", "WriteMark", "SetPosition", "Complete", "Write", "Read"]);
    let mut args = json!({ "code": code });
    if matches!(code, "Write" | "Read") && !set.buffers.is_empty() {
        let buffer = &set.buffers[rng.below(set.buffers.len() as u32) as usize];
        args["buffer"] = json!(buffer.name);
        args["size"] = json!(rng.one_of(&[buffer.size, buffer.size + 512, 1, 513]));
    }
    program.make(Process::Server, "SendCommand", (&handle, "oc"), args);
}

/// A CompleteCommand of what is not to be completed.
fn completes(program: &mut Program, set: &Set) {
    let Some(at) = set.device(program, |device| device.client.is_some()) else { return };
    let (process, handle) = set.devices[at].client.clone().expect("it was opened");
    let rng = &mut program.rng;
    let held = set.devices.iter().flat_map(|device| &device.held);
    let queued = set.devices.iter().flat_map(|device| &device.queued);
    let known: Vec<&str> = held.chain(queued).map(|command| command.name.as_str()).collect();
    let command = match known.is_empty() || rng.once_in(4) {
        true => Value::Null,
        false => json!(rng.one_of(&known)),
    };
    // One that is held by this device would be completed: that is for others to do.
    let own = set.devices[at].held.iter().any(|held| command == held.name.as_str());
    if !own {
        let code = rng.one_of(&["ERROR_SUCCESS", "ERROR_DISK_FULL"]);
        let args = json!({ "command": command, "code": code, "bytes": 0 });
        program.call(process, "CompleteCommand", &handle, args);
    }
}

/// Whether a buffer or a device is there, or one that was.
pub(super) fn touches(program: &mut Program, set: &Set) {
    let buffers = set.buffers.iter().map(|buffer| (Process::Server, &buffer.name));
    let freed = set.past.freed.iter().map(|name| (Process::Server, name));
    let devices = set.devices.iter().flat_map(|device| {
        let server = device.server.as_ref().map(|handle| (Process::Server, handle));
        [server, device.client.as_ref().map(|(process, handle)| (*process, handle))]
    });
    let stale = set.past.stale.iter().map(|(process, handle)| (*process, handle));
    let all: Vec<(Process, &String)> =
        buffers.chain(freed).chain(devices.flatten()).chain(stale).collect();
    if all.is_empty() {
        return polls(program, set);
    }
    let (process, object) = program.rng.one_of(&all);
    program.touch(process, object);
}

/// A call that changes nothing.
pub(super) fn polls(program: &mut Program, set: &Set) {
    let clients = set.clients();
    let (process, interface) = &clients[program.rng.below(clients.len() as u32) as usize];
    let device = set.device(program, |device| device.client.is_some() && device.queued.is_empty());
    match device.map(|at| set.devices[at].client.clone().expect("it was opened")) {
        Some((process, handle)) if program.rng.once_in(2) => {
            program.call(process, "GetCommand", &handle, json!({ "timeout": 0 }));
        }
        Some(_) | None => {
            program.call(*process, "GetConfiguration", interface, json!({ "timeout": 0 }));
        }
    }
}

/// A call on a device of a life before.
fn stale(program: &mut Program, set: &Set) {
    if set.past.stale.is_empty() {
        return polls(program, set);
    }
    let (process, handle) =
        set.past.stale[program.rng.below(set.past.stale.len() as u32) as usize].clone();
    match process {
        Process::Server if program.rng.once_in(2) => {
            program.call(process, "CloseDevice", &handle, json!({}));
        }
        Process::Server => {
            program.make(process, "SendCommand", (&handle, "oc"), json!({ "code": "Flush" }));
        }
        Process::Primary | Process::Secondary(_) => {
            program.call(process, "GetCommand", &handle, json!({ "timeout": 0 }));
        }
    }
}

/// A secondary client closes before its time, or dies.
fn leaves(program: &mut Program, set: &mut Set) {
    if !set.past.joined.is_empty() && program.rng.once_in(2) {
        let (process, interface) = set.past.joined.remove(0);
        program.call(process, "Close", &interface, json!({}));
        return;
    }
    if set.secondaries.is_empty() || !program.rng.once_in(program.mood.leaves) {
        return polls(program, set);
    }
    let (process, interface) = set.secondaries.remove(0);
    match program.rng.once_in(2) {
        true => program.kill(process),
        false => drop(program.call(process, "Close", &interface, json!({}))),
    }
}

/// A secondary client joins when others are at work already.
fn joins(program: &mut Program, set: &mut Set) {
    let late = matches!(set.stage, Stage::Active | Stage::Ending);
    match late && set.ids.client == "cset" && set.secondaries.len() < 3 {
        true => configure::join(program, set),
        false => polls(program, set),
    }
}

/// The buffer of a command that is held, or of another, is handed to another client.
fn handles(program: &mut Program, set: &mut Set) {
    let held = |device: &super::set::Device| {
        device.client.is_some() && device.held.iter().any(|held| held.buffer.is_some())
    };
    let Some(at) = set.device(program, held) else { return on_buffers(program, set) };
    let device = &set.devices[at];
    let Some((process, _)) = device.client else { return };
    let clients = set.clients();
    let Some((_, from)) = clients.iter().find(|(of, _)| *of == process) else { return };
    let buffer = device.held.iter().rev().find_map(|held| held.buffer.clone());
    let handle = program.make(process, "GetBufferHandle", (from, "h"), json!({ "buffer": buffer }));
    set.past.mapped.extend(buffer);
    program.begins_together(false);
    let (process, to) = &clients[program.rng.below(clients.len() as u32) as usize];
    program.call(*process, "MapBufferHandle", to, json!({ "handle": handle }));
}
