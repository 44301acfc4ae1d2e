//! One device set of a trace: every state it may be in, and what the model's state does
//! not hold of it.

use smallvec::SmallVec;

use super::evidence::Evidence;
use super::medium::MediumTrack;
use super::set_name::{SetName, Suits};
use crate::linearize::Frontier;
use vdi_model::{DeviceName, LaneId, ServerDevice, State};
use vdi_spec::clauses::Clause;
use vdi_spec::config::{ServerConfig, VdConfig};

/// One device set of the trace, with every state it may be in.
#[derive(Clone, Debug, Default)]
pub(crate) struct SetTrack {
    pub(crate) name: String,
    /// The instance that it was made for, if that is told.
    pub(crate) instance: Option<String>,
    /// The name that a Create in progress gives it.
    pub(crate) creating: Option<SetName>,
    /// While calls begin at rest. Where they overlap it is empty, and `frontier` is there.
    pub(crate) in_order: SmallVec<[State; 1]>,
    pub(crate) frontier: Option<Box<Frontier>>,
    /// The interfaces that were told that they have opened it.
    pub(crate) openers: SmallVec<[usize; 1]>,
    pub(crate) devices: DeviceTrack,
    pub(crate) config: ConfigTrack,
    pub(crate) media: MediumTrack,
    pub(crate) statement: StatementTrack,
    pub(crate) evidence: Evidence,
}

/// What is known of the devices of a set by their names.
#[derive(Clone, Debug, Default)]
pub(crate) struct DeviceTrack {
    pub(crate) names: Vec<Option<String>>,
    /// Names by which the server opened devices at once, one of which had another name already:
    /// which has its name nobody can tell.
    pub(crate) unsure: SmallVec<[String; 2]>,
    /// Those that the server is opening.
    pub(crate) opening: SmallVec<[u8; 1]>,
    /// Where a device belongs to one thread: the lane of a client that used it first.
    pub(crate) users: Vec<(u8, LaneId)>,
}

/// The configuration of a set.
#[derive(Clone, Debug, Default)]
pub(crate) struct ConfigTrack {
    /// What Create asked for.
    pub(crate) asked: VdConfig,
    /// What BeginConfiguration set.
    pub(crate) server: ServerConfig,
    /// What the first GetConfiguration of a client gave.
    pub(crate) reported: Option<Box<VdConfig>>,
}

/// The SQL statement that a set is made for.
#[derive(Clone, Debug, Default)]
pub(crate) struct StatementTrack {
    pub(crate) issued: bool,
    /// Whether the client knows that it failed, or succeeded.
    pub(crate) succeeded: Option<bool>,
    /// Whether its number of devices was found to be another than the set's.
    pub(crate) miscounted: bool,
    /// Whether its success has been judged: client and server may both tell of it.
    pub(crate) judged: bool,
    /// The line in which it was first said to have failed.
    pub(crate) failed: Option<usize>,
    /// Whether anything has happened that explains a failure.
    pub(crate) troubled: bool,
    /// The line in which the server was first told that a device is full.
    pub(crate) told_full: Option<usize>,
    /// What the ends of commands say of it.
    pub(crate) ends: CommandEnds,
}

/// What the ends of a set's commands say of its statement; devices by their bits.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CommandEnds {
    /// A Write has found its device full.
    pub(crate) full: bool,
    /// A Read has failed.
    pub(crate) unread: bool,
    /// The devices whose last Flush ended with an error.
    pub(crate) flush_failed: u64,
    /// The devices whose last Complete ended with an error.
    pub(crate) complete_failed: u64,
    /// The devices whose last Complete ended with success.
    pub(crate) completed: u64,
}

impl StatementTrack {
    /// Whether the server could not know yet, when it began a call in this line, what makes
    /// the call a fault: it was told only while the call was in progress.
    pub(crate) fn excuses(&self, clause: Clause, line: usize) -> bool {
        clause == Clause::ServerOverflowAborts && self.told_full.is_none_or(|told| line < told)
    }
}

impl SetTrack {
    /// The set that stands for none: what an interface speaks to before Open or Create.
    pub(crate) const UNATTACHED: usize = 0;

    pub(crate) fn new() -> Self {
        Self { in_order: SmallVec::from_elem(State::default(), 1), ..Self::default() }
    }

    /// The states that the set may be in.
    pub(crate) fn states(&self) -> impl Iterator<Item = &State> {
        self.in_order.iter().chain(self.frontier.iter().flat_map(|frontier| frontier.states()))
    }

    pub(crate) fn states_mut(&mut self) -> impl Iterator<Item = &mut State> {
        let searched = self.frontier.iter_mut().flat_map(|frontier| frontier.states_mut());
        self.in_order.iter_mut().chain(searched)
    }

    pub(crate) fn any(&self, holds: impl Fn(&State) -> bool) -> bool {
        self.states().any(holds)
    }

    /// Whether the order of effects is searched for.
    pub(crate) const fn is_searched(&self) -> bool {
        self.frontier.is_some()
    }

    /// Whether a Create in progress makes it what a Create with these arguments would.
    pub(crate) fn is_being_created(&self, name: &SetName, config: &VdConfig) -> bool {
        self.creating.as_ref() == Some(name) && self.config.asked == *config
    }

    /// Whether it has this name, or a Create in progress gives it.
    pub(crate) fn may_be_named(&self, name: &SetName) -> bool {
        self.is_named(name) || self.creating.as_ref().is_some_and(|known| known.finds(name))
    }

    /// Whether it is found by this name.
    pub(crate) fn is_named(&self, name: &SetName) -> bool {
        self.name == name.name && name.is_for(self.instance.as_deref())
    }

    /// Whether the set of that name, which it has or is about to get, is for the same instance.
    pub(crate) fn suits(&self, name: &SetName) -> Suits {
        let own =
            if self.is_named(name) { name.suits(self.instance.as_deref()) } else { Suits::No };
        let creating = self.creating.as_ref().filter(|known| known.finds(name));
        own.max(creating.map_or(Suits::No, |known| name.suits(known.instance.as_deref())))
    }

    /// The device that the server's OpenDevice gives: the one of that name, or
    /// the next one not opened.
    pub(crate) fn server_slot(&self, name: &str) -> Option<u8> {
        let devices = &self.states().next()?.devices;
        let DeviceTrack { names, opening, .. } = &self.devices;
        let is_opening = |index: usize| opening.iter().any(|known| usize::from(*known) == index);
        let unopened = |index: &usize| {
            let device = devices.get(*index);
            device.is_some_and(|device| device.server == ServerDevice::Unopened)
                && !is_opening(*index)
        };
        let unnamed =
            (0..devices.len()).find(|index| unopened(index) && names.get(*index) == Some(&None));
        self.devices
            .named(name)
            .filter(unopened)
            .or(unnamed)
            .or_else(|| (0..devices.len()).find(unopened))
            .map(|index| index as u8)
    }

    /// The device that a client's OpenDevice names.
    pub(crate) fn client_slot(&self, name: &str) -> DeviceName {
        if let Some(index) = self.devices.named(name) {
            return DeviceName::Known(index as u8);
        }
        match self.devices.names.iter().position(Option::is_none) {
            Some(index) => DeviceName::New(index as u8),
            None => DeviceName::Unknown,
        }
    }
}

impl DeviceTrack {
    /// Whether two devices have one name, as only a mistake of the server gives them.
    pub(crate) fn share_names(&self) -> bool {
        let mut known: Vec<&String> = self.names.iter().flatten().collect();
        let all = known.len();
        known.sort_unstable();
        known.dedup();
        known.len() < all
    }

    /// The index of the device of that name.
    pub(crate) fn named(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|known| known.as_deref() == Some(name))
    }
}
