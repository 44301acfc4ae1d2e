"""Dialogues with tiny_vdi.py: one server, one client, and the lines themselves.

All tests of this directory: ``python3 -m unittest -q`` in it.
"""

import os
import unittest

from dialogue import ABORTED, HERE, SUCCESS, Dialogue, DialogueTest
from vdi_buffers import AREA_LIMIT, BASE, BufferArea

PROTOCOL_PAGE = os.path.join(HERE, os.pardir, "PROTOCOL.md")


class AdapterTest(DialogueTest):
    """Calls and operations, each in a dialogue."""

    def test_hello(self):
        self.assertEqual(self.hello["implementation"]["name"], "tiny-vdi")
        self.assertEqual(self.hello["declares"], {"queueDepth": 64})
        self.assertEqual(self.hello["offers"], ["server", "client", "touch", "exit",
                                                "unload", "hold", "settle", "expire", "together"])

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
        for process, thing, found in (("server", "b", "gone"), ("server", "sdev", "gone"),
                                      ("primary", "b", "alive"), ("primary", "cdev", "alive")):
            self.assertEqual(self.touch(process, thing), found)
        self.assertEqual(self.complete("c1"), "VD_E_ABORT")
        self.assertEqual(self.send_command("late"), "VD_E_PROTOCOL")
        self.assertEqual(self.callbacks(), [("late", "ERROR_INVALID_HANDLE", 0)])
        self.assertEqual(self.server("Open", name="S"), "VD_E_PROTOCOL")
        self.good(self.client("Close"))
        self.assertEqual(self.touch("primary", "b"), "gone")

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

    def test_requests_are_summed(self):
        begun = [self.client("CreateEx", name="S", config={"deviceCount": 1}),
                 self.server("Open", name="S"),
                 self.server("BeginConfiguration", blockSize=512, maxTransferSize=65536)]
        query = {"lane": "server.main", "call": "QueryAvailableBuffers", "on": "sset"}
        self.good(*begun, self.server("RequestBuffers", size=AREA_LIMIT, count=1))
        self.good(self.server("RequestBuffers", size=512, count=1))
        self.assertEqual(self.call(**query, size=512)["out"], {"count": 0})
        self.assertEqual(self.server("EndConfiguration"), "VD_E_MEMORY")
        # All requests are forgotten, and the server may ask for less.
        self.good(self.server("RequestBuffers", size=512, count=2),
                  self.server("RequestBuffers", size=4096, count=1, alignment=4096),
                  self.server("RequestBuffers", size=512, count=1),
                  self.server("EndConfiguration"))
        self.good(*[self.server("AllocateBuffer", size=512) for _ in range(3)],
                  self.server("AllocateBuffer", size=4096, alignment=4096))
        self.assertEqual(self.server("AllocateBuffer", size=512), "VD_E_MEMORY")
        self.assertEqual(self.call(**query, size=512)["out"], {"count": 0})
        self.assertEqual(self.server("RequestBuffers", size=AREA_LIMIT, count=1), "VD_E_MEMORY")
        self.good(self.server("SignalAbort"))
        self.assertEqual(self.server("QueryAvailableBuffers", size=512), "VD_E_PROTOCOL")
        self.assertEqual(self.server("RequestBuffers", size=512, count=1), "VD_E_ABORT")

    def test_addresses(self):
        self.activate(prefixZoneSize=100, alignment=4096)
        self.good(self.server("RequestBuffers", size=1000, count=2, alignment=65536))
        zones = []
        for size, alignment in ((65536, 0), (1000, 65536), (65536, 0), (1000, 65536)):
            line = self.call("server.main", "AllocateBuffer", "sset", size=size,
                             alignment=alignment)
            address = line["out"]["address"]
            self.assertEqual(address % (alignment or 4096), 0)
            zones.append((address - 100, address + size))
        zones.sort()
        self.assertGreaterEqual(zones[0][0], BASE)
        for (_, end), (start, _) in zip(zones, zones[1:]):
            self.assertLessEqual(end, start)

    def test_is_shared_buffer(self):
        def shared(name):
            return self.call("server.main", "IsSharedBuffer", "sset", buffer=name)["out"]["shared"]

        self.assertEqual(self.server("IsSharedBuffer", buffer=None), "VD_E_PROTOCOL")
        self.configure()
        self.good(self.server("AllocateBuffer", as_="a", size=512),
                  self.server("AllocateBuffer", as_="b", size=512),
                  self.server("FreeBuffer", buffer="b", size=512))
        wanted = [("a", True), ("b", False), (None, False), ("c", False)]
        self.assertEqual([(name, shared(name)) for name, _ in wanted], wanted)
        self.good(self.server("SignalAbort"))
        self.assertEqual([(name, shared(name)) for name, _ in wanted], wanted)
        self.good(self.server("Close"))
        line = self.call("server.main", "IsSharedBuffer", "sset", buffer="a")
        self.assertEqual((line["status"], "out" in line), ("VD_E_PROTOCOL", False))

    def test_the_server_sees_what_was_asked_for(self):
        def seen(lane, on, **args):
            return self.call(lane, "GetConfiguration", on, **args)["out"]["config"]

        self.good(self.client("Create", name="S", config={"deviceCount": 1, "alignment": 4096}),
                  self.server("Open", name="S"))
        asked = seen("server.main", "sset")
        self.assertEqual((asked["alignment"], asked["blockSize"]), (4096, 0))
        self.good(self.server("BeginConfiguration", blockSize=512, maxTransferSize=65536,
                              alignment=8192, features=["WriteMedia"]),
                  self.server("EndConfiguration"))
        self.assertEqual(seen("server.main", "sset"), asked)
        made = seen("primary.main", "cset", timeout=0)
        self.assertEqual((made["alignment"], made["blockSize"], made["features"]),
                         (8192, 512, 0x10000))

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
        for fields in ({"lane": "server.main", "call": "SetConfiguration", "on": "sset"},
                       {"lane": "primary.main", "call": "Open", "on": "sset"},
                       {"lane": "server.main", "call": "CloseDevice", "on": "nothing"},
                       {"lane": "secondary1.main", "call": "Close", "on": "cset"},
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

    def test_versions(self):
        for fields, version in [({}, 1), ({"newest": 2}, 2), ({"newest": 9}, 2)]:
            talk = Dialogue()
            self.assertEqual(talk.ask("hello", protocol=1, suite="0", **fields)["protocol"], version)
            talk.close()
        talk = Dialogue()
        self.assertEqual(talk.ask("hello", protocol=3, newest=4, suite="0")["op"], "trouble")
        talk.close()

    def test_a_second_set(self):
        talk = Dialogue()
        talk.ask("hello", protocol=1, newest=2, suite="0")
        self.assertEqual(talk.ask("reset", scenario="x", interfaces={"cset": "server"})["op"],
                         "trouble")
        interfaces = {"cset2": "primary", "sset2": "server"}
        self.assertEqual(talk.ask("reset", scenario="x", interfaces=interfaces), {"op": "ready"})
        for number, lane, call, on, args, status in [
                (1, "primary.main", "Create", "cset2", {"config": {"deviceCount": 1}}, "NOERROR"),
                (2, "server.main", "Open", "sset2", {}, "NOERROR"),
                (3, "server.main", "EndConfiguration", "sset", None, "VD_E_PROTOCOL")]:
            args = {} if args is None else dict(args, name="T")
            talk.send_call(lane, call, on, **args)
            _, lines = talk.settle()
            self.assertEqual([line["status"] for line in lines], [status], number)
        # The next one has no other interfaces than the usual ones.
        self.assertEqual(talk.ask("reset", scenario="y"), {"op": "ready"})
        talk.send_call("server.main", "Open", "sset2", name="T")
        _, lines = talk.settle()
        self.assertEqual([line["op"] for line in lines], ["unsupported"])
        talk.close()

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
        self.assertEqual((large.address % 4096, small.address % 512), (0, 0))
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
