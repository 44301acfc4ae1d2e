//! The races, each as short as it can be: loom's orders grow with every step.

use vdi_spec::codes::{CommandCode, Win32};

use crate::script::{AGENT, Act, CLIENT, CLIENT_TOO, Lane, Race, SERVER, SERVER_TOO, TIME, Wait};

const SUCCESS: Win32 = Win32::ERROR_SUCCESS;
const FLUSH: CommandCode = CommandCode::Flush;
const CLOSE: Act = Act::CloseDevice(0);

/// GetCommand on the first device.
const GET: Act = Act::Get(0, Wait::ForEver);
const POLL: Act = Act::Get(0, Wait::Poll);

/// SendCommand on the first device.
const fn send(command: u32) -> Act {
    Act::Send(0, command, FLUSH)
}

/// CompleteCommand on the first device, with success.
const fn complete(command: u32) -> Act {
    Act::Complete(0, command, SUCCESS)
}

/// SignalAbort of one side or the other, on a lane that nothing else uses.
#[derive(Clone, Copy)]
pub(crate) enum Side {
    Server,
    Client,
}

impl Race {
    fn abort_by(self, side: Side) -> Self {
        let (lane, act): (Lane, _) = match side {
            Side::Server => (SERVER_TOO, Act::ServerAbort),
            Side::Client => (CLIENT, Act::ClientAbort),
        };
        self.lane(lane, &[act])
    }
}

pub(crate) fn server_close_against_the_agent() -> Race {
    Race::active(1).delivered(0, 1).sent(0, 2).with_agent().lane(SERVER, &[Act::ServerClose])
}

pub(crate) fn server_close_against_complete_command() -> Race {
    let race = Race::active(1).delivered(0, 1).with_agent();
    race.lane(CLIENT, &[complete(1)]).lane(SERVER, &[Act::ServerClose])
}

/// The agent is inside the completion routine of the first command, perhaps, until Close
/// has returned; the second is completed, too.
pub(crate) fn server_close_inside_a_routine() -> Race {
    let race = Race::active(1).delivered(0, 1).delivered(0, 2);
    let race = race.after(CLIENT, complete(1)).after(CLIENT, complete(2)).with_agent();
    race.within(1, &[Act::Await(SERVER)]).lane(SERVER, &[Act::ServerClose])
}

/// The completion routine of the first command closes the set; the second is completed.
pub(crate) fn server_close_by_a_routine() -> Race {
    let race = Race::active(1).delivered(0, 1).delivered(0, 2).after(CLIENT, complete(1));
    let race = race.with_agent().within(1, &[Act::ServerClose]);
    race.lane(CLIENT, &[complete(2)])
}

/// A completion routine closes the set, and so does another thread.
pub(crate) fn server_close_by_a_routine_and_another_thread() -> Race {
    let race = Race::active(1).delivered(0, 1).sent(0, 2).after(CLIENT, complete(1));
    let race = race.with_agent().within(1, &[Act::ServerClose]);
    race.lane(SERVER, &[Act::ServerClose])
}

/// The library is unloaded as soon as the set is closed.
pub(crate) fn unload_against_the_aborted_agents_return() -> Race {
    let race = Race::active(1).delivered(0, 1).with_agent();
    race.lane(SERVER, &[Act::ServerClose, Act::Unload])
}

/// The same at the end of a normal run.
pub(crate) fn unload_against_the_agents_return() -> Race {
    let race = Race::active(1).delivered(0, 1).after(CLIENT, complete(1)).with_agent();
    race.lane(SERVER, &[CLOSE, Act::ServerClose, Act::Unload])
}

pub(crate) fn server_close_against_the_agents_start() -> Race {
    let race = Race::without_agent(1).lane(AGENT, &[Act::Agent]).with_agent();
    race.lane(SERVER, &[Act::ServerClose]).then(CLIENT, POLL)
}

pub(crate) fn server_close_against_send_command() -> Race {
    let race = Race::active(1).with_agent().lane(SERVER_TOO, &[send(1)]);
    race.lane(SERVER, &[Act::ServerClose]).then(CLIENT, POLL)
}

pub(crate) fn server_close_against_close_device() -> Race {
    let race = Race::active(1).with_agent().lane(SERVER_TOO, &[CLOSE]);
    race.lane(SERVER, &[Act::ServerClose]).then(CLIENT, POLL)
}

pub(crate) fn server_close_against_allocate_buffer() -> Race {
    let race = Race::without_agent(1).requesting().lane(SERVER_TOO, &[Act::Allocate]);
    race.lane(SERVER, &[Act::ServerClose]).then(CLIENT, POLL)
}

pub(crate) fn server_close_against_free_buffer() -> Race {
    let race = Race::active(1).requesting().after(SERVER, Act::Allocate).with_agent();
    race.lane(SERVER_TOO, &[Act::Free]).lane(SERVER, &[Act::ServerClose])
}

/// One command is queued; whoever waits for another is woken.
pub(crate) fn server_close_against_get_command() -> Race {
    let race = Race::active(1).sent(0, 1).lane(CLIENT_TOO, &[GET, GET]);
    race.lane(SERVER, &[Act::ServerClose])
}

/// Both sides close with a device open: for one of them that is a mistake.
pub(crate) fn server_close_against_client_close() -> Race {
    let race = Race::active(1).delivered(0, 1).lane(CLIENT, &[Act::ClientClose]);
    race.lane(SERVER, &[Act::ServerClose])
}

/// The client closes while another thread of it opens a device: that was open then, or is not
/// opened any more.
pub(crate) fn client_close_against_open_device() -> Race {
    let race = Race::initializing(1).lane(CLIENT, &[Act::ClientClose]);
    race.lane(CLIENT_TOO, &[Act::OpenClientDevice(0)])
}

pub(crate) fn client_close_against_complete_command() -> Race {
    let race = Race::active(1).delivered(0, 1).with_agent();
    race.lane(CLIENT_TOO, &[complete(1)]).lane(CLIENT, &[Act::ClientClose])
}

/// The client leaves in the ordinary way, with a command that it holds.
pub(crate) fn client_close_against_the_agent() -> Race {
    let race = Race::active(1).delivered(0, 1).with_agent();
    race.lane(CLIENT, &[GET, Act::ClientClose]).lane(SERVER, &[CLOSE])
}

/// The client completes what it holds, sees the end and leaves.
pub(crate) fn client_completing_and_closing_against_the_agent() -> Race {
    let race = Race::active(1).delivered(0, 1).after(SERVER, CLOSE).with_agent();
    race.lane(CLIENT, &[complete(1), GET, Act::ClientClose])
}

pub(crate) fn client_close_against_send_command() -> Race {
    let race = Race::active(1).with_agent();
    race.lane(SERVER, &[send(1)]).lane(CLIENT, &[Act::ClientClose])
}

pub(crate) fn abort_against_send_command(side: Side) -> Race {
    Race::active(1).with_agent().lane(SERVER, &[send(1)]).abort_by(side)
}

/// There is one command to get; whoever waits for another is woken by the abort.
pub(crate) fn abort_against_get_command(side: Side) -> Race {
    let race = Race::active(1).sent(0, 1).with_agent();
    race.lane(CLIENT_TOO, &[GET, GET]).abort_by(side)
}

pub(crate) fn abort_against_complete_command(side: Side) -> Race {
    Race::active(1).delivered(0, 1).with_agent().lane(CLIENT_TOO, &[complete(1)]).abort_by(side)
}

pub(crate) fn abort_against_close_device(side: Side) -> Race {
    Race::active(1).with_agent().lane(SERVER, &[CLOSE]).abort_by(side).then(CLIENT, POLL)
}

pub(crate) fn two_aborts_at_once() -> Race {
    let race = Race::active(1).delivered(0, 1).with_agent();
    race.lane(SERVER, &[Act::ServerAbort]).lane(CLIENT, &[Act::ClientAbort])
}

/// Once the agent runs, SendCommand succeeds.
pub(crate) fn agent_start_against_send_command() -> Race {
    let race = Race::without_agent(1).lane(AGENT, &[Act::Agent]).lane(SERVER, &[send(1)]);
    race.then(SERVER, send(2)).then(SERVER, Act::ServerClose)
}

/// Whichever comes last makes the set active.
pub(crate) fn agent_start_against_the_last_open_device() -> Race {
    let race = Race::initializing(1).lane(AGENT, &[Act::Agent]);
    let race = race.lane(CLIENT, &[Act::OpenClientDevice(0)]);
    race.then(SERVER, send(1)).then(SERVER, Act::ServerAbort)
}

pub(crate) fn last_close_device_against_the_agents_return() -> Race {
    let race = Race::active(1).delivered(0, 1).with_agent();
    race.lane(CLIENT, &[complete(1)]).lane(SERVER, &[CLOSE])
}

pub(crate) fn two_last_close_devices() -> Race {
    let race = Race::active(2).with_agent();
    race.lane(SERVER, &[CLOSE]).lane(SERVER_TOO, &[Act::CloseDevice(1)])
}

pub(crate) fn two_devices_completing_at_once() -> Race {
    let race = Race::active(2).delivered(0, 1).delivered(1, 2).with_agent();
    let race = race.lane(CLIENT, &[complete(1)]);
    let race = race.lane(CLIENT_TOO, &[Act::Complete(1, 2, SUCCESS)]);
    race.then(SERVER, CLOSE).then(SERVER, Act::CloseDevice(1))
}

/// The client holds a command that was out when the device failed; another thread of it
/// waits for ClearError.
pub(crate) fn clear_error_against_late_completions() -> Race {
    let race = Race::active(1).delivered(0, 1).delivered(0, 2);
    let race = race
        .after(CLIENT, Act::Complete(0, 1, Win32::ERROR_DISK_FULL))
        .after(SERVER, Act::Send(0, 3, CommandCode::ClearError));
    let race = race.lane(CLIENT, &[complete(2)]).lane(CLIENT_TOO, &[GET, complete(3)]);
    race.then(SERVER, CLOSE)
}

/// ClearError is completed, and the agent calls it back, while the next command is sent.
pub(crate) fn clear_error_against_send_command() -> Race {
    let race = Race::active(1)
        .delivered(0, 1)
        .after(CLIENT, Act::Complete(0, 1, Win32::ERROR_DISK_FULL))
        .after(SERVER, Act::Send(0, 2, CommandCode::ClearError))
        .after(CLIENT, GET);
    let race = race.with_agent().lane(CLIENT, &[complete(2)]).lane(SERVER, &[send(3)]);
    race.then(CLIENT, POLL).then(CLIENT, complete(3)).then(SERVER, CLOSE)
}

/// A command sent as the device fails is refused, or comes back through the agent.
pub(crate) fn failure_against_send_command() -> Race {
    let race = Race::active(1).delivered(0, 1);
    let race = race.lane(CLIENT, &[Act::Complete(0, 1, Win32::ERROR_DISK_FULL), POLL]);
    race.lane(SERVER, &[send(2)]).then(CLIENT, POLL).then(SERVER, CLOSE)
}

pub(crate) fn get_configuration_against_abort(side: Side) -> Race {
    let race = Race::configurable(1).lane(CLIENT_TOO, &[Act::GetConfiguration]);
    let race = race.lane(SERVER, &[Act::EndConfiguration]).abort_by(side);
    race.then(CLIENT, Act::OpenClientDevice(0))
}

pub(crate) fn server_close_twice() -> Race {
    let race = Race::active(1).delivered(0, 1).after(SERVER, Act::ServerAbort).with_agent();
    race.lane(SERVER, &[Act::ServerClose]).lane(SERVER_TOO, &[Act::ServerClose])
}

pub(crate) fn client_close_twice() -> Race {
    let race = Race::configurable(1).lane(CLIENT, &[Act::ClientClose]);
    race.lane(CLIENT_TOO, &[Act::ClientClose]).then(SERVER, Act::EndConfiguration)
}

/// What was sent before CloseDevice is delivered; then the client is told to close.
pub(crate) fn normal_end_against_the_clients_loop() -> Race {
    let race = Race::active(1).lane(SERVER, &[send(1), CLOSE]);
    race.lane(CLIENT, &[GET, complete(1), GET, Act::ClientClose])
}

pub(crate) fn send_command_against_get_command() -> Race {
    let race = Race::active(1).with_agent().lane(SERVER, &[send(1)]);
    race.lane(CLIENT, &[GET, complete(1)]).then(SERVER, CLOSE)
}

pub(crate) fn one_command_completed_by_two_threads() -> Race {
    let race = Race::active(1).delivered(0, 1);
    let race = race.lane(CLIENT, &[complete(1)]).lane(CLIENT_TOO, &[complete(1)]);
    race.then(SERVER, CLOSE)
}

pub(crate) fn two_threads_getting_commands() -> Race {
    let race = Race::active(1).sent(0, 1).lane(SERVER, &[send(2)]);
    let race = race.lane(CLIENT, &[GET]).lane(CLIENT_TOO, &[GET]);
    race.then(SERVER, Act::ServerClose)
}

pub(crate) fn two_threads_sending_the_last_command() -> Race {
    let race = Race { depth: 1, ..Race::active(1) };
    let race = race.lane(SERVER, &[send(1)]).lane(SERVER_TOO, &[send(2)]);
    race.then(SERVER, Act::ServerClose)
}

pub(crate) fn time_out_against_send_command() -> Race {
    let race = Race::active(1).lane(SERVER, &[send(1)]);
    let race = race.lane(CLIENT_TOO, &[Act::Get(0, Wait::UntilTold)]);
    race.lane(TIME, &[Act::Expire(CLIENT_TOO)]).then(SERVER, Act::ServerAbort)
}

/// Two intervals pass for the agent while the only command is completed.
pub(crate) fn server_time_out_against_complete_command() -> Race {
    let race = Race { time_out: true, ..Race::active(1) }.delivered(0, 1).with_agent();
    let race = race.lane(CLIENT, &[complete(1)]);
    race.lane(TIME, &[Act::Expire(AGENT), Act::Expire(AGENT)]).then(SERVER, CLOSE)
}
