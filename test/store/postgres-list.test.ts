// Which index of Postgres leads a search in the order of ids, and what waits for workers; then what damage
// does to both, and that the table of what waits follows its column.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { SyncPostgres } from "../../bin/dst/postgres-bridge.ts";
import { ask, testServer } from "../../bin/dst/postgres-server.ts";
import { streamRevision } from "../../kernel/ids.ts";
import type { ListFilter, ListQuery } from "../../kernel/list.ts";
import { list } from "../../store/postgres-list.ts";
import { openPostgres } from "../../store/postgres-open.ts";
import { digest, tagDigest } from "../../store/postgres-plan.ts";
import { countMissed, selectMissed, selectWaiting } from "../../store/postgres-queries.ts";
import {
  commit,
  create,
  created,
  listening,
  listQuery,
  settled,
  timed,
  waitingQuery,
  written,
} from "./given.ts";
import { offered, telling } from "./reads.ts";

const server = await testServer();
const url = await server.database();
const store = new SyncPostgres({ address: url });
beforeEach(() => store.reset());
afterAll(async () => {
  store.close();
  await server.stop();
});

const any = "poll://any@w";
const target = { "resonate:target": any };

describe("among many promises", () => {
  let crowd: string;

  /**
   * The n-th is p<n>; one in ten is resolved, and has a task that is fulfilled. A third is of a branch, a few
   * have a tag, and one in five waits for one of ten receivers, one in fifty of these missed.
   */
  beforeAll(async () => {
    crowd = await server.database();
    await (await openPostgres({ address: crowd })).close();
    await ask(
      crowd,
      `INSERT INTO streams (number, kind, id, version, revision, state, timeout_at, is_timer, task_state,
        branch, weight, schema, snapshot)
      SELECT n, 'promise', 'p' || n, 1, 1, CASE WHEN n % 10 = 0 THEN 'resolved' ELSE 'pending' END,
        1000000 + n, false, CASE WHEN n % 10 = 0 THEN 'fulfilled' ELSE 'pending' END,
        CASE WHEN n % 3 = 0 THEN $1::bytea END, 1, 2, repeat('x', 200)
      FROM generate_series(1, 30000) AS n`,
      [digest("b")],
    );
    await ask(
      crowd,
      `INSERT INTO tags (tag, stream, kind, id)
      SELECT CASE WHEN n % 3000 = 0 THEN $1::bytea ELSE $2 END, n, 'promise', 'p' || n
      FROM generate_series(1, 30000) AS n`,
      [tagDigest("t", "few"), tagDigest("t", "other")],
    );
    await ask(
      crowd,
      `INSERT INTO waiting (receiver, offered_at, stream, kind, id)
      SELECT sha256((n / 5 % 10)::text::bytea), CASE WHEN n % 250 = 0 THEN 0 ELSE n END, n, 'promise', 'p' || n
      FROM generate_series(5, 30000, 5) AS n`,
    );
    await ask(crowd, "ANALYZE streams, tags, waiting");
  });

  async function led(text: string, parameters: readonly unknown[]): Promise<readonly string[]> {
    const values = parameters.map((each) => (typeof each === "bigint" ? `${each}` : each));
    const lines: readonly string[] = (await ask(crowd, `EXPLAIN ${text}`, values)).map(
      (row) => row["QUERY PLAN"],
    );
    return lines.flatMap((line) => {
      const scan = /(?:Scan using|Bitmap Index Scan on|Seq Scan on) (\w+)/.exec(line)?.[1];
      const isSort = /->\s+(?:Incremental )?Sort /.test(line);
      return scan ?? (isSort ? "sort" : []);
    });
  }

  const none: ListFilter = { promise: null, tasks: null, isPast: null, isTimer: null };
  const pending: ListFilter = { ...none, promise: "pending", isPast: false };
  const branch = new Map([["resonate:branch", "b"]]);

  test.each<[string, Partial<ListQuery>, readonly string[]]>([
    ["a branch", { tags: branch }, ["streams_branch"]],
    ["a branch, from a cursor", { tags: branch, after: "p7" }, ["streams_branch"]],
    ["a branch, with a state", { tags: branch, anyOf: [pending] }, ["streams_branch"]],
    ["a prefix of few", { idPrefix: "p777", anyOf: [pending] }, ["streams_pkey"]],
    ["everything", {}, ["streams_pkey"]],
    ["everything, from a cursor", { after: "p7" }, ["streams_pkey"]],
    ["what is pending, of many", { anyOf: [pending] }, ["streams_pkey"]],
    ["schedules", { of: "schedule", idPrefix: "p" }, ["streams_pkey"]],
  ])("postgres: a list of %s is led by an index", async (_what, chosen, expected) => {
    const query = listQuery({ limit: 10, ...chosen });
    const { sql, parameters } = list(query, query.after);
    expect(await led(sql, parameters)).toEqual(expected);
  });

  test("postgres: what waits is a range of one index, oldest first", async () => {
    const values = [digest("7"), 1_000_000, 0, 100, 11, 1_000_000];
    expect(await led(selectWaiting, values)).toEqual(["waiting_pkey", "streams_pkey"]);
  });

  test("postgres: what found nobody is counted out of an index of nothing else", async () => {
    expect(await led(countMissed, [])).toEqual(["waiting_missed"]);
  });

  test("postgres: for whom something waits that found nobody is looked up, one receiver after the other", async () => {
    const [index, ...more] = await led(selectMissed, [["7", "8", "nobody"].map(digest)]);
    expect(["waiting_pkey", "waiting_missed"]).toContain(index);
    expect(more).toEqual([]);
  });
});

test("postgres: A6 a list that comes upon a record that cannot be read fails, and says so", async () => {
  for (const id of ["a", "b", "c"]) create(store, id);
  await ask(url, "UPDATE streams SET snapshot = '{' WHERE id = 'b'");
  expect(() => store.list([listQuery()])).toThrow("the stream b");
  expect(store.list([listQuery({ limit: 1 })])).toMatchObject([{ hasMore: true }]);
  expect(store.list([listQuery({ after: "b" })])).toMatchObject([{ rows: [{ key: { id: "c" } }] }]);
});

test("postgres: A6 what waits and cannot be read is passed over, and what is gone", async () => {
  for (const id of ["a", "b", "c", "d", "e"]) {
    commit(store, timed(store, id, offered(900, true), created({ tags: target })));
  }
  await ask(url, "UPDATE streams SET snapshot = '{' WHERE id = 'b'");
  await ask(url, "DELETE FROM streams WHERE id = 'd'");
  await ask(url, "UPDATE waiting SET kind = 'later' WHERE id = 'a'");
  const { streams, next } = store.waiting(waitingQuery(any, { limit: 1 }));
  expect(streams).toMatchObject([{ key: { id: "c" } }]);
  const rest = store.waiting(waitingQuery(any, { limit: 1, after: next }));
  expect(rest).toMatchObject({ streams: [{ key: { id: "e" } }], next: null });
});

test("postgres: A6 a stream of which nobody can read who waits is not written", async () => {
  commit(store, timed(store, "a", offered(900), created({ tags: target })));
  await ask(url, "UPDATE streams SET waiting = '{'");
  const change = written(store, "a", [settled()]);
  expect(() => commit(store, change)).toThrow("the stream a: ");
  create(store, "b");
});

test("postgres: of many receivers those are named for whom something waits that found nobody", async () => {
  const addressed = (address: string) => created({ tags: { "resonate:target": address } });
  const receivers = ["poll://any@w", "poll://uni@w/1", "poll://any@v", "poll://any@nobody"];
  const [group, worker, other, nobody] = receivers.map((each) => waitingQuery(each).receiver);
  if (!group || !worker || !other || !nobody) throw new Error("a receiver is missing");
  const store2 = await openPostgres({ address: url });
  const missed = async () => (await store2.missed([nobody, other, worker, group])).toSorted();
  expect(await missed()).toEqual([]);
  commit(
    store,
    timed(store, "a", offered(900), addressed("poll://any@w")),
    timed(store, "b", offered(900, true), addressed("poll://uni@w/1")),
    timed(store, "c", offered(900, true), addressed("poll://any@v")),
    timed(store, "d", offered(901, true), addressed("poll://any@v")),
    timed(store, "e", offered(901, true), addressed("poll://any@elsewhere")),
  );
  expect(await missed()).toEqual([other, worker].toSorted());
  commit(store, timed(store, "a", offered(902, true)), timed(store, "b", offered(903)));
  expect(await missed()).toEqual([group, other].toSorted());
  expect(await store2.missed([])).toEqual([]);
  await store2.close();
});

test("postgres: the table of what waits follows its column, and its misses are counted", async () => {
  const rows = () =>
    ask(url, "SELECT id, offered_at::int AS at FROM waiting ORDER BY id, offered_at");
  const long = `poll://any@${"é".repeat(3_000)}`;
  commit(
    store,
    timed(store, "a", offered(900), created({ tags: target })),
    timed(store, "b", offered(900, true), created({ tags: { "resonate:target": long } })),
    timed(store, "c", {}, created(), listening(any), listening("poll://uni@w/1")),
    written(store, "d", [created({ tags: { "resonate:branch": "é".repeat(300_000) } })]),
  );
  const store2 = await openPostgres({ address: url });
  expect(await rows()).toEqual([
    { id: "a", at: 900 },
    { id: "b", at: 0 },
  ]);
  expect([store.missedCount, await store2.missedCount()]).toEqual([1, 1]);
  const tellings = new Map([
    [any, telling(900, true)],
    ["poll://uni@w/1", telling(900, false)],
  ]);
  commit(
    store,
    timed(store, "a", offered(900, true)),
    timed(store, "b", offered(950, true)),
    timed(store, "c", { tellings }, settled()),
  );
  expect(await rows()).toEqual([
    { id: "a", at: 0 },
    { id: "b", at: 0 },
    { id: "c", at: 0 },
    { id: "c", at: 900 },
  ]);
  expect(store.missedCount).toBe(3);
  expect(store.waiting(waitingQuery(long)).streams).toMatchObject([{ key: { id: "b" } }]);
  const once = timed(store, "a", offered(960));
  const expectedRevision = streamRevision(once.expectedRevision + 1);
  const twice = { ...timed(store, "a", offered(970)), expectedRevision };
  expect(commit(store, once, twice)).toEqual([]);
  commit(store, timed(store, "b", {}, settled()));
  expect(await rows()).toEqual([
    { id: "a", at: 970 },
    { id: "c", at: 0 },
    { id: "c", at: 900 },
  ]);
  await store2.close();
  store.reset();
  expect([await rows(), store.missedCount]).toEqual([[], 0]);
});
