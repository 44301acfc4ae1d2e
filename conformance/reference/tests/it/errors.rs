//! Histories of devices that fail while more is going on.

use vdi_reference::{Mutant, Options};
use vdi_spec::codes::CommandCode::{ClearError, Flush, Snapshot};
use vdi_spec::codes::Win32;
use vdi_spec::config::VdConfig;

use super::histories::Log;
use super::stage::{Stage, pipes};

/// A device fails twice while the client holds another command, and is closed the second time.
pub(super) fn again(mutant: Option<Mutant>) -> Vec<String> {
    let mut log = Log::new(Stage::new(mutant).active(&pipes(1)));
    for round in [10, 20] {
        log.note("send", log.stage.send(0, round + 1, Flush));
        log.note("send", log.stage.send(0, round + 2, Flush));
        let [fails, held] = [(); 2].map(|()| log.stage.get(0).ok());
        log.note("fail", log.stage.complete(0, fails, Win32::ERROR_DISK_FULL));
        log.rest();
        log.note("send", log.stage.send(0, round + 3, ClearError));
        log.note("held back", log.stage.get(0));
        if round == 20 {
            log.note("close device", log.stage.server_devices[0].close_device());
            log.note("held back", log.stage.get(0));
        }
        log.note("complete", log.stage.complete(0, held, Win32::ERROR_SUCCESS));
        let clear = log.stage.get(0).ok();
        log.note("complete", log.stage.complete(0, clear, Win32::ERROR_SUCCESS));
        log.rest();
    }
    log.end()
}

/// What fell with its device is not called back yet when the set is aborted.
pub(super) fn fallen(mutant: Option<Mutant>) -> Vec<String> {
    let mut log = Log::new(Stage::new(mutant).active(&pipes(1)));
    let (status, let_go) = log.stage.send_held(0, 1);
    log.note("send", status);
    let held = log.stage.get(0).ok();
    log.note("complete", log.stage.complete(0, held, Win32::ERROR_SUCCESS));
    log.note("send", log.stage.send(0, 2, Flush));
    log.note("send", log.stage.send(0, 3, Flush));
    let fails = log.stage.get(0).ok();
    log.note("fail", log.stage.complete(0, fails, Win32::ERROR_DISK_FULL));
    log.note("abort", log.stage.server.signal_abort());
    drop(let_go);
    log.end()
}

/// A Snapshot behind another command.
pub(super) fn snapshot(mutant: Option<Mutant>) -> Vec<String> {
    let mut log = Log::new(Stage::new(mutant).active(&pipes(1)));
    log.note("send", log.stage.send(0, 1, Flush));
    log.note("send", log.stage.send(0, 2, Snapshot));
    log.note("get", log.stage.get(0));
    log.note("get", log.stage.get(0));
    log.end()
}

/// A failure between two intervals of serverTimeOut.
pub(super) fn in_time(mutant: Option<Mutant>) -> Vec<String> {
    let config = VdConfig { server_time_out: 1, ..pipes(2) };
    let options = Options { virtual_time: true, mutant, ..Options::default() };
    let mut log = Log::new(Stage::with(options).active(&config));
    log.note("send", log.stage.send(0, 1, Flush));
    log.note("send", log.stage.send(1, 2, Flush));
    log.rest();
    log.stage.expire("agent", None);
    let fails = log.stage.get(1).ok();
    log.note("fail", log.stage.complete(1, fails, Win32::ERROR_DISK_FULL));
    log.rest();
    log.stage.expire("agent", None);
    log.note("an interval", log.stage.blocked());
    let mut lines = log.end();
    lines.append(&mut in_parts(mutant));
    lines
}

/// A part of an interval has passed when a command is completed.
fn in_parts(mutant: Option<Mutant>) -> Vec<String> {
    let config = VdConfig { server_time_out: 10, ..pipes(2) };
    let options = Options { virtual_time: true, mutant, ..Options::default() };
    let mut log = Log::new(Stage::with(options).active(&config));
    log.note("send", log.stage.send(0, 1, Flush));
    log.note("send", log.stage.send(1, 2, Flush));
    log.rest();
    log.stage.expire("agent", Some(9));
    let done = log.stage.get(1).ok();
    log.note("done", log.stage.complete(1, done, Win32::ERROR_SUCCESS));
    for milliseconds in [10, 9, 1] {
        log.rest();
        log.stage.expire("agent", Some(milliseconds));
        log.note("in parts", log.stage.blocked());
    }
    log.end()
}
