//! What handles are called in a recording.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard};

use vdi_runtime::{Buffer, BufferHandle};
use vdi_trace::{Handle, Name, Process};

use super::sync::lock;

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
    /// The names of the handles that were given in each process, by their numbers.
    handles: BTreeMap<(Process, u32), String>,
    commands: u64,
    /// What the caller calls a command, by its number here.
    tags: BTreeMap<u64, u64>,
    finished: VecDeque<(u64, u64)>,
}

/// The name of a command, by the number that goes along as its tag.
pub(super) fn command(number: u64) -> String {
    format!("c{number}")
}

/// The name of a buffer's handle, by the place of the buffer, which is the same in every
/// process. A secondary client's own names are told from the primary's.
fn handle_name(process: Process, (place, use_of_place): (u32, u32)) -> String {
    let by = match process {
        Process::Secondary(number) => format!("x{number}"),
        _ => String::new(),
    };
    let again = if use_of_place > 1 { format!("-{use_of_place}") } else { String::new() };
    format!("{by}h{}{again}", place + 1)
}

impl Names {
    fn known(&self) -> MutexGuard<'_, Known> {
        lock(&self.0)
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

    /// The name of a buffer, whoever has allocated it: another process calls the buffers so
    /// that it allocates and never frees.
    pub(super) fn name_anywhere(&self, buffer: &Buffer) -> Option<Name<'static>> {
        let elsewhere = || match buffer.place() {
            Some((place, 1)) => Some(Name::from(format!("b{}", place + 1))),
            _ => None,
        };
        self.name_of(buffer).or_else(elsewhere)
    }

    /// A buffer as an argument; `?` if it has no name here, null if it is no buffer at all.
    pub(super) fn buffer_argument(&self, buffer: &Buffer) -> Handle<'static> {
        match self.name_anywhere(buffer) {
            Some(name) => Handle::Name(name),
            None if buffer.place().is_none() => Handle::Null,
            None => Handle::Name(Name::from("?")),
        }
    }

    /// What the handle of a buffer is to be called; `None` if this process was given it
    /// before, and so has a name for it.
    pub(super) fn handle(&self, process: Process, buffer: &Buffer) -> Option<String> {
        let name = handle_name(process, buffer.place()?);
        let known = self.known();
        (!known.handles.values().any(|given| *given == name)).then_some(name)
    }

    /// A process was given the handle of this number, so called.
    pub(super) fn keep_handle(&self, process: Process, number: u32, name: String) {
        self.known().handles.insert((process, number), name);
    }

    /// The handle of a buffer as an argument: as this process was given it, or as the
    /// primary client was, which hands it to the others.
    pub(super) fn handle_argument(
        &self,
        process: Process,
        handle: BufferHandle,
    ) -> Handle<'static> {
        let given = self.known().handles.get(&(process, handle.0)).cloned();
        let name = given.unwrap_or_else(|| handle_name(Process::Primary, handle.place()));
        Handle::Name(Name::from(name))
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
