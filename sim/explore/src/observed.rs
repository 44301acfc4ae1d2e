//! What both sides see of a set from its beginning to its end, in every way that a bounded
//! world allows: what another model of the same rules must come to, too.

use std::collections::BTreeSet;

use super::action::Action;
use super::lanes::AGENT;
use super::node::Node;
use super::search::breadth_first;
use super::world::World;
use vdi_model::{
    Answer, Call, ClientCall, ClientLife, Expected, Outcome, ServerCall, ServerLife, State,
};
use vdi_spec::codes::{HResult, Win32};

/// What was seen of a set.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Observed {
    /// What the server's Close returned.
    pub server_close: Option<HResult>,
    /// What the client's Close returned.
    pub client_close: Option<HResult>,
    /// What the agent returned.
    pub agent: Option<HResult>,
    /// With which codes the agent called back.
    pub callbacks: BTreeSet<Win32>,
}

impl Observed {
    /// The same after a step from this state.
    fn after(&self, state: &State, action: &Action) -> Self {
        let mut seen = self.clone();
        match action {
            Action::Call { call: Call::Server(ServerCall::Close), outcome, .. }
                if state.server == ServerLife::Open =>
            {
                seen.server_close = status(outcome);
            }
            Action::Call { call: Call::Client(ClientCall::Close), outcome, .. }
                if state.client == ClientLife::Created =>
            {
                seen.client_close = status(outcome);
            }
            Action::Return { lane: AGENT, outcome } => seen.agent = status(outcome),
            Action::Callback(callback) if callback.lane == AGENT => {
                seen.callbacks.insert(callback.ending.code());
            }
            Action::Call { .. }
            | Action::Return { .. }
            | Action::Callback(_)
            | Action::Hold(_)
            | Action::Resume(_)
            | Action::Expire(_)
            | Action::Exit(_)
            | Action::Unload => {}
        }
        seen
    }
}

fn status(outcome: &Outcome) -> Option<HResult> {
    match outcome.answer {
        Answer::Returns(Expected::Status(status)) => Some(status),
        Answer::Returns(Expected::AnyFailure | Expected::Any)
        | Answer::Delivers(_)
        | Answer::Tells(_)
        | Answer::Counts(_)
        | Answer::Maps(_)
        | Answer::Blocks => None,
    }
}

/// Everything that can be seen of a set which both sides have closed and that owes nothing any
/// more, where no process dies and the library stays loaded.
#[must_use]
pub fn observed(world: &World) -> BTreeSet<Observed> {
    let begin = (world.canonical(Node::default()), Observed::default());
    let mut actions: Vec<Action> = Vec::new();
    let found = breadth_first(begin, |_, (node, seen)| {
        world.offer(node, false, &mut actions);
        let steps = actions.drain(..);
        steps
            .filter(|action| !matches!(action, Action::Exit(_) | Action::Unload))
            .map(|action| {
                let next = world.canonical(world.step(node, &action));
                (next, seen.after(&node.state, &action))
            })
            .collect()
    });
    let is_over = |node: &Node| {
        node.state.server == ServerLife::Closed
            && node.state.client == ClientLife::Closed
            && !node.state.agent.is_running()
            && node.state.commands.is_empty()
    };
    found.states.into_iter().filter(|(node, _)| is_over(node)).map(|(_, seen)| seen).collect()
}
