//! Commands, while the set is Active.

use serde_json::{Value, json};
use vdi_trace::Process;

use super::configure::{allocate, size};
use super::mood::Traffic;
use super::odd;
use super::program::Program;
use super::set::{Buffer, Command, Set, Stage};

/// Codes with which clients say that a command has failed.
const ERRORS: [&str; 11] = [
    "ERROR_OPERATION_ABORTED",
    "4711",
    "ERROR_FILEMARK_DETECTED",
    "ERROR_END_OF_MEDIA",
    "ERROR_EOM_OVERFLOW",
    "ERROR_DISK_FULL",
    "ERROR_HANDLE_EOF",
    "ERROR_NO_DATA_DETECTED",
    "ERROR_WRITE_FAULT",
    "ERROR_IO_DEVICE",
    "ERROR_NOT_SUPPORTED",
];

/// Commands that a queue takes, if nothing else is said.
const FULL: usize = 64;

pub(super) fn go_on(program: &mut Program, set: &mut Set) {
    if set.plan.left == 0 {
        set.stage = Stage::Ending;
        return;
    }
    set.plan.left -= 1;
    if program.rng.once_in(program.mood.lets_go) {
        resume(program, set);
    }
    if let Some(index) = set.device(program, |device| device.burst > 0) {
        set.devices[index].burst -= 1;
        set.plan.left += 1;
        return send_to(program, set, index, false);
    }
    match program.mood.traffic(&mut program.rng) {
        Traffic::Send => send(program, set, false),
        Traffic::Get => get(program, set),
        Traffic::Complete => complete(program, set),
        Traffic::Hoard => hoard(program, set),
        Traffic::Buffers => buffers(program, set),
        Traffic::Burst => burst(program, set),
        Traffic::Time => time_passes(program, set),
        Traffic::CloseDevice => close_device(program, set),
        Traffic::Routine => routine(program, set),
    }
}

/// Some calls from inside a routine; or one that is held is prepared.
fn routine(program: &mut Program, set: &mut Set) {
    if program.inside.is_none() {
        return if set.holds.is_none() { send(program, set, true) } else { complete(program, set) };
    }
    let before = std::mem::replace(&mut program.mood.inside, 1);
    for _ in 0..program.rng.between(1, 3) {
        match program.rng.below(8) {
            0..3 => send(program, set, false),
            3..5 => buffers(program, set),
            5 => allocate(program, set),
            6 => close_device(program, set),
            _ => odd::call(program, set),
        }
    }
    program.mood.inside = before;
}

/// The agent, held in a completion routine, goes on.
pub(super) fn resume(program: &mut Program, set: &mut Set) {
    if let (Some(command), Some(lane)) = (set.holds.take(), set.agent.clone())
        && program.has(Process::Server)
    {
        if program.rng.once_in(3) {
            free_of(program, set, &command);
        }
        program.step(json!({ "resume": command.name, "lane": lane }));
        program.inside = None;
    }
}

/// The buffer of a command is freed in its routine, or before.
fn free_of(program: &mut Program, set: &mut Set, command: &Command) {
    let own = set.buffers.iter().position(|known| Some(&known.name) == command.buffer.as_ref());
    if let Some(at) = own {
        let freed = set.buffers.remove(at);
        free(program, set, &freed);
    }
}

fn free(program: &mut Program, set: &mut Set, freed: &Buffer) {
    set.past.freed.push(freed.name.clone());
    let args = json!({ "buffer": freed.name, "size": freed.size });
    program.call(Process::Server, "FreeBuffer", set.ids.server, args);
}

/// From here on many are sent to one device before any is fetched.
fn burst(program: &mut Program, set: &mut Set) {
    let open = set.device(program, |device| device.server.is_some() && !device.closed);
    if let Some(index) = open {
        let burst = program.rng.one_of(&[5, 9, 18, 34, 66]);
        set.devices[index].burst = burst;
        program.more += 2 * burst as usize;
    }
}

/// A GetCommand waits until its time-out has passed; or so long passes for the agent.
fn time_passes(program: &mut Program, set: &mut Set) {
    let idle = |device: &super::set::Device| {
        device.client.is_some() && device.queued.is_empty() && !device.waits
    };
    if !program.passing.is_empty() && program.rng.once_in(2) {
        let at = program.rng.below(program.passing.len() as u32) as usize;
        let lane = program.passing.remove(at);
        return program.expire(&lane);
    }
    match (set.device(program, idle), &set.agent) {
        (Some(index), _) if program.rng.once_in(2) => {
            let (process, handle) = set.devices[index].client.clone().expect("it was opened");
            if program.has(process) {
                let args = json!({ "timeout": 20 });
                let lane = program.call(process, "GetCommand", &handle, args);
                match program.rng.once_in(3) {
                    true => {
                        set.devices[index].waits = true;
                        program.passing.push(lane);
                    }
                    false => program.expire(&lane),
                }
            }
        }
        (_, Some(lane)) if program.has(Process::Server) => {
            // The interval of serverTimeOut, a part of it, or several at once.
            match program.rng.one_of(&[0, 0, 500, 1000, 2500, 60_000]) {
                0 => program.step(json!({ "expire": lane })),
                after => program.step(json!({ "expire": lane, "after": after })),
            }
        }
        (_, _) => {}
    }
}

/// A command that the features allow.
fn code(program: &mut Program, set: &Set) -> &'static str {
    let has = |feature: &str| set.plan.features.contains(&feature);
    let moves = if set.plan.writes { "Write" } else { "Read" };
    let mut codes = vec![moves, moves, moves, moves, "Flush"];
    if has("Removable") {
        codes.extend(["Rewind", "Load", "SkipBlocks", "WriteMark", "SkipMarks"]);
    }
    if has("Position") || has("RandomAccess") {
        codes.extend(["GetPosition", "SetPosition"]);
    }
    if has("RandomAccess") {
        codes.extend(["Read", "Write"]);
    }
    if has("Discard") && program.rng.once_in(8) {
        codes.push("Discard");
    }
    if has("SnapshotPrepare") && program.rng.once_in(4) {
        codes.extend(["PrepareToFreeze", "Snapshot"]);
    }
    if has("RequestComplete") && program.rng.once_in(4) {
        codes.push("Complete");
    }
    program.rng.one_of(&codes)
}

/// The arguments of a command, with what is to be remembered of it.
fn command(program: &mut Program, set: &mut Set, code: &'static str) -> (Value, Command) {
    let mut args = json!({ "code": code });
    let mut command = Command { name: String::new(), code, buffer: None, size: 0 };
    if matches!(code, "Read" | "Write") {
        if !set.buffers.iter().any(|buffer| buffer.free) {
            allocate(program, set);
        }
        if let Some(buffer) = set.buffers.iter_mut().find(|buffer| buffer.free) {
            buffer.free = program.rng.once_in(40);
            let blocks = buffer.size / set.plan.block;
            let part = set.plan.block * program.rng.between(0, blocks);
            command.size = if program.rng.once_in(3) { part } else { buffer.size };
            command.buffer = Some(buffer.name.clone());
            args["buffer"] = json!(buffer.name);
            args["size"] = json!(command.size);
        }
    } else if matches!(code, "SkipBlocks" | "SkipMarks" | "Load" | "WriteMark") {
        let back = code.starts_with("Skip") && set.plan.features.contains(&"ReversePosition");
        args["size"] = json!(program.rng.one_of(if back { &[0, 1, 3, -2] } else { &[0, 1, 1, 3] }));
    }
    // Without random access nobody looks at it.
    let placed = set.plan.features.contains(&"RandomAccess") || code == "SetPosition";
    if placed || program.rng.once_in(8) {
        let position = u64::from(program.rng.below(9)) << program.rng.one_of(&[9, 16, 30, 40]);
        args["position"] = json!(position);
    }
    (args, command)
}

fn send(program: &mut Program, set: &mut Set, held: bool) {
    let open = set.device(program, |device| device.server.is_some() && !device.closed);
    if let Some(index) = open {
        send_to(program, set, index, held);
    }
}

/// `held`: its routine is held.
fn send_to(program: &mut Program, set: &mut Set, index: usize, held: bool) {
    let device = &set.devices[index];
    let mut out = device.queued.iter().chain(&device.held);
    // What several ClearErrors at a time come to no document says.
    let clears = device.errored && out.all(|command| command.code != "ClearError");
    let other = program.rng.once_in(program.mood.other);
    let code = if clears && !other { "ClearError" } else { code(program, set) };
    let (mut args, mut sent) = command(program, set, code);
    let device = &mut set.devices[index];
    let handle = device.server.clone().unwrap_or_default();
    let holds = set.holds.is_none() && (held || program.rng.once_in(program.mood.holds));
    if holds {
        args["hold"] = json!(true);
    }
    sent.name = program.make(Process::Server, "SendCommand", (&handle, "c"), args);
    if holds {
        set.holds = Some(sent.clone());
    }
    let full = device.queued.len() + device.held.len() >= FULL;
    if full || device.errored && code != "ClearError" {
        // It is refused, and called back at once.
        release(set, &sent);
        return;
    }
    if device.waits {
        device.waits = false;
        device.held.push(sent);
    } else {
        device.queued.push_back(sent);
    }
}

fn release(set: &mut Set, command: &Command) {
    for buffer in
        set.buffers.iter_mut().filter(|known| Some(&known.name) == command.buffer.as_ref())
    {
        buffer.free = true;
    }
}

fn get(program: &mut Program, set: &mut Set) {
    let ready = set.device(program, |device| device.client.is_some() && !device.queued.is_empty());
    let any = set.device(program, |device| device.client.is_some());
    let Some(index) = (if program.rng.once_in(5) { any } else { ready.or(any) }) else { return };
    let device = &mut set.devices[index];
    let (process, handle) = device.client.clone().expect("it was opened");
    let timeout = match device.queued.is_empty() && device.waits {
        true => json!(0),
        false => program.rng.one_of(&["0", "infinite", "infinite"]).into(),
    };
    let waits = timeout == "infinite";
    let timeout = if waits { timeout } else { json!(0) };
    program.call(process, "GetCommand", &handle, json!({ "timeout": timeout }));
    match device.queued.pop_front() {
        Some(command) => device.held.push(command),
        None => device.waits |= waits,
    }
}

fn complete(program: &mut Program, set: &mut Set) {
    let Some(index) = set.device(program, |device| !device.held.is_empty()) else {
        return get(program, set);
    };
    let device = &mut set.devices[index];
    let at = program.rng.below(device.held.len() as u32) as usize;
    let done = device.held.remove(at);
    let clears = done.code == "ClearError";
    let fails = program.rng.once_in(program.mood.fails);
    let code = if fails { program.rng.one_of(&ERRORS) } else { "ERROR_SUCCESS" };
    let code = code.parse().map_or_else(|_| json!(code), |number: u32| json!(number));
    let part = program.rng.below(done.size + 1);
    let bytes = if fails && done.size > 0 { part } else { done.size };
    let (process, handle) = device.client.clone().expect("it was opened");
    let mut args = json!({ "command": done.name, "code": code, "bytes": bytes });
    if program.rng.once_in(2) || done.code.ends_with("Position") {
        args["position"] = json!(u64::from(program.rng.below(9)) << program.rng.one_of(&[9, 33]));
    }
    program.call(process, "CompleteCommand", &handle, args);
    let device = &mut set.devices[index];
    let mut over = vec![done];
    if fails {
        device.errored = true;
        over.extend(device.queued.drain(..));
    } else if clears {
        device.errored = false;
    }
    let holds = set.holds.as_ref().map(|command| &command.name);
    if over.iter().any(|command| Some(&command.name) == holds) {
        program.inside.clone_from(&set.agent);
    }
    over.iter().for_each(|command| release(set, command));
}

fn buffers(program: &mut Program, set: &mut Set) {
    let free: Vec<usize> =
        (0..set.buffers.len()).filter(|index| set.buffers[*index].free).collect();
    if program.rng.once_in(4) {
        let args = json!({ "size": size(program, set) });
        program.call(Process::Server, "QueryAvailableBuffers", set.ids.server, args);
        return;
    }
    if free.is_empty() || program.rng.once_in(2) {
        return allocate(program, set);
    }
    let freed = set.buffers.remove(program.rng.one_of(&free));
    self::free(program, set, &freed);
    if program.rng.once_in(2) {
        // Its place is used again.
        allocate(program, set);
    }
}

/// Many buffers at a time.
fn hoard(program: &mut Program, set: &mut Set) {
    let count = program.rng.one_of(&[20, 40, 70, 140]);
    program.more += count;
    (0..count).for_each(|_| allocate(program, set));
}

fn close_device(program: &mut Program, set: &mut Set) {
    let early = program.rng.once_in(4);
    let idle = |device: &super::set::Device| {
        let busy = !device.queued.is_empty() || !device.held.is_empty();
        device.server.is_some() && !device.closed && (early || !busy)
    };
    let Some(index) = set.device(program, idle) else { return };
    let device = &mut set.devices[index];
    let handle = device.server.clone().unwrap_or_default();
    device.closed = true;
    program.call(Process::Server, "CloseDevice", &handle, json!({}));
}
