// A Postgres against its own log, as verify.test.ts holds a file to it: each row of the table damages one
// thing in a sound database, and says what is to be found first.

import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeEach, expect, test } from "vitest";
import { SyncPostgres } from "../../bin/dst/postgres-bridge.ts";
import { ask, testServer } from "../../bin/dst/postgres-server.ts";
import type { Event } from "../../kernel/event.ts";
import { deadlineMs, instantMs } from "../../kernel/ids.ts";
import { absentOf, dueAt, evolve } from "../../kernel/stream.ts";
import { noTimers } from "../../kernel/timers.ts";
import { openPostgres } from "../../store/postgres-open.ts";
import { tagDigest } from "../../store/postgres-plan.ts";
import { PostgresPool } from "../../store/postgres-pool.ts";
import { openPostgresReader, PostgresReader } from "../../store/postgres-reader.ts";
import { SqliteStore } from "../../store/sqlite.ts";
import { inMemory, openFile } from "../../store/sqlite-file.ts";
import { SqliteReader } from "../../store/sqlite-reader.ts";
import { unwritten } from "../../store/store.ts";
import type { Report } from "../../store/verify.ts";
import {
  commit,
  created,
  exported,
  fired,
  key,
  scheduled,
  scheduleNamed,
  timed,
  writtenTo,
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

const server = await testServer();
const address = await server.database();
const store = new SyncPostgres({ address });
beforeEach(() => {
  store.reset();
  fill(store);
});
afterAll(async () => {
  store.close();
  await server.stop();
});

const edit = (statement: string) => ask(address, statement);

function readerOf(rowsMax: number, bytesMax = 1_000_000): PostgresReader {
  const pool = new PostgresPool({ address, connectionsMax: 1 });
  return new PostgresReader(pool, { rowsMax, bytesMax });
}

async function verify(rowsMax = 2): Promise<Report> {
  const reader = readerOf(rowsMax);
  try {
    return await reader.verify();
  } finally {
    await reader.close();
  }
}

test("verify: V1, V2, V3 a sound Postgres has no difference, however it is cut into pages", async () => {
  const sound = { streams: 2, events: 4, tags: 2, differing: 0, first: null };
  for (const rowsMax of [1, 2, 3, 500]) expect(await verify(rowsMax)).toEqual(sound);
  const reader = readerOf(500, 1); // a row each
  expect(await reader.verify()).toEqual(sound);
  await reader.close();
});

test("verify: V1 streams come in the order of their bytes, in Postgres as here", async () => {
  for (const name of ["\u{1f600}", "\uffff", "é", "Z", "z", "-", "a b", "aB"]) {
    append(store, name, created());
  }
  const name = scheduleNamed("a");
  commit(store, timed(store, name, {}, scheduled(20n)));
  expect(await verify(3)).toMatchObject({ streams: 11, events: 13, differing: 0, first: null });
  await edit("DELETE FROM streams WHERE id = '\uffff'");
  expect(await verify(3)).toMatchObject({ streams: 10, differing: 1, first: { stream: null } });
});

function withoutTag(name: string, value: string): string {
  return `DELETE FROM tags WHERE tag = '\\x${tagDigest(name, value).toString("hex")}'`;
}

/** Of a new promise. */
function dueOf(birth: Event): bigint | null {
  return dueAt(evolve(absentOf("promise"), birth), noTimers);
}

test.each<Damage>([
  ...damages,
  ["V1 no events at all", "DELETE FROM events WHERE id = 'a'", "a version 0 3"],
  [
    "V1 events out of order",
    "UPDATE events SET position = 9 WHERE position = 2",
    "null events_position 9 4",
  ],
  [
    "V1 events out of order, of positions that were drawn",
    `SELECT setval('events_position', 9); UPDATE events SET position = 9 WHERE position = 2`,
    "a events[3] at 4",
  ],
  [
    "V0 two events at one place",
    "UPDATE events SET position = 3 WHERE version = 2",
    "null the events at 3 one several",
  ],
  [
    "V0 a sequence that has gone back",
    "SELECT setval('events_position', 2)",
    "null events_position 4 2",
  ],
  [
    "V1 a moved birth",
    "UPDATE streams SET number = 9 WHERE id = 'b'; UPDATE tags SET stream = 9 WHERE id = 'b'",
    "b events[1] at 3",
  ],
  ["V1 another id", "UPDATE streams SET id = 'z' WHERE id = 'a'", "null the event at 1 none"],
  [
    "V2 an impossible event",
    `INSERT INTO events SELECT 9, stream_kind, id, 4, kind, 1, 7, 'c', data FROM events
      WHERE position = 4; SELECT setval('events_position', 9)`,
    "a events[4]",
  ],
  ["V2 a stream of no known kind", "UPDATE streams SET kind = 'poem'", "a version 0"],
  ["V2 an event before time began", "UPDATE events SET at = -5", "a events[1] count"],
  ["V3 a timer", "UPDATE streams SET is_timer = true", "a columns.is_timer"],
  ["V3 another branch", "UPDATE streams SET branch = '\\x00ff'", "a columns.branch null 00ff"],
  [
    "V3 a row of nobody who is waited for",
    "INSERT INTO waiting VALUES ('\\x00', 0, 1, 'promise', 'a')",
    "null waiting 0 1",
  ],
  ["V3 missing tags", "DELETE FROM tags", "a tags[t] no row"],
  ["V3 the first tag missing", withoutTag("t", "x"), "a tags[t] no row"],
  ["V3 the last tag missing", withoutTag("u", "y"), "a tags[u] no row"],
  ["V3 a tag of another stream", "UPDATE tags SET stream = 3", "a tags[t] no row"],
  [
    "V3 a tag too many",
    "INSERT INTO tags SELECT tag, 3, kind, 'b' FROM tags LIMIT 1",
    "null tags 2 3",
  ],
])("verify: in a Postgres, %s is found", async (_what, damage, expected) => {
  await edit(damage);
  expectFirst(await verify(), expected);
});

test("verify: V3, V4 tasks in a Postgres are sound, and not with the timers of others", async () => {
  fillTasks(store);
  const tags = { "resonate:branch": "root", "resonate:target": "poll://any@w" };
  const offered = { clockAt: deadlineMs(5n), offeredAt: instantMs(3) };
  commit(store, timed(store, "leaf", offered, created({ tags })));
  const sound = { streams: 7, events: 15, tags: 6, differing: 0, first: null };
  expect(await verify()).toEqual(sound);
  await expectMistimed(store, verify);
  expect(await verify()).toEqual(sound);
  await edit("UPDATE waiting SET offered_at = 4 WHERE id = 'leaf'");
  const leaf = { kind: "promise", id: "leaf" };
  expect(await verify()).toMatchObject({
    differing: 1,
    first: { stream: leaf, field: 'waiting[["w"]]', expected: "3", found: "no row" },
  });
});

test("verify: a schedule in a Postgres is sound, deleted or not, and not if it was edited", async () => {
  const [s, gone] = [scheduleNamed("s"), scheduleNamed("gone")];
  commit(store, timed(store, s, {}, scheduled(20n), fired(20, 30n)));
  commit(store, timed(store, gone, {}, scheduled(20n), { kind: "schedule_deleted" }));
  expect(await verify()).toMatchObject({ streams: 4, events: 8, differing: 0, first: null });
  await edit(`${replaced("snapshot", '"lastRunAt":20', '"lastRunAt":21')} WHERE id = 's'`);
  expect(await verify()).toMatchObject({
    differing: 1,
    first: { stream: { kind: "schedule", id: "s" }, field: "snapshot.schedule.lastRunAt" },
  });
});

test("verify: A4 all of a Postgres is of one moment, whatever servers write meanwhile", async () => {
  const writer = await openPostgres({ address });
  let writes = 0;
  const birth = created({ tags: { t: "x" } });
  const write = async () => {
    for (; !isOver; writes++) {
      await pause(20); // or it would outrun the one who reads
      for (const name of [`a${writes}`, `z${writes}`]) {
        await writer.commit([
          { changes: [writtenTo(unwritten(key(name)), [birth], dueOf(birth))] },
        ]);
      }
    }
  };
  let isOver = false;
  const writing = write();
  let disturbed = 0;
  while (disturbed < 5) {
    const before = writes;
    expect(await verify(2)).toMatchObject({ differing: 0, first: null });
    disturbed += writes > before ? 1 : 0;
  }
  isOver = true;
  await writing;
  await writer.close();
  expect(await verify()).toMatchObject({ streams: 2 + 2 * writes, differing: 0 });
});

test("export: the log of a Postgres is told as that of a file", async () => {
  const file = openFile(inMemory);
  const inFile = new SqliteStore(file);
  fill(inFile);
  const expected = await exported(new SqliteReader(file));
  inFile.close();
  for (const rowsMax of [1, 3, 500]) {
    const reader = readerOf(rowsMax);
    expect(await exported(reader)).toEqual(expected);
    await reader.close();
  }
});

test("export: an event of a Postgres that is no JSON stops it, and so does who has enough", async () => {
  await edit("UPDATE events SET data = '{' WHERE position = 3");
  const reader = readerOf(1);
  await expect(exported(reader)).rejects.toThrow("the event at 3 is no JSON");
  const lines: string[] = [];
  await reader.export(async (line) => lines.push(line) < 2);
  expect(lines).toHaveLength(2);
  expect((await reader.verify()).differing).toBe(1); // the reader is still good
  await reader.close();
});

test("verify: a Postgres of another schema is refused, with what to do", async () => {
  const other = await server.database();
  const opened = () => openPostgresReader({ address: other });
  await expect(opened()).rejects.toThrow("has schema version 0, and this program reads 2: run");
  expect(await ask(other, "SELECT 1 FROM pg_tables WHERE schemaname = 'public'")).toEqual([]);
  await (await openPostgres({ address: other })).close();
  await (await opened()).close();
  await ask(other, "UPDATE resonate SET schema = 9");
  await expect(opened()).rejects.toThrow("has schema version 9, and this server knows version 2");
});
