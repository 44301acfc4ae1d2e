//! What was before an abort, a Close of either side, the end of a process or the entry into
//! Active, as far as calls may still have taken effect then.

use smallvec::SmallVec;

use super::slots::{Slot, SlotSet};
use vdi_model::{Agent, Call, Cause, ClientLife, ServerCall, ServerLife, State};

/// What was before an abort, a Close or the end of a process, or before the set became Active.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Past {
    /// Calls that were in progress, and may have taken effect then.
    pub(crate) slots: SlotSet,
    pub(super) aborted: Option<Cause>,
    pub(super) server: ServerLife,
    pub(super) client: ClientLife,
    pub(super) agent: Agent,
    pub(super) activated: bool,
    /// Whether the agent may have begun to invoke a routine then that was not seen yet.
    pub(super) routine: bool,
}

/// What was before, the latest last.
pub(crate) type Pasts = SmallVec<[Past; 1]>;

impl Past {
    /// The state as it is for what happens before.
    pub(super) fn view(&self, state: &State) -> State {
        let Self { aborted, server, client, activated, .. } = *self;
        let agent = if activated && !has_died(state) { state.agent } else { self.agent };
        State { aborted, server, client, activated, agent, ..state.clone() }
    }

    /// Whether a call may have taken effect before.
    pub(super) fn admits(&self, state: &State, slot: Slot, call: &Call) -> bool {
        let is_open = match call {
            // The server's Close looks at the devices.
            Call::Server(ServerCall::CloseDevice { .. } | ServerCall::OpenDevice { .. }) => {
                state.server == self.server || has_died(state)
            }
            Call::Server(_) | Call::Client(_) => true,
            Call::Secondary(client, _) => state.client_open(*client),
        };
        self.slots.has(slot) && is_open
    }

    /// Whether the agent has returned since: what it left behind was not queued then.
    pub(super) fn has_left(&self, state: &State) -> bool {
        self.activated && self.agent != state.agent && !has_died(state)
    }
}

/// Whether the server's process has ended, and with it whatever ran there.
fn has_died(state: &State) -> bool {
    state.server == ServerLife::Dead
}
