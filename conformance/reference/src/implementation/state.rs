//! What the lock guards: the sets of one machine, and which interface holds which.

use std::collections::{BTreeMap, BTreeSet};

use vdi_spec::codes::HResult;
use vdi_spec::config::VdConfig;

use super::clock::Clock;
use super::device::CommandId;
use super::mutant::{Mutant, Seed};
use super::set::{Set, Side};
pub(super) use super::types::{Hold, InterfaceId, SetId, SideId};
use super::{BufferHandle, BufferId, Options};
use crate::sync::ThreadId;

/// What a set interface is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Binding {
    /// Not opened or created; a client's also after its Close.
    Unbound,
    /// Opened or created, and not closed.
    Bound(Hold),
    /// A server's after its Close: it stays useless.
    Useless,
}

/// Everything under the lock.
pub(super) struct State {
    sets: Vec<Set>,
    interfaces: Vec<Binding>,
    dead: BTreeSet<String>,
    abandoned: bool,
    inside: BTreeMap<String, usize>,
    generation: u64,
    changed: bool,
    named: u64,
    pub(super) clock: Clock,
    pub(super) queue_depth: usize,
    pub(super) memory_limit: u64,
    pub(super) seed: Seed,
}

impl State {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            sets: Vec::new(),
            interfaces: Vec::new(),
            dead: BTreeSet::new(),
            abandoned: false,
            inside: BTreeMap::new(),
            generation: 0,
            changed: false,
            named: 0,
            clock: Clock::new(options.virtual_time),
            queue_depth: options.queue_depth.max(1),
            memory_limit: options.memory_limit,
            seed: Seed(options.mutant),
        }
    }

    /// Whether this is what is wrong.
    pub(super) fn is(&self, mutant: Mutant) -> bool {
        self.seed.is(mutant)
    }

    // Changes.

    /// Something that a blocked call may be waiting for has happened.
    pub(super) fn change(&mut self) {
        self.changed = true;
    }

    /// Nobody is woken after all, if that is the defect.
    pub(super) fn wake_nobody(&mut self) {
        self.changed = false;
    }

    /// Whether something changed since this was last asked.
    pub(super) fn begin_generation(&mut self) -> bool {
        self.generation += u64::from(self.changed);
        std::mem::take(&mut self.changed)
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    // Processes.

    /// Whether calls of this process have no answer any more.
    pub(super) fn gone(&self, process: &str) -> bool {
        self.abandoned || self.dead.contains(process)
    }

    pub(super) fn enter(&mut self, process: &str) {
        *self.inside.entry(process.to_owned()).or_default() += 1;
    }

    pub(super) fn leave(&mut self, process: &str) {
        if let Some(calls) = self.inside.get_mut(process) {
            *calls = calls.saturating_sub(1);
        }
    }

    /// Whether a call of another process waits.
    pub(super) fn others_wait(&self, process: &str) -> bool {
        self.inside.iter().any(|(other, calls)| other != process && *calls > 0)
    }

    pub(super) fn inside(&self, process: &str) -> usize {
        self.inside.get(process).copied().unwrap_or(0)
    }

    /// The process dies; the interface notices if the server's or the primary
    /// client's side of a set was open. The primary watches for secondaries itself.
    pub(super) fn exit(&mut self, process: &str) {
        self.dead.insert(process.to_owned());
        self.inside.remove(process);
        self.change();
        let unnoticed = self.is(Mutant::DeathUnnoticed);
        let most = if self.is(Mutant::DeathOfOneSet) { 1 } else { usize::MAX };
        let lost = self.sets.iter_mut().filter(|set| !unnoticed && set.needs(process));
        for set in lost.take(most) {
            set.abort();
        }
    }

    /// Ends everything and hands out what is left of it.
    pub(super) fn abandon(&mut self) -> Vec<Set> {
        self.abandoned = true;
        self.change();
        std::mem::take(&mut self.sets)
    }

    // Interfaces and sets.

    pub(super) fn new_interface(&mut self) -> InterfaceId {
        self.interfaces.push(Binding::Unbound);
        InterfaceId(self.interfaces.len() - 1)
    }

    pub(super) fn binding(&self, interface: InterfaceId) -> Binding {
        self.interfaces[interface.0]
    }

    pub(super) fn bind(&mut self, interface: InterfaceId, binding: Binding) {
        self.interfaces[interface.0] = binding;
    }

    /// What this interface has hold of, else VD_E_PROTOCOL.
    pub(super) fn held_by(&self, interface: InterfaceId) -> Result<Hold, HResult> {
        match self.binding(interface) {
            Binding::Bound(hold) => Ok(hold),
            Binding::Unbound | Binding::Useless => Err(HResult::VD_E_PROTOCOL),
        }
    }

    /// Whether the interface still has the hold under which it gave a device.
    pub(super) fn holds(&self, interface: InterfaceId, hold: Hold) -> bool {
        self.binding(interface) == Binding::Bound(hold)
    }

    pub(super) fn set(&self, id: SetId) -> &Set {
        &self.sets[id.0]
    }

    pub(super) fn set_mut(&mut self, id: SetId) -> &mut Set {
        &mut self.sets[id.0]
    }

    /// A set that still exists; none does once the machine is abandoned.
    pub(super) fn find_set(&self, id: SetId) -> Option<&Set> {
        self.sets.get(id.0)
    }

    /// Every set, in the order of their creation.
    pub(super) fn all_sets(&self) -> impl DoubleEndedIterator<Item = &Set> {
        self.sets.iter()
    }

    /// Every interface with what it is worth.
    pub(super) fn bound(&self) -> impl Iterator<Item = (InterfaceId, Binding)> {
        self.interfaces.iter().enumerate().map(|(number, binding)| (InterfaceId(number), *binding))
    }

    /// Adds a set that a client of this process creates through this interface.
    pub(super) fn new_set(
        &mut self,
        name: (Option<&str>, &str),
        config: &VdConfig,
        (process, interface): (&str, InterfaceId),
    ) -> Hold {
        let side = self.new_side();
        let primary = Side::new(side, process);
        let set = Set::new(name, config, (primary, interface), self.seed);
        self.sets.push(self.inherits(set));
        Hold { set: SetId(self.sets.len() - 1), side }
    }

    pub(super) fn new_side(&mut self) -> SideId {
        SideId(self.new_name())
    }

    /// The set of that name whose client has it open and is alive.
    pub(super) fn named(&self, instance: Option<&str>, name: &str) -> Option<SetId> {
        let matches = |set: &Set| {
            set.is_named(instance, name) && set.client.open && !self.gone(&set.client.process)
        };
        self.sets.iter().position(matches).map(SetId)
    }

    /// The set of that name whose client has not closed it, alive or not.
    pub(super) fn created(&self, instance: Option<&str>, name: &str) -> Option<SetId> {
        let matches = |set: &Set| set.is_named(instance, name) && set.client.open;
        self.sets.iter().rposition(matches).map(SetId)
    }

    /// Whether a new set may not have that name.
    pub(super) fn name_taken(&self, instance: Option<&str>, name: &str) -> bool {
        let kept = self.is(Mutant::ClientCloseKeepsName);
        kept && self.sets.iter().any(|set| set.is_named(instance, name))
            || self.named(instance, name).is_some()
    }

    /// SignalAbort processing, whoever caused it.
    pub(super) fn abort(&mut self, id: SetId) {
        if self.set(id).aborted() {
            return;
        }
        self.set_mut(id).abort();
        self.abort_spreads(id);
        if !self.is(Mutant::AbortForgetsToWake) {
            self.change();
        }
    }

    /// A side's SignalAbort: asked again, it changes nothing.
    pub(super) fn signal_abort(&mut self, id: SetId) -> Result<(), HResult> {
        if self.set(id).aborted() && self.is(Mutant::SignalAbortTwice) {
            return Err(HResult::VD_E_PROTOCOL);
        }
        self.abort(id);
        Ok(())
    }

    /// Time passes for the call in progress on this thread: its time-out, or one
    /// interval of serverTimeOut if it is the completion agent's; or just so many
    /// milliseconds of either.
    pub(super) fn expire(&mut self, thread: ThreadId, milliseconds: Option<u32>) {
        if self.clock.let_pass(thread, milliseconds) {
            self.change();
        } else if let Some(id) = self.clock.agent_on(thread)
            && !self.abandoned
        {
            let interval = self.interval_elsewhere();
            if self.set_mut(id).time_passes(milliseconds, interval) {
                self.abort(id);
            }
        }
    }

    // Names for commands, buffers and handles. None is ever given twice.

    fn new_name(&mut self) -> u64 {
        self.named += 1;
        self.named
    }

    pub(super) fn new_command(&mut self) -> CommandId {
        CommandId(self.new_name())
    }

    pub(super) fn new_buffer(&mut self) -> BufferId {
        BufferId(self.new_name())
    }

    pub(super) fn new_handle(&mut self) -> BufferHandle {
        BufferHandle(self.new_name())
    }

    /// The buffer for which a set of this machine gave the handle; whichever that is.
    pub(super) fn buffer_of(&self, handle: BufferHandle) -> Option<BufferId> {
        self.sets.iter().find_map(|set| set.handles.get(&handle).copied())
    }

    pub(super) fn buffer_alive(&self, process: &str, buffer: BufferId) -> bool {
        !self.gone(process)
            && self.sets.iter().any(|set| set.area.holds(buffer) && set.mapped_in(process, buffer))
    }
}
