#!/usr/bin/env node
// An adapter to start from: it speaks the protocol, and offers nothing yet.
//
// Fill in `call`. Each lane is a chain of promises: a call that blocks is one whose promise is
// not settled yet, and the other lanes go on. Throw Unsupported for what you do not offer: it is
// reported as such, never as passed. The protocol is told in conformance/adapters/PROTOCOL.md of
// the suite.
"use strict";

const readline = require("node:readline");

/** The implementation does not offer this. */
class Unsupported extends Error {}

/** Writes one message. */
function send(message) {
  process.stdout.write(JSON.stringify(message) + "\n");
}

/**
 * Makes one call, and gives { status, out } when it returns.
 *
 * `name` is such as "GetCommand", `on` the handle it is called on, `creates` what the thing it
 * makes is called from now on, `args` its arguments by name.
 *
 * A function you do not have is Unsupported as well: OpenInSecondary on "x1set", say, if your
 * adapter knows one client process only.
 */
async function call(name, on, creates, args) {
  throw new Unsupported(`${name} is not bound to the implementation yet`);
}

/** By lane, the end of what it was told to do last. */
let lanes = new Map();

/** Makes a call on its lane, after those before it. */
function begin(message) {
  const mine = lanes;
  const work = async () => {
    let answer;
    try {
      const { status, out } = await call(message.call, message.on, message.as, message.args);
      answer = { op: "return", id: message.id, lane: message.lane, status, out };
    } catch (error) {
      if (!(error instanceof Unsupported)) throw error;
      answer = { op: "unsupported", id: message.id, reason: error.message };
    }
    // What was still blocked at a reset is abandoned.
    if (mine === lanes) send(answer);
  };
  const before = lanes.get(message.lane) ?? Promise.resolve();
  lanes.set(message.lane, before.then(work));
}

function take(message) {
  switch (message.op) {
    case "hello":
      send({
        op: "hello",
        protocol: 1,
        implementation: { name: "my-vdi", version: "0.1", language: `Node ${process.version}` },
        // Without "settle" the suite takes a span of silence for rest, and without "expire"
        // your time-outs pass by the clock.
        offers: ["server", "client"],
      });
      break;
    case "reset":
      // Forget the sets, devices and commands of your implementation here.
      lanes = new Map();
      send({ op: "ready" });
      break;
    case "call":
      begin(message);
      break;
    case "bye":
      process.exit(0);
      break;
    default:
      send({ op: "unsupported", id: message.id, reason: `${message.op} is not offered` });
  }
}

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const text = line.replace(/^\uFEFF/, "").trim();
  if (text !== "") take(JSON.parse(text));
});
