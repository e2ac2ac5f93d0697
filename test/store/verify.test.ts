// A database against its own log. Each row of the table damages one thing in a sound database, and
// says what is to be found first: a check that nothing can fail would pass for ever.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Sqlite from "better-sqlite3";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Event } from "../../kernel/event.ts";
import { deadlineMs, instantMs } from "../../kernel/ids.ts";
import { dueAt, evolve } from "../../kernel/stream.ts";
import { openSqlite, type SqliteStore } from "../../store/sqlite.ts";
import { openReadOnly } from "../../store/sqlite-file.ts";
import { openReader, Reader, type Report } from "../../store/verify.ts";
import { damage } from "./damage.ts";
import {
  acquired,
  commit,
  created,
  fired,
  listening,
  registered,
  scheduled,
  scheduleNamed,
  settled,
  stream,
  timed,
  written,
} from "./given.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "resonate-"));
  path = join(folder, "resonate.db");
  const store = openSqlite(path);
  const headers = new Map([
    ["h", "v"],
    ["10", ""],
  ]);
  append(store, "a", created({ timeoutAt: 90n, tags: { t: "x", u: "y" } }), registered("b"));
  append(store, "b", created({ param: { headers, data: "é" } }));
  append(store, "a", settled("rejected"));
  store.close();
});
afterEach(() => rmSync(folder, { recursive: true }));

/** As the kernel does it, due dates included. */
function append(store: SqliteStore, name: string, ...events: readonly Event[]): void {
  const { state, timers } = stream(store, name);
  const due = dueAt(events.reduce(evolve, state), timers);
  commit(store, written(store, name, events, due));
}

function edit(...statements: readonly string[]): void {
  const database = new Sqlite(path);
  for (const statement of statements) database.exec(statement);
  database.close();
}

function verify(): Report {
  const reader = openReader(path);
  try {
    return reader.verify();
  } finally {
    reader.close();
  }
}

test("verify: V1, V2, V3 a sound database has no difference, and all of it is counted", () => {
  expect(verify()).toEqual({ streams: 2, events: 4, tags: 2, differing: 0, first: null });
});

const anEvent = "SELECT 9, 1, 4, kind, 1, 7, 'c', NULL, data FROM events";
const replaced = (column: string, from: string, to: string) => {
  return `UPDATE streams SET ${column} = replace(${column}, '${from}', '${to}')`;
};

test.each([
  ["V1 a missing event", "DELETE FROM events WHERE position = 2", "a events[2] version 3"],
  ["V1 no events at all", "DELETE FROM events WHERE stream = 1", "a version 0 3"],
  [
    "V1 events out of order",
    "UPDATE events SET position = 9 WHERE position = 2",
    "a events[3] at 4",
  ],
  ["V1 a moved birth", "UPDATE events SET position = 9 WHERE position = 3", "b events[1] at 9"],
  ["V1 a missing stream", "DELETE FROM streams WHERE id = 'a'", "null the event at 1 none"],
  ["V1 a missing last stream", "DELETE FROM streams WHERE id = 'b'", "null the event at 3 none"],
  ["V1 another id", "UPDATE streams SET id = 'z' WHERE id = 'a'", 'z id "a" "z"'],
  ["V1 a lost name", "UPDATE events SET id = NULL WHERE position = 3", 'b id null "b"'],
  ["V1 a second name", "UPDATE events SET id = 'a' WHERE version = 2", 'a events[2].id null "a"'],
  ["V2 an impossible event", `INSERT INTO events ${anEvent} WHERE position = 4`, "a events[4]"],
  [
    "V2 an unreadable event",
    "UPDATE events SET data = '{' WHERE position = 4",
    "a events[3] no JSON",
  ],
  ["V2 another version", "UPDATE streams SET version = 9", "a version 3 9"],
  ["V2 an unreadable snapshot", "UPDATE streams SET snapshot = '{'", "a the row readable no JSON"],
  ["V2 a revision of less than nothing", "UPDATE streams SET revision = -5", "a the row no count"],
  ["V2 a stream of no known kind", "UPDATE streams SET kind = 'poem'", "a events[1] kind poem"],
  [
    "V2 an event before time began",
    "UPDATE events SET at = -5 WHERE stream = 1",
    "a events[1] count",
  ],
  ["V2 an event of no command", "UPDATE events SET command = ''", "a events[1] an empty name"],
  [
    "V2 another outcome",
    replaced("snapshot", "rejected", "resolved"),
    "a snapshot.promise.outcome",
  ],
  ["V2 another payload", replaced("snapshot", "é", "e"), 'b snapshot.promise.param.data "é" "e"'],
  ["V2 another header", replaced("snapshot", '"v"', '"w"'), "b snapshot.promise.param.headers.h"],
  [
    "V2 headers in another order",
    replaced("snapshot", '["h","v"],["10",""]', '["10",""],["h","v"]'),
    "b snapshot.promise.param.headers, in order",
  ],
  [
    "V2 tags in another order",
    replaced("snapshot", '["t","x"],["u","y"]', '["u","y"],["t","x"]'),
    "a snapshot.promise.tags, in order",
  ],
  [
    "V2 a lost waiter",
    replaced("snapshot", '"callbacks":["b"]', '"callbacks":[]'),
    "a snapshot.callbacks.0",
  ],
  ["V3 another state", "UPDATE streams SET state = 'pending'", "a columns.state"],
  ["V3 another deadline", "UPDATE streams SET timeout_at = timeout_at - 1", "a columns.timeout_at"],
  ["V3 a timer", "UPDATE streams SET is_timer = 1", "a columns.is_timer"],
  ["V3 another due date", "UPDATE streams SET due_at = NULL WHERE id = 'b'", "b columns.due_at"],
  ["V2 unreadable timers", "UPDATE streams SET timers = '{'", "a the row readable no JSON"],
  [
    "V3 timers that do not lead to the due date",
    'UPDATE streams SET timers = \'{"clockAt":"5","releaseCount":0,"offeredAt":null,"isMissed":false,"tellings":[]}\' WHERE id = \'b\'',
    "b columns.due_at 5",
  ],
  ["V3 another task", "UPDATE streams SET task_state = 'halted'", "a columns.task_state"],
  ["V3 another branch", "UPDATE streams SET branch = 'b'", "a columns.branch"],
  [
    "V3 somebody who is waited for",
    `UPDATE streams SET waiting = '[["[\\"g\\"]",0]]'`,
    "a columns.waiting",
  ],
  [
    "V3 a row of nobody who is waited for",
    `INSERT INTO waiting VALUES ('["g"]', 0, 1)`,
    "null waiting 0 1",
  ],
  ["V3 a missing tag", "DELETE FROM tags WHERE name = 'u'", "a tags[u] no row"],
  ["V3 a tag too many", "INSERT INTO tags VALUES ('t', 'x', 3)", "null tags 2 3"],
])("verify: %s is found", (_what, damage, expected) => {
  edit(damage);
  const { differing, first } = verify();
  expect(differing).toBeGreaterThan(0);
  const said = `${first?.stream?.id ?? null} ${first?.field} ${first?.expected} ${first?.found}`;
  for (const word of expected.split(" ")) expect(said).toContain(word);
  expect(said.startsWith(expected.split(" ").slice(0, 2).join(" "))).toBe(true);
});

test("verify: V4 tasks and tellings with their timers are sound, and not without them", () => {
  const address = "poll://any@w";
  const toldAt = instantMs(3);
  const told = { nextAt: deadlineMs(9n), toldAt, failureCount: 1 };
  const telling = { ...told, failedSince: null, isMissed: false };
  const tellings = new Map([[address, telling]]);
  const clockAt = deadlineMs(5n);
  const birth = created({ tags: { "resonate:target": address } });
  const store = openSqlite(path);
  commit(store, timed(store, "held", { clockAt }, birth, acquired()));
  commit(store, timed(store, "told", { tellings }, created(), listening(address), settled()));
  commit(store, timed(store, "awaited", {}, created(), listening(address)));
  const asleep = [acquired(), { kind: "task_suspended" }] as const;
  commit(store, timed(store, "asleep", {}, birth, ...asleep));
  commit(store, timed(store, "held", { clockAt: deadlineMs(7n), releaseCount: 2 }));
  expect(verify()).toMatchObject({ streams: 6, differing: 0, first: null });
  const found = [
    ["held", {}] as const,
    ["asleep", { clockAt }] as const,
    ["told", { tellings: new Map([["poll://any@v", telling]]) }] as const,
    ["asleep", { tellings }] as const,
    ["awaited", { tellings }] as const,
  ].map(([id, damage]) => {
    const { timers } = stream(store, id);
    commit(store, timed(store, id, damage));
    const { differing, first } = verify();
    commit(store, timed(store, id, timers));
    return [differing, first?.stream?.id, first?.field, first?.expected];
  });
  store.close();
  expect(found).toEqual([
    [1, "held", "timers.clockAt", "a clock"],
    [1, "asleep", "timers.clockAt", "none"],
    [1, "told", "timers.tellings[poll://any@v]", "a listener"],
    [1, "asleep", "timers.tellings[poll://any@w]", "a listener"],
    [1, "awaited", "timers.tellings[poll://any@w]", "a listener"],
  ]);
  expect(verify().differing).toBe(0);
});

test("verify: a schedule is sound, deleted or not, and not if it was edited", () => {
  const store = openSqlite(path);
  const [s, gone] = [scheduleNamed("s"), scheduleNamed("gone")];
  commit(store, timed(store, s, {}, scheduled(20n), fired(20, 30n)));
  commit(store, timed(store, gone, {}, scheduled(20n), { kind: "schedule_deleted" }));
  store.close();
  expect(verify()).toMatchObject({ streams: 4, events: 8, differing: 0, first: null });
  edit(`${replaced("snapshot", '"lastRunAt":20', '"lastRunAt":21')} WHERE id = 's'`);
  expect(verify()).toMatchObject({
    differing: 1,
    first: { stream: { kind: "schedule", id: "s" }, field: "snapshot.schedule.lastRunAt" },
  });
  edit(`${replaced("snapshot", '"lastRunAt":21', '"lastRunAt":20')} WHERE id = 's'`);
  edit("UPDATE streams SET due_at = 31 WHERE id = 's'");
  expect(verify()).toMatchObject({ differing: 1, first: { field: "columns.due_at" } });
  edit("UPDATE streams SET due_at = 30, kind = 'promise' WHERE id = 's'");
  expect(verify().first).toMatchObject({ field: "events[1]" });
});

test("verify: V0 an index that has lost an id is found, and the rest is still compared", () => {
  damage(path, "sqlite_autoindex_streams_1", (page) => {
    page.write("z", page.indexOf("promisea") + "promise".length);
  });
  const store = openSqlite(path);
  expect(stream(store, "a").revision).toBe(0); // it has vanished
  store.close();
  expect(verify()).toEqual({
    ...{ streams: 2, events: 4, tags: 2, differing: 1 },
    first: {
      stream: null,
      field: "the file",
      expected: "sound",
      found: "row 1 missing from index sqlite_autoindex_streams_1",
    },
  });
});

test("verify: V0 a damaged page is found, wherever the reading has to stop", () => {
  damage(path, "events", (page) => page.fill(0xff, 0, 8));
  const { differing, first } = verify();
  expect([differing, first?.field, first?.expected]).toEqual([2, "the file", "sound"]);
  expect(first?.found).toMatch(/page \d+/);
});

test("verify: A4 all of it is of one moment, whatever a server writes meanwhile", () => {
  const file = openReadOnly(path);
  const writer = openSqlite(path);
  file.database.function("meanwhile", () => {
    append(writer, `p${stream(writer, "a").revision}`, created({ tags: { t: "x" } }));
    append(writer, "a");
    return 1;
  });
  file.database.exec("CREATE TEMP VIEW streams AS SELECT * FROM main.streams WHERE meanwhile()");
  const reader = new Reader(file);
  const report = reader.verify();
  expect(report).toEqual({ streams: 2, events: 4, tags: 2, differing: 0, first: null });
  expect(stream(writer, "p2").version).toBe(1); // it has been written
  reader.close();
  writer.close();
});

test("verify: revisions and what moves no event are no difference", () => {
  const store = openSqlite(path);
  append(store, "a");
  store.close();
  edit("UPDATE streams SET revision = revision + 7");
  expect(verify()).toMatchObject({ differing: 0 });
});

test("export: the log is one event a line, each of them JSON, oldest first", () => {
  const reader = openReader(path);
  const lines = [...reader.lines()];
  reader.close();
  expect(lines[3]).toBe(
    '{"position":4,"stream":{"kind":"promise","id":"a"},"version":3,"kind":"promise_settled",' +
      '"schema":1,"at":7,"command":"a-3","data":{"outcome":"rejected","settledAt":1,' +
      '"value":{"headers":null,"data":null},"key":null}}',
  );
  const events = lines.map((line) => JSON.parse(line));
  expect(events.map(({ position, stream, version }) => [position, stream.id, version])).toEqual([
    [1, "a", 1],
    [2, "a", 2],
    [3, "b", 1],
    [4, "a", 3],
  ]);
  expect(lines.some((line) => line.includes("\n"))).toBe(false);
});

test("export: an event that is no JSON stops it, and names its place", () => {
  edit("UPDATE events SET data = '{' WHERE position = 3");
  const reader = openReader(path);
  expect(() => [...reader.lines()]).toThrow("the event at 3 is no JSON");
  expect(reader.verify().differing).toBe(1); // the reader is still good
  reader.close();
});
