//! A set with one device, brought to where a race begins by one thread, and a
//! record of what every lane then sees.

use std::sync::{Arc, Mutex};

use loom::thread::{self, JoinHandle, ThreadId};
use vdi_spec::codes::{CommandCode, HResult};
use vdi_spec::config::{ServerConfig, VdConfig};

use crate::implementation::{
    Answer, Callback, ClientDevice, ClientSet, Delivered, Gone, Machine, Mutant, Options,
    SendCommand, ServerDevice, ServerSet, Status, Timeout,
};

/// One world with one set, both halves.
pub(crate) struct Stage {
    pub(crate) world: Machine,
    pub(crate) server: ServerSet,
    pub(crate) client: ClientSet,
    pub(crate) server_device: ServerDevice,
    pub(crate) history: History,
}

impl Stage {
    /// The server has opened its device, the client has seen the configuration.
    pub(crate) fn initializing(mutant: Option<Mutant>) -> Self {
        let world = Machine::new(Options { mutant, ..Options::default() });
        let (server, client) = (world.server_set("server"), world.client_set("primary"));
        let config = VdConfig { device_count: 1, ..VdConfig::default() };
        good(client.create(None, "S", &config));
        good(server.open(None, "S"));
        let part =
            ServerConfig { block_size: 512, max_transfer_size: 65536, ..ServerConfig::default() };
        good(server.begin_configuration(&part));
        good(server.end_configuration());
        let server_device = result(server.open_device("S"));
        result(client.get_configuration(Timeout::Milliseconds(0)));
        Self { world, server, client, server_device, history: History::default() }
    }

    /// The set is active. The agent counts as running; what is given back runs it.
    pub(crate) fn active(
        mutant: Option<Mutant>,
    ) -> (Self, ClientDevice, impl FnOnce() -> Status + Send + 'static) {
        let stage = Self::initializing(mutant);
        let client_device = result(stage.client.open_device("S"));
        let agent = result(stage.server.start_agent());
        (stage, client_device, move || agent.run())
    }

    /// SendCommand of a Flush whose callback notes itself on the lane it is made on.
    pub(crate) fn send(&self, tag: u64) -> impl FnOnce() -> Status + Send + 'static {
        let (device, history) = (self.server_device.clone(), self.history.clone());
        let callback: Callback =
            Box::new(move |completion| history.note(format!("c{tag} {}", completion.code)));
        let code = CommandCode::Flush;
        move || {
            let buffer = None;
            device.send_command(SendCommand { tag, code, buffer, size: 0, position: 0, callback })
        }
    }

    /// A command that the client has got and not completed.
    pub(crate) fn delivered(&self, device: &ClientDevice, tag: u64) -> Delivered {
        good(self.send(tag)());
        result(device.get_command(Timeout::Milliseconds(0)))
    }
}

fn good(status: Status) {
    assert_eq!(status, Ok(HResult::NOERROR));
}

fn result<T>(answer: Answer<T>) -> T {
    match answer {
        Ok((_, Some(result))) => result,
        Ok((status, None)) => panic!("{status}"),
        Err(Gone) => panic!("no answer"),
    }
}

/// What every lane saw, each in its own order. Its lock is the standard
/// library's: it is no part of what is explored.
#[derive(Clone, Default)]
pub(crate) struct History(Arc<Mutex<Vec<Lane>>>);

struct Lane {
    name: &'static str,
    thread: ThreadId,
    seen: Vec<String>,
}

impl History {
    /// A thread of its own that does one thing; how that ended is noted.
    pub(crate) fn lane(
        &self,
        name: &'static str,
        act: impl FnOnce() -> Status + Send + 'static,
    ) -> JoinHandle<()> {
        let history = self.clone();
        thread::spawn(move || history.here(name, act))
    }

    /// Does one thing on the calling thread, and notes how it ended.
    pub(crate) fn here(&self, name: &'static str, act: impl FnOnce() -> Status) {
        let lane = Lane { name, thread: thread::current().id(), seen: Vec::new() };
        self.0.lock().expect("no panic while held").push(lane);
        match act() {
            Ok(status) => self.note(status.to_string()),
            Err(Gone) => self.note("no answer".to_owned()),
        }
    }

    /// Notes something on the calling thread's latest lane.
    pub(crate) fn note(&self, what: String) {
        let mut lanes = self.0.lock().expect("no panic while held");
        let current = thread::current().id();
        let lane = lanes.iter_mut().rev().find(|lane| lane.thread == current);
        lane.expect("callbacks come on a lane of the race").seen.push(what);
    }

    /// Lane by lane what was seen, once all lanes have ended.
    pub(crate) fn outcome(&self, lanes: impl IntoIterator<Item = JoinHandle<()>>) -> String {
        for lane in lanes {
            lane.join().expect("the lane ends");
        }
        let mut lanes = std::mem::take(&mut *self.0.lock().expect("no panic while held"));
        lanes.sort_by_key(|lane| lane.name);
        let line = |lane: &Lane| format!("{}: {}", lane.name, lane.seen.join(", "));
        lanes.iter().map(line).collect::<Vec<_>>().join("; ")
    }
}
