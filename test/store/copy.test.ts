// Copies of whole stores: there and back they are equal, in hash, log and every answer; whatever ends
// one, the next one goes on; and what is refused is left as it is.

import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fc, test as property } from "@fast-check/vitest";
import Sqlite from "better-sqlite3";
import { afterAll, beforeEach, expect, test } from "vitest";
import { SyncPostgres } from "../../bin/dst/postgres-bridge.ts";
import { ask, testServer } from "../../bin/dst/postgres-server.ts";
import { instantMs, promiseId, scheduleId } from "../../kernel/ids.ts";
import { promiseKey, scheduleKey } from "../../kernel/stream.ts";
import { noTimers } from "../../kernel/timers.ts";
import type { Place } from "../../store/copy.ts";
import { copyStore } from "../../store/copy.ts";
import { markTable } from "../../store/copy-mark.ts";
import { schemaKnown } from "../../store/migrate.ts";
import { openPostgres } from "../../store/postgres-open.ts";
import { openSqlite } from "../../store/sqlite.ts";
import type { Store } from "../../store/store.ts";
import { StoreError } from "../../store/store.ts";
import {
  arbitraryHistory,
  arbitraryScheduleHistory,
  arbitraryTimers,
  hostileIds,
} from "./arbitraries.ts";
import { answers, copied, database, exported, file, type History, write } from "./copy-given.ts";
import {
  acquired,
  commit,
  create,
  created,
  due,
  key,
  listening,
  query,
  registered,
  scheduled,
  scheduleNamed,
  settled,
  stream,
  timed,
  written,
} from "./given.ts";

const server = await testServer();
const folder = mkdtempSync(join(tmpdir(), "resonate-copy-"));
let count = 0;
let path = "";
beforeEach(() => {
  path = fresh();
});
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true });
});

function fresh(): string {
  count += 1;
  return join(folder, `${count}.db`);
}

/** Opens a store for a moment. */
function at<Answer>(place: Place, work: (store: Store) => Answer): Answer {
  const store =
    place.kind === "sqlite" ? openSqlite(place.path) : new SyncPostgres({ address: place.url });
  try {
    return work(store);
  } finally {
    store.close();
  }
}

/** Each kind of stream, in each kind of state. */
function furnish(store: Store): void {
  const target = { tags: { "resonate:target": "poll://any@w", "resonate:branch": "a", x: "1" } };
  create(store, "a", { tags: { x: "1", y: "2" }, key: "k" });
  commit(store, written(store, "a", [registered("b"), listening("poll://any@w")]));
  commit(store, written(store, "a", [settled("rejected", { headers: null, data: "no\0" })]));
  const offered = { clockAt: 9n as never, offeredAt: instantMs(3), isMissed: true };
  commit(store, timed(store, "task", offered, created(target)));
  commit(store, written(store, "held", [created(target), acquired("w\u{1f600}")]));
  commit(store, timed(store, "held", { clockAt: 70n as never }));
  commit(store, written(store, scheduleNamed("s"), [scheduled(60_000n, new Map([["x", "1"]]))]));
  commit(
    store,
    written(store, scheduleNamed("gone"), [scheduled(60_000n), { kind: "schedule_deleted" }]),
  );
  for (let index = 0; index < 9; index++) create(store, `p${index}`, { timeoutAt: 5_000n });
}

const keys = [
  ...["a", "task", "held", "p3", "none"].map(key),
  ...["s", "gone", "none"].map(scheduleNamed),
];

const ids = fc.uniqueArray(fc.constantFrom(...hostileIds), { minLength: 1, maxLength: 9 });
const histories: fc.Arbitrary<readonly History[]> = ids.chain((names) => {
  return fc.tuple(
    ...names.map((name, index) => {
      const isSchedule = index % 4 === 3;
      const of = isSchedule ? scheduleKey(scheduleId(name)) : promiseKey(promiseId(name));
      const events = isSchedule ? arbitraryScheduleHistory : arbitraryHistory;
      return fc.record({ key: fc.constant(of), events, timers: arbitraryTimers });
    }),
  );
});

property.prop([histories], { numRuns: 20 })(
  "copy: B5 whatever happened, there and back all answers are equal, and so are the hashes",
  async (given) => {
    const [first, second, third] = [
      file(fresh()),
      database(await server.database()),
      file(fresh()),
    ];
    at(first, (store) => write(store, given));
    const { hash, counts, found } = await copied(first, second);
    expect(counts).toEqual(found);
    expect(await copied(second, third)).toMatchObject({ hash, counts });
    const log = await exported(first);
    expect(log.length).toBe(counts.events);
    expect(await exported(second)).toEqual(log);
    expect(await exported(third)).toEqual(log);
    const wanted = given.map((each) => each.key);
    const expected = at(first, (store) => answers(store, wanted));
    expect(at(second, (store) => answers(store, wanted))).toEqual(expected);
    expect(at(third, (store) => answers(store, wanted))).toEqual(expected);
  },
  120_000,
);

test("copy: from SQLite to SQLite, and from Postgres to Postgres, where positions have gaps", async () => {
  const [first, second, third] = [file(path), database(await server.database()), file(fresh())];
  at(first, furnish);
  await copied(first, second);
  // What was rolled back has left a gap.
  await ask(addressOf(second), "SELECT nextval('events_position') FROM generate_series(1, 5)");
  at(second, (store) => create(store, "behind"));
  const fourth = database(await server.database());
  const { hash } = await copied(second, fourth);
  expect((await copied(fourth, third)).hash).toBe(hash);
  expect((await copied(third, file(fresh()))).hash).toBe(hash);
  const all = [...keys, key("behind")];
  const expected = at(second, (store) => answers(store, all));
  expect(at(fourth, (store) => answers(store, all))).toEqual(expected);
  expect(at(third, (store) => answers(store, all))).toEqual(expected);
});

test("copy: what is written next comes behind all that was copied, on either database", async () => {
  const [first, second, third] = [file(path), database(await server.database()), file(fresh())];
  at(first, furnish);
  await copied(first, second);
  await copied(second, third);
  for (const place of [second, third]) {
    at(place, (store) => {
      const [before] = store.log([{ of: null, after: 0, limit: 999, weightMax: 1e9 }]);
      create(store, "next");
      commit(store, written(store, "p0", [settled()]));
      const end = before?.end ?? 0;
      const [behind] = store.log([{ of: null, after: end, limit: 9, weightMax: 1e9 }]);
      expect(behind?.events.map(({ key: { id }, position }) => [id, position])).toEqual([
        ["next", end + 1],
        ["p0", end + 2],
      ]);
      expect(store.query(query({ limit: 1 })).rows.map(({ id }) => id)).toEqual(["next"]);
    });
  }
});

test("copy: payloads that no batch holds, and more rows than one page", async () => {
  const [first, second, third] = [file(path), database(await server.database()), file(fresh())];
  at(first, (store) => {
    const data = "x".repeat(5 * 1024 * 1024);
    for (const name of ["a", "b"]) create(store, name, { param: { headers: null, data } });
    commit(store, written(store, "a", [settled("resolved", { headers: null, data })]));
    const many = Array.from({ length: 2_500 }, (_, index) =>
      written(store, `p${index}`, [created()]),
    );
    commit(store, ...many);
  });
  const { hash, counts } = await copied(first, second, { rowsMax: 1_000 });
  expect(counts).toEqual({ streams: 2_502, events: 2_503, tags: 0, waiting: 0 });
  expect((await copied(second, third, { rowsMax: 1_000 })).hash).toBe(hash);
});

test("copy: an empty store is copied, too", async () => {
  at(file(path), () => {});
  const second = database(await server.database());
  const { counts } = await copied(file(path), second);
  expect(counts).toEqual({ streams: 0, events: 0, tags: 0, waiting: 0 });
  at(second, (store) => create(store, "a"));
  expect(at(second, (store) => stream(store, "a").version)).toBe(1);
});

test("copy: a claim is not copied: who serves the copy sweeps at once", async () => {
  const [first, second] = [database(await server.database()), database(await server.database())];
  at(first, (store) => {
    furnish(store);
    expect(due(store, 100).streams.length).toBeGreaterThan(0);
    expect(due(store, 100).streams).toEqual([]);
  });
  await copied(first, second);
  expect(at(second, (store) => due(store, 100).streams.length)).toBeGreaterThan(0);
});

test.each(["SQLite", "Postgres"])(
  "copy: B3 B4 a copy to %s that ends behind any batch goes on there",
  async (to) => {
    at(file(path), furnish);
    const expected = at(file(path), (store) => answers(store, keys));
    const whole = file(fresh());
    let batches = 0;
    const onBatch = () => {
      batches += 1;
    };
    const { hash } = await copied(file(path), whole, { onBatch });
    expect(batches).toBeGreaterThan(8);
    const target = to === "SQLite" ? file(fresh()) : database(await server.database());
    const stop = () => {
      throw new Error("killed");
    };
    for (let index = 0; index < batches; index++) {
      await expect(copied(file(path), target, { onBatch: stop })).rejects.toThrow("killed");
      expect(await refusalOf(target)).toMatch(
        /^the database is an unfinished copy of sqlite:.*: finish it/,
      );
    }
    let more = 0;
    const again = { onBatch: () => (more += 1) };
    expect((await copied(file(path), target, again)).hash).toBe(hash);
    expect(more).toBe(0);
    expect(at(target, (store) => answers(store, keys))).toEqual(expected);
  },
);

/** Why no server starts on it. */
async function refusalOf(place: Place): Promise<string> {
  try {
    if (place.kind === "sqlite") openSqlite(place.path).close();
    else await (await openPostgres({ address: place.url })).close();
  } catch (error) {
    if (error instanceof StoreError) return error.message;
    throw error;
  }
  return "";
}

test("copy: B4 an unfinished copy is no source", async () => {
  const [half, other] = [database(await server.database()), file(fresh())];
  await begun(half);
  await expect(copied(half, other)).rejects.toThrow(
    /^the source postgres:.*: the database is an unfinished copy of sqlite:/,
  );
});

/** A copy of `path` that was ended behind its second batch. */
async function begun(to: Place): Promise<void> {
  at(file(path), furnish);
  let left = 2;
  const onBatch = () => {
    left -= 1;
    if (left === 0) throw new Error("killed");
  };
  await expect(copied(file(path), to, { onBatch })).rejects.toThrow("killed");
}

test.each(["SQLite", "Postgres"])(
  "copy: B2 a copy on %s that was begun goes on with the same source only",
  async (to) => {
    const target = to === "SQLite" ? file(fresh()) : database(await server.database());
    await begun(target);
    const other = file(fresh());
    at(other, (store) => create(store, "b"));
    const refused =
      /^the target .*: it holds an unfinished copy of sqlite:.*: empty it, and copy again$/;
    await expect(copied(other, target)).rejects.toThrow(refused);
    copyFileSync(path, `${path}-moved`); // which is the same
    at(file(path), (store) => commit(store, timed(store, "task", { clockAt: 10n as never })));
    await expect(copied(file(path), target)).rejects.toThrow(refused);
    await copied(file(`${path}-moved`), target);
    expect(await refusalOf(target)).toBe("");
  },
);

test.each(["SQLite", "Postgres"])(
  "copy: B2 a target on %s that is not empty is left as it is",
  async (to) => {
    at(file(path), furnish);
    const target = to === "SQLite" ? file(fresh()) : database(await server.database());
    at(target, (store) => create(store, "mine"));
    const before = at(target, (store) => answers(store, [key("mine")]));
    await expect(copied(file(path), target)).rejects.toThrow(
      /^the target .*: it is not empty, and a copy wants a place of its own$/,
    );
    expect(at(target, (store) => answers(store, [key("mine")]))).toEqual(before);
  },
);

test("copy: B2 a target of an older schema that is not empty is not even upgraded", async () => {
  at(file(path), furnish);
  const old = fresh();
  const older = new Sqlite(old);
  older.exec(readFileSync(join(import.meta.dirname, "..", "golden", "file-1.sql"), "utf8"));
  older.close();
  const before = readFileSync(old);
  await expect(copied(file(path), file(old))).rejects.toThrow("it is not empty");
  expect(readFileSync(old).equals(before)).toBe(true);
  await expect(copied(file(old), file(fresh()))).rejects.toThrow(
    /has schema version 1, and a copy wants version \d+: bring it up with resonate migrate up$/,
  );
  openSqlite(old).close();
  const upgraded = database(await server.database());
  const { counts, hash } = await copied(file(old), upgraded);
  expect(counts.streams).toBeGreaterThan(3);
  expect((await copied(upgraded, file(fresh()))).hash).toBe(hash);
});

test.each([
  [
    "a newer SQLite",
    (to: string) => edited(to, `PRAGMA user_version = ${schemaKnown + 1}`),
    /it has schema version \d+, and this server knows version/,
  ],
  [
    "a SQLite of another program",
    (to: string) => edited(to, "PRAGMA application_id = 7"),
    /belongs to another program/,
  ],
  ["a file that is not there", (to: string) => rmSync(to), /there is no file/],
] as const)("copy: %s is no source", async (_what, edit, refused) => {
  at(file(path), () => {});
  edit(path);
  const to = fresh();
  await expect(copied(file(path), file(to))).rejects.toThrow(refused);
  expect(existsSync(to)).toBe(false);
});

function edited(place: string, text: string): void {
  const opened = new Sqlite(place);
  opened.exec(text);
  opened.close();
}

test("copy: an empty Postgres, and a newer one, are no sources", async () => {
  const url = await server.database();
  await expect(copied(database(url), file(path))).rejects.toThrow(/it holds no store/);
  at(database(url), () => {});
  await ask(url, "UPDATE resonate SET schema = 77");
  await expect(copied(database(url), file(path))).rejects.toThrow(/it has schema version 77/);
});

test("copy: B1 what a server holds is neither source nor target", async () => {
  const [held, free] = [database(await server.database()), file(fresh())];
  const other = openSqlite(path);
  await expect(copied(file(path), held)).rejects.toThrow(/^the source .* is in use by another/);
  await expect(copied(free, file(path))).rejects.toThrow(/there is no file/);
  other.close();
  at(free, furnish);
  const running = await openPostgres({ address: addressOf(held) });
  await running.load([key("a")]); // which opens a connection, if none is there
  await expect(copied(held, file(fresh()))).rejects.toThrow(/^the source .* server runs on it/);
  await expect(copied(free, held)).rejects.toThrow(/^the target .* server runs on it/);
  await running.close();
});

test("copy: B2 a server that starts on the target while the source is read is not overlooked", async () => {
  const target = database(await server.database());
  at(file(path), furnish);
  const running: SyncPostgres[] = [];
  const { signal } = new AbortController();
  const copying = copyStore({
    ...{ from: file(path), to: target, signal },
    onProgress: () => {
      if (running.length > 0) return;
      const started = new SyncPostgres({ address: addressOf(target) });
      started.load([key("a")]); // which opens a connection, if none is there
      running.push(started);
    },
  });
  await expect(copying).rejects.toThrow(/^the target .* server runs on it/);
  for (const each of running) each.close();
  expect(running).toHaveLength(1);
  expect(await refusalOf(target)).toBe("");
});

test("copy: B1 the source is read as it was when the copy began", async () => {
  const [first, second] = [database(await server.database()), file(fresh())];
  at(first, furnish);
  const expected = at(first, (store) => answers(store, keys));
  const { signal } = new AbortController();
  let late = false;
  await copyStore({
    ...{ from: first, to: second, signal, rowsMax: 3 },
    onProgress: () => {
      if (late) return;
      late = true;
      at(first, (store) => commit(store, written(store, "p3", [settled()])));
    },
  });
  expect(at(second, (store) => answers(store, keys))).toEqual(expected);
});

test.each([
  ["a snapshot", "UPDATE streams SET snapshot = '{' WHERE id = 'p3'", 'the promise "p3": no JSON'],
  ["timers", "UPDATE streams SET timers = '[]' WHERE id = 'task'", 'the promise "task": no'],
  ["a due date", "UPDATE streams SET due_at = -1 WHERE id = 'p3'", 'the promise "p3": a deadline'],
  [
    "a kind",
    "UPDATE streams SET kind = 'x' WHERE id = 'p3'",
    'the x "p3": a stream of the unknown',
  ],
  [
    "an event",
    "UPDATE events SET data = '{}' WHERE position = 2",
    'the event at 2 of the promise "a":',
  ],
  ["a lost event", "DELETE FROM events WHERE position = 2", "the log should hold"],
] as const)(
  "copy: B6 %s that is damaged ends a copy, with its name, before anything is written",
  async (_what, text, named) => {
    const [sqlite, postgres] = [file(path), database(await server.database())];
    at(sqlite, furnish);
    await copied(sqlite, postgres);
    edited(path, text);
    await ask(postgres.kind === "postgres" ? postgres.url : "", text);
    for (const source of [sqlite, postgres]) {
      const targets = [file(fresh()), database(await server.database())];
      for (const target of targets) {
        await expect(copied(source, target)).rejects.toThrow(named);
        expect(await refusalOf(target)).toBe("");
        expect(at(target, (store) => store.query(query()).rows)).toEqual([]);
      }
    }
  },
);

test.each([
  ["a stream", "UPDATE streams SET revision = revision + 1 WHERE id = 'p0'", /SHA-256/],
  ["an event", "UPDATE events SET command = 'x' WHERE position = 1", /SHA-256/],
  ["a tag", "DELETE FROM tags", /rows of tags 8 in the source, 0 in the target/],
  ["what waits", "DELETE FROM waiting", /rows of waiting 1 in the source, 0 in the target/],
] as const)(
  "copy: B7 %s that is not as in the source is found, and the mark stays",
  async (_what, text, told) => {
    const target = database(await server.database());
    at(file(path), furnish);
    let left = 2; // the streams, and the events
    const onBatch = () => {
      left -= 1;
      if (left === 0) throw new Error("killed");
    };
    await expect(copied(file(path), target, { rowsMax: 999, onBatch })).rejects.toThrow("killed");
    const url = addressOf(target);
    await ask(url, text);
    await expect(copied(file(path), target)).rejects.toThrow(told);
    await expect(copied(file(path), target)).rejects.toThrow(/stays marked as unfinished/);
    expect(await refusalOf(target)).toContain("unfinished");
    expect(await ask(url, `SELECT count(*)::int AS count FROM ${markTable}`)).toEqual([
      { count: 1 },
    ]);
  },
);

function addressOf(place: Place): string {
  return place.kind === "postgres" ? place.url : "";
}

test("copy: B3 of two copies to one target one goes on, and the other one is told", async () => {
  const target = database(await server.database());
  at(file(path), furnish);
  copyFileSync(path, `${path}-twin`);
  let first = true;
  const { signal } = new AbortController();
  let twin: Promise<unknown> = Promise.resolve();
  const copying = copyStore({
    ...{ from: file(path), to: target, signal, rowsMax: 3 },
    onProgress: () => {},
    onBatch: () => {
      if (!first) return;
      first = false;
      twin = copied(file(`${path}-twin`), target).catch((error: unknown) => error);
    },
  });
  const end = await copying.catch((error: unknown) => error);
  const ends = [end, await twin]; // which is known by now
  const refused = ends.filter((end) => end instanceof StoreError);
  expect(refused).toHaveLength(1);
  for (const { message } of refused)
    expect(message).toMatch(/somebody else|it is not empty|does not exist/);
  expect(await refusalOf(target)).toBe("");
});

test("copy: an interruption ends it at a batch, and the next one goes on", async () => {
  const target = file(fresh());
  at(file(path), furnish);
  const stop = new AbortController();
  const onProgress = (step: string, done: number) => {
    if (step === "copying" && done > 5) stop.abort();
  };
  const options = { from: file(path), to: target, onProgress, rowsMax: 3 };
  await expect(copyStore({ ...options, signal: stop.signal })).rejects.toThrow("interrupted");
  expect(await refusalOf(target)).toContain("unfinished");
  await copied(file(path), target);
  expect(await refusalOf(target)).toBe("");
});

test("copy: the timers of those that have none stay none", async () => {
  const target = file(fresh());
  at(file(path), furnish);
  await copied(file(path), target);
  expect(at(target, (store) => stream(store, "p1").timers)).toEqual(noTimers);
});
