"""Dialogues with tiny_vdi.py, played over its standard input and output.

Run with ``python3 conformance/adapters/python/test_tiny_vdi.py``.  No test sleeps:
`settle` says when everything that can happen has happened.
"""

import json
import os
import subprocess
import sys
import threading
import unittest

from vdi_buffers import AREA_LIMIT, BufferArea

HERE = os.path.dirname(os.path.abspath(__file__))
ADAPTER = os.path.join(HERE, "tiny_vdi.py")
PROTOCOL_PAGE = os.path.join(HERE, os.pardir, "PROTOCOL.md")
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


class AdapterTest(unittest.TestCase):
    """One adapter plays all dialogues, a reset before each."""

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

    def fetch(self, on="cdev", timeout=0):
        """The name of the command that GetCommand delivers, or its status."""
        line = self.call("primary.main", "GetCommand", on, timeout=timeout)
        return line["out"]["command"] if "out" in line else line["status"]

    def complete(self, name, code="ERROR_SUCCESS", size=0, on="cdev", **args):
        return self.client("CompleteCommand", on=on, command=name, code=code, bytes=size,
                           **args)

    # -- the dialogues

    def test_hello(self):
        self.assertEqual(self.hello["implementation"]["name"], "tiny-vdi")
        self.assertEqual(self.hello["declares"], {"queueDepth": 64})
        self.assertEqual(self.hello["offers"], ["server", "client", "touch", "exit",
                                                "unload", "hold", "settle"])

    def test_normal_termination(self):
        self.activate()
        self.good(self.server("AllocateBuffer", as_="b", size=65536),
                  self.send_command("w", buffer="b", size=65536))
        line = self.call("primary.main", "GetCommand", "cdev", timeout=0)
        self.assertEqual(line["out"], {"command": "w", "code": "Write", "size": 65536,
                                       "position": 0, "buffer": "b"})
        self.assertEqual(self.server("FreeBuffer", buffer="b", size=65536), "VD_E_INVALID")
        self.good(self.complete("w", size=65536))
        self.assertEqual(self.callbacks(), [("w", SUCCESS, 65536)])
        self.assertEqual(self.complete("w"), "VD_E_INVALID")
        self.assertEqual(self.fetch(), "VD_E_TIMEOUT")
        self.assertIsNone(
            self.call("primary.t2", "GetCommand", "cdev", timeout="infinite"))
        self.good(self.server("CloseDevice", on="sdev"))
        self.assertEqual(sorted(self.returns()), [("primary.t2", "VD_E_CLOSE"),
                                                  ("server.agent", "NOERROR")])
        self.assertEqual(self.server("CloseDevice", on="sdev"), "VD_E_CLOSE")
        self.good(self.server("Close"))
        self.assertEqual(self.fetch(), "VD_E_CLOSE")
        self.good(self.client("Close"))
        self.assertEqual(self.client("Close"), "VD_E_PROTOCOL")

    def test_server_close_with_devices_open(self):
        self.activate()
        self.good(self.server("AllocateBuffer", as_="b", size=512),
                  self.send_command("c1", buffer="b", size=512), self.send_command("c2"),
                  self.send_command("c3"))
        self.assertEqual((self.fetch(), self.fetch()), ("c1", "c2"))
        self.assertEqual(self.server("Close"), "VD_E_PROTOCOL")
        agent = [line["op"] for line in self.others if line["lane"] == "server.agent"]
        self.assertEqual(agent, ["callback"] * 3 + ["return"])
        self.assertEqual(self.callbacks(), [(name, ABORTED, 0) for name in ("c1", "c2", "c3")])
        self.assertEqual(self.blocked, [])
        for lane, thing, found in (("server.main", "b", "gone"), ("server.main", "sdev", "gone"),
                                   ("primary.main", "b", "alive"),
                                   ("primary.main", "cdev", "alive")):
            self.assertEqual(self.talk.ask("touch", lane=lane, object=thing)["found"], found)
        self.assertEqual(self.complete("c1"), "VD_E_ABORT")
        self.assertEqual(self.send_command("late"), "VD_E_PROTOCOL")
        self.assertEqual(self.callbacks(), [("late", "ERROR_INVALID_HANDLE", 0)])
        self.assertEqual(self.server("Open", name="S"), "VD_E_PROTOCOL")
        self.good(self.client("Close"))
        found = self.talk.ask("touch", lane="primary.main", object="b")["found"]
        self.assertEqual(found, "gone")

    def test_server_abort(self):
        self.activate()
        self.good(self.server("AllocateBuffer", as_="b", size=512))
        self.assertIsNone(
            self.call("primary.main", "GetCommand", "cdev", timeout="infinite"))
        self.good(self.server("SignalAbort"))
        self.assertEqual(sorted(self.returns()), [("primary.main", "VD_E_ABORT"),
                                                  ("server.agent", "NOERROR")])
        self.assertEqual(self.server("FreeBuffer", buffer="b", size=512), "VD_E_ABORT")
        self.assertEqual(self.server("CloseDevice", on="sdev"), "VD_E_ABORT")
        self.assertEqual(self.server("ExecuteCompletionAgent"), "VD_E_ABORT")
        self.assertEqual(self.send_command("c"), "VD_E_ABORT")
        self.assertEqual(self.callbacks(), [("c", ABORTED, 0)])
        self.good(self.server("SignalAbort"), self.server("Close"), self.client("Close"))

    def test_client_abort_overrides_recorded_completions(self):
        self.activate()
        self.good(self.send_command("c1", hold=True), self.send_command("c2"))
        self.assertEqual((self.fetch(), self.fetch()), ("c1", "c2"))
        self.good(self.complete("c1", size=7))
        self.assertEqual(self.callbacks(), [("c1", SUCCESS, 7)])
        self.good(self.complete("c2", size=7), self.client("SignalAbort"))
        self.assertEqual(self.callbacks(), [])
        self.assertEqual(self.talk.ask("resume", lane="server.agent", command="c1")["op"],
                         "resumed")
        self.blocked, self.others = self.talk.settle()
        self.assertEqual(self.callbacks(), [("c2", ABORTED, 0)])
        self.assertEqual(self.returns(), [("server.agent", "NOERROR")])

    def test_client_close_with_devices_open(self):
        self.activate()
        self.good(self.send_command("c"))
        self.assertEqual(self.client("Close"), "VD_E_OPEN")
        self.assertEqual(self.callbacks(), [("c", ABORTED, 0)])
        self.good(self.client("Create", name="S", config={"deviceCount": 2}))
        self.assertEqual(self.fetch(), "VD_E_PROTOCOL")
        self.good(self.server("Close"))

    def test_hold_and_calls_from_inside(self):
        self.activate()
        self.assertEqual(self.talk.ask("unload", process="primary")["found"], "idle")
        self.good(self.send_command("c1", hold=True))
        self.fetch()
        self.good(self.complete("c1", position=5))
        self.assertEqual(self.others[0]["position"], 5)
        inside = self.call("server.agent", "SendCommand", "sdev", as_="c2", code="Flush")
        self.good(inside["status"])
        self.assertEqual(self.blocked, ["server.agent"])
        self.assertEqual(self.talk.ask("unload", process="server")["found"], "busy")
        again = self.talk.ask("resume", lane="server.agent", command="c2")
        self.assertEqual(again["op"], "unsupported")
        self.assertEqual(self.fetch(), "c2")
        closed = self.call("server.agent", "Close", "sset")
        self.assertEqual(closed["status"], "VD_E_PROTOCOL")
        self.assertEqual(self.others, [])
        self.talk.ask("resume", lane="server.agent", command="c1")
        self.blocked, self.others = self.talk.settle()
        self.assertEqual(self.callbacks(), [("c2", ABORTED, 0)])
        self.assertEqual(self.returns(), [("server.agent", "NOERROR")])
        self.assertEqual(self.talk.ask("unload", process="server")["found"], "idle")

    def test_hold_in_a_refused_command(self):
        self.configure()
        self.good(self.server("OpenDevice", as_="sdev", name="S"))
        self.assertIsNone(
            self.call("server.main", "SendCommand", "sdev", as_="c", code="Read", hold=True))
        self.assertEqual(self.callbacks(), [("c", "ERROR_INVALID_HANDLE", 0)])
        self.assertEqual(self.blocked, ["server.main"])
        self.talk.ask("resume", lane="server.main", command="c")
        self.assertEqual(self.talk.settle()[1][0]["status"], "VD_E_PROTOCOL")

    def test_settle_names_blocked_lanes(self):
        self.good(self.client("Create", name="S", config={"deviceCount": 1}))
        for lane in ("primary.t3", "primary.t2"):
            self.call(lane, "GetConfiguration", "cset", timeout="infinite")
        self.assertEqual(self.blocked, ["primary.t2", "primary.t3"])
        self.good(self.server("Open", name="S"),
                  self.server("BeginConfiguration", blockSize=512, maxTransferSize=65536))
        self.assertEqual(self.others, [])
        self.good(self.server("EndConfiguration"))
        self.assertEqual(len(self.returns()), 2)
        config = self.others[0]["out"]["config"]
        self.assertEqual(list(config)[-4:],
                         ["blockSize", "maxIODepth", "maxTransferSize", "bufferAreaSize"])
        self.assertEqual(config["bufferAreaSize"], 4 * 65536)

    def test_time_outs_run_out(self):
        self.good(self.client("Create", name="S", config={"deviceCount": 1}))
        self.talk.send_call("primary.main", "GetConfiguration", "cset", timeout=5)
        self.assertEqual(self.talk.read()["status"], "VD_E_TIMEOUT")

    def test_server_time_out_aborts(self):
        self.activate(serverTimeOut=5)
        self.talk.send_call("server.main", "SendCommand", "sdev", as_="c", code="Flush")
        lines = [self.talk.read() for _ in range(3)]
        self.assertEqual([line["op"] for line in lines], ["return", "callback", "return"])
        self.assertEqual(lines[1]["completion"], ABORTED)
        self.assertEqual(self.fetch(), "VD_E_ABORT")

    def test_exit_of_the_server(self):
        self.activate()
        self.good(self.send_command("c"))
        self.call("primary.t2", "GetConfiguration", "cset", timeout="infinite")
        self.fetch()
        self.call("primary.t2", "GetCommand", "cdev", timeout="infinite")
        self.assertEqual(self.blocked, ["primary.t2", "server.agent"])
        self.assertEqual(self.talk.ask("exit", process="server", how="killed")["op"], "exited")
        self.blocked, self.others = self.talk.settle()
        self.assertEqual(self.returns(), [("primary.t2", "VD_E_ABORT")])
        self.assertEqual((self.callbacks(), self.blocked), ([], []))
        self.talk.send_call("server.main", "Close", "sset")
        self.assertEqual(self.talk.read()["op"], "unsupported")
        self.good(self.client("Close"))

    def test_exit_of_the_client(self):
        self.activate()
        self.good(self.send_command("c1", hold=True), self.send_command("c2"))
        self.fetch()
        self.good(self.complete("c1"))
        self.talk.ask("exit", process="primary", how="normal")
        self.talk.ask("resume", lane="server.agent", command="c1")
        self.blocked, self.others = self.talk.settle()
        self.assertEqual(self.callbacks(), [("c2", ABORTED, 0)])
        self.good(self.server("Close"))

    def test_error_and_clear_error(self):
        self.activate()
        for name in ("c1", "c2", "c3"):
            self.good(self.send_command(name))
        self.assertEqual((self.fetch(), self.fetch()), ("c1", "c2"))
        self.good(self.complete("c1", code="ERROR_END_OF_MEDIA", size=3))
        self.assertEqual(self.callbacks(), [("c1", "ERROR_END_OF_MEDIA", 3),
                                            ("c3", "ERROR_IO_DEVICE", 0)])
        self.assertEqual(self.send_command("c4"), "VD_E_IO_ERROR")
        self.assertEqual(self.others[0]["lane"], "server.main")
        self.assertEqual(self.callbacks(), [("c4", "ERROR_IO_DEVICE", 0)])
        self.good(self.send_command("clear", code="ClearError"))
        self.assertEqual(self.fetch(), "VD_E_TIMEOUT")
        self.good(self.complete("c2"))
        self.assertEqual(self.fetch(), "clear")
        self.assertEqual(self.send_command("c5"), "VD_E_IO_ERROR")
        self.good(self.complete("clear"), self.send_command("c6"))

    def test_two_devices(self):
        self.configure(deviceCount=2)
        self.good(self.client("OpenDevice", as_="cdev", name="S"),
                  self.client("OpenDevice", as_="cdev2", name="T"))
        self.assertEqual(self.client("OpenDevice", name="U"), "VD_E_OPEN")
        self.call("server.agent", "ExecuteCompletionAgent", "sset")
        self.assertEqual(self.server("ExecuteCompletionAgent"), "VD_E_PROTOCOL")
        self.good(self.server("OpenDevice", as_="sdev2", name="T"))
        self.assertEqual(self.send_command("early", on="sdev2"), "VD_E_PROTOCOL")
        self.assertEqual(self.server("CloseDevice", on="sdev2"), "VD_E_PROTOCOL")
        self.good(self.server("OpenDevice", as_="sdev", name="anything"))
        self.assertEqual(self.server("OpenDevice", name="S"), "VD_E_OPEN")
        self.good(self.send_command("c", on="sdev2"))
        self.assertEqual(self.fetch(), "VD_E_TIMEOUT")
        self.assertEqual(self.fetch(on="cdev2"), "c")
        self.assertEqual(self.complete("c", on="cdev"), "VD_E_INVALID")
        self.good(self.server("CloseDevice", on="sdev2"), self.server("CloseDevice", on="sdev"))
        self.assertEqual(self.blocked, ["server.agent"])
        self.good(self.complete("c", on="cdev2"))
        self.assertEqual(self.returns(), [("server.agent", "NOERROR")])

    def test_queue_full(self):
        self.activate()
        depth = self.hello["declares"]["queueDepth"]
        for number in range(depth):
            self.talk.send_call("server.main", "SendCommand", "sdev", as_="c%d" % number,
                                code="Read")
        self.talk.settle()
        self.fetch()
        self.assertEqual(self.send_command("more"), "VD_E_QUEUE_FULL")
        self.assertEqual(self.callbacks(), [("more", "ERROR_NO_SYSTEM_RESOURCES", 0)])
        self.good(self.complete("c0"), self.send_command("more"))

    def test_buffers(self):
        self.activate(prefixZoneSize=16)
        query = {"lane": "server.main", "call": "QueryAvailableBuffers", "on": "sset",
                 "size": 65536}
        self.assertEqual(self.call(**query)["out"], {"count": 4})
        self.good(*[self.server("AllocateBuffer", as_=name, size=65536) for name in "abcd"])
        self.assertEqual(self.server("AllocateBuffer", as_="e", size=65536), "VD_E_MEMORY")
        self.assertEqual(self.server("AllocateBuffer", size=512, alignment=3), "VD_E_INVALID")
        self.good(self.server("FreeBuffer", buffer="b", size=65536))
        for name in ("b", "e", None):
            self.assertEqual(self.server("FreeBuffer", buffer=name, size=65536), "VD_E_INVALID")
        self.assertEqual(self.call(**query)["out"], {"count": 1})
        self.good(self.server("RequestBuffers", size=65536, count=2))
        self.assertEqual(self.call(**query)["out"], {"count": 3})

    def test_refused_configurations(self):
        for config in ({"deviceCount": 65}, {"deviceCount": 1, "features": ["Rewind"]},
                       {"deviceCount": 1, "alignment": 3},
                       {"deviceCount": 1, "softFileMarkBlockSize": 512}):
            self.assertEqual(self.client("Create", name="S", config=config),
                             "VD_E_NOTSUPPORTED")
        self.good(self.client("Create", name="S", config={
            "deviceCount": 1, "features": ["LikeTape", "Discard"]}))
        self.assertEqual(self.server("Open", name="T"), "VD_E_INVALID")
        self.good(self.server("Open", name="S"))
        for block, transfer in ((256, 65536), (768, 65536), (512, 65537), (512, 0)):
            status = self.server("BeginConfiguration", blockSize=block, maxTransferSize=transfer)
            self.assertEqual(status, "VD_E_INVALID")

    def test_reset_with_blocked_lanes(self):
        self.activate()
        self.good(self.send_command("c1", hold=True), self.send_command("c2"))
        self.fetch()
        self.good(self.complete("c1"))
        self.call("primary.t2", "GetConfiguration", "cset", timeout=0)
        self.fetch()
        self.talk.send_call("primary.t2", "GetCommand", "cdev", timeout=1)
        self.talk.send_call("primary.t3", "GetCommand", "cdev", timeout="infinite")
        self.talk.send("reset", scenario="again")
        line = self.talk.read()
        while line["op"] != "ready":
            line = self.talk.read()
        self.assertEqual(self.talk.settle(), ([], []))
        self.activate()

    def test_garbage(self):
        talk = self.talk
        for text in ("", "nonsense", "[1,2]", "{}", '{"op":3}', '{"op":"settle"}', "[" * 9999,
                     '{"op":"call","id":1,"lane":"server","call":"Open","on":"sset"}',
                     '{"op":"call","id":1,"lane":"server.main","call":"Open","on":"sset",'
                     '"args":{"name":5}}'):
            talk.process.stdin.write(text + "\n")
            line = talk.read()
            self.assertEqual(list(line), ["op", "message"])
            self.assertEqual(line["op"], "trouble")
        for fields in ({"lane": "server.main", "call": "IsSharedBuffer", "on": "sset"},
                       {"lane": "primary.main", "call": "Open", "on": "sset"},
                       {"lane": "server.main", "call": "CloseDevice", "on": "nothing"},
                       {"lane": "secondary.main", "call": "Close", "on": "cset"}):
            line = talk.ask("call", args={}, **fields)
            self.assertEqual(list(line), ["op", "id", "reason"])
        self.assertEqual(talk.ask("dance")["op"], "unsupported")
        self.assertEqual(talk.settle(), ([], []))


class EndTest(unittest.TestCase):
    """How a dialogue ends, each in an adapter of its own."""

    def test_the_dialogue_of_the_protocol_page(self):
        with open(PROTOCOL_PAGE, encoding="utf-8") as page:
            lines = page.read().splitlines()
        wanted = [line[2:] for line in lines if line.startswith("\u2190 ")]
        talk = Dialogue()
        for line in lines:
            if line.startswith("\u2192 "):
                talk.process.stdin.write(line[2:] + "\n")
        status, rest = talk.close()
        self.assertEqual(status, 0)
        # Compared without order, which two of the lines may choose, and without the
        # version of Python that hello names.
        self.assertEqual(sorted(rest.splitlines()[1:]), sorted(wanted[1:]))

    def test_end_of_input_with_blocked_lanes(self):
        talk = Dialogue()
        talk.send_call("primary.main", "Create", "cset", name="S", config={"deviceCount": 1})
        talk.send_call("primary.main", "GetConfiguration", "cset", timeout="infinite")
        status, rest = talk.close()
        self.assertEqual((status, rest.count("\n")), (0, 1))


class BufferAreaTest(unittest.TestCase):
    """The accounting that the protocol does not show."""

    def test_zones(self):
        area = BufferArea(16, 512)
        self.assertTrue(area.add([(1000, 0, 2), (65536, 4096, 1)]))
        large = area.allocate(65536, 4096)
        small = area.allocate(1000, 0)
        self.assertEqual((len(large.data), len(large.prefix)), (65536, 16))
        self.assertEqual((large.data_at % 4096, small.data_at % 512), (0, 0))
        small.prefix[:] = b"p" * 16
        small.data[:] = b"d" * 1000
        self.assertEqual((bytes(small.prefix), bytes(small.data)), (b"p" * 16, b"d" * 1000))
        self.assertEqual(area.available(1000, 0), 1)
        small.release()
        self.assertEqual(area.available(1000, 0), 2)

    def test_all_or_nothing(self):
        area = BufferArea(0, 512)
        self.assertFalse(area.add([(512, 0, 1), (AREA_LIMIT, 0, 1)]))
        self.assertEqual(area.available(512, 0), 0)


if __name__ == "__main__":
    unittest.main()
