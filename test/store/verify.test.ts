// A database against its own log. Each row of the table damages one thing in a sound database, and
// says what is to be found first: a check that nothing can fail would pass for ever.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Sqlite from "better-sqlite3";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openSqlite } from "../../store/sqlite.ts";
import { openReadOnly } from "../../store/sqlite-file.ts";
import { openReader, SqliteReader } from "../../store/sqlite-reader.ts";
import type { Report } from "../../store/verify.ts";
import { damage } from "./damage.ts";
import {
  commit,
  created,
  exported,
  fired,
  scheduled,
  scheduleNamed,
  stream,
  timed,
} from "./given.ts";
import {
  append,
  type Damage,
  damages,
  expectFirst,
  expectMistimed,
  fill,
  fillTasks,
  replaced,
} from "./sound.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "resonate-"));
  path = join(folder, "resonate.db");
  const store = openSqlite(path);
  fill(store);
  store.close();
});
afterEach(() => rmSync(folder, { recursive: true }));

function edit(...statements: readonly string[]): void {
  const database = new Sqlite(path);
  for (const statement of statements) database.exec(statement);
  database.close();
}

async function verify(): Promise<Report> {
  const reader = openReader(path);
  try {
    return await reader.verify();
  } finally {
    await reader.close();
  }
}

test("verify: V1, V2, V3 a sound database has no difference, and all of it is counted", async () => {
  expect(await verify()).toEqual({ streams: 2, events: 4, tags: 2, differing: 0, first: null });
});

const anEvent = "SELECT 9, 1, 4, kind, 1, 7, 'c', NULL, data FROM events";

test.each<Damage>([
  ...damages,
  ["V1 no events at all", "DELETE FROM events WHERE stream = 1", "a version 0 3"],
  [
    "V1 events out of order",
    "UPDATE events SET position = 9 WHERE position = 2",
    "a events[3] at 4",
  ],
  ["V1 a moved birth", "UPDATE events SET position = 9 WHERE position = 3", "b events[1] at 9"],
  ["V1 another id", "UPDATE streams SET id = 'z' WHERE id = 'a'", 'z id "a" "z"'],
  ["V1 a lost name", "UPDATE events SET id = NULL WHERE position = 3", 'b id null "b"'],
  ["V1 a second name", "UPDATE events SET id = 'a' WHERE version = 2", 'a events[2].id null "a"'],
  ["V2 an impossible event", `INSERT INTO events ${anEvent} WHERE position = 4`, "a events[4]"],
  ["V2 a stream of no known kind", "UPDATE streams SET kind = 'poem'", "a events[1] kind poem"],
  [
    "V2 an event before time began",
    "UPDATE events SET at = -5 WHERE stream = 1",
    "a events[1] count",
  ],
  ["V3 a timer", "UPDATE streams SET is_timer = 1", "a columns.is_timer"],
  ["V3 another branch", "UPDATE streams SET branch = 'b'", "a columns.branch"],
  [
    "V3 a row of nobody who is waited for",
    `INSERT INTO waiting VALUES ('["g"]', 0, 1)`,
    "null waiting 0 1",
  ],
  ["V3 a missing tag", "DELETE FROM tags WHERE name = 'u'", "a tags[u] no row"],
  ["V3 a tag too many", "INSERT INTO tags VALUES ('t', 'x', 3)", "null tags 2 3"],
])("verify: %s is found", async (_what, damage, expected) => {
  edit(damage);
  expectFirst(await verify(), expected);
});

test("verify: V4 tasks and tellings with their timers are sound, and not without them", async () => {
  const store = openSqlite(path);
  fillTasks(store);
  expect(await verify()).toMatchObject({ streams: 6, differing: 0, first: null });
  await expectMistimed(store, verify);
  store.close();
  expect((await verify()).differing).toBe(0);
});

test("verify: a schedule is sound, deleted or not, and not if it was edited", async () => {
  const store = openSqlite(path);
  const [s, gone] = [scheduleNamed("s"), scheduleNamed("gone")];
  commit(store, timed(store, s, {}, scheduled(20n), fired(20, 30n)));
  commit(store, timed(store, gone, {}, scheduled(20n), { kind: "schedule_deleted" }));
  store.close();
  expect(await verify()).toMatchObject({ streams: 4, events: 8, differing: 0, first: null });
  edit(`${replaced("snapshot", '"lastRunAt":20', '"lastRunAt":21')} WHERE id = 's'`);
  expect(await verify()).toMatchObject({
    differing: 1,
    first: { stream: { kind: "schedule", id: "s" }, field: "snapshot.schedule.lastRunAt" },
  });
  edit(`${replaced("snapshot", '"lastRunAt":21', '"lastRunAt":20')} WHERE id = 's'`);
  edit("UPDATE streams SET due_at = 31 WHERE id = 's'");
  expect(await verify()).toMatchObject({ differing: 1, first: { field: "columns.due_at" } });
  edit("UPDATE streams SET due_at = 30, kind = 'promise' WHERE id = 's'");
  expect((await verify()).first).toMatchObject({ field: "events[1]" });
});

test("verify: V0 an index that has lost an id is found, and the rest is still compared", async () => {
  damage(path, "sqlite_autoindex_streams_1", (page) => {
    page.write("z", page.indexOf("promisea") + "promise".length);
  });
  const store = openSqlite(path);
  expect(stream(store, "a").revision).toBe(0); // it has vanished
  store.close();
  expect(await verify()).toEqual({
    ...{ streams: 2, events: 4, tags: 2, differing: 1 },
    first: {
      stream: null,
      field: "the file",
      expected: "sound",
      found: "row 1 missing from index sqlite_autoindex_streams_1",
    },
  });
});

test("verify: V0 a damaged page is found, wherever the reading has to stop", async () => {
  damage(path, "events", (page) => page.fill(0xff, 0, 8));
  const { differing, first } = await verify();
  expect([differing, first?.field, first?.expected]).toEqual([2, "the file", "sound"]);
  expect(first?.found).toMatch(/page \d+/);
});

test("verify: A4 all of it is of one moment, whatever a server writes meanwhile", async () => {
  const file = openReadOnly(path);
  const writer = openSqlite(path);
  file.database.function("meanwhile", () => {
    append(writer, `p${stream(writer, "a").revision}`, created({ tags: { t: "x" } }));
    append(writer, "a");
    return 1;
  });
  file.database.exec("CREATE TEMP VIEW streams AS SELECT * FROM main.streams WHERE meanwhile()");
  const reader = new SqliteReader(file);
  const report = await reader.verify();
  expect(report).toEqual({ streams: 2, events: 4, tags: 2, differing: 0, first: null });
  expect(stream(writer, "p2").version).toBe(1); // it has been written
  await reader.close();
  writer.close();
});

test("verify: revisions and what moves no event are no difference", async () => {
  const store = openSqlite(path);
  append(store, "a");
  store.close();
  edit("UPDATE streams SET revision = revision + 7");
  expect(await verify()).toMatchObject({ differing: 0 });
});

test("export: the log is one event a line, each of them JSON, oldest first", async () => {
  const reader = openReader(path);
  const lines = await exported(reader);
  await reader.close();
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

test("export: an event that is no JSON stops it, and names its place", async () => {
  edit("UPDATE events SET data = '{' WHERE position = 3");
  const reader = openReader(path);
  await expect(exported(reader)).rejects.toThrow("the event at 3 is no JSON");
  expect((await reader.verify()).differing).toBe(1); // the reader is still good
  await reader.close();
});
