//! Client programs in C++, written against the published classes only, linked with
//! `libsqlvdi.so`, against the stand-in server behind `sqlcmd`.

mod kills;
mod mangled;
mod recordings;
pub(crate) mod stage;
mod standing;
mod tds;

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use stage::{Ended, Stage};

const MIB: usize = 1 << 20;

/// A backup by one client, the database lost, a restore by another: the same bytes.
fn survives(backup: (&str, &str), restore: (&str, &str)) {
    let stage = Stage::new();
    let data = stage.database("x", 5 * MIB + 123);
    stage.good(backup.0, &["backup", "x", "MEDIUM", backup.1]);
    fs::remove_file(stage.data("x")).expect("it was there");
    stage.good(restore.0, &["restore", "x", "MEDIUM", restore.1]);
    assert!(fs::read(stage.data("x")).expect("restored") == data, "other bytes");
    stage.leaves_nothing();
}

#[test]
fn one_device() {
    survives(("single", ""), ("single", ""));
}

#[test]
fn one_device_read_in_other_sizes() {
    let sizes = "MAXTRANSFERSIZE=1048576, BLOCKSIZE=65536, BUFFERCOUNT=7";
    survives(("single", sizes), ("single", "BLOCKSIZE=4096, BUFFERCOUNT=1"));
    survives(("single", "BUFFERCOUNT=1, NO_CHECKSUM"), ("single", "MAXTRANSFERSIZE=4194304"));
}

#[test]
fn a_thread_for_each_device() {
    survives(("threads", ""), ("threads", "MAXTRANSFERSIZE=1048576"));
}

#[test]
fn a_process_for_each_device() {
    survives(("processes", ""), ("processes", "MAXTRANSFERSIZE=131072"));
}

#[test]
fn buffers_by_handle_in_another_process() {
    survives(("handles", ""), ("handles", "MAXTRANSFERSIZE=262144, BUFFERCOUNT=1"));
    survives(("single", "BUFFERCOUNT=3"), ("handles", ""));
}

/// Where the server says it belongs, the medium holds the same as a stream does.
#[test]
fn a_medium_addressed_by_position() {
    survives(("disk", ""), ("disk", "MAXTRANSFERSIZE=1048576, BUFFERCOUNT=7"));
    survives(("disk", "BUFFERCOUNT=1"), ("single", ""));
    survives(("single", "MAXTRANSFERSIZE=131072"), ("disk", ""));
    // What an older, larger backup has left there is none of it.
    let stage = Stage::new();
    stage.database("x", 4 * MIB);
    stage.good("disk", &["backup", "x", "MEDIUM"]);
    let data = stage.database("x", MIB);
    stage.good("disk", &["backup", "x", "MEDIUM"]);
    let length = fs::metadata(stage.path("medium")).expect("a medium").len();
    assert_eq!(length, (MIB + 2 * 65_536) as u64);
    stage.database("x", 7);
    stage.good("disk", &["restore", "x", "MEDIUM"]);
    assert!(fs::read(stage.data("x")).expect("restored") == data, "other bytes");
    stage.leaves_nothing();
}

/// A run of the client that lets the server send what it can for `dawdle` milliseconds before
/// it looks: whether a command found the queue full.
fn finds_the_queue_full(stage: &Stage, verb: &str, count: usize, dawdle: u32) -> bool {
    let with = format!("BUFFERCOUNT={count}");
    let mut command = stage.command("faulty", &[verb, "x", "MEDIUM", &with]);
    let trace = stage.path("trace.jsonl");
    command.env("FAULT", "dawdles").env("DAWDLE", dawdle.to_string()).env("VDI_TRACE", &trace);
    let ended = Ended::of(&mut command);
    assert_eq!(ended.code, 0, "{verb} {with}: {ended:?}");
    let text = fs::read_to_string(&trace).expect("a trace");
    let checked = Ended::of(stage.vdi(&["check"]).arg(&trace));
    assert_eq!(checked.code, 0, "{verb} {with}: {checked:?}");
    fs::remove_file(trace).expect("it was there");
    text.contains("VD_E_BUSY")
}

/// The queue of a device has room for 64 commands. How long a server needs to fill it is the
/// machine's affair: whoever finds it not full yet waits longer.
#[test]
fn more_buffers_than_the_queue_has_room_for() {
    for count in [64, 65, 128, 500] {
        let stage = Stage::new();
        let data = stage.database("x", 600 * 65_536 + 7);
        let run = |verb: &str| {
            let pauses: &[u32] = if count > 64 { &[300, 1500, 6000, 24_000] } else { &[300] };
            let full = pauses.iter().any(|&pause| finds_the_queue_full(&stage, verb, count, pause));
            assert_eq!(full, count > 64, "{verb} BUFFERCOUNT={count}");
        };
        run("backup");
        fs::remove_file(stage.data("x")).expect("it was there");
        run("restore");
        assert!(fs::read(stage.data("x")).expect("restored") == data, "{count}: other bytes");
        stage.leaves_nothing();
    }
}

#[test]
fn the_complete_handshake_and_another_client() {
    survives(("complete", "COPY_ONLY"), ("single", ""));
    survives(("single", ""), ("complete", ""));
}

#[test]
fn a_snapshot() {
    let stage = Stage::new();
    let data = stage.database("x", MIB);
    let run = |words: &[&str]| {
        let mut command = stage.command("snapshot", words);
        command.env("DATABASE_FILE", stage.data("x"));
        let ended = Ended::of(&mut command);
        assert_eq!(ended.code, 0, "{ended:?}");
    };
    run(&["backup", "x", "MEDIUM"]);
    fs::write(stage.data("x"), b"changed since").expect("written");
    run(&["restore", "x", "MEDIUM"]);
    assert!(fs::read(stage.data("x")).expect("restored") == data, "other bytes");
    // Whoever mounts something else is found out.
    fs::write(stage.path("medium.data"), b"something else").expect("written");
    let mut command = stage.command("snapshot", &["restore", "x", "MEDIUM"]);
    let ended = Ended::of(command.env("DATABASE_FILE", stage.data("x")));
    assert!(ended.code == 1 && ended.out.contains("Msg 3189,"), "{ended:?}");
    stage.leaves_nothing();
}

#[test]
fn generated_data_and_a_log() {
    let stage = Stage::new();
    let recipe = |seed: u32| format!("{{\"seed\": {seed}, \"bytes\": \"3MiB\"}}");
    fs::write(stage.data("made.generated"), recipe(1)).expect("written");
    stage.good("single", &["backup", "made", "MEDIUM"]);
    stage.good("single", &["restore", "made", "MEDIUM"]);
    fs::write(stage.data("made.generated"), recipe(2)).expect("written");
    let ended = stage.run("single", &["restore", "made", "MEDIUM"]);
    assert!(ended.code == 1 && ended.out.contains("not the data that was backed up"), "{ended:?}");
    stage.database("x", 7);
    let log = stage.database("x.log", 100_000);
    let mut server = stage.vdi(&["serve", "BACKUP LOG x TO VIRTUAL_DEVICE='log'"]);
    let mut server = server.stdout(Stdio::null()).spawn().expect("it starts");
    let client = |words: &[&str], server: &std::process::Child| {
        let mut command = stage.command("single", words);
        let statement = stage.statement_of_others(server.id());
        Ended::of(command.env("SET", "log").env("SQLCMD", statement)).code
    };
    assert_eq!(client(&["backup", "x", "MEDIUM"], &server), 0);
    assert!(server.wait().expect("ended").success());
    fs::remove_file(stage.data("x.log")).expect("it was there");
    // A log is restored onto a database that awaits it.
    fs::rename(stage.path("medium"), stage.path("log")).expect("there");
    stage.good("single", &["backup", "x", "MEDIUM"]);
    stage.good("single", &["restore", "x", "MEDIUM", "NORECOVERY"]);
    fs::rename(stage.path("log"), stage.path("medium")).expect("there");
    let mut server = stage.vdi(&["serve", "RESTORE LOG x FROM VIRTUAL_DEVICE='log'"]);
    let mut server = server.stdout(Stdio::null()).spawn().expect("it starts");
    assert_eq!(client(&["restore", "x", "MEDIUM"], &server), 0);
    assert!(server.wait().expect("ended").success());
    assert!(fs::read(stage.data("x.log")).expect("restored") == log, "other bytes");
    stage.leaves_nothing();
}

#[test]
fn a_damaged_medium_is_found_out_and_the_database_kept() {
    let stage = Stage::new();
    let data = stage.database("x", MIB);
    stage.good("single", &["backup", "x", "MEDIUM"]);
    let mut medium = fs::read(stage.path("medium")).expect("a medium");
    medium[500_000] ^= 1;
    fs::write(stage.path("medium"), &medium).expect("written");
    let ended = stage.run("single", &["restore", "x", "MEDIUM"]);
    assert!(ended.code == 1 && ended.out.contains("Msg 3189,"), "{ended:?}");
    medium.truncate(300_000);
    fs::write(stage.path("medium"), &medium).expect("written");
    let ended = stage.run("single", &["restore", "x", "MEDIUM"]);
    let told = "failed: 38(Reached the end of the file.)";
    assert!(ended.code == 1 && ended.out.contains(told), "{ended:?}");
    fs::write(stage.path("medium"), vec![7; MIB]).expect("written");
    let ended = stage.run("single", &["restore", "x", "MEDIUM"]);
    assert!(ended.code == 1 && ended.out.contains("Msg 3242,"), "{ended:?}");
    assert!(fs::read(stage.data("x")).expect("kept") == data, "the database was touched");
    let left = fs::read_dir(stage.data(".")).expect("a folder").count();
    assert_eq!(left, 1, "half a restore stays");
    stage.leaves_nothing();
}

const ABORTED: &str = "\
BackupIoRequest::ReportIoError: write failure on backup device 'SET'. Operating system error \
995(The I/O operation has been aborted because of either a thread exit or an application request.).
Msg 3202, Level 16, State 1, Server localhost, Line 1
Write on \"SET\" failed: 995(The I/O operation has been aborted because of either a thread exit \
or an application request.)
Msg 3013, Level 16, State 1, Server localhost, Line 1
BACKUP DATABASE is terminating abnormally.
";

#[test]
fn a_client_that_aborts() {
    let stage = Stage::new();
    stage.database("x", 64 * MIB);
    let ended = stage.run("abort", &["backup", "x", "MEDIUM"]);
    assert_eq!(ended.code, 1, "{ended:?}");
    let told = ended.out.replace(&format!("set-{}", ended.process), "SET");
    assert!(told.ends_with(ABORTED), "{told}");
    stage.leaves_nothing();
}

#[test]
fn what_goes_wrong_on_purpose() {
    for (faults, code) in [
        ("slow=1", 0),
        ("pause=300@4", 0),
        ("unknown@4", 0),
        ("flush-twice", 0),
        ("no-complete", 0),
        ("abort@1", 1),
        ("abort@5", 1),
        ("close@5", 1),
        ("close-set@5", 1),
        ("kill@5", 1),
    ] {
        let stage = Stage::new();
        stage.database("x", MIB);
        let ended = Ended::of(
            stage.command("complete", &["backup", "x", "MEDIUM"]).env("VDI_FAULTS", faults),
        );
        assert_eq!(ended.code, code, "{faults}: {ended:?}");
        stage.leaves_nothing();
    }
}

#[test]
fn a_client_that_fails_the_backup_at_complete() {
    let stage = Stage::new();
    stage.database("x", MIB);
    let mut command = stage.command("complete", &["backup", "x", "MEDIUM"]);
    let ended = Ended::of(command.env("FAIL_COMPLETE", "1"));
    assert!(ended.code == 1 && ended.out.contains("error 29("), "{ended:?}");
    stage.leaves_nothing();
}

/// Whichever side is killed, the other ends soon, and says why.
#[test]
#[expect(clippy::disallowed_methods, reason = "how soon is what is tested")]
fn a_side_that_is_killed() {
    let soon = Duration::from_secs(60);
    for killed in ["client", "server"] {
        let stage = Stage::new();
        stage.database("x", MIB);
        let mut command = stage.command("single", &["backup", "x", "MEDIUM"]);
        command.env("VDI_FAULTS", "pause=60000@4").stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut client = command.spawn().expect("it starts");
        let server = stage.server_of(client.id());
        // Until the server pauses, with commands on their way.
        while fs::metadata(stage.path("medium")).map_or(0, |medium| medium.len()) < 65_536 {
            assert!(client.try_wait().expect("a child").is_none(), "it ended");
            std::thread::yield_now();
        }
        let begun = Instant::now();
        if killed == "client" {
            client.kill().expect("killed");
        } else {
            stage::kill(server);
        }
        client.wait().expect("ended");
        while killed == "client" && stage::lives(server) {
            assert!(begun.elapsed() < soon, "the server lives on");
            std::thread::yield_now();
        }
        assert!(begun.elapsed() < soon, "{killed}");
        let (mut out, mut told) = (String::new(), String::new());
        client.stdout.take().expect("piped").read_to_string(&mut out).expect("text");
        client.stderr.take().expect("piped").read_to_string(&mut told).expect("text");
        if killed == "client" {
            assert!(out.contains("failed: 995("), "{out}");
        } else {
            assert!(told.contains("0x80770004"), "{told}");
        }
        stage.leaves_nothing();
    }
}

/// 90 is a pause that a server may make if it is milliseconds, and none if it is seconds.
#[test]
fn time_outs_are_milliseconds_unless_they_are_to_be_seconds() {
    let stage = Stage::new();
    stage.database("x", MIB);
    let run = |unit: &str| {
        let mut command = stage.command("faulty", &["backup", "x", "MEDIUM"]);
        command.env("FAULT", "impatient").env("VDI_FAULTS", "pause=600@4");
        Ended::of(command.env("VDI_TIMEOUT_UNIT", unit)).code
    };
    assert_eq!((run("milliseconds"), run("seconds")), (1, 0));
    stage.leaves_nothing();
}

/// What `vdi install` puts into a folder is all that a client needs.
#[test]
fn what_is_installed_works_by_itself() {
    let stage = Stage::new();
    let data = stage.database("x", 300_000);
    let installed = Ended::of(&mut stage.vdi(&["install", "kit"]));
    assert_eq!(installed.code, 0, "{installed:?}");
    for name in ["libsqlvdi.so", "libsqlvdi-record.so"] {
        assert!(stage.path("kit/lib").join(name).is_file(), "{name}");
    }
    let built = std::process::Command::new("g++")
        .args(["-std=c++11", "-pthread", "-I"])
        .arg(stage.path("kit/include"))
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../sim/libsqlvdi/clients/single.cpp"))
        .arg("-L")
        .arg(stage.path("kit/lib"))
        .args(["-lsqlvdi", "-o"])
        .arg(stage.path("mine"))
        .status();
    assert!(built.expect("g++ starts").success());
    // Over what is in use, too.
    assert_eq!(Ended::of(&mut stage.vdi(&["install", "kit"])).code, 0);
    let mut command = stage.command("single", &["backup", "x", "MEDIUM"]);
    let (lib, bin) = (stage.path("kit/lib"), stage.path("kit/bin"));
    let path = format!("{}:/usr/bin:/bin", bin.display());
    let ended = Ended::of(command.env("PATH", &path).env("LD_LIBRARY_PATH", &lib));
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(fs::read(stage.path("medium")).expect("a medium").len() > data.len());
    let mut gate = std::process::Command::new(bin.join("vdi"));
    let line = format!("{} backup {{database}} {{medium}}", stage.path("mine").display());
    let restore = line.replace(" backup ", " restore ");
    gate.args(["gate", "--client", &line, "--restore", &restore, "--filter", "backup/plain"]);
    let ended = Ended::of(&mut gate);
    assert_eq!(ended.code, 0, "{ended:?}");
    stage.leaves_nothing();
}

#[test]
fn too_little_memory_is_told() {
    let stage = Stage::new();
    stage.database("x", MIB);
    let options = "MAXTRANSFERSIZE=4194304, BUFFERCOUNT=1000";
    let ended = stage.run("single", &["backup", "x", "MEDIUM", options]);
    let told = "Msg 701, Level 16, State 1, Server localhost, Line 1\n\
        There is insufficient shared memory for the buffers (EndConfiguration: VD_E_MEMORY).\n";
    assert!(ended.code == 1 && ended.out.contains(told), "{ended:?}");
    stage.leaves_nothing();
}

/// What the server may not make is told as SQL Server tells it: no signal ends it.
#[test]
fn a_limit_on_the_size_of_files_is_told() {
    let stage = Stage::new();
    stage.database("x", MIB);
    let client = stage.command("single", &[]);
    let mut limited = std::process::Command::new("sh");
    // Enough for the set, and not for its buffers.
    limited.args(["-c", "ulimit -f 600; exec \"$@\"", "sh"]).arg(stage.program("single"));
    limited.args(["backup", "x", "medium"]).current_dir(stage.path("."));
    for (name, value) in client.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    let ended = Ended::of(&mut limited);
    let told = "There is insufficient shared memory for the buffers (EndConfiguration: ";
    assert!(ended.code == 1 && ended.out.contains(told), "{ended:?}");
    stage.leaves_nothing();
}

#[test]
fn statements_that_cannot_be_carried_out() {
    let stage = Stage::new();
    stage.database("x", MIB);
    let said = |sql: &str| {
        let ended = stage.sqlcmd(&["-S", "db1", "-U", "sa", "-P", "x", "-b", "-Q", sql]);
        assert_eq!(ended.code, 1, "{ended:?}");
        ended.out
    };
    assert_eq!(
        said("BACKUP DATABASE x TO VIRTUAL_DEVICE='none'"),
        "Msg 3201, Level 16, State 1, Server db1, Line 1\n\
         Cannot open backup device 'none'. Operating system error 0x80770006(VD_E_INVALID).\n\
         Msg 3013, Level 16, State 1, Server db1, Line 1\n\
         BACKUP DATABASE is terminating abnormally.\n"
    );
    assert!(said("BACKUP LOG x TO VIRTUAL_DEVICE='none'").contains("Msg 911,"));
    assert!(said("BACKUP DATABASE ../x TO VIRTUAL_DEVICE='none'").contains("Msg 102,"));
    assert!(said("BACKUP DATABASE [../x] TO VIRTUAL_DEVICE='none'").contains("Msg 911,"));
    assert_eq!(
        said("USE master\nGO\nBACKUP DATABASE x TO\nVIRTUAL_DEVICE='a' WITH QUICK"),
        "Changed database context to 'master'.\n\
         Msg 155, Level 15, State 1, Server db1, Line 2\n\
         'QUICK' is not a recognized BACKUP option.\n"
    );
    // Without -b the real tool exits with 0, whatever became of the statements.
    let ended = stage.sqlcmd(&["-Q", "BACKUP DATABASE x TO VIRTUAL_DEVICE='none'"]);
    assert!(ended.code == 0 && ended.out.contains("Msg 3013,"), "{ended:?}");
    let ended = stage.sqlcmd(&["-Z"]);
    let told = "Sqlcmd: '-Z': Unknown Option. Enter '-?' for help.\n";
    assert_eq!((ended.code, ended.out.as_str()), (1, told));
}

#[test]
fn scripts_of_sqlcmd() {
    let stage = Stage::new();
    let script = "\u{feff}USE $(a)\nGO 2\nUPDATE x\ngo\nUSE b\nEXIT\nUSE c\n";
    fs::write(stage.path("script.sql"), script).expect("written");
    let words = ["-i", "script.sql", "-v", "a=x"];
    let ended = stage.sqlcmd(&words);
    let told = "Changed database context to 'x'.\nChanged database context to 'x'.\n\
        Msg 102, Level 15, State 1, Server localhost, Line 1\n\
        Incorrect syntax near 'UPDATE'. Expected BACKUP or RESTORE, or what clients send around \
        them: nothing else is known here.\n";
    assert_eq!((ended.code, ended.out.as_str()), (0, told));
    let script = "USE a\nGO\nUPDATE x\nGO\nUSE b\nGO\n:r other.sql\n";
    fs::write(stage.path("script.sql"), script).expect("written");
    let ended = stage.sqlcmd(&["-b", "-i", "script.sql"]);
    assert!(ended.code == 1 && !ended.out.contains("'b'"), "{ended:?}");
    let ended = stage.sqlcmd(&["-i", "script.sql", "-o", "out"]);
    let out = fs::read_to_string(stage.path("out")).expect("written");
    let wrong = "Changed database context to 'b'.\nSqlcmd: Error: Syntax error at line 7 near \
        command ':r' in file 'script.sql': not supported here.\n";
    assert!(ended.code == 1 && out.ends_with(wrong), "{ended:?} {out}");
    for (words, told) in [
        (["-i", "nosuch.sql"], "Sqlcmd: 'nosuch.sql': Invalid filename.\n"),
        (["-Q", "USE $(a)"], "Sqlcmd: Error: 'a' scripting variable not defined.\n"),
        (
            ["-QUSE x", "-o/no/such/out"],
            "Sqlcmd: Error: Error occurred while opening or operating \
            on file /no/such/out (Reason: No such file or directory (os error 2)).\n",
        ),
        (
            ["-t", "abc"],
            "Sqlcmd: '-t abc': Unexpected argument. Argument value has to be a \
            number.\n",
        ),
    ] {
        let ended = stage.sqlcmd(&words);
        assert_eq!((ended.code, ended.out.as_str()), (1, told), "{words:?}");
    }
}

#[test]
fn what_the_environment_says_is_understood_or_refused() {
    let stage = Stage::new();
    for (name, value) in [("VDI_WAIT", "abc"), ("VDI_GROUP", "yes"), ("VDI_TIMEOUT_UNIT", "s")] {
        let mut command = stage.vdi(&["sqlcmd", "-Q", "USE x"]);
        let ended = Ended::of(command.env(name, value));
        let said = format!("error: {name} is `{value}`, expected ");
        assert!(ended.code == 64 && ended.told.starts_with(&said), "{ended:?}");
    }
    let mut command = stage.vdi(&["sqlcmd", "-Q", "USE x"]);
    assert_eq!(Ended::of(command.env("VDI_WAIT", "0")).code, 0);
}

/// The server waits for a set that does not exist yet, and needs no sqlcmd.
#[test]
fn the_server_can_come_first() {
    let stage = Stage::new();
    let data = stage.database("x", MIB);
    let statement = "BACKUP DATABASE x TO VIRTUAL_DEVICE='early' WITH STATS=50";
    let mut server = stage.vdi(&["serve", "--wait", "60", statement]);
    let server = server.stdout(Stdio::piped()).spawn().expect("it starts");
    // A client that leaves the statement to others.
    let mut client = stage.command("single", &["backup", "x", "MEDIUM"]);
    let statement = stage.statement_of_others(server.id());
    let client = Ended::of(client.env("SET", "early").env("SQLCMD", statement));
    let server = server.wait_with_output().expect("ended");
    let out = String::from_utf8_lossy(&server.stdout);
    assert!(client.code == 0 && server.status.success(), "{client:?} {out}");
    assert!(
        out.starts_with("50 percent processed.\n100 percent processed.\nProcessed 128 pages"),
        "{out}"
    );
    let medium = fs::read(stage.path("medium")).expect("a medium");
    assert!(medium[65_536..65_536 + data.len()] == data[..], "the data is on the medium");
    stage.leaves_nothing();
}
