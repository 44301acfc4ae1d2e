//! How fast a BACKUP goes: data in memory, sent by the stand-in server to a C++ client that
//! is linked with `libsqlvdi.so` and throws everything away, beside a memory copy of the
//! same bytes and beside a pipe between two processes. In turns, so that all have the
//! same machine; the best of each is told, with all that were seen.
//!
//! `cargo bench -p vdi_conformance --bench backup`; with `VDI_BENCH_GIB` another number of
//! GiB than 4.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measures")]

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use vdi_conformance::server::{Databases, Faults, Memory, Order, Server, Stop, parse};
use vdi_sim::runtime::{Machine, Options};

const MIB: usize = 1 << 20;

/// The data is a piece of memory, larger than any cache, again and again.
const PIECE: usize = 1 << 30;

/// How often each is measured.
const ROUNDS: usize = 3;

fn gibibytes() -> u64 {
    std::env::var("VDI_BENCH_GIB").ok().and_then(|text| text.parse().ok()).unwrap_or(4)
}

#[expect(clippy::disallowed_methods, reason = "time is what is measured")]
fn rate(bytes: u64, act: impl FnOnce()) -> f64 {
    let begun = Instant::now();
    act();
    bytes as f64 / begun.elapsed().as_secs_f64() / (1_u64 << 30) as f64
}

/// Every MiB of the data, in order.
fn pieces(data: &[u8], bytes: u64) -> impl Iterator<Item = &[u8]> {
    let count = usize::try_from(bytes).expect("it fits") / MIB;
    data.chunks_exact(MIB).cycle().take(count)
}

fn memcpy(data: &[u8], bytes: u64) -> f64 {
    let mut buffer = vec![1; MIB];
    rate(bytes, || {
        for piece in pieces(data, bytes) {
            buffer.copy_from_slice(piece);
            std::hint::black_box(&mut buffer);
        }
    })
}

/// Through a pipe into a process that throws everything away; the pipe is of 64 KiB, as the
/// system makes it, or as large as it may be, which is a MiB.
fn pipe(data: &[u8], bytes: u64, large: bool) -> f64 {
    let program = std::env::current_exe().expect("this program");
    let reader = Command::new(program).arg("--reader").stdin(Stdio::piped()).spawn();
    let mut reader = reader.expect("it starts");
    let mut into = reader.stdin.take().expect("piped");
    if large {
        rustix::pipe::fcntl_setpipe_size(&into, MIB).expect("a MiB is allowed to everybody");
    }
    rate(bytes, || {
        for piece in pieces(data, bytes) {
            into.write_all(piece).expect("written");
        }
        drop(into);
        assert!(reader.wait().expect("ended").success());
    })
}

fn read_all() {
    let (mut buffer, mut input) = (vec![1; MIB], io::stdin().lock());
    while input.read(&mut buffer).expect("read") > 0 {}
}

/// What the clients are built and run with.
struct Stage {
    folder: PathBuf,
    library: PathBuf,
}

impl Stage {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("vdi-bench-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let here = std::env::current_exe().expect("this program");
        let library = here.parent().expect("a folder").to_owned();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sim/libsqlvdi");
        let compiled = Command::new("g++")
            .args(["-std=c++11", "-O2", "-pthread", "-I"])
            .arg(source.join("include"))
            .arg(source.join("clients/single.cpp"))
            .arg("-L")
            .arg(&library)
            .args(["-lsqlvdi", "-o"])
            .arg(folder.join("client"))
            .status();
        assert!(compiled.expect("g++ starts").success(), "the client does not compile");
        Self { folder, library }
    }

    fn backup(&self, data: &Arc<Vec<u8>>, bytes: u64, options: &str) -> f64 {
        let prefix = format!("bench-{}-", std::process::id());
        let memory = Memory { piece: data.clone(), bytes };
        let server = Server {
            machine: Machine::shared_memory(Options {
                prefix: prefix.clone(),
                ..Options::default()
            }),
            databases: Databases::in_memory(memory),
            faults: Faults::default(),
            trace: None,
            wait: Duration::from_secs(60),
            patience: Duration::from_secs(60),
            stop: Arc::new(Stop::default()),
        };
        let client = Command::new(self.folder.join("client"))
            .args(["backup", "x", "-"])
            .env("LD_LIBRARY_PATH", &self.library)
            .env("VDI_PREFIX", &prefix)
            .env("SET", "bench")
            .env("SQLCMD", "true")
            .spawn();
        let mut client = client.expect("it starts");
        let statement = format!("BACKUP DATABASE x TO VIRTUAL_DEVICE='bench' WITH {options}");
        let Ok([Order::Run(statement)]) =
            parse(&statement).as_deref().map(|batch| [batch[0].clone()])
        else {
            panic!("a statement")
        };
        let done = server.execute(&statement, &|_| {}).unwrap_or_else(|failed| panic!("{failed}"));
        assert!(client.wait().expect("ended").success());
        assert_eq!(done.bytes, bytes);
        bytes as f64 / done.took.as_secs_f64() / (1_u64 << 30) as f64
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // What stays lies in the system's folder for such things.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn main() {
    if std::env::args().any(|word| word == "--reader") {
        return read_all();
    }
    let bytes = gibibytes() << 30;
    let data: Arc<Vec<u8>> = Arc::new(
        (0..PIECE / 8)
            .flat_map(|word: usize| (word as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes())
            .collect(),
    );
    let stage = Stage::new();
    let plain = "MAXTRANSFERSIZE=1048576, BUFFERCOUNT=2, NO_CHECKSUM";
    let summed = "MAXTRANSFERSIZE=1048576, BUFFERCOUNT=2, CHECKSUM";
    let mut all: [(&str, Vec<f64>); 5] = [
        ("BACKUP, transfers of 1 MiB", Vec::new()),
        ("BACKUP, with the checksum", Vec::new()),
        ("memory copy", Vec::new()),
        ("pipe, writes of 1 MiB", Vec::new()),
        ("pipe enlarged to 1 MiB", Vec::new()),
    ];
    for _ in 0..ROUNDS {
        all[0].1.push(stage.backup(&data, bytes, plain));
        all[1].1.push(stage.backup(&data, bytes, summed));
        all[2].1.push(memcpy(&data, bytes));
        all[3].1.push(pipe(&data, bytes, false));
        all[4].1.push(pipe(&data, bytes, true));
    }
    println!("{} GiB of data in memory, {ROUNDS} rounds: GiB a second", gibibytes());
    println!("and, of the same round, how many times the pipe of 64 KiB");
    let pipes = all[3].1.clone();
    for (what, rates) in &all {
        let seen: Vec<String> = rates
            .iter()
            .zip(&pipes)
            .map(|(rate, pipe)| format!("{rate:6.2} ({:4.2} x)", rate / pipe))
            .collect();
        let best = rates.iter().copied().fold(0.0, f64::max);
        let ratio = best / pipes.iter().copied().fold(0.0, f64::max);
        println!("{what:28} {}   best {best:6.2} ({ratio:4.2} x)", seen.join("  "));
    }
}
