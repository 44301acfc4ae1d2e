//! The races, each with what it holds and a clause that it is about. Every implementation
//! that loom tries has them all.

use crate::hold;
use crate::races::{self, Side};

races! {
    /// Close with a device open answers VD_E_PROTOCOL; a command that is queued or that
    /// the client holds is called back as aborted, once, on the agent, before it returns.
    server_close_against_the_agent: "server.close.devices-open.callbacks",
        races::server_close_against_the_agent();
    /// Close does not wait for a completion routine; what comes after it is called back as
    /// aborted, on the agent.
    server_close_inside_a_routine: "server.close.agent-order",
        races::server_close_inside_a_routine();
    /// Close from within a routine: the agent makes the other callbacks when it is over.
    server_close_by_a_routine: "server.close.devices-open.callbacks",
        races::server_close_by_a_routine();
    /// One of the two closes.
    server_close_by_a_routine_and_another_thread: "server.close.not-open",
        races::server_close_by_a_routine_and_another_thread();
    /// When nobody is inside any more, nobody goes on.
    unload_against_the_aborted_agents_return: "server.close.agent-order",
        races::unload_against_the_aborted_agents_return();
    /// The same at the end of a normal run.
    unload_against_the_agents_return: "server.close.normal-no-abort",
        races::unload_against_the_agents_return();
    /// ExecuteCompletionAgent is refused, or returns at once.
    server_close_against_the_agents_start: "server.close.devices-open.agent-returns",
        races::server_close_against_the_agents_start();
    /// What is sent is refused, or called back as aborted.
    server_close_against_send_command: "server.close.releases",
        races::server_close_against_send_command();
    /// Either the last device is closed in time, or the set is aborted; never both.
    server_close_against_close_device: "server.close.devices-open.aborts",
        races::server_close_against_close_device();
    /// A buffer, or the answer that there is no set.
    server_close_against_allocate_buffer: "server.allocate-buffer.requested",
        races::server_close_against_allocate_buffer();
    /// The buffer is freed, or gone with the set.
    server_close_against_free_buffer: "server.free-buffer.status",
        races::server_close_against_free_buffer();
    /// Whoever waits is woken.
    server_close_against_get_command: "abort.unblocks",
        races::server_close_against_get_command();
    /// Who closes after the other does nothing wrong.
    server_close_against_client_close: "client.close.devices-open.status",
        races::server_close_against_client_close();

    /// A completion that comes too late is refused; one that was recorded in time is
    /// called back as it is or as aborted.
    server_close_against_complete_command: "abort.recorded-completions",
        races::server_close_against_complete_command();
    /// The client's Close with a device open aborts, too.
    client_close_against_complete_command: "client.close.devices-open.aborts",
        races::client_close_against_complete_command();
    /// What the client holds when it closes nobody will complete: it is called back as
    /// aborted, and the agent returns.
    client_close_against_the_agent: "client.close.normal-no-abort",
        races::client_close_against_the_agent();
    /// What the client completed before it closed is called back as the client said.
    client_completing_and_closing_against_the_agent: "agent.callback",
        races::client_completing_and_closing_against_the_agent();
    /// A command is either refused or called back as aborted.
    client_close_against_send_command: "client.close.devices-open.status",
        races::client_close_against_send_command();
    /// A device that is opened beside Close is open then, or is refused.
    client_close_against_open_device: "client.close.devices-open.status",
        races::client_close_against_open_device();

    /// After SignalAbort no command is accepted; one accepted before is called back.
    server_abort_against_send_command: "server.send-command.aborted",
        races::abort_against_send_command(Side::Server);
    /// The same by the client.
    client_abort_against_send_command: "abort.callbacks",
        races::abort_against_send_command(Side::Client);
    /// After SignalAbort no command is delivered, and whoever waits for one is woken.
    server_abort_against_get_command: "abort.unblocks",
        races::abort_against_get_command(Side::Server);
    /// The same by the client.
    client_abort_against_get_command: "abort.no-delivery",
        races::abort_against_get_command(Side::Client);
    /// After SignalAbort no completion is taken.
    server_abort_against_complete_command: "client.complete-command.aborted",
        races::abort_against_complete_command(Side::Server);
    /// The same by the client.
    client_abort_against_complete_command: "abort.recorded-completions",
        races::abort_against_complete_command(Side::Client);
    /// CloseDevice never takes an abort back.
    server_abort_against_close_device: "server.close-device.aborted",
        races::abort_against_close_device(Side::Server);
    /// The same by the client.
    client_abort_against_close_device: "abort.agent-returns",
        races::abort_against_close_device(Side::Client);
    /// SignalAbort may come from both sides: the callbacks are made once.
    two_aborts_at_once: "abort.callbacks",
        races::two_aborts_at_once();

    /// SendCommand is refused until the agent runs, and not after.
    agent_start_against_send_command: "server.send-command.phase",
        races::agent_start_against_send_command();
    /// The set is active with whatever comes last.
    agent_start_against_the_last_open_device: "agent.blocks",
        races::agent_start_against_the_last_open_device();
    /// The agent returns by itself, and only when no callback is owed.
    last_close_device_against_the_agents_return: "agent.returns-after-last-device",
        races::last_close_device_against_the_agents_return();
    /// Two threads close the last two devices.
    two_last_close_devices: "agent.returns-after-last-device",
        races::two_last_close_devices();

    /// The agent calls back both.
    two_devices_completing_at_once: "agent.callback",
        races::two_devices_completing_at_once();
    /// ClearError waits for them, and no longer.
    clear_error_against_late_completions: "device.error.clear-error-waits",
        races::clear_error_against_late_completions();
    /// The device takes commands again once ClearError is called back.
    clear_error_against_send_command: "device.error.cleared",
        races::clear_error_against_send_command();
    /// A command is refused, or taken from the queue.
    failure_against_send_command: "device.error.queue",
        races::failure_against_send_command();

    /// The client gets the whole configuration, or learns of the abort.
    get_configuration_against_server_abort: "client.get-configuration.aborted",
        races::get_configuration_against_abort(Side::Server);
    /// The same by the client.
    get_configuration_against_client_abort: "client.get-configuration.status",
        races::get_configuration_against_abort(Side::Client);

    /// One Close closes, the other finds nothing to close.
    server_close_twice: "server.close.not-open",
        races::server_close_twice();
    /// The same by the client.
    client_close_twice: "client.close.not-open",
        races::client_close_twice();

    /// What is queued is delivered, then comes VD_E_CLOSE.
    normal_end_against_the_clients_loop: "client.get-command.close",
        races::normal_end_against_the_clients_loop();
    /// A command that is sent is delivered, and what is completed is called back.
    send_command_against_get_command: "client.get-command.delivers",
        races::send_command_against_get_command();
    /// Whoever wakes for no reason looks again, and sleeps on.
    waking_for_no_reason_while_commands_come: "client.get-command.delivers",
        races::send_command_against_get_command().waking();
    /// The same of GetConfiguration.
    waking_for_no_reason_while_the_server_configures: "client.get-configuration.status",
        races::get_configuration_against_abort(Side::Server).waking();
    /// The same of the agent, and of a limit that has not passed.
    waking_for_no_reason_before_the_time_is_out: "client.get-command.timeout",
        races::time_out_against_send_command().waking();
    /// A command is completed once.
    one_command_completed_by_two_threads: "client.complete-command.inactive",
        races::one_command_completed_by_two_threads();
    /// A command is delivered once.
    two_threads_getting_commands: "client.get-command.delivers",
        races::two_threads_getting_commands();
    /// No more are accepted than there is room for.
    two_threads_sending_the_last_command: "server.send-command.queue-full",
        races::two_threads_sending_the_last_command();

    /// GetCommand gives the command or VD_E_TIMEOUT, and never both.
    time_out_against_send_command: "client.get-command.timeout",
        races::time_out_against_send_command();
    /// After two intervals without a completion the set is aborted.
    server_time_out_against_complete_command: "server.time-out.aborts",
        races::server_time_out_against_complete_command();
}
