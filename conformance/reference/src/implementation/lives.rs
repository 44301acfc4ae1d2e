//! The seeded defects that outlast a set: what belongs to one set is kept, or counted, for
//! all of them. One set alone does not show them, nor do several through one interface.

use vdi_spec::codes::HResult;

use super::device::CommandId;
use super::mutant::Mutant;
use super::set::Set;
use super::state::{Binding, InterfaceId, SetId, State};
use super::{BufferId, Completion};

impl State {
    /// The latest set that another client's interface than this one has created.
    fn earlier(&self, interface: InterfaceId) -> Option<&Set> {
        self.all_sets().rev().find(|set| set.made_by() != interface)
    }

    /// A set that is about to be created, with what the defect keeps of an earlier one.
    pub(super) fn inherits(&self, mut set: Set) -> Set {
        let Some(earlier) = self.earlier(set.made_by()) else { return set };
        match self.seed.0 {
            Some(Mutant::KeepsAbort) if earlier.aborted() => set.phase = earlier.phase,
            Some(Mutant::KeepsSeen) => set.configuration.seen = earlier.configuration.seen,
            Some(Mutant::KeepsTimeOut) => {
                let kept = earlier.configuration.asked.server_time_out;
                set.configuration.asked.server_time_out = kept;
            }
            Some(Mutant::KeepsDeviceCount) => {
                let count = earlier.devices.len();
                set.devices.resize_with(count, || super::device::Device::new(None));
            }
            Some(Mutant::KeepsErrorState | Mutant::KeepsDeviceNames | Mutant::KeepsQueue) => {
                for (device, kept) in set.devices.iter_mut().zip(&earlier.devices) {
                    device.inherit(kept, self.seed);
                }
            }
            _ => {}
        }
        set
    }

    /// BeginConfiguration has set the server's part: what the defect keeps of an earlier one.
    pub(super) fn inherits_configuration(&mut self, id: SetId) {
        let Some(earlier) = self.earlier(self.set(id).made_by()) else { return };
        let agreed = earlier.configuration.agreed;
        if self.is(Mutant::KeepsConfiguration) && agreed.block_size != 0 {
            let own = &mut self.set_mut(id).configuration.agreed;
            (own.block_size, own.max_transfer_size) = (agreed.block_size, agreed.max_transfer_size);
            own.features = agreed.features;
        } else if self.is(Mutant::KeepsBuffers) {
            let taken = earlier.area.taken();
            self.set_mut(id).area.inherit(taken);
        }
    }

    /// Whether the name of a set that is gone is still there.
    pub(super) fn keeps_name(
        &self,
        (instance, name): (Option<&str>, &str),
        interface: InterfaceId,
    ) -> bool {
        self.is(Mutant::KeepsSetName)
            && self.all_sets().any(|set| set.is_named(instance, name) && set.made_by() != interface)
    }

    /// Whether another interface of the same half has a set, where only one may.
    pub(super) fn is_the_second(&self, mutant: Mutant, interface: InterfaceId) -> bool {
        let holds = |set: SetId| match mutant {
            Mutant::OneServerSet => self.set(set).server.as_ref().map(|side| side.id),
            _ => Some(self.set(set).client.id),
        };
        self.is(mutant)
            && self.bound().any(|(other, binding)| match binding {
                Binding::Bound(hold) => other != interface && holds(hold.set) == Some(hold.side),
                Binding::Unbound | Binding::Useless => false,
            })
    }

    /// Whether an agent of another set keeps this one from being executed.
    pub(super) fn agent_elsewhere(&self, id: SetId) -> Result<(), HResult> {
        let elsewhere =
            self.is(Mutant::OneAgent) && self.others(id).any(|other| self.set(other).agent.running);
        if elsewhere { Err(HResult::VD_E_PROTOCOL) } else { Ok(()) }
    }

    /// Every other set.
    fn others(&self, id: SetId) -> impl Iterator<Item = SetId> + use<> {
        let count = self.all_sets().count();
        (0..count).map(SetId).filter(move |other| *other != id)
    }

    /// What an abort of one set does to the others.
    pub(super) fn abort_spreads(&mut self, id: SetId) {
        if self.is(Mutant::AbortSpreads) {
            for other in self.others(id) {
                self.set_mut(other).abort();
            }
        }
    }

    /// What the server's Close of one set does to the others.
    pub(super) fn close_spreads(&mut self, id: SetId) {
        if self.is(Mutant::CloseSpreads) {
            for other in self.others(id) {
                if let Some(side) = &mut self.set_mut(other).server {
                    side.mapped = false;
                }
            }
        }
    }

    /// FreeBuffer of a buffer that is none of this set.
    pub(super) fn frees_elsewhere(&mut self, id: SetId, buffer: BufferId) -> bool {
        let wrong = self.is(Mutant::FreesElsewhere);
        let found = self.others(id).find(|other| wrong && self.set(*other).area.holds(buffer));
        found.is_some_and(|other| {
            self.set_mut(other).area.free(buffer);
            true
        })
    }

    /// Whether it is a buffer of another set, where that counts.
    pub(super) fn is_shared_elsewhere(&self, id: SetId, buffer: Option<BufferId>) -> bool {
        self.is(Mutant::SharedElsewhere)
            && buffer.is_some_and(|buffer| {
                self.others(id).any(|other| self.set(other).area.holds(buffer))
            })
    }

    /// Commands that are outstanding at this place in all sets but this one, where they
    /// count.
    pub(super) fn queued_elsewhere(&self, id: SetId, slot: usize) -> usize {
        if !self.is(Mutant::QueueOfAllSets) {
            return 0;
        }
        let devices = self.others(id).filter_map(|other| self.set(other).devices.get(slot));
        devices.map(|device| device.outstanding().count()).sum()
    }

    /// CompleteCommand of a command that another set has delivered; whether that was done.
    pub(super) fn completes_elsewhere(
        &mut self,
        id: SetId,
        command: Option<CommandId>,
        completion: Completion,
    ) -> bool {
        let (wrong, others) = (self.is(Mutant::CompletesElsewhere), self.others(id));
        let Some(command) = command.filter(|_| wrong) else { return false };
        for other in others {
            let set = self.set_mut(other);
            let held = (0..set.devices.len())
                .find_map(|slot| Some((slot, set.devices[slot].take_held(command)?)));
            if let Some((slot, held)) = held {
                set.complete(slot, held, completion);
                self.change();
                return true;
            }
        }
        false
    }

    /// A command was completed: what that does to other sets.
    pub(super) fn completed_elsewhere(&mut self, id: SetId, slot: usize, completion: Completion) {
        let failed = completion.code != vdi_spec::codes::Win32::ERROR_SUCCESS;
        for other in self.others(id) {
            if self.is(Mutant::CompletionOfAnySet) {
                self.set_mut(other).wait_anew();
            }
            if failed && self.is(Mutant::ErrorOfAllSets) {
                let seed = self.seed;
                let set = self.set_mut(other);
                if let Some(device) = set.devices.get_mut(slot) {
                    let owed = device.enter_error(seed);
                    set.owed.extend(owed);
                }
            }
        }
    }

    /// The interval of serverTimeOut by which the agent of a set is timed, where it is that
    /// of the latest.
    pub(super) fn interval_elsewhere(&self) -> Option<u32> {
        let latest = self.all_sets().next_back().filter(|_| self.is(Mutant::IntervalOfTheLatest));
        latest.map(|set| set.configuration.agreed.server_time_out)
    }
}
