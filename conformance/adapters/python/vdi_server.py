"""The server half: IServerVirtualDeviceSet2 and IServerVirtualDevice.

A function without an out parameter returns its status; one with an out parameter
returns the pair of status and value.
"""

import threading

from vdi import ACTIVE, CONFIGURABLE, CONNECTED, INITIALIZING, NORMALLY_TERMINATED
from vdi_codes import (CLEAR_ERROR, NOERROR, REFUSAL_CODES, VD_E_ABORT, VD_E_CLOSE,
                       VD_E_INVALID, VD_E_IO_ERROR, VD_E_MEMORY, VD_E_OPEN, VD_E_PROTOCOL,
                       VD_E_QUEUE_FULL)
from vdi_config import is_power_of_two

_RUNNING = (INITIALIZING, ACTIVE)


class ServerVirtualDeviceSet:
    """The database engine's handle on a virtual device set."""

    process = "server"

    def __init__(self, library):
        self._library = library
        self._monitor = library.monitor
        self._shared = None

    def _refusal(self, *phases, when_aborted=VD_E_ABORT):
        """The status that refuses a call, or None if it is allowed (lock held).

        This is one row of the specification's Server Transitions: the call is
        allowed in the phases given, in all of them if none is given.
        """
        if self._shared is None or self._shared.server_closed:
            return VD_E_PROTOCOL
        if self._shared.aborted:
            return when_aborted
        if phases and self._shared.phase not in phases:
            return VD_E_PROTOCOL
        return None

    # -- life and death of the handle

    def open(self, instance, name):
        """Connect to a set that a client has created.  A handle opens only once."""
        with self._monitor:
            if self._shared is not None:
                return VD_E_PROTOCOL
            found = self._library.find(instance, name)
            if found is None:
                return VD_E_INVALID
            found.phase = CONNECTED
            self._shared = found
            self._monitor.changed()
            return NOERROR

    def signal_abort(self):
        """Abort the set; nothing but Close is left to do afterwards."""
        with self._monitor:
            refusal = self._refusal(when_aborted=NOERROR)
            if refusal is None:
                self._shared.abort()
            return refusal or NOERROR

    def close(self):
        """Release everything, whatever the answer.

        IServerVirtualDeviceSet2::Close, Remarks: with devices open this is the
        server's mistake, answered with VD_E_PROTOCOL, and it brings SignalAbort
        processing with it.  Close does not wait for the agent, which goes on with
        the callbacks it owes and returns after them.
        """
        with self._monitor:
            refusal = self._refusal(when_aborted=NOERROR)
            shared = self._shared
            if refusal == VD_E_PROTOCOL:
                return refusal
            answer = NOERROR
            if refusal is None and shared.phase != NORMALLY_TERMINATED:
                if any(device.open_on_server for device in shared.devices):
                    answer = VD_E_PROTOCOL
                shared.abort()
            shared.server_closed = True
            shared.process_closed()
            return answer

    def process_died(self):
        """The server's process has ended: without a Close, that is an abort (lock held)."""
        if self._shared is not None and not self._shared.server_closed:
            self._shared.abort()

    def has_mapped(self, buffer):
        """Is the buffer's memory mapped in the server's process?  (lock held)

        All of the area is, until Close (IServerVirtualDeviceSet2::Close, Remarks).
        """
        return buffer.device_set is self._shared and not self._shared.server_closed

    # -- configuration

    def get_configuration(self):
        """What the client has asked for in Create, at any time.

        IServerVirtualDeviceSet2::GetConfiguration.
        """
        with self._monitor:
            refusal = self._refusal()
            if refusal:
                return refusal, None
            return NOERROR, self._shared.config.as_asked()

    def begin_configuration(self, features, alignment, block_size, max_transfer_size, _timeout):
        """Fix the server's part of the configuration.

        The time-out is for a client that declares buffer areas of its own, which no
        client does here.  It is not serverTimeOut, which is the client's to say.
        """
        with self._monitor:
            refusal = self._refusal(CONNECTED)
            if refusal:
                return refusal
            if not self._shared.config.configure(
                    features, alignment, block_size, max_transfer_size):
                return VD_E_INVALID
            self._shared.phase = CONFIGURABLE
            self._monitor.changed()
            return NOERROR

    def request_buffers(self, size, alignment, count):
        """Ask for buffer space: summed up while configuring, later given at once."""
        with self._monitor:
            refusal = self._refusal(CONFIGURABLE, *_RUNNING)
            if refusal:
                return refusal
            if size <= 0 or count <= 0 or not _is_alignment(alignment):
                # Nobody is said to check it, and no buffer can be like that.
                return NOERROR
            request = (size, alignment, count)
            if self._shared.phase == CONFIGURABLE:
                self._shared.requests.append(request)
            elif not self._shared.area.add([request]):
                return VD_E_MEMORY
            return NOERROR

    def query_available_buffers(self, size, alignment):
        """How many such buffers could be allocated now?  None before EndConfiguration.

        Only the transition table knows this function; it says VD_E_PROTOCOL after
        an abort.
        """
        with self._monitor:
            refusal = self._refusal(CONFIGURABLE, *_RUNNING, when_aborted=VD_E_PROTOCOL)
            if refusal:
                return refusal, None
            area = self._shared.area
            # Nobody is said to check it: no buffer can be like that, so there is none.
            if size <= 0 or not _is_alignment(alignment):
                return NOERROR, 0
            return NOERROR, area.available(size, alignment) if area else 0

    def end_configuration(self):
        """Allocate the buffer space and let the client see the configuration.

        Without memory the set stays Configurable and all requests are forgotten, so
        that the server may ask for less.
        """
        with self._monitor:
            refusal = self._refusal(CONFIGURABLE)
            if refusal:
                return refusal
            if not self._shared.create_area():
                self._shared.requests.clear()
                return VD_E_MEMORY
            self._shared.phase = INITIALIZING
            self._monitor.changed()
            return NOERROR

    # -- buffers

    def allocate_buffer(self, size, alignment):
        """Return a buffer out of the space that has been requested."""
        with self._monitor:
            refusal = self._refusal(*_RUNNING, NORMALLY_TERMINATED)
            if refusal:
                return refusal, None
            if size <= 0 or not _is_alignment(alignment):
                return VD_E_INVALID, None
            made = self._shared.area.allocate(size, alignment)
            if made is None:
                return VD_E_MEMORY, None
            made.device_set = self._shared
            return NOERROR, made

    def free_buffer(self, buffer, size):
        """Give a buffer back; None stands for a pointer that is none of the set's.

        A buffer in a command whose callback has not been invoked is not the
        server's to give away.  A size of None is the buffer's own.
        """
        with self._monitor:
            refusal = self._refusal(*_RUNNING, NORMALLY_TERMINATED)
            if refusal:
                return refusal
            if (buffer is None or buffer.freed or buffer.device_set is not self._shared
                    or size not in (None, buffer.size)
                    or any(command.buffer is buffer for command in self._shared.outstanding)):
                return VD_E_INVALID
            buffer.release()
            return NOERROR

    def is_shared_buffer(self, buffer):
        """Is this a buffer of the set?  None stands for a pointer that is not.

        An abort takes no buffer away, so the question stays answered.
        """
        with self._monitor:
            refusal = self._refusal(when_aborted=None)
            if refusal:
                return refusal, None
            return NOERROR, (buffer is not None and not buffer.freed
                             and buffer.device_set is self._shared)

    # -- devices and the agent

    def open_device(self, name):
        """Open the next device; succeeds as often as there are devices."""
        with self._monitor:
            refusal = self._refusal(*_RUNNING)
            if refusal:
                return refusal, None
            device = self._shared.slot_for_server(name)
            if device is None:
                return VD_E_OPEN, None
            device.opened_by_server = True
            self._shared.refresh_active()
            self._monitor.changed()
            return NOERROR, ServerVirtualDevice(self._shared, device)

    def execute_completion_agent(self):
        """Lend this thread to the set: it runs the callbacks, one at a time.

        Returns once all devices are closed and no callback is owed, or after an
        abort, when all callbacks have been run (Normal Termination; Abnormal
        Termination).
        """
        with self._monitor:
            refusal = self._refusal(*_RUNNING)
            if refusal:
                return refusal
            shared = self._shared
            if shared.agent_running:
                return VD_E_PROTOCOL
            shared.agent_running = True
            shared.refresh_active()
            self._monitor.changed()
        worker = threading.current_thread()
        while True:
            with self._monitor:
                # serverTimeOut is about an agent that waits, not one in a callback.
                worker.on_expire = shared.time_passes
                command = shared.next_due()
                worker.on_expire = None
                if command is None:
                    shared.agent_running = False
                    self._monitor.changed()
                    return NOERROR
            # Without the lock: the routine may call any function of the interface.
            command.routine(command)


class ServerVirtualDevice:
    """The database engine's handle on one device."""

    process = "server"

    def __init__(self, shared, device):
        self.device_set = shared
        self._device = device
        self._monitor = shared.monitor

    @property
    def is_valid(self):
        """Is the handle still good for use?  Until the server's Close (lock held)."""
        return not self.device_set.server_closed

    def _refusal(self):
        """The status that refuses any call on the device, or None (lock held)."""
        if self.device_set.server_closed:
            return VD_E_PROTOCOL
        if self.device_set.aborted:
            return VD_E_ABORT
        if self.device_set.phase not in (ACTIVE, NORMALLY_TERMINATED):
            return VD_E_PROTOCOL
        return None

    def _refusal_of(self, command):
        """The status that refuses this command, or None (lock held)."""
        refusal = self._refusal()
        if refusal:
            return refusal
        device = self._device
        if device.closed_by_server:
            return VD_E_PROTOCOL
        if device.errored and command.code != CLEAR_ERROR:
            return VD_E_IO_ERROR
        if command.buffer is not None and command.buffer.freed:
            return VD_E_PROTOCOL
        if device.is_full:
            return VD_E_QUEUE_FULL
        return None

    def send_command(self, command):
        """Queue a command for the client.

        When that fails the completion routine runs all the same, at once and on
        this thread (IServerVirtualDevice::SendCommand).
        """
        with self._monitor:
            refusal = self._refusal_of(command)
            if refusal is None:
                self.device_set.submit(self._device, command)
                return NOERROR
            command.answer(REFUSAL_CODES[refusal])
        command.routine(command)
        return refusal

    def close_device(self):
        """Close the device; the client hears of it when it has fetched all commands."""
        with self._monitor:
            refusal = self._refusal()
            if refusal:
                return refusal
            if self._device.closed_by_server:
                return VD_E_CLOSE
            self.device_set.close_device(self._device)
            return NOERROR


def _is_alignment(alignment):
    return alignment == 0 or is_power_of_two(alignment)
