// The real outside, piece by piece, over scripted stores and clocks.

import { expect, test, vi } from "vitest";
import { StoreAio } from "../../aio/aio.ts";
import { Clock } from "../../aio/clock.ts";
import { Loop } from "../../aio/loop.ts";
import type { Submission } from "../../aio/storage.ts";
import { perform } from "../../aio/storage.ts";
import { Timer } from "../../aio/timer.ts";
import { deadlineMs, instantMs, int64Max, promiseId, taskVersion } from "../../kernel/ids.ts";
import { Kernel } from "../../kernel/kernel.ts";
import { limits } from "../../kernel/limits.ts";
import type { Delivery, StoreFailure, Trace } from "../../kernel/ports.ts";
import { promiseKey } from "../../kernel/stream.ts";
import { emptyValue, noPairs } from "../../kernel/value.ts";
import { MemoryStore } from "../../store/memory.ts";
import { type Store, StoreError } from "../../store/store.ts";
import { cron } from "../kernel/given.ts";

const quiet = { started: () => undefined, finished: () => undefined };
const silent = {
  sender: { send: () => new Promise<never>(() => {}) }, // what is sent is never heard of again
  onCompleted: () => {},
};
const due: Submission = { kind: "due", now: instantMs(1), bounds: { limit: 1, weightMax: 1 } };
const commit: Submission = { kind: "commit", components: [] };

/** A store whose every verb does this. */
function failing(act: () => never): Store {
  const reads = { query: act, list: act, waiting: act, due: act, log: act };
  return { ...reads, load: act, commit: act, reset: act };
}

function throwing(failure: StoreFailure, isFatal = false): Store {
  return failing(() => {
    throw new StoreError(failure, "told to", { isFatal });
  });
}

/** The same store, and word of each call. */
function watched(store: Store, note: (verb: keyof Store) => void): Store {
  const tell = <Arguments extends unknown[], Answer>(
    verb: keyof Store,
    ask: (...args: Arguments) => Answer,
  ) => {
    return (...args: Arguments) => {
      note(verb);
      return ask(...args);
    };
  };
  return {
    load: tell("load", (keys) => store.load(keys)),
    commit: tell("commit", (components) => store.commit(components)),
    query: tell("query", (query) => store.query(query)),
    list: tell("list", (queries) => store.list(queries)),
    waiting: tell("waiting", (query) => store.waiting(query)),
    due: tell("due", (now, bounds) => store.due(now, bounds)),
    log: tell("log", (ranges) => store.log(ranges)),
    reset: tell("reset", () => store.reset()),
  };
}

test("clock: does not run backwards", () => {
  const readings = [5, 3, 5, 9];
  const clock = new Clock(() => readings.shift() ?? 0);
  expect([clock.now(), clock.now(), clock.now(), clock.now(), clock.now()]).toEqual([
    5, 5, 5, 9, 9,
  ]);
});

function withTimer(act: (timer: Timer, rings: () => number) => void): void {
  vi.useFakeTimers();
  try {
    let rings = 0;
    const timer = new Timer(() => {
      rings += 1;
    });
    act(timer, () => rings);
  } finally {
    vi.useRealTimers();
  }
}

test("timer: rings once, at its instant", () => {
  withTimer((timer, rings) => {
    timer.set(deadlineMs(100n), instantMs(40));
    vi.advanceTimersByTime(59);
    expect(rings()).toBe(0);
    vi.advanceTimersByTime(1);
    expect(rings()).toBe(1);
    vi.advanceTimersByTime(100_000);
    expect(rings()).toBe(1);
  });
});

test("timer: can be moved, and taken back; to set the same again is nothing", () => {
  withTimer((timer, rings) => {
    timer.set(deadlineMs(200n), instantMs(100));
    timer.set(deadlineMs(150n), instantMs(100));
    vi.advanceTimersByTime(49);
    timer.set(deadlineMs(150n), instantMs(100));
    vi.advanceTimersByTime(1);
    expect(rings()).toBe(1);
    timer.set(deadlineMs(900n), instantMs(800));
    timer.set(null, instantMs(800));
    vi.advanceTimersByTime(100_000);
    expect(rings()).toBe(1);
  });
});

test("timer: what is past rings soon, and never without a pause", () => {
  withTimer((timer, rings) => {
    timer.set(deadlineMs(10n), instantMs(150));
    vi.advanceTimersByTime(0);
    expect(rings()).toBe(0);
    vi.advanceTimersByTime(1);
    expect(rings()).toBe(1);
  });
});

test("timer: a long sleep is taken in pieces, so that a clock that jumps is seen", () => {
  withTimer((timer, rings) => {
    timer.set(deadlineMs(int64Max), instantMs(150));
    vi.advanceTimersByTime(29_999);
    expect(rings()).toBe(0);
    vi.advanceTimersByTime(1);
    expect(rings()).toBe(1);
    timer.set(deadlineMs(int64Max), instantMs(30_150));
    vi.advanceTimersByTime(30_000);
    expect(rings()).toBe(2);
  });
});

test.each(["store_overloaded", "store_failed", "record_unreadable"] as const)(
  "storage: a store that says %s makes a failure of it",
  (failure) => {
    expect(perform(throwing(failure), due)).toEqual({ kind: "failed", failure });
  },
);

test("storage: only a commit may be of unknown outcome", () => {
  expect(perform(throwing("outcome_unknown"), commit)).toEqual({
    kind: "failed",
    failure: "outcome_unknown",
  });
  expect(() => perform(throwing("outcome_unknown"), due)).toThrow("unknown outcome");
});

test("storage: what is fatal, or not recognised, goes on up", () => {
  expect(() => perform(throwing("outcome_unknown", true), commit)).toThrow(StoreError);
  const broken = failing(() => {
    throw new TypeError("a bug");
  });
  expect(() => perform(broken, due)).toThrow(TypeError);
});

test("aio: I1 I2 I3 nothing happens in enqueue, all in order in drain, and full is a value", () => {
  const seen: string[] = [];
  const store = new MemoryStore();
  const spy = watched(store, (verb) => seen.push(verb));
  const finished: string[] = [];
  const observer = { ...quiet, finished: (status: string) => finished.push(status) };
  const aio = new StoreAio({ ...silent, store: spy, queueMax: 3, observer });
  const submissions: Submission[] = [commit, { kind: "load", keys: [] }, due, due];
  const accepted = submissions.map((submission, ticket) => aio.enqueue({ ticket, submission }));
  expect(accepted).toEqual([true, true, true, false]);
  expect([seen, aio.waiting]).toEqual([[], 3]);
  expect(aio.drain().map(({ ticket }) => ticket)).toEqual([0, 1, 2]);
  expect([seen, aio.waiting, aio.drain()]).toEqual([["commit", "load", "due"], 0, []]);
  expect(finished).toEqual(["success", "success", "success"]);
});

function start(store: Store = new MemoryStore()) {
  const batches: number[] = [];
  const failures: unknown[] = [];
  const aio = new StoreAio({ ...silent, store, queueMax: 9, observer: quiet });
  const trace: Trace = (record) => {
    if (record.kind === "taken") batches.push(record.requests.length);
  };
  const kernel = new Kernel({ aio, limits: limits(), node: "n", trace, cron });
  const clock = new Clock(() => 1);
  const loop = new Loop({ kernel, aio, clock, onFatal: (error) => failures.push(error) });
  return { loop, kernel, batches, failures };
}

const create = (name: string) => {
  const rest = {
    param: emptyValue,
    tags: noPairs,
    key: null,
    strict: false,
    isExternal: true,
    isShared: false,
  };
  const timeoutAt = deadlineMs(int64Max);
  return { kind: "create_promise", id: promiseId(name), timeoutAt, ...rest } as const;
};
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

test("loop: L1 requests that arrive together meet in one batch, and all are answered", async () => {
  const { loop, batches } = start();
  const answers = ["a", "b", "c"].map(
    (name) => new Promise((resolve) => loop.submit(create(name), resolve)),
  );
  expect(await Promise.all(answers)).toMatchObject([
    { changed: true },
    { changed: true },
    { changed: true },
  ]);
  expect(batches).toEqual([3]);
});

test("loop: L1 what the next look brings joins the batch; looks have an end", async () => {
  const { loop, batches } = start();
  for (let look = 0; look < 20; look++) {
    loop.submit(create(`p${look}`), () => undefined);
    await turn();
  }
  for (let turns = 0; turns < 5; turns++) await turn();
  expect(batches[0]).toBeGreaterThan(4);
  expect(batches.length).toBeGreaterThan(1);
  expect(batches.reduce((sum, each) => sum + each)).toBe(20);
});

test("loop: L1 a request that is alone waits for one look", async () => {
  const { loop } = start();
  let isAnswered = false;
  loop.submit(create("a"), () => {
    isAnswered = true;
  });
  await turn();
  expect(isAnswered).toBe(false);
  await turn();
  expect(isAnswered).toBe(true);
});

test("loop: L3 sockets get their turn after three ticks, however much is due", async () => {
  const store = new MemoryStore();
  let calls = 0;
  const counted = watched(store, () => {
    calls += 1;
  });
  const aio = new StoreAio({ ...silent, store: counted, queueMax: 9, observer: quiet });
  let now = 1;
  const clock = new Clock(() => now);
  const few = limits({ batchMax: 2, dueMax: 2 });
  const kernel = new Kernel({ aio, limits: few, node: "n", trace: () => undefined, cron });
  const loop = new Loop({ kernel, aio, clock, onFatal: () => undefined });
  const names = ["a", "b", "c", "d", "e", "f"];
  const timeoutAt = deadlineMs(5n);
  await Promise.all(
    names.map((name) => {
      return new Promise((resolve) => loop.submit({ ...create(name), timeoutAt }, resolve));
    }),
  );
  now = 6;
  loop.wake();
  const callsPerTurn: number[] = [];
  for (let turns = 0; turns < 12; turns++) {
    calls = 0;
    await turn();
    callsPerTurn.push(calls);
  }
  expect(Math.max(...callsPerTurn)).toBeLessThanOrEqual(6); // a batch and a sweep ask at once
  expect(callsPerTurn.filter((each) => each > 0).length).toBeGreaterThan(1);
  expect(store.due(instantMs(6), { limit: 9, weightMax: 9 }).streams).toEqual([]);
});

test("loop: L4 what a tick throws stops the loop for good", async () => {
  const fatal = new StoreError("outcome_unknown", "fsync failed", { isFatal: true });
  const store = failing(() => {
    throw fatal;
  });
  const { loop, failures } = start(store);
  expect(loop.submit(create("a"), () => undefined)).toBe(true);
  for (let turns = 0; turns < 5; turns++) await turn();
  expect(failures).toEqual([fatal]);
  expect(loop.submit(create("b"), () => undefined)).toBe(false);
});

test("loop: L2 the clock is read once a tick, when it begins", async () => {
  let reads = 0;
  const aio = new StoreAio({ ...silent, store: new MemoryStore(), queueMax: 9, observer: quiet });
  const kernel = new Kernel({ aio, limits: limits(), node: "n", trace: () => undefined, cron });
  const clock = new Clock(() => {
    reads += 1;
    return 1;
  });
  const loop = new Loop({ kernel, aio, clock, onFatal: () => undefined });
  loop.wake();
  expect(reads).toBe(0);
  await turn();
  expect(reads).toBe(2); // the sweep that is all recovery, and its answer
});

test("loop: once stopped nothing is executed, and no alarm rings", async () => {
  const store = new MemoryStore();
  const { loop, kernel } = start(store);
  const soon = deadlineMs(20n); // by the clock of the test it never comes, by the timer in 19 ms
  await new Promise((resolve) => loop.submit({ ...create("a"), timeoutAt: soon }, resolve));
  await turn();
  let ticks = 0;
  const tick = kernel.tick.bind(kernel);
  kernel.tick = (now) => {
    ticks += 1;
    tick(now);
  };
  loop.submit(create("b"), () => undefined);
  loop.stop();
  await new Promise((resolve) => setTimeout(resolve, 60));
  expect(ticks).toBe(0);
  expect(loop.submit(create("c"), () => undefined)).toBe(false);
});

test("loop: once started and idle, it never asks the store again", async () => {
  let calls = 0;
  const store = new MemoryStore();
  const counted = watched(store, () => {
    calls += 1;
  });
  const { loop } = start(counted);
  loop.wake();
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(calls).toBe(1); // the sweep that is all recovery
});

test("loop: a promise that falls due is settled unasked", async () => {
  const store = new MemoryStore();
  const aio = new StoreAio({ ...silent, store, queueMax: 9, observer: quiet });
  const kernel = new Kernel({ aio, limits: limits(), node: "n", trace: () => undefined, cron });
  const loop = new Loop({ kernel, aio, clock: new Clock(), onFatal: () => undefined });
  const timeoutAt = deadlineMs(BigInt(Date.now() + 20));
  await new Promise((resolve) => loop.submit({ ...create("a"), timeoutAt }, resolve));
  await vi.waitFor(() => {
    const [loaded] = store.load([promiseKey(promiseId("a"))]);
    expect(loaded).toMatchObject({ stream: { state: { promise: { outcome: "timedout" } } } });
  });
});

test("I4: a message is handed over at once, and what became of it is a completion like any other", async () => {
  const sent: unknown[] = [];
  const { promise, resolve } = Promise.withResolvers<Delivery>();
  let completedCount = 0;
  const aio = new StoreAio({
    ...{ store: failing(() => expect.unreachable()), queueMax: 1, observer: quiet },
    sender: {
      send: (message) => {
        sent.push(message);
        return promise;
      },
    },
    onCompleted: () => {
      completedCount += 1;
    },
  });
  const message = {
    kind: "execute",
    to: "a",
    id: promiseId("p"),
    version: taskVersion(0),
  } as const;
  expect(aio.enqueue({ ticket: 7, submission: { kind: "send", message } })).toBe(true);
  expect([sent, aio.waiting, aio.drain()]).toEqual([[message], 0, []]);
  resolve({ kind: "delivered" });
  await promise;
  await Promise.resolve();
  expect([completedCount, aio.waiting]).toEqual([1, 1]);
  const completion = { kind: "sent", delivery: { kind: "delivered" } };
  expect(aio.drain()).toEqual([{ ticket: 7, completion }]);
  expect([aio.waiting, aio.drain()]).toEqual([0, []]);
});
