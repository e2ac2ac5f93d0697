// How a batch is filled: from which place, how much, and what is held back; and the two lists that
// hold what the server asks of itself.

import { expect, test } from "vitest";
import { admit, type Sources } from "../../kernel/admission.ts";
import { Backlog } from "../../kernel/backlog.ts";
import { type Entry, landing } from "../../kernel/batch.ts";
import { type Command, keys } from "../../kernel/command.ts";
import { Drains } from "../../kernel/drains.ts";
import {
  commandId,
  instantMs,
  promiseId,
  streamRevision,
  streamVersion,
} from "../../kernel/ids.ts";
import { limits } from "../../kernel/limits.ts";
import { absent, promiseKey, type StreamKey } from "../../kernel/stream.ts";
import { noTimers } from "../../kernel/timers.ts";

/** An entry that touches the streams of these letters: one is read, two wait for each other. */
function entry(text: string): Entry {
  const [name = "", ...streams] = text;
  const [awaited = "", awaiter] = streams.map((each) => promiseId(each));
  const command: Command =
    awaiter === undefined
      ? { kind: "get_promise", id: promiseId(awaited) }
      : { kind: "register_callback", awaited: promiseId(awaited), awaiter };
  return {
    command,
    keys: keys(command),
    id: commandId(name),
    attempt: 1,
    origin: { kind: "sweep" },
  };
}

const source = (texts: readonly string[]) => {
  const entries = texts.map(entry);
  return { entries, next: () => entries.shift() };
};

type Waiting = { again?: string[]; drains?: string[]; due?: string[]; commands?: string[] };

function fill(waiting: Waiting, busy: string | null, batchMax: number) {
  const [drains, due, commands] = [waiting.drains, waiting.due, waiting.commands].map((texts) => {
    return source(texts ?? []);
  });
  if (drains === undefined || due === undefined || commands === undefined) throw new Error("never");
  const sources: Sources = {
    drains: drains.next,
    due: due.next,
    commands: commands.next,
    waiting: () => commands.entries.length,
  };
  const isBusy = busy === null ? null : ({ id }: StreamKey) => busy.includes(id);
  const bounds = limits({ batchMax, sweepShareMax: 2 });
  const again = (waiting.again ?? []).map(entry);
  const admission = admit(again, sources, bounds, isBusy);
  const names = (entries: readonly Entry[]) => entries.map(({ id }) => id).join("");
  const left = [drains, due, commands].map((each) => names(each.entries)).join("|");
  return [names(admission.picked), names(admission.again), left];
}

// biome-ignore format: a table is read down its columns
test.each([
  // rule                                 waiting                                                              busy  max  picked   again  left
  ["nothing waits",                       {},                                                                  null, 9, ["",      "",    "||"]],
  ["K4 K7 K9 the order of the places",    { again: ["1a"], drains: ["2b"], due: ["3c"], commands: ["4d"] },    null, 9, ["1234",  "",    "||"]],
  ["K9 a sweep has less, the more wait",  { due: ["1a", "2b", "3c"], commands: ["4d"] },                       null, 9, ["14",    "",    "|23|"]],
  ["K9 and never nothing",                { due: ["1a", "2b"], commands: ["3c", "4d", "5e"] },                 null, 9, ["1345",  "",    "|2|"]],
  ["K9 and has its share, no more, though nobody waits",         { due: ["1a", "2b", "3c"] },                                         null, 9, ["12",    "",    "|3|"]],
  ["K7 drains may take all of it",        { drains: ["1a", "2b", "3c"], due: ["4d"], commands: ["5e"] },       null, 3, ["123",   "",    "|4|5"]],
  ["K4 what was there before goes first", { again: ["1a", "2b"], drains: ["3c"] },                             null, 1, ["1",     "2",   "3||"]],
  ["K1 a busy stream holds its command",  { commands: ["1a", "2b"] },                                          "a",  9, ["2",     "1",   "||"]],
  ["K2 and what comes behind it on its own streams", { commands: ["1ab", "2b", "3bc", "4c", "5d"] },           "a",  9, ["5",     "1234", "||"]],
  ["K2 what was held first stays first",  { again: ["1a", "2b", "3c"], commands: ["4b"] },                     "ab", 3, ["3",     "12",  "||4"]],
  ["K2 held back or left over, in order", { again: ["1a", "2b", "3c"], commands: ["4d"] },                     "a",  2, ["2",     "13",  "||4"]],
  ["K6 no more are held than one batch",  { commands: ["1a", "2a", "3a", "4b"] },                              "a",  3, ["",      "123", "||4"]],
] as const)("admission: %s", (_rule, waiting, busy, batchMax, expected) => {
  expect(fill(structuredClone(waiting) as Waiting, busy, batchMax)).toEqual(expected);
});

test("backlog: lists one after the other, member by member", () => {
  const backlog = new Backlog<number>();
  backlog.push([]);
  expect([backlog.size, backlog.shift()]).toEqual([0, undefined]);
  backlog.push([1, 2]);
  backlog.push([3]);
  expect([backlog.size, backlog.shift(), backlog.shift(), backlog.size]).toEqual([3, 1, 2, 1]);
  backlog.push([4]);
  expect([backlog.shift(), backlog.shift(), backlog.shift(), backlog.size]).toEqual([
    3,
    4,
    undefined,
    0,
  ]);
});

test("drains: K7 those of a promise are open until the last one is finished", () => {
  const drains = new Drains();
  const [a, b] = [promiseId("a"), promiseId("b")];
  const drain = (awaiter: string) => {
    return { kind: "drain_callback", awaited: a, awaiter: promiseId(awaiter) } as const;
  };
  drains.push([drain("u"), drain("v")]);
  expect([drains.isOpen(promiseKey(a)), drains.isOpen(promiseKey(b)), drains.size]).toEqual([
    true,
    false,
    2,
  ]);
  expect([drains.shift(), drains.shift(), drains.shift()]).toEqual([
    drain("u"),
    drain("v"),
    undefined,
  ]);
  expect(drains.isOpen(promiseKey(a))).toBe(true);
  drains.finish(drain("v"));
  expect(drains.isOpen(promiseKey(a))).toBe(true);
  drains.finish(drain("u"));
  expect(drains.isOpen(promiseKey(a))).toBe(false);
  expect(() => drains.finish(drain("u"))).toThrow("finished twice");
});

test("batch: K5 a group is looked for where it left events, behind what it was decided on", () => {
  const change = (name: string, write: { version: number; count: number } | null) => {
    const key = promiseKey(promiseId(name));
    const event = { kind: "callback_drained", awaiter: promiseId("w") } as const;
    const recorded = { at: instantMs(1), command: commandId("n-1"), event };
    const expectedRevision = streamRevision(3);
    if (write === null) return { key, expectedRevision, write };
    const events = Array.from({ length: write.count }, () => recorded);
    const version = streamVersion(write.version);
    const rest = { snapshot: absent, timers: noTimers, dueAt: null };
    return { key, expectedRevision, write: { version, events, ...rest } };
  };
  const changes = [
    change("read", null),
    change("timer", { version: 4, count: 0 }),
    change("written", { version: 9, count: 2 }),
  ];
  const range = landing({ executed: [], changes });
  expect(range).toMatchObject({ of: { id: "written" }, after: 7, limit: 1 });
  const timersOnly = changes.slice(0, 2);
  expect(landing({ executed: [], changes: timersOnly })).toBeNull();
});
