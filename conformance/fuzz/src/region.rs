//! The shared memory of a set, written by a peer that lies: both halves are in this process,
//! and between their calls the input says what stands in which word.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use arbitrary::{Arbitrary, Unstructured};
use vdi_runtime::{
    Buffer, ClientDevice, ClientSet, Delivered, Machine, Options, SendCommand, ServerDevice,
    ServerSet, Timeout,
};
use vdi_spec::codes::{CommandCode, HResult, Win32};
use vdi_spec::config::{ServerConfig, VdConfig};

/// Steps of one input, at most.
const MOST: usize = 40;

const SET: &str = "S";

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// Milliseconds of 0: nobody waits.
const NOW: Timeout = Timeout::Milliseconds(0);

/// What a peer writes into a word.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Value {
    Zero,
    Ones,
    Small(u8),
    Bit(u8),
    Any(u64),
}

impl Value {
    fn word(self) -> u64 {
        match self {
            Self::Zero => 0,
            Self::Ones => u64::MAX,
            Self::Small(small) => small.into(),
            Self::Bit(bit) => 1 << (bit % 64),
            Self::Any(any) => any,
        }
    }
}

/// One step.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Step {
    /// Of the first words, which decide most: identity, state, progress, configurations.
    Head(u8, Value),
    /// Of the segments and buffers.
    Area(u16, Value),
    /// Of the devices, behind the set's own words: rings, ends, bells.
    Device(u16, Value),
    Any(u32, Value),
    /// Half a word.
    Half(u16, u32),
    Send(bool),
    Get(bool),
    Complete(bool),
    Allocate,
    Free,
    Query,
    Configuration,
    BufferHandle,
    CloseDevice(bool),
    Abort(bool),
    Open,
    Create,
    Find,
}

/// An active set of two devices.
struct Both {
    machine: Machine,
    object: File,
    length: u64,
    server: ServerSet,
    client: ClientSet,
    server_devices: [ServerDevice; 2],
    client_devices: [ClientDevice; 2],
    buffers: Vec<Buffer>,
    delivered: Vec<(usize, Delivered)>,
    /// What each accepted or refused command's callback tells.
    told: Vec<Receiver<Win32>>,
}

fn new_prefix() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("vdi-fuzz-{}-{number}-", std::process::id())
}

/// The shared memory object under this prefix.
fn object(prefix: &str) -> PathBuf {
    let entries = fs::read_dir("/dev/shm").expect("a place for shared memory");
    let mut paths = entries.flatten().map(|entry| entry.path());
    let ours = |path: &PathBuf| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix))
    };
    paths.find(ours).expect("an object")
}

impl Both {
    fn new(prefix: &str) -> Self {
        let options = Options { prefix: prefix.to_owned(), ..Options::default() };
        let machine = Machine::shared_memory(options);
        let (server, client) = (machine.server_set(), machine.client_set());
        let config = VdConfig { device_count: 2, ..VdConfig::default() };
        client.create(None, SET, &config).expect("a new name");
        server.open(None, SET).expect("created");
        let part =
            ServerConfig { block_size: 512, max_transfer_size: 65_536, ..ServerConfig::default() };
        server.begin_configuration(&part).expect("connected");
        server.request_buffers(4096, 0, 4).expect("configurable");
        server.end_configuration().expect("configurable");
        client.get_configuration(NOW).expect("configured");
        let names = [SET, "T"];
        let server_devices = names.map(|name| server.open_device(name).expect("opened"));
        let client_devices = names.map(|name| client.open_device(name).expect("opened"));
        let file = OpenOptions::new().write(true).open(object(prefix)).expect("ours");
        let length = file.metadata().expect("it exists").len();
        let (buffers, delivered, told) = (Vec::new(), Vec::new(), Vec::new());
        Self {
            machine,
            object: file,
            length,
            server,
            client,
            server_devices,
            client_devices,
            buffers,
            delivered,
            told,
        }
    }

    fn write(&self, place: u64, bytes: &[u8]) {
        let place = place.min(self.length - bytes.len() as u64);
        self.object.write_all_at(bytes, place).expect("written");
    }

    fn word(&self, place: u64, value: Value) {
        self.write(place / 4 * 4, &value.word().to_le_bytes());
    }

    fn send(&mut self, device: usize) {
        let (done, ended) = channel();
        let buffer =
            self.buffers.last().cloned().or_else(|| self.server.allocate_buffer(512, 0).ok());
        let _ = self.server_devices[device].send_command(SendCommand {
            tag: 7,
            code: CommandCode::Write,
            buffer,
            size: 512,
            position: 0,
            callback: Box::new(move |how| {
                let _ = done.send(how.code);
            }),
        });
        self.told.push(ended);
    }

    fn get(&mut self, device: usize) {
        if let Ok(command) = self.client_devices[device].get_command(NOW) {
            if let Some(bytes) = command.buffer.as_ref().and_then(|buffer| buffer.bytes()) {
                bytes.copy_to(&mut [0; 16]);
                bytes.copy_from(&[7; 16]);
            }
            self.delivered.push((device, command));
        }
    }

    fn handle(&self) {
        let Some((_, command)) = self.delivered.last() else { return };
        if let Some(buffer) = &command.buffer
            && let Ok(handle) = self.client.get_buffer_handle(buffer)
        {
            let _ = self.client.map_buffer_handle(handle);
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Head(place, value) => self.word(u64::from(place) * 4, value),
            Step::Area(place, value) => self.word(512 + u64::from(place) % 32_768, value),
            Step::Device(place, value) => {
                let control = self.length.saturating_sub(4 * 65_536);
                self.word(control.saturating_sub(u64::from(place)), value);
            }
            Step::Any(place, value) => self.word(u64::from(place) % self.length, value),
            Step::Half(place, value) => {
                self.write(u64::from(place) / 4 * 4, &value.to_le_bytes());
            }
            Step::Send(other) => self.send(usize::from(other)),
            Step::Get(other) => self.get(usize::from(other)),
            Step::Complete(well) => {
                if let Some((device, command)) = self.delivered.pop() {
                    let (code, bytes) = if well {
                        (Win32::ERROR_SUCCESS, 512)
                    } else {
                        (Win32::ERROR_DISK_FULL, 0)
                    };
                    let _ = self.client_devices[device].complete_command(
                        command.command,
                        code,
                        bytes,
                        0,
                    );
                }
            }
            Step::Allocate => self.buffers.extend(self.server.allocate_buffer(1024, 0).ok()),
            Step::Free => {
                if let Some(buffer) = self.buffers.pop() {
                    let _ = self.server.free_buffer(&buffer, 1024);
                }
            }
            Step::Query => drop(self.server.query_available_buffers(512, 0)),
            Step::Configuration => {
                let _ = self.client.get_configuration(NOW);
                let _ = self.server.get_configuration();
            }
            Step::BufferHandle => self.handle(),
            Step::CloseDevice(other) => {
                let _ = self.server_devices[usize::from(other)].close_device();
            }
            Step::Abort(server) => {
                let _ =
                    if server { self.server.signal_abort() } else { self.client.signal_abort() };
            }
            Step::Open => drop(self.client.open_device("U")),
            Step::Create => {
                let other = self.machine.client_set();
                if other
                    .create(None, SET, &VdConfig { device_count: 1, ..VdConfig::default() })
                    .is_ok()
                {
                    let _ = other.close();
                }
            }
            Step::Find => {
                let other = self.machine.server_set();
                if other.open(None, SET).is_ok() {
                    let _ = other.close();
                }
            }
        }
    }
}

/// Whatever stands in the memory: calls return, nothing panics, and every command is called
/// back once.
pub(super) fn control(input: &[u8]) {
    let mut input = Unstructured::new(input);
    let prefix = new_prefix();
    let mut both = Both::new(&prefix);
    let agent = both.server.clone();
    let agent = thread::spawn(move || agent.execute_completion_agent());
    for _ in 0..MOST {
        if input.is_empty() {
            break;
        }
        let Ok(step) = Step::arbitrary(&mut input) else { break };
        both.step(step);
    }
    let _ = both.client.close();
    let _ = both.server.close();
    let ended: Result<(), HResult> = agent.join().expect("no panic");
    let _ = ended;
    for told in both.told {
        assert!(told.recv_timeout(PATIENCE).is_ok(), "called back");
        assert!(told.recv_timeout(PATIENCE).is_err(), "called back once");
    }
    vdi_runtime::remove_leftovers(&prefix);
}
