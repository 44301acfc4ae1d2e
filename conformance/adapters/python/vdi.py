"""What the two sides of a virtual device set share.

The server half (vdi_server.py) and the client half (vdi_client.py) are thin: they
check whether a call is allowed and then act on the objects of this module.  In a
real library these would live in shared memory; here they are ordinary objects
behind one lock.  Except where noted, every method of this module is called with
the monitor held.
"""

from collections import deque

from monitor import Monitor
from vdi_buffers import BufferArea
from vdi_codes import CLEAR_ERROR, ERROR_IO_DEVICE, ERROR_OPERATION_ABORTED, ERROR_SUCCESS

# How many commands a device takes before SendCommand answers VD_E_QUEUE_FULL.
QUEUE_DEPTH = 64

# So many intervals of serverTimeOut may pass without a completion before the
# operation is aborted (VDConfig Structure, serverTimeOut).
INTERVALS = 2

# The server's states (Virtual Backup Device Specification, Server State Diagram).
# Abnormally Terminated is the flag `aborted`, and Does Not Exist means that the
# set interface has no set, or has closed it.
CONNECTED = "Connected"
CONFIGURABLE = "Configurable"
INITIALIZING = "Initializing"
ACTIVE = "Active"
NORMALLY_TERMINATED = "Normally Terminated"


class Command:
    """One command: the server's request block, and what the client sees of it."""

    def __init__(self, code, routine, buffer=None, size=0, position=0, context=None):
        """`routine(command)` is the completion routine, `context` its context."""
        self.code = code
        self.routine = routine
        self.buffer = buffer
        self.size = size
        self.position = position
        self.context = context
        self.completion_code = None
        self.bytes_transferred = 0
        self.out_position = None

    def answer(self, completion_code, bytes_transferred=0, out_position=None):
        """Write down what the completion routine will be told."""
        self.completion_code = completion_code
        self.bytes_transferred = bytes_transferred
        self.out_position = out_position


class SharedDevice:
    """One device slot: its name, who has opened or closed it, and its queue."""

    def __init__(self, name=None):
        self.name = name
        self.opened_by_server = False
        self.opened_by_client = False
        self.closed_by_server = False
        self.close_seen = False
        self.errored = False
        self.queue = deque()
        self.delivered = []
        # What the client held when the device fell into error; ClearError waits for it.
        self.held_at_error = set()

    @property
    def open_on_server(self):
        """Opened by the server, and not closed with CloseDevice."""
        return self.opened_by_server and not self.closed_by_server

    @property
    def open_on_client(self):
        """Opened by the client, and VD_E_CLOSE not seen."""
        return self.opened_by_client and not self.close_seen

    @property
    def is_full(self):
        """Does the queue take no further command?  What is delivered counts too."""
        return len(self.queue) + len(self.delivered) >= QUEUE_DEPTH

    @property
    def is_drained(self):
        """Is VD_E_CLOSE all that GetCommand has left to say?"""
        return self.closed_by_server and not self.queue

    def next_command(self):
        """The command that GetCommand may deliver now, or None.

        Commands go out in the order sent.  ClearError stays until the client has
        given back everything it held at the error (Virtual Backup Device
        Specification, Command Error Handling).
        """
        if not self.queue:
            return None
        command = self.queue[0]
        if command.code == CLEAR_ERROR and self.held_at_error:
            return None
        return command

    def forget_commands(self):
        """Drop all commands of the device, at an abort."""
        self.queue.clear()
        self.delivered.clear()
        self.held_at_error.clear()


class SharedSet:
    """One virtual device set, from the primary client's Create to the last Close."""

    def __init__(self, monitor, name, config):
        self.monitor = monitor
        self.config = config
        self.phase = None
        self.aborted = False
        self.configuration_seen = False
        self.server_closed = False
        self.primary_closed = False
        self.agent_running = False
        # The first device bears the set's name; the others are named by whoever
        # first opens them.
        self.devices = [SharedDevice(name)]
        self.devices += [SharedDevice() for _ in range(config.deviceCount - 1)]
        self.requests = []
        self.area = None
        # Every command whose callback has not been invoked, in the order sent ...
        self.outstanding = {}
        # ... and those of them whose callback is due, in the order to call.
        self._due = deque()
        # Intervals of serverTimeOut that passed while a command was pending.
        self._intervals = 0
        # Milliseconds of the present interval that have passed.
        self._waited = 0

    # -- configuration and devices

    def create_area(self):
        """Allocate what RequestBuffers has asked for; False if there is no memory."""
        area = BufferArea(self.config.prefixZoneSize, self.config.alignment)
        if not area.add(self.requests):
            return False
        self.area = area
        return True

    @property
    def configured(self):
        """Has the server completed its configuration?"""
        return self.phase in (INITIALIZING, ACTIVE, NORMALLY_TERMINATED)

    def slot_for_client(self, name):
        """The device of that name; an unknown name takes the next unnamed slot."""
        for wanted in (name, None):
            for device in self.devices:
                if device.name == wanted:
                    device.name = name
                    return device
        return None

    def slot_for_server(self, name):
        """The unopened device of that name, else the next unopened one.

        A free slot without a name comes first and takes the name, so that the
        client finds it under that name.
        """
        unopened = [device for device in self.devices if not device.opened_by_server]
        for wanted in (name, None):
            for device in unopened:
                if device.name == wanted:
                    if all(other.name != name for other in self.devices):
                        device.name = name
                    return device
        return unopened[0] if unopened else None

    def refresh_active(self):
        """Enter Active once all devices are open on both sides and the agent runs.

        Virtual Backup Device Specification, Server State Diagram: one call alone
        does not lead there, although the transition table reads so.
        """
        if self.phase == INITIALIZING and self.agent_running and all(
                device.opened_by_server and device.opened_by_client
                for device in self.devices):
            self.phase = ACTIVE

    def close_device(self, device):
        """The server's CloseDevice; what is queued is still delivered."""
        device.closed_by_server = True
        if all(other.closed_by_server for other in self.devices):
            self.phase = NORMALLY_TERMINATED
        self.monitor.changed()

    @property
    def terminated_on_client(self):
        """Has the client seen VD_E_CLOSE on every device?"""
        return all(device.close_seen for device in self.devices)

    # -- the flow of commands

    def submit(self, device, command):
        """Queue a command on its device."""
        if not self._pending:
            self._wait_anew()
        self.outstanding[command] = device
        device.queue.append(command)
        self.monitor.changed()

    def deliver(self, device):
        """Hand the next command over to the client."""
        command = device.queue.popleft()
        device.delivered.append(command)
        self.monitor.changed()
        return command

    def complete(self, device, command):
        """Take back a command which the client has answered.

        An error puts the device in its error state at once: what is still queued
        fails and never reaches the client (Command Error Handling).  A further error
        in that state changes nothing: only ClearError can be queued by then, and waits.
        """
        device.delivered.remove(command)
        device.held_at_error.discard(command)
        self._due.append(command)
        self._wait_anew()
        if command.completion_code != ERROR_SUCCESS and not device.errored:
            device.errored = True
            device.held_at_error.update(device.delivered)
            for queued in device.queue:
                queued.answer(ERROR_IO_DEVICE)
            self._due.extend(device.queue)
            device.queue.clear()
        self.monitor.changed()

    def abort(self):
        """SignalAbort processing (both SignalAbort pages; Abnormal Termination).

        Everything not yet called back, the client's recorded completions included,
        is now called back as aborted.  Whoever waits for anything sees the flag.
        """
        if self.aborted:
            return
        self.aborted = True
        for command in self.outstanding:
            command.answer(ERROR_OPERATION_ABORTED)
        self._due = deque(self.outstanding)
        for device in self.devices:
            device.forget_commands()
        self.monitor.changed()

    def process_closed(self):
        """A process has closed the set; wake whoever is blocked in a call on it.

        When the primary client has closed without an abort, a command that it has not
        answered can be answered by nobody any more.  The agent must not wait for it
        for ever, so it is called back as aborted.
        """
        if self.primary_closed:
            for command in self._pending:
                command.answer(ERROR_OPERATION_ABORTED)
                self._due.append(command)
            for device in self.devices:
                device.forget_commands()
        self.monitor.changed()

    # -- the completion agent

    def next_due(self):
        """Wait, as the agent, for a command to call back; None: the agent may return.

        The device leaves its error state as the callback of a successful ClearError
        is invoked, that is, here (Command Error Handling).
        """
        self.monitor.wait_until(lambda: self._due or self._agent_may_return)
        if not self._due:
            return None
        command = self._due.popleft()
        device = self.outstanding.pop(command)
        if command.code == CLEAR_ERROR and command.completion_code == ERROR_SUCCESS:
            device.errored = False
        self.monitor.changed()
        return command

    @property
    def _agent_may_return(self):
        """Is no callback owed any more, now or later?"""
        return self.aborted or (self.phase == NORMALLY_TERMINATED and not self.outstanding)

    @property
    def _pending(self):
        """The commands which the client has not answered, nor anybody in its place."""
        return [command for command in self.outstanding if command.completion_code is None]

    def time_passes(self, after):
        """So many milliseconds have passed for the agent, or one interval of serverTimeOut."""
        interval = self.config.serverTimeOut
        if after is None or not interval:
            self._waited = 0
            self._interval_passed()
            return
        self._waited += after
        while self._waited >= interval:
            self._waited -= interval
            self._interval_passed()

    def _wait_anew(self):
        """The agent waits for a completion from now on."""
        self._intervals = 0
        self._waited = 0

    def _interval_passed(self):
        """One interval of serverTimeOut has passed for the agent; the second may abort.

        VDConfig Structure, serverTimeOut.  A Load counts like every command.
        """
        if not self.config.serverTimeOut or not self._pending:
            return
        self._intervals += 1
        if self._intervals == INTERVALS:
            self.abort()


class Library:
    """One VDI library, loaded by both processes: the lock and the names of sets."""

    def __init__(self):
        self.monitor = Monitor()
        self._sets = {}

    def publish(self, instance, name, config):
        """Make a new set under this name."""
        made = SharedSet(self.monitor, name, config)
        self._sets[instance, name] = made
        return made

    def find(self, instance, name):
        """The set of that name, if a server may open it."""
        found = self._sets.get((instance, name))
        if found is None or found.aborted or found.primary_closed or found.phase is not None:
            return None
        return found

    def find_for_secondary(self, instance, name):
        """The set of that name, unless its primary client has closed it."""
        found = self._sets.get((instance, name))
        return None if found is None or found.primary_closed else found
