//! The other process is not trusted: whatever it writes into the shared memory, calls
//! return, nothing panics, and what cannot be aborts the set.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::sync::mpsc;
use std::thread;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use vdi_runtime::{
    ClientDevice, ClientSet, Machine, SendCommand, ServerDevice, ServerSet, Timeout,
};
use vdi_spec::codes::{CommandCode, HResult, Win32};
use vdi_spec::config::{ServerConfig, VdConfig};

use super::roles::{PATIENCE, SET, in_time, new_prefix, objects, shared};

/// An active set with two devices, both halves in this process.
struct Both {
    prefix: String,
    server: ServerSet,
    client: ClientSet,
    server_devices: Vec<ServerDevice>,
    client_devices: Vec<ClientDevice>,
    agent: thread::JoinHandle<Result<(), HResult>>,
}

impl Both {
    fn new() -> Self {
        let prefix = new_prefix();
        let machine: Machine = shared(&prefix);
        let (server, client) = (machine.server_set(), machine.client_set());
        let config = VdConfig { device_count: 2, ..VdConfig::default() };
        client.create(None, SET, &config).expect("a new name");
        server.open(None, SET).expect("created");
        let part =
            ServerConfig { block_size: 512, max_transfer_size: 65_536, ..ServerConfig::default() };
        server.begin_configuration(&part).expect("connected");
        server.request_buffers(4096, 0, 4).expect("configurable");
        server.end_configuration().expect("configurable");
        client.get_configuration(Timeout::Milliseconds(0)).expect("configured");
        let open = |name| (server.open_device(name), client.open_device(name));
        let (one, other) = (open(SET), open("T"));
        let agent = {
            let server = server.clone();
            thread::spawn(move || server.execute_completion_agent())
        };
        let both = Self {
            prefix,
            server_devices: vec![one.0.expect("opened"), other.0.expect("opened")],
            client_devices: vec![one.1.expect("opened"), other.1.expect("opened")],
            server,
            client,
            agent,
        };
        both.wait_for_agent();
        both
    }

    /// Sends commands until one is taken: the agent runs.
    fn wait_for_agent(&self) {
        while self.send(0).0 == Err(HResult::VD_E_PROTOCOL) {
            thread::yield_now();
        }
        let device = &self.client_devices[0];
        let command = device.get_command(Timeout::Infinite).expect("it was taken");
        device
            .complete_command(command.command, Win32::ERROR_SUCCESS, 512, 0)
            .expect("it was delivered");
    }

    /// Sends a Write, and gives what its callback will tell.
    fn send(&self, device: usize) -> (Result<(), HResult>, mpsc::Receiver<Win32>) {
        let (done, ended) = mpsc::channel();
        let buffer = self.server.allocate_buffer(512, 0).ok();
        let sent = self.server_devices[device].send_command(SendCommand {
            tag: 7,
            code: CommandCode::Write,
            buffer,
            size: 512,
            position: 0,
            callback: Box::new(move |how| {
                // A set that is corrupt may be closed before anybody listens.
                let _ = done.send(how.code);
            }),
        });
        (sent, ended)
    }

    /// Every function once, and the end. Statuses may be anything; every command is
    /// called back once.
    fn go_through(self) {
        let sent: Vec<_> = [0, 1, 0].into_iter().map(|device| self.send(device)).collect();
        for device in &self.client_devices {
            if let Ok(command) = device.get_command(Timeout::Milliseconds(0)) {
                let bytes = command.buffer.as_ref().and_then(|buffer| buffer.bytes());
                let _ = bytes.map(|bytes| bytes.copy_to(&mut [0; 16]));
                if let Some(buffer) = &command.buffer
                    && let Ok(handle) = self.client.get_buffer_handle(buffer)
                {
                    let _ = self.client.map_buffer_handle(handle);
                }
                let _ = device.complete_command(command.command, Win32::ERROR_DISK_FULL, 0, 0);
            }
        }
        let again: Vec<_> = [0, 1].into_iter().map(|device| self.send(device)).collect();
        let _ = self.client.get_configuration(Timeout::Milliseconds(0));
        let _ = self.server.get_configuration();
        let _ = self.server.query_available_buffers(512, 0);
        let _ = self.server.request_buffers(512, 0, 1);
        let _ = self.client.open_device("U");
        let _ = self.server_devices[1].close_device();
        let _ = self.client_devices[1].get_command(Timeout::Milliseconds(0));
        let _ = self.client.close();
        let _ = self.server.close();
        let _ = self.agent.join().expect("no panic");
        for (_, ended) in sent.into_iter().chain(again) {
            assert!(ended.recv_timeout(PATIENCE).is_ok(), "called back");
            assert!(ended.recv_timeout(PATIENCE).is_err(), "called back once");
        }
        // Nothing that was written may make a set stay.
        vdi_runtime::remove_leftovers(&self.prefix);
    }

    /// Overwrites some of the first so many bytes, as a broken process would.
    fn scribble(&self, random: &mut ChaCha8Rng, within: u64, words: u32) {
        let objects = objects(&self.prefix);
        let file = OpenOptions::new().write(true).open(&objects[0]).expect("it is ours");
        let within = within.min(file.metadata().expect("it exists").len());
        for _ in 0..words {
            let place = random.next_u64() % within / 4 * 4;
            let value = match random.next_u32() % 4 {
                0 => 0,
                1 => u32::MAX,
                2 => random.next_u32() % 16,
                _ => random.next_u32(),
            };
            file.write_all_at(&value.to_le_bytes(), place).expect("written");
        }
    }
}

/// Twenty for each second of `VDI_STRESS`; 200 if it is not set.
fn rounds() -> u64 {
    let seconds = std::env::var("VDI_STRESS").ok().and_then(|text| text.parse::<u64>().ok());
    seconds.map_or(200, |seconds| seconds * 20)
}

#[test]
fn whatever_is_scribbled_calls_return() {
    for seed in 0..rounds() {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let both = Both::new();
        // The words that decide most come first.
        let within = [256, 1024, 1 << 20][(seed % 3) as usize];
        let words = [1, 4, 64, 4096][(seed / 3 % 4) as usize];
        both.scribble(&mut random, within, words);
        in_time(move || both.go_through());
    }
}

#[test]
fn a_state_that_does_not_exist_aborts_the_set() {
    let both = Both::new();
    let (sent, ended) = both.send(0);
    assert_eq!(sent, Ok(()));
    let objects = objects(&both.prefix);
    let file = OpenOptions::new().write(true).open(&objects[0]).expect("it is ours");
    // The state word follows the magic, the salt and the count of devices.
    file.write_all_at(&77_u32.to_le_bytes(), 24).expect("written");
    let unexpected = Some(HResult::VD_E_UNEXPECTED);
    assert_eq!(both.client_devices[0].get_command(Timeout::Infinite).err(), unexpected);
    assert_eq!(both.send(1).0.err(), unexpected);
    assert_eq!(ended.recv_timeout(PATIENCE), Ok(Win32::ERROR_OPERATION_ABORTED));
    assert_eq!(both.agent.join().expect("no panic").err(), unexpected);
    let _ = both.client.close();
    let _ = both.server.close();
    assert!(super::roles::objects(&both.prefix).is_empty());
}
