// Each invariant of protocol.md §12 that is checked on a stream: a record or a step that keeps it, and one
// that breaks it and no other. Then who waits for whom, across streams.

import { expect, test } from "vitest";
import { brokenState, brokenStep, type states, type steps } from "../../dst/invariants.ts";
import {
  emptyValue,
  type ModelPromise,
  type ModelRecord,
  type ModelSchedule,
  type ModelTask,
  nothing,
  stopped,
} from "../../dst/model/record.ts";
import { Ropes } from "../../dst/ropes.ts";
import type { StreamOracle } from "../../dst/stream-oracle.ts";
import type { Event } from "../../kernel/event.ts";
import { commandId, instantMs, position, promiseId, streamVersion } from "../../kernel/ids.ts";
import type { LoggedEvent } from "../../kernel/search.ts";
import { absent, promiseKey, type Stream } from "../../kernel/stream.ts";
import { found } from "./found.ts";

const pending: ModelPromise = {
  ...{ state: "pending", param: emptyValue, value: emptyValue, timeoutAt: 100n, createdAt: 10 },
  ...{ settledAt: null, createKey: null, settleKey: null, isExternal: true },
  tags: new Map([["resonate:target", "poll://any@g"]]),
};
const resolved: ModelPromise = { ...pending, state: "resolved", settledAt: 20 };
const timedout: ModelPromise = { ...pending, state: "timedout", settledAt: 100 };
const task: ModelTask = { state: "pending", version: 1, resumes: [], pid: null, ttl: null };
const acquired: ModelTask = { ...task, state: "acquired", pid: "w", ttl: 5n };
const asleep: ModelTask = { ...task, state: "suspended" };
const running = { ...stopped, at: 50n };
const offered: ModelRecord = { ...nothing, promise: pending, task, clock: running };
const held: ModelRecord = { ...offered, task: acquired };
const over: ModelRecord = {
  ...{ ...offered, promise: resolved, clock: stopped },
  task: { ...task, state: "fulfilled" },
};
const plain: ModelRecord = {
  ...nothing,
  promise: { ...pending, tags: new Map(), isExternal: false },
};
const about = { id: "p", awaitsAny: false };

const scheduled: ModelSchedule = {
  ...{ cron: "* * * * * *", promiseIdTemplate: "p", promiseTimeoutMs: 1n, createdAt: 50 },
  ...{ promiseParam: { headers: null, data: null }, promiseTags: new Map() },
  ...{ lastRunAt: null, nextRunAt: 1000n },
};
const fired: ModelSchedule = { ...scheduled, lastRunAt: 1000, nextRunAt: 2000n };

test("invariants: what is sound breaks none", () => {
  const sound: readonly ModelRecord[] = [
    ...[nothing, plain, offered, held, over, { ...over, promise: timedout }],
    ...[
      { ...nothing, schedule: scheduled },
      { ...nothing, schedule: fired },
    ],
    { ...offered, task: asleep, clock: stopped, callbacks: ["a"], listeners: ["http://h/"] },
    { ...over, promise: { ...timedout, createdAt: 100 } },
  ];
  for (const record of sound) expect(brokenState(record, about)).toBeNull();
  const waited = { ...plain, callbacks: ["a"] };
  expect(brokenState(waited, about)).toBe("waiters-need-awaitable");
  expect(brokenState(waited, { ...about, awaitsAny: true })).toBeNull();
});

const broken: Readonly<Record<keyof typeof states, ModelRecord>> = {
  "created-before-deadline": { ...offered, promise: { ...pending, createdAt: 100 } },
  "settled-in-window": { ...over, promise: { ...resolved, settledAt: 5 } },
  "pending-has-no-value": { ...offered, promise: { ...pending, settleKey: "k" } },
  "deadline-verdict": { ...over, promise: { ...timedout, settledAt: 99 } },
  "waiters-unique": { ...offered, callbacks: ["a", "a"] },
  "waiters-need-awaitable": { ...plain, listeners: ["http://h/"] },
  "task-iff-target": { ...offered, task: null, clock: stopped },
  "settled-iff-fulfilled": { ...over, task, clock: running },
  "lease-fields-together": { ...held, task: { ...acquired, ttl: null } },
  "one-clock-by-state": { ...offered, clock: stopped },
  "resumes-fit-state": { ...offered, task: { ...asleep, resumes: ["a"] }, clock: stopped },
  "addresses-valid": { ...offered, listeners: ["ftp://h/"] },
  "schedule-order": { ...nothing, schedule: { ...scheduled, nextRunAt: 50n } },
};

test.each(Object.entries(broken))("invariants: a state breaks %s", (name, record) => {
  expect(brokenState(record, about)).toBe(name);
});

test.each<[what: string, record: ModelRecord, name: keyof typeof states]>([
  [
    "a value",
    { ...offered, promise: { ...pending, value: { headers: null, data: "" } } },
    "pending-has-no-value",
  ],
  [
    "a settled one without an instant",
    { ...over, promise: { ...resolved, settledAt: null } },
    "settled-in-window",
  ],
  [
    "resolved by a deadline that is no timer",
    { ...over, promise: { ...resolved, settledAt: 100 } },
    "deadline-verdict",
  ],
  ["one that waits for itself", { ...offered, callbacks: ["p"] }, "waiters-unique"],
  ["a listener twice", { ...offered, listeners: ["http://h/", "http://h/"] }, "waiters-unique"],
  ["told twice of one", { ...offered, task: { ...task, resumes: ["a", "a"] } }, "waiters-unique"],
  ["held by nobody", { ...offered, task: { ...task, pid: "w" } }, "lease-fields-together"],
  ["held at version 0", { ...held, task: { ...acquired, version: 0 } }, "lease-fields-together"],
  ["asleep with a clock", { ...offered, task: asleep }, "one-clock-by-state"],
])("invariants: a state with %s", (_what, record, name) => {
  expect(brokenState(record, about)).toBe(name);
});

const event = (kind: Event["kind"]): Event => ({ kind }) as Event; // nothing else of it is looked at
const taken = { ...held, task: { ...acquired, version: 2 } };

test("invariants: what may happen breaks none", () => {
  const awaited = { ...offered, callbacks: ["a"] };
  const may: readonly (readonly [ModelRecord, ModelRecord, Event["kind"]])[] = [
    [nothing, { ...offered, task: { ...task, version: 0 } }, "promise_created"],
    [offered, taken, "task_acquired"],
    [held, offered, "task_released"],
    [
      { ...offered, task: asleep },
      { ...offered, task: { ...task, resumes: ["a"] } },
      "task_resumed",
    ],
    [held, { ...held, task: { ...acquired, resumes: ["a"] } }, "task_resumed"],
    [{ ...held, task: { ...acquired, resumes: ["a"] } }, held, "resumes_cleared"],
    [held, over, "promise_settled"],
    [offered, awaited, "callback_registered"],
    [{ ...over, callbacks: ["a"] }, over, "callback_drained"],
    [nothing, { ...nothing, schedule: scheduled }, "schedule_created"],
    [{ ...nothing, schedule: scheduled }, { ...nothing, schedule: fired }, "schedule_fired"],
    [{ ...nothing, schedule: fired }, nothing, "schedule_deleted"],
  ];
  for (const [before, after, kind] of may) {
    expect(brokenStep(before, after, event(kind)), kind).toBeNull();
  }
});

type Broken = readonly [before: ModelRecord, after: ModelRecord, kind: Event["kind"]];
const brokenSteps: Readonly<Record<keyof typeof steps, Broken>> = {
  "nothing-vanishes": [offered, { ...offered, task: null }, "callback_registered"],
  "version-only-by-acquire": [offered, held, "task_acquired"],
  "birth-immutable": [
    { ...nothing, schedule: scheduled },
    { ...nothing, schedule: { ...fired, cron: "1 * * * *" } },
    "schedule_fired",
  ],
  edges: [{ ...offered, task: asleep }, offered, "task_continued"],
  coupled: [held, over, "task_released"],
  "waiters-one-way": [{ ...offered, callbacks: ["a"] }, offered, "callback_drained"],
  "resumes-clear": [
    { ...offered, task: { ...task, resumes: ["a"] } },
    offered,
    "callback_registered",
  ],
  "born-clean": [
    nothing,
    { ...offered, task: { ...task, version: 0 }, listeners: ["http://h/"] },
    "promise_created",
  ],
};

test.each(Object.entries(brokenSteps))("invariants: a step breaks %s", (name, step) => {
  const [before, after, kind] = step;
  const found = brokenStep(before, after, event(kind));
  const others = name === "coupled" ? ["edges", name] : [name]; // who is fulfilled took no edge either
  expect(others).toContain(found);
});

/** Streams as they stand when a component has landed. */
function ropesOver(tasks: Readonly<Record<string, Stream["state"] | null>>): Ropes {
  const seen = (id: string): Stream | null => {
    const state = tasks[id] ?? null;
    return state === null ? null : ({ state } as Stream); // nothing else of it is looked at
  };
  return new Ropes({ seen } as StreamOracle);
}

function logged(id: string, what: Event): LoggedEvent {
  return {
    ...{ key: promiseKey(promiseId(id)), event: what, version: streamVersion(1) },
    ...{ position: position(1), command: commandId("c"), at: instantMs(1) },
  };
}

const stateOf = (kind: "suspended" | "fulfilled" | "pending" | "absent"): Stream["state"] => {
  return { ...absent, task: { kind, version: 1, resumes: [] } } as unknown as Stream["state"]; // of a kernel
};
const registered = logged("a", { kind: "callback_registered", awaiter: promiseId("w") });
const drained = logged("a", { kind: "callback_drained", awaiter: promiseId("w") });
const suspended = logged("w", { kind: "task_suspended" });
const resumed = logged("w", { kind: "task_resumed", awaited: promiseId("a") });

test("S2: who sleeps is a callback of what it awaits", () => {
  const ropes = ropesOver({ w: stateOf("suspended") });
  expect(found(() => ropes.tied([registered, suspended]))).toBe("nothing");
  expect(found(() => ropesOver({ w: stateOf("suspended") }).tied([suspended]))).toBe(
    "S sleeper-holds-a-rope",
  );
});

test("S3: who is to be woken has a task", () => {
  expect(found(() => ropesOver({ w: stateOf("absent") }).tied([registered]))).toBe(
    "S awaiter-has-task",
  );
  expect(found(() => ropesOver({}).tied([registered]))).toBe("S awaiter-has-task");
});

test("T3: a callback that is gone leaves its awaiter fulfilled, or told of it", () => {
  expect(found(() => ropesOver({ w: stateOf("fulfilled") }).tied([drained]))).toBe("nothing");
  expect(found(() => ropesOver({ w: stateOf("pending") }).tied([drained, resumed]))).toBe(
    "nothing",
  );
  expect(found(() => ropesOver({ w: stateOf("pending") }).tied([drained]))).toBe("T drain-wakes");
});
