//! What handles are called in a recording.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::runtime::Buffer;
use crate::trace::{Handle, Name, Process};

/// How many commands that were called back are remembered: a delivery that an abort
/// overtook may still ask for one.
const FINISHED: usize = 4096;

#[derive(Debug, Default)]
pub(super) struct Names(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    devices: BTreeMap<Process, u32>,
    buffers: u32,
    named: Vec<(Buffer, String)>,
    handles: u32,
    handle_names: BTreeMap<u32, String>,
    commands: u64,
    /// What the caller calls a command, by its number here.
    tags: BTreeMap<u64, u64>,
    finished: VecDeque<(u64, u64)>,
}

/// The name of a command, by the number that goes along as its tag.
pub(super) fn command(number: u64) -> String {
    format!("c{number}")
}

impl Names {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next device of a process.
    pub(super) fn device(&self, process: Process) -> String {
        let mut known = self.known();
        let count = known.devices.entry(process).or_default();
        *count += 1;
        match process {
            Process::Server => format!("sdev{count}"),
            Process::Primary => format!("cdev{count}"),
            Process::Secondary(number) => format!("x{number}dev{count}"),
        }
    }

    /// The next buffer.
    pub(super) fn buffer(&self) -> String {
        let mut known = self.known();
        known.buffers += 1;
        format!("b{}", known.buffers)
    }

    pub(super) fn keep_buffer(&self, buffer: &Buffer, name: String) {
        self.known().named.push((buffer.clone(), name));
    }

    pub(super) fn forget_buffer(&self, buffer: &Buffer) {
        self.known().named.retain(|(known, _)| !known.is_same(buffer));
    }

    /// The name of a buffer that this process has allocated.
    pub(super) fn name_of(&self, buffer: &Buffer) -> Option<Name<'static>> {
        let known = self.known();
        let mut named = known.named.iter().filter(|(known, _)| known.is_same(buffer));
        named.next().map(|(_, name)| Name::from(name.clone()))
    }

    /// A buffer as an argument; `?` if it has no name here.
    pub(super) fn buffer_argument(&self, buffer: &Buffer) -> Handle<'static> {
        Handle::Name(self.name_of(buffer).unwrap_or(Name::from("?")))
    }

    /// The next buffer handle.
    pub(super) fn handle(&self) -> String {
        let mut known = self.known();
        known.handles += 1;
        format!("h{}", known.handles)
    }

    pub(super) fn keep_handle(&self, number: u32, name: String) {
        self.known().handle_names.insert(number, name);
    }

    /// A buffer handle as an argument.
    pub(super) fn handle_argument(&self, number: u32) -> Handle<'static> {
        let name = self.known().handle_names.get(&number).cloned();
        Handle::Name(name.map_or(Name::from("?"), Name::from))
    }

    /// The number of the next command, whose caller calls it so.
    pub(super) fn command(&self, tag: u64) -> u64 {
        let mut known = self.known();
        known.commands += 1;
        let number = known.commands;
        known.tags.insert(number, tag);
        number
    }

    /// The command was called back.
    pub(super) fn finish(&self, number: u64) {
        let mut known = self.known();
        if let Some(tag) = known.tags.remove(&number) {
            known.finished.push_back((number, tag));
            if known.finished.len() > FINISHED {
                known.finished.pop_front();
            }
        }
    }

    /// What its caller calls a command; its number if it was sent in another process.
    pub(super) fn tag(&self, number: u64) -> u64 {
        let known = self.known();
        let late = || known.finished.iter().rev().find(|(of, _)| *of == number).map(|(_, tag)| tag);
        known.tags.get(&number).or_else(late).copied().unwrap_or(number)
    }
}
