// Queue and completions before a store that takes time, over one whose answers come when a test says.

import { expect, test } from "vitest";
import { AsyncAio, type WaitingStore } from "../../aio/async-aio.ts";
import { Clock } from "../../aio/clock.ts";
import { Loop } from "../../aio/loop.ts";
import { testServer } from "../../bin/dst/postgres-server.ts";
import { deadlineMs, instantMs, promiseId, taskVersion } from "../../kernel/ids.ts";
import { Kernel } from "../../kernel/kernel.ts";
import { limits } from "../../kernel/limits.ts";
import type { Completion, Delivery, Sqe, Submission } from "../../kernel/ports.ts";
import { promiseKey } from "../../kernel/stream.ts";
import { emptyValue, noPairs } from "../../kernel/value.ts";
import { MemoryStore } from "../../store/memory.ts";
import { openPostgres } from "../../store/postgres-open.ts";
import { StoreError } from "../../store/store.ts";
import { cron } from "../kernel/given.ts";
import { waitingQuery } from "../store/given.ts";

type Call = { readonly verb: string; answer(): void; fail(error: unknown): void };

/** A store in memory that waits, at each call, to be told to answer. */
class HeldStore implements WaitingStore {
  readonly calls: Call[] = [];
  readonly #store = new MemoryStore();

  load: WaitingStore["load"] = (keys) => this.#hold("load", () => this.#store.load(keys));
  commit: WaitingStore["commit"] = (components) => {
    return this.#hold("commit", () => this.#store.commit(components));
  };
  query: WaitingStore["query"] = (query) => this.#hold("query", () => this.#store.query(query));
  due: WaitingStore["due"] = (now, bounds) => {
    return this.#hold("due", () => this.#store.due(now, bounds));
  };
  list: WaitingStore["list"] = (queries) => this.#hold("list", () => this.#store.list(queries));
  waiting: WaitingStore["waiting"] = (query) => {
    return this.#hold("waiting", () => this.#store.waiting(query));
  };
  log: WaitingStore["log"] = (ranges) => this.#hold("log", () => this.#store.log(ranges));

  get verbs(): readonly string[] {
    return this.calls.map(({ verb }) => verb);
  }

  #hold<Answer>(verb: string, ask: () => Answer): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    this.calls.push({ verb, answer: () => resolve(ask()), fail: reject });
    return promise;
  }
}

const load: Submission = { kind: "load", keys: [promiseKey(promiseId("a"))] };
const commit: Submission = { kind: "commit", components: [] };
const due: Submission = { kind: "due", now: instantMs(1), bounds: { limit: 1, weightMax: 1 } };
const query: Submission = {
  kind: "query",
  query: {
    ...{ pattern: "*", anyOf: null, tags: noPairs, before: null },
    ...{ limit: 1, weightMax: 1, now: instantMs(1) },
  },
};
const log: Submission = { kind: "log", ranges: [] };
const list: Submission = { kind: "list", queries: [] };
const waiting: Submission = { kind: "waiting", query: waitingQuery("poll://any@w") };

function given({ queueMax = 10, workers = 2 } = {}) {
  const store = new HeldStore();
  const told: string[] = [];
  const deliveries: ((delivery: Delivery) => void)[] = [];
  const aio = new AsyncAio({
    ...{ store, queueMax, workers },
    observer: { started: () => told.push("started"), finished: (status) => told.push(status) },
    sender: { send: () => new Promise((resolve) => deliveries.push(resolve)) },
    onCompleted: () => told.push("completed"),
  });
  let ticket = 0;
  const enqueue = (submission: Submission) => {
    ticket += 1;
    return aio.enqueue({ ticket, submission } satisfies Sqe);
  };
  const drained = () => aio.drain().map((cqe) => [cqe.ticket, kindOf(cqe.completion)]);
  return { store, told, deliveries, aio, enqueue, drained };
}

function kindOf(completion: Completion): string {
  return completion.kind === "failed" ? completion.failure : completion.kind;
}

/** Lets whatever has been answered arrive. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

test("async aio: I5 nothing completes but what the store has answered, and by drain alone", async () => {
  const { store, told, aio, enqueue, drained } = given({ workers: 7 });
  for (const submission of [load, commit, query, due, log, list, waiting])
    expect(enqueue(submission)).toBe(true);
  expect(store.verbs).toEqual(["load", "commit", "query", "due", "log", "list", "waiting"]);
  await settle();
  expect([aio.waiting, drained()]).toEqual([0, []]);
  for (const call of store.calls) call.answer();
  expect(drained()).toEqual([]);
  await settle();
  expect(aio.waiting).toBe(7);
  expect(drained()).toEqual([
    [1, "loaded"],
    [2, "committed"],
    [3, "found"],
    [4, "due"],
    [5, "logged"],
    [6, "listed"],
    [7, "waiting"],
  ]);
  expect([aio.waiting, drained()]).toEqual([0, []]);
  expect(told.filter((each) => each === "completed")).toHaveLength(7);
  expect(told.filter((each) => each === "success")).toHaveLength(7);
});

test("async aio: I5 a full queue refuses at once, and takes on again when there is room", async () => {
  const { store, told, enqueue } = given({ queueMax: 2, workers: 1 });
  expect([1, 2, 3, 4, 5].map(() => enqueue(load))).toEqual([true, true, true, false, false]);
  expect(told).toEqual(["started", "started", "started"]);
  store.calls[0]?.answer();
  await settle();
  expect([enqueue(load), enqueue(load)]).toEqual([true, false]);
});

test("async aio: I6 as many are under way as there are workers, begun in order, ended in any", async () => {
  const { store, aio, enqueue, drained } = given({ workers: 2 });
  for (const submission of [commit, load, due, log]) enqueue(submission);
  expect(store.verbs).toEqual(["commit", "load"]);
  expect(aio.backlog).toBe(2);
  store.calls[1]?.answer();
  await settle();
  expect(store.verbs).toEqual(["commit", "load", "due"]);
  expect(drained()).toEqual([[2, "loaded"]]);
  store.calls[2]?.answer();
  store.calls[0]?.answer();
  await settle();
  expect(drained()).toEqual([
    [3, "due"],
    [1, "committed"],
  ]);
  expect([store.verbs.at(-1), aio.backlog]).toEqual(["log", 0]);
});

test("async aio: I6 what is enqueued once a commit was drained begins after its end", async () => {
  const { store, enqueue, drained } = given({ workers: 1 });
  enqueue(commit);
  store.calls[0]?.answer();
  await settle();
  expect(drained()).toEqual([[1, "committed"]]);
  enqueue(load);
  expect(store.verbs).toEqual(["commit", "load"]);
});

test.each(["store_failed", "store_overloaded", "outcome_unknown"] as const)(
  "async aio: I7 a commit that fails as %s is a completion, and the next one is carried out",
  async (failure) => {
    const { store, told, enqueue, drained } = given({ workers: 1 });
    enqueue(commit);
    enqueue(load);
    store.calls[0]?.fail(new StoreError(failure, "told to"));
    await settle();
    store.calls[1]?.answer();
    await settle();
    expect(drained()).toEqual([
      [1, failure],
      [2, "loaded"],
    ]);
    expect(told.filter((each) => each === "failure")).toHaveLength(1);
  },
);

test.each([
  [commit, new TypeError("ours")],
  [commit, new StoreError("outcome_unknown", "the end", { isFatal: true })],
  [load, new StoreError("outcome_unknown", "of a read")],
])("async aio: I7 what is fatal, or a bug, is thrown by drain: %#", async (submission, error) => {
  const { store, told, aio, enqueue } = given();
  enqueue(submission);
  store.calls[0]?.fail(error);
  await settle();
  expect([aio.waiting, told.at(-1)]).toEqual([1, "completed"]);
  expect(() => aio.drain()).toThrow(submission === load ? "a read of unknown outcome" : error);
  expect(() => aio.drain()).toThrow(); // for good
});

test("async aio: I8 who closes waits for all that was taken on", async () => {
  const { store, aio, enqueue, drained } = given({ workers: 1 });
  enqueue(commit);
  enqueue(load);
  let isClosed = false;
  const closing = aio.close().then(() => {
    isClosed = true;
  });
  expect(enqueue(load)).toBe(false);
  store.calls[0]?.answer();
  await settle();
  expect(isClosed).toBe(false);
  store.calls[1]?.answer();
  await closing;
  expect(drained()).toEqual([
    [1, "committed"],
    [2, "loaded"],
  ]);
  await aio.close();
});

test("async aio: I4 a message waits for no worker, and closes with nobody", async () => {
  const { told, deliveries, aio, enqueue, drained } = given({ workers: 1, queueMax: 1 });
  enqueue(load);
  enqueue(load);
  const task = { id: promiseId("a"), version: taskVersion(0) };
  expect(enqueue({ kind: "send", message: { kind: "execute", to: "poll://any@w", ...task } })).toBe(
    true,
  );
  deliveries[0]?.({ kind: "delivered" });
  await settle();
  expect([aio.waiting, told.at(-1)]).toEqual([1, "completed"]);
  expect(drained()).toEqual([[3, "sent"]]);
});

test("async aio: a kernel in its loop serves what a Postgres keeps", async () => {
  const server = await testServer();
  const store = await openPostgres({ address: await server.database() });
  const failures: unknown[] = [];
  const aio: AsyncAio = new AsyncAio({
    ...{ store, queueMax: 9, workers: 4 },
    observer: { started: () => undefined, finished: () => undefined },
    sender: { send: () => new Promise<never>(() => {}) },
    onCompleted: () => loop.wake(),
  });
  const kernel = new Kernel({ aio, limits: limits(), node: "n", trace: () => undefined, cron });
  const clock = new Clock(() => 1);
  const loop: Loop = new Loop({ kernel, aio, clock, onFatal: (error) => failures.push(error) });
  const created = await Promise.all(
    Array.from({ length: 300 }, (_, index) => {
      const id = promiseId(`p${index % 150}`);
      const traits = { param: emptyValue, tags: noPairs, key: null, strict: false };
      const kind = { kind: "create_promise", isExternal: true, isShared: false } as const;
      const command = { ...kind, ...traits, id, timeoutAt: deadlineMs(99n) };
      return new Promise<string>((resolve) => {
        loop.submit(command, (response) => resolve(response.kind));
      });
    }),
  );
  expect(Map.groupBy(created, (kind) => kind).size).toBe(2);
  const all = { pattern: "*", anyOf: null, tags: noPairs, before: null, now: instantMs(1) };
  const found = await store.query({ ...all, limit: 999, weightMax: 1e9 });
  expect(found.rows).toHaveLength(150);
  expect([failures, aio.backlog]).toEqual([[], 0]);
  loop.stop();
  await aio.close();
  await store.close();
  await server.stop();
});
