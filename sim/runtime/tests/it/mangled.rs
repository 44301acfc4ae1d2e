//! A process that may write the object cuts it short, removes its name or overwrites it, at
//! any moment, and may die then: the others end by themselves, by no signal.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::thread;
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use vdi_runtime::{ClientDevice, ClientSet, Delivered, Timeout};
use vdi_spec::codes::{HResult, Win32};
use vdi_spec::config::VdConfig;

use super::roles::{Other, SET, Size, in_time, new_prefix, objects, shared};

const ENDLESS: Size = Size { devices: 2, commands: u64::MAX, client_abort: 0, server_abort: 0 };

/// Four for each second of `VDI_STRESS`; 40 if it is not set.
fn rounds() -> u64 {
    let seconds = std::env::var("VDI_STRESS").ok().and_then(|text| text.parse::<u64>().ok());
    seconds.map_or(40, |seconds| seconds * 4)
}

#[expect(clippy::disallowed_methods, reason = "any moment is what is tried")]
fn any_moment(random: &mut ChaCha8Rng) {
    thread::sleep(Duration::from_micros(u64::from(random.next_u32() % 20_000)));
}

/// Cut short, with its name or without, both in the midst of commands.
#[test]
fn an_object_cut_short_ends_nobody() {
    for seed in 0..rounds() {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let prefix = new_prefix();
        let client = Other::start("client", &prefix, ENDLESS);
        let server = Other::start("server", &prefix, ENDLESS);
        server.until("opened");
        if seed % 4 != 0 {
            client.until("open");
        }
        any_moment(&mut random);
        let path = objects(&prefix).remove(0);
        let file = OpenOptions::new().write(true).open(&path).expect("it is ours");
        let length = file.metadata().expect("it exists").len();
        if seed % 3 == 0 {
            fs::remove_file(&path).expect("it exists");
        }
        let left = match random.next_u32() % 4 {
            0 => 0,
            1 => 4096,
            2 => random.next_u64() % length,
            // Only buffers are lost.
            _ => length - 65_536 - random.next_u64() % 4096,
        };
        file.set_len(left).expect("it is ours");
        // Where only what they do not look at was lost they would go on for ever.
        any_moment(&mut random);
        file.set_len(0).expect("it is ours");
        client.end();
        server.end();
        vdi_runtime::remove_leftovers(&prefix);
    }
}

/// Overwritten by a client that is dead then, whatever it has written.
#[test]
fn who_overwrites_and_dies_is_noticed() {
    for seed in 0..rounds() {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let prefix = new_prefix();
        let client = Other::start("client", &prefix, ENDLESS);
        let server = Other::start("server", &prefix, ENDLESS);
        client.until("open");
        any_moment(&mut random);
        let (mut victim, survivor) =
            if seed % 2 == 0 { (client, server) } else { (server, client) };
        victim.stop();
        let file = OpenOptions::new().write(true).open(objects(&prefix).remove(0));
        let file = file.expect("it is ours");
        // The first words decide most; the sides come last before the area.
        let (start, length) =
            [(0, 256), (0, 1024), (256, 2048), (0, 65_536)][(seed / 2 % 4) as usize];
        let mut bytes = vec![0; length];
        if random.next_u32() % 2 == 0 {
            random.fill_bytes(&mut bytes);
        }
        file.write_all_at(&bytes, start).expect("written");
        victim.kill();
        survivor.end();
        vdi_runtime::remove_leftovers(&prefix);
    }
}

/// A client that was given a Write, of a server that is another process.
struct Given {
    server: Other,
    set: ClientSet,
    device: ClientDevice,
    command: Delivered,
}

impl Given {
    fn of(prefix: &str) -> Self {
        let set = shared(prefix).client_set();
        let config = VdConfig { device_count: 1, ..VdConfig::default() };
        set.create(None, SET, &config).expect("a new name");
        let one = Size { devices: 1, ..ENDLESS };
        let server = Other::start("server", prefix, one);
        let waiting = set.clone();
        in_time(move || waiting.get_configuration(Timeout::Infinite)).expect("configured");
        let device = set.open_device(SET).expect("configured");
        let first = device.clone();
        let command = in_time(move || first.get_command(Timeout::Infinite)).expect("a command");
        Self { server, set, device, command }
    }
}

/// Cuts the last buffer off the object.
fn cut(prefix: &str) {
    let object = OpenOptions::new().write(true).open(objects(prefix).remove(0)).expect("ours");
    let length = object.metadata().expect("it exists").len();
    object.set_len(length - 65_536).expect("it is ours");
}

/// What was cut off is never taken for data: the client is refused, and the set aborted.
#[test]
fn lost_bytes_are_unexpected() {
    let prefix = new_prefix();
    let Given { server, set, device, command } = Given::of(&prefix);
    let bytes = command.buffer.as_ref().and_then(vdi_runtime::Buffer::bytes).expect("a Write");
    cut(&prefix);
    let mut data = vec![1; 65_536];
    bytes.copy_to(&mut data);
    assert!(data.iter().all(|byte| *byte == 0), "there is nothing");
    let unexpected = HResult::VD_E_UNEXPECTED;
    let done = device.complete_command(command.command, Win32::ERROR_SUCCESS, 65_536, 0);
    assert_eq!(done, Err(unexpected));
    assert_eq!(device.get_command(Timeout::Infinite).err(), Some(unexpected));
    // The other side hears of the abort.
    server.end();
    let _ = set.close();
    assert!(objects(&prefix).is_empty());
}

/// Reading from and writing to files, which the system does.
#[test]
fn the_system_finds_lost_bytes_too() {
    let prefix = new_prefix();
    let Given { server, set, device, command } = Given::of(&prefix);
    let bytes = command.buffer.as_ref().and_then(vdi_runtime::Buffer::bytes).expect("a Write");
    cut(&prefix);
    let medium = tempfile::tempfile().expect("a file");
    bytes.write_to(&medium, 0, 65_536).expect("it goes on");
    assert_eq!(bytes.read_from(&medium, 0, 65_536).expect("it goes on"), 65_536);
    let done = device.complete_command(command.command, Win32::ERROR_SUCCESS, 65_536, 0);
    assert_eq!(done, Err(HResult::VD_E_UNEXPECTED));
    server.end();
    let _ = set.close();
}
