// A reader of the log beside many writers: what it has passed, it has seen (postgres-log.ts).

import { setTimeout as pause } from "node:timers/promises";
import { Client } from "pg";
import { afterAll, expect, test } from "vitest";
import { ask, testServer } from "../../bin/dst/postgres-server.ts";
import { promiseId } from "../../kernel/ids.ts";
import { promiseKey } from "../../kernel/stream.ts";
import type { PostgresStore } from "../../store/postgres.ts";
import { wholeUpTo } from "../../store/postgres-log.ts";
import { openPostgres } from "../../store/postgres-open.ts";
import { beginWrite } from "../../store/postgres-queries.ts";
import { unwritten } from "../../store/store.ts";
import { created, registered, writtenTo } from "./given.ts";

const server = await testServer();
const url = await server.database();
const stores = await Promise.all(Array.from({ length: 4 }, () => openPostgres({ address: url })));
const [store] = stores;
afterAll(async () => {
  for (const each of stores) await each.close();
  await server.stop();
});

function change(name: string, count = 1) {
  const events = [created(), registered("a"), registered("b")].slice(0, count);
  return writtenTo(unwritten(promiseKey(promiseId(name))), events);
}

async function read(after: number, limit = 1_000) {
  const [page] = (await store?.log([{ of: null, after, limit, weightMax: 1e9 }])) ?? [];
  if (page === undefined) throw new Error("no page");
  return { positions: page.events.map(({ position }) => Number(position)), end: page.end };
}

test.each([
  [10n, [], 10n],
  [10n, [3n, 7n], 3n],
  [10n, [12n], 10n],
  [2n ** 32n + 5n, [2n ** 32n - 1n], 2n ** 32n - 1n],
  [2n ** 32n + 5n, [1n], 2n ** 32n + 1n],
  [2n ** 31n + 5n, [2n ** 31n - 2n], 2n ** 31n - 2n],
  [2n ** 32n - 1n, [0n], 2n ** 32n - 1n],
  [2n ** 53n, [2n ** 32n - 9n], 2n ** 53n - 9n],
  [0n, [0n], 0n],
])(
  "postgres: G2 with %s drawn and the marks %s, the log is whole up to %s",
  (drawn, marks, end) => {
    expect(wholeUpTo(drawn, marks)).toBe(end);
  },
);

test("postgres: G1, G2 the log stops before a transaction that is still to commit", async () => {
  await store?.commit([{ changes: [change("first")] }]);
  const rival = new Client({ connectionString: url });
  await rival.connect();
  await rival.query(beginWrite("on"));
  const { rows } = await rival.query(`INSERT INTO events
    SELECT nextval('events_position'), 'promise', 'late', 1, kind, schema, at, command, data
    FROM events WHERE id = 'first' RETURNING position::int`);
  const late = rows[0].position;
  await store?.commit([{ changes: [change("second")] }]);
  expect(await read(0)).toEqual({ positions: [late - 1], end: late - 1 });
  const other = await store?.log([
    { of: promiseKey(promiseId("second")), after: 0, limit: 9, weightMax: 99 },
  ]);
  expect(other).toMatchObject([{ end: 1, events: [{ position: late + 1 }] }]); // its own history is whole
  await rival.query("COMMIT");
  expect(await read(0)).toEqual({ positions: [late - 1, late, late + 1], end: late + 1 });
  await rival.query(beginWrite("on"));
  await rival.query("SELECT nextval('events_position')");
  await rival.query("ROLLBACK");
  await rival.end();
  await store?.commit([{ changes: [change("third")] }]);
  expect((await read(late)).positions).toEqual([late + 1, late + 3]); // a gap that will never be filled
});

test("postgres: G1, G2 a reader beside many writers misses nothing", async () => {
  // Between drawing and committing each waits for another time.
  await ask(
    url,
    `CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN PERFORM pg_sleep(random() * 0.03); RETURN NULL; END $$;
    CREATE TRIGGER dawdling AFTER INSERT ON events FOR EACH STATEMENT EXECUTE FUNCTION dawdle()`,
  );
  let isOver = false;
  const seen: number[] = [];
  const follow = async () => {
    for (let isLast = false; !isLast; ) {
      isLast = isOver;
      const { positions, end } = await read(seen.at(-1) ?? 0, 17);
      seen.push(...positions);
      expect(end).toBeGreaterThanOrEqual(seen.at(-1) ?? 0);
      if (positions.length > 0) isLast = false;
      await pause(1);
    }
  };
  const write = async (each: PostgresStore, writer: number) => {
    for (let index = 0; index < 40; index++) {
      const changes = [change(`w${writer}-${index}`, 1 + (index % 3))];
      expect(await each.commit([{ changes }])).toEqual([]);
    }
  };
  const following = follow();
  await Promise.all([...stores, ...stores].map(write));
  isOver = true;
  await following;
  const written = await ask(url, "SELECT position::int FROM events ORDER BY position");
  expect(written.length).toBeGreaterThan(600);
  expect(seen).toEqual(written.map(({ position }) => position));
});
