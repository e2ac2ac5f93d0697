// Which index leads a search. The plans are SQLite's own words; no row may show a sort of whole
// promises, nor a scan of a table where an index would do.

import type Sqlite from "better-sqlite3";
import { afterAll, expect, test } from "vitest";
import { position } from "../../kernel/ids.ts";
import type { PromiseQuery, StateFilter } from "../../kernel/search.ts";
import * as queries from "../../store/queries.ts";
import { SqliteStore } from "../../store/sqlite.ts";
import { inMemory, openFile } from "../../store/sqlite-file.ts";
import { Search } from "../../store/sqlite-search.ts";
import { Shapes } from "../../store/sqlite-shapes.ts";
import { commit, created, query, written } from "./given.ts";

const few = openFile(inMemory);
const many = openFile(inMemory);
fill(new SqliteStore(few), 100);
fill(new SqliteStore(many), 10_500);
/** As few as that, and as old as they may be, in a log that is long. */
const old = openFile(inMemory);
fill(new SqliteStore(old), 1_000);
old.database.exec(`INSERT INTO events (position, stream, version, kind, schema, at, command, data)
  SELECT 30001, 0, 1, kind, schema, at, command, data FROM events WHERE position = 1`);
afterAll(() => {
  old.close();
  few.close();
  many.close();
});

/** All are overdue, and all share a prefix. */
function fill(store: SqliteStore, count: number): void {
  const names = Array.from({ length: count }, (_, index) => `p${index}`);
  commit(store, ...names.map((name) => written(store, name, [created({ timeoutAt: 5n })])));
}

function plan(database: Sqlite.Database, chosen: Partial<PromiseQuery>): readonly string[] {
  const { sql, parameters } = new Search(new Shapes(database)).plan(query(chosen));
  return database
    .prepare<unknown[], { readonly detail: string }>(`EXPLAIN QUERY PLAN ${sql}`)
    .all(...parameters)
    .map(({ detail }) => detail);
}

const before = position(50);
const resolved: StateFilter = { state: "resolved", isPast: null, isTimer: null };
const canceled: StateFilter = { ...resolved, state: "canceled" };
const open: StateFilter = { state: "pending", isPast: false, isTimer: null };
const overdue: StateFilter = { state: "pending", isPast: true, isTimer: false };
const tags = new Map([
  ["a", "1"],
  ["b", "2"],
]);

const byNumber = "SEARCH s USING INTEGER PRIMARY KEY (rowid=?)";
const byState = "SEARCH s USING INDEX streams_state (state=? AND rowid<?)";
const idRange =
  "SEARCH s USING COVERING INDEX sqlite_autoindex_streams_1 (kind=? AND id>? AND id<?)";
const armed = "SEARCH s USING INDEX streams_due (due_at<?)";
const unarmed = "SEARCH s USING INDEX streams_unarmed (timeout_at<?)";

test.each([
  [
    "Q1 a whole id",
    few,
    { pattern: "p7", anyOf: [resolved] },
    ["SEARCH s USING INDEX sqlite_autoindex_streams_1 (kind=? AND id=?)"],
  ],
  [
    "Q2 a prefix of few",
    few,
    { pattern: "p*7", tags, anyOf: [open, canceled] },
    [byNumber, idRange],
  ],
  [
    "Q2 a prefix of many",
    many,
    { pattern: "p*7", before },
    ["SEARCH s USING INTEGER PRIMARY KEY (rowid<?)"],
  ],
  [
    "Q2 a prefix of few, but of many for so short a page",
    few,
    { pattern: "p*7", before, limit: 10 },
    ["SEARCH s USING INTEGER PRIMARY KEY (rowid<?)"],
  ],
  [
    "Q2 a prefix of few that a walk might find at its very end",
    old,
    { pattern: "p*7", limit: 10 },
    [byNumber, idRange],
  ],
  [
    "Q3 tags",
    few,
    { pattern: "*7", before, tags, anyOf: [open, canceled] },
    ["SEARCH t USING PRIMARY KEY (name=? AND value=? AND stream<?)", byNumber],
  ],
  ["Q4 one state", few, { anyOf: [open], before }, [byState]],
  ["Q4 several states", few, { anyOf: [resolved, canceled], before }, [byState, byState]],
  [
    "Q4 few overdue",
    few,
    { anyOf: [resolved, overdue], before },
    [byState, byNumber, armed, unarmed],
  ],
  ["Q4 many overdue", many, { anyOf: [resolved, overdue], before }, [byState, byState]],
  ["Q5 everything", few, { before }, ["SEARCH s USING INTEGER PRIMARY KEY (rowid<?)"]],
  ["Q5 everything, from the newest", few, {}, ["SCAN s"]],
] as const)("search: %s", (_what, { database }, chosen, expected) => {
  const steps = plan(database, chosen).filter((step) => /^(SEARCH|SCAN) [st]\b|TEMP/.test(step));
  expect(steps).toEqual(expected);
});

test("search: every other statement has an index too, but for those that read everything", () => {
  const texts = Object.entries(queries).filter(([, text]) => typeof text === "string");
  const scans = texts.flatMap(([name, text]) => {
    const parameters = [...`${text}`.matchAll(/\?/g)].map(() => 1);
    const steps = few.database
      .prepare<unknown[], { readonly detail: string }>(`EXPLAIN QUERY PLAN ${text}`)
      .all(...parameters);
    return steps.filter(({ detail }) => /SCAN|TEMP/.test(detail)).map(() => name);
  });
  expect(texts.length).toBeGreaterThan(10);
  expect(scans.toSorted()).toEqual([
    "countTags",
    "countWaiting",
    "selectHistories",
    "selectStreams",
  ]);
});

test("search: Q2, Q4 the bounds do not show in what is found", () => {
  const pages = [few, many].flatMap((file) => {
    const store = new SqliteStore(file);
    return [
      store.query(query({ pattern: "p*", before: position(101), limit: 7 })),
      store.query(query({ anyOf: [overdue], before: position(101), limit: 7 })),
    ];
  });
  for (const page of pages) expect(page).toEqual(pages[0]);
  expect(pages[0]?.rows.map(({ id }) => id)).toContain("p99");
});
