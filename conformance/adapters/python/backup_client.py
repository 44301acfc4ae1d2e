#!/usr/bin/env python3
"""A well-behaved backup client for `vdi simulate --client`, to start from.

    vdi simulate --seeds 0..1000 --client 'python3 conformance/adapters/python/backup_client.py'

It speaks the client protocol (conformance/adapters/CLIENT.md). Each thread of the client is a
generator: it yields what the thread does next, and is resumed with how that ended. Only one
thread runs at a time, so they share `Job` without a lock.

`--deviate NAME` makes it do one thing wrong, to see that it is found.
"""

import base64
import json
import sys

OK, CLOSE, ABORT, TIMEOUT = "NOERROR", "VD_E_CLOSE", "VD_E_ABORT", "VD_E_TIMEOUT"

DEVIATIONS = ("leaves-open", "short-write", "close-is-success", "no-flush")


class Job:
    """One statement: a BACKUP, or the RESTORE of what it left."""

    def __init__(self, told, media, deviation):
        self.restore = told["statement"] == "restore"
        self.name, self.devices, self.config = told["set"], told["devices"], told["config"]
        self.arrangement = told["arrangement"]
        self.media, self.deviation = media, deviation
        self.created = False  # the set exists, and is not being closed
        self.serving = False  # the configuration is there: devices may be opened
        self.aborted = False  # SignalAbort was called, or its effect was seen
        self.stopped = False  # nothing will come of it: threads that have not begun end
        self.succeeded = None  # how the statement ended, once that is known
        self.left = set(self.devices)  # devices that are being served
        self.unclosed = set()  # devices that are open, and VD_E_CLOSE not seen


def call(function, on=None, **args):
    """A call, as the action of a thread."""
    action = {"op": "call", "call": function, "args": args}
    return action if on is None else {**action, "on": on}


def main(job):
    """The main thread: creates the set, issues the statement, waits for the devices, closes."""
    status, _ = yield call("CreateEx", name=job.name, config=job.config)
    if status != OK:
        job.stopped = True
        yield {"op": "report", "report": "failure"}
        return
    job.created = True
    yield {"op": "issue"}
    status = TIMEOUT
    while status == TIMEOUT and job.succeeded is None:
        status, _ = yield call("GetConfiguration", timeout=10_000)
    if status == OK:
        job.serving = True
        if job.arrangement == "one-thread":
            yield from serve(job, job.devices[0])
            job.left.clear()
        while job.left:
            told = yield {"op": "wait"}
            if told["told"] == "died":
                # Nobody but us can know: what that process holds will not come back.
                job.left.discard(job.devices[int(told["process"].removeprefix("secondary")) - 1])
                if not job.aborted:
                    job.aborted = True
                    yield call("SignalAbort")
    job.stopped = True
    if job.unclosed and not job.aborted and job.deviation != "leaves-open":
        # A set with devices open is aborted before it is closed.
        yield call("SignalAbort")
    job.created = False
    yield call("Close")
    while job.succeeded is None and job.deviation != "close-is-success":
        yield {"op": "wait"}
    good = job.succeeded is not False
    yield {"op": "report", "report": "success" if good else "failure"}


def statement(job):
    """The thread of the SQL statement: if it fails, nobody is to wait for ever."""
    told = yield {"op": "awaitStatement"}
    job.succeeded = told["succeeded"]
    if not job.succeeded and job.created and not job.aborted:
        job.aborted = True
        yield call("SignalAbort")


def device(job, name, secondary):
    """The thread, or the process, of one device."""
    while not job.serving and not job.stopped:
        told = yield {"op": "wait"}
        if told["told"] == "died":
            return
    if job.stopped:
        return
    if not secondary:
        yield from serve(job, name)
    elif (yield call("OpenInSecondaryEx", name=job.name))[0] == OK:
        status = TIMEOUT
        while status == TIMEOUT and job.succeeded is None:
            status, _ = yield call("GetConfiguration", timeout=10_000)
        if status == OK:
            yield from serve(job, name)
        yield call("Close")
    job.left.discard(name)


def serve(job, name):
    """GetCommand, carry it out, CompleteCommand, until the device is closed."""
    status, _ = yield call("OpenDevice", name=name)
    if status == OK:
        job.unclosed.add(name)
    while status == OK:
        status, command = yield call("GetCommand", on=name, timeout="infinite")
        if status == OK:
            code, moved = yield from carry_out(job, name, command)
            done = {"command": command["command"], "code": code, "bytes": moved}
            status, _ = yield call("CompleteCommand", on=name, **done)
            if job.deviation == "leaves-open":
                return
    if status == CLOSE:
        job.unclosed.discard(name)
    job.aborted |= status == ABORT


def carry_out(job, name, command):
    """What one command comes to: its completion code, and the bytes moved."""
    code, medium = command["code"], job.media[name.partition("-")[2]]
    if code == "Write":
        data = yield {"op": "read", "command": command["command"]}
        if data is None:
            return "ERROR_WRITE_FAULT", 0
        if job.deviation == "short-write" and len(medium["data"]) > 0:
            data = data[: len(data) // 2]
        medium["data"] += data
        return "ERROR_SUCCESS", len(data)
    if code == "Read":
        data = medium["data"][medium["at"] : medium["at"] + command["size"]]
        medium["at"] += len(data)
        if data:
            yield {"op": "write", "command": command["command"], "data": bytes(data)}
        return "ERROR_SUCCESS" if len(data) == command["size"] else "ERROR_HANDLE_EOF", len(data)
    if code == "Flush" and job.deviation == "no-flush":
        return "ERROR_NOT_SUPPORTED", 0
    if code in ("Flush", "ClearError", "Discard", "Complete"):
        return "ERROR_SUCCESS", 0
    return "ERROR_NOT_SUPPORTED", 0


class Client:
    """The dialogue: turns in, actions out."""

    def __init__(self, deviation):
        self.deviation = deviation
        self.forget()

    def forget(self):
        self.job, self.threads, self.media = None, {}, {}

    def begin(self, lane, told):
        """A thread of a statement begins; the first one begins the statement."""
        if self.job is None or self.job.name != told["set"]:
            self.threads = {}
            for name in told["devices"]:
                medium = self.media.setdefault(name.partition("-")[2], {"data": bytearray()})
                medium["at"] = 0
            self.job = Job(told, self.media, self.deviation)
        process, _, thread = lane.partition(".")
        if lane == "primary.sql":
            return statement(self.job)
        if process != "primary":
            return device(self.job, self.job.devices[int(process.removeprefix("secondary")) - 1], True)
        if thread != "main":
            return device(self.job, self.job.devices[int(thread[1:]) - 1], False)
        return main(self.job)

    def turn(self, lane, told):
        """Resumes a thread until it does something that takes its turn away."""
        if told["told"] == "begins":
            self.threads[lane] = self.begin(lane, told)
            what = None
        elif told["told"] == "returned":
            what = (told["status"], told.get("out", {}))
        else:
            what = told
        while True:
            try:
                action = self.threads[lane].send(what)
            except StopIteration:
                return {"op": "end"}
            if action["op"] == "read":
                data = exchange(action)["bytes"]
                what = None if data is None else base64.b64decode(data)
            elif action["op"] == "write":
                data = base64.b64encode(action["data"]).decode()
                what = exchange({"op": "write", "command": action["command"], "bytes": data})
            else:
                return action


def say(message):
    print(json.dumps(message), flush=True)


def exchange(message):
    say(message)
    return json.loads(sys.stdin.readline())


def run(deviation):
    client = Client(deviation)
    for line in sys.stdin:
        message = json.loads(line)
        if message["op"] == "hello":
            say({
                "op": "hello",
                "protocol": 1,
                "client": {"name": "backup-client", "version": "1.0", "language": "Python"},
                "options": {"plan": "backup", "like": "pipe", "removable": False},
            })
        elif message["op"] == "world":
            client.forget()
            say({"op": "ready"})
        elif message["op"] == "turn":
            say(client.turn(message["lane"], message))
        elif message["op"] == "bye":
            return


if __name__ == "__main__":
    chosen = sys.argv[2] if sys.argv[1:2] == ["--deviate"] and len(sys.argv) == 3 else None
    if sys.argv[1:] and chosen not in DEVIATIONS:
        sys.exit(f"usage: backup_client.py [--deviate {'|'.join(DEVIATIONS)}]")
    run(chosen)
