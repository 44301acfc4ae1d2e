//! Histories of two sets of one machine, each with interfaces of its own: for the defects
//! that outlast a set, or are of all of them.

use vdi_spec::codes::CommandCode::Flush;
use vdi_spec::codes::Win32;
use vdi_spec::config::{ServerConfig, VdConfig};

use super::histories::Log;
use super::stage::{POLL, Stage, pipes, server_part};
use vdi_reference::{Mutant, Options};

fn timed(mutant: Option<Mutant>) -> Stage {
    Stage::with(Options { virtual_time: true, mutant, ..Options::default() })
}

/// Brings a second set up as far as it goes.
fn bring_up(log: &mut Log, set: &mut Stage, name: &'static str, config: &VdConfig) {
    let part = ServerConfig { block_size: 1024, ..server_part() };
    log.note("create", set.client.create(None, name, config));
    log.note("poll", set.client.get_configuration(POLL));
    log.note("open", set.server.open(None, name));
    log.note("asked", set.server.get_configuration());
    log.note("begin", set.server.begin_configuration(&part));
    log.note("request", set.server.request_buffers(65536, 0, 1));
    log.note("end", set.server.end_configuration());
    log.note("open early", set.client.open_device(name).map(|(status, _)| status));
    log.note("available", set.server.query_available_buffers(65536, 0));
    log.note("told", set.client.get_configuration(POLL));
    let server = set.server.clone();
    set.lane("late agent", move || server.execute_completion_agent());
    for slot in 1..=config.device_count {
        let device = if slot == 1 { name.to_owned() } else { format!("D{slot}") };
        let (status, opened) = set.server.open_device(&device).expect("an answer");
        set.server_devices.extend(opened);
        log.note("server opens", status);
        let (status, opened) = set.client.open_device(&device).expect("an answer");
        set.client_devices.extend(opened);
        log.note("client opens", status);
    }
    log.note("one more", set.server.open_device("D9").map(|(status, _)| status));
}

/// One command from SendCommand to CompleteCommand, as far as there is a device.
fn exchange(log: &mut Log, set: &Stage, slot: usize, tag: u64) {
    if slot >= set.server_devices.len() || slot >= set.client_devices.len() {
        return log.note("no device", slot);
    }
    log.note("send", set.send(slot, tag, Flush));
    let got = set.get(slot);
    log.note("get", got);
    log.note("complete", set.complete(slot, got.ok(), Win32::ERROR_SUCCESS));
}

/// The first ends with a device in the error state and a command queued; the second has its
/// name.
pub(super) fn after(mutant: Option<Mutant>) -> Vec<String> {
    let config = VdConfig { server_time_out: 1, ..pipes(2) };
    let mut log = Log::new(timed(mutant).active(&config));
    log.note("allocate", log.stage.server.allocate_buffer(65536, 0));
    log.note("send", log.stage.send(0, 1, Flush));
    log.note("send", log.stage.send(1, 2, Flush));
    let got = log.stage.get(0).ok();
    log.note("complete", log.stage.complete(0, got, Win32::ERROR_DISK_FULL));
    log.note("abort", log.stage.server.signal_abort());
    log.note("close", log.stage.server.close());
    log.note("close", log.stage.client.close());
    let mut second = log.stage.beside();
    bring_up(&mut log, &mut second, "S", &pipes(3));
    for slot in 0..3 {
        exchange(&mut log, &second, slot, 10 + slot as u64);
    }
    log.end()
}

/// Both are active at the same time.
pub(super) fn beside(mutant: Option<Mutant>) -> Vec<String> {
    let config = VdConfig { server_time_out: 2, ..pipes(2) };
    let mut log = Log::new(timed(mutant).active(&config));
    let buffer = log.stage.server.allocate_buffer(512, 0).expect("an answer").1.map(|b| b.id);
    let mut second = log.stage.beside();
    bring_up(&mut log, &mut second, "T", &VdConfig { server_time_out: 6, ..pipes(2) });
    log.note("shared", second.server.is_shared_buffer(buffer));
    log.note("free", second.server.free_buffer(buffer, None));
    log.note("shared", log.stage.server.is_shared_buffer(buffer));
    let own = second.server.allocate_buffer(512, 0).expect("an answer").1.map(|b| b.id);
    for tag in 1..=4 {
        log.note("send", log.stage.send(0, tag, Flush));
    }
    exchange(&mut log, &second, 0, 10);
    let got = log.stage.get(0).ok();
    if !second.client_devices.is_empty() {
        log.note("elsewhere", second.complete(0, got, Win32::ERROR_SUCCESS));
    }
    log.note("here", log.stage.complete(0, got, Win32::ERROR_DISK_FULL));
    exchange(&mut log, &second, 0, 11);
    log.note("send", log.stage.send(1, 5, Flush));
    log.stage.expire("agent", Some(2));
    log.rest();
    exchange(&mut log, &second, 1, 12);
    log.stage.expire("agent", Some(2));
    log.rest();
    log.note("close", log.stage.server.close());
    if let Some(own) = own {
        log.note("touch", log.stage.world.touch("server", own));
    }
    exchange(&mut log, &second, 1, 13);
    log.end()
}

/// The server dies with both of them open.
pub(super) fn death(mutant: Option<Mutant>) -> Vec<String> {
    let mut log = Log::new(timed(mutant).active(&pipes(1)));
    let mut second = log.stage.beside();
    bring_up(&mut log, &mut second, "T", &pipes(1));
    log.stage.world.exit("server");
    log.note("first", log.stage.get(0));
    if !second.client_devices.is_empty() {
        log.note("second", second.get(0));
    }
    log.end()
}
