//! Walks in which calls race: what comes next and what somebody else does are begun at once, and
//! then it is looked at what is left. Which races with which nobody has thought of either.

use serde_json::{Value, json};
use vdi_trace::Process;

use super::program::Program;
use super::set::{Set, Stage};
use super::{go_on, odd};

/// Something more is begun at once with what was begun last: mostly what may get in its way.
pub(super) fn rival(program: &mut Program, set: &mut Set) {
    let Some(last) = program.last_racer() else { return };
    program.begins_together(true);
    let ends = program.ends_early();
    match program.rng.below(10) {
        0 | 1 => twin(program, set, &last),
        2 => odd::call(program, set),
        3 if ends => abort(program, set),
        4 if ends && program.rng.once_in(2) => close(program, set),
        4 | 5 if ends || program.rng.once_in(4) => close_device(program, set),
        6 if ends => begins_too(program, set, &last),
        _ => go_on(program, set),
    }
}

/// What is left after a race, one thing after the other.
pub(super) fn look(program: &mut Program, set: &Set) {
    let most = if program.ends_early() { 2 } else { 1 };
    for _ in 0..program.rng.between(0, most) {
        program.begins_together(false);
        match program.rng.below(4) {
            0 => configurations(program, set),
            1 => mapped(program, set),
            2 => odd::touches(program, set),
            _ => odd::polls(program, set),
        }
    }
}

/// Each client is asked for the configuration.
fn configurations(program: &mut Program, set: &Set) {
    for (process, interface) in set.clients() {
        program.begins_together(false);
        program.call(process, "GetConfiguration", &interface, json!({ "timeout": 0 }));
    }
}

/// Whether a buffer that was handed around is there, for each that has mapped it.
fn mapped(program: &mut Program, set: &Set) {
    match set.past.mapped.last() {
        Some(buffer) => {
            for (process, _) in set.clients() {
                program.touch(process, buffer);
            }
        }
        None => odd::polls(program, set),
    }
}

/// The same again, by another thread, or for a handle by another client.
fn twin(program: &mut Program, set: &mut Set, last: &Value) {
    let text = |key: &str| last[key].as_str().unwrap_or_default().to_owned();
    let (call, mut on) = (text("start"), text("on"));
    let Some(mut process) = process_of(last) else { return };
    if call == "MapBufferHandle" {
        let clients = set.clients();
        (process, on) = clients[program.rng.below(clients.len() as u32) as usize].clone();
    }
    let mut args = last["args"].clone();
    if call == "OpenDevice" && process == Process::Server {
        if !set.has_first(program) {
            return odd::call(program, set);
        }
        // Two devices of one name are nothing that documents speak of.
        args["name"] = json!(format!("N{}", program.number()));
    }
    match last.get("as") {
        Some(_) => drop(program.make(process, &call, (&on, "tw"), args)),
        None => drop(program.call(process, &call, &on, args)),
    }
}

fn process_of(step: &Value) -> Option<Process> {
    vdi_trace::LaneName::process_of(step["lane"].as_str()?).ok()
}

/// Some side signals an abort.
fn abort(program: &mut Program, set: &mut Set) {
    let clients = set.clients();
    let at = program.rng.below(clients.len() as u32 + 1) as usize;
    match clients.get(at) {
        Some((process, interface)) => {
            program.call(*process, "SignalAbort", interface, json!({}));
        }
        None => {
            program.call(Process::Server, "SignalAbort", set.ids.server, json!({}));
        }
    }
    ends(set);
}

/// Some side closes.
fn close(program: &mut Program, set: &mut Set) {
    let secondary = set.secondaries.len() as u32;
    match program.rng.below(2 + secondary) {
        0 => program.call(Process::Server, "Close", set.ids.server, json!({})),
        1 => program.call(Process::Primary, "Close", set.ids.client, json!({})),
        at => {
            let (process, interface) = set.secondaries.remove(at as usize - 2);
            program.call(process, "Close", &interface, json!({}));
            return;
        }
    };
    ends(set);
}

/// Not much comes of it any more.
const fn ends(set: &mut Set) {
    if !matches!(set.stage, Stage::New) {
        set.stage = Stage::Ending;
        set.over.ended = true;
        set.plan.after = 2;
    }
}

fn close_device(program: &mut Program, set: &mut Set) {
    let open = set.device(program, |device| device.server.is_some() && !device.closed);
    let Some(index) = open else { return abort(program, set) };
    let device = &mut set.devices[index];
    device.closed = true;
    let handle = device.server.clone().unwrap_or_default();
    program.call(Process::Server, "CloseDevice", &handle, json!({}));
}

/// On an interface with which a set is made, opened or joined another is, too.
fn begins_too(program: &mut Program, set: &mut Set, last: &Value) {
    let (call, on) = (last["start"].as_str().unwrap_or_default(), last["on"].as_str());
    let (Some(process), Some(on)) = (process_of(last), on) else { return };
    let is_begun =
        matches!(call, "Create" | "CreateEx" | "Open" | "OpenInSecondary" | "OpenInSecondaryEx");
    if !is_begun {
        return abort(program, set);
    }
    let name = program.rng.one_of(&[set.ids.name, "another"]);
    let config = json!({ "deviceCount": 1 });
    match (process, program.rng.once_in(2)) {
        (Process::Server, _) => program.call(process, "Open", on, json!({ "name": name })),
        (Process::Primary, true) => {
            program.call(process, "CreateEx", on, json!({ "name": name, "config": config }))
        }
        (Process::Primary | Process::Secondary(_), _) => {
            program.call(process, "OpenInSecondary", on, json!({ "name": name }))
        }
    };
}
