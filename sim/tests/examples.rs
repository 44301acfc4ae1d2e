//! The two examples against each other, as two processes.
//!
//! Each process is this test itself, started again as one of them.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::{env, io, thread};

#[path = "../examples/backup_client.rs"]
mod backup_client;
#[path = "../examples/stream_server.rs"]
mod stream_server;

/// Which example this test is to be, as a process of its own.
const EXAMPLE: &str = "VDI_EXAMPLE";

/// An example as a process, killed when this is dropped.
struct Process(Child);

impl Process {
    /// The arguments are the example's, which heeds the first two, and this test's own,
    /// which takes the others as names of tests, too, and finds none.
    fn start(test: &str, example: &str, set: &str, file: &Path) -> Self {
        let mut command = Command::new(env::current_exe().expect("this test"));
        command.arg(set).arg(file).args([test, "--exact", "--nocapture"]);
        command.env(EXAMPLE, example).stdout(Stdio::piped()).stderr(Stdio::null());
        Self(command.spawn().expect("a process"))
    }

    /// The client, once it waits for its server.
    fn client(test: &str, set: &str, file: &Path) -> Self {
        let mut client = Self::start(test, "backup_client", set, file);
        let output = BufReader::new(client.0.stdout.take().expect("piped"));
        let waits = |line: &io::Result<String>| {
            line.as_ref().is_ok_and(|line| line.contains("waits for its server"))
        };
        let mut lines = output.lines();
        assert!(lines.any(|line| waits(&line)), "the client has created its set");
        // What it says later is nobody's, but must go somewhere.
        thread::spawn(move || lines.count());
        client
    }

    fn succeeds(mut self) -> bool {
        self.0.wait().expect("it ends").success()
    }

    fn kill(mut self) {
        self.0.kill().expect("it runs");
        self.0.wait().expect("it ends");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Is the example, if this process was started as one.
fn is_example() -> bool {
    let ended = match env::var(EXAMPLE).as_deref() {
        Ok("backup_client") => backup_client::main(),
        Ok("stream_server") => stream_server::main(),
        Ok(other) => panic!("no example: {other}"),
        Err(_) => return false,
    };
    ended.expect("the example succeeds");
    true
}

/// A name for the set and the file of one test.
fn names(test: &str) -> (String, PathBuf) {
    let set = format!("{test}-{}", std::process::id());
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(&set);
    (set, file)
}

fn is_left(set: &str) -> bool {
    Path::new(&format!("/dev/shm/{set}_SQLVDIMemoryName_0")).exists()
}

/// Until the backup is well under way.
fn wait_for_data(file: &Path, server: &mut Process) {
    while fs::metadata(file).map_or(0, |data| data.len()) < 4 << 20 {
        assert!(server.0.try_wait().expect("a process").is_none(), "the server runs");
        thread::yield_now();
    }
}

#[test]
fn a_file_is_backed_up() {
    const TEST: &str = "a_file_is_backed_up";
    if is_example() {
        return;
    }
    let (set, copy) = names(TEST);
    let original = copy.with_extension("original");
    // No two pieces of it are alike, and it ends within a buffer.
    let data: Vec<u8> = (0..1_250_000_u32).flat_map(u32::to_le_bytes).collect();
    fs::write(&original, &data).expect("room for 5 MB");
    fs::write(&copy, vec![1; data.len() + 1]).expect("room for something older and longer");
    let client = Process::client(TEST, &set, &copy);
    assert!(Process::start(TEST, "stream_server", &set, &original).succeeds());
    assert!(client.succeeds());
    assert!(fs::read(&copy).expect("the copy") == data, "the copy is the original");
    assert!(!is_left(&set));
    fs::remove_file(original).and(fs::remove_file(copy)).expect("both are there");
}

/// One of the two is killed while it backs up what never ends; the other one ends with
/// an error, and nothing is left.
fn one_is_killed(test: &str, client_dies: bool) {
    let (set, copy) = names(test);
    let client = Process::client(test, &set, &copy);
    let mut server = Process::start(test, "stream_server", &set, Path::new("/dev/zero"));
    wait_for_data(&copy, &mut server);
    let (dies, survives) = if client_dies { (client, server) } else { (server, client) };
    dies.kill();
    assert!(!survives.succeeds());
    assert!(!is_left(&set));
    fs::remove_file(copy).expect("it was begun");
}

#[test]
fn a_client_is_killed() {
    if !is_example() {
        one_is_killed("a_client_is_killed", true);
    }
}

#[test]
fn a_server_is_killed() {
    if !is_example() {
        one_is_killed("a_server_is_killed", false);
    }
}
