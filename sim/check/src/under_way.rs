//! What calls under way would give: a set that is being created can be found by its
//! name, an interface that is being attached can be used, a device that is being opened
//! has its name. Whether they do is known when they return.

use super::bind::Then;
use super::frontier::World;
use super::sequential::Checker;
use super::setup::OpenCall;
use vdi_model::{Call, ClientCall, ServerCall};
use vdi_spec::codes::HResult;
use vdi_spec::config::VdConfig;

/// What a call under way has given so far, to be taken back if it fails.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Given {
    /// The set that the interface had before.
    attached: Option<Option<usize>>,
    /// Whether a device has its name from this call.
    named: bool,
}

impl World {
    /// It is being created by this name.
    fn expect(&mut self, name: &str, config: VdConfig) {
        self.device_names = vec![None; config.device_count as usize];
        if let Some(first) = self.device_names.first_mut() {
            *first = Some(name.to_owned());
        }
        (self.coming, self.config) = (Some(name.to_owned()), config);
    }
}

impl Checker {
    /// The call just begun gives what it would give if it succeeded.
    pub(super) fn give_early(&mut self) {
        let Some(open) = self.open.last() else {
            return;
        };
        let world = open.bound.world;
        let mut given = Given::default();
        match &open.bound.then {
            // Which of two decides what the set is like is not followed.
            Then::Create(_, name, config) if self.worlds[world].coming.is_some() => {
                let set = &self.worlds[world];
                if set.coming.as_ref() != Some(name) || set.config != **config {
                    self.ambiguous = Some(open.line);
                }
            }
            Then::Create(interface, name, config) if self.worlds[world].name.is_empty() => {
                let (interface, name, config) = (*interface, name.clone(), **config);
                self.worlds[world].expect(&name, config);
                given.attached = Some(self.attach(interface, world));
                self.gather(world, interface, Some(&name));
            }
            Then::Attach(interface) if world != World::NOWHERE => {
                let interface = *interface;
                given.attached = Some(self.attach(interface, world));
                self.gather(world, interface, None);
            }
            Then::Device { name, index, .. } => {
                let (name, index) = (name.clone(), *index);
                let server = matches!(open.bound.call, Call::Server(_));
                let set = &mut self.worlds[world];
                if server {
                    set.opening.push(index);
                }
                if let Some(known @ None) = set.device_names.get_mut(usize::from(index)) {
                    *known = Some(name);
                    given.named = true;
                }
            }
            _ => {}
        }
        if let Some(open) = self.open.iter_mut().rfind(|open| open.bound.world == world) {
            open.given = given;
        }
    }

    fn attach(&mut self, interface: usize, world: usize) -> Option<usize> {
        self.names.interfaces[interface].world.replace(world)
    }

    /// Calls that found no set, because it was not there when they began, may find it
    /// now: those on the same interface, and those that asked for it by its name.
    fn gather(&mut self, world: usize, interface: usize, name: Option<&str>) {
        let finds = |open: &OpenCall| {
            let bound = &open.bound;
            let asked = name.is_some() && bound.wants.as_deref() == name;
            bound.world == World::NOWHERE && (asked || bound.on == Some(interface))
        };
        let found: Vec<usize> =
            (0..self.open.len()).filter(|index| finds(&self.open[*index])).collect();
        for index in found {
            let Some(slot) = self.free_slot(world) else {
                continue;
            };
            let bound = &mut self.open[index].bound;
            bound.world = world;
            match &mut bound.call {
                Call::Server(ServerCall::Open { found, .. })
                | Call::Secondary(_, ClientCall::OpenInSecondary { found }) => *found = true,
                _ => {}
            }
            self.open[index].slot = slot;
            self.go_live(world);
            self.enter_live(world, slot);
        }
    }

    /// The call has returned: what it gave stays, or is taken back.
    pub(super) fn keep_or_take_back(&mut self, open: &OpenCall, status: HResult) {
        let world = open.bound.world;
        let set = &mut self.worlds[world];
        match &open.bound.then {
            Then::Create(interface, ..) => {
                set.coming = None;
                self.take_back(*interface, open.given, status);
            }
            Then::Attach(interface) => self.take_back(*interface, open.given, status),
            Then::Device { index, .. } => {
                let server = matches!(open.bound.call, Call::Server(_));
                if let Some(place) = set.opening.iter().position(|known| known == index)
                    && server
                {
                    set.opening.remove(place);
                }
                let same = |other: &OpenCall| {
                    other.bound.world == world
                        && matches!(other.bound.then, Then::Device { index: known, .. }
                            if known == *index)
                };
                if status != HResult::NOERROR && open.given.named {
                    match self.open.iter_mut().find(|other| same(other)) {
                        Some(other) => other.given.named = true,
                        None => self.worlds[world].device_names[usize::from(*index)] = None,
                    }
                }
            }
            _ => {}
        }
    }

    fn take_back(&mut self, interface: usize, given: Given, status: HResult) {
        if let Some(before) = given.attached.filter(|_| status != HResult::NOERROR) {
            self.names.interfaces[interface].world = before;
        }
    }
}
