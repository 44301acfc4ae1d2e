//! Handles by name: what each stands for, while it stands for anything.

use std::collections::{BTreeMap, VecDeque};

use crate::explain::InputError;
use vdi_model::{BufferId, CommandId, Object};
use vdi_spec::codes::CommandCode;
use vdi_trace::{Header, Process};

/// How many names of finished commands are remembered, so that a late use of
/// one is distinguished from a name that never was.
const RETIRED: usize = 4096;

/// A set interface.
#[derive(Clone, Debug)]
pub(crate) struct Interface {
    pub(crate) name: String,
    pub(crate) process: Process,
    /// The set it is, or was last, attached to.
    pub(crate) set: Option<usize>,
    /// Whether a statement was issued for its set before there was one.
    pub(crate) issued: bool,
}

/// What a name other than a set interface's stands for.
#[derive(Clone, Debug)]
pub(crate) enum Referent {
    Device {
        process: Process,
        index: u8,
    },
    Buffer(AllocatedBuffer),
    /// A handle of a buffer.
    Handle(BufferId),
    Command(SentCommand),
}

/// A buffer as AllocateBuffer asked for it, and gave it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AllocatedBuffer {
    pub(crate) id: BufferId,
    pub(crate) size: u32,
    pub(crate) address: Option<u64>,
}

/// A command as SendCommand sent it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SentCommand {
    pub(crate) id: CommandId,
    pub(crate) device: u8,
    pub(crate) code: CommandCode,
    pub(crate) size: Option<i64>,
    pub(crate) position: Option<u64>,
    pub(crate) buffer: Option<BufferId>,
}

#[derive(Clone, Debug)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) set: usize,
    pub(crate) referent: Referent,
}

/// Whether names are the same. Most differ in their last byte.
#[inline]
pub(crate) fn is_same(one: &str, other: &str) -> bool {
    one.len() == other.len() && one.as_bytes().last() == other.as_bytes().last() && one == other
}

/// All names of a trace. Few are alive at a time, so they are searched in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    pub(crate) interfaces: Vec<Interface>,
    live: Vec<Named>,
    /// Names of commands that were called back, the latest last.
    retired: VecDeque<(Option<SentCommand>, String)>,
    /// Buffers of names no longer remembered, to be used again.
    spare: Vec<String>,
    /// Handles that a client gave which was not seen, with the names of their buffers.
    foreign: BTreeMap<String, String>,
}

impl Names {
    pub(crate) fn new(header: &Header) -> Self {
        let default = |process: Process| Interface {
            name: process.set_interface(),
            process,
            set: None,
            issued: false,
        };
        let mut names =
            Self { interfaces: Process::all().map(default).collect(), ..Self::default() };
        for (name, process) in &header.interfaces {
            names.add_interface(name.clone(), *process);
        }
        names
    }

    /// One more set interface, unless there is one of that name.
    pub(crate) fn add_interface(&mut self, name: String, process: Process) {
        if self.interface(&name).is_none() {
            self.interfaces.push(Interface { name, process, set: None, issued: false });
        }
    }

    /// A handle that nobody was seen to give, of the buffer of this name.
    pub(crate) fn add_foreign(&mut self, handle: String, buffer: String) {
        self.foreign.insert(handle, buffer);
    }

    /// The name of the buffer of such a handle.
    pub(crate) fn foreign(&self, handle: &str) -> Option<&str> {
        self.foreign.get(handle).map(String::as_str)
    }

    pub(crate) fn interface(&self, name: &str) -> Option<usize> {
        self.interfaces.iter().position(|known| is_same(&known.name, name))
    }

    pub(crate) fn find(&self, name: &str) -> Option<&Named> {
        self.live.iter().find(|named| is_same(&named.name, name))
    }

    /// Whether the name stood for a command that is done with.
    pub(crate) fn is_retired(&self, name: &str) -> bool {
        self.retired.iter().rev().any(|(_, known)| is_same(known, name))
    }

    /// Checks that a name is free to be given.
    pub(crate) fn check_free(&self, name: &str) -> Result<(), InputError> {
        if self.find(name).is_some() || self.interface(name).is_some() {
            return Err(InputError(format!("the name `{name}` is taken already")));
        }
        Ok(())
    }

    pub(crate) fn give(&mut self, name: &str, set: usize, referent: Referent) {
        let mut text = self.spare.pop().unwrap_or_default();
        text.push_str(name);
        self.live.push(Named { name: text, set, referent });
    }

    /// The devices that a process has opened of a set, each with its set, to be changed.
    pub(crate) fn devices_of(
        &mut self,
        process: Process,
        set: usize,
    ) -> impl Iterator<Item = &mut usize> {
        let is_one = move |named: &&mut Named| {
            let opened = matches!(&named.referent,
                Referent::Device { process: owner, .. } if *owner == process);
            named.set == set && opened
        };
        self.live.iter_mut().filter(is_one).map(|named| &mut named.set)
    }

    /// A command by name, while its callback is to come.
    pub(crate) fn find_command(&self, name: &str) -> Option<(usize, SentCommand)> {
        let named = self.find(name)?;
        let Referent::Command(sent) = named.referent else { return None };
        Some((named.set, sent))
    }

    /// The name of a command, also of one that is done with.
    pub(crate) fn command_name(&self, set: usize, id: CommandId) -> &str {
        let is_it = |named: &&Named| {
            named.set == set && matches!(named.referent, Referent::Command(sent) if sent.id == id)
        };
        let retired =
            || self.retired.iter().rev().find(|(of, _)| of.is_some_and(|sent| sent.id == id));
        match self.live.iter().find(is_it) {
            Some(named) => &named.name,
            None => retired().map_or("?", |(_, name)| name),
        }
    }

    /// The buffers of a set, with their names.
    pub(crate) fn buffers(&self, set: usize) -> impl Iterator<Item = (&str, AllocatedBuffer)> {
        self.live.iter().filter_map(move |named| {
            let Referent::Buffer(allocated) = named.referent else { return None };
            (named.set == set).then_some((named.name.as_str(), allocated))
        })
    }

    /// The set that gave a buffer, while it is not known to be freed.
    pub(crate) fn set_of_buffer(&self, id: BufferId) -> Option<usize> {
        let is_it = |named: &&Named| match named.referent {
            Referent::Buffer(allocated) => allocated.id == id,
            Referent::Device { .. } | Referent::Handle(_) | Referent::Command(_) => false,
        };
        self.live.iter().find(is_it).map(|named| named.set)
    }

    /// The arguments of the SendCommand of a command, also of one that is done with.
    pub(crate) fn sent(&self, set: usize, id: CommandId) -> Option<SentCommand> {
        let same = |sent: &SentCommand| sent.id == id;
        let retired = || self.retired.iter().rev().find_map(|(sent, _)| sent.filter(same));
        self.command(set, id).or_else(retired)
    }

    /// The same while its callback is to come.
    pub(crate) fn command(&self, set: usize, id: CommandId) -> Option<SentCommand> {
        self.live.iter().find_map(|named| {
            let Referent::Command(sent) = named.referent else { return None };
            (named.set == set && sent.id == id).then_some(sent)
        })
    }

    /// The command is done with: its name may be given anew.
    pub(crate) fn retire(&mut self, name: &str) {
        let Some(index) = self.live.iter().position(|named| is_same(&named.name, name)) else {
            return;
        };
        let named = self.live.swap_remove(index);
        let sent = if let Referent::Command(sent) = named.referent { Some(sent) } else { None };
        self.retired.push_back((sent, named.name));
        if self.retired.len() > RETIRED
            && let Some((_, mut oldest)) = self.retired.pop_front()
        {
            oldest.clear();
            self.spare.push(oldest);
        }
    }

    /// Forgets the names of commands of a set that will not be called back.
    pub(crate) fn retire_commands(&mut self, set: usize) {
        let names: Vec<String> = self
            .live
            .iter()
            .filter(|named| named.set == set && matches!(named.referent, Referent::Command(_)))
            .map(|named| named.name.clone())
            .collect();
        names.iter().for_each(|name| self.retire(name));
    }

    /// The object behind a name, for touching it.
    pub(crate) fn object(&self, name: &str) -> Option<(usize, Object)> {
        let named = self.find(name)?;
        match named.referent {
            Referent::Device { .. } => Some((named.set, Object::Device)),
            Referent::Buffer(sent) => Some((named.set, Object::Buffer(sent.id))),
            Referent::Command(sent) => Some((named.set, Object::Command(sent.id))),
            Referent::Handle(_) => None,
        }
    }
}
