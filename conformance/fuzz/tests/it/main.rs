//! Every target, with its corpus and with inputs made of it: a second each, or as many as
//! `VDI_FUZZ` says.

use std::fs;
use std::path::PathBuf;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use vdi_fuzz::{Mutator, TARGETS, Target, dictionary, words};

/// What no input may take longer than, by far.
const PATIENCE: Duration = Duration::from_secs(120);

fn seconds() -> u64 {
    std::env::var("VDI_FUZZ").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// The seed of the inputs that are made.
fn seed() -> u64 {
    std::env::var("VDI_FIRST_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// Keeps an input, to be tried again.
fn kept(target: &Target, input: &[u8]) -> PathBuf {
    let path = std::env::temp_dir().join(format!("{}-{}.input", target.name, std::process::id()));
    fs::write(&path, input).expect("written");
    path
}

/// Plays the corpus, then as many inputs as fit into the time; how many.
#[expect(clippy::disallowed_methods, reason = "how long is asked of the clock")]
fn plays(target: &'static Target, current: &Mutex<Vec<u8>>) -> u64 {
    let mut played = 0;
    let mut play = |input: Vec<u8>| {
        current.lock().expect("no panic").clone_from(&input);
        (target.run)(&input);
        played += 1;
    };
    let known: Vec<Vec<u8>> = target.inputs().into_iter().map(|(_, input)| input).collect();
    assert!(!known.is_empty(), "{}: no corpus", target.name);
    known.iter().for_each(|input| play(input.clone()));
    let words = words().into_iter().map(String::into_bytes).collect();
    let mut mutator = Mutator::new(seed(), known, words);
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(seconds()) {
        play(mutator.next_input());
    }
    played
}

#[expect(clippy::print_stderr, reason = "how many were tried belongs into the log")]
fn try_one(name: &str) {
    let target = Target::named(name).expect("a target");
    let (current, (sender, receiver)) = (Arc::new(Mutex::new(Vec::new())), channel());
    let shared = current.clone();
    let worker = thread::spawn(move || {
        let played = plays(target, &shared);
        let _ = sender.send(played);
    });
    let input =
        || current.lock().map(|input| input.clone()).unwrap_or_else(|bad| bad.into_inner().clone());
    match receiver.recv_timeout(Duration::from_secs(seconds()) + PATIENCE) {
        Ok(played) => eprintln!("{name}: {played} inputs"),
        Err(RecvTimeoutError::Timeout) => {
            panic!("{name}: it does not end, with {}", kept(target, &input()).display())
        }
        Err(RecvTimeoutError::Disconnected) => {
            let why = worker.join().expect_err("it has panicked");
            let why = why.downcast_ref::<String>().cloned().unwrap_or_default();
            panic!("{name}: {why}; the input: {}", kept(target, &input()).display());
        }
    }
}

macro_rules! each {
    ($( $name:ident )+) => {
        $( #[test]
        fn $name() {
            try_one(stringify!($name));
        } )+

        #[test]
        fn every_target_is_tried() {
            let tried = [$( stringify!($name), )+];
            assert!(TARGETS.iter().map(|target| target.name).eq(tried));
        }
    };
}

each! {
    trace answer client scenario baseline profile header statement script request packets log
    medium verdict question control
}

/// libFuzzer's program of every target, and nothing else in it than the target.
#[test]
fn every_target_has_its_program() {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/libfuzzer"));
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).expect("a manifest");
    for target in TARGETS {
        let name = target.name;
        let program = fs::read_to_string(folder.join(format!("fuzz_targets/{name}.rs")));
        let call = format!("fuzz_target!(|input: &[u8]| vdi_fuzz::{name}(input));");
        assert!(program.is_ok_and(|program| program.contains(&call)), "{name}");
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
    }
}

/// The corpora are small.
#[test]
fn corpora_have_less_than_a_megabyte() {
    let all = TARGETS.iter().flat_map(|target| fs::read_dir(target.corpus()).expect("a corpus"));
    let bytes: u64 =
        all.map(|file| file.and_then(|file| file.metadata()).expect("a file").len()).sum();
    assert!(bytes < 1_000_000, "{bytes} bytes");
}

/// The dictionary follows the tables; `VDI_FUZZ_WORDS=write` writes it anew.
#[test]
fn the_dictionary_has_our_words() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/words.dict");
    if std::env::var("VDI_FUZZ_WORDS").is_ok_and(|how| how == "write") {
        fs::write(path, dictionary()).expect("written");
    }
    let is_there = fs::read_to_string(path).expect("a dictionary");
    assert!(is_there == dictionary(), "write it anew: VDI_FUZZ_WORDS=write");
}
