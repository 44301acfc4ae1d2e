//! What a walk remembers of a set: as if every call had come to what it asks for.

use std::collections::VecDeque;

use serde_json::{Value, json};
use vdi_trace::Process;

use super::program::Program;

/// The interfaces of the primary client and of the server, for each set of a walk.
pub(super) const INTERFACES: [(&str, &str); 4] =
    [("cset", "sset"), ("cset2", "sset2"), ("cset3", "sset3"), ("cset4", "sset4")];

/// Names that differ in what makes a difference, and may be taken to be one.
const NAMES: [[&str; 4]; 8] = [
    ["S", "T", "U", "V"],
    ["S", "s", "T", "t"],
    ["S", "S ", "S  ", " S"],
    ["S", "SS", "SSS", "S-2"],
    ["S1", "S01", "S11", "S10"],
    ["S", "S.", "S.S", "S.bak"],
    ["a/S", "b/S", "S", "a/b/S"],
    ["S12", "S21", "S112", "S121"],
];

const INSTANCES: [Option<&str>; 4] = [None, Some("A"), Some("B"), Some("AB")];

/// How far the set has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    New,
    Created,
    Opened,
    Begun,
    Initializing,
    Active,
    Ending,
}

/// A command that was sent.
#[derive(Clone, Debug)]
pub(super) struct Command {
    pub(super) name: String,
    pub(super) code: &'static str,
    pub(super) buffer: Option<String>,
    pub(super) size: u32,
}

/// One device.
#[derive(Clone, Debug, Default)]
pub(super) struct Device {
    pub(super) name: String,
    /// The handles that the server and a client have of it.
    pub(super) server: Option<String>,
    pub(super) client: Option<(Process, String)>,
    pub(super) queued: VecDeque<Command>,
    pub(super) held: Vec<Command>,
    /// Whether a GetCommand waits.
    pub(super) waits: bool,
    /// How many more commands are sent before any is fetched.
    pub(super) burst: u32,
    pub(super) errored: bool,
    pub(super) closed: bool,
    pub(super) seen: bool,
}

/// A buffer that the server has allocated.
#[derive(Clone, Debug)]
pub(super) struct Buffer {
    pub(super) name: String,
    pub(super) size: u32,
    pub(super) free: bool,
}

/// How a life ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    InOrder,
    AbortByServer,
    AbortByClient,
    AbortBySecondary,
    CloseByServer,
    CloseByClient,
    DeathOfServer,
    DeathOfClient,
    DeathOfSecondary,
}

/// By what a set is called.
#[derive(Clone, Debug)]
pub(super) struct Ids {
    /// The interfaces of the primary client and of the server.
    pub(super) client: &'static str,
    pub(super) server: &'static str,
    pub(super) name: &'static str,
    pub(super) instance: Option<&'static str>,
    /// Whether the walk has no other set.
    pub(super) alone: bool,
}

/// What a life is to be like.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// Features that the client asks for; later those that are granted.
    pub(super) features: Vec<&'static str>,
    /// Whether it is a BACKUP.
    pub(super) writes: bool,
    /// Bytes of a block, and of the largest transfer.
    pub(super) block: u32,
    pub(super) transfer: u32,
    /// Bytes of every buffer, if they are all alike.
    pub(super) size: Option<u32>,
    /// Secondary clients that are still to join.
    pub(super) joins: u8,
    /// Steps of traffic that are left, and how it ends then.
    pub(super) left: u32,
    pub(super) end: End,
    /// How much is still to be called after the end.
    pub(super) after: u32,
}

/// What is no more, and may be called all the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Past {
    /// Buffers that were freed.
    pub(super) freed: Vec<String>,
    /// Buffers whose handles were mapped.
    pub(super) mapped: Vec<String>,
    /// Devices of the life before, with whose they are.
    pub(super) stale: Vec<(Process, String)>,
    /// Secondary clients that have not closed it.
    pub(super) joined: Vec<(Process, String)>,
}

/// How far the end has come.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Over {
    pub(super) ended: bool,
    /// Whether the server has closed, and the primary.
    pub(super) closed: [bool; 2],
}

/// One set, or one after the other.
#[derive(Clone, Debug)]
pub(super) struct Set {
    pub(super) ids: Ids,
    pub(super) plan: Plan,
    /// Lives that are left.
    pub(super) lives: u32,
    pub(super) stage: Stage,
    /// The interfaces of secondary clients that have joined.
    pub(super) secondaries: Vec<(Process, String)>,
    pub(super) devices: Vec<Device>,
    pub(super) buffers: Vec<Buffer>,
    /// The lane of the agent.
    pub(super) agent: Option<String>,
    pub(super) configured: bool,
    /// The command in whose routine the agent is held, or will be.
    pub(super) holds: Option<Command>,
    pub(super) past: Past,
    pub(super) over: Over,
}

impl Set {
    /// The sets of a walk: mostly one.
    pub(super) fn drawn(program: &mut Program) -> Vec<Self> {
        let (races, early) = (program.has_races(), program.ends_early());
        let rng = &mut program.rng;
        let count = rng.one_of(&[1, 1, 1, 1, 1, 1, 1, 2, 2, if races { 2 } else { 4 }]);
        let names = rng.one_of(&NAMES);
        let of_instances = count > 1 && rng.once_in(4);
        program.more += 25 * (count - 1);
        let set = |(index, (client, server)): (usize, (&'static str, &'static str))| {
            // One name in several instances is that of several sets.
            let (name, instance) = match of_instances {
                true => (names[0], INSTANCES[index]),
                false => (names[index], None),
            };
            let ids = Ids { client, server, name, instance, alone: count == 1 };
            let first = if early { [2, 3, 4, 5, 6] } else { [1, 1, 2, 2, 3] };
            let lives = if index == 0 { rng.one_of(&first) } else { rng.between(1, 2) };
            Self::new(ids, lives)
        };
        INTERFACES.into_iter().take(count).enumerate().map(set).collect()
    }

    fn new(ids: Ids, lives: u32) -> Self {
        let plan = Plan {
            features: Vec::new(),
            writes: true,
            block: 512,
            transfer: 65536,
            size: None,
            joins: 0,
            left: 0,
            end: End::InOrder,
            after: 0,
        };
        Self {
            ids,
            plan,
            lives,
            stage: Stage::New,
            secondaries: Vec::new(),
            devices: Vec::new(),
            buffers: Vec::new(),
            agent: None,
            configured: false,
            holds: None,
            past: Past::default(),
            over: Over::default(),
        }
    }

    /// Begins the next life; `elsewhere`: through other interfaces of the same processes.
    pub(super) fn again(&mut self, elsewhere: bool) {
        let mut ids = self.ids.clone();
        if elsewhere {
            let first = ids.client == "cset";
            (ids.client, ids.server) = if first { ("cset2", "sset2") } else { ("cset", "sset") };
        }
        let left = self.devices.iter().flat_map(|device| {
            let server = device.server.clone().map(|handle| (Process::Server, handle));
            [server, device.client.clone()]
        });
        let stale = left.flatten().collect();
        let joined = self.past.joined.iter().chain(&self.secondaries).cloned().collect();
        let past = Past { stale, joined, ..Past::default() };
        *self = Self { past, ..Self::new(ids, self.lives - 1) };
    }

    /// Whether the server has opened the first device: what it opens by whatever name is another
    /// then.
    pub(super) fn has_first(&self, program: &Program) -> bool {
        let first = self.devices.first().and_then(|device| device.server.as_ref());
        first.is_some_and(|handle| !program.is_beginning(handle))
    }

    /// The client processes with their interfaces: the primary first.
    pub(super) fn clients(&self) -> Vec<(Process, String)> {
        let primary = (Process::Primary, self.ids.client.to_owned());
        std::iter::once(primary).chain(self.secondaries.iter().cloned()).collect()
    }

    /// The arguments by which it is found, from `with` on.
    pub(super) fn named(&self, mut with: Value) -> Value {
        with["name"] = json!(self.ids.name);
        if let Some(instance) = self.ids.instance {
            with["instance"] = json!(instance);
        }
        with
    }

    /// One of the devices of which something holds.
    pub(super) fn device(
        &self,
        program: &mut Program,
        holds: impl Fn(&Device) -> bool,
    ) -> Option<usize> {
        let found: Vec<usize> =
            (0..self.devices.len()).filter(|index| holds(&self.devices[*index])).collect();
        (!found.is_empty()).then(|| program.rng.one_of(&found))
    }
}
