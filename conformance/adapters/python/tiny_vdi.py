#!/usr/bin/env python3
"""tiny-vdi: a Virtual Device Interface behind the conformance suite's protocol.

Reads one JSON object a line from standard input and writes one a line to standard
output.  The protocol is described in ../PROTOCOL.md, this program in README.md.
"""

import json
import os
import sys
import threading

from calls import FUNCTIONS, BadRequest, Unsupported, integer
from scenario import SETS, Scenario
from vdi import QUEUE_DEPTH

# The newest version of the protocol that is spoken, and the oldest.
PROTOCOL = 2
OLDEST = 1
VERSION = "1.0"
OFFERS = ["server", "client", "touch", "exit", "unload", "hold", "settle", "expire",
          "together"]


class Output:
    """Standard output: whole lines, one at a time, flushed at once."""

    def __init__(self, stream):
        self._stream = stream
        self._lock = threading.Lock()

    def write(self, line, unless=None):
        """Write a line; False, and nothing written, if `unless()` holds."""
        text = json.dumps(line, separators=(",", ":")) + "\n"
        with self._lock:
            if unless is not None and unless():
                return False
            try:
                self._stream.write(text)
                self._stream.flush()
            except (OSError, ValueError):
                # Nobody reads any more, so there is nobody left to tell.
                os._exit(1)
        return True

    def quiet(self):
        """Return a context in which no line is being written."""
        return self._lock


class Dispatcher:
    """Takes the suite's lines, one after the other, to the current scenario."""

    def __init__(self, output):
        self._output = output
        self._scenario = Scenario(output)

    def handle(self, text):
        """Do what one line says.  Returns False when the dialogue is over."""
        request = {}
        try:
            request = _parse(text)
            operation = _OPERATIONS.get(request["op"])
            if operation is None:
                raise Unsupported("no operation is called %s here" % request["op"])
            return operation(self, request) is not False
        except Unsupported as reason:
            if "id" in request:
                self._output.write({"op": "unsupported", "id": request["id"],
                                    "reason": str(reason)})
            else:
                self._trouble(str(reason))
        except BadRequest as reason:
            self._trouble(str(reason))
        return True

    def finish(self):
        """End of the dialogue: write what is still to be said."""
        self._scenario.finish()

    def _trouble(self, message):
        self._output.write({"op": "trouble", "message": message})

    # -- the operations

    def _hello(self, request):
        oldest = request.get("protocol")
        newest = request.get("newest") or oldest
        if not isinstance(oldest, int) or not isinstance(newest, int):
            raise BadRequest("hello: protocol is not a whole number")
        if oldest > PROTOCOL or newest < OLDEST:
            raise BadRequest("hello: protocol %d to %d is spoken here" % (OLDEST, PROTOCOL))
        language = "Python %d.%d" % sys.version_info[:2]
        self._output.write({
            "op": "hello", "protocol": min(newest, PROTOCOL),
            "implementation": {"name": "tiny-vdi", "version": VERSION, "language": language},
            "offers": OFFERS, "functions": FUNCTIONS, "declares": {"queueDepth": QUEUE_DEPTH}})

    def _reset(self, request):
        interfaces = request.get("interfaces") or {}
        if not isinstance(interfaces, dict):
            raise BadRequest("reset: interfaces is not an object")
        for name, process in interfaces.items():
            if process not in SETS:
                raise BadRequest("reset: there is no process %s here" % process)
            if name in SETS.values():
                raise BadRequest("reset: %s is taken" % name)
        self._scenario.abandon()
        self._scenario = Scenario(self._output, interfaces)
        self._output.write({"op": "ready"})

    def _call(self, request):
        self._scenario.call(self._checked_call(request))

    def _checked_call(self, request):
        _check(request, lane=True, strings=("call", "on"))
        if not isinstance(request.setdefault("as", None), (str, type(None))):
            raise BadRequest("call: as is not a string")
        if self._scenario.is_interface(request["as"]):
            raise BadRequest("call: %s is taken" % request["as"])
        request.setdefault("args", {})
        return request

    def _together(self, request):
        calls, others = [], []
        for racing in request["requests"]:
            one, delay = racing["request"], racing["delay"]
            if one["op"] == "call":
                calls.append((delay, self._checked_call(one)))
            elif one["op"] == "resume":
                _check(one, lane=True, strings=("command",))
                others.append((delay, one))
            elif one["op"] == "exit":
                _check(one, process=True)
                others.append((delay, one))
            else:
                raise BadRequest("together: %s cannot race" % one["op"])
        self._scenario.together(calls, others)

    def _resume(self, request):
        _check(request, lane=True, strings=("command",))
        self._scenario.resume(request)

    def _touch(self, request):
        _check(request, lane=True, strings=("object",))
        self._scenario.touch(request)

    def _exit(self, request):
        _check(request, process=True)
        self._scenario.exit(request)

    def _expire(self, request):
        _check(request, lane=True)
        self._scenario.expire(request)

    def _unload(self, request):
        _check(request, process=True)
        self._scenario.unload(request)

    def _settle(self, request):
        _check(request)
        self._scenario.settle(request)

    def _bye(self, request):
        return False


_OPERATIONS = {
    "hello": Dispatcher._hello,
    "reset": Dispatcher._reset,
    "call": Dispatcher._call,
    "together": Dispatcher._together,
    "resume": Dispatcher._resume,
    "touch": Dispatcher._touch,
    "exit": Dispatcher._exit,
    "expire": Dispatcher._expire,
    "unload": Dispatcher._unload,
    "settle": Dispatcher._settle,
    "bye": Dispatcher._bye,
}


def _parse(text):
    """Read one line; the JSON object in it, with at least an `op`."""
    try:
        request = json.loads(text)
    except (ValueError, RecursionError) as failure:
        raise BadRequest("not a line of JSON: %s" % failure) from None
    if not isinstance(request, dict):
        raise BadRequest("not a JSON object: %.60s" % json.dumps(request))
    if not isinstance(request.get("op"), str):
        raise BadRequest("no op in the line")
    return request


def _check(request, lane=False, process=False, strings=()):
    """Check the fields that an operation needs."""
    operation = request["op"]
    if "id" not in request:
        raise BadRequest("%s: no id" % operation)
    integer("%s: id" % operation, request["id"], high=2 ** 63)
    for name in strings + (("lane",) if lane else ()) + (("process",) if process else ()):
        if not isinstance(request.get(name), str):
            raise BadRequest("%s: %s is missing or not a string" % (operation, name))
    named = request["process"] if process else "server"
    if lane:
        named, dot, thread = request["lane"].partition(".")
        if not dot or not named or not thread:
            raise BadRequest("%s: a lane is <process>.<thread>" % operation)
    if named not in SETS:
        raise Unsupported("there is no process %s here" % named)


def main():
    """Serve standard input until it ends, or until `bye`."""
    output = Output(sys.stdout)
    dispatcher = Dispatcher(output)
    for text in sys.stdin.buffer:
        if not dispatcher.handle(text):
            break
    dispatcher.finish()
    # At once, whatever the lanes are blocked in; every line has been flushed.
    os._exit(0)


if __name__ == "__main__":
    main()
