"""A driver for dialogues with tiny_vdi.py, over its standard input and output.

The tests are written with it.  Nothing here sleeps: `settle` says when everything
that can happen has happened.
"""

import json
import os
import subprocess
import sys
import threading
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ADAPTER = os.path.join(HERE, "tiny_vdi.py")
SUCCESS = "ERROR_SUCCESS"
ABORTED = "ERROR_OPERATION_ABORTED"


class Dialogue:
    """The suite's end of one running adapter."""

    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, ADAPTER], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            universal_newlines=True, bufsize=1)
        # Against a hang only; nothing depends on the span.
        self._watchdog = threading.Timer(20, self.process.kill)
        self._watchdog.daemon = True
        self._watchdog.start()
        self._last_id = 0

    def close(self):
        """End the input; returns the exit status and what was left to read."""
        rest, _ = self.process.communicate()
        self._watchdog.cancel()
        return self.process.returncode, rest

    def send(self, op, **fields):
        """Write one line; every operation but hello, reset and bye gets an id."""
        if op not in ("hello", "reset", "bye"):
            self._last_id += 1
            fields["id"] = self._last_id
        self.process.stdin.write(json.dumps(dict(op=op, **fields)) + "\n")
        return self._last_id

    def read(self):
        """Read one line."""
        return json.loads(self.process.stdout.readline())

    def ask(self, op, **fields):
        """Write an operation and return the next line, its answer."""
        self.send(op, **fields)
        return self.read()

    def settle(self):
        """Settle; returns the lanes still in a call, and the lines before."""
        self.send("settle")
        lines = [self.read()]
        while lines[-1]["op"] != "settled":
            lines.append(self.read())
        return lines[-1]["inCall"], lines[:-1]

    def send_call(self, lane, call, on, **args):
        """Start a call; `as_` names what it makes. Returns its id."""
        fields = {"lane": lane, "call": call, "on": on}
        if "as_" in args:
            fields["as"] = args.pop("as_")
        return self.send("call", args=args, **fields)


class DialogueTest(unittest.TestCase):
    """One adapter plays all dialogues of a class, a reset before each."""

    @classmethod
    def setUpClass(cls):
        cls.talk = Dialogue()
        cls.hello = cls.talk.ask("hello", protocol=1, suite="0.0.0")

    @classmethod
    def tearDownClass(cls):
        cls.talk.close()

    def setUp(self):
        self.assertEqual(self.talk.ask("reset", scenario=self.id()), {"op": "ready"})
        # Lines about other things than the last call, in the order they came.
        self.others = []

    def call(self, lane, call, on, **args):
        """Call, settle, and return the return line, or None if the call is blocked."""
        made = self.talk.send_call(lane, call, on, **args)
        self.blocked, lines = self.talk.settle()
        self.others = [line for line in lines if line.get("id") != made]
        return next((line for line in lines if line.get("id") == made), None)

    def server(self, call, on="sset", **args):
        """The status of a call on server.main."""
        return self.call("server.main", call, on, **args)["status"]

    def client(self, call, on="cset", **args):
        """The status of a call on primary.main."""
        return self.call("primary.main", call, on, **args)["status"]

    def second(self, call, on="x1set", **args):
        """The status of a call on secondary1.main."""
        return self.call("secondary1.main", call, on, **args)["status"]

    def touch(self, process, thing):
        """Is the thing alive or gone, for this process?"""
        return self.talk.ask("touch", lane=process + ".main", object=thing)["found"]

    def expire(self, lane):
        """Let time pass for a lane; the lines that come of it are `others`."""
        self.assertEqual(self.talk.ask("expire", lane=lane)["op"], "expired")
        self.blocked, self.others = self.talk.settle()

    def good(self, *statuses):
        for status in statuses:
            self.assertEqual(status, "NOERROR")

    def callbacks(self):
        """(command, completion, bytes) of the callbacks among the other lines."""
        return [(line["command"], line["completion"], line["bytes"])
                for line in self.others if line["op"] == "callback"]

    def returns(self):
        """(lane, status) of the returns among the other lines."""
        return [(line["lane"], line["status"])
                for line in self.others if line["op"] == "return"]

    def configure(self, **config):
        self.good(self.client("CreateEx", name="S", config=dict({"deviceCount": 1}, **config)),
                  self.server("Open", name="S"),
                  self.server("BeginConfiguration", blockSize=512, maxTransferSize=65536),
                  self.server("RequestBuffers", size=65536, count=4),
                  self.server("EndConfiguration"),
                  self.client("GetConfiguration", timeout="infinite"))

    def activate(self, **config):
        """Up to Active; the agent's lane stays blocked. Device 1 is sdev and cdev."""
        self.configure(**config)
        self.assertIsNone(self.call("server.agent", "ExecuteCompletionAgent", "sset"))
        for number in range(1, config.get("deviceCount", 1) + 1):
            name, suffix = ("S", "") if number == 1 else ("S%d" % number, str(number))
            self.good(self.server("OpenDevice", as_="sdev" + suffix, name=name),
                      self.client("OpenDevice", as_="cdev" + suffix, name=name))

    def send_command(self, name, code="Write", on="sdev", **args):
        return self.server("SendCommand", on=on, as_=name, code=code, **args)

    def fetch(self, on="cdev", timeout=0, lane="primary.main"):
        """The name of the command that GetCommand delivers, or its status."""
        line = self.call(lane, "GetCommand", on, timeout=timeout)
        return line["out"]["command"] if "out" in line else line["status"]

    def complete(self, name, code="ERROR_SUCCESS", size=0, on="cdev", **args):
        return self.client("CompleteCommand", on=on, command=name, code=code, bytes=size,
                           **args)
