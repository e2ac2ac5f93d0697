// The registry of connected workers, over streams that write when they are told to. The plan: whom an
// address reaches, what counts as not there, what is said of each message, and that nothing stays.

import { fc, test as property } from "@fast-check/vitest";
import { expect, test } from "vitest";
import { type Letter, WorkerMailbox } from "../../aio/mailbox.ts";
import { parseAddress, type Worker } from "../../kernel/address.ts";
import { promiseId } from "../../kernel/ids.ts";
import type { WorkerStream } from "../../kernel/ports.ts";

/** Where everybody writes down what it was handed. */
class Stage {
  readonly log: string[] = [];
  readonly opened: Worker[] = [];
  readonly mailbox: WorkerMailbox;

  constructor({ connectionsMax = 100, bufferMax = 100 } = {}) {
    const onConnect = (worker: Worker) => {
      this.opened.push(worker);
    };
    this.mailbox = new WorkerMailbox({ connectionsMax, bufferMax, onConnect });
  }

  /** @param as how the log calls it */
  connect(name: string, as = name, mayReceive: (subject: string) => boolean = () => true): Stream {
    const stream = new Stream(name, mayReceive, (message) => this.log.push(`${as} ${message}`));
    expect(this.mailbox.connect(stream)).toBe(true);
    return stream;
  }

  async send(address: string, message = "{}", subject = "p") {
    return await this.mailbox.deliver(letter(address, message, subject));
  }

  /** Who gets these, one after another; nobody if none. */
  async turns(address: string, count: number): Promise<readonly string[]> {
    const from = this.log.length;
    for (let at = 0; at < count; at++) await this.send(address, "m");
    return this.log.slice(from).map((line) => line.split(" ")[0] ?? "");
  }
}

/** Named `group/id`. Writes at once, or holds back what it is handed until told. */
class Stream implements WorkerStream {
  readonly worker: Worker;
  readonly mayReceive: (subject: string) => boolean;
  readonly #note: (message: string) => void;
  readonly #held: ((isWritten: boolean) => void)[] = [];
  isHolding = false;

  constructor(
    name: string,
    mayReceive: (subject: string) => boolean,
    note: (message: string) => void,
  ) {
    const [group = "", id = ""] = name.split("/");
    this.worker = { group, id };
    this.mayReceive = mayReceive;
    this.#note = note;
  }

  write(message: string, written: (isWritten: boolean) => void): void {
    this.#note(message);
    if (this.isHolding) this.#held.push(written);
    else queueMicrotask(() => written(true));
  }

  /** What it held is written now, the oldest first, or never. */
  release(isWritten: boolean, count = this.#held.length): void {
    for (const written of this.#held.splice(0, count)) written(isWritten);
  }
}

function letter(address: string, message: string, subject: string): Letter {
  const parsed = parseAddress(address);
  if (parsed?.kind !== "poll") throw new Error(`no address: ${address}`);
  return { address: parsed, message, subject: promiseId(subject) };
}

const delivered = { kind: "delivered" };
const noReceiver = { kind: "failed", reason: "no_receiver", cause: "" };
const lost = { kind: "failed", reason: "stream_lost", cause: "" };

// biome-ignore format: a table is read down its columns
test.each([
  ["uni@g/a",  ["g/a"],               "g/a"],
  ["uni@g/a",  ["g/b", "h/a"],        null],
  ["uni@g/a",  [],                    null],
  ["uni@g",    ["g/a"],               null],
  ["uni@g/",   ["g/a"],               null],
  ["any@g/a",  ["g/b", "g/a"],        "g/a"],
  ["any@g/a",  ["g/b", "h/a"],        "g/b"],
  ["any@g/a",  ["h/a"],               null],
  ["any@g",    ["h/a", "g/a"],        "g/a"],
  ["any@g",    ["G/a"],               null],
  ["any@g",    [],                    null],
  ["uni@%67/%61", ["g/a"],            "g/a"],
] as const)("M2 poll://%s, of %j, reaches %s", async (address, names, receiver) => {
  const stage = new Stage();
  for (const name of names) stage.connect(name);
  const delivery = await stage.send(`poll://${address}`);
  expect(delivery).toEqual(receiver === null ? noReceiver : delivered);
  expect(stage.log).toEqual(receiver === null ? [] : [`${receiver} {}`]);
});

test("M2 anycast goes round its group, and so it does if the one that it names is not there", async () => {
  const stage = new Stage();
  for (const name of ["g/a", "g/b", "h/x", "g/c"]) stage.connect(name);
  expect(await stage.turns("poll://any@g", 5)).toEqual(["g/a", "g/b", "g/c", "g/a", "g/b"]);
  expect(await stage.turns("poll://any@g/gone", 4)).toEqual(["g/c", "g/a", "g/b", "g/c"]);
});

test("M2 who is new gets a turn, and who leaves takes it along", async () => {
  const stage = new Stage();
  const [first] = [stage.connect("g/a"), stage.connect("g/b")];
  expect(await stage.turns("poll://any@g", 1)).toEqual(["g/a"]);
  stage.connect("g/c");
  expect(await stage.turns("poll://any@g", 3)).toEqual(["g/b", "g/a", "g/c"]);
  stage.mailbox.disconnect(first);
  expect(await stage.turns("poll://any@g", 3)).toEqual(["g/b", "g/c", "g/b"]);
});

test("M1 of several under one name the newest gets it; when it leaves, the one before", async () => {
  const stage = new Stage();
  stage.connect("g/a", "old");
  const newest = stage.connect("g/a", "new");
  expect(await stage.turns("poll://uni@g/a", 2)).toEqual(["new", "new"]);
  expect(await stage.turns("poll://any@g", 2)).toEqual(["new", "new"]);
  stage.mailbox.disconnect(newest);
  expect(await stage.turns("poll://uni@g/a", 1)).toEqual(["old"]);
});

test("M1 an older one that leaves changes nothing", async () => {
  const stage = new Stage();
  const old = stage.connect("g/a", "old");
  stage.connect("g/a", "new");
  stage.mailbox.disconnect(old);
  expect(await stage.turns("poll://uni@g/a", 1)).toEqual(["new"]);
});

test("M1 a full one is not stood in for by an older one of its name", async () => {
  const stage = new Stage({ bufferMax: 1 });
  stage.connect("g/a", "old");
  stage.connect("g/a", "new").isHolding = true;
  void stage.send("poll://uni@g/a", "1");
  expect(await stage.send("poll://uni@g/a", "2")).toEqual(noReceiver);
  expect(stage.log).toEqual(["new 1"]);
});

test("who may not receive a message is passed over, be it named, next, or newest", async () => {
  const stage = new Stage();
  const ours = (subject: string) => subject.startsWith("ours");
  stage.connect("g/a", "any");
  stage.connect("g/a", "ours", ours);
  stage.connect("g/b", "other");
  await stage.send("poll://uni@g/a", "1", "ours.1");
  await stage.send("poll://uni@g/a", "2", "theirs");
  await stage.send("poll://any@g/a", "3", "theirs");
  expect(stage.log).toEqual(["ours 1", "any 2", "any 3"]);
  const strict = new Stage();
  strict.connect("g/a", "ours", ours);
  expect(await strict.send("poll://uni@g/a", "1", "theirs")).toEqual(noReceiver);
  expect(await strict.send("poll://any@g", "2", "theirs")).toEqual(noReceiver);
  strict.connect("g/b", "other");
  expect(await strict.send("poll://any@g/a", "3", "theirs")).toEqual(delivered);
  expect(strict.log).toEqual(["other 3"]);
});

test("M3 a full buffer is not there for unicast, and passed over by anycast", async () => {
  const stage = new Stage({ bufferMax: 2 });
  const full = stage.connect("g/a");
  full.isHolding = true;
  const held = [stage.send("poll://uni@g/a", "1"), stage.send("poll://uni@g/a", "2")];
  expect(await stage.send("poll://uni@g/a", "3")).toEqual(noReceiver);
  expect(await stage.send("poll://any@g", "4")).toEqual(noReceiver);
  stage.connect("g/b");
  expect(await stage.turns("poll://any@g/a", 3)).toEqual(["g/b", "g/b", "g/b"]);
  expect(await stage.turns("poll://any@g", 2)).toEqual(["g/b", "g/b"]);
  full.release(true, 1);
  expect(await held[0]).toEqual(delivered);
  void stage.send("poll://uni@g/a", "5");
  expect(stage.log.at(-1)).toBe("g/a 5");
});

test("M3 a buffer is full by size, too, but never for its first message", async () => {
  const stage = new Stage();
  const large = "x".repeat(9 * 1024 * 1024);
  const stream = stage.connect("g/a");
  stream.isHolding = true;
  const held = stage.send("poll://uni@g/a", large + large);
  expect(await stage.send("poll://uni@g/a", "1")).toEqual(noReceiver);
  stream.release(true);
  expect(await held).toEqual(delivered);
  void stage.send("poll://uni@g/a", large);
  expect(await stage.send("poll://uni@g/a", large)).toEqual(noReceiver);
  void stage.send("poll://uni@g/a", "small");
  expect(stage.log.at(-1)).toBe("g/a small");
});

test("M4 a message is delivered when it is written, and lost when its stream ends before", async () => {
  const stage = new Stage();
  const stream = stage.connect("g/a");
  stream.isHolding = true;
  const said: unknown[] = [];
  for (const message of ["1", "2"]) {
    void stage.send("poll://uni@g/a", message).then((delivery) => said.push(delivery));
  }
  await new Promise((resolve) => setImmediate(resolve));
  expect(said).toEqual([]);
  stream.release(true, 1);
  stage.mailbox.disconnect(stream);
  stream.release(false);
  await new Promise((resolve) => setImmediate(resolve));
  expect(said).toEqual([delivered, lost]);
});

test("a stream that opens is told of, soon, but not before it can be written to", async () => {
  const stage = new Stage();
  stage.connect("g/a");
  stage.connect("g/a");
  expect(stage.opened).toEqual([]);
  await Promise.resolve();
  expect(stage.opened).toEqual([
    { group: "g", id: "a" },
    { group: "g", id: "a" },
  ]);
});

test("M5 one more than there may be is turned away, until somebody leaves", async () => {
  const stage = new Stage({ connectionsMax: 2 });
  const [first] = [stage.connect("g/a"), stage.connect("h/b")];
  const late = new Stream(
    "g/c",
    () => true,
    (message) => stage.log.push(message),
  );
  expect(stage.mailbox.connect(late)).toBe(false);
  await Promise.resolve();
  expect(stage.opened).toHaveLength(2);
  expect(await stage.send("poll://uni@g/c")).toEqual(noReceiver);
  stage.mailbox.disconnect(first);
  expect(stage.mailbox.connect(late)).toBe(true);
  expect(await stage.send("poll://uni@g/c")).toEqual(delivered);
});

test("a stream that is connected twice, or leaves twice, is a bug", () => {
  const stage = new Stage();
  const stream = stage.connect("g/a");
  expect(() => stage.mailbox.connect(stream)).toThrow("connected twice");
  stage.mailbox.disconnect(stream);
  expect(() => stage.mailbox.disconnect(stream)).toThrow("was not connected");
});

/** Whether a short message about the subject could be handed over. */
function reaches({ mailbox }: Stage, address: string, subject = "p"): boolean {
  const parsed = parseAddress(address);
  return parsed?.kind === "poll" && mailbox.reaches(parsed, promiseId(subject));
}

test("receivers are all who are connected, by name and by group, each once", () => {
  const stage = new Stage();
  expect(stage.mailbox.receivers()).toEqual([]);
  const streams = ["g/a", "g/a", "g/b", "h/a"].map((name) => stage.connect(name));
  const all = ['["g","a"]', '["g"]', '["g","b"]', '["h","a"]', '["h"]'];
  expect(stage.mailbox.receivers()).toEqual(all);
  for (const stream of streams.slice(1)) stage.mailbox.disconnect(stream);
  expect(stage.mailbox.receivers()).toEqual(all.slice(0, 2));
});

// biome-ignore format: a table is read down its columns
test.each([
  ["poll://uni@g/a", "p",      true],
  ["poll://uni@g/b", "p",      false], // its buffer is full
  ["poll://uni@g/c", "p",      false], // nobody
  ["poll://uni@g",   "p",      false],
  ["poll://any@g/b", "p",      true],  // another of its group
  ["poll://any@g",   "p",      true],
  ["poll://any@g",   "secret", false], // may not be shown to whoever has room
  ["poll://uni@g/b", "secret", false],
  ["poll://any@h",   "p",      false],
] as const)("%s is told to reach somebody for %s: %s", async (address, subject, isReached) => {
  const stage = new Stage({ bufferMax: 1 });
  stage.connect("g/a", "a", (id) => id !== "secret");
  stage.connect("g/b").isHolding = true;
  void stage.send("poll://uni@g/b");
  await Promise.resolve();
  expect(reaches(stage, address, subject)).toBe(isReached);
});

test("M2 to ask who would be reached changes nobody's turn", async () => {
  const stage = new Stage();
  for (const name of ["g/a", "g/b", "g/c"]) stage.connect(name);
  const served: string[] = [];
  for (let at = 0; at < 4; at++) {
    for (const address of ["poll://any@g", "poll://any@g/c", "poll://uni@g/b"]) {
      expect(reaches(stage, address)).toBe(true);
    }
    served.push(...(await stage.turns("poll://any@g", 1)));
  }
  expect(served).toEqual(["g/a", "g/b", "g/c", "g/a"]);
});

const step = fc.oneof(
  fc.record({ does: fc.constant("connect"), name: fc.constantFrom("g/a", "g/b", "h/a") }),
  fc.record({ does: fc.constant("leave"), at: fc.nat(5) }),
  fc.record({ does: fc.constant("send"), to: fc.constantFrom("uni@g/a", "any@g/a", "any@g") }),
);

property.prop([fc.array(step, { maxLength: 30 })])(
  "M5 whatever happens, it reaches those who are there and counts them",
  async (steps) => {
    const stage = new Stage({ connectionsMax: 4 });
    const there: Stream[] = [];
    for (const each of steps) {
      if ("name" in each) {
        const stream = new Stream(
          each.name,
          () => true,
          () => stage.log.push(`${there.indexOf(stream)}`),
        );
        if (stage.mailbox.connect(stream)) there.push(stream);
      } else if ("at" in each) {
        const [stream] = there.splice(each.at, 1);
        if (stream !== undefined) stage.mailbox.disconnect(stream);
      } else {
        const [cast, name = ""] = each.to.split("@");
        const group = there.filter(({ worker }) => worker.group === "g");
        const named = group.some(({ worker }) => `g/${worker.id}` === name);
        const isThere = cast === "uni" ? named : group.length > 0;
        const delivery = await stage.send(`poll://${each.to}`);
        expect(delivery).toEqual(isThere ? delivered : noReceiver);
        if (isThere) expect(there[Number(stage.log.at(-1))]?.worker.group).toBe("g");
      }
      expect(stage.mailbox.connectionCount).toBe(there.length);
      const groups = new Set(there.map(({ worker }) => worker.group));
      expect(stage.mailbox.groupCount).toBe(groups.size);
    }
  },
);
