//! A client at the edges of its life, recorded by the library itself and by the recorder that
//! is preloaded: while its process exits, in a second life of a set, after Close.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::{self, Builder};

use tempfile::TempDir;
use vdi_check::{Verdict, check_reader};
use vdi_recorder::gather::gather;
use vdi_recorder::shared::join;
use vdi_recorder::{Recording, ServerSet, header};
use vdi_runtime::{Machine, Options, Progress, SendCommand, SetHistory};
use vdi_spec::clauses::{Clause, Profile};
use vdi_spec::codes::{CommandCode, Features, HResult};
use vdi_spec::config::ServerConfig;
use vdi_trace::{Event, Function, TimeoutArg, TraceReader};

/// Who records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Library,
    Recorder,
}

const BOTH: [By; 2] = [By::Library, By::Recorder];

/// The program, and a folder for its traces.
struct Stage {
    folder: TempDir,
    prefix: String,
}

/// The folder in which Cargo has built both libraries for this test.
fn libraries() -> PathBuf {
    let here = std::env::current_exe().expect("a running test");
    let folder = here.parent().expect("a folder").to_owned();
    for name in ["libsqlvdi.so", "libsqlvdi_record.so"] {
        assert!(folder.join(name).is_file(), "{} has no {name}", folder.display());
    }
    folder
}

impl Stage {
    fn new(name: &str) -> Self {
        let stage = Self {
            folder: TempDir::new().expect("a folder"),
            prefix: format!("edges-{name}-{}-", std::process::id()),
        };
        let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
        let built = Command::new("g++")
            .args(["-std=c++11", "-Wall", "-Wextra", "-Werror", "-pthread", "-I"])
            .arg(tests.join("../include"))
            .arg(tests.join("tests/programs/edges.cpp"))
            .arg("-L")
            .arg(libraries())
            .args(["-lsqlvdi", "-o"])
            .arg(stage.path("edges"))
            .status();
        assert!(built.expect("g++ starts").success());
        stage
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The program with these words, recorded into `trace.jsonl`.
    fn command(&self, by: By, words: &[&str]) -> Command {
        let mut command = Command::new(self.path("edges"));
        command.args(words).current_dir(self.folder.path());
        for name in ["VDI_TRACE", "VDI_RECORD", "VDI_ORIGINAL", "VDI_TIMEOUT_UNIT", "VDI_GROUP"] {
            command.env_remove(name);
        }
        command.env("LD_LIBRARY_PATH", libraries()).env("VDI_PREFIX", &self.prefix);
        match by {
            By::Library => command.env("VDI_TRACE", "trace.jsonl"),
            By::Recorder => command
                .env("LD_PRELOAD", libraries().join("libsqlvdi_record.so"))
                .env("VDI_RECORD", "trace.jsonl"),
        };
        command
    }

    fn trace(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }
}

/// What it wrote to standard output, and to standard error.
fn said(command: &mut Command) -> (String, String) {
    let output = command.output().expect("it starts");
    let told = String::from_utf8(output.stderr).expect("text");
    assert!(output.status.success(), "{command:?}: {}\n{told}", output.status);
    (String::from_utf8(output.stdout).expect("text"), told)
}

fn events(trace: &str) -> Vec<Event<'static>> {
    let mut reader = TraceReader::new(trace.as_bytes()).expect("a header");
    let mut events = Vec::new();
    while let Some(line) = reader.next_line().expect("an event") {
        events.push(line.event.into_owned());
    }
    events
}

fn calls(events: &[Event<'_>]) -> Vec<Function> {
    let call = |event: &Event<'_>| match event {
        Event::Call { call, .. } => Some(*call),
        _ => None,
    };
    events.iter().filter_map(call).collect()
}

/// What is called while the process exits is made, and recorded: thread-local values have
/// gone then.
#[test]
fn calls_at_exit_are_made() {
    let stage = Stage::new("exits");
    for by in BOTH {
        for who in ["atexit-before", "atexit-after", "static"] {
            let (out, told) = said(&mut stage.command(by, &["exits", who]));
            let abort = if who == "static" { "" } else { "abort 00000000\n" };
            let expected = format!("create 00000000\n{abort}close 00000000\n");
            assert_eq!((out, told), (expected, String::new()), "{by:?} {who}");
            let text = stage.trace("trace.jsonl");
            let events = events(&text);
            assert_eq!(calls(&events).last(), Some(&Function::Close), "{by:?} {who}: {text}");
            let last = events.last().expect("events");
            let good = matches!(last, Event::Return { status: HResult::NOERROR, .. });
            assert!(good, "{by:?} {who}: {text}");
            // There is one thread, before and after.
            let same = events.iter().all(|event| event.lane() == events[0].lane());
            assert!(same, "{by:?} {who}: {text}");
            let judged = check_reader(text.as_bytes(), &Profile::default());
            assert_eq!(judged.verdict, Verdict::Conformant, "{by:?} {who}: {judged:?}\n{text}");
        }
    }
}

/// A set that cannot be recorded is not recorded into the trace of the one before it.
#[test]
fn a_second_life_is_not_recorded_into_the_first() {
    let stage = Stage::new("again");
    for by in BOTH {
        let _ = fs::remove_file(stage.path("trace.jsonl"));
        let _ = fs::remove_file(stage.path("trace.jsonl.1"));
        let (out, told) = said(&mut stage.command(by, &["again"]));
        assert!(!out.lines().any(|line| !line.ends_with(" 00000000")), "{by:?}: {out}");
        assert!(told.contains("another set is being recorded there"), "{by:?}: {told}");
        for (file, set) in [("trace.jsonl.1", "first"), ("trace.jsonl", "second")] {
            let text = stage.trace(file);
            assert!(text.contains(&format!("\"name\":\"{set}\"")), "{by:?}: {text}");
            let calls = calls(&events(&text));
            let created = matches!(calls[..], [Function::Create | Function::CreateEx, _]);
            assert!(created && calls[1] == Function::Close, "{by:?}, {file}: {text}");
        }
    }
}

/// Both recorders take time-outs for what whoever runs the program says they are.
#[test]
fn time_outs_are_recorded_in_the_unit_that_counts() {
    let stage = Stage::new("waits");
    for by in BOTH {
        for (unit, milliseconds) in [("milliseconds", 1), ("seconds", 1000)] {
            let mut command = stage.command(by, &["waits"]);
            let (out, _) = said(command.env("VDI_TIMEOUT_UNIT", unit));
            assert_eq!(out.matches("wait 80770003").count(), 2, "{out}");
            let events = events(&stage.trace("trace.jsonl"));
            let waited = events.iter().filter_map(|event| match event {
                Event::Call { args, .. } => args.timeout,
                _ => None,
            });
            let waited: Vec<TimeoutArg> = waited.collect();
            let expected = [milliseconds, 0].map(TimeoutArg::Milliseconds);
            assert_eq!(waited, expected, "{by:?}: {unit}");
        }
    }
}

/// The server of one set with one device, which sends one command.
fn serve(set: &ServerSet, history: &SetHistory) -> Result<(), HResult> {
    set.open(None, "lets-go")?;
    let part = ServerConfig {
        features: Features::WRITE_MEDIA,
        block_size: 512,
        max_transfer_size: 65_536,
        ..ServerConfig::default()
    };
    set.begin_configuration(&part)?;
    set.end_configuration()?;
    let agent = set.completion_agent()?;
    let agent = Builder::new().name("agent".to_owned()).spawn(move || agent.execute());
    let device = set.open_device("lets-go")?;
    while history.progress() == Progress::Forming {
        thread::yield_now();
    }
    device.send_command(SendCommand {
        tag: 1,
        code: CommandCode::Flush,
        buffer: None,
        size: 0,
        position: 0,
        callback: Box::new(|_| ()),
    })?;
    device.close_device()?;
    agent.expect("a thread").join().expect("no panic")?;
    set.close()
}

/// The same, recorded into the trace of its client.
fn serve_recorded(stage: &Stage) {
    let options = Options { prefix: stage.prefix.clone(), ..Options::default() };
    let machine = Machine::shared_memory(options);
    let plain = machine.server_set();
    let history = loop {
        match plain.history_of(None, "lets-go") {
            Some(history) => break history,
            None => thread::yield_now(),
        }
    };
    let header = header(&Options::default());
    let recorder = join(&stage.path("trace.jsonl"), &header, (&history, "lets-go"));
    let set = Recording::new(recorder.expect("it can be joined")).server(plain);
    serve(&set, &history).expect("it is served");
}

const LET_GO: &str = "\
create 00000000
configuration 00000000
open 00000000
complete 00000000
command 8077000E
holds something
close 00000000
holds nothing
command 8077000C
close 8077000C
";

/// Close lets the set's memory go, though nothing is destroyed and all is recorded, what is
/// called after it, too.
#[test]
fn after_close_nothing_of_the_set_is_kept() {
    let stage = Stage::new("lets-go");
    let mut command = stage.command(By::Library, &["lets-go", &stage.prefix]);
    let (out, told) = thread::scope(|scope| {
        let main = Builder::new().name("main".to_owned());
        let served = main.spawn_scoped(scope, || serve_recorded(&stage));
        let said = said(&mut command);
        served.expect("a thread").join().expect("it is served");
        said
    });
    assert_eq!((out.as_str(), told.as_str()), (LET_GO, ""));
    let text = stage.trace("trace.jsonl");
    let events = events(&text);
    let late: Vec<Event<'_>> =
        events.iter().filter(|event| event.seq().is_none()).cloned().collect();
    assert_eq!(calls(&late), [Function::GetCommand, Function::Close], "{text}");
    assert_eq!(late.len(), 4, "{text}");
    let gathered = gather(&[stage.path("trace.jsonl")]).expect("one history");
    assert_eq!((gathered.missing, gathered.trace.events.len()), (0, events.len()), "{text}");
    for trace in [text, gathered.trace.to_json_lines()] {
        let judged = check_reader(BufReader::new(trace.as_bytes()), &Profile::default());
        let found: Vec<Clause> = judged.findings.iter().map(|finding| finding.clause).collect();
        assert_eq!(
            found,
            [Clause::ClientCloseUseAfter, Clause::ClientCloseTwice],
            "{judged:?}\n{trace}"
        );
        assert!(judged.error.is_none(), "{judged:?}\n{trace}");
    }
    assert!(File::open(stage.path("trace.jsonl.1")).is_err(), "there is one set");
}

/// A program that finds the functions itself passes the preloaded recorder by: that is said.
/// With the recorder in the library's place it is recorded.
#[test]
fn who_finds_the_functions_itself_is_told_how_to_be_recorded() {
    let stage = Stage::new("by-name");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/by_name.py");
    let (own, recorder) =
        (libraries().join("libsqlvdi.so"), libraries().join("libsqlvdi_record.so"));
    let run = |library: &Path, preload: bool, words: &[&str]| {
        let mut command = Command::new("python3");
        command.args(words).arg(&script).arg(library).arg("by-name");
        command.current_dir(stage.folder.path()).env("VDI_PREFIX", &stage.prefix);
        command.env("VDI_RECORD", "trace.jsonl").env("VDI_ORIGINAL", &own);
        if preload {
            command.env("LD_PRELOAD", &recorder);
        }
        said(&mut command)
    };
    let expected = "create 00000000\nconfiguration 80770003\nclose 00000000\n";
    let (out, told) = run(&own, true, &[]);
    assert_eq!(out, expected);
    assert!(told.contains("no call of it came to the recorder"), "{told}");
    assert!(told.contains("libsqlvdi-record.so in the place of libsqlvdi.so"), "{told}");
    assert!(!stage.path("trace.jsonl").exists());
    // A process that has no client library has nothing to hear.
    assert_eq!(run(&own, true, &["-c", ""]), (String::new(), String::new()));
    let (out, told) = run(&recorder, false, &[]);
    assert_eq!((out.as_str(), told.as_str()), (expected, ""));
    let text = stage.trace("trace.jsonl");
    let made = calls(&events(&text));
    assert_eq!(made, [Function::Create, Function::GetConfiguration, Function::Close], "{text}");
    let judged = check_reader(text.as_bytes(), &Profile::default());
    assert_eq!(judged.verdict, Verdict::Conformant, "{judged:?}\n{text}");
}
