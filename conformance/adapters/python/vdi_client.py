"""The client half: IClientVirtualDeviceSet2 and IClientVirtualDevice.

A function without an out parameter returns its status; one with an out parameter
returns the pair of status and value.  Time-outs are milliseconds; None is infinite
and 0 polls.
"""

from monitor import deadline_after
from vdi_codes import (NOERROR, VD_E_ABORT, VD_E_CLOSE, VD_E_INSTANCE_NAME, VD_E_INVALID,
                       VD_E_NOTSUPPORTED, VD_E_OPEN, VD_E_PROTOCOL, VD_E_TIMEOUT)
from vdi_config import Config


class ClientVirtualDeviceSet:
    """The backup application's handle on a virtual device set."""

    def __init__(self, library):
        self._library = library
        self._monitor = library.monitor
        self._shared = None

    def _refusal(self, when_aborted=VD_E_ABORT):
        """The status that refuses a call, or None if it is allowed (lock held)."""
        if self._shared is None or self._shared.client_closed:
            return VD_E_PROTOCOL
        return when_aborted if self._shared.aborted else None

    def create(self, instance, name, fields):
        """Create a set: Create for the default instance (None), else CreateEx.

        After Close the same handle may create again; that is a new set.
        """
        config = Config(fields)
        with self._monitor:
            if self._shared is not None and not self._shared.client_closed:
                return VD_E_PROTOCOL
            if instance is not None and (not instance or "\\" in instance):
                return VD_E_INSTANCE_NAME
            if not name or "\\" in name:
                return VD_E_INVALID
            if not config.is_supported():
                return VD_E_NOTSUPPORTED
            self._shared = self._library.publish(instance, name, config)
            self._monitor.changed()
            return NOERROR

    def get_configuration(self, timeout):
        """Wait until the server has configured the set."""
        deadline = deadline_after(timeout)
        with self._monitor:
            refusal = self._refusal()
            if refusal:
                return refusal, None
            shared = self._shared
            arrived = self._monitor.wait_until(
                lambda: shared.configured or shared.aborted or shared.client_closed, deadline)
            if shared.aborted:
                return VD_E_ABORT, None
            if shared.client_closed:
                return VD_E_PROTOCOL, None
            if not arrived:
                return VD_E_TIMEOUT, None
            shared.configuration_seen = True
            self._monitor.changed()
            return NOERROR, shared.config.as_dict()

    def open_device(self, name):
        """Open a device by name.

        That all are open already is harmless: callers may loop until they hear so
        (IClientVirtualDeviceSet2::OpenDevice).
        """
        with self._monitor:
            refusal = self._refusal()
            if refusal:
                return refusal, None
            shared = self._shared
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
            shared.refresh_active()
            self._monitor.changed()
            return NOERROR, ClientVirtualDevice(shared, device)

    def signal_abort(self):
        """Abort the set; nothing but Close is left to do afterwards."""
        with self._monitor:
            refusal = self._refusal(when_aborted=NOERROR)
            if refusal is None:
                self._shared.abort()
            return refusal or NOERROR

    def close(self):
        """Release everything, whatever the answer.

        IClientVirtualDeviceSet2::Close: an open device is answered with VD_E_OPEN
        and brings an abort with it.  Once every device has said VD_E_CLOSE, no
        abort is due, and nobody waits for the agent.
        """
        with self._monitor:
            refusal = self._refusal(when_aborted=NOERROR)
            shared = self._shared
            if refusal == VD_E_PROTOCOL:
                return refusal
            answer = NOERROR
            if refusal is None and not shared.terminated_on_client:
                if any(device.open_on_client for device in shared.devices):
                    answer = VD_E_OPEN
                shared.abort()
            shared.client_closed = True
            shared.side_closed()
            return answer

    def process_died(self):
        """The client's process has ended: without a Close, that is an abort (lock held)."""
        if self._shared is not None and not self._shared.client_closed:
            self._shared.abort()


class ClientVirtualDevice:
    """The backup application's handle on one device."""

    def __init__(self, shared, device):
        self.device_set = shared
        self._device = device
        self._monitor = shared.monitor

    def get_command(self, timeout):
        """Fetch the next command, or learn that the server has closed the device.

        It is no mistake to wait here before the set is Active; clients with a
        thread for each device do so.
        """
        deadline = deadline_after(timeout)
        shared, device = self.device_set, self._device
        with self._monitor:
            if shared.client_closed:
                return VD_E_PROTOCOL, None
            self._monitor.wait_until(
                lambda: (shared.aborted or shared.client_closed or device.is_drained
                         or device.next_command() is not None),
                deadline)
            if shared.aborted:
                return VD_E_ABORT, None
            if shared.client_closed:
                return VD_E_PROTOCOL, None
            if device.next_command() is not None:
                return NOERROR, shared.deliver(device)
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
            if self.device_set.client_closed:
                return VD_E_PROTOCOL
            if self.device_set.aborted:
                return VD_E_ABORT
            if self._device.close_seen:
                return VD_E_PROTOCOL
            if command is None or command not in self._device.delivered:
                return VD_E_INVALID
            command.answer(completion_code, bytes_transferred, position)
            self.device_set.complete(self._device, command)
            return NOERROR
