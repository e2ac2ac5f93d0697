// Damage that Postgres itself reports, where it reads: a text that has lost its pages. Whoever plants it is
// a superuser, and has a server of his own.

import { afterAll, beforeEach, expect, test } from "vitest";
import { SyncPostgres } from "../../bin/dst/postgres-bridge.ts";
import { ask, ownServer } from "../../bin/dst/postgres-server.ts";
import { deadlineMs } from "../../kernel/ids.ts";
import { PostgresPool } from "../../store/postgres-pool.ts";
import { PostgresReader } from "../../store/postgres-reader.ts";
import { incompressible, loseLongTexts } from "./damage.ts";
import { commit, create, created, due, key, query, stream, timed, written } from "./given.ts";
import { append, fill } from "./sound.ts";

const server = await ownServer();
const address = await server.database();
const store = new SyncPostgres({ address });
beforeEach(() => store.reset());
afterAll(async () => {
  store.close();
  await server.stop();
});

const param = { headers: null, data: incompressible(20_000) };
const long = () => created({ param });

test("postgres: A6 a text that is lost fails the load of its own stream, and of no other", async () => {
  const names = Array.from({ length: 9 }, (_, index) => `p${index}`);
  for (const name of names) create(store, name);
  for (const name of ["lost", "gone"]) append(store, name, long());
  await loseLongTexts(address, "streams");
  const keys = ["lost", ...names.slice(0, 4), "none", ...names.slice(4), "gone"].map(key);
  const found = store.load(keys).map((each) => {
    return each.kind === "stream"
      ? `${each.stream.key.id} ${each.stream.version}`
      : `${each.key.id} ${each.kind}`;
  });
  const sound = names.map((name) => `${name} 1`);
  expect(found).toEqual([
    "lost unreadable",
    ...sound.slice(0, 4),
    "none 0",
    ...sound.slice(4),
    "gone unreadable",
  ]);
  expect(store.load([key("lost")])).toEqual([{ kind: "unreadable", key: key("lost") }]);
  expect(() => store.query(query())).toThrow("XX001");
  commit(store, written(store, "p1", [], 5n));
  expect(stream(store, "p1").revision).toBe(2);
});

test("postgres: A6 a text that is lost keeps no other stream from being swept", async () => {
  const clockAt = deadlineMs(5n);
  const tags = { "resonate:target": "poll://any@w" };
  commit(store, timed(store, "lost", { clockAt }, created({ tags, param })));
  for (const name of ["a", "b"]) commit(store, timed(store, name, { clockAt }, created({ tags })));
  await loseLongTexts(address, "streams");
  expect(due(store, 30)).toMatchObject({ streams: [{ key: key("a") }, { key: key("b") }] });
  expect(due(store, 31)).toEqual({ streams: [], nextAt: 5_030n }); // no hot loop
});

test("verify: V0 what Postgres cannot read is found, and all before it is compared", async () => {
  fill(store);
  append(store, "long", long());
  append(store, "z", created());
  await ask(address, "UPDATE streams SET state = 'resolved' WHERE id = 'b'");
  await loseLongTexts(address, "streams");
  const pool = new PostgresPool({ address, connectionsMax: 1 });
  const reader = new PostgresReader(pool, { rowsMax: 1, bytesMax: 1 });
  expect(await reader.verify()).toMatchObject({
    ...{ streams: 2, differing: 2 },
    first: { stream: { id: "b" }, field: "columns.state" },
  });
  await ask(address, "UPDATE streams SET state = 'pending' WHERE id = 'b'");
  expect(await reader.verify()).toMatchObject({
    ...{ streams: 2, differing: 1 },
    first: { stream: null, field: "the database", expected: "readable", found: "damaged" },
  });
  await ask(address, "DELETE FROM streams WHERE id = 'long'");
  await loseLongTexts(address, "events");
  await expect(reader.export(async () => true)).rejects.toThrow("XX001");
  await reader.close();
});
