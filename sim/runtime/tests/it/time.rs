//! Time-outs by the real clock: what happens, never how long it took.

use std::sync::mpsc;
use std::thread;

use vdi_runtime::{
    ClientDevice, ClientSet, Machine, Options, SendCommand, ServerDevice, ServerSet, Timeout,
};
use vdi_spec::codes::{CommandCode, Features, HResult, Win32};
use vdi_spec::config::{ServerConfig, VdConfig};

use super::roles::{PATIENCE, SET, in_time, new_prefix, shared};

/// Milliseconds: short, and long enough for a thread to get its turn.
const SHORT: u32 = 30;

struct Active {
    server: ServerSet,
    client: ClientSet,
    server_device: ServerDevice,
    client_device: ClientDevice,
    agent: thread::JoinHandle<Result<(), HResult>>,
}

fn active(machine: &Machine, server_time_out: u32) -> Active {
    let (server, client) = (machine.server_set(), machine.client_set());
    let features = Features::REMOVABLE;
    let config = VdConfig { device_count: 1, features, server_time_out, ..VdConfig::default() };
    client.create(None, SET, &config).expect("a new name");
    let early = client.get_configuration(Timeout::Milliseconds(SHORT));
    assert_eq!(early.err(), Some(HResult::VD_E_TIMEOUT), "nobody has configured it");
    server.open(None, SET).expect("created");
    let part =
        ServerConfig { block_size: 512, max_transfer_size: 65_536, ..ServerConfig::default() };
    server.begin_configuration(&part).expect("connected");
    server.end_configuration().expect("configurable");
    client.get_configuration(Timeout::Milliseconds(SHORT)).expect("configured");
    let server_device = server.open_device(SET).expect("initializing");
    let client_device = client.open_device(SET).expect("initializing");
    let agent = {
        let server = server.clone();
        thread::spawn(move || in_time(move || server.execute_completion_agent()))
    };
    Active { server, client, server_device, client_device, agent }
}

impl Active {
    /// Sends a command, as soon as the agent runs; what its callback will tell.
    fn send(&self, code: CommandCode) -> mpsc::Receiver<Win32> {
        loop {
            let (done, ended) = mpsc::channel();
            let callback = Box::new(move |how: vdi_runtime::Completion| {
                done.send(how.code).expect("somebody listens");
            });
            let command =
                SendCommand { tag: 0, code, buffer: None, size: 0, position: 0, callback };
            match self.server_device.send_command(command) {
                Err(HResult::VD_E_PROTOCOL) => thread::yield_now(),
                sent => {
                    assert_eq!(sent, Ok(()));
                    return ended;
                }
            }
        }
    }
}

/// Between threads, and over shared memory.
fn machines() -> [Machine; 2] {
    [Machine::in_memory(Options::default()), shared(&new_prefix())]
}

#[test]
fn get_command_times_out_and_a_poll_does_not_wait() {
    for machine in machines() {
        let set = active(&machine, 0);
        for timeout in [SHORT, 0] {
            let got = set.client_device.get_command(Timeout::Milliseconds(timeout));
            assert_eq!(got.err(), Some(HResult::VD_E_TIMEOUT));
        }
        // What comes in time is delivered.
        let ended = set.send(CommandCode::Flush);
        let device = set.client_device.clone();
        let command = in_time(move || device.get_command(Timeout::Milliseconds(20_000)));
        let command = command.expect("it was sent").command;
        set.client_device.complete_command(command, Win32::ERROR_SUCCESS, 0, 0).expect("held");
        assert_eq!(ended.recv_timeout(PATIENCE), Ok(Win32::ERROR_SUCCESS));
        set.server.close().expect_err("a device is open");
        assert_eq!(set.agent.join().expect("no hang"), Ok(()));
        assert_eq!(set.client.close(), Ok(()));
    }
}

/// Source: SQL Server 2005 Virtual Backup Device Specification, VDConfig Structure
/// (serverTimeOut).
#[test]
fn two_intervals_without_a_completion_abort_the_set() {
    for machine in machines() {
        let set = active(&machine, SHORT);
        let ended = set.send(CommandCode::Flush);
        let device = set.client_device.clone();
        in_time(move || device.get_command(Timeout::Infinite)).expect("it was sent");
        assert_eq!(ended.recv_timeout(PATIENCE), Ok(Win32::ERROR_OPERATION_ABORTED));
        assert_eq!(set.agent.join().expect("no hang"), Ok(()));
        let device = set.client_device.clone();
        let next = in_time(move || device.get_command(Timeout::Infinite));
        assert_eq!(next.err(), Some(HResult::VD_E_ABORT));
        assert_eq!((set.server.close(), set.client.close()), (Ok(()), Ok(())));
    }
}

/// Source: SQL Server 2005 Virtual Backup Device Specification, Commands (Load).
#[test]
fn a_load_counts_towards_the_intervals() {
    for machine in machines() {
        let set = active(&machine, SHORT);
        let ended = set.send(CommandCode::Load);
        let device = set.client_device.clone();
        let load = in_time(move || device.get_command(Timeout::Infinite)).expect("it was sent");
        assert_eq!(ended.recv_timeout(PATIENCE), Ok(Win32::ERROR_OPERATION_ABORTED));
        assert_eq!(set.agent.join().expect("no hang"), Ok(()));
        let done = set.client_device.complete_command(load.command, Win32::ERROR_SUCCESS, 0, 0);
        assert_eq!(done, Err(HResult::VD_E_ABORT));
        assert_eq!((set.server.close(), set.client.close()), (Ok(()), Ok(())));
    }
}
