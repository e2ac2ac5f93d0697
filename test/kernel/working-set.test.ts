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
import { absent, dueAt, fold, promiseKey, type Stream } from "../../kernel/stream.ts";
import { emptyValue } from "../../kernel/value.ts";
import { WorkingSet } from "../../kernel/working-set.ts";
import { MemoryStore } from "../../store/memory.ts";

const ids = ["a", "b", "c"].map((name) => promiseId(name));
const now = instantMs(50);

const someId = fc.constantFrom(...ids);
const key = fc.constantFrom(null, "k", "l");
const tags = fc.constantFrom(
  new Map<string, string>(),
  new Map([["resonate:timer", "true"]]),
  new Map([["resonate:target", "poll://any@g"]]),
);
const pair = fc.uniqueArray(someId, { minLength: 2, maxLength: 2 }).map(([awaited, awaiter]) => ({
  awaited: awaited ?? promiseId("a"),
  awaiter: awaiter ?? promiseId("b"),
}));
const command: fc.Arbitrary<Command> = fc.oneof(
  fc.record({
    ...{ kind: fc.constant("create_promise" as const), id: someId, key, tags },
    timeoutAt: fc.bigInt(45n, 55n).map(deadlineMs), // some are due at once
    ...{ param: fc.constant(emptyValue), strict: fc.boolean(), isExternal: fc.boolean() },
  }),
  fc.record({
    ...{ kind: fc.constant("settle_promise" as const), id: someId, key, strict: fc.boolean() },
    ...{
      value: fc.constant(emptyValue),
      outcome: fc.constantFrom("resolved" as const, "rejected" as const),
    },
  }),
  fc.record({ kind: fc.constant("get_promise" as const), id: someId }),
  fc.record({ kind: fc.constant("settle_at_deadline" as const), id: someId }),
  pair.map((both) => ({ kind: "register_callback" as const, ...both })),
  pair.map((both) => ({ kind: "drain_callback" as const, ...both })),
);

/** Runs the commands in batches of one size. Returns all that a client or a reader could see. */
function run(commands: readonly Command[], batchSize: number) {
  const store = new MemoryStore();
  const responses: (Response | null)[] = [];
  for (let start = 0; start < commands.length; start += batchSize) {
    const entries = commands.slice(start, start + batchSize).map((each, index): Entry => {
      const id = commandId(`n-${start + index}`);
      return { command: each, keys: keys(each), id, attempt: 1, origin: { kind: "sweep" } };
    });
    const batch = new Batch(entries);
    const { writing, reading } = batch.execute(store.load(batch.keys()), now);
    expect(store.commit(writing)).toEqual([]);
    const executed = [...writing.flatMap((group) => group.executed), ...reading];
    responses.push(
      ...entries.map((entry) => executed.find((each) => each.entry === entry)?.response ?? null),
    );
  }
  const logs = ids.map((id) => log(store, id));
  return { responses, logs, store };
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
    const due = store
      .due(instantMs(99), { limit: 9, weightMax: 1e9 })
      .streams.map((stream) => stream.key.id);
    const expected = ids.filter((_, index) => {
      const at = dueAt(fold((logs[index] ?? []).map(({ event }) => event)));
      return at !== null && at <= 99;
    });
    expect(due.toSorted()).toEqual(expected);
  },
);

test("batch: some random batch has come upon each kind of event and answer", () => {
  const seen = new Set<string>();
  for (const commands of fc.sample(fc.array(command, { minLength: 20 }), {
    numRuns: 100,
    seed: 7,
  })) {
    const { responses, logs } = run(commands, 5);
    for (const { event } of logs.flat()) seen.add(event.kind);
    for (const response of responses)
      seen.add(response?.kind === "refused" ? response.refusal : "");
  }
  for (const kind of [
    "promise_created",
    "promise_settled",
    "callback_registered",
    "callback_drained",
  ]) {
    expect(seen).toContain(kind);
  }
  for (const refusal of [
    "promise_already_exists",
    "promise_already_timedout",
    "awaiter_not_targeted",
  ]) {
    expect(seen).toContain(refusal);
  }
});

const created: Event = {
  ...{ kind: "promise_created", createdAt: now, timeoutAt: deadlineMs(100n), param: emptyValue },
  ...{ tags: new Map(), key: null, isExternal: true },
};
const author = { command: commandId("n-1"), now };
const at = (revision: number): Stream => {
  const numbers = { version: streamVersion(revision), revision: streamRevision(revision) };
  return { key: promiseKey(promiseId("a")), ...numbers, state: absent };
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

test("working set: W4 streams are handed over as they were first written, then what was only read", () => {
  const streams = ["a", "b", "c"].map((name) => ({ ...at(0), key: promiseKey(promiseId(name)) }));
  const set = new WorkingSet(streams);
  const [a, b, c] = streams.map(({ key }) => key);
  for (const key of [c, b]) if (key !== undefined) set.append(key, created, author);
  const changes = set.changes([a, b, c].filter((key) => key !== undefined));
  expect(changes.map(({ key }) => key.id)).toEqual(["c", "b", "a"]);
});
