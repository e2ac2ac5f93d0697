// What becomes of messages: what is noted of them, and what is kept for a worker that is not there yet.

import { expect, test } from "vitest";
import type { InternalCommand } from "../../kernel/command.ts";
import { deadlineMs, instantMs, promiseId, taskVersion } from "../../kernel/ids.ts";
import type { Message } from "../../kernel/message.ts";
import { Outbox } from "../../kernel/outbox.ts";
import type { Delivery } from "../../kernel/ports.ts";
import type { SettledPromise } from "../../kernel/promise.ts";
import { emptyValue, noPairs } from "../../kernel/value.ts";

const promise: SettledPromise = {
  ...{ kind: "settled", createdAt: instantMs(1), timeoutAt: deadlineMs(9n), param: emptyValue },
  ...{ tags: noPairs, createKey: null, isExternal: true, outcome: "resolved", value: emptyValue },
  ...{ settledAt: instantMs(2), settleKey: null },
};
const execute = (id: string, to: string, version = 0): Message => {
  return { kind: "execute", to, id: promiseId(id), version: taskVersion(version) };
};
const unblock = (id: string, to: string): Message => {
  return { kind: "unblock", to, id: promiseId(id), promise };
};
const delivered: Delivery = { kind: "delivered" };
const nobody: Delivery = { kind: "failed", reason: "no_receiver", cause: "" };
const failed: Delivery = { kind: "failed", reason: "refused", cause: "503" };

const any = "poll://any@g";
const [one, two] = ["poll://uni@g/1", "poll://uni@g/2"];
const worker = (id: string, group = "g") => ({ id, group });

function taken(outbox: Outbox): readonly string[] {
  const all: InternalCommand[] = [];
  for (let next = outbox.shift(); next !== undefined; next = outbox.shift()) all.push(next);
  return all.map((command) => {
    if ("address" in command) return `${command.kind} ${command.awaited} ${command.address}`;
    return "id" in command ? `${command.kind} ${command.id}` : command.kind;
  });
}

/** The notes of each, which are told apart elsewhere, are taken out. */
function missing(...messages: readonly Message[]): Outbox {
  const outbox = new Outbox();
  for (const message of messages) outbox.note(message, nobody, outbox.connectCount);
  taken(outbox);
  return outbox;
}

test.each<[string, Message, Delivery, readonly string[]]>([
  ["an offer that was delivered", execute("a", any), delivered, []],
  ["an offer that failed: it may have arrived", execute("a", any), failed, []],
  ["I5 an offer that found nobody", execute("a", any), nobody, ["note_missed a"]],
  ["G2 a listener that was told", unblock("a", any), delivered, [`note_told a ${any}`]],
  ["G4 a listener that was not", unblock("a", any), failed, [`note_told a ${any}`]],
  ["G5 a listener that was not there", unblock("a", any), nobody, [`note_told a ${any}`]],
])("outbox: noted of %s", (_what, message, delivery, expected) => {
  const outbox = new Outbox();
  outbox.note(message, delivery, 0);
  expect(outbox.size).toBe(expected.length);
  expect(taken(outbox)).toEqual(expected);
});

const three = [execute("a", any), unblock("b", one), execute("c", two), unblock("d", any)];

test.each<[string, readonly Message[], { id: string; group: string }, readonly string[]]>([
  [
    "J2 all that it satisfies, oldest first",
    three,
    worker("1"),
    ["offer_missed a", `tell_missed b ${one}`, `tell_missed d ${any}`],
  ],
  ["J2 nothing of another group", three, worker("1", "h"), []],
  ["J2 nothing of another worker", [execute("c", two)], worker("1"), []],
  [
    "J1 a task once, however often it was missed",
    [execute("a", any), execute("b", any), execute("a", any, 1)],
    worker("1"),
    ["offer_missed a", "offer_missed b"],
  ],
  [
    "J1 a listener once",
    [unblock("a", any), unblock("a", any)],
    worker("1"),
    [`tell_missed a ${any}`],
  ],
  [
    "J1 two listeners of one promise",
    [unblock("a", any), unblock("a", one)],
    worker("1"),
    [`tell_missed a ${any}`, `tell_missed a ${one}`],
  ],
  [
    "J1 a task that is settled since: the news",
    [execute("a", any), unblock("a", any)],
    worker("1"),
    [`tell_missed a ${any}`],
  ],
  ["J1 nothing that is pushed", [execute("a", "http://l")], worker("1"), []],
])("outbox: who connects is offered %s", (_what, messages, comes, expected) => {
  const outbox = missing(...messages);
  outbox.connected(comes);
  expect(taken(outbox)).toEqual(expected);
  outbox.connected(comes);
  expect(taken(outbox)).toEqual([]); // J2: once
});

test.each<[string, Message, readonly string[]]>([
  ["G5 a listener, for it waits for its worker", unblock("a", any), [`tell_missed a ${any}`]],
  ["no listener that is pushed to, for its clock runs", unblock("a", "http://l"), []],
  ["no offer, for it may have arrived, and its clock runs", execute("a", any), []],
])("outbox: J1 after a stream was lost it remembers %s", (_what, message, expected) => {
  for (const isInTime of [true, false]) {
    const outbox = new Outbox();
    const since = outbox.connectCount;
    const lost: Delivery = { kind: "failed", reason: "stream_lost", cause: "" };
    if (!isInTime) outbox.connected(worker("1")); // J3
    outbox.note(message, lost, since);
    if (isInTime) outbox.connected(worker("1"));
    const noted = message.kind === "unblock" ? [`note_told a ${message.to}`] : [];
    expect(taken(outbox)).toEqual([...noted, ...expected]);
  }
});

test("outbox: J2 what one worker does not satisfy waits for another", () => {
  const outbox = missing(...three);
  outbox.connected(worker("1"));
  taken(outbox);
  outbox.connected(worker("2"));
  expect(taken(outbox)).toEqual(["offer_missed c"]);
});

test("outbox: J3 who came while a message was under way may have missed it", () => {
  const outbox = new Outbox();
  const since = outbox.connectCount;
  outbox.connected(worker("1"));
  outbox.note(execute("a", any), nobody, since);
  expect(taken(outbox)).toEqual(["note_missed a", "offer_missed a"]);
  outbox.connected(worker("1"));
  expect(taken(outbox)).toEqual([]);
});

test("outbox: J1 there is an end to what is remembered, and room again once somebody came", () => {
  const outbox = new Outbox();
  const miss = (count: number) => {
    for (let each = 0; each < count; each++) {
      outbox.note(execute(`${count}-${each}`, any), nobody, outbox.connectCount);
      outbox.shift();
    }
  };
  miss(60_000);
  miss(60_000); // the same
  miss(40_001);
  outbox.connected(worker("1"));
  expect(outbox.size).toBe(100_000);
  taken(outbox);
  miss(2);
  outbox.connected(worker("1"));
  expect(outbox.size).toBe(2);
});
