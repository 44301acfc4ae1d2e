"""Dialogues with secondary client processes, and with buffers in several processes."""

import unittest

from dialogue import ABORTED, SUCCESS, DialogueTest
from monitor import Abandoned, Monitor, Worker


class SecondaryTest(DialogueTest):
    """secondary1 has the set interface x1set; its devices are called x1dev here."""

    def join(self, **config):
        """Active with two devices: the primary opened S, secondary1 opened T."""
        self.configure(deviceCount=2, **config)
        self.good(self.second("OpenInSecondary", name="S"))
        self.assertIsNone(self.call("server.agent", "ExecuteCompletionAgent", "sset"))
        self.good(self.client("OpenDevice", as_="cdev", name="S"),
                  self.second("OpenDevice", as_="x1dev", name="T"),
                  self.server("OpenDevice", as_="sdev", name="S"),
                  self.server("OpenDevice", as_="sdev2", name="T"))

    def fetch_second(self):
        """What GetCommand says on the device of secondary1."""
        return self.fetch(on="x1dev", lane="secondary1.main")

    def lend(self):
        """Joined, with the Write w of the buffer b fetched by the primary."""
        self.join()
        self.good(self.server("AllocateBuffer", as_="b", size=512),
                  self.send_command("w", buffer="b", size=512))
        self.assertEqual(self.fetch(), "w")

    def test_when_a_secondary_may_open(self):
        def join():
            return self.second("OpenInSecondary", name="S")

        self.assertEqual(join(), "VD_E_PROTOCOL")
        self.good(self.client("CreateEx", name="S", config={"deviceCount": 1}))
        self.assertEqual(join(), "VD_E_PROTOCOL")
        self.good(self.server("Open", name="S"),
                  self.server("BeginConfiguration", blockSize=512, maxTransferSize=65536),
                  self.server("EndConfiguration"))
        self.assertEqual(join(), "VD_E_PROTOCOL")
        self.good(self.client("GetConfiguration", timeout=0))
        self.assertEqual(self.second("OpenInSecondary", name="s"), "VD_E_PROTOCOL")
        self.assertEqual(self.second("OpenInSecondaryEx", name="S", instance="other"),
                         "VD_E_PROTOCOL")
        self.good(join())
        self.assertEqual(join(), "VD_E_PROTOCOL")
        self.assertEqual(self.second("Create", name="R", config={"deviceCount": 1}),
                         "VD_E_PROTOCOL")
        self.assertEqual(self.client("OpenInSecondary", name="S"), "VD_E_PROTOCOL")

    def test_opening_an_aborted_or_closed_set(self):
        self.configure()
        self.good(self.server("SignalAbort"))
        self.assertEqual(self.second("OpenInSecondary", name="S"), "VD_E_ABORT")
        self.good(self.client("Close"))
        self.assertEqual(self.second("OpenInSecondaryEx", name="S"), "VD_E_PROTOCOL")

    def test_instances(self):
        self.good(self.client("CreateEx", name="S", instance="I", config={"deviceCount": 1}),
                  self.server("Open", name="S", instance="I"),
                  self.server("BeginConfiguration", blockSize=512, maxTransferSize=65536),
                  self.server("EndConfiguration"), self.client("GetConfiguration", timeout=0))
        self.assertEqual(self.second("OpenInSecondary", name="S"), "VD_E_PROTOCOL")
        self.good(self.second("OpenInSecondaryEx", name="S", instance="I"))

    def test_normal_run(self):
        self.join()
        line = self.call("secondary1.main", "GetConfiguration", "x1set", timeout="infinite")
        self.assertEqual(line["out"]["config"]["deviceCount"], 2)
        self.good(self.send_command("c", on="sdev2"))
        self.assertEqual(self.fetch(), "VD_E_TIMEOUT")
        self.assertEqual(self.fetch_second(), "c")
        self.assertEqual(self.complete("c"), "VD_E_INVALID")
        self.good(self.second("CompleteCommand", on="x1dev", command="c", code=SUCCESS, bytes=3))
        self.assertEqual(self.callbacks(), [("c", SUCCESS, 3)])
        self.good(self.server("CloseDevice", on="sdev"), self.server("CloseDevice", on="sdev2"))
        self.assertEqual((self.fetch(), self.fetch_second()), ("VD_E_CLOSE", "VD_E_CLOSE"))
        self.good(self.second("Close"))
        self.assertEqual((self.fetch_second(), self.second("Close")), ("VD_E_PROTOCOL",) * 2)
        self.assertEqual(self.touch("secondary1", "x1dev"), "gone")
        self.good(self.client("Close"), self.server("Close"))

    def test_devices_are_open_for_all(self):
        self.configure(deviceCount=2)
        self.good(self.second("OpenInSecondary", name="S"),
                  self.second("OpenDevice", as_="x1dev", name="S"))
        self.assertEqual(self.client("OpenDevice", name="S"), "VD_E_PROTOCOL")
        self.good(self.client("OpenDevice", as_="cdev", name="T"))
        self.assertEqual(self.second("OpenDevice", name="T"), "VD_E_OPEN")
        wrong = self.talk.ask("call", lane="primary.main", call="GetCommand", on="x1dev",
                              args={"timeout": 0})
        self.assertEqual(wrong["op"], "unsupported")
        self.assertEqual(self.touch("secondary1", "x1dev"), "alive")
        self.assertEqual(self.touch("primary", "x1dev"), "gone")
        taken = self.talk.ask("call", lane="secondary2.main", call="OpenDevice", on="x2set",
                              args={"name": "S"}, **{"as": "x9set"})
        self.assertEqual(taken["op"], "trouble")

    def test_close_with_own_device_open(self):
        self.join()
        self.good(self.send_command("c"))
        self.assertEqual(self.second("Close"), "VD_E_OPEN")
        self.assertEqual(self.callbacks(), [("c", ABORTED, 0)])
        self.assertEqual(self.fetch(), "VD_E_ABORT")
        self.assertEqual(self.second("OpenInSecondary", name="S"), "VD_E_ABORT")

    def test_close_without_own_device(self):
        self.activate()
        for _ in range(2):
            self.good(self.second("OpenInSecondary", name="S"), self.second("Close"))
        self.good(self.send_command("c"))
        self.assertEqual(self.fetch(), "c")
        self.good(self.second("Create", name="R", config={"deviceCount": 1}))

    def test_close_after_an_abort(self):
        self.join()
        self.assertIsNone(
            self.call("secondary1.t2", "GetCommand", "x1dev", timeout="infinite"))
        self.good(self.second("SignalAbort"))
        self.assertEqual(sorted(self.returns()), [("secondary1.t2", "VD_E_ABORT"),
                                                  ("server.agent", "NOERROR")])
        self.assertEqual(self.second("GetConfiguration", timeout=0), "VD_E_ABORT")
        self.assertEqual(self.second("OpenDevice", name="S"), "VD_E_ABORT")
        self.good(self.second("Close"), self.client("Close"), self.server("Close"))

    def test_own_close_wakes_own_threads(self):
        self.join()
        self.assertIsNone(self.call("secondary1.t2", "GetCommand", "x1dev", timeout=9))
        self.assertEqual(self.second("Close"), "VD_E_OPEN")
        self.assertEqual(dict(self.returns())["secondary1.t2"], "VD_E_ABORT")

    def test_the_primary_counts_all_devices(self):
        self.join()
        self.good(self.server("CloseDevice", on="sdev"))
        self.assertEqual(self.fetch(), "VD_E_CLOSE")
        self.assertEqual(self.client("Close"), "VD_E_OPEN")
        self.assertEqual(self.fetch_second(), "VD_E_ABORT")

    def test_the_primary_closes_first(self):
        self.join()
        self.good(self.server("CloseDevice", on="sdev"), self.server("CloseDevice", on="sdev2"))
        self.assertEqual((self.fetch(), self.fetch_second()), ("VD_E_CLOSE", "VD_E_CLOSE"))
        self.good(self.client("Close"))
        self.assertEqual(self.fetch_second(), "VD_E_CLOSE")
        self.assertEqual(self.touch("secondary1", "x1dev"), "alive")
        self.good(self.second("GetConfiguration", timeout=0))
        self.assertEqual(self.call("secondary2.main", "OpenInSecondary", "x2set",
                                   name="S")["status"], "VD_E_PROTOCOL")
        self.good(self.second("Close"))

    def test_death_of_a_secondary(self):
        self.join(serverTimeOut=5)
        self.good(self.send_command("c", on="sdev2"))
        self.assertEqual(self.fetch_second(), "c")
        self.assertIsNone(self.call("secondary1.t2", "GetCommand", "x1dev", timeout="infinite"))
        self.talk.ask("exit", process="secondary1", how="killed")
        self.assertEqual(self.talk.settle(), (["server.agent"], []))
        self.good(self.send_command("c1"))
        self.assertEqual(self.fetch(), "c1")
        self.good(self.complete("c1"))
        self.good(self.send_command("more", on="sdev2"))
        self.assertEqual(self.others, [])
        self.good(self.client("SignalAbort"))
        self.assertEqual(self.callbacks(), [("c", ABORTED, 0), ("more", ABORTED, 0)])

    def test_a_dead_secondary_leaves_its_device_open(self):
        self.join()
        self.talk.ask("exit", process="secondary1", how="normal")
        self.good(self.server("CloseDevice", on="sdev"), self.server("CloseDevice", on="sdev2"))
        self.assertEqual(self.fetch(), "VD_E_CLOSE")
        self.assertEqual(self.client("Close"), "VD_E_OPEN")

    def test_death_of_the_primary(self):
        self.join()
        self.assertIsNone(
            self.call("secondary1.main", "GetCommand", "x1dev", timeout="infinite"))
        self.talk.ask("exit", process="primary", how="killed")
        self.blocked, self.others = self.talk.settle()
        self.assertEqual(dict(self.returns())["secondary1.main"], "VD_E_ABORT")
        self.good(self.second("Close"))

    def test_a_handle_and_its_mapping(self):
        self.lend()
        for wanted in (None, "c"):
            self.assertEqual(self.client("GetBufferHandle", buffer=wanted), "VD_E_INVALID")
        self.good(self.client("GetBufferHandle", as_="h", buffer="b"))
        self.assertEqual(self.touch("secondary1", "b"), "gone")
        line = self.call("secondary1.main", "MapBufferHandle", "x1set", handle="h")
        self.assertEqual((line["status"], line["out"]), ("NOERROR", {"buffer": "b"}))
        self.assertEqual(self.touch("secondary1", "b"), "alive")
        for wanted in (None, "b", "nothing"):
            self.assertEqual(self.second("MapBufferHandle", handle=wanted), "VD_E_INVALID")
        self.good(self.complete("w"))
        self.assertEqual(self.client("GetBufferHandle", as_="h2", buffer="b"), "VD_E_INVALID")
        self.good(self.second("MapBufferHandle", handle="h"))
        self.good(self.server("FreeBuffer", buffer="b", size=512))
        self.assertEqual(self.touch("secondary1", "b"), "gone")
        self.assertEqual(self.second("MapBufferHandle", handle="h"), "VD_E_INVALID")

    def test_a_handle_needs_a_read_or_a_write(self):
        self.join()
        self.good(self.server("AllocateBuffer", as_="b", size=512),
                  self.send_command("f", code="Flush", buffer="b"))
        self.assertEqual(self.client("GetBufferHandle", buffer="b"), "VD_E_INVALID")
        self.assertEqual(self.fetch(), "f")
        self.assertEqual(self.client("GetBufferHandle", buffer="b"), "VD_E_INVALID")
        self.good(self.send_command("r", code="Read", buffer="b", size=512))
        self.assertEqual(self.client("GetBufferHandle", buffer="b"), "VD_E_INVALID")
        self.assertEqual(self.fetch(), "r")
        self.good(self.client("GetBufferHandle", as_="h", buffer="b"))

    def test_handles_without_a_set_and_after_an_abort(self):
        self.lend()
        self.good(self.client("GetBufferHandle", as_="h", buffer="b"),
                  self.second("MapBufferHandle", handle="h"))
        other = {"lane": "secondary2.main", "on": "x2set"}
        for call, args in (("GetBufferHandle", {"buffer": "b"}),
                           ("MapBufferHandle", {"handle": "h"})):
            self.assertEqual(self.call(call=call, **other, **args)["status"], "VD_E_PROTOCOL")
        self.good(self.server("SignalAbort"))
        self.assertEqual(self.client("GetBufferHandle", buffer="b"), "VD_E_ABORT")
        self.assertEqual(self.second("MapBufferHandle", handle="h"), "VD_E_ABORT")
        self.assertEqual(self.touch("secondary1", "b"), "alive")
        self.good(self.second("Close"))
        self.assertEqual(self.touch("secondary1", "b"), "gone")
        self.assertEqual(self.touch("primary", "b"), "alive")

    def test_a_handle_of_another_set(self):
        self.lend()
        self.good(self.client("GetBufferHandle", as_="h", buffer="b"))
        other = {"lane": "secondary2.main", "on": "x2set"}
        self.good(self.call(call="Create", name="R", config={"deviceCount": 1},
                            **other)["status"])
        line = self.call(call="MapBufferHandle", handle="h", **other)
        self.assertEqual(line["status"], "VD_E_INVALID")

    def test_delivery_maps_for_its_process(self):
        self.join()
        self.good(self.server("AllocateBuffer", as_="b", size=512),
                  self.send_command("w", on="sdev2", buffer="b", size=512))
        self.assertEqual(self.touch("secondary1", "b"), "gone")
        self.assertEqual(self.fetch_second(), "w")
        self.assertEqual(self.touch("secondary1", "b"), "alive")
        self.assertEqual(self.touch("secondary2", "b"), "gone")
        self.assertEqual(self.touch("primary", "b"), "alive")
        self.good(self.second("GetBufferHandle", as_="h", buffer="b"),
                  self.client("MapBufferHandle", handle="h"))


class EndTest(unittest.TestCase):
    """What a process was about to do when it ended it does not do."""

    def test_who_waits_for_the_lock_when_its_process_ends(self):
        monitor, done = Monitor(), []

        class Caller(Worker):
            """Calls something that has an effect."""

            def run(self):
                try:
                    with monitor:
                        done.append("effect")
                except Abandoned:
                    done.append("nothing")

        caller = Caller("secondary1.main")
        with monitor:
            caller.start()
            caller.abandoned = True
        caller.join()
        self.assertEqual(done, ["nothing"])
        with monitor:
            pass


if __name__ == "__main__":
    unittest.main()
