//! The standing server: what is handed over to it, and what becomes of it when either end goes.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Stdio};

use super::stage::{self, Ended, Stage};

/// `vdi serve`, and where its clients find it.
pub(super) struct Server {
    process: Child,
    out: BufReader<ChildStdout>,
}

impl Server {
    pub(super) fn start(stage: &Stage, words: &[&str]) -> Self {
        let mut command = stage.vdi(&["serve"]);
        let mut process = command.args(words).stdout(Stdio::piped()).spawn().expect("it starts");
        let out = BufReader::new(process.stdout.take().expect("piped"));
        let mut server = Self { process, out };
        assert!(server.line().starts_with("listening at "));
        server
    }

    pub(super) fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).expect("text");
        line.trim_end().to_owned()
    }

    /// Ends it as an operator does; what it has said since.
    pub(super) fn end(mut self) -> String {
        stage::terminate(self.process.id());
        assert_eq!(self.process.wait().expect("ended").code(), Some(130));
        std::io::read_to_string(self.out).expect("text")
    }
}

#[test]
fn statements_are_handed_over() {
    let stage = Stage::new();
    let data = stage.database("x", 300_000);
    let server = Server::start(&stage, &[]);
    stage.good("single", &["backup", "x", "MEDIUM"]);
    fs::remove_file(stage.data("x")).expect("it was there");
    let ended = stage.run("threads", &["backup", "x", "MEDIUM"]);
    assert!(ended.code == 1 && ended.out.contains("Msg 911,"), "{ended:?}");
    let ended = stage.run("single", &["restore", "x", "MEDIUM", "STATS=50"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.out.contains("100 percent processed.\nProcessed 37 pages"), "{ended:?}");
    assert!(fs::read(stage.data("x")).expect("restored") == data, "other bytes");
    let ended = stage.sqlcmd(&["-S", "db1", "-b", "-Q", "BACKUP DATABASE x TO DISK='a'"]);
    assert!(
        ended.code == 1 && ended.out.contains("Msg 102, Level 15, State 1, Server db1, Line 1")
    );
    // It is the server that says so: it tells it, too.
    let told = server.end();
    for part in ["BACKUP DATABASE successfully", "Msg 911,", "RESTORE DATABASE successfully", "db1"]
    {
        assert!(told.contains(part), "{part}: {told}");
    }
    // With nobody there, sqlcmd plays the server itself.
    stage.good("single", &["backup", "x", "MEDIUM"]);
    stage.leaves_nothing();
}

#[test]
fn one_server_at_a_place_and_what_a_dead_one_left_is_no_hindrance() {
    let stage = Stage::new();
    stage.database("x", 300_000);
    let mut first = Server::start(&stage, &[]);
    let second = Ended::of(&mut stage.vdi(&["serve"]));
    assert!(second.code == 69 && second.told.contains("stands there already"), "{second:?}");
    first.process.kill().expect("killed");
    first.process.wait().expect("ended");
    stage.good("single", &["backup", "x", "MEDIUM"]);
    let again = Server::start(&stage, &[]);
    stage.good("single", &["backup", "x", "MEDIUM"]);
    assert!(again.end().contains("successfully"));
    // A place of one's own, and what was asked for goes before what the server was told.
    let place = stage.path("s.sock");
    let server = Server::start(&stage, &["--socket", stage::word(&place), "--faults", "abort@2"]);
    let mut client = stage.command("single", &["backup", "x", "MEDIUM"]);
    assert_eq!(Ended::of(client.env("VDI_SERVER", &place)).code, 1);
    assert_eq!(Ended::of(client.env("VDI_FAULTS", "flush-twice")).code, 0);
    assert_eq!(Ended::of(client.env("VDI_SERVER", "none")).code, 0);
    assert_eq!(server.end().matches("successfully").count(), 1);
    assert!(!place.exists(), "the socket stays");
    // A folder that somebody else has named is not made.
    let missing = stage.path("no/such/folder");
    let socket = missing.join("s.sock");
    let ended = Ended::of(&mut stage.vdi(&["serve", "--socket", stage::word(&socket)]));
    assert!(ended.code == 69 && ended.told.contains("no/such/folder is no folder"), "{ended:?}");
    assert!(!stage.path("no").exists());
    stage.leaves_nothing();
}

/// Whoever may write a set's object may cut it short. The backup fails, by its statement and
/// by its client, and neither is ended by a signal: the server carries out the next statement.
#[test]
fn an_object_that_is_cut_short_ends_neither_client_nor_server() {
    let stage = Stage::new();
    stage.database("x", 8 << 20);
    let mut server = Server::start(&stage, &[]);
    for part in [0, 1, 2] {
        let mut command = stage.command("single", &["backup", "x", "MEDIUM"]);
        command.env("VDI_FAULTS", "pause=500@4").stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut client = command.spawn().expect("it starts");
        while fs::metadata(stage.path("medium")).map_or(0, |medium| medium.len()) < 65_536 {
            assert!(client.try_wait().expect("a child").is_none(), "it ended");
            std::thread::yield_now();
        }
        let left = stage.left();
        let [object] = &left[..] else { panic!("{left:?}") };
        let object = fs::OpenOptions::new().write(true).open(format!("/dev/shm/{object}"));
        let object = object.expect("it is ours");
        let length = object.metadata().expect("it exists").len();
        // Everything, all but a page, the last buffers.
        let rest = [0, 4096, length - 65_536][part];
        object.set_len(rest).expect("it is ours");
        let ended = client.wait_with_output().expect("ended");
        let told = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(1), "{rest}: {told}");
        let out = String::from_utf8_lossy(&ended.stdout);
        assert!(out.contains("terminating abnormally"), "{rest}: {out}{told}");
        fs::remove_file(stage.path("medium")).expect("it was there");
        assert!(server.process.try_wait().expect("a child").is_none(), "{rest}: it ended");
    }
    stage.good("single", &["backup", "x", "MEDIUM"]);
    assert!(server.end().contains("successfully"));
}

/// Whoever goes away in the midst: the server, or the one who handed over.
#[test]
fn a_statement_whose_server_or_sqlcmd_is_killed() {
    for killed in ["server", "sqlcmd"] {
        let stage = Stage::new();
        stage.database("x", 1 << 20);
        let mut server = Server::start(&stage, &[]);
        let mut command = stage.command("single", &["backup", "x", "MEDIUM"]);
        command.env("VDI_FAULTS", "pause=60000@4").stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut client = command.spawn().expect("it starts");
        let sqlcmd = stage.server_of(client.id());
        while fs::metadata(stage.path("medium")).map_or(0, |medium| medium.len()) < 65_536 {
            assert!(client.try_wait().expect("a child").is_none(), "it ended");
            std::thread::yield_now();
        }
        stage::kill(if killed == "server" { server.process.id() } else { sqlcmd });
        let ended = client.wait_with_output().expect("ended");
        let (out, told) =
            (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
        assert!(ended.status.code() == Some(1) && told.contains("0x80770004"), "{out}{told}");
        if killed == "server" {
            assert!(out.contains("Sqlcmd: Error: the server at "), "{out}{told}");
            server.process.wait().expect("ended");
        } else {
            let mut lines = Vec::new();
            while !lines.iter().any(|line: &String| line.contains("terminating abnormally")) {
                lines.push(server.line());
            }
            assert!(lines.iter().any(|line| line.contains("was aborted")), "{lines:?}");
            server.end();
        }
        stage.leaves_nothing();
    }
}
