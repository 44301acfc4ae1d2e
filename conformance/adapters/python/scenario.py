"""One scenario: a fresh library, its lanes, and what the suite's names stand for."""

import sys
import threading
import time
import traceback

from calls import CALLS, Arguments, BadRequest, Unsupported
from lanes import Lane
from monitor import Abandoned
from vdi import Command, Library
from vdi_buffers import Buffer, BufferHandle
from vdi_client import ClientVirtualDevice, ClientVirtualDeviceSet
from vdi_codes import NOERROR
from vdi_server import ServerVirtualDevice, ServerVirtualDeviceSet

# The set interface that each process has from the start: what it is called.
SETS = {"server": "sset", "primary": "cset"}
SETS.update(("secondary%d" % number, "x%dset" % number) for number in range(1, 10))


# Nobody waits longer for a common start, in seconds: a lane that is busy does not hold up the rest.
LATEST = 0.05


class Scenario:
    """Everything between one `reset` and the next.

    The dispatcher's thread calls the public methods, except that the handlers of
    calls.py use the names and :meth:`say` from the lanes.
    """

    def __init__(self, output, interfaces=None):
        """`interfaces`: set interfaces besides those of SETS, by name with the process of each."""
        self._output = output
        self._library = Library()
        self._monitor = self._library.monitor
        self._interfaces = {name: process for process, name in SETS.items()}
        self._interfaces.update(interfaces or {})
        self._handles = {name: self._make_set(process)
                         for name, process in self._interfaces.items()}
        self._sets = list(self._handles.values())
        self._lanes = {}
        self._ended = set()

    def _make_set(self, process):
        if process == "server":
            return ServerVirtualDeviceSet(self._library)
        return ClientVirtualDeviceSet(self._library, process)

    def _sets_of(self, process):
        return [one for one in self._sets if one.process == process]

    def is_interface(self, name):
        """Is this the name of a set interface?"""
        return name in self._interfaces

    # -- names

    def bind(self, name, thing):
        """Give a name to what a call has made; returns what bore it before."""
        if name is None:
            return None
        previous = self._handles.get(name)
        self._handles[name] = thing
        return previous

    def unbind(self, name, thing, previous):
        """Take back a binding: the call failed, and the name names what it did before."""
        if name is None or self._handles.get(name) is not thing:
            return
        if previous is None:
            del self._handles[name]
        else:
            self._handles[name] = previous

    def find_buffer(self, name):
        """The buffer of that name, or None."""
        return self._find(name, Buffer)

    def find_buffer_handle(self, name):
        """The buffer handle of that name, or None."""
        return self._find(name, BufferHandle)

    def find_command(self, name):
        """The command of that name, or None."""
        return self._find(name, Command)

    def _find(self, name, kind):
        found = self._handles.get(name)
        return found if isinstance(found, kind) else None

    # -- lanes

    def _lane(self, name):
        """The lane of that name, made when it is first used (lock held)."""
        process = name.partition(".")[0]
        if process in self._ended:
            raise Unsupported("the process %s has ended" % process)
        lane = self._lanes.get(name)
        if lane is None:
            lane = self._lanes[name] = Lane(name, self._monitor, self._perform)
            lane.start()
        return lane

    def _lanes_of(self, process):
        return [lane for lane in self._lanes.values() if lane.process == process]

    def _settle(self):
        """Wait until no lane will do anything more by itself (lock held)."""
        self._monitor.wait_for_rest(
            lambda: all(lane.at_rest for lane in self._lanes.values()))

    def say(self, lane, line):
        """Write a line of a lane, unless the lane is no more."""
        if not self._output.write(line, unless=lambda: lane.abandoned):
            raise Abandoned

    def _perform(self, lane, request):
        """Run one `call` on its lane and write its return line."""
        start = request.get("start")
        if start is not None:
            start()
        try:
            status, out = self._call(lane, request)
            line = {"op": "return", "id": request["id"], "lane": lane.name, "status": status}
            if status == NOERROR and out is not None:
                line["out"] = out
        except Unsupported as reason:
            line = {"op": "unsupported", "id": request["id"], "reason": str(reason)}
        except BadRequest as reason:
            line = {"op": "trouble", "message": "call %s: %s" % (request["id"], reason)}
        except Exception as failure:  # a bug of ours: say so and stay usable
            traceback.print_exc(file=sys.stderr)
            line = {"op": "trouble", "message": "call %s: %r" % (request["id"], failure)}
        self.say(lane, line)

    def _call(self, lane, request):
        on, function = request["on"], request["call"]
        target = self._handles.get(on)
        if target is None:
            raise Unsupported("nothing is called %s" % on)
        handler = CALLS.get(type(target), {}).get(function)
        if handler is None:
            raise Unsupported("%s is not a function of %s here" % (function, on))
        if target.process != lane.process:
            raise Unsupported("%s does not belong to the process %s" % (on, lane.process))
        return handler(self, target, Arguments(request["args"]), request["as"])

    # -- what the suite can ask for

    def call(self, request):
        """Start a call on its lane."""
        with self._monitor:
            self._lane(request["lane"]).post(request)

    def together(self, calls, others):
        """Begin calls at once, and on this thread exits and resumes.

        Both are lists of (microseconds after the common start, request).
        """
        gate = threading.Barrier(len(calls) + 1)

        def start(delay):
            """Wait for everybody, and then so long."""
            try:
                gate.wait(LATEST)
            except threading.BrokenBarrierError:
                pass
            time.sleep(delay / 1e6)

        with self._monitor:
            for delay, request in calls:
                begun = dict(request, start=lambda delay=delay: start(delay))
                self._lane(request["lane"]).post(begun)
        start(0)
        passed = 0
        for delay, request in sorted(others, key=lambda other: other[0]):
            time.sleep((delay - passed) / 1e6)
            passed = delay
            end = self.exit if request["op"] == "exit" else self.resume
            end(request, racing=True)

    def resume(self, request, racing=False):
        """Let a held completion routine return."""
        with self._monitor:
            if not racing:
                self._settle()
            lane = self._lane(request["lane"])
            hold = lane.find_hold(request["command"])
            if hold is None:
                raise Unsupported("the completion routine of %s is not held on %s"
                                  % (request["command"], request["lane"]))
            # Before the lane can go on: what follows from it comes after this line.
            self._output.write({"op": "resumed", "id": request["id"]})
            lane.release(hold)

    def touch(self, request):
        """Would a buffer or a device be safe to use from the lane's process now?"""
        with self._monitor:
            self._settle()
            process = self._lane(request["lane"]).process
            thing = self._handles.get(request["object"])
            found = "alive" if self._is_alive(process, request["object"], thing) else "gone"
            self._output.write({"op": "touched", "id": request["id"], "found": found})

    def _is_alive(self, process, name, thing):
        """A process's own Close unmaps everything for that process, and for it alone.

        IServerVirtualDeviceSet2::Close, Remarks, for the server.  A buffer in a
        client's hands stays there until its own Close (SignalAbort).
        """
        if isinstance(thing, Buffer):
            return not thing.freed and any(
                one.has_mapped(thing) for one in self._sets_of(process))
        if not isinstance(thing, (ServerVirtualDevice, ClientVirtualDevice)):
            raise Unsupported("%s is neither a buffer nor a device" % name)
        return thing.process == process and thing.is_valid

    def exit(self, request, racing=False):
        """End a process: its lanes stop where they are, and the library notices."""
        process = request["process"]
        with self._monitor:
            if not racing:
                self._settle()
            self._ended.add(process)
            self._drop(self._lanes_of(process))
            for lane in self._lanes_of(process):
                del self._lanes[lane.name]
            self._output.write({"op": "exited", "id": request["id"]})
            for one in self._sets_of(process):
                one.process_died()

    def expire(self, request):
        """Let time pass for what the lane waits for, if that takes time."""
        with self._monitor:
            self._settle()
            lane = self._lane(request["lane"])
            # Before the lane can go on: what follows from it comes after this line.
            self._output.write({"op": "expired", "id": request["id"]})
            self._monitor.expire(lane, request.get("after"))

    def unload(self, request):
        """Would unloading the library pull the code from under a thread?"""
        with self._monitor:
            self._settle()
            busy = any(lane.in_call for lane in self._lanes_of(request["process"]))
            self._output.write({"op": "unloaded", "id": request["id"],
                                "found": "busy" if busy else "idle"})

    def settle(self, request):
        """Answer once every lane is idle or blocked."""
        with self._monitor:
            self._settle()
            inside = sorted(name for name, lane in self._lanes.items() if lane.in_call)
            self._output.write({"op": "settled", "id": request["id"], "inCall": inside})

    def finish(self):
        """Let everything that can still happen happen."""
        with self._monitor:
            self._settle()

    def abandon(self):
        """Drop all lanes; not one line of this scenario is written from now on."""
        with self._monitor:
            self._drop(list(self._lanes.values()))

    def _drop(self, lanes):
        """Abandon lanes (lock held)."""
        with self._output.quiet():
            for lane in lanes:
                lane.abandon()
        self._monitor.changed()
