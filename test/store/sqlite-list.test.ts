// Which index leads a search in the order of ids. The plans are SQLite's own words: nothing is sorted
// but few numbers, and no row shows a scan.

import type Sqlite from "better-sqlite3";
import { afterAll, expect, test } from "vitest";
import type { ListFilter, ListQuery } from "../../kernel/list.ts";
import { countMissed } from "../../store/queries.ts";
import { SqliteStore } from "../../store/sqlite.ts";
import { inMemory, openFile } from "../../store/sqlite-file.ts";
import { ListSearch } from "../../store/sqlite-list.ts";
import { Shapes } from "../../store/sqlite-shapes.ts";
import { commit, created, listQuery, settled, waitingQuery, written } from "./given.ts";

const few = openFile(inMemory);
const many = openFile(inMemory);
const [fewStore, manyStore] = [new SqliteStore(few), new SqliteStore(many)];
fill(fewStore, 100);
fill(manyStore, 10_500);
afterAll(() => {
  few.close();
  many.close();
});

/** All share a tag and a branch and are pending, but for as many again, which are settled. */
function fill(store: SqliteStore, count: number): void {
  const tags = { t: "1", "resonate:branch": "b" };
  const names = Array.from({ length: count }, (_, index) => `p${index}`);
  commit(
    store,
    ...names.map((name) => written(store, name, [created({ tags })])),
    ...names.map((name) => written(store, `q${name}`, [created(), settled()])),
  );
}

function plan(database: Sqlite.Database, chosen: Partial<ListQuery>): readonly string[] {
  const shapes = new Shapes(database);
  const { sql, parameters } = new ListSearch(shapes).plan(listQuery(chosen));
  return database
    .prepare<unknown[], { readonly detail: string }>(`EXPLAIN QUERY PLAN ${sql}`)
    .all(...parameters)
    .map(({ detail }) => detail);
}

const none: ListFilter = { promise: null, tasks: null, isPast: null, isTimer: null };
const pending: ListFilter = { ...none, promise: "pending", isPast: false };
const resolved: ListFilter = { ...none, promise: "resolved" };
const held: ListFilter = { ...none, tasks: ["acquired"], isPast: false };
const tag = new Map([["t", "1"]]);
const branch = new Map([["resonate:branch", "b"]]);

const byId = "SEARCH s USING INDEX sqlite_autoindex_streams_1 (kind=? AND id>? AND id<?)";
const byBranch = "SEARCH s USING INDEX streams_branch (branch=? AND id>? AND id<?)";
const sorted = "USE TEMP B-TREE FOR ORDER BY";

test.each<[string, Sqlite.Database, Partial<ListQuery>, readonly string[]]>([
  ["N1 a branch", few.database, { tags: branch, limit: 11 }, [byBranch]],
  ["N1 a branch of many, from a cursor", many.database, { tags: branch, after: "p7" }, [byBranch]],
  ["N1 a branch, with a state", many.database, { tags: branch, anyOf: [pending] }, [byBranch]],
  ["N2 a prefix of few", few.database, { idPrefix: "p1", anyOf: [pending] }, [byId]],
  ["N4 everything", many.database, {}, [byId]],
  ["N4 everything, from a cursor", many.database, { after: "p7" }, [byId]],
  ["N4 what is settled", few.database, { anyOf: [resolved] }, [byId]],
  ["N4 what is pending, of many", many.database, { anyOf: [pending], limit: 10 }, [byId]],
  ["N4 tasks, of many", many.database, { anyOf: [held], limit: 10 }, [byId]],
  ["N4 schedules", many.database, { of: "schedule", idPrefix: "p" }, [byId]],
])("list: %s", (_way, database, chosen, expected) => {
  expect(plan(database, chosen)).toEqual(expected);
});

test.each<[string, Partial<ListQuery>, RegExp]>([
  ["a tag that few have", { tags: tag }, /tags USING PRIMARY KEY \(name=\? AND value=\?\)/],
  ["what is pending, if it is few", { anyOf: [pending] }, /INDEX streams_state \(state=\?\)/],
  ["tasks that are held, if few are", { anyOf: [held] }, /INDEX streams_state \(state=\?\)/],
])("list: N3 %s is sorted", (_way, chosen, lead) => {
  const steps = plan(few.database, chosen);
  expect(steps[0]).toBe("SEARCH s USING INTEGER PRIMARY KEY (rowid=?)");
  expect(steps.filter((step) => lead.test(step))).toHaveLength(1);
  expect(steps.at(-1)).toBe(sorted);
});

test("list: whichever way it takes, it finds the same", () => {
  for (const chosen of [{ tags: tag }, { tags: branch }, { anyOf: [pending] }, { idPrefix: "p" }]) {
    const found = [1_000, 10, 1].map((limit) => {
      return fewStore.list([listQuery({ ...chosen, limit })]).map(({ rows }) => rows[0]?.key.id);
    });
    expect(found).toEqual([["p0"], ["p0"], ["p0"]]);
  }
});

test("list: A6 one that comes upon a record that cannot be read fails, and says so", () => {
  const { database, close } = openFile(inMemory);
  const store = new SqliteStore({ database, close });
  fill(store, 3);
  database.exec("UPDATE streams SET snapshot = '{' WHERE id = 'p1'");
  expect(() => store.list([listQuery()])).toThrow("the stream p1");
  expect(store.list([listQuery({ limit: 1 })])).toMatchObject([{ hasMore: true }]);
  close();
});

test("waiting: A6 a stream that cannot be read is passed over", () => {
  const { database, close } = openFile(inMemory);
  const store = new SqliteStore({ database, close });
  fill(store, 3);
  const names = store.list([listQuery({ idPrefix: "p" })])[0]?.rows.map(({ key }) => key.id);
  expect(names).toEqual(["p0", "p1", "p2"]);
  const { receiver } = waitingQuery("poll://any@g");
  database.prepare("INSERT INTO waiting SELECT ?, 0, number FROM streams").run(receiver);
  database.exec("UPDATE streams SET snapshot = '{' WHERE id = 'p1'");
  database.exec("INSERT INTO waiting SELECT receiver, 0, 9999 FROM waiting LIMIT 1");
  const { streams, next } = store.waiting(waitingQuery("poll://any@g", { limit: 3 }));
  expect(streams.map(({ key }) => key.id)).toEqual(["p0", "p2", "qp0"]);
  const rest = store.waiting(waitingQuery("poll://any@g", { after: next }));
  expect(store.missedCount).toBe(7);
  expect(rest).toMatchObject({
    streams: [{ key: { id: "qp1" } }, { key: { id: "qp2" } }],
    next: null,
  });
  close();
});

test("waiting: what found nobody is counted out of an index of nothing else", () => {
  const steps = few.database
    .prepare<unknown[], { readonly detail: string }>(`EXPLAIN QUERY PLAN ${countMissed}`)
    .all()
    .map(({ detail }) => detail);
  expect(steps).toEqual(["SEARCH waiting USING COVERING INDEX waiting_missed (offered_at=?)"]);
});
