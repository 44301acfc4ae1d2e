//! Calls that have begun and not returned, and the lanes they are on.

use super::rivals::Rivals;
use super::set_name::SetName;
use crate::explain::InputError;
use crate::linearize::Slot;
use vdi_model::{BufferId, Call, CommandId, CreateFlaw, LaneId, Requested, State};
use vdi_spec::codes::HResult;
use vdi_spec::config::{ServerConfig, VdConfig};
use vdi_trace::{Args, Function, LaneName, Out, Process, TimeoutArg};

/// A call as it stands in a trace.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Invocation<'a> {
    pub(crate) function: Function,
    pub(crate) on: &'a str,
    /// The name of what it makes.
    pub(crate) creates: Option<&'a str>,
    pub(crate) args: &'a Args<'a>,
}

/// A return as it stands in a trace.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Returned<'a> {
    pub(crate) status: HResult,
    pub(crate) out: &'a Out<'a>,
}

/// A call, ready for the model, and what follows from its success.
#[derive(Clone, Debug)]
pub(crate) struct Bound {
    pub(crate) set: usize,
    /// The set interface it is called on.
    pub(crate) on: Option<usize>,
    /// The name that it gives: of a set to open, or of a device.
    pub(crate) name: Option<SetName>,
    /// Whether it is what creates its set, if that is created by this call at all.
    pub(crate) creates: bool,
    /// Whether an Open is called on the interface that has, or had, this set.
    pub(crate) own: bool,
    /// Whether another interface has the set, or is about to open it.
    pub(crate) elsewhere: bool,
    /// Of the server's OpenDevice: others get the devices that are left.
    pub(crate) left_none: bool,
    /// Of an OpenDevice: which devices others open meanwhile by other names.
    pub(crate) rivals: Rivals,
    /// Of a Create that is refused because its name is taken: by which set, and what else is
    /// wrong with it.
    pub(crate) taken: Option<(usize, Option<CreateFlaw>)>,
    /// Of a Create that makes a set: the set that had the name, and is closed before.
    pub(crate) after: Option<usize>,
    pub(crate) call: Call,
    pub(crate) then: OnSuccess,
}

/// What a NOERROR makes true beyond the model's state.
#[derive(Clone, Debug)]
pub(crate) enum OnSuccess {
    Nothing,
    /// The interface is attached to the call's set.
    Attach(usize),
    /// The interface is attached to a new set of this name and configuration.
    Create(usize, SetName, Box<VdConfig>),
    /// The server's part of the configuration is set.
    Configure(ServerConfig),
    /// The device of this index bears this name, and the handle stands for it.
    Device {
        handle: Option<String>,
        name: String,
        index: u8,
    },
    /// The handle stands for a buffer of this many bytes, aligned so.
    Buffer {
        handle: Option<String>,
        id: BufferId,
        size: u32,
        alignment: u32,
    },
    /// The number that comes out is what can be had of this kind.
    Counted(Requested),
    /// The handle stands for a buffer in every client process.
    Handle(Option<String>, BufferId),
    /// The configuration that comes out is checked.
    ClientConfiguration,
    /// The same, of the server.
    ServerConfiguration,
    /// The client has said where the device's medium stands.
    Position(PositionReport),
}

/// The position that a client gives with the success of a command.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PositionReport {
    pub(crate) device: u8,
    pub(crate) command: CommandId,
    pub(crate) position: u64,
}

impl OnSuccess {
    /// The interface that is attached to a set that there is.
    pub(crate) const fn attaches(&self) -> Option<usize> {
        if let Self::Attach(interface) = self { Some(*interface) } else { None }
    }
}

impl Bound {
    pub(super) const fn new(set: usize, call: Call, then: OnSuccess) -> Self {
        Self {
            set,
            on: None,
            name: None,
            creates: false,
            own: false,
            elsewhere: false,
            left_none: false,
            rivals: Rivals::NONE,
            taken: None,
            after: None,
            call,
            then,
        }
    }
}

/// What a call in progress has given so far, to be taken back if it fails.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Provisional {
    /// The set that the interface had before.
    pub(crate) attached: Option<Option<usize>>,
    /// Whether a device has its name from this call.
    pub(super) named: bool,
}

/// A call that has begun and not returned.
#[derive(Clone, Debug)]
pub(crate) struct OpenCall {
    pub(crate) lane: LaneId,
    /// The line where it began.
    pub(crate) line: usize,
    pub(crate) function: Function,
    pub(crate) bound: Bound,
    /// The name of what it makes.
    pub(crate) creates: Option<String>,
    pub(crate) timer: Timer,
    pub(crate) effect: EffectTrack,
    /// Its number among the open calls of its set.
    pub(crate) slot: Slot,
    /// Whether its process has ended, so that it will not return.
    pub(crate) lost: bool,
    /// Whether another call of its set was open at the same time.
    pub(crate) overlapped: bool,
    /// What it has given before its return.
    pub(crate) provisional: Provisional,
}

/// How long a call may wait, and has waited.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timer {
    pub(crate) timeout: Option<TimeoutArg>,
    /// Milliseconds of it that passed.
    pub(crate) elapsed: u64,
    /// Milliseconds to when the call began, as the trace tells.
    pub(crate) since: Option<u64>,
    /// The same to when nothing kept it waiting any more, where its end is to be timely.
    pub(crate) due: Option<u64>,
}

/// Where a set is judged in order: whether a call has taken effect.
#[derive(Clone, Debug, Default)]
pub(crate) struct EffectTrack {
    /// Whether it has.
    pub(crate) taken: bool,
    /// Whether it is taken to wait, though no event has said so: it may not have begun to.
    pub(crate) presumed: bool,
    /// If it has: a state from just before.
    pub(crate) before: Option<Box<State>>,
}

impl OpenCall {
    pub(crate) fn is_agent(&self) -> bool {
        self.function == Function::ExecuteCompletionAgent
    }
}

/// A thread of a process.
#[derive(Clone, Debug)]
pub(crate) struct Lane {
    pub(crate) name: String,
    pub(crate) process: Process,
    /// Completion routines on this lane that have not returned.
    pub(crate) routines: u8,
}

/// Every lane of a trace, in the order in which they came up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lanes(Vec<Lane>);

impl Lanes {
    /// The number of the lane of this name.
    ///
    /// # Errors
    /// It is no name of a lane.
    pub(crate) fn id(&mut self, name: &str) -> Result<LaneId, InputError> {
        if let Some(index) = self.0.iter().position(|lane| super::names::is_same(&lane.name, name))
        {
            return Ok(LaneId(index as u16));
        }
        let process = LaneName::process_of(name).map_err(|error| InputError(error.to_string()))?;
        self.0.push(Lane { name: name.to_owned(), process, routines: 0 });
        Ok(LaneId((self.0.len() - 1) as u16))
    }

    pub(crate) fn name(&self, lane: LaneId) -> &str {
        &self[lane].name
    }
}

impl std::ops::Index<LaneId> for Lanes {
    type Output = Lane;

    fn index(&self, lane: LaneId) -> &Lane {
        &self.0[usize::from(lane.0)]
    }
}

impl std::ops::IndexMut<LaneId> for Lanes {
    fn index_mut(&mut self, lane: LaneId) -> &mut Lane {
        &mut self.0[usize::from(lane.0)]
    }
}
