//! What a server and a client do here, in a thread or in a process of their own.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use vdi_runtime::{
    ClientDevice, Completion, Machine, Options, SendCommand, ServerDevice, ServerSet, Timeout,
};
use vdi_spec::codes::{CommandCode, HResult, Win32};
use vdi_spec::config::{ServerConfig, VdConfig};

/// What nothing here may take longer than.
pub(crate) const PATIENCE: Duration = Duration::from_secs(if cfg!(miri) { 900 } else { 120 });

/// The name of every set.
pub(crate) const SET: &str = "S";

/// A prefix that no other test has, in whatever process.
pub(crate) fn new_prefix() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("vdi-test-{}-{}-", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// A machine that shares sets with other processes under this prefix.
pub(crate) fn shared(prefix: &str) -> Machine {
    Machine::shared_memory(Options { prefix: prefix.to_owned(), ..Options::default() })
}

/// The shared memory objects under this prefix.
pub(crate) fn objects(prefix: &str) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir("/dev/shm").expect("a place for shared memory");
    let ours = |path: &std::path::PathBuf| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix))
    };
    entries.flatten().map(|entry| entry.path()).filter(ours).collect()
}

/// How big a run is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) devices: u32,
    /// Commands on each device.
    pub(crate) commands: u64,
    /// After so many commands of a device its side calls SignalAbort; 0 is never.
    pub(crate) client_abort: u64,
    pub(crate) server_abort: u64,
}

const BLOCK: u32 = 65_536;

/// Tells whoever started this process how far it is.
#[expect(clippy::print_stdout, reason = "what Other::until waits for")]
fn say(line: &str) {
    println!("{line}");
}

fn device_name(index: u32) -> String {
    if index == 0 { SET.to_owned() } else { format!("{SET}{index}") }
}

/// What stands in the first bytes of a command's buffer.
fn stamp(device: u32, number: u64) -> [u8; 12] {
    let mut bytes = [0; 12];
    bytes[..4].copy_from_slice(&device.to_le_bytes());
    bytes[4..].copy_from_slice(&number.to_le_bytes());
    bytes
}

/// A client: creates the set, takes commands on a thread for each device, and ends as it
/// has to. What it saw of each device: commands and the last status.
pub(crate) fn client(machine: &Machine, size: Size) -> Result<Vec<(u64, HResult)>, HResult> {
    let set = machine.client_set();
    let config = VdConfig { device_count: size.devices, ..VdConfig::default() };
    set.create(None, SET, &config)?;
    say("created");
    set.get_configuration(Timeout::Infinite)?;
    let mut devices = Vec::new();
    for index in 0..size.devices {
        devices.push(set.open_device(&device_name(index))?);
    }
    say("open");
    let seen: Vec<(u64, HResult)> = thread::scope(|scope| {
        let work = |(index, device): (u32, ClientDevice)| {
            let set = set.clone();
            scope.spawn(move || {
                let ended = take(&device, index, &|done| {
                    if done == size.commands {
                        say("done");
                    }
                    if size.client_abort > 0 && done == size.client_abort {
                        let _ = set.signal_abort();
                    }
                });
                if ended.1 != HResult::VD_E_CLOSE {
                    let _ = set.signal_abort();
                }
                ended
            })
        };
        let threads: Vec<_> = (0..).zip(devices.clone()).map(work).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    set.close()?;
    Ok(seen)
}

fn take(device: &ClientDevice, index: u32, done: &dyn Fn(u64)) -> (u64, HResult) {
    let mut count = 0;
    loop {
        let command = match device.get_command(Timeout::Infinite) {
            Ok(command) => command,
            Err(status) => return (count, status),
        };
        let mut bytes = stamp(index, count);
        let size = command.size;
        if let Some(shared) = command.buffer.as_ref().and_then(|buffer| buffer.bytes()) {
            shared.copy_to(&mut bytes);
        }
        let moved = u32::try_from(size).unwrap_or_default();
        let completed = device.complete_command(command.command, Win32::ERROR_SUCCESS, moved, 0);
        if let Err(status) = completed {
            return (count, status);
        }
        // Where the memory was cut short nobody is told of a success.
        assert_eq!(command.tag, count, "in the order they were sent");
        assert_eq!(bytes, stamp(index, count), "what the server wrote");
        count += 1;
        done(count);
    }
}

/// What a server saw.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Served {
    pub(crate) sent: u64,
    /// Callbacks that told of success, and others.
    pub(crate) succeeded: u64,
    pub(crate) failed: u64,
    /// How ExecuteCompletionAgent and Close returned.
    pub(crate) agent: Option<HResult>,
    pub(crate) close: Option<HResult>,
}

/// A server: opens the set, sends commands on a thread for each device, ends as it has
/// to, and holds that every command was called back exactly once.
pub(crate) fn server(machine: &Machine, size: Size) -> Result<Served, HResult> {
    let set = machine.server_set();
    while let Err(status) = set.open(None, SET) {
        // The client may not be there yet.
        assert_eq!(status, HResult::VD_E_INVALID);
        thread::yield_now();
    }
    say("opened");
    let part =
        ServerConfig { block_size: 512, max_transfer_size: BLOCK, ..ServerConfig::default() };
    set.begin_configuration(&part)?;
    set.request_buffers(BLOCK, 0, size.devices)?;
    set.end_configuration()?;
    let agent = set.completion_agent()?;
    let agent = thread::spawn(move || agent.execute());
    let served = serve(&set, size);
    let agent = agent.join().expect("no panic");
    let close = set.close();
    let served = served?;
    Ok(Served {
        agent: Some(agent.err().unwrap_or(HResult::NOERROR)),
        close: Some(close.err().unwrap_or(HResult::NOERROR)),
        ..served
    })
}

fn serve(set: &ServerSet, size: Size) -> Result<Served, HResult> {
    let mut devices = Vec::new();
    for index in 0..size.devices {
        let opened = set.open_device(&device_name(index));
        devices.push(opened.inspect_err(|_| {
            let _ = set.signal_abort();
        })?);
    }
    let totals = [AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0)];
    thread::scope(|scope| {
        for (index, device) in (0..).zip(devices) {
            let (set, totals) = (set.clone(), &totals);
            scope.spawn(move || {
                let counts = send(&set, &device, index, size);
                for (total, count) in totals.iter().zip(counts) {
                    total.fetch_add(count, Ordering::Relaxed);
                }
            });
        }
    });
    let [sent, succeeded, failed] = totals.map(AtomicU64::into_inner);
    Ok(Served { sent, succeeded, failed, ..Served::default() })
}

/// Sends one command after the other; how many, how many succeeded, how many failed.
fn send(set: &ServerSet, device: &ServerDevice, index: u32, size: Size) -> [u64; 3] {
    let (done, ended) = mpsc::channel::<Completion>();
    let mut counts = [0; 3];
    let buffer = set.allocate_buffer(BLOCK, 0).ok();
    while counts[0] < size.commands {
        if let Some(bytes) = buffer.as_ref().and_then(|buffer| buffer.bytes()) {
            bytes.copy_from(&stamp(index, counts[0]));
        }
        let done = done.clone();
        let sent = device.send_command(SendCommand {
            tag: counts[0],
            code: CommandCode::Write,
            buffer: buffer.clone(),
            size: i64::from(BLOCK),
            position: 0,
            callback: Box::new(move |how| done.send(how).expect("somebody listens")),
        });
        let how = ended.recv_timeout(PATIENCE).expect("called back, whatever came of it");
        match sent {
            // The client has not opened everything yet.
            Err(HResult::VD_E_PROTOCOL) => thread::yield_now(),
            Err(_) => break,
            Ok(()) => {
                counts[0] += 1;
                counts[if how.code == Win32::ERROR_SUCCESS { 1 } else { 2 }] += 1;
            }
        }
        if sent.is_ok() && how.code != Win32::ERROR_SUCCESS {
            // After an abort the buffer may still be the client's.
            break;
        }
        if size.server_abort > 0 && counts[0] == size.server_abort {
            let _ = set.signal_abort();
        }
    }
    let _ = device.close_device();
    assert!(ended.try_recv().is_err(), "called back once");
    counts
}

/// Gives what `act` gives, or fails the test if that takes too long.
pub(crate) fn in_time<T: Send + 'static>(act: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, ended) = mpsc::channel();
    let thread = thread::spawn(move || done.send(act()));
    let result = ended.recv_timeout(PATIENCE);
    match result {
        Ok(result) => result,
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("a call hangs"),
        Err(mpsc::RecvTimeoutError::Disconnected) => {
            std::panic::resume_unwind(thread.join().expect_err("it did not send"))
        }
    }
}

/// The environment variable that says which role this process has.
const ROLE: &str = "VDI_TEST_ROLE";

/// A process of its own in some role.
pub(crate) struct Other {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Other {
    /// Starts `client` or `server` under this prefix.
    pub(crate) fn start(role: &str, prefix: &str, size: Size) -> Self {
        Self::start_under(&[], role, prefix, size)
    }

    /// The same, by a program that starts the others that it is given.
    pub(crate) fn start_under(under: &[&str], role: &str, prefix: &str, size: Size) -> Self {
        let Size { devices, commands, client_abort, server_abort } = size;
        let numbers = format!("{devices} {commands} {client_abort} {server_abort}");
        let this = std::env::current_exe().expect("this program");
        let words = ["--exact", "roles::role", "--nocapture", "--test-threads=1"].map(OsStr::new);
        let under = under.iter().map(OsStr::new);
        let mut all = under.chain([this.as_os_str()]).chain(words);
        let mut child = Command::new(all.next().expect("there is one"))
            .args(all)
            .env(ROLE, format!("{role} {prefix} {numbers}"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("this program starts again");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let (send, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let _ = send.send(line);
            }
        });
        Self { child, lines }
    }

    /// Waits until it has written this line.
    #[track_caller]
    pub(crate) fn until(&self, wanted: &str) {
        loop {
            let line = self.lines.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|_| panic!("it does not come to `{wanted}`"));
            // The first line follows the name of the test.
            if line.split(' ').next_back() == Some(wanted) {
                return;
            }
        }
    }

    /// SIGSTOP: it lives, and does nothing.
    pub(crate) fn stop(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::STOP).expect("it lives");
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it is dead");
    }

    /// Waits for its end; fails if it hangs, or failed itself.
    #[track_caller]
    pub(crate) fn end(mut self) {
        let (done, ended) = mpsc::channel();
        let pid = self.child.id();
        let mut stderr = self.child.stderr.take().expect("piped");
        thread::spawn(move || {
            let mut text = String::new();
            let _ = stderr.read_to_string(&mut text);
            let _ = done.send((self.child.wait(), text));
        });
        let Ok((status, text)) = ended.recv_timeout(PATIENCE) else {
            panic!("process {pid} hangs");
        };
        assert!(status.expect("it ended").success(), "{text}");
    }
}

/// Not a test but what [`Other`] starts: plays the role that the environment names.
#[test]
fn role() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let words: Vec<&str> = role.split(' ').collect();
    let [role, prefix, numbers @ ..] = &words[..] else { panic!("{role}") };
    let numbers: Vec<u64> =
        numbers.iter().map(|number| number.parse().expect("a number")).collect();
    let [devices, commands, client_abort, server_abort] = numbers[..] else { panic!("{role}") };
    let devices = u32::try_from(devices).expect("few");
    let size = Size { devices, commands, client_abort, server_abort };
    let machine = shared(prefix);
    match *role {
        "client" => drop(client(&machine, size)),
        "server" => match server(&machine, size) {
            Ok(served) => assert_eq!(served.sent, served.succeeded + served.failed),
            Err(status) => assert!(status.is_failure()),
        },
        other => panic!("no role `{other}`"),
    }
}

/// A run with nothing amiss, in whatever setting.
pub(crate) fn whole_run(client_side: Machine, server_side: Machine, size: Size) {
    let client = Arc::new(client_side);
    let taking = {
        let client = client.clone();
        thread::spawn(move || self::client(&client, size))
    };
    let served = server(&server_side, size).expect("nothing amiss");
    let all = u64::from(size.devices) * size.commands;
    assert_eq!(
        served,
        Served {
            sent: all,
            succeeded: all,
            failed: 0,
            agent: Some(HResult::NOERROR),
            close: Some(HResult::NOERROR),
        }
    );
    let seen = taking.join().expect("no panic").expect("nothing amiss");
    assert_eq!(seen, vec![(size.commands, HResult::VD_E_CLOSE); size.devices as usize]);
}
