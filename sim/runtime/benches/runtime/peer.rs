//! The other process of each measurement: this benchmark again, with another part.

use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, thread};

use rustix::thread::futex;
use vdi_runtime::{ClientDevice, Machine, Options, SharedWords, Timeout};
use vdi_spec::codes::{HResult, Win32};
use vdi_spec::config::VdConfig;

/// Bytes of a request and of an answer, as in the rings of the runtime.
pub(crate) const RECORD: usize = 48;

/// The tag of a command whose buffer the client is to read, a byte of each page.
pub(crate) const TOUCH: u64 = 1;

/// Another process, killed when this is dropped.
pub(crate) struct Peer(Child);

impl Peer {
    /// Starts it with a part and whatever belongs to that.
    pub(crate) fn start(part: &[&str], input: Stdio) -> Self {
        let mut command = Command::new(env::current_exe().expect("this benchmark"));
        command.arg("peer").args(part).stdin(input).stdout(Stdio::piped());
        Self(command.spawn().expect("a process"))
    }

    pub(crate) fn input(&mut self) -> ChildStdin {
        self.0.stdin.take().expect("piped, and not yet taken")
    }

    pub(crate) fn output(&mut self) -> ChildStdout {
        self.0.stdout.take().expect("piped, and not yet taken")
    }

    pub(crate) fn ends(mut self) {
        assert!(self.0.wait().expect("a process").success());
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Plays a part.
pub(crate) fn play(part: &[&str]) {
    match part {
        ["futex"] => play_futex(),
        ["pipe"] => play_pipe(),
        ["client", prefix, devices] => play_client(prefix, devices.parse().expect("a number")),
        _ => panic!("no such part: {part:?}"),
    }
}

/// Sleeps until the word is something else.
pub(crate) fn await_change(word: &AtomicU32, from: u32) -> u32 {
    loop {
        let now = word.load(Ordering::Acquire);
        if now != from {
            return now;
        }
        // Whatever ends the sleep, the word is looked at again.
        let _ = futex::wait(word, futex::Flags::empty(), from, None);
    }
}

/// Sets the word, and wakes who waits for that.
pub(crate) fn change(word: &AtomicU32, to: u32) {
    word.store(to, Ordering::Release);
    let _ = futex::wake(word, futex::Flags::empty(), 1);
}

/// Makes every odd number the next even one.
fn play_futex() {
    let words = SharedWords::new(io::stdin().as_fd()).expect("a file of a page");
    let mut turn = 0;
    loop {
        turn = await_change(&words[0], turn).wrapping_add(1);
        change(&words[0], turn);
    }
}

/// Takes requests with their data, and answers, until there are no more.
fn play_pipe() {
    let (mut requests, mut answers) = (io::stdin().lock(), io::stdout().lock());
    let mut data = Vec::new();
    let mut request = [0; RECORD];
    while requests.read_exact(&mut request).is_ok() {
        let length = u64::from_le_bytes(request[..8].try_into().expect("8 bytes"));
        data.resize(usize::try_from(length).expect("64 bits"), 0);
        requests.read_exact(&mut data).expect("data");
        answers.write_all(&request).and_then(|()| answers.flush()).expect("the reader lives");
    }
}

/// The name of a set, and of its device of that number.
pub(crate) fn device_name(number: usize) -> String {
    format!("device {number}")
}

pub(crate) fn machine(prefix: &str) -> Machine {
    Machine::shared_memory(Options { prefix: prefix.to_owned(), ..Options::default() })
}

/// A client with a thread for each device, which completes whatever comes.
fn play_client(prefix: &str, devices: u32) {
    let set = machine(prefix).client_set();
    let config = VdConfig { device_count: devices, ..VdConfig::default() };
    set.create(None, &device_name(0), &config).expect("created");
    writeln!(io::stdout(), "created").expect("the reader lives");
    set.get_configuration(Timeout::Infinite).expect("configured");
    let threads: Vec<_> = (0..devices as usize)
        .map(|number| set.open_device(&device_name(number)).expect("opened"))
        .map(|device| thread::spawn(move || complete_all(&device)))
        .collect();
    for thread in threads {
        thread.join().expect("no panic");
    }
    set.close().expect("closed in order");
}

fn complete_all(device: &ClientDevice) {
    loop {
        let command = match device.get_command(Timeout::Infinite) {
            Err(HResult::VD_E_CLOSE) => return,
            command => command.expect("a command"),
        };
        if let (TOUCH, Some(buffer)) = (command.tag, &command.buffer) {
            let bytes = buffer.bytes().expect("ours");
            let each = bytes.iter().step_by(4096).map(|byte| byte.load(Ordering::Relaxed));
            let sum: u32 = each.map(u32::from).sum();
            std::hint::black_box(sum);
        }
        let completed = device.complete_command(command.command, Win32::ERROR_SUCCESS, 0, 0);
        completed.expect("completed");
    }
}
