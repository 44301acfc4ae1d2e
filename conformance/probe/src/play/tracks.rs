//! What a client has: its devices with the commands that it holds, and what all of that is
//! called in the trace.

use std::collections::{BTreeMap, VecDeque};

use vdi_call::{Command, Device};
use vdi_spec::codes::{CommandCode, Features};
use vdi_trace::Process;

use super::media::Medium;
use crate::steps::Verb;

/// A device that is open.
#[derive(Debug)]
pub(super) struct DeviceTrack {
    pub(super) name: String,
    pub(super) device: Device,
    pub(super) held: VecDeque<Held>,
    pub(super) completed: Option<Held>,
}

impl DeviceTrack {
    pub(super) const fn new(name: String, device: Device) -> Self {
        Self { name, device, held: VecDeque::new(), completed: None }
    }
}

/// A command that was given.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) name: String,
    pub(super) buffer: Option<String>,
    pub(super) code: Option<CommandCode>,
    pub(super) command: Command,
}

/// What things are called in the trace, and what is known of them.
#[derive(Debug, Default)]
pub(super) struct Names {
    devices: u32,
    commands: u32,
    buffers: u32,
    pub(super) handles: u32,
    /// Buffers of this life, by their addresses.
    at: BTreeMap<usize, String>,
    /// What the configuration says of the addresses of buffers.
    pub(super) alignment: u32,
    /// What the client has asked for.
    pub(super) features: Features,
    /// What the statement does that was issued last.
    pub(super) verb: Option<Verb>,
    /// The media, which outlive a set.
    pub(super) media: BTreeMap<u8, Medium>,
}

/// What names of things of a process begin with.
pub(super) fn of(process: Process) -> String {
    match process {
        Process::Secondary(number) => format!("x{number}"),
        Process::Server | Process::Primary => String::new(),
    }
}

impl Names {
    pub(super) fn begin_life(&mut self, features: Features) {
        self.features = features;
        self.at.clear();
    }

    pub(super) fn next_device(&mut self, process: Process) -> String {
        self.devices += 1;
        let own = of(process);
        format!("{}dev{}", if own.is_empty() { "c" } else { &own }, self.devices)
    }

    pub(super) fn next_command(&mut self, process: Process) -> String {
        self.commands += 1;
        format!("{}c{}", of(process), self.commands)
    }

    pub(super) fn buffer(&mut self, process: Process, address: usize) -> String {
        if let Some(name) = self.at.get(&address) {
            return name.clone();
        }
        self.buffers += 1;
        let name = format!("{}b{}", of(process), self.buffers);
        self.at.insert(address, name.clone());
        name
    }

    /// A statement begins, for which the media are made ready.
    pub(super) fn begin_statement(&mut self, verb: Verb) {
        self.verb = Some(verb);
        for medium in self.media.values_mut() {
            match verb {
                Verb::Backup => medium.clear(),
                Verb::Restore => medium.rewind(),
            }
        }
    }
}
