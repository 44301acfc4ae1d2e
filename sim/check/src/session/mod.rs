//! Whose call is this? The names, handles, lanes, open calls and sets of a trace, and how
//! a call of the trace becomes one of the model.

mod answer;
mod bind;
mod call;
mod claim;
mod commit;
mod device_names;
mod evidence;
mod find;
mod medium;
mod names;
mod outcomes;
mod provisional;
mod rivals;
mod set;
mod set_name;

pub(crate) use answer::{ObservedCallback, matches};
pub(crate) use bind::{bind, caller, checked_row};
pub(crate) use call::{
    Bound, EffectTrack, Invocation, Lanes, OnSuccess, OpenCall, PositionReport, Provisional,
    Returned, Timer,
};
pub(crate) use claim::{become_refused, ends_life, is_held};
pub(crate) use commit::commit;
pub(crate) use device_names::contend;
pub(crate) use evidence::{bit, note_evidence, suspected};
pub(crate) use names::{AllocatedBuffer, Interface, Names, SentCommand};
pub(crate) use outcomes::{outcomes, outcomes_of};
pub(crate) use provisional::{
    adopt, fail_to_attach, find_again, keep_or_revoke, provide, revoke_device,
};
pub(crate) use rivals::Rivals;
pub(crate) use set::{SetTrack, StatementTrack};
pub(crate) use set_name::{SetName, Suits};

use std::collections::VecDeque;

use crate::explain::InputError;
use crate::linearize::{Slot, SlotSet};
use vdi_model::{Call, Caller, ClientCall, ClientDevice, DeviceName, LaneId, ServerCall, State};
use vdi_trace::{Header, LaneName, Process};

/// Everything that a trace speaks of, and what each name in it stands for now.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) names: Names,
    pub(crate) lanes: Lanes,
    pub(crate) sets: Vec<SetTrack>,
    /// Calls that have begun and not returned, in the order in which they began.
    pub(crate) calls: Vec<OpenCall>,
    /// The calls that might have been right when they began, the last of them: each by its line,
    /// and by its lane, since what is made up stands in the line that asks for it.
    pub(crate) right: VecDeque<(usize, LaneId)>,
    /// Processes that have exited.
    exited: Vec<Process>,
    next_id: u32,
}

impl Session {
    pub(crate) fn new(header: &Header) -> Self {
        Self {
            names: Names::new(header),
            lanes: Lanes::default(),
            sets: vec![SetTrack::new()],
            calls: Vec::new(),
            right: VecDeque::new(),
            exited: Vec::new(),
            next_id: 0,
        }
    }

    /// A number for one more buffer or command.
    pub(crate) const fn next_id(&mut self) -> u32 {
        self.next_id += 1;
        self.next_id
    }

    /// Checks that the process of a lane has not exited.
    ///
    /// # Errors
    /// It has.
    pub(crate) fn check_alive(&self, lane: Option<&str>) -> Result<(), InputError> {
        if let Some(lane) = lane.filter(|_| !self.exited.is_empty())
            && let Ok(process) = LaneName::process_of(lane)
        {
            return self.check_running(process);
        }
        Ok(())
    }

    fn check_running(&self, process: Process) -> Result<(), InputError> {
        if self.exited.contains(&process) {
            return Err(InputError(format!("the process {process} has exited before")));
        }
        Ok(())
    }

    pub(crate) fn has_exited(&self, process: Process) -> bool {
        self.exited.contains(&process)
    }

    /// Notes that a process exits.
    ///
    /// # Errors
    /// It has exited before.
    pub(crate) fn exit(&mut self, process: Process) -> Result<(), InputError> {
        self.check_running(process)?;
        self.exited.push(process);
        Ok(())
    }

    /// The call that a lane is in: the one that began last.
    pub(crate) fn call_on(&self, lane: LaneId) -> Option<usize> {
        self.calls.iter().rposition(|call| call.lane == lane)
    }

    /// The open calls of a set.
    pub(crate) fn calls_of(&self, set: usize) -> impl Iterator<Item = &OpenCall> {
        self.calls.iter().filter(move |call| call.bound.set == set)
    }

    /// Whether a process that has joined the set of the name joins it by another interface.
    pub(crate) fn joins_by_another(&self, bound: &Bound) -> bool {
        let Caller::Client(client) = bound.call.caller() else { return false };
        // What its interface has open for certain is all that matters.
        let joined = |state: &State| state.client_open(client);
        let stays = bound.own && self.sets[bound.set].states().all(joined);
        let found = bound.name.as_ref().and_then(|name| self.find(name));
        !stays && found.is_some_and(|found| self.has_joined(bound, found))
    }

    /// Whether the process of an OpenInSecondary has joined a set by another interface.
    pub(crate) fn has_joined(&self, bound: &Bound, set: usize) -> bool {
        let (Call::Client(ClientCall::OpenInSecondary { .. })
        | Call::Secondary(_, ClientCall::OpenInSecondary { .. })) = &bound.call
        else {
            return false;
        };
        let Caller::Client(client) = bound.call.caller() else { return false };
        let joined = |state: &State| state.client_open(client);
        let attached = |interface: usize| self.names.interfaces[interface].set == Some(set);
        !bound.on.is_some_and(attached) && self.sets[set].any(joined)
    }

    /// Whether nobody can tell which device a client's OpenDevice is to open, because of the
    /// names that the server has given: two devices have one name, or the first was to have
    /// another than the set's.
    pub(crate) fn opens_any_of_two(&self, bound: &Bound) -> bool {
        let (Call::Client(ClientCall::OpenDevice { name })
        | Call::Secondary(_, ClientCall::OpenDevice { name })) = bound.call
        else {
            return false;
        };
        let set = &self.sets[bound.set];
        let is_open = |index: u8| {
            let open = |state: &State| {
                let device = state.devices.get(usize::from(index));
                device.is_some_and(|device| device.client != ClientDevice::Unopened)
            };
            set.any(open)
        };
        let text = bound.name.as_ref().map(|name| &name.name);
        let unsure = text.is_some_and(|text| set.devices.unsure.contains(text));
        let shared = || match name {
            DeviceName::Unknown => true,
            DeviceName::Known(index) | DeviceName::New(index) => is_open(index),
        };
        unsure || set.devices.share_names() && shared()
    }

    pub(crate) fn calls_of_mut(&mut self, set: usize) -> impl Iterator<Item = &mut OpenCall> {
        self.calls.iter_mut().filter(move |call| call.bound.set == set)
    }

    /// The states of a call's set, each with whether the call has taken effect in it.
    pub(crate) fn states_with(&self, call: &OpenCall) -> impl Iterator<Item = (&State, bool)> {
        let (slot, taken) = (call.slot, call.effect.taken);
        let set = &self.sets[call.bound.set];
        let searched = set.frontier.iter().flat_map(|frontier| &frontier.configurations);
        let searched = searched.map(move |config| (&config.state, config.taken.has(slot)));
        set.in_order.iter().map(move |state| (state, taken)).chain(searched)
    }

    /// The set that an interface has, or had last, whatever calls in progress make of it.
    pub(crate) fn had(&self, interface: usize) -> Option<usize> {
        let given = |call: &OpenCall| {
            let opens = matches!(call.bound.then, OnSuccess::Attach(known) if known == interface);
            call.provisional.attached.filter(|_| opens)
        };
        let before = self.calls.iter().find_map(given);
        before.unwrap_or(self.names.interfaces[interface].set)
    }

    /// Whether a call on this interface is open that is bound to this set.
    pub(crate) fn is_called(&self, interface: usize, set: usize) -> bool {
        self.calls_of(set).any(|call| call.bound.on == Some(interface))
    }

    /// Whether another server's interface than this one has the set, or is about to open it.
    pub(crate) fn is_elsewhere(&self, interface: usize, set: usize) -> bool {
        let mut others = self.names.interfaces.iter().enumerate();
        let has = |(other, known): (usize, &names::Interface)| {
            other != interface && known.process == Process::Server && known.set == Some(set)
        };
        let opens = |call: &OpenCall| {
            call.bound.on != Some(interface)
                && matches!(call.bound.call, Call::Server(ServerCall::Open { .. }))
        };
        others.any(has) || self.calls_of(set).any(opens)
    }

    /// Whether another server's interface has had the set since before any call that is open.
    pub(crate) fn is_anothers(&self, interface: usize, set: usize) -> bool {
        let opening =
            |other: usize| self.calls_of(set).any(|call| call.bound.then.attaches() == Some(other));
        self.names.interfaces.iter().enumerate().any(|(other, known)| {
            let has = known.process == Process::Server && known.set == Some(set);
            other != interface && has && !opening(other)
        })
    }

    /// The set of an open call.
    pub(crate) fn set_of(&self, index: usize) -> &SetTrack {
        &self.sets[self.calls[index].bound.set]
    }

    pub(crate) fn process_of(&self, call: &OpenCall) -> Process {
        self.lanes[call.lane].process
    }

    /// A call for a report: `Close by server.main`.
    pub(crate) fn call_text(&self, index: usize) -> String {
        let call = &self.calls[index];
        format!("{} by {}", call.function, self.lanes.name(call.lane))
    }

    /// A slot for one more call of a set; none is left when too many are open.
    pub(crate) fn free_slot(&self, set: usize) -> Option<Slot> {
        let mut used = SlotSet::default();
        self.calls_of(set).for_each(|call| used.add(call.slot));
        if let Some(frontier) = &self.sets[set].frontier {
            frontier.spontaneous.iter().for_each(|(slot, _)| used.add(*slot));
        }
        used.free()
    }

    /// A completion routine ends on a lane. An interval that was said to pass may have
    /// passed within it.
    ///
    /// # Errors
    /// None is held there.
    pub(crate) fn end_routine(&mut self, lane_name: &str, command: &str) -> Result<(), InputError> {
        let lane = self.lanes.id(lane_name)?;
        if self.lanes[lane].routines == 0 {
            return Err(InputError(format!(
                "the callback of `{command}` ends on {lane_name}, where none is held"
            )));
        }
        self.lanes[lane].routines -= 1;
        for set in &mut self.sets {
            if let Some(frontier) = &mut set.frontier {
                frontier.pass_within_routine(lane);
            }
            set.states_mut().for_each(|state| vdi_model::end_callback(state, lane));
        }
        Ok(())
    }
}
