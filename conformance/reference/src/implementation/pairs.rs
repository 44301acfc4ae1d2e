//! Seeded defects of two calls of one kind at once: each looks first, and acts on what it
//! saw.

use super::buffers::Requests;
use super::device::End;
use super::interfaces::{ServerDevice, ServerSet};
use super::mutant::Mutant;
use super::set::{Phase, Set};
use super::state::{Binding, SetId, State};
use super::{BufferId, Gone};

/// What CloseDevice has seen.
#[derive(Clone, Copy, Default)]
pub(super) struct SeenDevices {
    /// That its device is open, if it is to rely on that.
    pub(super) is_open: bool,
    /// That another device is open, if it is to rely on that.
    pub(super) another_is_open: bool,
}

impl ServerSet {
    /// What one look gives and the next relies on, if this is the defect.
    fn seen<T>(
        &self,
        mutant: Mutant,
        look: impl FnOnce(&State, SetId) -> T,
    ) -> Result<Option<T>, Gone> {
        if !self.monitor.seed.is(mutant) {
            return Ok(None);
        }
        let seen = self.call(|state, id| Ok(look(state, id)))?;
        self.monitor.seed.lingers(mutant);
        Ok(seen.ok())
    }

    /// The set that Open has seen, which nobody has open.
    pub(super) fn seen_set(
        &self,
        instance: Option<&str>,
        name: &str,
    ) -> Result<Option<SetId>, Gone> {
        if !self.monitor.seed.is(Mutant::BothOpen) {
            return Ok(None);
        }
        let seen = self.monitor.with(&self.process, |state| {
            let found = state.named(instance, name);
            let found = found.filter(|set| state.set(*set).phase == Phase::Created);
            found.filter(|_| state.binding(self.interface) == Binding::Unbound)
        })?;
        self.monitor.seed.lingers(Mutant::BothOpen);
        Ok(seen)
    }

    /// Whether the set was in this phase, if the defect relies on that.
    pub(super) fn was_in(&self, mutant: Mutant, phase: Phase) -> Result<bool, Gone> {
        let seen = self.seen(mutant, |state, id| state.set(id).phase == phase)?;
        Ok(seen == Some(true))
    }

    /// The place that AllocateBuffer has seen free.
    pub(super) fn seen_place(&self, size: u32, alignment: u32) -> Result<Option<u64>, Gone> {
        let place = |state: &State, id| state.set(id).area.place(size, alignment);
        Ok(self.seen(Mutant::AllocatesOneTwice, place)?.flatten())
    }

    /// Whether FreeBuffer has seen the buffer, and nobody using it.
    pub(super) fn seen_buffer(&self, buffer: Option<BufferId>) -> Result<bool, Gone> {
        let free = |set: &Set, buffer| set.area.holds(buffer) && !set.uses(buffer);
        let seen = self.seen(Mutant::BothFree, |state, id| {
            buffer.is_some_and(|buffer| free(state.set(id), buffer))
        })?;
        Ok(seen == Some(true))
    }

    /// What RequestBuffers has seen requested, to which it adds.
    pub(super) fn seen_requests(&self) -> Result<Option<Requests>, Gone> {
        self.seen(Mutant::RequestsOfOne, |state, id| state.set(id).area.requested())
    }
}

impl ServerDevice {
    /// What CloseDevice has seen of the devices.
    pub(super) fn seen_devices(&self) -> Result<SeenDevices, Gone> {
        let set = &self.interface;
        let is_open = set.seen(Mutant::BothCloseDevice, |state, id| {
            let set = state.set(id);
            set.phase == Phase::Active && set.devices[self.slot].server == End::Open
        })?;
        let another_is_open = set.seen(Mutant::ClosesTheLastTogether, |state, id| {
            let mut devices = state.set(id).devices.iter().enumerate();
            devices.any(|(slot, device)| slot != self.slot && device.server == End::Open)
        })?;
        let [is_open, another_is_open] = [is_open, another_is_open].map(|seen| seen == Some(true));
        Ok(SeenDevices { is_open, another_is_open })
    }
}
