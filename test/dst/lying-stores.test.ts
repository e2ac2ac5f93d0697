// Stores that break one promise each (store/store.ts), under honest servers. For each lie the table says
// who finds it: class, oracle and rule, exactly. All but the lie is a memory store. The life that the
// promises lead is the same for all, and without a fault, where nothing else is said.

import { describe, expect, test } from "vitest";
import { promiseStream } from "../../dst/names.ts";
import {
  deadlineMs,
  instantMs,
  position,
  streamRevision,
  streamVersion,
} from "../../kernel/ids.ts";
import type { Due } from "../../kernel/ports.ts";
import type { Found, LoggedEvent, LogRange } from "../../kernel/search.ts";
import {
  absent,
  type Change,
  type Component,
  type PromiseStream,
  type Stream,
  type Write,
} from "../../kernel/stream.ts";
import { emptyValue, noPairs } from "../../kernel/value.ts";
import { type Store, StoreError } from "../../store/store.ts";
import {
  create,
  get,
  history,
  lying,
  play,
  type Setting,
  type Step,
  search,
  settle,
  strikes,
  until,
  verdict,
  wait,
  worker,
} from "./play.ts";

const life: readonly Step[] = [
  [0, 0, create("a", { param: { headers: [["h", "1"]], data: "d" }, tags: [["t", "u"]] })],
  [0, 1, worker("w")],
  [0, 2, until(50, "b")],
  [0, 3, until(120, "c")],
  [10, 0, wait("a", "w")],
  [20, 0, settle("a", { value: { headers: null, data: "v" }, key: "k" })],
  [30, 1, get("a")],
  [40, 2, search({ limit: 3 })],
  [60, 2, search({ state: "rejected" })],
  [70, 3, history("a")],
  [80, 3, history(null)],
  [90, 0, until(10 ** 9, "y")],
  [90, 1, until(10 ** 9 + 1, "z")],
];

/** The last version of `a`: its callback is drained. */
const lastOfA = 4;

type Lie = (honest: Store) => Partial<Store>;
type Scene = Setting & { readonly steps?: readonly Step[] };
type Row = readonly [lie: string, lie: Lie, found: string, scene?: Scene];

function told(table: readonly Row[]): void {
  for (const [what, lie, found, { steps = life, ...setting } = {}] of table) {
    test(what, () => {
      expect(verdict(play(steps, { ...setting, openStore: lying(lie) }))).toBe(found);
      expect(verdict(play(steps, setting)), "the same on an honest store").toBeNull();
    });
  }
}

/** Every stream that is loaded, as the lie has it. */
function loading(lie: (stream: Stream, keyCount: number) => Stream): Lie {
  return (honest) => ({
    load: (keys) =>
      honest.load(keys).map((loaded) => {
        if (loaded.kind !== "stream") return loaded;
        return { kind: "stream", stream: lie(loaded.stream, keys.length) };
      }),
  });
}

/** The promise of every stream that is loaded, once it is settled. */
function loadingSettled(changed: Partial<PromiseStream["promise"]>): Lie {
  return loading((stream) => {
    const { promise } = promiseStream(stream.state);
    if (promise.kind !== "settled") return stream;
    return { ...stream, state: { ...stream.state, promise: { ...promise, ...changed } } } as Stream;
  });
}

type Events = readonly LoggedEvent[];

function logging(lie: (events: Events, range: LogRange) => Events): Lie {
  return (honest) => ({
    log: (ranges) =>
      honest.log(ranges).map((page, index) => {
        const range = ranges[index] as LogRange; // a page for each
        return { ...page, events: lie(page.events, range) };
      }),
  });
}

function each(lie: (event: LoggedEvent) => LoggedEvent): (events: Events) => Events {
  return (events) => events.map(lie);
}

/** Commits are counted from one. */
function committing(
  lie: (components: readonly Component[], honest: Store, count: number) => readonly number[],
): Lie {
  return (honest) => {
    let count = 0;
    return {
      commit: (components) => {
        count += 1;
        return lie(components, honest, count);
      },
    };
  };
}

function changing(lie: (change: Change, honest: Store) => Change): Lie {
  return committing((components, honest) => {
    const changed = (change: Change) => lie(change, honest);
    return honest.commit(components.map(({ changes }) => ({ changes: changes.map(changed) })));
  });
}

function writing(lie: (write: Write) => Write): Lie {
  return changing((change) => {
    return change.write === null ? change : { ...change, write: lie(change.write) };
  });
}

/** What the log holds of the first event of `a`, to be edited where it lies. */
function editing(edit: (event: Writable<LoggedEvent>) => void): Lie {
  return committing((components, honest, count) => {
    const conflicts = honest.commit(components);
    const of = components[0]?.changes[0]?.key ?? null;
    const [page] = honest.log([{ of, after: 0, limit: 1, weightMax: 1 }]);
    const first = page?.events[0];
    if (count === lastOfA && first !== undefined) edit(first);
    return conflicts;
  });
}

type Writable<Type> = { -readonly [Name in keyof Type]: Type[Name] };

function sweeping(lie: (due: Due) => Due): Lie {
  return (honest) => ({ due: (now, bounds) => lie(honest.due(now, bounds)) });
}

function finding(lie: (found: Found) => Found): Lie {
  return (honest) => ({ query: (query) => lie(honest.query(query)) });
}

test("an honest store is believed, whatever stands before it", () => {
  const { outcome } = play(life, { openStore: lying(() => ({})) });
  expect(outcome.failure).toBeNull();
  expect(outcome.trace).toBe(play(life).outcome.trace);
});

const loads: readonly Row[] = [
  [
    "T1: revisions that grow by two",
    loading((stream) => ({ ...stream, revision: streamRevision(2 * stream.revision) })),
    "safety T revision",
  ],
  [
    "T1: a version that is one too high",
    loading((stream) => {
      const isNew = stream.version === 0;
      return { ...stream, version: streamVersion(isNew ? 0 : stream.version + 1) };
    }),
    "safety T version",
  ],
  [
    "T1: live objects, which change under those who hold them",
    (honest) => {
      const live = new Map<string, Stream>();
      return loading((stream) => {
        const same = Object.assign(live.get(stream.key.id) ?? {}, stream);
        live.set(stream.key.id, same);
        return same;
      })(honest);
    },
    "safety T revision",
  ],
  [
    "T2: nothing where there was a promise",
    loading((stream) => (stream.version < lastOfA ? stream : { ...stream, state: absent })),
    "safety T vanished",
  ],
  [
    "T2: a settled promise whose value changes",
    loading((stream) => {
      const { promise } = promiseStream(stream.state);
      if (promise.kind !== "settled" || stream.version < lastOfA) return stream;
      return {
        ...stream,
        state: { ...stream.state, promise: { ...promise, value: emptyValue } },
      };
    }),
    "safety T immutable",
  ],
  [
    "T2: a promise without its tags once it is settled",
    loadingSettled({ tags: noPairs }),
    "safety T immutable",
  ],
  [
    "T2: a promise that was created later once it is settled",
    loadingSettled({ createdAt: instantMs(5) }),
    "safety T immutable",
  ],
  [
    "F2: a settlement at another time",
    loadingSettled({ settledAt: instantMs(5) }),
    "safety W snapshot",
  ],
  [
    "F2: nobody who waits",
    loading((stream) => ({ ...stream, state: { ...stream.state, callbacks: absent.callbacks } })),
    "safety W snapshot",
  ],
  [
    "F2: the snapshot before the last one",
    (honest) => {
      const seen = new Map<string, Stream[]>();
      return loading((stream) => {
        const before = seen.get(stream.key.id) ?? [];
        if (before.at(-1)?.revision !== stream.revision) before.push(stream);
        seen.set(stream.key.id, before);
        return { ...stream, state: (before.at(-2) ?? stream).state };
      })(honest);
    },
    "safety W snapshot",
  ],
  [
    "A4: what it was, where two streams are asked for at once",
    (honest) => {
      const first = new Map<string, Stream>();
      return loading((stream, keyCount) => {
        const old = first.get(stream.key.id) ?? stream;
        if (stream.version > 0) first.set(stream.key.id, old);
        return keyCount === 1 ? stream : { ...stream, state: old.state };
      })(honest);
    },
    "safety W loaded",
  ],
  [
    "A6: nothing that can be read",
    (honest) => ({
      load: (keys) =>
        honest.load(keys).map((loaded) => {
          const isThere = loaded.kind === "stream" && loaded.stream.version > 0;
          return isThere ? { kind: "unreadable", key: loaded.stream.key } : loaded;
        }),
    }),
    "safety F unreadable",
    { steps: [[0, 0, create("a")]] },
  ],
];

describe("a store that loads", () => told(loads));

const commits: readonly Row[] = [
  [
    "A2: all components but the last one",
    committing((components, honest) => honest.commit(components.slice(0, 1))),
    "safety T revision",
  ],
  [
    "A2: the first half of a component",
    committing((components, honest) => {
      return honest.commit(components.map(({ changes }) => ({ changes: changes.slice(0, 1) })));
    }),
    "safety T revision",
    {
      steps: [
        [0, 0, create("a")],
        [0, 1, worker("w")],
        [0, 2, wait("a", "w")],
      ],
    },
  ],
  [
    "A2: a component that it then says has moved",
    committing((components, honest, count) => {
      honest.commit(components);
      return count === 3 ? [0] : [];
    }),
    "safety W loaded",
  ],
  [
    "A2: the first half of a component that has moved",
    committing((components, honest) => {
      const conflicts = honest.commit(components);
      for (const index of conflicts) {
        for (const change of components[index]?.changes ?? []) {
          honest.commit([{ changes: [change] }]);
        }
      }
      return conflicts;
    }),
    "safety W loaded",
    {
      steps: [
        [0, 0, create("a")],
        [0, 2, worker("w")],
        [10, 0, wait("a", "w")],
        [12, 1, settle("w")], // while the commit of the other server is on its way
      ],
      nodes: 2,
      choices: { "slow n0 commit a #2": strikes, "slowness n0 commit a": 9 },
    },
  ],
  [
    "A2: although a stream that was only read has moved",
    changing((change, honest) => {
      const [loaded] = honest.load([change.key]);
      if (change.write !== null || loaded?.kind !== "stream") return change;
      return { ...change, expectedRevision: loaded.stream.revision };
    }),
    "safety W answer",
    {
      steps: [
        [0, 0, create("a")],
        [0, 2, worker("w")],
        [10, 0, wait("a", "w")],
        [12, 1, settle("w")],
      ],
      nodes: 2,
      choices: { "slow n0 commit a #2": strikes, "slowness n0 commit a": 9 },
    },
  ],
  [
    "A2: whatever revision was loaded",
    changing((change, honest) => {
      const [loaded] = honest.load([change.key]);
      if (change.write === null || loaded?.kind !== "stream") return change;
      const { version, revision } = loaded.stream;
      const write = {
        ...change.write,
        version: streamVersion(version + change.write.events.length),
      };
      return { ...change, expectedRevision: revision, write };
    }),
    "safety W answer",
    {
      steps: [
        [0, 0, create("a")],
        [10, 0, settle("a")],
        [12, 1, settle("a", { outcome: "rejected" })],
      ],
      nodes: 2,
      choices: { "slow n0 commit a #2": strikes, "slowness n0 commit a": 9 },
    },
  ],
  [
    "A1: nothing, and says it has",
    committing((components, honest, count) => (count === 3 ? [] : honest.commit(components))),
    "safety T revision",
  ],
  [
    "A1: a batch twice",
    committing((components, honest, count) => {
      const conflicts = honest.commit(components);
      if (count < 3) return conflicts;
      const again = ({ changes: [change] }: Component) => {
        if (change?.write == null) return [];
        const { expectedRevision: revision, write } = change;
        const version = streamVersion(write.version + write.events.length);
        const next = { ...change, expectedRevision: streamRevision(revision + 1) };
        return [{ changes: [{ ...next, write: { ...write, version } }] }];
      };
      honest.commit(components.flatMap(again));
      return conflicts;
    }),
    "safety T revision",
  ],
  [
    "A3: the snapshot without what a client has sent",
    writing((write) => {
      const { promise, ...rest } = promiseStream(write.snapshot);
      if (promise.kind !== "pending") return write;
      const bare = { ...promise, param: emptyValue };
      return { ...write, snapshot: { ...rest, promise: bare } };
    }),
    "safety W snapshot",
  ],
  [
    "F1: an event of another client's",
    writing((write) => {
      const events = write.events.map((event) => {
        return event.event.kind !== "promise_settled"
          ? event
          : { ...event, event: { ...event.event, key: "other" } };
      });
      return { ...write, events };
    }),
    "safety F log",
  ],
  [
    "W1: new promises from the last to the first",
    committing((components, honest) => {
      return honest.commit(components.toReversed()).map((index) => components.length - 1 - index);
    }),
    "safety W creation",
  ],
  ["S1: no due date", writing((write) => ({ ...write, dueAt: null })), "liveness V due"],
  [
    "S1: no due date, and the deadline lies ahead",
    writing((write) => ({ ...write, dueAt: null })),
    "safety S index",
    { steps: [[0, 0, until(10 ** 9, "y")]] },
  ],
  [
    "S1: a due date that is a millisecond late",
    writing((write) => {
      return write.dueAt === null ? write : { ...write, dueAt: deadlineMs(write.dueAt + 1n) };
    }),
    "safety B alarm",
    { steps: [[0, 0, until(10 ** 9, "y")]], choices: { "kill n0@0 #3": strikes } },
  ],
  [
    "S1: due dates that are a little off, so that they change places",
    writing((write) => {
      const isLast = write.dueAt !== null && write.dueAt % 10n === 1n;
      return isLast ? { ...write, dueAt: deadlineMs((write.dueAt ?? 0n) - 2n) } : write;
    }),
    "safety S index",
  ],
  [
    "S1: a due date that is too early",
    writing((write) => {
      return write.dueAt === null ? write : { ...write, dueAt: deadlineMs(write.dueAt - 30n) };
    }),
    "safety W due",
    { choices: { "kill n0@0 #3": strikes, "down 0": 99 } }, // the next process asks by the index
  ],
  [
    "S1: no due date for a settled promise that somebody waits for",
    writing((write) => {
      const isOver = promiseStream(write.snapshot).promise.kind === "settled";
      return isOver ? { ...write, dueAt: null } : write;
    }),
    "liveness V due",
    { choices: { "crash commit.consumed n0 commit a #2": strikes } }, // before it drains
  ],
];

describe("a store that commits", () => told(commits));

const isSettlement = ({ event }: LoggedEvent) => event.kind === "promise_settled";
const forged = (event: LoggedEvent): LoggedEvent => {
  if (event.event.kind !== "promise_settled") return event;
  return { ...event, event: { ...event.event, value: emptyValue } };
};
const logs: readonly Row[] = [
  [
    "T1: drops an event",
    logging((events, { of }) => events.filter((event) => of === null || !isSettlement(event))),
    "safety T version",
  ],
  [
    "T1: shows an event twice",
    logging((events) =>
      events.flatMap((event) => (isSettlement(event) ? [event, event] : [event])),
    ),
    "safety T version",
  ],
  [
    "F1: tells another instant",
    logging(each((event) => ({ ...event, at: instantMs(event.at + 1) }))),
    "safety F log",
  ],
  ["F1: tells another value", logging(each(forged)), "safety F log"],
  [
    "F1: tells of another command",
    logging(each((event) => ({ ...event, command: `${event.command}0` as typeof event.command }))),
    "safety F log",
  ],
  [
    "F1: leaves a gap",
    logging(each((event) => ({ ...event, version: streamVersion(event.version + 1) }))),
    "safety F gap",
  ],
  [
    "F1: has new events before older ones",
    logging(each((event) => ({ ...event, position: position(1_000 - event.position) }))),
    "safety F order",
    {
      steps: [
        [0, 0, create("a")],
        [10, 0, settle("a")],
      ],
    },
  ],
  [
    "W1: gives all promises one place",
    logging(each((event) => ({ ...event, position: position(1) }))),
    "safety W creation",
  ],
  [
    "F3: is written anew, with another param of an old event",
    (honest) => {
      let count = 0;
      const edited = (event: LoggedEvent): LoggedEvent => {
        if (event.event.kind !== "promise_created" || count < lastOfA) return event;
        return { ...event, event: { ...event.event, param: emptyValue } };
      };
      return {
        ...logging(each(edited))(honest),
        commit: (components) => {
          count += 1;
          return honest.commit(components);
        },
      };
    },
    "safety F immutable",
    { steps: life.slice(0, 7) },
  ],
  [
    "F3: is edited where it lies: the instant of an old event",
    editing((event) => {
      event.at = instantMs(event.at + 1);
    }),
    "safety F immutable",
  ],
  [
    "F3: is edited where it lies: what an old event says",
    editing(({ event }) => {
      if (event.kind === "promise_created") (event as Writable<typeof event>).key = "other";
    }),
    "safety F immutable",
  ],
  [
    "W6: drops an event for whoever asks for the whole of it",
    logging((events, { of, limit }) => (of !== null || limit > 10 ? events : events.slice(1))),
    "safety W released",
  ],
  [
    "W6: tells another value to whoever asks for the whole of it",
    logging((events, { of }) => (of === null ? events.map(forged) : events)),
    "safety W released",
  ],
  [
    "W6: ends too early for whoever asks for a promise",
    (honest) => ({
      log: (ranges) => honest.log(ranges).map((page) => ({ ...page, end: 0 })),
    }),
    "safety W released",
    {
      steps: [
        [0, 0, create("a")],
        [10, 0, history("a")],
      ],
    },
  ],
  [
    "F: hides an event from whoever follows it",
    logging((events, { of, limit }) => (of !== null || limit === 10 ? events : events.slice(1))),
    "safety F follow",
  ],
  [
    "F: tells another value to whoever follows it",
    logging((events, { of, limit }) => (of !== null || limit === 10 ? events : events.map(forged))),
    "safety F follow",
  ],
];

describe("a store whose log", () => told(logs));

const down = { "kill n0@0 #3": strikes, "down 0": 199 }; // until both deadlines have passed
const sweeps: readonly Row[] = [
  [
    "W7: what is due from the last to the first",
    sweeping((due) => ({ ...due, streams: due.streams.toReversed() })),
    "safety W due",
    { choices: down },
  ],
  [
    "W7: what is not due yet",
    (honest) => ({ due: (now, bounds) => honest.due(instantMs(now + 100), bounds) }),
    "safety W due",
  ],
  [
    "more than it was asked for",
    (honest) => ({ due: (now, bounds) => honest.due(now, { ...bounds, limit: 99 }) }),
    "safety B due",
    { choices: down, limits: { dueMax: 1 } },
  ],
  ["V2: nothing", sweeping((due) => ({ ...due, streams: [] })), "liveness V due"],
  [
    "V2: and never says when to ask again",
    sweeping((due) => ({ ...due, nextAt: null })),
    "liveness V due",
    // The next process knows only what it is told, as long as nothing makes it look.
    { steps: [[0, 2, until(50, "b")]], choices: { "kill n0@0 #3": strikes } },
  ],
  [
    "B2: and says that more is due at once",
    sweeping((due) => ({ ...due, nextAt: deadlineMs(0n) })),
    "liveness B hot",
  ],
];

describe("a store that sweeps", () => told(sweeps));

const searches: readonly Row[] = [
  [
    "W6: and omits a promise",
    finding(({ rows, hasMore }) => ({ rows: rows.slice(1), hasMore })),
    "safety W released",
  ],
  [
    "W6: and turns the order around",
    finding(({ rows, hasMore }) => ({ rows: rows.toReversed(), hasMore })),
    "safety W released",
  ],
  [
    "W6: and says that there is more",
    finding(({ rows }) => ({ rows, hasMore: true })),
    "safety W released",
  ],
  [
    "W6: and says that there is no more",
    finding(({ rows }) => ({ rows, hasMore: false })),
    "safety W released",
  ],
  [
    "W6: and does not look at the state",
    (honest) => ({ query: (query) => honest.query({ ...query, anyOf: null }) }),
    "safety W released",
  ],
  [
    "W6: and brings one row too many",
    (honest) => ({ query: (query) => honest.query({ ...query, limit: query.limit + 1 }) }),
    "safety W released",
  ],
  [
    "W6: and shows a promise as it was",
    finding(({ rows, hasMore }) => {
      const [first, ...others] = rows;
      if (first === undefined) return { rows, hasMore };
      const { promise } = first;
      return {
        rows: [{ ...first, promise: { ...promise, createKey: "old" } }, ...others],
        hasMore,
      };
    }),
    "safety W released",
  ],
];

describe("a store that is searched", () => told(searches));

describe("a store that throws", () => {
  const raise = (error: unknown) => () => {
    throw error;
  };
  test.each([
    ["what is no failure of a store", new TypeError("oops"), "crash A store: oops"],
    [
      "that it must be stopped",
      new StoreError("store_failed", "the disk is gone", { isFatal: true }),
      "crash A store: the disk is gone",
    ],
    [
      "a read of unknown outcome",
      new StoreError("outcome_unknown", "no answer"),
      "crash A harness: a read of unknown outcome",
    ],
  ])("%s", (_what, error, found) => {
    expect(verdict(play(life, { openStore: lying(() => ({ query: raise(error) })) }))).toBe(found);
  });

  test("but not for one that says it has failed", () => {
    const error = new StoreError("store_failed", "not now");
    const played = play(life, { openStore: lying(() => ({ query: raise(error) })) });
    expect(verdict(played)).toBeNull();
  });

  test("V3: nor for one that goes on saying so", () => {
    const error = new StoreError("store_failed", "not now");
    const lie: Lie = (honest) => {
      let count = 0;
      return {
        load: (keys) => {
          count += 1;
          const isOfA = keys.length === 1 && keys[0]?.id === "a"; // of no task
          return count > 20 && isOfA ? raise(error)() : honest.load(keys);
        },
      };
    };
    expect(verdict(play(life, { openStore: lying(lie) }))).toBe("liveness V probe");
  });
});
