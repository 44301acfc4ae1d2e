//! The same clients recorded, library and server into one file, and judged.
//!
//! `VDI_RECORD=write cargo test -p vdi_conformance recordings` puts what the list below makes
//! into `scenarios/recorded/`, where the test `recorded` plays it again.

use std::fs;
use std::path::{Path, PathBuf};

use vdi_sim::check::{Verdict, check_reader};
use vdi_sim::clauses::{Party, Profile};
use vdi_sim::trace::{Header, Process, TraceReader};

use super::stage::{self, Ended, Stage};

/// What is recorded: a name, a client, BACKUP or RESTORE, options, faults of the server.
const RECORDINGS: &[(&str, &str, &str, &str, &str)] = &[
    ("one-device-backup", "single", "backup", "", ""),
    ("one-device-restore", "single", "restore", "", ""),
    ("one-buffer-backup", "single", "backup", "BUFFERCOUNT=1", ""),
    ("thread-per-device-backup", "threads", "backup", "", ""),
    ("thread-per-device-restore", "threads", "restore", "", ""),
    ("process-per-device-backup", "processes", "backup", "", ""),
    ("process-per-device-restore", "processes", "restore", "", ""),
    ("buffers-by-handle-backup", "handles", "backup", "", ""),
    ("buffers-by-handle-restore", "handles", "restore", "", ""),
    ("disk-backup", "disk", "backup", "", ""),
    ("disk-restore", "disk", "restore", "", ""),
    ("disk-command-not-asked-for", "disk", "backup", "", "unknown@3"),
    ("snapshot-backup", "snapshot", "backup", "", ""),
    ("snapshot-restore", "snapshot", "restore", "", ""),
    ("complete-granted", "complete", "backup", "", ""),
    ("complete-withheld", "complete", "backup", "", "no-complete"),
    ("without-a-fault", "faulty", "backup", "", ""),
    ("client-aborts", "abort", "backup", "", ""),
    ("server-aborts", "single", "backup", "", "abort@3"),
    ("server-closes-a-device-early", "single", "backup", "", "close@3"),
    ("server-closes-the-set-early", "single", "backup", "", "close-set@3"),
    ("server-dies", "single", "backup", "", "kill@3"),
    ("process-per-device-server-dies", "processes", "backup", "", "kill@5"),
    ("thread-for-all-devices-backup", "turns", "backup", "", ""),
    ("flush-twice", "single", "backup", "", "flush-twice"),
    ("command-not-asked-for", "single", "backup", "", "unknown@3"),
];

fn record(row: &(&str, &str, &str, &str, &str)) -> (Stage, PathBuf) {
    let (name, client, verb, options, faults) = *row;
    let stage = Stage::new();
    stage.database("x", 100_000);
    let run = |verb: &str, trace: Option<&Path>| {
        let mut command = stage.command(client, &[verb, "x", "MEDIUM", options]);
        command.env("DATABASE_FILE", stage.data("x")).env("SET", name).env("DEVICES", "2");
        if let Some(trace) = trace {
            command.env("VDI_TRACE", trace).env("VDI_FAULTS", faults);
        }
        Ended::of(&mut command)
    };
    if verb == "restore" {
        run("backup", None);
    }
    let trace = stage.path("trace.jsonl");
    run(verb, Some(&trace));
    stage.leaves_nothing();
    (stage, trace)
}

/// The trace with these parties' misuse on purpose.
fn with_header(text: &str, provoked: &[Party]) -> String {
    let reader = TraceReader::new(text.as_bytes()).expect("a header");
    let header = Header { provoked: provoked.to_vec(), ..reader.header().clone() };
    let rest = text.split_once('\n').expect("lines").1;
    format!("{}\n{rest}", serde_json::to_string(&header).expect("plain data"))
}

/// Every client program is recorded.
#[test]
fn no_client_is_left_out() {
    for client in super::stage::CLIENTS {
        assert!(RECORDINGS.iter().any(|row| row.1 == client), "{client}");
    }
}

/// Each process into a file of its own, and then one history.
#[test]
fn traces_of_several_files_are_joined() {
    for (client, files) in [("single", 2), ("processes", 4), ("handles", 3)] {
        let stage = Stage::new();
        stage.database("x", 300_000);
        let mut command = stage.command(client, &["backup", "x", "MEDIUM"]);
        let ended = Ended::of(command.env("VDI_TRACE", stage.path("part-%p.jsonl")));
        assert_eq!(ended.code, 0, "{ended:?}");
        let entries = fs::read_dir(stage.path(".")).expect("a folder").flatten();
        let names = entries.map(|entry| entry.file_name().into_string().expect("text"));
        let parts: Vec<String> = names.filter(|name| name.starts_with("part-")).collect();
        assert_eq!(parts.len(), files, "{parts:?}");
        let words = |more: &[&str]| {
            let parts = parts.iter().map(String::as_str);
            ["join"]
                .into_iter()
                .chain(parts)
                .chain(more.iter().copied())
                .collect::<Vec<_>>()
                .join(" ")
        };
        let join = |more: &[&str]| {
            let words = words(more);
            Ended::of(&mut stage.vdi(&words.split(' ').collect::<Vec<_>>()))
        };
        let joined = join(&["--output", "whole.jsonl"]);
        assert!(joined.code == 0 && joined.told.is_empty(), "{joined:?}");
        let checked = Ended::of(&mut stage.vdi(&["check", "whole.jsonl"]));
        assert_eq!(checked.code, 0, "{checked:?}");
        assert_eq!(join(&[]).out, fs::read_to_string(stage.path("whole.jsonl")).expect("text"));
        // One of them twice is none of one history, and none of several is missed.
        let twice = join(&[&parts[0]]);
        assert!(twice.code == 65 && twice.told.contains("not traces of one set"), "{twice:?}");
        let lone = Ended::of(&mut stage.vdi(&["join", &parts[0]]));
        assert!(lone.code == 0 && lone.told.starts_with("note: "), "{lone:?}");
    }
}

#[test]
fn recordings_are_whole_and_nobody_but_the_server_is_at_fault() {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/recorded");
    for row in RECORDINGS {
        let (_stage, trace) = record(row);
        let text = fs::read_to_string(&trace).expect("a trace");
        let mut reader = TraceReader::new(text.as_bytes()).expect("a header");
        let mut last = 0;
        while let Some(line) = reader.next_line().expect("an event") {
            let seq = line.event.seq().expect("a number");
            // Who is killed may have taken a number, and not written its line.
            let next = seq == last + 1 || (row.4.starts_with("kill@") && seq > last);
            assert!(next, "{}: line {}: {seq} after {last}", row.0, line.number);
            last = seq;
        }
        for party in
            ["\"lane\":\"primary.", "\"lane\":\"server.main\"", "\"lane\":\"server.agent\""]
        {
            assert!(text.contains(party), "{}: nothing by {party}", row.0);
        }
        // What the server does wrong there it does on purpose.
        let provoked: &[Party] = if row.4.is_empty() { &[] } else { &[Party::Server] };
        let text = with_header(&text, provoked);
        let judged = check_reader(text.as_bytes(), &Profile::default());
        let by_others = judged.findings.iter().find(|finding| finding.party != Party::Server);
        assert!(by_others.is_none(), "{}: {by_others:?}\n{text}", row.0);
        assert_eq!(judged.verdict, Verdict::Conformant, "{}: {judged:?}\n{text}", row.0);
        // Who asks each device in turns is told VD_E_TIMEOUT, which is not played again.
        let is_kept = row.1 != "turns";
        if is_kept && std::env::var("VDI_RECORD").is_ok_and(|value| value == "write") {
            // What took too long here does not take so long when it is played again.
            assert!(!text.contains("VD_E_TIMEOUT"), "{}: the machine was too busy", row.0);
            fs::create_dir_all(&place).expect("made");
            fs::write(place.join(row.0).with_extension("jsonl"), text).expect("written");
        }
    }
}

/// Who was killed is recorded by who is left, before anything that came of it.
#[test]
fn a_death_is_recorded_by_the_survivor() {
    let row = RECORDINGS.iter().find(|row| row.0 == "server-dies").expect("listed");
    let (_stage, trace) = record(row);
    let text = fs::read_to_string(trace).expect("a trace");
    let exit = text.find("{\"seq\"").and_then(|_| text.find("\"process\":\"server\",\"exit\""));
    let abort = text.find("VD_E_ABORT");
    assert!(exit.is_some() && exit < abort, "{text}");
}

/// Everybody records for himself what follows from a death, and so the death before that,
/// whether all go into one file or each into its own.
#[test]
fn every_process_records_a_death_before_what_follows_from_it() {
    for (file, verb, killed) in [
        ("whole.jsonl", "backup", Process::Server),
        ("part-%p.jsonl", "backup", Process::Server),
        ("part-%p.jsonl", "restore", Process::Server),
        ("whole.jsonl", "backup", Process::Primary),
        ("part-%p.jsonl", "backup", Process::Primary),
    ] {
        let stage = Stage::new();
        stage.database("x", 3_000_000);
        if verb == "restore" {
            stage.good("processes", &["backup", "x", "MEDIUM"]);
        }
        let mut command = stage.command("processes", &[verb, "x", "MEDIUM"]);
        command.env("VDI_TRACE", stage.path(file));
        if killed == Process::Server {
            let ended = Ended::of(command.env("VDI_FAULTS", "kill@7"));
            assert_eq!(ended.code, 1, "{ended:?}");
        } else {
            let mut primary = command.env("VDI_FAULTS", "slow=5").spawn().expect("it starts");
            let begun =
                || fs::metadata(stage.path("medium.2")).is_ok_and(|file| file.len() > 65_536);
            while !begun() {
                std::thread::yield_now();
            }
            stage::kill(primary.id());
            primary.wait().expect("it ends");
            while !stage.processes().is_empty() {
                std::thread::yield_now();
            }
        }
        let entries = fs::read_dir(stage.path(".")).expect("a folder").flatten();
        let parts = entries.map(|entry| entry.path());
        let is_part = |path: &PathBuf| path.extension().is_some_and(|end| end == "jsonl");
        let parts: Vec<PathBuf> = parts.filter(is_part).collect();
        let joined = Ended::of(stage.vdi(&["join", "--output", "all"]).args(&parts));
        assert_eq!(joined.code, 0, "{joined:?}");
        let text = fs::read_to_string(stage.path("all")).expect("a trace");
        let text = with_header(&text, &[Party::Server]);
        assert!(text.contains(&format!("\"process\":\"{killed}\",\"exit\":\"killed\"")), "{text}");
        let judged = check_reader(text.as_bytes(), &Profile::default());
        let what =
            format!("{file} {verb} {killed}: {:?} {:?}\n{text}", judged.verdict, judged.findings);
        assert_eq!(judged.verdict, Verdict::Conformant, "{what}");
        assert_eq!(judged.exit_code(&[Party::Interface, Party::Client]), 0, "{what}");
    }
}

/// What goes wrong on purpose is told in the trace, and held against nobody.
#[test]
fn a_recording_tells_that_its_server_was_told_to() {
    let row = RECORDINGS.iter().find(|row| row.0 == "server-closes-the-set-early").expect("listed");
    let (stage, trace) = record(row);
    let checked = Ended::of(stage.vdi(&["check"]).arg(&trace));
    assert!(checked.code == 0 && checked.out.contains("server.close.devices-open"), "{checked:?}");
    let row = RECORDINGS.iter().find(|row| row.0 == "one-device-backup").expect("listed");
    let (_stage, trace) = record(row);
    let text = fs::read_to_string(trace).expect("a trace");
    assert!(!text.contains("provoked"), "{text}");
}

/// Without a server there is a trace, too, called like the set.
#[test]
fn the_library_records_alone_what_it_sees() {
    let stage = Stage::new();
    let mut command = stage.command("single", &["backup", "x", "MEDIUM"]);
    let trace = stage.path("t-%s.jsonl");
    let ended = Ended::of(command.env("VDI_TRACE", trace).env("SQLCMD", "false").env("SET", "a b"));
    assert_eq!(ended.code, 1, "{ended:?}");
    let text = fs::read_to_string(stage.path("t-a%20b.jsonl")).expect("a trace");
    assert!(text.contains("\"return\":\"VD_E_TIMEOUT\""), "{text}");
    assert!(
        text.lines().last().is_some_and(|line| line.contains("\"return\":\"NOERROR\"")),
        "{text}"
    );
}

/// The calls and returns of the client in a trace, without what the two recorders name each
/// for itself.
fn client_side(trace: &Path) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(trace).expect("a trace");
    let mut events = Vec::new();
    for line in text.lines().skip(1) {
        let mut event: serde_json::Value = serde_json::from_str(line).expect("JSON");
        if !event["lane"].as_str().is_some_and(|lane| lane.starts_with("primary.")) {
            continue;
        }
        let fields = event.as_object_mut().expect("an object");
        fields.remove("seq");
        fields.remove("elapsed");
        if let Some(out) = fields.get_mut("out").and_then(|out| out.as_object_mut()) {
            out.remove("buffer");
        }
        if fields.get("call").is_some_and(|call| call == "CreateEx") {
            fields.insert("call".into(), "Create".into());
        }
        events.push(event);
    }
    events
}

/// The server is not in it: whatever it did, this is what it can have come to.
fn is_conformant(stage: &Stage, half: &Path) {
    let ended = Ended::of(stage.vdi(&["check"]).arg(half));
    assert!(ended.code == 0, "{ended:?}\n{}", fs::read_to_string(half).expect("text"));
    let header = fs::read_to_string(half).expect("text");
    assert!(header.lines().next().is_some_and(|line| line.contains("unseen")), "{header}");
}

/// The recorder that stands before another library sees what that library sees.
#[test]
fn both_recorders_tell_the_same() {
    for client in ["single", "complete", "abort"] {
        let stage = Stage::new();
        stage.database("x", 300_000);
        let place = stage.path("lib");
        fs::create_dir(&place).expect("made");
        let folder = super::stage::library();
        fs::copy(folder.join("libsqlvdi_record.so"), place.join("libsqlvdi.so")).expect("copied");
        let (half, full) = (stage.path("half.jsonl"), stage.path("full.jsonl"));
        let mut command = stage.command(client, &["backup", "x", "MEDIUM"]);
        command.env("LD_LIBRARY_PATH", &place).env("VDI_ORIGINAL", folder.join("libsqlvdi.so"));
        let ended = Ended::of(command.env("VDI_RECORD", &half).env("VDI_TRACE", &full));
        assert_eq!(ended.code, i32::from(client == "abort"), "{ended:?}");
        is_conformant(&stage, &half);
        let (half, full) = (client_side(&half), client_side(&full));
        assert!(half.len() > 20, "{half:?}");
        if client == "abort" {
            // Two threads: the order between them is each recorder's own.
            let calls = |events: &[serde_json::Value]| {
                let mut calls: Vec<String> = events
                    .iter()
                    .filter_map(|event| Some(event["call"].as_str()?.to_owned()))
                    .collect();
                calls.sort();
                calls
            };
            assert_eq!(calls(&half), calls(&full));
        } else {
            assert_eq!(half, full);
        }
        stage.leaves_nothing();
    }
}

/// Preloaded it needs no more than a place for its trace, whatever the client and the server
/// do: of every process there is one, and each is a half of what is conformant.
#[test]
fn the_recorder_can_be_preloaded() {
    for (name, client, verb, options, faults) in RECORDINGS {
        let stage = Stage::new();
        stage.database("x", 300_000);
        let command = |verb: &str| {
            let mut command = stage.command(client, &[verb, "x", "MEDIUM", options]);
            command.env("DATABASE_FILE", stage.data("x")).env("DEVICES", "3");
            command
        };
        if *verb == "restore" {
            Ended::of(&mut command("backup"));
        }
        let record = super::stage::library().join("libsqlvdi_record.so");
        let mut command = command(verb);
        command.env("LD_PRELOAD", record).env("VDI_RECORD", stage.path("half.jsonl"));
        let ended = Ended::of(command.env("VDI_FAULTS", faults));
        let entries = fs::read_dir(stage.path(".")).expect("a folder").flatten();
        let halves: Vec<PathBuf> = entries
            .filter(|entry| entry.file_name().to_string_lossy().starts_with("half"))
            .map(|entry| entry.path())
            .collect();
        halves.iter().for_each(|half| is_conformant(&stage, half));
        let processes = match *client {
            "processes" => 3,
            "handles" => 2,
            _ => 1,
        };
        assert_eq!(halves.len(), processes, "{name}: {halves:?} {ended:?}");
    }
}

/// What a client does wrong by itself, its half of the history shows.
#[test]
fn a_half_shows_what_its_client_does_wrong() {
    for (fault, clause) in [
        ("never-closes", "client.close.required"),
        ("writes-into-commands", "client.command.read-only"),
        ("completes-twice", "client.complete-command.active-only"),
        ("closes-twice", "client.close.twice"),
    ] {
        let stage = Stage::new();
        stage.database("x", 300_000);
        let mut command = stage.command("faulty", &["backup", "x", "MEDIUM"]);
        let record = super::stage::library().join("libsqlvdi_record.so");
        let half = stage.path("half.jsonl");
        command.env("LD_PRELOAD", record).env("VDI_RECORD", &half).env("FAULT", fault);
        let ended = Ended::of(&mut command);
        let checked = Ended::of(stage.vdi(&["check"]).arg(&half));
        assert!(
            checked.code == 1 && checked.out.contains(clause),
            "{fault}: {checked:?} {ended:?}"
        );
    }
}

/// That the server waited in vain is recorded, and explains what it did then.
#[test]
fn a_time_out_of_the_server_is_recorded() {
    let stage = Stage::new();
    stage.database("x", 300_000);
    let mut command = stage.command("faulty", &["backup", "x", "MEDIUM"]);
    let trace = stage.path("trace.jsonl");
    command.env("FAULT", "forgets-a-command").env("SERVER_TIME_OUT", "50");
    let ended = Ended::of(command.env("VDI_TRACE", &trace));
    assert_eq!(ended.code, 1, "{ended:?}");
    let text = fs::read_to_string(&trace).expect("a trace");
    assert!(text.contains("\"expired\":\"server.agent\",\"after\":100"), "{text}");
    let judged = check_reader(text.as_bytes(), &Profile::default());
    assert_eq!(judged.verdict, Verdict::Conformant, "{judged:?}\n{text}");
}

/// Nothing is written over but traces, and no two sets are mixed in one.
#[test]
fn a_recording_takes_no_place_that_is_not_free() {
    let stage = Stage::new();
    stage.database("x", 100_000);
    let precious = stage.path("precious");
    fs::write(&precious, "precious").expect("written");
    let run = |trace: &Path| {
        let mut command = stage.command("single", &["backup", "x", "MEDIUM"]);
        Ended::of(command.env("VDI_TRACE", trace))
    };
    let ended = run(&precious);
    // The library goes on without, the server does not.
    assert!(ended.code == 1 && ended.told.contains("no trace, which is not written"), "{ended:?}");
    assert_eq!(fs::read_to_string(&precious).expect("text"), "precious");
    let trace = stage.path("trace.jsonl");
    assert!(run(&trace).code == 0 && run(&trace).code == 0);
    let judged = Ended::of(stage.vdi(&["check"]).arg(&trace));
    assert_eq!(judged.code, 0, "{judged:?}");
}

#[test]
fn without_the_original_every_call_fails_and_it_is_said() {
    let stage = Stage::new();
    let place = stage.path("lib");
    fs::create_dir(&place).expect("made");
    let record = super::stage::library().join("libsqlvdi_record.so");
    fs::copy(record, place.join("libsqlvdi.so")).expect("copied");
    let mut command = stage.command("single", &["backup", "x", "MEDIUM"]);
    let ended = Ended::of(command.env("LD_LIBRARY_PATH", &place));
    let told = "libsqlvdi-record: libsqlvdi.so is this recorder itself: VDI_ORIGINAL is to name \
        the original by its path\nclient: Create: 0x8077000B\n";
    assert_eq!((ended.code, ended.told.as_str()), (1, told));
}
