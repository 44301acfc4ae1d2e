"""Dialogues in which time passes: `expire`, time-outs, and serverTimeOut."""

import unittest

from dialogue import ABORTED, SUCCESS, DialogueTest


class TimeTest(DialogueTest):
    """No clock runs here: time passes for a lane when the suite says so."""

    def waiting(self):
        """Active with a serverTimeOut and the command c sent, not yet fetched."""
        self.activate(serverTimeOut=5)
        self.good(self.send_command("c", code="Flush"))

    def test_get_configuration(self):
        self.good(self.client("Create", name="S", config={"deviceCount": 1}))
        self.assertEqual(self.client("GetConfiguration", timeout=0), "VD_E_TIMEOUT")
        self.assertIsNone(self.call("primary.main", "GetConfiguration", "cset", timeout=1))
        self.assertIsNone(
            self.call("primary.t2", "GetConfiguration", "cset", timeout="infinite"))
        self.expire("primary.t2")
        self.assertEqual((self.others, self.blocked), ([], ["primary.main", "primary.t2"]))
        self.expire("primary.main")
        self.assertEqual(self.returns(), [("primary.main", "VD_E_TIMEOUT")])
        self.assertEqual(self.blocked, ["primary.t2"])

    def test_get_command(self):
        self.activate()
        for _ in range(2):
            self.assertIsNone(self.call("primary.main", "GetCommand", "cdev", timeout=1))
            self.expire("primary.main")
            self.assertEqual(self.returns(), [("primary.main", "VD_E_TIMEOUT")])
        self.assertIsNone(self.call("primary.main", "GetCommand", "cdev", timeout=1))
        self.good(self.send_command("c"))
        self.assertEqual(self.returns(), [("primary.main", "NOERROR")])

    def test_nothing_to_wait_for(self):
        self.expire("primary.main")
        self.activate()
        for lane in ("primary.main", "server.main", "server.agent", "secondary1.main"):
            self.expire(lane)
            self.assertEqual((self.others, self.blocked), ([], ["server.agent"]))
        self.assertEqual(self.fetch(), "VD_E_TIMEOUT")
        self.talk.ask("exit", process="server", how="killed")
        self.assertEqual(self.talk.ask("expire", lane="server.agent")["op"], "unsupported")

    def test_two_intervals_abort(self):
        self.waiting()
        self.expire("server.agent")
        self.assertEqual((self.others, self.blocked), ([], ["server.agent"]))
        self.expire("server.agent")
        self.assertEqual(self.callbacks(), [("c", ABORTED, 0)])
        self.assertEqual(self.returns(), [("server.agent", "NOERROR")])
        self.assertEqual(self.fetch(), "VD_E_ABORT")

    def test_delivery_is_no_completion(self):
        self.waiting()
        self.expire("server.agent")
        self.assertEqual(self.fetch(), "c")
        self.good(self.send_command("c2"))
        self.expire("server.agent")
        self.assertEqual(self.callbacks(), [("c", ABORTED, 0), ("c2", ABORTED, 0)])

    def test_a_completion_counts_anew(self):
        self.waiting()
        self.good(self.send_command("c2"))
        self.fetch()
        self.expire("server.agent")
        self.good(self.complete("c"))
        self.expire("server.agent")
        self.assertEqual(self.others, [])
        self.expire("server.agent")
        self.assertEqual(self.callbacks(), [("c2", ABORTED, 0)])

    def test_the_first_request_counts_anew(self):
        self.activate(serverTimeOut=5)
        for _ in range(3):
            self.expire("server.agent")
            self.assertEqual(self.others, [])
        self.good(self.send_command("c"))
        self.fetch()
        self.expire("server.agent")
        self.good(self.complete("c"), self.send_command("c2"))
        self.expire("server.agent")
        self.assertEqual(self.others, [])
        self.expire("server.agent")
        self.assertEqual(self.callbacks(), [("c2", ABORTED, 0)])

    def test_no_server_time_out(self):
        self.activate()
        self.good(self.send_command("c"))
        for _ in range(3):
            self.expire("server.agent")
            self.assertEqual((self.others, self.blocked), ([], ["server.agent"]))

    def test_the_time_out_of_begin_configuration_is_another(self):
        self.good(self.client("Create", name="S", config={"deviceCount": 1, "serverTimeOut": 7}),
                  self.server("Open", name="S"),
                  self.server("BeginConfiguration", blockSize=512, maxTransferSize=65536,
                              timeout=9))
        self.good(self.server("EndConfiguration"))
        config = self.call("primary.main", "GetConfiguration", "cset", timeout=0)["out"]["config"]
        self.assertEqual(config["serverTimeOut"], 7)

    def test_a_load_counts_towards_the_time_out(self):
        self.activate(serverTimeOut=5, features=["Removable"])
        self.good(self.send_command("load", code="Load"))
        self.assertEqual(self.fetch(), "load")
        self.expire("server.agent")
        self.assertEqual(self.others, [])
        self.expire("server.agent")
        self.assertEqual(self.callbacks(), [("load", ABORTED, 0)])

    def test_no_time_passes_in_a_held_callback(self):
        self.activate(serverTimeOut=5)
        self.good(self.send_command("held", hold=True), self.send_command("c"))
        self.fetch()
        self.good(self.complete("held"))
        for _ in range(3):
            self.expire("server.agent")
        self.assertEqual(self.fetch(), "c")
        self.talk.ask("resume", lane="server.agent", command="held")
        self.blocked, self.others = self.talk.settle()
        self.assertEqual(self.blocked, ["server.agent"])
        for _ in range(2):
            self.expire("server.agent")
        self.assertEqual(self.callbacks(), [("c", ABORTED, 0)])

    def test_all_completed_is_nothing_pending(self):
        self.activate(serverTimeOut=5)
        self.good(self.send_command("held", hold=True), self.send_command("c"))
        self.assertEqual((self.fetch(), self.fetch()), ("held", "c"))
        self.good(self.complete("held"), self.complete("c"))
        for _ in range(3):
            self.expire("server.agent")
            self.assertEqual(self.others, [])
        self.talk.ask("resume", lane="server.agent", command="held")
        self.blocked, self.others = self.talk.settle()
        self.assertEqual(self.callbacks(), [("c", SUCCESS, 0)])
        self.assertEqual(self.blocked, ["server.agent"])


if __name__ == "__main__":
    unittest.main()
