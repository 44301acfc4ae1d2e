//! What must hold in every state, and what must be seen in some state.

use stateright::Property;

use super::node::{Breach, Node};
use super::world::{Bounds, Detail, World};
use vdi_model::{
    Caller, Cause, ClientDevice, ClientPhase, Command, DeviceSetState, DeviceState, Object,
    Pending, ServerDevice, ServerLife, ServerPhase, Stage, State,
};
use vdi_spec::clauses::{ActiveEntry, Clause, CloseAndAgentOrder};

/// A property that every state has.
#[derive(Clone, Copy, Debug)]
pub struct Invariant {
    /// Its name.
    pub name: &'static str,
    /// The clause it rests on.
    pub clause: Clause,
    /// What it demands.
    pub demand: &'static str,
    holds: fn(&World, &Node) -> bool,
}

const fn row(
    name: &'static str,
    clause: Clause,
    demand: &'static str,
    holds: fn(&World, &Node) -> bool,
) -> Invariant {
    Invariant { name, clause, demand, holds }
}

fn sound(node: &Node, breach: Breach) -> bool {
    !node.ghost.breaches.has(breach)
}

/// Every invariant.
pub static INVARIANTS: &[Invariant] = &[
    row(
        "called-back-at-most-once",
        Clause::AgentCallback,
        "no command is called back twice, and none that was not sent",
        |_, node| sound(node, Breach::CalledBackTwice),
    ),
    row(
        "no-command-is-lost",
        Clause::ServerCloseDevicesOpenCallbacks,
        "what was sent and not called back is still to be called back",
        |_, node| {
            let known = |id| node.state.command(id).is_some();
            node.ghost.sent.len() == node.state.commands.len()
                && node.ghost.sent.iter().all(|sent| known(sent.id))
        },
    ),
    row(
        "agent-returns-after-callbacks",
        Clause::AbortAgentReturns,
        "the agent returns when every outstanding command was called back",
        |_, node| sound(node, Breach::AgentLeftEarly),
    ),
    row(
        "no-callback-after-the-agent",
        Clause::AgentCallbackLane,
        "no callback runs on the agent's lane when the agent has returned",
        |_, node| sound(node, Breach::CalledBackAfterAgent),
    ),
    row(
        "callback-carries-the-code",
        Clause::AbortCallbacks,
        "a callback carries the client's code, and after an abort ERROR_OPERATION_ABORTED",
        |_, node| sound(node, Breach::WrongCode),
    ),
    row(
        "refused-is-called-back-first",
        Clause::ServerSendCommandErrorCallback,
        "a SendCommand that fails is called back before it returns",
        |_, node| sound(node, Breach::NotCalledBackFirst),
    ),
    row(
        "no-delivery-after-abort",
        Clause::AbortNoDelivery,
        "after an abort no command is delivered",
        |_, node| sound(node, Breach::DeliveredAfterAbort),
    ),
    row(
        "delivered-in-order",
        Clause::ClientGetCommandDelivers,
        "the commands of a device are delivered once each, in the order they were sent",
        |_, node| sound(node, Breach::DeliveredOutOfOrder),
    ),
    row(
        "clear-error-waits",
        Clause::DeviceErrorClearErrorWaits,
        "ClearError is not delivered while the client holds what was out at the error",
        |_, node| sound(node, Breach::ClearErrorTooEarly),
    ),
    row(
        "error-state-refuses",
        Clause::ServerSendCommandIoError,
        "a device in the error state takes nothing but ClearError",
        |_, node| sound(node, Breach::SentInErrorState),
    ),
    row(
        "one-party-controls-a-buffer",
        Clause::ServerBufferControl,
        "a buffer is in one party's control, while its command is queued in nobody's, and in one command's hands",
        |world, node| sound(node, Breach::BufferShared) && one_controls(world, &node.state),
    ),
    row(
        "abort-leaves-control",
        Clause::AbortBuffersStay,
        "buffers in a side's control stay there at an abort, until that side closes",
        |_, node| sound(node, Breach::ControlLost),
    ),
    row(
        "abort-is-final",
        Clause::ServerSignalAbortStatus,
        "what was aborted stays aborted",
        |_, node| sound(node, Breach::AbortUndone),
    ),
    row(
        "abort-unblocks",
        Clause::AbortUnblocks,
        "after an abort every blocked call may return, once what is owed before has come",
        |world, node| node.state.aborted.is_none() || all_progress(world, &node.state),
    ),
    row(
        "closing-unblocks",
        Clause::ServerCloseDevicesOpenAgentReturns,
        "once the server has closed the agent calls back or returns, unless a client in order has a say",
        agent_progresses,
    ),
    row(
        "close-closes-and-releases",
        Clause::ServerCloseReleases,
        "the server's Close leads to Closed whatever it answers, and releases everything",
        |_, node| sound(node, Breach::CloseNotClosed),
    ),
    row(
        "normal-close-is-no-abort",
        Clause::ServerCloseNormalNoAbort,
        "Close in Normally Terminated with nothing outstanding aborts nothing",
        |_, node| sound(node, Breach::NormalCloseAborted),
    ),
    row(
        "agent-is-out-before-unload",
        Clause::ServerUnloadAgentReturned,
        "the agent has returned before the library is unloaded, or a hazard is raised",
        |_, node| {
            let ghost = &node.ghost;
            ghost.hazard
                || !(ghost.unloaded && (ghost.agent_inside || node.state.agent.is_running()))
        },
    ),
    row(
        "agent-is-where-it-was-sent",
        Clause::AgentBlocks,
        "the agent is running as long as its call has not returned",
        |_, node| node.ghost.agent_inside == node.state.agent.is_running(),
    ),
    row(
        "active-is-entered-late",
        Clause::ServerSendCommandPhase,
        "Active is entered when all devices are open on both sides and the agent runs",
        active_late,
    ),
    row(
        "close-waits-only-for-the-agent",
        Clause::ServerCloseAgentOrder,
        "the server's Close waits for nothing but the agent, where it waits at all",
        |world, node| {
            let waits = |pending: &Pending| matches!(pending, Pending::ServerClose(_));
            let blocked = node.state.calls.iter().any(|call| waits(&call.pending));
            !blocked || world.profile.close_and_agent_order == CloseAndAgentOrder::CloseWaits
        },
    ),
    row(
        "nothing-deliverable-waits",
        Clause::ClientGetCommandWaits,
        "no GetCommand is stuck while a command is queued on a device without an error",
        |world, node| none_starves(world, &node.state),
    ),
];

fn one_controls(world: &World, state: &State) -> bool {
    if state.aborted.is_some() || state.server != ServerLife::Open || !state.client_open(0) {
        return true;
    }
    state.buffers.iter().all(|buffer| {
        let controls = |process| {
            let touch = world.touch(state, process, Object::Buffer(buffer.id));
            touch.alive && touch.misuse.is_none()
        };
        let carried_at = |stage: Stage| {
            let carries = |command: &Command| command.buffer == Some(buffer.id);
            state.commands.iter().any(|command| carries(command) && command.stage == stage)
        };
        let parties = [Caller::Server, Caller::Client(0)];
        let controlling = parties.into_iter().filter(|party| controls(*party)).count();
        // A server that sends a buffer twice has it queued beside what the client holds.
        let nobodys = carried_at(Stage::Queued) && !carried_at(Stage::Delivered);
        controlling == usize::from(!nobodys)
    })
}

/// Every lane inside a call may return, or the agent, on which it waits, goes on.
fn all_progress(world: &World, state: &State) -> bool {
    let calls_back = !world.callbacks(state).is_empty();
    state.lanes_in_call().into_iter().all(|lane| {
        let forced = world.returns(state, lane).iter().any(|outcome| outcome.forced);
        let awaits = match state.in_progress(lane).map(|call| call.pending) {
            // The agent calls back first.
            None | Some(Pending::Ready(_)) => {
                calls_back || (state.agent.is_running() && state.free_agent().is_none())
            }
            // Close may wait for the agent, which is asked for itself.
            Some(Pending::ServerClose(_)) => state.agent.is_running(),
            // The server's own code has to return first.
            Some(Pending::Routine) => true,
            _ => false,
        };
        forced || awaits
    })
}

fn agent_progresses(world: &World, node: &Node) -> bool {
    let state = &node.state;
    let Some(lane) = state.free_agent().filter(|_| state.server == ServerLife::Closed) else {
        return true;
    };
    // In a normal run the client may still hold commands, and answers them in its time.
    let with_client = |stage| matches!(stage, Stage::Queued | Stage::Delivered);
    let waits = state.aborted.is_none() && state.commands.iter().any(|c| with_client(c.stage));
    waits || !world.callbacks(state).is_empty() || !world.returns(state, lane).is_empty()
}

fn active_late(world: &World, node: &Node) -> bool {
    let state = &node.state;
    let opened = state.devices.iter().all(|device| {
        device.server != ServerDevice::Unopened && device.client != ClientDevice::Unopened
    });
    world.profile.active_entry != ActiveEntry::AllOpenAndAgent
        || !state.activated
        || (opened && !state.devices.is_empty())
}

fn none_starves(world: &World, state: &State) -> bool {
    state.calls.iter().all(|call| {
        let Pending::GetCommand(device, _) = call.pending else {
            return true;
        };
        let errored = state.devices[usize::from(device)].errored;
        let queued = state.outstanding(device).any(|command| command.stage == Stage::Queued);
        errored || !queued || !world.returns(state, call.lane).is_empty()
    })
}

/// Something that some state must show.
#[derive(Clone, Copy, Debug)]
pub struct Sight {
    /// What it is.
    pub name: &'static str,
    /// Whether a world of this size can show it.
    pub within: fn(&Bounds) -> bool,
    seen: fn(&Node) -> bool,
}

const fn sight(name: &'static str, seen: fn(&Node) -> bool) -> Sight {
    Sight { name, within: |_| true, seen }
}

fn held(node: &Node) -> usize {
    node.state.commands.iter().filter(|command| command.stage == Stage::Delivered).count()
}

fn any_device(node: &Node, is: DeviceState) -> bool {
    (0..node.state.devices.len()).any(|device| node.state.device_state(device) == is)
}

/// Every sight. What the model can show at all has a place here: the states of the
/// set, the phases, the states of a device, the causes of an abort, and what is rare.
pub static SIGHTS: &[Sight] = &[
    sight("the set is Open", |n| n.state.device_set_state() == DeviceSetState::Open),
    sight("the set has devices open", |n| {
        n.state.device_set_state() == DeviceSetState::DevicesOpen
    }),
    sight("the set is Aborted", |n| n.state.device_set_state() == DeviceSetState::Aborted),
    sight("the set is Closed", |n| n.state.device_set_state() == DeviceSetState::Closed),
    sight("server: Connected", |n| n.state.server_phase() == ServerPhase::Connected),
    sight("server: Configurable", |n| n.state.server_phase() == ServerPhase::Configurable),
    sight("server: Initializing", |n| n.state.server_phase() == ServerPhase::Initializing),
    sight("server: Active", |n| n.state.server_phase() == ServerPhase::Active),
    sight("server: Normally Terminated", |n| {
        n.state.server_phase() == ServerPhase::NormallyTerminated
    }),
    sight("client: Configurable", |n| n.state.client_phase() == ClientPhase::Configurable),
    sight("client: Initializing", |n| n.state.client_phase() == ClientPhase::Initializing),
    sight("client: Active", |n| n.state.client_phase() == ClientPhase::Active),
    sight("client: Normally Terminated", |n| {
        n.state.client_phase() == ClientPhase::NormallyTerminated
    }),
    sight("a device is Active", |n| any_device(n, DeviceState::Active)),
    sight("a device is Errored", |n| any_device(n, DeviceState::Errored)),
    sight("a device is Closed", |n| any_device(n, DeviceState::Closed)),
    sight("a device is Aborted", |n| any_device(n, DeviceState::Aborted)),
    sight("aborted by the server", |n| n.state.aborted == Some(Cause::ServerSignal)),
    sight("aborted by the client", |n| n.state.aborted == Some(Cause::ClientSignal)),
    sight("aborted by the server's Close", |n| n.state.aborted == Some(Cause::ServerClose)),
    sight("aborted by the server's Close, devices open", |n| {
        n.state.aborted == Some(Cause::ServerCloseDevicesOpen)
    }),
    sight("aborted by the client's Close", |n| n.state.aborted == Some(Cause::ClientClose)),
    sight("aborted by the client's Close, devices open", |n| {
        n.state.aborted == Some(Cause::ClientCloseDevicesOpen)
    }),
    sight("aborted by the server's death", |n| n.state.aborted == Some(Cause::ServerDeath)),
    sight("aborted by the client's death", |n| n.state.aborted == Some(Cause::ClientDeath)),
    Sight {
        name: "aborted by serverTimeOut",
        within: |bounds| bounds.rare || matches!(bounds.detail, Detail::Every),
        seen: |n| n.state.aborted == Some(Cause::TimeOut),
    },
    Sight {
        name: "a completion routine is held in a set that the server has closed",
        within: |bounds| bounds.rare,
        seen: |n| {
            n.state.server == ServerLife::Closed
                && n.state.calls.iter().any(|c| c.pending == Pending::Routine)
        },
    },
    Sight {
        name: "two commands have one buffer",
        within: |bounds| bounds.rare && bounds.commands > 1 && bounds.buffers > 0,
        seen: |n| n.ghost.lent_twice,
    },
    Sight {
        name: "the client holds two commands",
        within: |bounds| bounds.commands > 1,
        seen: |n| held(n) > 1,
    },
    Sight {
        name: "three commands are outstanding",
        within: |bounds| bounds.commands > 2,
        seen: |n| n.ghost.sent.len() > 2,
    },
    Sight {
        name: "the client controls two buffers",
        within: |bounds| bounds.buffers > 1 && bounds.commands > 1,
        seen: |n| {
            let lent = |c: &&vdi_model::Command| c.buffer.is_some() && c.stage == Stage::Delivered;
            n.state.commands.iter().filter(lent).count() > 1
        },
    },
    Sight {
        name: "one device is errored, another is not",
        within: |bounds| bounds.devices > 1,
        seen: |n| any_device(n, DeviceState::Errored) && any_device(n, DeviceState::Active),
    },
    sight("the agent is inside when the server has closed", |n| {
        n.ghost.agent_inside && n.state.server == ServerLife::Closed
    }),
    sight("callbacks are owed when the server has closed", |n| {
        !n.ghost.sent.is_empty() && n.state.server == ServerLife::Closed
    }),
    sight("a GetCommand is blocked in an aborted set", |n| {
        n.state.aborted.is_some()
            && n.state.calls.iter().any(|c| matches!(c.pending, Pending::GetCommand(..)))
    }),
    sight("the library is unloaded in time", |n| n.ghost.unloaded && !n.ghost.hazard),
    sight("the library is unloaded too early", |n| n.ghost.hazard),
];

/// Holds a state against every invariant, telling the numbers of those it violates, and looks
/// whether it shows what was not seen yet.
pub(super) fn look(world: &World, node: &Node, mut violated: impl FnMut(usize)) {
    for (number, row) in INVARIANTS.iter().enumerate() {
        if !(row.holds)(world, node) {
            violated(number);
        }
    }
    let mut unseen = world.coverage.unseen(SIGHTS.len());
    while unseen != 0 {
        let index = unseen.trailing_zeros();
        if (SIGHTS[index as usize].seen)(node) {
            world.coverage.sight(index);
        }
        unseen &= unseen - 1;
    }
}

/// For the checker: true in the first state looked at that shows the sight.
fn seen<const INDEX: usize>(world: &World, node: &Node) -> bool {
    let bit = INDEX as u32;
    !world.coverage.saw(bit) && (SIGHTS[INDEX].seen)(node) && world.coverage.sight(bit)
}

macro_rules! sometimes {
    ($($index:literal)*) => {
        [$( Property::<World>::sometimes(SIGHTS[$index].name, seen::<$index>), )*]
    };
}

const _: () = assert!(SIGHTS.len() == 37, "every sight has a number in `all`");

/// All of them as the checker wants them.
pub(super) fn all() -> Vec<Property<World>> {
    let always = INVARIANTS.iter().map(|row| Property::always(row.name, row.holds));
    let sometimes = sometimes!(
        0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31
        32 33 34 35 36
    );
    always.chain(sometimes).collect()
}
