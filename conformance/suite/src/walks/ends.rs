//! The end of a life, and what is called after it.

use serde_json::json;
use vdi_trace::Process;

use super::program::Program;
use super::set::{End, Set};
use super::{odd, traffic};

pub(super) fn go_on(program: &mut Program, set: &mut Set) {
    if program.rng.once_in(3) {
        traffic::resume(program, set);
    }
    if !set.over.ended {
        return end(program, set);
    }
    if set.plan.after > 0 {
        set.plan.after -= 1;
        return late(program, set);
    }
    close(program, set);
}

/// One step to the end; when that has come, what follows is drawn.
fn end(program: &mut Program, set: &mut Set) {
    let secondary = set.secondaries.last().cloned();
    match set.plan.end {
        End::InOrder => return in_order(program, set),
        End::AbortByServer => {
            program.call(Process::Server, "SignalAbort", set.ids.server, json!({}));
        }
        End::AbortByClient => {
            program.call(Process::Primary, "SignalAbort", set.ids.client, json!({}));
        }
        End::AbortBySecondary => match secondary {
            Some((process, interface)) => {
                program.call(process, "SignalAbort", &interface, json!({}));
            }
            None => return in_order(program, set),
        },
        End::CloseByServer => close_one(program, set, 0),
        End::CloseByClient => close_one(program, set, 1),
        End::DeathOfServer => program.kill(Process::Server),
        End::DeathOfClient => program.kill(Process::Primary),
        End::DeathOfSecondary => match secondary {
            Some((process, _)) => {
                program.kill(process);
                set.secondaries.pop();
                set.plan.end = End::AbortByServer;
                return;
            }
            None => return in_order(program, set),
        },
    }
    set.over.ended = true;
    set.plan.after = program.rng.below(7);
}

/// What is held is completed, what is queued is fetched; then each device is closed, and the
/// client is told.
fn in_order(program: &mut Program, set: &mut Set) {
    let busy = |device: &super::set::Device| {
        device.client.is_some() && !(device.queued.is_empty() && device.held.is_empty())
    };
    if let Some(index) = set.device(program, busy) {
        let device = &mut set.devices[index];
        let (process, handle) = device.client.clone().expect("it is open");
        if let Some(done) = device.held.pop() {
            let args = json!({
                "command": done.name, "code": "ERROR_SUCCESS", "bytes": done.size
            });
            program.call(process, "CompleteCommand", &handle, args);
        } else if let Some(command) = device.queued.pop_front() {
            program.call(process, "GetCommand", &handle, json!({ "timeout": "infinite" }));
            device.held.push(command);
        }
        return;
    }
    if let Some(index) = set.device(program, |device| device.server.is_some() && !device.closed) {
        let device = &mut set.devices[index];
        device.closed = true;
        let handle = device.server.clone().unwrap_or_default();
        program.call(Process::Server, "CloseDevice", &handle, json!({}));
        return;
    }
    if let Some(index) = set.device(program, |device| device.client.is_some() && !device.seen) {
        let device = &mut set.devices[index];
        device.seen = true;
        let (process, handle) = device.client.clone().expect("it is open");
        let timeout = if program.rng.once_in(2) { json!(0) } else { json!("infinite") };
        program.call(process, "GetCommand", &handle, json!({ "timeout": timeout }));
        return;
    }
    set.over.ended = true;
    set.plan.after = program.rng.below(3);
}

/// A call that comes when all is over.
fn late(program: &mut Program, set: &mut Set) {
    if program.rng.once_in(3) {
        return odd::call(program, set);
    }
    let at = set.device(program, |device| device.client.is_some() && device.server.is_some());
    let Some(index) = at else { return };
    let device = &mut set.devices[index];
    let (process, client) = device.client.clone().expect("it was opened");
    let server = device.server.clone().unwrap_or_default();
    match program.rng.below(10) {
        8 => {
            program.call(Process::Server, "SignalAbort", set.ids.server, json!({}));
        }
        9 => {
            let clients = set.clients();
            let at = program.rng.below(clients.len() as u32) as usize;
            program.call(clients[at].0, "SignalAbort", &clients[at].1, json!({}));
        }
        0 | 1 => {
            program.call(process, "GetCommand", &client, json!({ "timeout": 0 }));
        }
        2 | 3 => {
            if let Some(done) = device.held.pop() {
                let args = json!({ "command": done.name, "code": "ERROR_SUCCESS", "bytes": 0 });
                program.call(process, "CompleteCommand", &client, args);
            }
        }
        4 => {
            program.make(
                Process::Server,
                "SendCommand",
                (&server, "c"),
                json!({ "code": "Flush" }),
            );
        }
        5 => {
            program.call(Process::Server, "CloseDevice", &server, json!({}));
        }
        6 => {
            program.call(Process::Server, "GetConfiguration", set.ids.server, json!({}));
        }
        _ => {
            let args = json!({ "timeout": 0 });
            program.call(Process::Primary, "GetConfiguration", set.ids.client, args);
        }
    }
}

/// Every side closes, in any order; then the next life begins.
fn close(program: &mut Program, set: &mut Set) {
    let side = program.rng.below(3);
    match side {
        2 if !set.secondaries.is_empty() => {
            let (process, interface) = set.secondaries.remove(0);
            program.call(process, "Close", &interface, json!({}));
        }
        0 if !set.over.closed[0] => close_one(program, set, 0),
        1 if !set.over.closed[1] => close_one(program, set, 1),
        // A secondary may still have the life before when the next begins.
        _ if set.over.closed == [true, true]
            && (set.secondaries.is_empty() || program.rng.once_in(4)) =>
        {
            let elsewhere = set.ids.alone && program.rng.once_in(2);
            set.again(elsewhere);
        }
        _ => {}
    }
}

fn close_one(program: &mut Program, set: &mut Set, side: usize) {
    let (process, interface) =
        [(Process::Server, set.ids.server), (Process::Primary, set.ids.client)][side];
    set.over.closed[side] = true;
    program.call(process, "Close", interface, json!({}));
}
