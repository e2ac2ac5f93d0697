// What servers on one store tell each other, on a stage of two: what leaves, what is passed over, and
// what is asked of the store while nobody tells anything. N1 to N5 of aio/peers.ts.

import { setImmediate as turn } from "node:timers/promises";
import { fc, test as property } from "@fast-check/vitest";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Peers } from "../../aio/peers.ts";
import type { PollAddress } from "../../kernel/address.ts";
import { deadlineMs, instantMs, promiseId, type Receiver } from "../../kernel/ids.ts";
import type { Announcement, News } from "../../kernel/others.ts";

const pollMs = 1_000;

const due = (at: number): Announcement => ({ kind: "due", at: deadlineMs(BigInt(at)) });
const missed = (id: string, to = "poll://any@g", kind: "execute" | "unblock" = "execute") => {
  return { kind: "missed", message: { kind, id: promiseId(id), to } } as const;
};
const group = '["g"]' as Receiver;
const one = '["g","1"]' as Receiver;

/** A server: what it sends, what it is told of, what it asks for. */
class Stage {
  now = 1_000;
  readonly sent: (readonly string[])[] = [];
  readonly told: News[] = [];
  readonly asked: (readonly Receiver[])[] = [];
  /** Of whom somebody is here. */
  receivers: readonly Receiver[] = [];
  reaches: (address: PollAddress, id: string) => boolean = () => true;
  answer: () => Promise<readonly Receiver[]> = () => Promise.resolve([]);
  readonly peers: Peers;

  constructor(node = "a") {
    this.peers = new Peers({
      ...{ node, pollMs, now: () => instantMs(this.now) },
      mailbox: {
        receivers: () => this.receivers,
        reaches: (address, subject) => this.reaches(address, subject),
      },
      missed: (receivers) => {
        this.asked.push(receivers);
        return this.answer();
      },
      send: (texts) => this.sent.push(texts),
      tell: (news) => this.told.push(news),
    });
    stages.push(this);
  }

  /** All that has left, and how another server reads it. */
  async read(): Promise<readonly News[]> {
    await turn();
    const reader = new Stage("reader");
    for (const text of this.sent.flat()) reader.peers.hear(text);
    return reader.told;
  }

  /** @returns for how many receivers each of so many polls looks */
  async polls(count: number): Promise<readonly number[]> {
    const tries: number[] = [];
    for (let at = 0; at < count; at++) {
      const before = this.told.length;
      await this.peers.poll();
      tries.push(this.told.length - before);
    }
    return tries;
  }
}

let stages: Stage[] = [];
beforeEach(() => {
  stages = [];
});
afterEach(() => {
  for (const { peers } of stages) peers.close();
  vi.useRealTimers();
});

test("peers: N1 announcements of one turn leave together, in order, and not from within the tick", async () => {
  const stage = new Stage();
  const all = [due(1_500), missed("a"), missed("b", "poll://uni@g/1", "unblock")];
  const { announce } = stage.peers; // as the kernel calls it
  for (const each of all) {
    announce(each);
    await Promise.resolve(); // a later tick of the same turn
  }
  expect(stage.sent).toEqual([]);
  expect(await stage.read()).toEqual(all);
  expect(stage.sent).toHaveLength(1);
  stage.peers.announce(missed("c"));
  expect(await stage.read()).toEqual([...all, missed("c")]);
  expect(stage.sent).toHaveLength(2);
});

test("peers: N1 whoever announces need not hold the peers: the kernel has the function alone", async () => {
  const stage = new Stage();
  const { announce } = stage.peers;
  announce(missed("a"));
  expect(await stage.read()).toEqual([missed("a")]);
});

test("peers: N1 those for which there is no room are dropped, and there is room again once they have left", async () => {
  const stage = new Stage();
  for (let count = 0; count < 10_000; count++) stage.peers.announce(missed(`p${count}`));
  await turn();
  expect(stage.sent.map((texts) => texts.length)).toEqual([4_096]);
  stage.peers.announce(missed("more"));
  await turn();
  expect(stage.sent.map((texts) => texts.length)).toEqual([4_096, 1]);
});

test("peers: N1 who has closed sends nothing more, and asks for nothing more", async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  const stage = new Stage();
  stage.receivers = [group];
  stage.peers.announce(missed("a"));
  stage.peers.close();
  await turn();
  await vi.advanceTimersByTimeAsync(10 * pollMs);
  expect([stage.sent.flat(), stage.asked]).toEqual([[], []]);
});

test("peers: N2 of due dates the others are told only what is earlier than they know", async () => {
  const stage = new Stage();
  const told = async (at: number) => {
    const before = stage.sent.flat().length;
    stage.peers.announce(due(at));
    await turn();
    return stage.sent.flat().length > before;
  };
  expect(await told(1_099)).toBe(false); // within a moment
  expect(await told(1_500)).toBe(true);
  expect(await told(1_500)).toBe(false);
  expect(await told(1_800)).toBe(false);
  expect(await told(1_300)).toBe(true);
  expect(await told(1_400)).toBe(false);
  stage.now = 1_300; // now they ask, and the answer tells them of 1,400
  expect(await told(1_400)).toBe(true);
  stage.now = 1_350;
  expect(await told(1_449)).toBe(false);
  expect(await stage.read()).toEqual([due(1_500), due(1_300), due(1_400)]);
});

property.prop([fc.array(fc.tuple(fc.nat(300), fc.nat(2_000)), { maxLength: 40 })])(
  "peers: N2 whoever asks at what was told last learns of every due date in time",
  async (steps) => {
    const stage = new Stage();
    let knownAt = 0;
    for (const [passed, ahead] of steps) {
      stage.now += passed;
      const at = stage.now + ahead;
      stage.peers.announce(due(at));
      await turn();
      for (const text of stage.sent.splice(0).flat()) {
        knownAt = Number((JSON.parse(text) as { at: string }).at);
      }
      const isTheirs = ahead >= 100;
      if (isTheirs) expect(knownAt > stage.now && knownAt <= at).toBe(true);
    }
    stage.peers.close();
  },
);

test("peers: N3 a missed message is for those who have its receiver and may show it the subject", async () => {
  const sender = new Stage("b");
  const stage = new Stage();
  stage.reaches = ({ cast, id }, subject) => cast === "any" && id === null && subject === "mine";
  const all = [
    missed("mine"),
    missed("mine", "poll://any@g", "unblock"),
    missed("theirs"),
    missed("mine", "poll://uni@g/1"),
    missed("mine", "https://elsewhere"),
    missed("mine", "no address"),
  ];
  for (const each of all) sender.peers.announce(each);
  await turn();
  for (const text of sender.sent.flat()) stage.peers.hear(text);
  expect(stage.told).toEqual(all.slice(0, 2));
});

test("peers: N4 the store is asked once for each interval, for the workers that are here", async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  const stage = new Stage();
  await vi.advanceTimersByTimeAsync(3 * pollMs);
  expect(stage.asked).toEqual([]); // nobody is here
  stage.receivers = [one, group];
  stage.answer = async () => [group];
  await vi.advanceTimersByTimeAsync(pollMs);
  expect(stage.asked).toEqual([[one, group]]);
  expect(stage.told).toEqual([{ kind: "waits", receiver: group }]);
});

test("peers: N4 one question at a time, and one that fails is put again by the next poll", async () => {
  const stage = new Stage();
  stage.receivers = [group];
  const slow = Promise.withResolvers<readonly Receiver[]>();
  stage.answer = () => slow.promise;
  const first = stage.peers.poll();
  await stage.peers.poll();
  expect(stage.asked).toHaveLength(1);
  slow.reject(new Error("the store does not answer"));
  await first;
  expect(stage.told).toEqual([]);
  stage.answer = async () => [group];
  await stage.peers.poll();
  expect(stage.told).toEqual([{ kind: "waits", receiver: group }]);
});

test("peers: N4 what nobody takes is tried ever more rarely, and soon again once somebody has taken some", async () => {
  const stage = new Stage();
  stage.receivers = [group, one];
  stage.answer = async () => [group];
  const triedAt = (tries: readonly number[]) => {
    return tries.flatMap((count, index) => (count > 0 ? [index] : []));
  };
  expect(triedAt(await stage.polls(60))).toEqual([0, 2, 5, 10, 19, 36, 53]);
  stage.answer = async () => [group, one]; // another receiver has a pause of its own
  expect((await stage.polls(1))[0]).toBe(1);
  expect(stage.told.at(-1)).toEqual({ kind: "waits", receiver: one });
  const { taken } = stage.peers; // as the kernel calls it
  for (let round = 0; round < 20; round++) {
    for (const receiver of [group, one]) taken(receiver);
    expect(await stage.polls(1)).toEqual([2]);
  }
  expect(await stage.polls(5)).toEqual([0, 2, 0, 0, 2]);
});

test("peers: N4 a look in the midst of a try, when nothing seems to wait, does not bring the next one forward", async () => {
  const stage = new Stage();
  stage.receivers = [group];
  stage.answer = async () => [group];
  expect(await stage.polls(6)).toEqual([1, 0, 1, 0, 0, 1]);
  stage.answer = async () => [];
  await stage.polls(2);
  stage.answer = async () => [group];
  expect(await stage.polls(3)).toEqual([0, 0, 1]);
  stage.answer = async () => [];
  await stage.polls(9); // it was gone for as long as it would have had to wait
  stage.answer = async () => [group];
  expect(await stage.polls(3)).toEqual([1, 0, 1]);
});

test("peers: N5 what this server has sent itself is passed over", async () => {
  const stage = new Stage("a");
  for (const each of [due(1_500), missed("x")]) stage.peers.announce(each);
  await turn();
  for (const text of stage.sent.flat()) stage.peers.hear(text);
  expect(stage.told).toEqual([]);
});

// biome-ignore format: a table is read down its columns
test.each([
  ["nothing",                    ""],
  ["no JSON",                    "{"],
  ["no object",                  "1"],
  ["null",                       "null"],
  ["a list",                     '["node","kind"]'],
  ["no sender",                  '{"kind":"due","at":"5"}'],
  ["a sender that is no text",   '{"node":7,"kind":"due","at":"5"}'],
  ["a newer kind",               '{"node":"b","kind":"elected","at":"5"}'],
  ["a newer kind of message",    '{"node":"b","kind":"taken","of":"execute","id":"p","to":"poll://any@g"}'],
  ["a newer message",            '{"node":"b","kind":"missed","of":"cancel","id":"p","to":"poll://any@g"}'],
  ["no date",                    '{"node":"b","kind":"due"}'],
  ["a date that is a number",    '{"node":"b","kind":"due","at":5}'],
  ["a date before all others",   '{"node":"b","kind":"due","at":"-5"}'],
  ["a date that is too long",    '{"node":"b","kind":"due","at":"9999999999999999999"}'],
  ["a message of nothing",       '{"node":"b","kind":"missed","of":"execute","id":"","to":"poll://any@g"}'],
  ["a message to nobody",        '{"node":"b","kind":"missed","of":"execute","id":"p"}'],
  ["what a prototype has",       '{"node":"b","kind":"missed","__proto__":{"of":"execute","id":"p"}}'],
] as const)("peers: N5 passed over is %s", (_what, text) => {
  const stage = new Stage("a");
  stage.peers.hear(text);
  expect(stage.told).toEqual([]);
});

const field = fc.constantFrom("node", "kind", "of", "id", "to", "at", "more");
const worth = fc.oneof(
  fc.constantFrom("b", "due", "missed", "execute", "unblock", "poll://any@g", "poll://uni@", "7"),
  fc.string({ unit: "binary" }),
  fc.jsonValue(),
);

property.prop([
  fc.oneof(
    fc.string({ unit: "binary" }),
    fc.json(),
    fc.dictionary(field, worth).map((value) => JSON.stringify(value)),
  ),
])("peers: N5 no text is too strange to be heard", (text) => {
  const stage = new Stage("a");
  stage.peers.hear(text);
  for (const news of stage.told) expect(["due", "missed"]).toContain(news.kind);
  stage.peers.close();
});

property.prop([
  fc.oneof(
    fc.bigInt({ min: 1_100n, max: 10n ** 18n - 1n }).map((at) => ({ kind: "due" as const, at })),
    fc
      .record({
        kind: fc.constantFrom("execute" as const, "unblock" as const),
        id: fc.string({ minLength: 1, unit: "grapheme" }),
        to: fc.string({ unit: "grapheme" }).map((name) => `poll://any@g${name.replace("/", "")}`),
      })
      .map((message) => ({ kind: "missed" as const, message })),
  ),
])("peers: N5 what one server tells is what another one hears", async (said) => {
  const announcement: Announcement =
    said.kind === "due"
      ? { kind: "due", at: deadlineMs(said.at) }
      : missed(said.message.id, said.message.to, said.message.kind);
  const stage = new Stage();
  stage.peers.announce(announcement);
  expect(await stage.read()).toEqual([announcement]);
  for (const { peers } of stages.splice(0)) peers.close();
});
