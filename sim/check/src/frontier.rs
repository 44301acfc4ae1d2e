//! A set's frontier: every state it may be in after the events so far.

use smallvec::SmallVec;

use super::overlap::Live;
use super::places::Place;
use vdi_model::{ClientLife, DeviceName, LaneId, ServerDevice, State};
use vdi_spec::config::{ServerConfig, VdConfig};

/// One device set of the trace, with every state it may be in.
#[derive(Clone, Debug, Default)]
pub(super) struct World {
    pub(super) name: String,
    /// While calls begin at rest. Where they overlap it is empty, and `live` is there.
    pub(super) frontier: SmallVec<[State; 1]>,
    pub(super) live: Option<Box<Live>>,
    /// The name that a Create under way gives it.
    pub(super) coming: Option<String>,
    /// The devices that the server is opening.
    pub(super) opening: SmallVec<[u8; 1]>,
    pub(super) device_names: Vec<Option<String>>,
    pub(super) config: VdConfig,
    pub(super) server_config: ServerConfig,
    /// Positions that GetPosition returned.
    pub(super) positions: Vec<u64>,
    /// Where the media of its devices stand, with RandomAccess.
    pub(super) places: Vec<Place>,
    /// Whether the client knows that its SQL statement failed, or succeeded.
    pub(super) statement: Option<bool>,
    /// Whether a SQL statement was issued for it.
    pub(super) issued: bool,
    /// The devices whose Complete ended with an error, by their bits.
    pub(super) complete_failed: u64,
    /// What GetConfiguration has told a client last.
    pub(super) told: Option<Box<VdConfig>>,
    /// Where a device belongs to one thread: the lane of a client that used it first.
    pub(super) device_users: Vec<(u8, LaneId)>,
}

impl World {
    /// The set that stands for none: what an interface speaks to before Open or Create.
    pub(super) const NOWHERE: usize = 0;

    pub(super) fn any(&self, holds: impl Fn(&State) -> bool) -> bool {
        self.states().any(holds)
    }

    pub(super) fn new() -> Self {
        Self { frontier: SmallVec::from_elem(State::default(), 1), ..Self::default() }
    }
}

impl World {
    /// The set of that name to which a server could attach: the latest.
    pub(super) fn find(worlds: &[Self], name: &str) -> Option<usize> {
        let alive = |world: &Self| {
            world.coming.as_deref() == Some(name)
                || (world.name == name && world.any(|state| state.client == ClientLife::Created))
        };
        worlds.iter().rposition(alive)
    }

    /// The set of that name whose primary died, if none is alive: the latest.
    pub(super) fn find_dead(worlds: &[Self], name: &str) -> Option<usize> {
        let dead = |world: &Self| {
            world.name == name && world.any(|state| state.client == ClientLife::Dead)
        };
        worlds.iter().rposition(dead)
    }

    /// The device that the server's OpenDevice gives: the one of that name, or
    /// the next one not opened.
    pub(super) fn server_slot(&self, name: &str) -> Option<u8> {
        let devices = &self.states().next()?.devices;
        let opening = |index: usize| self.opening.iter().any(|known| usize::from(*known) == index);
        let unopened =
            |index: &usize| devices[*index].server == ServerDevice::Unopened && !opening(*index);
        let named = self.device_names.iter().position(|known| known.as_deref() == Some(name));
        let unnamed = (0..devices.len())
            .find(|index| unopened(index) && self.device_names.get(*index) == Some(&None));
        named
            .filter(unopened)
            .or(unnamed)
            .or_else(|| (0..devices.len()).find(unopened))
            .map(|index| index as u8)
    }

    pub(super) fn client_slot(&self, name: &str) -> DeviceName {
        if let Some(index) =
            self.device_names.iter().position(|known| known.as_deref() == Some(name))
        {
            return DeviceName::Known(index as u8);
        }
        match self.device_names.iter().position(Option::is_none) {
            Some(index) => DeviceName::New(index as u8),
            None => DeviceName::Unknown,
        }
    }
}

/// Moves every state of a frontier by every choice that `allowed` gives for it.
/// If there is none, the frontier stays as it is: false.
///
/// One state with one choice, by far the most frequent case, moves in place.
pub(super) fn advance<T, const N: usize>(
    frontier: &mut SmallVec<[State; 1]>,
    allowed: impl Fn(&State) -> SmallVec<[T; N]>,
    mut apply: impl FnMut(&mut State, &T),
) -> bool
where
    [T; N]: smallvec::Array<Item = T>,
{
    if let [state] = frontier.as_mut_slice() {
        let choices = allowed(state);
        if let [choice] = choices.as_slice() {
            apply(state, choice);
            return true;
        }
    }
    let mut next: SmallVec<[State; 1]> = SmallVec::new();
    for state in frontier.iter() {
        for choice in allowed(state) {
            let mut after = state.clone();
            apply(&mut after, &choice);
            if !next.contains(&after) {
                next.push(after);
            }
        }
    }
    let moved = !next.is_empty();
    if moved {
        *frontier = next;
    }
    moved
}
