//! Media of two devices: a sound backup, changed as the input says, and restored.

use std::fs;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use arbitrary::{Arbitrary, Unstructured};
use tempfile::TempDir;
use vdi_runtime::{ClientDevice, Delivered, Machine, Options, Timeout};
use vdi_server::{Databases, Faults, Order, Server, Stop, parse};
use vdi_spec::codes::{CommandCode, Features, Win32};
use vdi_spec::config::VdConfig;

/// Bytes of a block of a medium.
const BLOCK: usize = 65_536;

/// Changes of one input, at most.
const MOST: usize = 12;

const ON_TWO: &str = "VIRTUAL_DEVICE='s', VIRTUAL_DEVICE='t'";

/// What is asked for of the media; the last two look at no sum.
const STATEMENTS: &[&str] = &[
    "RESTORE DATABASE x FROM",
    "RESTORE VERIFYONLY FROM",
    "RESTORE HEADERONLY FROM",
    "RESTORE FILELISTONLY FROM",
    "RESTORE LABELONLY FROM",
    "RESTORE LOG x FROM",
    "RESTORE DATABASE y FROM",
];

/// What lies on both devices.
type Media = [Vec<u8>; 2];

/// One change of the media.
#[derive(Arbitrary, Debug)]
enum Change {
    /// A byte is another.
    Byte { other: bool, place: u32, to: u8 },
    /// The first bytes of a block are others: those of a header or of a trailer.
    Words { other: bool, block: u8, line: Vec<u8> },
    /// A number in the first line of a block is another.
    Number { other: bool, block: u8, which: u8, to: u64 },
    /// A block is written over another.
    Block { other: bool, block: u8, from: u8, of_other: bool },
    /// Blocks are gone.
    Drop { other: bool, block: u8, count: u8 },
    /// All behind a byte is gone.
    Cut { other: bool, place: u32 },
    /// Both media are exchanged.
    Exchange,
}

/// A folder with databases, and media of a backup of one.
struct Ground {
    folder: TempDir,
    media: Media,
    data: Vec<u8>,
}

impl Ground {
    fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        let data: Vec<u8> = (0..3 * BLOCK + 5).map(|at| (at * 7 + at / 251) as u8).collect();
        fs::write(folder.path().join("x"), &data).expect("written");
        let mut ground = Self { folder, media: Media::default(), data };
        let (done, media) =
            ground.execute(&format!("BACKUP DATABASE x TO {ON_TWO}"), Media::default());
        assert!(done, "a sound backup");
        ground.media = media;
        ground
    }

    /// Carries a statement out, with a client that has these media; whether it succeeded, and
    /// what is on the media then.
    fn execute(&self, sql: &str, media: Media) -> (bool, Media) {
        let machine = Machine::in_memory(Options::default());
        let set = machine.client_set();
        let (device_count, features) = (2, Features::LIKE_PIPE);
        let config = VdConfig { device_count, features, ..VdConfig::default() };
        set.create(None, "s", &config).expect("created");
        let long = Duration::from_secs(60);
        let server = Server {
            machine,
            databases: Databases::in_folder(self.folder.path().to_owned()),
            faults: Faults::default(),
            trace: None,
            wait: long,
            patience: long,
            stop: Arc::new(Stop::default()),
        };
        let batch = parse(sql).expect("a statement");
        let [Order::Run(statement)] = batch.as_slice() else { panic!("{sql}") };
        let client = thread::spawn(move || {
            set.get_configuration(Timeout::Infinite).expect("configured");
            let devices = ["s", "t"].map(|name| set.open_device(name).expect("opened"));
            let mut each = devices.into_iter().zip(media);
            let mut next = || each.next().expect("two devices");
            let ((first, one), (second, other)) = (next(), next());
            let second = thread::spawn(move || serve(&second, other));
            let media = [serve(&first, one), second.join().expect("it ends")];
            set.close().expect("closed");
            media
        });
        let done = server.execute(statement, &|_| {}).is_ok();
        (done, client.join().expect("it ends"))
    }
}

/// Reads and writes until the device is closed; what is on the medium then.
fn serve(device: &ClientDevice, mut bytes: Vec<u8>) -> Vec<u8> {
    let mut at = 0;
    while let Ok(command) = device.get_command(Timeout::Infinite) {
        let (code, moved) = one(&command, &mut bytes, &mut at);
        // What an abort refuses, it has completed itself.
        let _ = device.complete_command(command.command, code, moved, 0);
    }
    bytes
}

fn one(command: &Delivered, medium: &mut Vec<u8>, at: &mut usize) -> (Win32, u32) {
    let size = usize::try_from(command.size).unwrap_or_default();
    let Some(bytes) = command.buffer.as_ref().and_then(|buffer| buffer.bytes()) else {
        return (Win32::ERROR_SUCCESS, 0);
    };
    let moved = if command.code == CommandCode::Write {
        medium.resize(*at + size, 0);
        bytes.copy_to(&mut medium[*at..]);
        size
    } else {
        let left = &medium[(*at).min(medium.len())..];
        let moved = size.min(left.len());
        bytes.copy_from(&left[..moved]);
        moved
    };
    *at += moved;
    let code = if moved > 0 { Win32::ERROR_SUCCESS } else { Win32::ERROR_HANDLE_EOF };
    (code, moved as u32)
}

/// Where a block begins, of those there are.
fn start(medium: &[u8], block: u8) -> usize {
    usize::from(block) % medium.len().div_ceil(BLOCK).max(1) * BLOCK
}

/// Puts a number in the place of one in the first line of a block.
fn renumber(medium: &mut Vec<u8>, start: usize, which: u8, to: u64) {
    let end = (start + BLOCK).min(medium.len());
    let line = medium[start..end].split(|byte| *byte == b'\n').next().unwrap_or_default();
    let text = String::from_utf8_lossy(&line[..line.len().min(1024)]).into_owned();
    let mut parts: Vec<&str> = text.split(':').collect();
    let numbers: Vec<usize> = (1..parts.len())
        .filter(|part| parts[*part].starts_with(|letter: char| letter.is_ascii_digit()))
        .collect();
    let Some(part) = numbers.get(usize::from(which) % numbers.len().max(1)) else { return };
    let rest = parts[*part].trim_start_matches(|letter: char| letter.is_ascii_digit());
    let number = format!("{to}{rest}");
    parts[*part] = &number;
    let mut block = parts.join(":").into_bytes();
    block.push(b'\n');
    block.resize(BLOCK, 0);
    medium.splice(start..end, block);
}

fn apply(change: Change, media: &mut Media) {
    match change {
        Change::Byte { other, place, to } => {
            let medium = &mut media[usize::from(other)];
            let place = place as usize % medium.len().max(1);
            if let Some(byte) = medium.get_mut(place) {
                *byte = to;
            }
        }
        Change::Words { other, block, line } => {
            let medium = &mut media[usize::from(other)];
            let start = start(medium, block);
            let length = line.len().min(medium.len() - start.min(medium.len()));
            medium[start..start + length].copy_from_slice(&line[..length]);
        }
        Change::Number { other, block, which, to } => {
            let medium = &mut media[usize::from(other)];
            let start = start(medium, block);
            renumber(medium, start, which, to);
        }
        Change::Block { other, block, from, of_other } => {
            let source = &media[usize::from(of_other)];
            let at = start(source, from);
            let source = source[at..(at + BLOCK).min(source.len())].to_vec();
            let medium = &mut media[usize::from(other)];
            let at = start(medium, block);
            medium.splice(at..(at + BLOCK).min(medium.len()), source);
        }
        Change::Drop { other, block, count } => {
            let medium = &mut media[usize::from(other)];
            let at = start(medium, block);
            let end = (at + usize::from(count % 4) * BLOCK).min(medium.len());
            medium.drain(at..end);
        }
        Change::Cut { other, place } => {
            let medium = &mut media[usize::from(other)];
            medium.truncate(place as usize % (medium.len() + 1));
        }
        Change::Exchange => media.reverse(),
    }
}

/// Whatever is on the media: a RESTORE that looks at the sums succeeds with what was backed up,
/// or leaves the database as it was.
pub(super) fn medium(input: &[u8]) {
    static GROUND: OnceLock<Ground> = OnceLock::new();
    let ground = GROUND.get_or_init(Ground::new);
    let mut input = Unstructured::new(input);
    let Ok(which) = u8::arbitrary(&mut input) else { return };
    let mut media = ground.media.clone();
    for _ in 0..MOST {
        if input.is_empty() {
            break;
        }
        let Ok(change) = Change::arbitrary(&mut input) else { break };
        apply(change, &mut media);
    }
    let sql = STATEMENTS[usize::from(which) / 2 % STATEMENTS.len()];
    let sums = if which % 2 == 0 { "" } else { " WITH NO_CHECKSUM" };
    for (name, before) in [("x", &b"before"[..]), ("x.log", b"log")] {
        fs::write(ground.folder.path().join(name), before).expect("written");
    }
    let (done, _) = ground.execute(&format!("{sql} {ON_TWO}{sums}"), media);
    let now = fs::read(ground.folder.path().join("x")).expect("it is there");
    let restores = sql == STATEMENTS[0];
    if !(done && restores) {
        assert!(now == b"before", "{sql}: it was changed");
    } else if sums.is_empty() {
        assert!(now == ground.data, "{sql}: other data, with success");
    }
    let _ = fs::remove_file(ground.folder.path().join("y"));
}
