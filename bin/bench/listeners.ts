// Many workers in one process, for bin/bench/streams.ts: opens their streams, waits for a line, and then
// has a promise settled, again and again, that all of them listen to. It ends with its standard input.

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { protocolVersion } from "../../api/protocol/envelope.ts";
import type { ListenersJob } from "./streams.ts";

const patienceMs = 30_000;
const atOnce = 64;
const never = 2_524_608_000_000;

// The job was made by bin/bench/streams.ts, which is of the same commit.
const job = JSON.parse(process.argv[2] ?? "null") as ListenersJob;
const { port, count, rounds } = job;
const numbers = Array.from({ length: count }, (_, number) => number);
let told = 0;
let onTold = () => {};

process.stdin.on("end", () => process.exit());
const startMs = performance.now();
await inTurn(numbers, open);
say({ openMs: performance.now() - startMs });
await once(process.stdin, "data");
const fanOutMs: number[] = [];
for (let round = 0; round < rounds; round++) fanOutMs.push(await fanOut(`fan-${round}`));
say({ fanOutMs });

/** A stream, once its first comment is there. */
async function open(number: number): Promise<void> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  socket.setEncoding("latin1");
  socket.write(`GET /poll/bench/${number} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  const { promise, resolve } = Promise.withResolvers<void>();
  listen(socket, resolve);
  await promise;
}

function listen(socket: Socket, opened: () => void): void {
  let rest = "";
  socket.on("data", (text) => {
    rest += text;
    if (rest.includes(": ka\n\n")) opened();
    const messages = rest.split("data: ").length - 1;
    rest = rest.slice(-"data:".length);
    for (let message = 0; message < messages; message++) tell();
  });
  socket.on("close", () => {
    throw new Error("a stream has ended");
  });
}

function tell(): void {
  told += 1;
  if (told === count) onTold();
}

/** @returns how long it takes until all have been told */
async function fanOut(id: string): Promise<number> {
  await ask("promise.create", { id, timeoutAt: never, tags: { "resonate:external": "true" } });
  await inTurn(numbers, async (number) => {
    const address = `poll://uni@bench/${number}`;
    await ask("promise.register_listener", { awaited: id, address });
  });
  told = 0;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  onTold = resolve;
  const missing = () => reject(new Error(`${told} of ${count} were told`));
  const timer = setTimeout(missing, patienceMs);
  const settledMs = performance.now();
  await Promise.all([ask("promise.settle", { id, state: "resolved" }), promise]);
  clearTimeout(timer);
  return performance.now() - settledMs;
}

async function ask(kind: string, data: unknown): Promise<void> {
  const head = { corrId: kind, version: protocolVersion };
  const body = JSON.stringify({ kind, head, data });
  const answer = await fetch(`http://127.0.0.1:${port}`, { method: "POST", body });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${kind} was answered with ${text}`);
}

/** Some at a time, so that none waits for long. */
async function inTurn(
  all: readonly number[],
  act: (number: number) => Promise<void>,
): Promise<void> {
  const waiting = all.values();
  const lane = async () => {
    for (const number of waiting) await act(number);
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
}

function say(result: unknown): void {
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
