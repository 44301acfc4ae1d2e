"""The client half: IClientVirtualDeviceSet2 and IClientVirtualDevice.

A function without an out parameter returns its status; one with an out parameter
returns the pair of status and value.  Time-outs are milliseconds; None is infinite
and 0 polls.
"""

from vdi_buffers import BufferHandle
from vdi_codes import (NOERROR, READ, VD_E_ABORT, VD_E_CLOSE, VD_E_INSTANCE_NAME,
                       VD_E_INVALID, VD_E_NOTSUPPORTED, VD_E_OPEN, VD_E_PROTOCOL,
                       VD_E_TIMEOUT, WRITE)
from vdi_config import Config


class _Membership:
    """The part of one process in a set: from its Create or OpenInSecondary to its Close.

    What the process got from the set belongs to this, and ends with it.
    """

    def __init__(self, shared, process, is_primary):
        self.shared = shared
        self.process = process
        self.is_primary = is_primary
        self.closed = False
        # The devices opened here, and the buffers that have an address here.
        self.devices = []
        self.mapped = set()


class ClientVirtualDeviceSet:
    """The handle of one client process on a virtual device set.

    Create makes the process the primary client of a new set, OpenInSecondary a
    secondary client of one that exists.  After Close the handle is free for either.
    """

    def __init__(self, library, process):
        self.process = process
        self._library = library
        self._monitor = library.monitor
        self._member = None

    @property
    def _is_open(self):
        return self._member is not None and not self._member.closed

    def _refusal(self, when_aborted=VD_E_ABORT):
        """The status that refuses a call, or None if it is allowed (lock held)."""
        if not self._is_open:
            return VD_E_PROTOCOL
        return when_aborted if self._member.shared.aborted else None

    # -- life and death of the handle

    def create(self, instance, name, fields):
        """Create a set: Create for the default instance (None), else CreateEx.

        After Close the same handle may create again; that is a new set.
        """
        config = Config(fields)
        with self._monitor:
            if self._is_open:
                return VD_E_PROTOCOL
            if instance is not None and (not instance or "\\" in instance):
                return VD_E_INSTANCE_NAME
            if not name or "\\" in name:
                return VD_E_INVALID
            if not config.is_supported():
                return VD_E_NOTSUPPORTED
            # A name identifies one set; no code is named for a second.
            if self._library.find_for_secondary(instance, name) is not None:
                return VD_E_INVALID
            shared = self._library.publish(instance, name, config)
            self._member = _Membership(shared, self.process, True)
            self._monitor.changed()
            return NOERROR

    def open_in_secondary(self, instance, name):
        """Join a set that another process has created.

        The primary's GetConfiguration must have succeeded before
        (IClientVirtualDeviceSet2::OpenInSecondaryEx).
        """
        with self._monitor:
            if self._is_open:
                return VD_E_PROTOCOL
            shared = self._library.find_for_secondary(instance, name)
            if shared is None:
                return VD_E_PROTOCOL
            if shared.aborted:
                return VD_E_ABORT
            if not shared.configuration_seen:
                return VD_E_PROTOCOL
            self._member = _Membership(shared, self.process, False)
            return NOERROR

    def signal_abort(self):
        """Abort the set; nothing but Close is left to do afterwards."""
        with self._monitor:
            refusal = self._refusal(when_aborted=NOERROR)
            if refusal is None:
                self._member.shared.abort()
            return refusal or NOERROR

    def close(self):
        """Release everything that this process has of the set, whatever the answer.

        IClientVirtualDeviceSet2::Close: an open device is answered with VD_E_OPEN
        and brings an abort with it.  Once every device has said VD_E_CLOSE, no
        abort is due, and nobody waits for the agent.  To a secondary only the devices
        that it opened matter, and the set goes on without it.
        """
        with self._monitor:
            refusal = self._refusal(when_aborted=NOERROR)
            if refusal == VD_E_PROTOCOL:
                return refusal
            member, shared = self._member, self._member.shared
            answer = NOERROR
            if refusal is None:
                devices = shared.devices if member.is_primary else member.devices
                if any(device.open_on_client for device in devices):
                    answer = VD_E_OPEN
                if answer == VD_E_OPEN or (member.is_primary
                                           and not shared.terminated_on_client):
                    shared.abort()
            member.closed = True
            if member.is_primary:
                shared.primary_closed = True
            shared.process_closed()
            return answer

    def process_died(self):
        """The process has ended (lock held).

        Of the primary client without a Close, that is an abort.  The death of a
        secondary is not noticed (Virtual Backup Device Specification, Abnormal
        Termination).
        """
        if self._is_open and self._member.is_primary:
            self._member.shared.abort()

    # -- configuration and devices

    def get_configuration(self, timeout):
        """Wait until the server has configured the set."""
        with self._monitor:
            refusal = self._refusal()
            if refusal:
                return refusal, None
            member, shared = self._member, self._member.shared
            arrived = self._monitor.wait_until(
                lambda: shared.configured or shared.aborted or member.closed, timeout)
            if shared.aborted:
                return VD_E_ABORT, None
            if member.closed:
                return VD_E_PROTOCOL, None
            if not arrived:
                return VD_E_TIMEOUT, None
            shared.configuration_seen = True
            self._monitor.changed()
            return NOERROR, shared.config.as_dict()

    def open_device(self, name):
        """Open a device by name: whichever process opens it, it is open for all.

        That all are open already is harmless: callers may loop until they hear so
        (IClientVirtualDeviceSet2::OpenDevice).
        """
        with self._monitor:
            refusal = self._refusal()
            if refusal:
                return refusal, None
            shared = self._member.shared
            if not shared.configuration_seen or shared.terminated_on_client:
                return VD_E_PROTOCOL, None
            if all(device.opened_by_client for device in shared.devices):
                return VD_E_OPEN, None
            device = shared.slot_for_client(name)
            if device is None:
                return VD_E_INVALID, None
            if device.opened_by_client:
                return VD_E_PROTOCOL, None
            device.opened_by_client = True
            self._member.devices.append(device)
            shared.refresh_active()
            self._monitor.changed()
            return NOERROR, ClientVirtualDevice(self._member, device)

    # -- buffers in several processes

    def get_buffer_handle(self, buffer):
        """A name for a buffer that all processes of the set understand.

        Only the buffer of a Read or Write that a client has in hand will do, where it
        has an address; None stands for any other one
        (IClientVirtualDeviceSet2::GetBufferHandle).
        """
        with self._monitor:
            refusal = self._refusal()
            if refusal:
                return refusal, None
            shared = self._member.shared
            in_hand = [command.buffer for device in shared.devices
                       for command in device.delivered if command.code in (READ, WRITE)]
            if buffer is None or buffer not in in_hand or not self.has_mapped(buffer):
                return VD_E_INVALID, None
            return NOERROR, BufferHandle(shared, buffer)

    def map_buffer_handle(self, handle):
        """Give the buffer behind a handle an address in this process.

        Handles are local to one set; None stands for a number that is no handle
        (IClientVirtualDeviceSet2::MapBufferHandle).
        """
        with self._monitor:
            refusal = self._refusal()
            if refusal:
                return refusal, None
            if (handle is None or handle.device_set is not self._member.shared
                    or handle.buffer.freed):
                return VD_E_INVALID, None
            self._member.mapped.add(handle.buffer)
            return NOERROR, handle.buffer

    def has_mapped(self, buffer):
        """Has the buffer an address in this process?  (lock held)

        The primary client has all of its set's area mapped.  A secondary maps what
        GetCommand delivers to it and what MapBufferHandle asks for.
        """
        if not self._is_open:
            return False
        if self._member.is_primary:
            return buffer.device_set is self._member.shared
        return buffer in self._member.mapped


class ClientVirtualDevice:
    """The handle on one device, in the process that opened it."""

    def __init__(self, member, device):
        self._member = member
        self._shared = member.shared
        self._device = device
        self._monitor = member.shared.monitor

    @property
    def process(self):
        """The process that opened the device."""
        return self._member.process

    @property
    def is_valid(self):
        """Is the handle still good for use?  Until its process's Close (lock held)."""
        return not self._member.closed

    def get_command(self, timeout):
        """Fetch the next command, or learn that the server has closed the device.

        It is no mistake to wait here before the set is Active; clients with a
        thread for each device do so.
        """
        member, shared, device = self._member, self._shared, self._device
        with self._monitor:
            if member.closed:
                return VD_E_PROTOCOL, None
            self._monitor.wait_until(
                lambda: (shared.aborted or member.closed or device.is_drained
                         or device.next_command() is not None),
                timeout)
            if shared.aborted:
                return VD_E_ABORT, None
            if member.closed:
                return VD_E_PROTOCOL, None
            if device.next_command() is not None:
                command = shared.deliver(device)
                if command.buffer is not None:
                    member.mapped.add(command.buffer)
                return NOERROR, command
            if device.is_drained:
                device.close_seen = True
                self._monitor.changed()
                return VD_E_CLOSE, None
            return VD_E_TIMEOUT, None

    def complete_command(self, command, completion_code, bytes_transferred, position=None):
        """Answer a command; None stands for a pointer that is no command's.

        IClientVirtualDevice::CompleteCommand.  After an abort nothing the client
        says has any effect.
        """
        with self._monitor:
            if self._member.closed:
                return VD_E_PROTOCOL
            if self._shared.aborted:
                return VD_E_ABORT
            if self._device.close_seen:
                return VD_E_PROTOCOL
            if command is None or command not in self._device.delivered:
                return VD_E_INVALID
            command.answer(completion_code, bytes_transferred, position)
            self._shared.complete(self._device, command)
            return NOERROR
