#!/usr/bin/env python3
"""An adapter to start from: it speaks the protocol, and offers nothing yet.

Fill in `call`. Each lane is a thread; a call on a lane may block, the others go
on. Answer `unsupported` for what you do not offer: it is reported as such, never
as passed. The protocol is told in conformance/adapters/PROTOCOL.md of the suite;
conformance/adapters/python/ there is a complete adapter.
"""

import json
import queue
import sys
import threading

OUTPUT = threading.Lock()


def send(**message):
    """Writes one message; lanes take turns."""
    with OUTPUT:
        sys.stdout.write(json.dumps(message, separators=(",", ":")) + "\n")
        sys.stdout.flush()


class Unsupported(Exception):
    """The implementation does not offer this."""


def call(function, on, name, args):
    """Makes one call and returns (status, out), when it returns.

    `function` is such as "GetCommand", `on` the handle it is called on, `name`
    what the thing it makes is called from now on, `args` its arguments by name.

    A function you do not have is Unsupported as well: OpenInSecondary on "x1set", say,
    if your adapter knows one client process only.
    """
    raise Unsupported(f"{function} is not bound to the implementation yet")


def lane(name, work):
    """One lane: makes its calls in order."""
    while True:
        message = work.get()
        try:
            status, out = call(
                message["call"], message["on"], message.get("as"), message["args"]
            )
            send(op="return", id=message["id"], lane=name, status=status, out=out)
        except Unsupported as reason:
            send(op="unsupported", id=message["id"], reason=str(reason))


def main():
    lanes = {}
    for line in sys.stdin:
        message = json.loads(line)
        op = message["op"]
        if op == "hello":
            send(
                op="hello",
                protocol=1,
                implementation={"name": "my-vdi", "version": "0.1"},
                # Without "settle" the suite takes a span of silence for rest, and
                # without "expire" your time-outs pass by the clock.
                offers=["server", "client"],
            )
        elif op == "reset":
            # Forget the sets, devices and commands of your implementation here.
            lanes.clear()
            send(op="ready")
        elif op == "call":
            name = message["lane"]
            if name not in lanes:
                lanes[name] = queue.Queue()
                threading.Thread(target=lane, args=(name, lanes[name]), daemon=True).start()
            lanes[name].put(message)
        elif op == "bye":
            return
        else:
            send(op="unsupported", id=message["id"], reason=f"{op} is not offered")


if __name__ == "__main__":
    main()
