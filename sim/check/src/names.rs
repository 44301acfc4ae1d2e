//! Handles by name: what each stands for, while it stands for anything.

use std::collections::{BTreeMap, VecDeque};

use super::verdict::InputError;
use vdi_model::{BufferId, CommandId, Object};
use vdi_spec::codes::CommandCode;
use vdi_trace::{Header, Process};

/// How many names of finished commands are remembered, so that a late use of
/// one is told from a name that never was.
const RETIRED: usize = 4096;

/// A set interface.
#[derive(Clone, Debug)]
pub(super) struct Interface {
    pub(super) name: String,
    pub(super) process: Process,
    /// The set it is, or was last, attached to.
    pub(super) world: Option<usize>,
}

/// What a name other than a set interface's stands for.
#[derive(Clone, Debug)]
pub(super) enum Thing {
    Device {
        process: Process,
        index: u8,
    },
    Buffer(BufferFacts),
    /// A handle of a buffer.
    Handle(BufferId),
    Command(CommandFacts),
}

/// What AllocateBuffer said of a buffer, and gave.
#[derive(Clone, Copy, Debug)]
pub(super) struct BufferFacts {
    pub(super) id: BufferId,
    pub(super) size: u32,
    pub(super) address: Option<u64>,
}

/// What SendCommand said of a command.
#[derive(Clone, Copy, Debug)]
pub(super) struct CommandFacts {
    pub(super) id: CommandId,
    pub(super) device: u8,
    pub(super) code: CommandCode,
    pub(super) size: Option<i64>,
    pub(super) position: Option<u64>,
    pub(super) buffer: Option<BufferId>,
}

#[derive(Clone, Debug)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) world: usize,
    pub(super) thing: Thing,
}

/// Whether names are the same. Most differ in their last byte.
#[inline]
pub(super) fn is_same(one: &str, other: &str) -> bool {
    one.len() == other.len() && one.as_bytes().last() == other.as_bytes().last() && one == other
}

/// All names of a trace. Few are alive at a time, so they are searched in order.
#[derive(Clone, Debug)]
pub(super) struct Names {
    pub(super) interfaces: Vec<Interface>,
    live: Vec<Named>,
    retired: VecDeque<(Option<CommandFacts>, String)>,
    spare: Vec<String>,
    /// Handles that a client gave which was not seen, with the names of their buffers.
    foreign: BTreeMap<String, String>,
}

impl Names {
    pub(super) fn new(header: &Header) -> Self {
        let own =
            |process: Process| Interface { name: process.set_interface(), process, world: None };
        let mut interfaces: Vec<Interface> = Process::all().map(own).collect();
        for (name, process) in &header.interfaces {
            if interfaces.iter().all(|known| known.name != *name) {
                interfaces.push(Interface { name: name.clone(), process: *process, world: None });
            }
        }
        Self {
            interfaces,
            live: Vec::new(),
            retired: VecDeque::new(),
            spare: Vec::new(),
            foreign: BTreeMap::new(),
        }
    }

    /// One more set interface, unless there is one of that name.
    pub(super) fn add_interface(&mut self, name: String, process: Process) {
        if self.interface(&name).is_none() {
            self.interfaces.push(Interface { name, process, world: None });
        }
    }

    /// A handle that nobody was seen to give, of the buffer of this name.
    pub(super) fn add_foreign(&mut self, handle: String, buffer: String) {
        self.foreign.insert(handle, buffer);
    }

    /// The name of the buffer of such a handle.
    pub(super) fn foreign(&self, handle: &str) -> Option<&str> {
        self.foreign.get(handle).map(String::as_str)
    }

    pub(super) fn interface(&self, name: &str) -> Option<usize> {
        self.interfaces.iter().position(|known| is_same(&known.name, name))
    }

    pub(super) fn find(&self, name: &str) -> Option<&Named> {
        self.live.iter().find(|named| is_same(&named.name, name))
    }

    /// Whether the name stood for a command that is done with.
    pub(super) fn is_retired(&self, name: &str) -> bool {
        self.retired.iter().rev().any(|(_, known)| is_same(known, name))
    }

    /// Checks that a name is free to be given.
    pub(super) fn check_free(&self, name: &str) -> Result<(), InputError> {
        if self.find(name).is_some() || self.interface(name).is_some() {
            return Err(InputError(format!("the name `{name}` is taken already")));
        }
        Ok(())
    }

    pub(super) fn give(&mut self, name: &str, world: usize, thing: Thing) {
        let mut text = self.spare.pop().unwrap_or_default();
        text.push_str(name);
        self.live.push(Named { name: text, world, thing });
    }

    /// A command by name, while its callback is to come.
    pub(super) fn find_command(&self, name: &str) -> Option<(usize, CommandFacts)> {
        let named = self.find(name)?;
        match named.thing {
            Thing::Command(facts) => Some((named.world, facts)),
            _ => None,
        }
    }

    /// The name of a command, also of one that is done with.
    pub(super) fn command_name(&self, world: usize, id: CommandId) -> &str {
        let is_it = |named: &&Named| {
            named.world == world && matches!(named.thing, Thing::Command(facts) if facts.id == id)
        };
        let retired =
            || self.retired.iter().rev().find(|(of, _)| of.is_some_and(|facts| facts.id == id));
        match self.live.iter().find(is_it) {
            Some(named) => &named.name,
            None => retired().map_or("?", |(_, name)| name),
        }
    }

    /// The buffers of a set whose address is known, with their names.
    pub(super) fn buffers(&self, world: usize) -> impl Iterator<Item = (&str, BufferFacts)> {
        self.live.iter().filter_map(move |named| match named.thing {
            Thing::Buffer(facts) if named.world == world => Some((named.name.as_str(), facts)),
            _ => None,
        })
    }

    /// What SendCommand said of a command, also of one that is done with.
    pub(super) fn sent(&self, world: usize, id: CommandId) -> Option<CommandFacts> {
        let same = |facts: &CommandFacts| facts.id == id;
        let retired = || self.retired.iter().rev().find_map(|(facts, _)| facts.filter(same));
        self.command(world, id).or_else(retired)
    }

    pub(super) fn command(&self, world: usize, id: CommandId) -> Option<CommandFacts> {
        self.live.iter().find_map(|named| match named.thing {
            Thing::Command(facts) if named.world == world && facts.id == id => Some(facts),
            _ => None,
        })
    }

    /// The command is done with: its name may be given anew.
    pub(super) fn retire(&mut self, name: &str) {
        let Some(index) = self.live.iter().position(|named| is_same(&named.name, name)) else {
            return;
        };
        let named = self.live.swap_remove(index);
        let facts = match named.thing {
            Thing::Command(facts) => Some(facts),
            Thing::Device { .. } | Thing::Buffer(_) | Thing::Handle(_) => None,
        };
        self.retired.push_back((facts, named.name));
        if self.retired.len() > RETIRED
            && let Some((_, mut oldest)) = self.retired.pop_front()
        {
            oldest.clear();
            self.spare.push(oldest);
        }
    }

    /// Forgets the names of commands of a set that will not be called back.
    pub(super) fn retire_commands(&mut self, world: usize) {
        let names: Vec<String> = self
            .live
            .iter()
            .filter(|named| named.world == world && matches!(named.thing, Thing::Command(_)))
            .map(|named| named.name.clone())
            .collect();
        names.iter().for_each(|name| self.retire(name));
    }

    /// The object behind a name, for touching it.
    pub(super) fn object(&self, name: &str) -> Option<(usize, Object)> {
        let named = self.find(name)?;
        match named.thing {
            Thing::Device { .. } => Some((named.world, Object::Device)),
            Thing::Buffer(facts) => Some((named.world, Object::Buffer(facts.id))),
            Thing::Command(facts) => Some((named.world, Object::Command(facts.id))),
            Thing::Handle(_) => None,
        }
    }
}
