//! The recorder: from many threads, without gaps, whatever happens to them.
#![cfg(target_os = "linux")]

use std::fs::File;
use std::io::{self, BufReader, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use vdi_recorder::{Recording, header};
use vdi_runtime::{Machine, Options};
use vdi_spec::codes::HResult;
use vdi_spec::config::VdConfig;
use vdi_trace::{Event, Header, Name, Process, Recorder, TraceReader};

fn file(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("vdi-record-{name}-{}.jsonl", std::process::id()))
}

/// The events in a file, which is removed.
fn events(path: &PathBuf) -> Vec<Event<'static>> {
    let mut reader = TraceReader::new(BufReader::new(File::open(path).expect("it was written")))
        .expect("a trace");
    let mut events = Vec::new();
    while let Some(line) = reader.next_line().expect("an event") {
        events.push(line.event.into_owned());
    }
    std::fs::remove_file(path).expect("it is there");
    events
}

/// The time that elapsed stands beside each event, and is no part of it.
#[test]
fn lines_tell_when_they_were_written() {
    let path = file("timed");
    let create = || Recorder::new(File::create(&path).expect("a file"), &Header::default());
    let record = |recorder: Recorder| {
        for number in 0..3 {
            let wrote = Name::from(format!("b{number}"));
            recorder.record(Event::Wrote { seq: None, lane: Name::from("primary.t1"), wrote });
        }
        assert_eq!(recorder.finish().expect("it is written"), 3);
    };
    let ticks = AtomicU64::new(41);
    record(create().expect("a header").timed(move || ticks.fetch_add(1, Ordering::Relaxed)));
    let mut reader = TraceReader::new(BufReader::new(File::open(&path).expect("it was written")))
        .expect("a trace");
    let mut told = Vec::new();
    while let Some(line) = reader.next_line().expect("an event") {
        told.extend(line.elapsed);
    }
    assert_eq!(told, [41, 42, 43]);
    let timed = events(&path);
    record(create().expect("a header"));
    assert_eq!(events(&path), timed);
    let before = vdi_recorder::elapsed();
    assert!(before > 0 && vdi_recorder::elapsed() >= before);
}

#[test]
fn threads_record_without_gaps_and_in_order() {
    let path = file("threads");
    let recorder =
        Recorder::new(File::create(&path).expect("a file"), &Header::default()).expect("a header");
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..1000 {
                    let lane = recorder.lane(Process::Primary);
                    recorder.record(Event::Wrote { seq: None, lane, wrote: Name::from("b1") });
                }
            });
        }
    });
    assert_eq!(recorder.finish().expect("nothing went wrong"), 8000);
    let events = events(&path);
    assert!(events.iter().enumerate().all(|(at, event)| event.seq() == Some(at as u64 + 1)));
    for number in 1..=8 {
        let lane = format!("primary.t{number}");
        assert_eq!(events.iter().filter(|event| event.lane() == Some(&lane)).count(), 1000);
    }
}

/// A writer that panics after so many lines.
struct Panics(u32);

impl Write for Panics {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(1).expect("a defect of the recording");
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What goes wrong in the recording keeps no call from being made, and is told at the end.
#[test]
fn calls_that_cannot_be_recorded_are_made() {
    for lines in 1..5 {
        let recorder = Recorder::new(Panics(lines), &Header::default()).expect("a header");
        let recording = Recording::new(recorder);
        let client = recording.client(Machine::in_memory(Options::default()).client_set());
        let config = VdConfig { device_count: 1, ..VdConfig::default() };
        assert_eq!(client.create(None, "Backup", &config), Ok(()));
        assert_eq!(client.close(), Ok(()));
        assert_eq!(client.close(), Err(HResult::VD_E_PROTOCOL));
        assert!(recording.recorder().finish().is_err(), "after {lines} lines");
    }
}

/// Threads of the same name are different lanes.
#[test]
fn a_lane_is_called_like_its_thread() {
    let recorder = Recorder::new(io::sink(), &Header::default()).expect("a header");
    let name = |name: &str, process: Process| {
        thread::scope(|scope| {
            let thread = thread::Builder::new().name(name.to_owned());
            let lane = thread.spawn_scoped(scope, || recorder.lane(process).to_string());
            lane.expect("a thread").join().expect("no panic")
        })
    };
    assert_eq!(name("agent", Process::Server), "server.agent");
    assert_eq!(name("agent", Process::Server), "server.t1");
    assert_eq!(name("agent", Process::Primary), "primary.agent");
    assert_eq!(name("my::thread", Process::Primary), "primary.t1");
}

/// What was recorded before a panic inside a call is in the file, unflushed.
#[test]
fn a_panic_loses_nothing() {
    let path = file("panic");
    let options = Options::default();
    let recorder = Recorder::new(File::create(&path).expect("a file"), &header(&options));
    let recording = Recording::new(recorder.expect("a header"));
    let set = recording.server(Machine::in_memory(options).server_set());
    let panicked = thread::spawn(move || {
        assert!(set.signal_abort().is_err());
        std::panic::resume_unwind(Box::new("here"));
    });
    assert!(panicked.join().is_err());
    let events = events(&path);
    assert!(matches!(events[..], [Event::Call { .. }, Event::Return { .. }]), "{events:?}");
    drop(recording);
}

/// Another process appends to the same file.
#[test]
fn a_second_process_joins() {
    let path = file("join");
    let open = || File::options().append(true).create(true).open(&path).expect("a file");
    let first = Recorder::new(open(), &Header::default()).expect("a header");
    let second = Recorder::joining(open());
    let wrote = |lane: &str| Event::Wrote {
        seq: None,
        lane: Name::from(lane.to_owned()),
        wrote: Name::from("b1"),
    };
    first.record(wrote("server.main"));
    second.record(wrote("primary.main"));
    first.record(wrote("server.main"));
    let seqs: Vec<Option<u64>> = events(&path).iter().map(Event::seq).collect();
    assert_eq!(seqs, [Some(1), None, Some(2)]);
}

/// A full disk is told at the end; the calls go on.
#[test]
fn a_writer_that_fails_is_told() {
    struct Full(usize);
    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let room = self.0.min(bytes.len());
            self.0 -= room;
            if room == 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(room) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let recorder = Recorder::new(Full(60), &Header::default()).expect("room for a header");
    for _ in 0..3 {
        let lane = recorder.lane(Process::Server);
        recorder.record(Event::Wrote { seq: None, lane, wrote: Name::from("b1") });
    }
    assert_eq!(recorder.finish().expect_err("no room").kind(), io::ErrorKind::StorageFull);
}
