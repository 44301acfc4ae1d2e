//! What is measured beside each other: the runtime, a bare futex, a pipe.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{ChildStdin, ChildStdout, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};

use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use vdi_runtime::{Buffer, Completion, SendCommand, ServerDevice, ServerSet, SharedWords};
use vdi_spec::codes::{CommandCode, HResult, Win32};
use vdi_spec::config::ServerConfig;

use crate::peer::{self, Peer, RECORD, await_change, change};

/// A server here, its client in another process.
pub(crate) struct Runtime {
    set: ServerSet,
    devices: Vec<ServerDevice>,
    agent: JoinHandle<Result<(), HResult>>,
    client: Peer,
    done: Sender<()>,
    all_done: Receiver<()>,
}

/// Commands to one device, each sent by the callback of the one before: so a round
/// trip is two hand-offs, to the client's thread and to the completion agent.
struct Chain {
    device: ServerDevice,
    buffer: Option<Buffer>,
    tag: u64,
    left: AtomicU32,
    done: Sender<()>,
}

fn send(chain: &Arc<Chain>) {
    let next = chain.clone();
    let callback = Box::new(move |how: Completion| {
        assert_eq!(how.code, Win32::ERROR_SUCCESS);
        if next.left.fetch_sub(1, Ordering::Relaxed) > 1 {
            send(&next);
        } else {
            next.done.send(()).expect("awaited");
        }
    });
    let Chain { tag, buffer, .. } = &**chain;
    let code = if buffer.is_some() { CommandCode::Write } else { CommandCode::Flush };
    let size = buffer.as_ref().map_or(0, |buffer| buffer.len() as i64);
    let buffer = buffer.clone();
    let command = SendCommand { tag: *tag, code, buffer, size, position: 0, callback };
    chain.device.send_command(command).expect("sent");
}

impl Runtime {
    /// A set with so many devices and buffers of these sizes, ready for commands.
    pub(crate) fn start(prefix: &str, devices: usize, buffers: &[u32]) -> Self {
        let mut client = Peer::start(&["client", prefix, &devices.to_string()], Stdio::null());
        let mut line = String::new();
        BufReader::new(client.output()).read_line(&mut line).expect("a line");
        assert_eq!(line, "created\n");
        let set = peer::machine(prefix).server_set();
        set.open(None, &peer::device_name(0)).expect("created by the client");
        let max_transfer_size = 4 << 20;
        let part = ServerConfig { block_size: 512, max_transfer_size, ..Default::default() };
        set.begin_configuration(&part).expect("sound");
        for size in buffers {
            set.request_buffers(*size, 0, 1).expect("sound");
        }
        set.end_configuration().expect("there is room");
        let agent = thread::spawn({
            let set = set.clone();
            move || set.execute_completion_agent()
        });
        let open = |number| set.open_device(&peer::device_name(number)).expect("unopened");
        let devices: Vec<_> = (0..devices).map(open).collect();
        let (done, all_done) = mpsc::channel();
        let runtime = Self { set, devices, agent, client, done, all_done };
        runtime.await_client();
        runtime
    }

    /// Until the client has opened every device.
    fn await_client(&self) {
        let flush = || {
            let done = self.done.clone();
            let callback = Box::new(move |_| done.send(()).expect("awaited"));
            let (tag, code, size, position) = (0, CommandCode::Flush, 0, 0);
            SendCommand { tag, code, buffer: None, size, position, callback }
        };
        while self.devices[0].send_command(flush()) == Err(HResult::VD_E_PROTOCOL) {
            self.all_done.recv().expect("what is refused is called back");
        }
        self.all_done.recv().expect("called back");
    }

    pub(crate) fn buffer(&self, size: u32) -> Buffer {
        self.set.allocate_buffer(size, 0).expect("requested")
    }

    /// Makes so many round trips, spread over all devices.
    pub(crate) fn round_trips(&self, count: u32, buffer: Option<&Buffer>, tag: u64) {
        let each = count / u32::try_from(self.devices.len()).expect("64 at most");
        for device in &self.devices {
            let (device, buffer, done) = (device.clone(), buffer.cloned(), self.done.clone());
            send(&Arc::new(Chain { device, buffer, tag, left: each.into(), done }));
        }
        for _ in &self.devices {
            self.all_done.recv().expect("every chain ends");
        }
    }

    pub(crate) fn end(self) {
        for device in &self.devices {
            device.close_device().expect("open");
        }
        self.agent.join().expect("no panic").expect("ended in order");
        self.set.close().expect("every device is closed");
        self.client.ends();
    }
}

/// A word that two processes change in turns.
pub(crate) struct Futex {
    words: SharedWords,
    _peer: Peer,
}

impl Futex {
    pub(crate) fn start() -> Self {
        let file: OwnedFd = memfd_create("ping-pong", MemfdFlags::CLOEXEC).expect("a file");
        ftruncate(&file, 1 << 16).expect("room");
        let words = SharedWords::new(file.as_fd()).expect("64 KiB");
        Self { words, _peer: Peer::start(&["futex"], file.into()) }
    }

    pub(crate) fn round_trips(&self, count: u32) {
        let word = &self.words[0];
        let mut turn = word.load(Ordering::Acquire);
        for _ in 0..count {
            change(word, turn.wrapping_add(1));
            turn = await_change(word, turn.wrapping_add(1));
        }
    }
}

/// Requests and their data through a pipe, answers through another.
pub(crate) struct Pipe {
    requests: ChildStdin,
    answers: ChildStdout,
    _peer: Peer,
}

impl Pipe {
    pub(crate) fn start() -> Self {
        let mut peer = Peer::start(&["pipe"], Stdio::piped());
        Self { requests: peer.input(), answers: peer.output(), _peer: peer }
    }

    pub(crate) fn round_trips(&mut self, count: u32, data: &[u8]) {
        let mut record = [0; RECORD];
        record[..8].copy_from_slice(&(data.len() as u64).to_le_bytes());
        for _ in 0..count {
            self.requests.write_all(&record).expect("the reader lives");
            self.requests.write_all(data).expect("the reader lives");
            self.answers.read_exact(&mut record).expect("an answer");
        }
    }
}
