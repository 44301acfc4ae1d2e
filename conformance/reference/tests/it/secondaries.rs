//! A history of several client processes, for the defects to be seen in.

use vdi_spec::codes::CommandCode::{Flush, Write};
use vdi_spec::codes::Win32;

use super::histories::Log;
use super::stage::{POLL, Stage, pipes};
use vdi_reference::{ClientSet, Mutant};

/// Two devices, the second opened by the secondary client that is given back.
fn shared(mutant: Option<Mutant>) -> (Log, ClientSet) {
    let mut log = Log::new(Stage::new(mutant));
    log.stage.configure(&pipes(2));
    let server = log.stage.server.clone();
    log.stage.lane("agent", move || server.execute_completion_agent());
    let second = log.stage.world.client_set("secondary");
    log.note("open", second.open_in_secondary(None, "S"));
    let first = log.stage.client.clone();
    for (client, name) in [(&first, "S"), (&second, "S"), (&second, "S2")] {
        let opened = client.open_device(name).expect("an answer");
        log.note("open", opened.0);
        log.stage.client_devices.extend(opened.1);
    }
    for name in ["S", "S2"] {
        let opened = log.stage.server.open_device(name).expect("an answer");
        log.stage.server_devices.extend(opened.1);
    }
    (log, second)
}

/// Opening, mapping, closing and dying.
pub(super) fn secondaries(mutant: Option<Mutant>) -> Vec<String> {
    [opening, mapping, closing, dying].into_iter().flat_map(|history| history(mutant)).collect()
}

fn opening(mutant: Option<Mutant>) -> Vec<String> {
    let mut log = Log::new(Stage::new(mutant));
    let second = log.stage.world.client_set("secondary");
    log.note("not created", second.open_in_secondary(None, "S"));
    log.stage.connect(&pipes(1));
    log.note("early", second.open_in_secondary(None, "S"));
    log.note("close", second.close());
    let mut lines = log.end();
    let mut log = Log::new(Stage::new(mutant));
    let (second, third) =
        (log.stage.world.client_set("secondary"), log.stage.world.client_set("secondary"));
    log.stage.configure(&pipes(1));
    log.note("open", second.open_in_secondary(None, "S"));
    log.note("again", second.open_in_secondary(None, "S"));
    log.note("abort", second.signal_abort());
    log.note("aborted", third.open_in_secondary(None, "S"));
    lines.append(&mut log.end());
    lines
}

fn mapping(mutant: Option<Mutant>) -> Vec<String> {
    let (mut log, second) = shared(mutant);
    let (server, client) = (log.stage.server.clone(), log.stage.client.clone());
    let buffer = server.allocate_buffer(512, 0).expect("an answer").1.map(|buffer| buffer.id);
    let touch = |log: &Log| buffer.map(|buffer| log.stage.world.touch("secondary", buffer));
    log.note("too early", client.get_buffer_handle(buffer));
    log.note("send", log.stage.send_buffer(0, 1, Write, buffer));
    let got = log.stage.get(0).ok();
    let handle = client.get_buffer_handle(buffer).expect("an answer");
    log.note("handle", handle);
    log.note("touch", touch(&log));
    log.note("map", second.map_buffer_handle(handle.1));
    log.note("touch", touch(&log));
    let foreign = log.stage.world.client_set("primary");
    log.note("create", foreign.create(None, "T", &pipes(1)));
    log.note("foreign", foreign.map_buffer_handle(handle.1));
    log.note("complete", log.stage.complete(0, got, Win32::ERROR_SUCCESS));
    log.note("free", server.free_buffer(buffer, None));
    log.note("freed", second.map_buffer_handle(handle.1));
    log.end()
}

fn closing(mutant: Option<Mutant>) -> Vec<String> {
    let (mut log, second) = shared(mutant);
    log.note("close", second.close());
    let mut lines = log.end();
    let (mut log, second) = shared(mutant);
    log.note("close", log.stage.server_devices[1].close_device());
    let last = log.stage.client_devices.last().cloned();
    log.note("get", last.map(|device| device.get_command(POLL)));
    log.note("close", second.close());
    log.note("send", log.stage.send(0, 1, Flush));
    lines.append(&mut log.end());
    let (mut log, _) = shared(mutant);
    log.note("close", log.stage.server_devices[0].close_device());
    log.note("get", log.stage.get(0));
    log.note("close", log.stage.client.close());
    lines.append(&mut log.end());
    lines
}

fn dying(mutant: Option<Mutant>) -> Vec<String> {
    let (log, _) = shared(mutant);
    log.stage.world.exit("secondary");
    log.end()
}
