"""What each call of the protocol means: from JSON arguments to the functions.

Every handler gets the scenario, the object behind the handle, the arguments and
the name for what the call makes.  It returns the status and what goes into `out`.
It runs on the lane's own thread, without the lock.
"""

import threading

from vdi import Command
from vdi_client import ClientVirtualDevice, ClientVirtualDeviceSet
from vdi_codes import (COMMAND_CODES, COMMAND_NAMES, COMPLETION_CODES, COMPLETION_NAMES,
                       FEATURE_SETS, FEATURES, NOERROR)
from vdi_config import CLIENT_FIELDS, FIELDS
from vdi_server import ServerVirtualDevice, ServerVirtualDeviceSet

UINT32_MAX = 0xFFFFFFFF
_REQUIRED = object()


class BadRequest(Exception):
    """The suite's line makes no sense; answered with `trouble`."""


class Unsupported(Exception):
    """The line makes sense but cannot be done here; answered with `unsupported`."""


def integer(what, value, low=0, high=UINT32_MAX):
    """Check a whole number that came as JSON."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadRequest("%s: not a whole number" % what)
    if not low <= value <= high:
        raise BadRequest("%s: not in %d..%d" % (what, low, high))
    return value


class Arguments:
    """The arguments of one call, checked as they are taken."""

    def __init__(self, fields):
        if not isinstance(fields, dict):
            raise BadRequest("args: not an object")
        self._fields = fields

    def take(self, name, default=_REQUIRED):
        """The value as it came."""
        value = self._fields.get(name, default)
        if value is _REQUIRED:
            raise BadRequest("args: %s is missing" % name)
        return value

    def number(self, name, default=_REQUIRED, low=0, high=UINT32_MAX):
        """A whole number, by default unsigned and of 32 bits."""
        return integer(name, self.take(name, default), low, high)

    def text(self, name, default=_REQUIRED):
        """A string; null only where that is the default."""
        value = self.take(name, default)
        if value is not default and not isinstance(value, str):
            raise BadRequest("%s: not a string" % name)
        return value

    def reference(self, name, default=_REQUIRED):
        """The name of a handle, or null."""
        value = self.take(name, default)
        if value is not None and not isinstance(value, str):
            raise BadRequest("%s: neither a name nor null" % name)
        return value

    def timeout(self, name, default=_REQUIRED):
        """Milliseconds, or None for infinite."""
        value = self.take(name, default)
        if value is None or value == "infinite" or value == UINT32_MAX:
            return None
        return integer(name, value, high=2 ** 63)


def _features(value):
    """Feature bits from a number or from a list of names."""
    if not isinstance(value, list):
        return integer("features", value)
    bits = 0
    for name in value:
        if not isinstance(name, str):
            raise BadRequest("features: a name is not a string")
        known = FEATURES.get(name, FEATURE_SETS.get(name))
        if known is None:
            raise Unsupported("no feature is called %s here" % name)
        bits |= known
    return bits


def _config(value):
    """The client's fields of a VDConfig; what the server fills in is ignored."""
    if not isinstance(value, dict):
        raise BadRequest("config: not an object")
    unknown = sorted(set(value) - set(FIELDS))
    if unknown:
        raise BadRequest("config: no field %s" % ", ".join(unknown))
    fields = {name: value[name] for name in CLIENT_FIELDS if name in value}
    for name, given in fields.items():
        fields[name] = _features(given) if name == "features" else integer(name, given)
    return fields


def _completion_code(value):
    """A completion code from its name, its number, or its number as a string."""
    if isinstance(value, str):
        if value == NOERROR:
            return 0
        if value in COMPLETION_CODES:
            return COMPLETION_CODES[value]
        try:
            value = int(value, 0)
        except ValueError:
            raise Unsupported("no completion code is called %s here" % value) from None
    return integer("code", value)


def _command_code(value):
    if isinstance(value, str) and value in COMMAND_CODES:
        return COMMAND_CODES[value]
    if not isinstance(value, str):
        raise BadRequest("code: not the name of a command")
    raise Unsupported("no command is called %s here" % value)


# -- the server's device set

def _server_open(scene, target, args, _name):
    return target.open(args.text("instance", None), args.text("name")), None


def _server_configuration(scene, target, args, _name):
    status, config = target.get_configuration()
    return status, {"config": config}


def _begin_configuration(scene, target, args, _name):
    return target.begin_configuration(
        _features(args.take("features", 0)), args.number("alignment", 0),
        args.number("blockSize"), args.number("maxTransferSize"),
        args.timeout("timeout", None)), None


def _request_buffers(scene, target, args, _name):
    return target.request_buffers(
        args.number("size"), args.number("alignment", 0), args.number("count")), None


def _query_available_buffers(scene, target, args, _name):
    status, count = target.query_available_buffers(
        args.number("size"), args.number("alignment", 0))
    return status, {"count": count}


def _end_configuration(scene, target, args, _name):
    return target.end_configuration(), None


def _execute_completion_agent(scene, target, args, _name):
    return target.execute_completion_agent(), None


def _open_device(scene, target, args, name):
    status, device = target.open_device(args.text("name"))
    if status == NOERROR:
        scene.bind(name, device)
    return status, None


def _allocate_buffer(scene, target, args, name):
    status, buffer = target.allocate_buffer(args.number("size"), args.number("alignment", 0))
    if status == NOERROR:
        buffer.context = name
        scene.bind(name, buffer)
        return status, {"address": buffer.address}
    return status, None


def _free_buffer(scene, target, args, _name):
    # A name that names nothing is a pointer that is none of the set's.
    buffer = scene.find_buffer(args.reference("buffer"))
    size = args.take("size", None)
    if size is not None:
        size = integer("size", size, 0, UINT32_MAX)
    return target.free_buffer(buffer, size), None


def _is_shared_buffer(scene, target, args, _name):
    status, shared = target.is_shared_buffer(scene.find_buffer(args.reference("buffer")))
    return status, {"shared": shared}


def _signal_abort(scene, target, args, _name):
    return target.signal_abort(), None


def _close(scene, target, args, _name):
    return target.close(), None


# -- the server's devices

def _callback_line(lane, command):
    line = {"op": "callback", "lane": lane.name, "command": command.context or "?",
            "completion": COMPLETION_NAMES.get(command.completion_code, command.completion_code),
            "bytes": command.bytes_transferred}
    if command.out_position is not None:
        line["position"] = command.out_position
    return line


def _completion_routine(scene, hold):
    """Make the completion routine of a command."""
    def routine(command):
        lane = threading.current_thread()
        scene.say(lane, _callback_line(lane, command))
        if hold:
            lane.hold(command.context)
    return routine


def _send_command(scene, target, args, name):
    hold = args.take("hold", False)
    if not isinstance(hold, bool):
        raise BadRequest("hold: neither true nor false")
    if hold and name is None:
        raise BadRequest("hold: without a name (as) nobody could resume it")
    wanted = args.reference("buffer", None)
    buffer = scene.find_buffer(wanted)
    if wanted is not None and buffer is None:
        raise Unsupported("no buffer is called %s" % wanted)
    command = Command(
        _command_code(args.take("code")), _completion_routine(scene, hold), buffer,
        args.number("size", 0, low=-2 ** 31), args.number("position", 0, -2 ** 63, 2 ** 64 - 1),
        name)
    # The client may have the command before SendCommand has returned, so the name is
    # given first and taken back if the call fails.
    previous = scene.bind(name, command)
    status = target.send_command(command)
    if status != NOERROR:
        scene.unbind(name, command, previous)
    return status, None


def _close_device(scene, target, args, _name):
    return target.close_device(), None


# -- the client's device set

def _create(scene, target, args, _name):
    return target.create(None, args.text("name"), _config(args.take("config"))), None


def _create_ex(scene, target, args, _name):
    return target.create(args.text("instance", None), args.text("name"),
                         _config(args.take("config"))), None


def _open_in_secondary(scene, target, args, _name):
    return target.open_in_secondary(None, args.text("name")), None


def _open_in_secondary_ex(scene, target, args, _name):
    return target.open_in_secondary(args.text("instance", None), args.text("name")), None


def _client_configuration(scene, target, args, _name):
    status, config = target.get_configuration(args.timeout("timeout"))
    return status, {"config": config}


def _get_buffer_handle(scene, target, args, name):
    status, handle = target.get_buffer_handle(scene.find_buffer(args.reference("buffer")))
    if status == NOERROR:
        scene.bind(name, handle)
    return status, None


def _map_buffer_handle(scene, target, args, _name):
    status, buffer = target.map_buffer_handle(
        scene.find_buffer_handle(args.reference("handle")))
    if status == NOERROR:
        return status, {"buffer": buffer.context or "?"}
    return status, None


# -- the client's devices

def _get_command(scene, target, args, _name):
    status, command = target.get_command(args.timeout("timeout"))
    if command is None:
        return status, None
    out = {"command": command.context or "?", "code": COMMAND_NAMES[command.code],
           "size": command.size, "position": command.position}
    if command.buffer is not None:
        out["buffer"] = command.buffer.context or "?"
    return status, out


def _complete_command(scene, target, args, _name):
    command = scene.find_command(args.reference("command"))
    position = args.take("position", None)
    if position is not None:
        integer("position", position, -2 ** 63, 2 ** 64 - 1)
    return target.complete_command(
        command, _completion_code(args.take("code")), args.number("bytes"), position), None


# Which calls a handle of each kind takes.
CALLS = {
    ServerVirtualDeviceSet: {
        "Open": _server_open,
        "GetConfiguration": _server_configuration,
        "BeginConfiguration": _begin_configuration,
        "RequestBuffers": _request_buffers,
        "QueryAvailableBuffers": _query_available_buffers,
        "EndConfiguration": _end_configuration,
        "ExecuteCompletionAgent": _execute_completion_agent,
        "OpenDevice": _open_device,
        "AllocateBuffer": _allocate_buffer,
        "FreeBuffer": _free_buffer,
        "IsSharedBuffer": _is_shared_buffer,
        "SignalAbort": _signal_abort,
        "Close": _close,
    },
    ServerVirtualDevice: {
        "SendCommand": _send_command,
        "CloseDevice": _close_device,
    },
    ClientVirtualDeviceSet: {
        "Create": _create,
        "CreateEx": _create_ex,
        "OpenInSecondary": _open_in_secondary,
        "OpenInSecondaryEx": _open_in_secondary_ex,
        "GetConfiguration": _client_configuration,
        "OpenDevice": _open_device,
        "GetBufferHandle": _get_buffer_handle,
        "MapBufferHandle": _map_buffer_handle,
        "SignalAbort": _signal_abort,
        "Close": _close,
    },
    ClientVirtualDevice: {
        "GetCommand": _get_command,
        "CompleteCommand": _complete_command,
    },
}

# The same, by who calls them: what `hello` promises.
_SERVERS = [*CALLS[ServerVirtualDeviceSet], *CALLS[ServerVirtualDevice]]
_CLIENTS = [*CALLS[ClientVirtualDeviceSet], *CALLS[ClientVirtualDevice]]
FUNCTIONS = {"server": _SERVERS, "client": _CLIENTS, "secondary": _CLIENTS}
