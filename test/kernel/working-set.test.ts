// The working set, one rule a test, and the properties that make batches safe: their size does not
// show, neither in an answer nor in a log, and the log folds to the snapshots beside it.

import { fc, test as property } from "@fast-check/vitest";
import { expect, test } from "vitest";
import { Batch, type Entry } from "../../kernel/batch.ts";
import { type Command, keys, type Response } from "../../kernel/command.ts";
import type { Event } from "../../kernel/event.ts";
import {
  commandId,
  deadlineMs,
  instantMs,
  promiseId,
  streamRevision,
  streamVersion,
} from "../../kernel/ids.ts";
import type { Message } from "../../kernel/message.ts";
import { usualRules } from "../../kernel/rules.ts";
import { absent, dueAt, fold, promiseKey, type Stream } from "../../kernel/stream.ts";
import { noTimers } from "../../kernel/timers.ts";
import { emptyValue } from "../../kernel/value.ts";
import { WorkingSet } from "../../kernel/working-set.ts";
import { MemoryStore } from "../../store/memory.ts";
import { cron } from "./given.ts";
import { commands, ids } from "./random.ts";

const now = instantMs(50);

const command = commands(fc.integer({ min: 45, max: 99 })); // some are due at once

/** Runs the commands in batches of one size. Returns all that a client or a reader could see. */
function run(commands: readonly Command[], batchSize: number) {
  const store = new MemoryStore();
  const responses: (Response | null)[] = [];
  const sent: (readonly Message[])[] = [];
  for (let start = 0; start < commands.length; start += batchSize) {
    const entries = commands.slice(start, start + batchSize).map((each, index): Entry => {
      const id = commandId(`n-${start + index}`);
      return { command: each, keys: keys(each), id, attempt: 1, origin: { kind: "sweep" } };
    });
    const batch = new Batch(entries);
    const at = { now, rules: usualRules, cron };
    const { writing, reading } = batch.execute(store.load(batch.keys()), at);
    expect(store.commit(writing)).toEqual([]);
    const executed = [...writing.flatMap((group) => group.executed), ...reading];
    for (const entry of entries) {
      const { response = null, messages = [] } =
        executed.find((each) => each.entry === entry) ?? {};
      responses.push(response);
      sent.push(messages);
    }
  }
  const logs = ids.map((id) => log(store, id));
  return { responses, sent, logs, store };
}

function log(store: MemoryStore, id: (typeof ids)[number]) {
  const [page] = store.log([{ of: promiseKey(id), after: 0, limit: 999, weightMax: 1e9 }]);
  return (
    page?.events.map(({ at, command: author, event, version }) => ({
      at,
      author,
      event,
      version,
    })) ?? []
  );
}

property.prop([fc.array(command), fc.integer({ min: 2, max: 9 })])(
  "batch: W1 a batch of many is many batches of one",
  (commands, batchSize) => {
    const [many, single] = [run(commands, batchSize), run(commands, 1)];
    expect(many.responses).toEqual(single.responses);
    expect(many.logs).toEqual(single.logs);
    expect(many.sent).toEqual(single.sent);
    const timers = ({ store }: typeof many) => {
      return store
        .load(ids.map(promiseKey))
        .map((each) => each.kind === "stream" && each.stream.timers);
    };
    expect(timers(many)).toEqual(timers(single));
  },
);

property.prop([fc.array(command)])(
  "stream: S1 S2 the log folds to the snapshot, and to its due date",
  (commands) => {
    const { store, logs } = run(commands, 3);
    const loaded = store.load(ids.map(promiseKey));
    for (const [index, events] of logs.entries()) {
      const state = fold(events.map(({ event }) => event));
      expect(loaded[index]).toMatchObject({
        kind: "stream",
        stream: { state, version: events.length },
      });
      expect(events.map(({ version }) => version)).toEqual(events.map((_, at) => at + 1));
    }
    const timers = loaded.map((each) => (each.kind === "stream" ? each.stream.timers : noTimers));
    const due = store
      .due(instantMs(99), { limit: 9, weightMax: 1e9 })
      .streams.map((stream) => stream.key.id);
    const expected = ids.filter((_, index) => {
      const state = fold((logs[index] ?? []).map(({ event }) => event));
      const at = dueAt(state, timers[index] ?? noTimers);
      return at !== null && at <= 99;
    });
    expect(due.toSorted()).toEqual(expected);
  },
);

test("batch: some random batch has come upon each kind of event and answer", () => {
  const seen = new Set<string>();
  for (const commands of fc.sample(fc.array(command, { minLength: 80, maxLength: 80 }), {
    numRuns: 400,
    seed: 7,
  })) {
    const { responses, logs } = run(commands, 5);
    for (const { event } of logs.flat()) seen.add(event.kind);
    for (const response of responses)
      seen.add(response?.kind === "refused" ? response.refusal : "");
  }
  // These two are too rare for here: invariants.test.ts counts them.
  for (const rare of ["resumes_cleared", "listener_drained"]) seen.delete(rare);
  expect([...seen].toSorted()).toEqual(
    [
      "",
      "awaited_not_awaitable",
      "awaited_not_found",
      "awaiter_not_found",
      "awaiter_not_targeted",
      "callback_drained",
      "callback_registered",
      "listener_registered",
      "promise_already_canceled",
      "promise_already_exists",
      "promise_already_rejected",
      "promise_already_resolved",
      "promise_already_timedout",
      "promise_created",
      "promise_not_found",
      "promise_not_targeted",
      "promise_settled",
      "task_acquired",
      "task_already_exists",
      "task_continued",
      "task_fulfilled",
      "task_halted",
      "task_not_found",
      "task_not_halted",
      "task_not_held",
      "task_not_pending",
      "task_released",
      "task_resumed",
      "task_suspended",
      "task_version_mismatch",
    ].toSorted(),
  );
});

const created: Event = {
  ...{ kind: "promise_created", createdAt: now, timeoutAt: deadlineMs(100n), param: emptyValue },
  ...{ tags: new Map(), key: null, isExternal: true },
};
const author = { command: commandId("n-1"), now };
const at = (revision: number): Stream => {
  const numbers = { version: streamVersion(revision), revision: streamRevision(revision) };
  return { key: promiseKey(promiseId("a")), ...numbers, state: absent, timers: noTimers };
};

test("working set: W2 what was not loaded is out of reach", () => {
  expect(() => new WorkingSet([]).state(promiseKey(promiseId("a")))).toThrow("not loaded");
});

test("working set: W3 a change expects the revision that was loaded, whatever is appended", () => {
  const stream = at(7);
  const set = new WorkingSet([stream]);
  set.append(stream.key, created, author);
  expect(set.changes([stream.key])[0]).toMatchObject({
    expectedRevision: 7,
    write: { version: 8, events: [{ at: 50, command: "n-1", event: created }], dueAt: 100n },
  });
});

test("working set: a stream that was only read asks for its revision and writes nothing", () => {
  const stream = at(7);
  expect(new WorkingSet([stream]).changes([stream.key])[0]).toEqual({
    key: stream.key,
    expectedRevision: 7,
    write: null,
  });
});

test("working set: W5 timers that are set are written, without an event and without a version", () => {
  const stream = at(7);
  const set = new WorkingSet([stream]);
  const timers = { ...noTimers, clockAt: deadlineMs(9n), isMissed: true };
  set.setTimers(stream.key, timers);
  expect([set.timers(stream.key), set.writeCount]).toEqual([timers, 1]);
  expect(set.changes([stream.key])[0]).toMatchObject({
    expectedRevision: 7,
    write: { version: 7, events: [], timers },
  });
});

test("working set: W4 streams are handed over as they were first written, then what was only read", () => {
  const streams = ["a", "b", "c"].map((name) => ({ ...at(0), key: promiseKey(promiseId(name)) }));
  const set = new WorkingSet(streams);
  const [a, b, c] = streams.map(({ key }) => key);
  for (const key of [c, b]) if (key !== undefined) set.append(key, created, author);
  const changes = set.changes([a, b, c].filter((key) => key !== undefined));
  expect(changes.map(({ key }) => key.id)).toEqual(["c", "b", "a"]);
});
