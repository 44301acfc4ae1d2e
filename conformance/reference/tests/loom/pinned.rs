//! The races. Each runs once and says what every lane saw: on which lane, in
//! which order and with which code each callback came, and what each call answered.

use vdi_spec::codes::{HResult, Win32};

use crate::implementation::{ClientDevice, CommandId, Mutant, Status, Timeout};
use crate::stage::Stage;

/// The server's Close against the running agent; the client holds a command.
pub(crate) fn server_close(mutant: Option<Mutant>) -> String {
    let (stage, device, agent) = Stage::active(mutant);
    let command = stage.delivered(&device, 1).command;
    let agent = stage.history.lane("agent", agent);
    stage.history.here("server", || stage.server.close());
    stage.history.here("client", || succeed(&device, command));
    stage.history.outcome([agent])
}

/// The server's Close against CompleteCommand.
pub(crate) fn server_close_and_completion(mutant: Option<Mutant>) -> String {
    let (stage, device, agent) = Stage::active(mutant);
    let command = stage.delivered(&device, 1).command;
    let agent = stage.history.lane("agent", agent);
    let client = stage.history.lane("client", move || succeed(&device, command));
    stage.history.here("server", || stage.server.close());
    stage.history.outcome([agent, client])
}

/// The server's SignalAbort against SendCommand and GetCommand.
pub(crate) fn server_signal_abort(mutant: Option<Mutant>) -> String {
    let (stage, device, agent) = Stage::active(mutant);
    let lanes = [
        stage.history.lane("agent", agent),
        stage.history.lane("client", move || get(&device)),
        stage.history.lane("sender", stage.send(1)),
    ];
    stage.history.here("aborter", || stage.server.signal_abort());
    stage.history.outcome(lanes)
}

/// The client's SignalAbort against SendCommand and GetCommand.
pub(crate) fn client_signal_abort(mutant: Option<Mutant>) -> String {
    let (stage, device, agent) = Stage::active(mutant);
    let lanes = [
        stage.history.lane("agent", agent),
        stage.history.lane("client", move || get(&device)),
        stage.history.lane("sender", stage.send(1)),
    ];
    stage.history.here("aborter", || stage.client.signal_abort());
    stage.history.outcome(lanes)
}

/// The client's Close with its device open against SendCommand.
pub(crate) fn client_close_and_send(mutant: Option<Mutant>) -> String {
    let (stage, _device, agent) = Stage::active(mutant);
    let lanes = [stage.history.lane("agent", agent), stage.history.lane("sender", stage.send(1))];
    stage.history.here("client", || stage.client.close());
    stage.history.outcome(lanes)
}

/// ExecuteCompletionAgent against the client's OpenDevice, the last two things
/// that Active waits for. Once both have happened SendCommand must succeed.
pub(crate) fn agent_and_last_open(mutant: Option<Mutant>) -> String {
    let stage = Stage::initializing(mutant);
    let server = stage.server.clone();
    let agent = stage.history.lane("agent", move || server.execute_completion_agent());
    stage.history.here("client", || stage.client.open_device("S").map(|(status, _)| status));
    let runs = stage.world.inside("server") == 1;
    let sender = if runs { "sender, agent runs" } else { "sender, perhaps too early" };
    stage.history.here(sender, stage.send(1));
    stage.history.here("server", || stage.server.close());
    stage.history.outcome([agent])
}

/// The last CloseDevice against the last CompleteCommand: the agent returns by
/// itself once both have happened.
pub(crate) fn last_close_and_completion(mutant: Option<Mutant>) -> String {
    let (stage, device, agent) = Stage::active(mutant);
    let command = stage.delivered(&device, 1).command;
    let lanes = [
        stage.history.lane("agent", agent),
        stage.history.lane("client", move || succeed(&device, command)),
    ];
    stage.history.here("server", || stage.server_device.close_device());
    stage.history.outcome(lanes)
}

/// The last CloseDevice and the server's Close against the client's loop: the
/// client gets what is queued, then VD_E_CLOSE.
pub(crate) fn normal_end(mutant: Option<Mutant>) -> String {
    let (stage, device, agent) = Stage::active(mutant);
    assert_eq!(stage.send(1)(), Ok(HResult::NOERROR));
    let agent = stage.history.lane("agent", agent);
    let client = stage.client.clone();
    let serves = stage.history.lane("client", move || {
        let (status, command) = device.get_command(Timeout::Infinite)?;
        let Some(command) = command else { return Ok(status) };
        succeed(&device, command.command)?;
        match get(&device) {
            Ok(HResult::VD_E_CLOSE) => client.close(),
            other => other,
        }
    });
    stage.history.here("server", || {
        assert_eq!(stage.server_device.close_device(), Ok(HResult::NOERROR));
        stage.server.close()
    });
    stage.history.outcome([agent, serves])
}

/// The server's SignalAbort against the client's; the client holds a command.
pub(crate) fn two_signal_aborts(mutant: Option<Mutant>) -> String {
    let (stage, device, agent) = Stage::active(mutant);
    stage.delivered(&device, 1);
    let client = stage.client.clone();
    let lanes = [
        stage.history.lane("agent", agent),
        stage.history.lane("client", move || client.signal_abort()),
    ];
    stage.history.here("server", || stage.server.signal_abort());
    stage.history.outcome(lanes)
}

/// A completion with an error against SendCommand; then the server closes.
pub(crate) fn error_and_send(mutant: Option<Mutant>) -> String {
    let (stage, device, agent) = Stage::active(mutant);
    let command = stage.delivered(&device, 1).command;
    let agent = stage.history.lane("agent", agent);
    let client = stage.history.lane("client", move || {
        device.complete_command(Some(command), Win32::ERROR_DISK_FULL, 0, 0)
    });
    stage.history.here("sender", stage.send(2));
    client.join().expect("the lane ends");
    stage.history.here("server", || stage.server_device.close_device());
    stage.history.outcome([agent])
}

fn succeed(device: &ClientDevice, command: CommandId) -> Status {
    device.complete_command(Some(command), Win32::ERROR_SUCCESS, 0, 0)
}

fn get(device: &ClientDevice) -> Status {
    device.get_command(Timeout::Infinite).map(|(status, _)| status)
}
