//! A process that may write a set's object cuts it short, removes its name or overwrites it, at
//! any moment, while a client program and its server work: neither is ended by a signal, neither
//! hangs, each says how it ended, and what was recorded can be read.
//!
//! `VDI_MANGLES=1000 cargo test --release -p vdi_conformance --test it mangled -- --nocapture`
//! does so many rounds against each.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::BufReader;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use vdi_sim::check::{Verdict, check_reader};
use vdi_sim::clauses::{Party, Profile};
use vdi_sim::trace::Trace;

use super::stage::{self, Ended, Stage};
use super::standing::Server;

/// How long a round may take at most: much longer than one does, on a machine that is busy.
const LIMIT: Duration = Duration::from_secs(60);

/// How long a backup of 4 MiB goes on here, about.
const WHOLE: Duration = Duration::from_millis(60);

/// Clients of one device and of two, with threads and with processes.
const PROGRAMS: [&str; 4] = ["single", "threads", "handles", "processes"];

/// Whose peer lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Against {
    /// `sqlcmd` that plays the server, and its client.
    Server,
    /// `vdi serve`, which goes on.
    Standing,
    /// A client with the recorder before the library, and both of them recorded.
    Recorder,
}

#[expect(clippy::disallowed_methods, reason = "whoever hangs is found by the clock")]
fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "any moment is what is tried")]
fn wait(time: Duration) {
    std::thread::sleep(time);
}

fn moment(random: &mut ChaCha8Rng) {
    wait(WHOLE.mul_f64(f64::from(random.next_u32() % 1000) / 1000.0));
}

/// So many rounds against each; a dozen if it is not said.
fn rounds() -> u64 {
    std::env::var("VDI_MANGLES").ok().and_then(|text| text.parse().ok()).unwrap_or(12)
}

/// The set's object, once there is one; `None` if the client ends before.
fn object(stage: &Stage, client: &mut Child) -> Option<PathBuf> {
    loop {
        if let Some(name) = stage.left().first() {
            return Some(Path::new("/dev/shm").join(name));
        }
        if client.try_wait().expect("a child").is_some() {
            return None;
        }
        std::thread::yield_now();
    }
}

/// What is done to the object.
fn mangle(file: &File, path: &Path, random: &mut ChaCha8Rng, seed: u64) -> &'static str {
    let length = file.metadata().map_or(0, |object| object.len());
    let some = random.next_u64() % length.max(1);
    match seed % 3 {
        0 => {
            let left = [0, 4096, some, length.saturating_sub(65_536)][(seed / 3 % 4) as usize];
            // It may be longer by now; that it is cut is what counts.
            let _ = file.set_len(left);
            "cut short"
        }
        1 => {
            // Its client may have done that.
            let _ = fs::remove_file(path);
            "unlinked"
        }
        _ => {
            let (start, length) =
                [(0, 256), (0, 4096), (256, 8192), (some, 65_536)][(seed / 3 % 4) as usize];
            let mut bytes = vec![0; length];
            if random.next_u32().is_multiple_of(2) {
                random.fill_bytes(&mut bytes);
            }
            let _ = file.write_all_at(&bytes, start);
            "overwritten"
        }
    }
}

/// The client of a round, not yet begun.
fn client(stage: &Stage, against: Against, seed: u64) -> Command {
    // A further process that is told by the memory that this is another set begins a trace anew.
    let programs = if against == Against::Recorder { &PROGRAMS[..2] } else { &PROGRAMS };
    let program = programs[seed as usize % programs.len()];
    let (verb, medium) = match seed / 12 % 2 {
        0 => ("backup", "scratch".to_owned()),
        _ => ("restore", format!("sound-{program}")),
    };
    let mut command = stage.command(program, &[verb, "x", &medium]);
    let file = |name: &str| File::create(stage.path(name)).expect("created");
    command.stdout(file("out")).stderr(file("told")).env("DEVICES", "2");
    // A set whose name is gone before its server has found it is waited for so long.
    command.env("VDI_FAULTS", "slow=1").env("VDI_WAIT", "5");
    if against == Against::Recorder {
        for name in ["trace.jsonl", "half.jsonl"] {
            let _ = fs::remove_file(stage.path(name));
        }
        let recorder = stage::library().join("libsqlvdi_record.so");
        command.env("LD_PRELOAD", recorder);
        command.env("VDI_RECORD", stage.path("half.jsonl"));
        command.env("VDI_TRACE", stage.path("trace.jsonl"));
    }
    command
}

/// What has been recorded can be read, all of it, and accuses no client of what a third has done.
/// That the interface, whose memory it was, is said to have answered what it must not is true; and
/// a server that sends one more while it is told of an error does that where nobody lies, too.
fn readable(stage: &Stage, what: &str) {
    for name in ["trace.jsonl", "half.jsonl"] {
        let Ok(file) = File::open(stage.path(name)) else { continue };
        let read = Trace::read(BufReader::new(file));
        let trace = read.unwrap_or_else(|error| panic!("{what}: {name}: {error}"));
        let text = trace.to_json_lines();
        let judged = check_reader(text.as_bytes(), &Profile::default());
        let accused = match &judged.verdict {
            Verdict::Violation(violation) => violation.party != Party::Interface,
            Verdict::Conformant | Verdict::Inconclusive(_) | Verdict::Unreadable { .. } => false,
        };
        let of_client = judged.findings.iter().any(|finding| finding.party == Party::Client);
        let accused = accused || of_client || judged.error.is_some();
        assert!(!accused, "{what}: {name}: {judged:#?}\n{text}");
    }
}

/// One round; what was done, and what came of it.
fn round(stage: &Stage, against: Against, seed: u64) -> Option<(&'static str, &'static str)> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut client = client(stage, against, seed).spawn().expect("it starts");
    let path = object(stage, &mut client)?;
    moment(&mut random);
    let done = OpenOptions::new().write(true).open(&path).ok().map(|file| {
        let done = mangle(&file, &path, &mut random, seed);
        // Where only what they do not look at was lost they would go on.
        moment(&mut random);
        let _ = file.set_len(0);
        done
    });
    let begun = now();
    let ended = loop {
        let ended = client.try_wait().expect("a child");
        let server = stage.processes().iter().any(|(_, name)| name == "sqlcmd");
        if ended.is_some() && !server {
            break ended;
        }
        let what = format!("{against:?}, {seed}: {done:?}");
        if begun.elapsed() > LIMIT {
            let said = ["out", "told"].map(|name| fs::read_to_string(stage.path(name)));
            panic!("{what}: {:?} live on: {said:?}", stage.processes());
        }
        wait(Duration::from_millis(1));
    };
    let read = |name: &str| fs::read_to_string(stage.path(name)).expect("written");
    let (out, told) = (read("out"), read("told"));
    let code = ended.and_then(|status| status.code());
    let what = format!("{against:?}, {seed}: {done:?}: exit {code:?}: out: {out}told: {told}");
    assert!(matches!(code, Some(0 | 1)), "{what}");
    assert!(!told.contains("panicked") && !out.contains("panicked"), "{what}");
    let said = match () {
        () if out.contains("terminating abnormally") => "the statement failed",
        () if out.contains("successfully processed") => "it succeeded",
        () => panic!("the server said nothing: {what}"),
    };
    if against == Against::Recorder {
        readable(stage, &what);
    }
    stage.clear();
    done.map(|done| (done, said))
}

#[expect(clippy::print_stdout, reason = "what was done is wanted")]
fn mangles(against: Against) {
    let stage = Stage::in_memory();
    stage.database("x", 4 << 20);
    for program in PROGRAMS {
        let mut command = stage.command(program, &["backup", "x", &format!("sound-{program}")]);
        let ended = Ended::of(command.env("DEVICES", "2"));
        assert_eq!(ended.code, 0, "{program}: {ended:?}");
    }
    let start = || (against == Against::Standing).then(|| Server::start(&stage, &[]));
    let mut standing = start();
    let mut seen: BTreeMap<_, u64> = BTreeMap::new();
    let first = std::env::var("VDI_FIRST_SEED").ok().and_then(|text| text.parse().ok());
    let (mut seed, mut done) = (first.unwrap_or(0), 0);
    while done < rounds() {
        if let Some(round) = round(&stage, against, seed) {
            *seen.entry(round).or_default() += 1;
            done += 1;
        }
        // What it prints is read before a pipe is full of it.
        if seed % 50 == 49
            && let Some(before) = standing.take()
        {
            assert!(before.end().contains("terminating abnormally"));
            standing = start();
        }
        seed += 1;
        let most = first.unwrap_or(0) + rounds() * 4 + 40;
        assert!(seed < most, "{against:?}: only {done} rounds: {seen:?}");
        stage.database("x", 4 << 20);
    }
    println!("{against:?}: {done} rounds: {seen:?}");
    stage.clear();
    // Whoever has been lied to carries on with the next.
    stage.good("single", &["backup", "x", "MEDIUM"]);
    if let Some(standing) = standing {
        assert!(standing.end().contains("successfully processed"));
    }
}

#[test]
fn a_mangled_object_ends_no_server_by_a_signal() {
    mangles(Against::Server);
}

#[test]
fn a_mangled_object_ends_no_standing_server() {
    mangles(Against::Standing);
}

#[test]
fn a_mangled_object_ends_no_recording() {
    mangles(Against::Recorder);
}
