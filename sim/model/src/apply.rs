//! What outcomes do to the state, and what happens to it without a call.

use smallvec::smallvec;

use super::answer::Answer;
use super::effect::Effect;
use super::outcome::Outcome;
use super::state::{
    Agent, Buffer, Cause, ClientDevice, ClientLife, Command, Configuration, Device, InProgress,
    MOST_KINDS, Pending, Reserve, SecondaryLife, ServerDevice, ServerLife, Stage, State, Stream,
};
use super::values::{Caller, LaneId, Requested};
use super::{BufferId, CommandId, Request, Timeout};
use vdi_spec::clauses::{ClientInitializing, ErrorStateEntry, LoadExcuses, Profile};
use vdi_spec::codes::{CommandCode, Win32};

/// Makes the outcome happen and leaves the answer ready on the lane.
pub(super) fn apply(state: &mut State, lane: LaneId, caller: Caller, outcome: &Outcome) {
    enact(state, lane, caller, outcome.effect);
    if outcome.answer != Answer::Blocks {
        state.calls.push(InProgress { lane, caller, pending: Pending::Ready(outcome.reply()) });
    }
}

/// Makes the effect happen.
pub(super) fn enact(state: &mut State, lane: LaneId, caller: Caller, effect: Effect) {
    match effect {
        Effect::None => {}
        Effect::Open => state.server = ServerLife::Open,
        Effect::Begin(granted) => {
            state.configuration = Configuration::Begun;
            state.granted = granted;
        }
        Effect::Request(requested) => request(state, requested),
        Effect::End(initializing) => {
            state.configuration = Configuration::Ended;
            state.seen_unasked = initializing == ClientInitializing::EndConfiguration;
        }
        Effect::DropRequests => drop_requests(state),
        Effect::StartAgent(entry) => {
            state.agent = Agent::Running { lane };
            state.update_activation(entry);
        }
        Effect::OpenServerDevice(device, entry) => {
            state.devices[usize::from(device)].server = ServerDevice::Open;
            state.update_activation(entry);
        }
        Effect::Allocate(id, kind) => {
            state.buffers.push(Buffer { id, mapped: 0, kept: false });
            take_reserved(state, kind);
        }
        Effect::Free(buffer) => free(state, buffer),
        Effect::Send(request) => push_command(state, &request, Stage::Queued),
        Effect::Refuse(request, code) => {
            push_command(state, &request, Stage::Refused { code, lane });
        }
        Effect::CloseDevice { device, drain } => close_device(state, device, drain),
        Effect::Abort(cause) => abort(state, cause),
        Effect::CloseServer { abort, then_wait } => {
            close_server(state, abort);
            let pending = |reply| InProgress { lane, caller, pending: Pending::ServerClose(reply) };
            state.calls.extend(then_wait.map(pending));
        }
        Effect::Create(devices, asked) => {
            state.client = ClientLife::Created;
            state.asked = asked;
            state.devices = (0..devices).map(|_| Device::default()).collect();
        }
        Effect::SeeConfiguration => see_configuration(state, caller),
        Effect::OpenSecondary(client) => {
            state.secondaries[usize::from(client) - 1] = SecondaryLife::Open;
        }
        Effect::CloseSecondary { client, abort } => close_secondary(state, client, abort),
        Effect::Map { client, buffer } => map(state, client, buffer),
        Effect::OpenClientDevice { device, owner, entry } => {
            let device = &mut state.devices[usize::from(device)];
            (device.client, device.owner) = (ClientDevice::Open, owner);
            state.update_activation(entry);
        }
        Effect::Deliver(command) => deliver(state, command),
        Effect::SeeClose(device) => {
            state.devices[usize::from(device)].client = ClientDevice::CloseSeen;
        }
        Effect::Complete { command, code, bytes, position, entry } => {
            set_stage(state, command, Stage::Completed { code, bytes, position });
            complete(state, command, code, entry);
        }
        Effect::CloseClient { abort, drop_held } => close_client(state, abort, drop_held),
        Effect::Wait(pending) => {
            state.calls.push(InProgress { lane, caller, pending });
        }
    }
}

fn close_server(state: &mut State, cause: Option<Cause>) {
    state.server = ServerLife::Closed;
    abort_if(state, cause);
}

fn close_client(state: &mut State, cause: Option<Cause>, drop_held: bool) {
    state.client = ClientLife::Closed;
    abort_if(state, cause);
    let_go(state);
    if drop_held {
        complete_all(state, Stage::Delivered, Win32::ERROR_OPERATION_ABORTED);
    }
}

/// What a secondary sees is no GetConfiguration of the primary's.
const fn see_configuration(state: &mut State, caller: Caller) {
    match caller {
        Caller::Client(secondary @ 1..) if !state.configuration_seen => {
            state.seen_early |= 1 << secondary;
        }
        _ => (state.configuration_seen, state.seen_early) = (true, 0),
    }
}

/// Buffers requested while configuring are summed, of each kind by itself.
fn request(state: &mut State, more: Requested) {
    let with =
        |known: Requested| Requested { count: known.count.saturating_add(more.count), ..known };
    match state.reserve {
        Reserve::None | Reserve::Exhausted(_) => state.reserve = Reserve::Some(more),
        Reserve::Some(known) if state.same_kind(known, more) => {
            state.reserve = Reserve::Some(with(known));
        }
        Reserve::Some(known) => {
            state.reserve = Reserve::Several;
            state.kinds = smallvec![known.min(more), known.max(more)];
        }
        Reserve::Several => {
            match state.kinds.iter().position(|known| state.same_kind(*known, more)) {
                Some(place) => state.kinds[place] = with(state.kinds[place]),
                None => state.kinds.push(more),
            }
            state.kinds.sort_unstable();
            if state.kinds.len() > MOST_KINDS {
                mix(state);
            }
        }
        Reserve::Mixed => {}
    }
}

/// What was requested is not there.
fn drop_requests(state: &mut State) {
    state.reserve = Reserve::None;
    state.kinds.clear();
}

/// How many buffers fit is not followed any more.
fn mix(state: &mut State) {
    state.reserve = Reserve::Mixed;
    state.kinds.clear();
}

/// A buffer is allocated. What is requested of the other kinds stays so, as long as it was
/// requested, too.
fn take_reserved(state: &mut State, kind: Requested) {
    let same = |known: Requested| known.count > 0 && state.same_kind(known, kind);
    match state.reserve {
        Reserve::Some(known) if same(known) => {
            state.reserve = Reserve::Some(Requested { count: known.count - 1, ..known });
        }
        Reserve::Some(known) if known.count > 0 => mix(state),
        Reserve::Several if state.is_promised() => {
            match state.kinds.iter().position(|known| same(*known)) {
                Some(place) => state.kinds[place].count -= 1,
                None => mix(state),
            }
        }
        Reserve::None
        | Reserve::Some(_)
        | Reserve::Several
        | Reserve::Mixed
        | Reserve::Exhausted(_) => {}
    }
}

/// What is free again may be available again.
fn free(state: &mut State, buffer: BufferId) {
    state.buffers.retain(|known| known.id != buffer);
    if matches!(state.reserve, Reserve::Exhausted(_)) {
        state.reserve = Reserve::None;
    }
}

/// QueryAvailableBuffers has given this number.
pub(super) fn counted(state: &mut State, kind: Requested, count: u32) {
    match state.reserve {
        // What was requested of another kind is promised, too: that is followed on.
        Reserve::Some(known) if known.count > 0 && !state.same_kind(known, kind) => {}
        // How many there are of one may be what is requested of the others.
        Reserve::Several if state.is_promised() => {}
        Reserve::None
        | Reserve::Some(_)
        | Reserve::Several
        | Reserve::Mixed
        | Reserve::Exhausted(_) => {
            state.kinds.clear();
            state.reserve = match count {
                0 => Reserve::Exhausted(kind),
                _ => Reserve::Some(Requested { count, ..kind }),
            };
        }
    }
}

/// The process has the buffer's address.
fn map(state: &mut State, client: u8, buffer: BufferId) {
    if let Some(buffer) = state.buffers.iter_mut().find(|known| known.id == buffer) {
        buffer.mapped |= 1 << client;
    }
}

fn complete(state: &mut State, command: CommandId, code: Win32, entry: ErrorStateEntry) {
    note_completion(state, command, code);
    if code == Win32::ERROR_SUCCESS {
        return;
    }
    let Some(failed) = state.commands.iter_mut().find(|known| known.id == command) else {
        return;
    };
    match entry {
        ErrorStateEntry::AtCompletion => {
            let device = failed.device;
            enter_error_state(state, device);
            // It was not thrown out of the queue, whatever its code.
            let failed = state.commands.iter_mut().find(|known| known.id == command);
            failed.into_iter().for_each(|failed| failed.before_error = true);
        }
        ErrorStateEntry::AtCallback => failed.fails_device = true,
    }
}

/// The process has no buffer's address any more.
fn close_secondary(state: &mut State, client: u8, abort: Option<Cause>) {
    state.secondaries[usize::from(client) - 1] = SecondaryLife::Closed;
    for buffer in &mut state.buffers {
        buffer.mapped &= !(1 << client);
    }
    let_go_of_the_dead(state);
    abort_if(state, abort);
}

fn deliver(state: &mut State, id: CommandId) {
    let Some(command) = state.commands.iter_mut().find(|command| command.id == id) else {
        return;
    };
    command.stage = Stage::Delivered;
    if let Some(buffer) = command.buffer {
        let owner = state.devices[usize::from(command.device)].owner;
        map(state, owner, buffer);
    }
}

/// What a completion by the client says of the stream, and of time.
fn note_completion(state: &mut State, id: CommandId, code: Win32) {
    state.idle_intervals = 0;
    let Some(command) = state.command(id).copied() else {
        return;
    };
    let device = &mut state.devices[usize::from(command.device)];
    device.flushed = command.code == CommandCode::Flush;
    let at_the_end = matches!(
        code,
        Win32::ERROR_HANDLE_EOF | Win32::ERROR_NO_DATA_DETECTED | Win32::ERROR_FILEMARK_DETECTED
    );
    if command.code == CommandCode::Read && at_the_end {
        device.stream = Stream::MediumEnded;
    }
}

fn push_command(state: &mut State, request: &Request, stage: Stage) {
    if stage == Stage::Queued {
        let waits = |command: &Command| matches!(command.stage, Stage::Queued | Stage::Delivered);
        if !state.commands.iter().any(waits) {
            state.idle_intervals = 0;
        }
        let stream = &mut state.devices[usize::from(request.device)].stream;
        *stream = match request.code {
            CommandCode::PrepareToFreeze => Stream::Prepared,
            CommandCode::Snapshot => Stream::Snapshot,
            CommandCode::MountSnapshot => Stream::Mounted,
            CommandCode::Complete => Stream::Complete,
            CommandCode::Discard => Stream::Discarded,
            // What has been prepared for stays so on another medium.
            CommandCode::Load if *stream != Stream::Prepared => Stream::Free,
            // Positioning leads away from the end that a Read met.
            CommandCode::Rewind
            | CommandCode::SetPosition
            | CommandCode::SkipMarks
            | CommandCode::SkipBlocks
                if *stream == Stream::MediumEnded =>
            {
                Stream::Free
            }
            CommandCode::Load
            | CommandCode::Read
            | CommandCode::Write
            | CommandCode::ClearError
            | CommandCode::Rewind
            | CommandCode::WriteMark
            | CommandCode::SkipMarks
            | CommandCode::SkipBlocks
            | CommandCode::GetPosition
            | CommandCode::SetPosition
            | CommandCode::Flush
            | CommandCode::FileInfoBegin
            | CommandCode::FileInfoEnd
            | CommandCode::GetError => *stream,
        };
    }
    let moves = request.code.info().moves_data;
    state.commands.push(Command {
        id: request.command,
        device: request.device,
        code: request.code,
        buffer: request.buffer.buffer(),
        size: request.size.filter(|_| moves).and_then(|size| u32::try_from(size).ok()),
        used: false,
        stage,
        before_error: false,
        fails_device: false,
    });
}

fn set_stage(state: &mut State, id: CommandId, stage: Stage) {
    if let Some(command) = state.commands.iter_mut().find(|command| command.id == id) {
        command.stage = stage;
    }
}

/// Command Error Handling: what is queued and undelivered ends with ERROR_IO_DEVICE. A
/// device that is in the error state does not enter it again: ClearError, which may be
/// queued already, is the way out, however many of the commands before it fail.
pub(super) fn enter_error_state(state: &mut State, device: u8) {
    if std::mem::replace(&mut state.devices[usize::from(device)].errored, true) {
        return;
    }
    for command in state.commands.iter_mut().filter(|command| command.device == device) {
        command.before_error = command.stage == Stage::Delivered;
    }
    complete_queued(state, device, Win32::ERROR_IO_DEVICE);
}

fn close_device(state: &mut State, device: u8, drain: bool) {
    state.devices[usize::from(device)].server = ServerDevice::Closed;
    if !drain {
        complete_queued(state, device, Win32::ERROR_OPERATION_ABORTED);
    }
}

fn complete_queued(state: &mut State, device: u8, code: Win32) {
    for command in &mut state.commands {
        if command.device == device && command.stage == Stage::Queued {
            command.stage = Stage::Completed { code, bytes: 0, position: 0 };
        }
    }
}

/// The processing of SignalAbort. What follows from it (calls that return,
/// callbacks owed) is read from the state by `returns` and `callbacks`. What a client
/// holds at that moment it keeps, although its command is called back.
fn abort(state: &mut State, cause: Cause) {
    if state.aborted.is_some() {
        return;
    }
    state.aborted = Some(cause);
    let State { commands, buffers, .. } = state;
    for command in commands.iter().filter(|command| command.stage == Stage::Delivered) {
        let held = buffers.iter_mut().find(|buffer| command.buffer == Some(buffer.id));
        if let Some(buffer) = held {
            buffer.kept = true;
        }
    }
}

/// The primary's Close says that its side is done with the buffers. That a secondary is
/// done with them changes nothing, they are still under its side's control.
fn let_go(state: &mut State) {
    state.buffers.iter_mut().for_each(|buffer| buffer.kept = false);
}

/// A primary that died has said nothing: what its secondaries have mapped stays under
/// their control, until the last of them is gone.
fn let_go_of_the_dead(state: &mut State) {
    if state.client != ClientLife::Dead {
        return;
    }
    let State { secondaries, buffers, .. } = state;
    let left = |buffer: &Buffer| {
        let mut all = (1..).zip(secondaries.iter());
        all.any(|(bit, life)| *life == SecondaryLife::Open && buffer.mapped & (1 << bit) != 0)
    };
    for buffer in buffers {
        buffer.kept &= left(buffer);
    }
}

fn complete_all(state: &mut State, stage: Stage, code: Win32) {
    for command in state.commands.iter_mut().filter(|command| command.stage == stage) {
        command.stage = Stage::Completed { code, bytes: 0, position: 0 };
    }
}

fn abort_if(state: &mut State, cause: Option<Cause>) {
    if let Some(cause) = cause {
        abort(state, cause);
    }
}

/// A process ends without another call: its calls never return, no callback
/// runs in it any more, and if its side was open the set is aborted; the end of
/// a secondary client is not noticed.
pub(super) fn exit(state: &mut State, process: Caller) {
    state.calls.retain(|call| call.caller != process);
    match process {
        Caller::Server => {
            state.agent = Agent::Idle;
            if state.server == ServerLife::Open {
                state.server = ServerLife::Dead;
                abort(state, Cause::ServerDeath);
            }
            if state.server != ServerLife::Absent {
                state.commands.clear();
            }
        }
        Caller::Client(0) => {
            if state.client == ClientLife::Created {
                state.client = ClientLife::Dead;
                abort(state, Cause::ClientDeath);
                let_go_of_the_dead(state);
            }
        }
        Caller::Client(number) => {
            let life = &mut state.secondaries[usize::from(number) - 1];
            if *life == SecondaryLife::Open {
                *life = SecondaryLife::Dead;
                let_go_of_the_dead(state);
            }
        }
    }
}

/// Time passes for the call in progress on a lane: see [`super::expire`].
pub(super) fn expire(state: &mut State, profile: &Profile, lane: LaneId) {
    // Inside a completion routine the agent does not wait.
    if state.free_agent() == Some(lane) {
        pass_interval(state, profile.load_excuses);
        return;
    }
    let Some(call) = state.calls.iter_mut().rfind(|call| call.lane == lane) else {
        return;
    };
    if let Pending::GetConfiguration(timeout) | Pending::GetCommand(_, timeout) = &mut call.pending
        && matches!(timeout, Timeout::Finite | Timeout::Told)
    {
        *timeout = Timeout::Passed;
    }
}

/// One interval of serverTimeOut passes while the agent waits.
fn pass_interval(state: &mut State, excuses: LoadExcuses) {
    let waits = |command: &&Command| matches!(command.stage, Stage::Queued | Stage::Delivered);
    let pending = || state.commands.iter().filter(waits);
    let excused = |command: &Command| {
        pending().filter(|other| other.code == CommandCode::Load).any(|load| match excuses {
            LoadExcuses::Nothing => false,
            LoadExcuses::WholeSet => true,
            LoadExcuses::OwnDevice => load.device == command.device,
        })
    };
    let overdue = pending().any(|command| !excused(command));
    if !state.asked.time_out || state.aborted.is_some() || !overdue {
        return;
    }
    state.idle_intervals += 1;
    if state.idle_intervals >= 2 {
        abort(state, Cause::TimeOut);
    }
}
