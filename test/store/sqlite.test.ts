// SQLite against the contract, and then what only a file on a disk can do: be opened twice, be older
// or newer or not ours, fill up, be damaged, be left behind by a crash.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Sqlite from "better-sqlite3";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Batch } from "../../kernel/batch.ts";
import { keys } from "../../kernel/command.ts";
import { commandId, deadlineMs, instantMs, promiseId } from "../../kernel/ids.ts";
import { usualRules } from "../../kernel/rules.ts";
import { fold } from "../../kernel/stream.ts";
import { obligations } from "../../kernel/sweep.ts";
import { migrate, migrations } from "../../store/migrate.ts";
import { updateStream } from "../../store/queries.ts";
import { openSqlite, SqliteStore } from "../../store/sqlite.ts";
import { inMemory, openFile } from "../../store/sqlite-file.ts";
import { openReader } from "../../store/sqlite-reader.ts";
import { StoreError } from "../../store/store.ts";
import type { Report } from "../../store/verify.ts";
import { cron, ofPromise, sweptAt } from "../kernel/given.ts";
import { conformance } from "./conformance.ts";
import { breakChain, damage } from "./damage.ts";
import {
  arm,
  commit,
  create,
  created,
  due,
  exported,
  key,
  query,
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
});
afterEach(() => rmSync(folder, { recursive: true }));

conformance("sqlite, in memory", () => {
  const store = openSqlite(":memory:");
  return { store, close: () => store.close() };
});

conformance("sqlite, on disk", () => {
  const store = openSqlite(path);
  return { store, close: () => store.close() };
});

/** Another program on the same file. */
function edit(...statements: readonly string[]): void {
  const database = new Sqlite(path);
  for (const statement of statements) database.exec(statement);
  database.close();
}

function using<Answer>(run: (store: SqliteStore) => Answer): Answer {
  const store = openSqlite(path);
  try {
    return run(store);
  } finally {
    store.close();
  }
}

function thrown(run: () => unknown): StoreError {
  try {
    run();
  } catch (error) {
    if (error instanceof StoreError) return error;
    throw error;
  }
  throw new Error("nothing is thrown");
}

test("sqlite: A1 what is committed is there after a reopening, positions go on", () => {
  using((store) => {
    create(store, "a", { tags: { t: "x" } });
    arm(store, "b", 5n);
  });
  using((store) => {
    expect(stream(store, "a")).toMatchObject({ version: 1, revision: 1 });
    create(store, "c", { tags: { t: "x" } });
    const { rows } = store.query(query({ tags: new Map([["t", "x"]]) }));
    expect(rows).toMatchObject([
      { id: "c", position: 3 },
      { id: "a", position: 1 },
    ]);
    expect(due(store, 5).streams).toMatchObject([{ key: key("b") }]); // no claim is left
  });
});

test("sqlite: A1 a transaction that fails in its midst leaves nothing, and the store goes on", () => {
  using((store) => {
    create(store, "a");
    const broken = written(store, "c", [created()]);
    const gap = { ...broken, write: broken.write && { ...broken.write, events: [] } };
    expect(() => commit(store, written(store, "b", [created()]), gap)).toThrow("leaves a gap");
    expect(store.log([{ of: null, after: 0, limit: 9, weightMax: 999 }])[0]?.end).toBe(1);
    create(store, "b");
    expect(stream(store, "b").version).toBe(1);
  });
});

test("sqlite: A1 a killed process leaves what it has committed, and no lock", async () => {
  const script = `
    import { openSqlite } from "${join(import.meta.dirname, "../../store/sqlite.ts")}";
    import { arm } from "${join(import.meta.dirname, "given.ts")}";
    const store = openSqlite(${JSON.stringify(path)});
    for (let count = 0; ; count++) { arm(store, "p" + count, 5n); console.log(count); }`;
  const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", script]);
  let printed = "";
  child.stdout.on("data", (text) => {
    printed += text;
    if (printed.includes("\n20\n")) child.kill("SIGKILL");
  });
  let errors = "";
  child.stderr.on("data", (text) => (errors += text));
  const [, signal] = await once(child, "close");
  expect([signal, errors]).toEqual(["SIGKILL", ""]);
  const acknowledged = Number(printed.slice(0, printed.lastIndexOf("\n")).split("\n").at(-1));
  using((store) => expect(stream(store, `p${acknowledged}`).version).toBe(1));
  expect(await report()).toMatchObject({ differing: 0, first: null });
});

test("sqlite: F1 a second server is refused, and told who, what and what to do", () => {
  using((store) => {
    create(store, "a");
    const { failure, message } = thrown(() => openSqlite(path));
    expect(failure).toBe("store_failed");
    expect(message).toContain(`${path} is in use by another Resonate server`);
    expect(message).toContain("stop that one first");
    symlinkSync(path, join(folder, "alias.db"));
    expect(thrown(() => openSqlite(join(folder, "alias.db"))).message).toContain(
      "in use by another",
    );
    create(store, "b"); // the first one has not noticed
  });
  using((store) => expect(stream(store, "b").version).toBe(1));
});

test("sqlite: F1 nor by another name: a link to a file that is not there yet", () => {
  const link = join(folder, "link.db");
  symlinkSync(path, link);
  const first = openSqlite(link);
  expect(thrown(() => openSqlite(path)).message).toContain("in use by another");
  create(first, "a");
  first.close();
  using((store) => expect(stream(store, "a").version).toBe(1));
});

test("sqlite: F1 nor by another name: a folder behind a link", () => {
  const [home, alias] = [join(folder, "home"), join(folder, "alias")];
  mkdirSync(home);
  symlinkSync(home, alias);
  const first = openSqlite(join(alias, "new.db"));
  expect(thrown(() => openSqlite(join(home, "new.db"))).message).toContain("in use by another");
  first.close();
});

test("sqlite: a link into a folder that is missing is refused by name", () => {
  const link = join(folder, "link.db");
  symlinkSync(join(folder, "none", "resonate.db"), link);
  const { failure, message } = thrown(() => openSqlite(link));
  expect(failure).toBe("store_failed");
  expect(message).toContain(`the database ${link} cannot be made: ENOENT`);
});

test("sqlite: F1 nor may a second server run in another process", () => {
  using(() => {
    const script = `
      import { openSqlite } from "${join(import.meta.dirname, "../../store/sqlite.ts")}";
      try { openSqlite(${JSON.stringify(path)}); console.log("open"); }
      catch (error) { console.log(error.message); }`;
    const options = { encoding: "utf8" } as const;
    const args = ["--input-type=module-typescript", "-e", script];
    expect(execFileSync(process.execPath, args, options)).toContain("in use by another Resonate");
  });
});

test("sqlite: F1 readers are not in the way of a server, nor it in theirs", async () => {
  const store = openSqlite(path);
  arm(store, "a", 5n);
  const reader = openReader(path);
  const lines: string[] = [];
  await reader.export(async (line) => {
    arm(store, "b", 5n);
    lines.push(line);
    return true;
  });
  expect(lines).toEqual([expect.stringContaining('"id":"a"')]); // one moment
  expect(await exported(reader)).toHaveLength(2);
  expect(await reader.verify()).toMatchObject({ streams: 2, events: 2, differing: 0 });
  await reader.close();
  create(store, "c");
  store.close();
});

test("sqlite: F2 WAL and FULL syncs are on, and the WAL is bounded", () => {
  const { database, close } = openFile(path);
  const settings = ["journal_mode", "synchronous", "wal_autocheckpoint"].map((name) => {
    return database.pragma(name, { simple: true });
  });
  expect(settings).toEqual(["wal", 2, 4000]);
  close();
});

test("sqlite: F2 a WAL that has been long is cut to what is usual", () => {
  using((store) => {
    const data = "x".repeat(20_000_000); // twice, in its event and in its snapshot
    create(store, "big", { param: { headers: null, data } });
    const long = statSync(`${path}-wal`).size;
    create(store, "small");
    expect(long).toBeGreaterThan(40_000_000);
    expect(statSync(`${path}-wal`).size).toBe(32 * 1024 * 1024);
  });
});

test("sqlite: a migration that fails leaves no trace, its version included", () => {
  const { database, close } = openFile(inMemory);
  const version = () => database.pragma("user_version", { simple: true });
  const tables = () => {
    const names = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").pluck();
    return names.all().length;
  };
  const before = [version(), tables()];
  const twice = ["CREATE TABLE next (x)", "CREATE TABLE next (x)"];
  const next = { number: 3, name: "next", sqlite: twice, postgres: [] };
  expect(() => migrate(database, [...migrations, next])).toThrow("already exists");
  expect([version(), tables(), database.inTransaction]).toEqual([...before, false]);
  close();
});

test("sqlite: a newer schema is refused, with both versions", () => {
  using((store) => create(store, "a"));
  edit("PRAGMA user_version = 7");
  const { message } = thrown(() => openSqlite(path));
  expect(message).toContain("has schema version 7, and this server knows version 2");
  expect(thrown(() => openReader(path)).message).toContain("schema version 7");
  edit("PRAGMA user_version = 2");
  using((store) => expect(stream(store, "a").version).toBe(1));
});

test("sqlite: a file of another program is refused and left as it is", () => {
  edit("CREATE TABLE theirs (x)");
  expect(thrown(() => openSqlite(path)).message).toContain("belongs to another program");
  const database = new Sqlite(path);
  expect(database.pragma("journal_mode", { simple: true })).toBe("delete");
  expect(database.prepare("SELECT name FROM sqlite_schema").all()).toEqual([{ name: "theirs" }]);
  database.close();
});

test("sqlite: what is no database, and a folder that is missing, are refused by name", () => {
  const { message } = thrown(() => openSqlite(join(folder, "none", "resonate.db")));
  expect(message).toContain(`the folder ${join(folder, "none")} does not exist`);
  expect(thrown(() => openSqlite(folder)).message).toContain(
    `the database ${folder} cannot be opened`,
  );
  expect(thrown(() => openReader(path)).message).toContain("cannot be opened: SQLITE_CANTOPEN");
});

test("sqlite: the schema is what it was when it was released", async () => {
  const { database, close } = openFile(path);
  const rows = database
    .prepare<[], { readonly sql: string }>(
      "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type DESC, name",
    )
    .all();
  close();
  const text = rows.map(({ sql }) => `${sql.replace(/^ {4}/gm, "")};\n`).join("\n");
  await expect(text).toMatchFileSnapshot("../golden/schema-sqlite.sql");
});

test("sqlite: a write leaves alone the index of what never changes", () => {
  const { database, close } = openFile(inMemory);
  const roots = database
    .prepare<[], { readonly rootpage: number; readonly name: string }>(
      "SELECT rootpage, name FROM sqlite_schema WHERE rootpage > 0",
    )
    .all();
  const steps = database
    .prepare<unknown[], { readonly opcode: string; readonly p2: number }>(`EXPLAIN ${updateStream}`)
    .all(...updateStream.replaceAll(/[^?]/g, "").split("").fill("0"));
  const written = steps.filter(({ opcode }) => opcode === "OpenWrite").map(({ p2 }) => p2);
  const names = roots.filter(({ rootpage }) => written.includes(rootpage)).map(({ name }) => name);
  expect(names.sort()).toEqual(["streams", "streams_due", "streams_state", "streams_unarmed"]);
  close();
});

test("sqlite: a full disk is an overload, known to be without effect, and it passes", () => {
  const file = openFile(path);
  const store = new SqliteStore(file);
  create(store, "a");
  const pages = Number(file.database.pragma("page_count", { simple: true }));
  file.database.pragma(`max_page_count = ${pages}`);
  const data = "x".repeat(100_000);
  const change = written(store, "big", [created({ param: { headers: null, data } })]);
  const { failure, isFatal } = thrown(() => commit(store, change));
  expect([failure, isFatal]).toEqual(["store_overloaded", false]);
  expect(stream(store, "a").version).toBe(1);
  file.database.pragma("max_page_count = 1000000");
  expect(commit(store, change)).toEqual([]);
  store.close();
});

test("sqlite: another writer's lock is a failure without effect, and it passes", () => {
  const store = openSqlite(path, { busyTimeoutMs: 1 });
  const other = new Sqlite(path);
  other.exec("BEGIN IMMEDIATE");
  const change = written(store, "a", [created()]);
  const { failure, isFatal } = thrown(() => commit(store, change));
  expect([failure, isFatal]).toEqual(["store_failed", false]);
  other.exec("ROLLBACK");
  other.close();
  expect(commit(store, change)).toEqual([]);
  store.close();
});

test("sqlite: a rollback that fails is fatal: nobody can tell what the connection would do next", () => {
  const file = openFile(path);
  const store = new SqliteStore(file);
  const [change] = [written(store, "a", [created()])];
  const broken = {
    ...change,
    get key(): never {
      file.database.prepare("SELECT 1").iterate().next(); // while it is open, nothing else can run
      throw new Error("in the midst");
    },
  };
  const { failure, isFatal } = thrown(() => store.commit([{ changes: [broken] }]));
  expect([failure, isFatal]).toEqual(["outcome_unknown", true]);
});

test("sqlite: A4 a load is of one moment, whatever is committed between its rows", () => {
  using((store) => {
    for (const id of ["a", "b"]) create(store, id);
    const second = {
      id: promiseId("b"),
      get kind() {
        edit("UPDATE streams SET revision = revision + 1");
        return "promise" as const;
      },
    };
    const revisions = () => {
      return store.load([key("a"), second]).map((each) => {
        return each.kind === "stream" ? each.stream.revision : null;
      });
    };
    expect(revisions()).toEqual([1, 1]);
    expect(stream(store, "a").revision).toBeGreaterThan(1);
  });
});

test("sqlite: A6 a damaged page is its stream's own affair: others are loaded, and swept", () => {
  using((store) => {
    for (const id of ["a", "b", "c"]) arm(store, id, 5n);
  });
  edit("UPDATE streams SET snapshot = snapshot || printf('%.*c', 50000, ' ') WHERE id = 'b'");
  expect(breakChain(path, " ")).toBeGreaterThan(5);
  using((store) => {
    expect(store.load(["a", "b", "c"].map(key))).toMatchObject([
      { kind: "stream", stream: { key: key("a"), version: 1 } },
      { kind: "unreadable", key: key("b") },
      { kind: "stream", stream: { key: key("c"), version: 1 } },
    ]);
    expect(due(store, 9).streams.map((each) => each.key.id)).toEqual(["a", "c"]);
    expect(due(store, 10).streams).toEqual([]); // they are claimed
    expect(thrown(() => store.query(query())).failure).toBe("store_failed");
    create(store, "d");
  });
});

test("sqlite: A6 a stream that its own index has lost is not swept", () => {
  using((store) => {
    for (const id of ["a", "b"]) arm(store, id, 5n);
  });
  damage(path, "sqlite_autoindex_streams_1", (page) => {
    page.write("z", page.indexOf("promiseb") + "promise".length);
  });
  using((store) => expect(due(store, 9).streams).toMatchObject([{ key: key("a") }]));
});

test("sqlite: A6 a damaged snapshot is reported by key, fails reads, and keeps nobody waiting", () => {
  using((store) => {
    for (const id of ["a", "b", "c"]) arm(store, id, 5n);
    edit("UPDATE streams SET snapshot = '{' WHERE id = 'b'");
    expect(store.load(["a", "b"].map(key))).toMatchObject([
      { kind: "stream", stream: { key: key("a") } },
      { kind: "unreadable", key: key("b") },
    ]);
    expect(thrown(() => store.query(query())).failure).toBe("record_unreadable");
    expect(store.query(query({ limit: 1 }))).toMatchObject({ rows: [{ id: "c" }], hasMore: true });
    const { streams, nextAt } = due(store, 9, 2);
    expect(streams.map((each) => each.key.id)).toEqual(["a", "c"]);
    expect(nextAt).toBe(null); // b does not make a hot loop
    commit(store, written(store, "a", [], null), written(store, "c", [], null));
    expect(due(store, 9, 2)).toEqual({ streams: [], nextAt: null });
  });
});

test("sqlite: A6 a damaged event fails the reading of the log, and no other", () => {
  using((store) => {
    for (const id of ["a", "b"]) create(store, id);
    edit("UPDATE events SET data = '[]' WHERE position = 2");
    const range = { after: 0, limit: 9, weightMax: 999 };
    expect(thrown(() => store.log([{ ...range, of: null }])).failure).toBe("record_unreadable");
    expect(thrown(() => store.log([{ ...range, of: key("b") }])).message).toContain("event at 2");
    expect(store.log([{ ...range, of: key("a") }])[0]?.events).toHaveLength(1);
    expect(store.log([{ ...range, limit: 1, of: null }])[0]?.end).toBe(2);
    create(store, "c");
  });
});

test.each([
  ["version = -1", "unreadable", 0],
  ["revision = 9223372036854775807", "unreadable", 0],
  ["schema = 99", "unreadable", 0],
  ["snapshot = '[]'", "unreadable", 0],
  ["timers = ''", "unreadable", 0],
  ["timers = '{}'", "unreadable", 0],
  ["timers = '5'", "unreadable", 0],
  ["due_at = -1", "stream", 0],
  ["kind = 'poem'", "stream", 0],
  ["number = number", "stream", 1],
])("sqlite: A6 a row with %s is %s, and crashes nothing", (damage, kind, dueCount) => {
  using((store) => {
    arm(store, "a", 5n);
    edit(`UPDATE streams SET ${damage}`);
    expect(store.load([key("a")])).toMatchObject([{ kind }]);
    expect(due(store, 9).streams).toHaveLength(dueCount);
  });
});

test("sqlite: A6 damaged timers are in the way of their own stream alone, and of no search", () => {
  using((store) => {
    for (const id of ["a", "b"]) arm(store, id, 5n);
    edit("UPDATE streams SET timers = '{' WHERE id = 'a'");
    expect(store.load([key("a"), key("b")])).toMatchObject([{ kind: "unreadable" }, {}]);
    expect(due(store, 9).streams).toMatchObject([{ key: key("b") }]);
    expect(store.query(query()).rows).toMatchObject([{ id: "b" }, { id: "a" }]);
  });
});

test("sqlite: A3 a write without events leaves the snapshot as it stands, whatever its form", () => {
  const snapshots = () => {
    const database = new Sqlite(path, { readonly: true });
    const rows = database.prepare("SELECT schema, snapshot FROM streams WHERE id = 'a'").all();
    database.close();
    return rows;
  };
  const tags = { "resonate:target": "poll://any@w" };
  using((store) => {
    create(store, "a", { tags });
    edit("UPDATE streams SET schema = 1, snapshot = ' ' || snapshot");
    const before = snapshots();
    commit(store, timed(store, "a", { clockAt: deadlineMs(5n) }));
    expect(snapshots()).toEqual(before);
    commit(store, timed(store, "a", {}, settled()));
    expect(snapshots()).not.toEqual(before);
    expect(snapshots()).toMatchObject([{ schema: 2 }]);
  });
});

/** A file of schema 1, as SQL, written by the last server that knew no other. */
const schema1 = join(import.meta.dirname, "../golden/file-1.sql");

test("sqlite: T4 a file of schema 1 is upgraded, and is still what its log says", async () => {
  edit(readFileSync(schema1, "utf8"));
  expect(thrown(() => openReader(path)).message).toContain("start a server on it first");
  using((store) => {
    const rows = store.query(query()).rows.map(({ id }) => stream(store, id));
    expect(rows.map(({ key: { id }, state }) => `${id} ${ofPromise(state).task.kind}`)).toEqual([
      "over pending",
      "settled fulfilled",
      "awaited pending",
      "inner absent",
      "sleep pending",
      "delayed pending",
      "never pending",
      "ahead pending",
      "plain absent",
    ]);
    for (const { key: of, state, revision, version } of rows) {
      const [log] = store.log([{ of, after: 0, limit: 9, weightMax: 9_999 }]);
      expect(state).toEqual(fold(log?.events.map(({ event }) => event) ?? []));
      expect([revision, version]).toEqual([log?.end, log?.end]);
    }
  });
  expect(await report()).toMatchObject({ streams: 9, events: 12, differing: 0, first: null });
});

test("sqlite: a task in a file of schema 1 is offered by the first sweep, or when its time comes", async () => {
  edit(readFileSync(schema1, "utf8"));
  using((store) => {
    const now = instantMs(1_000);
    const swept = due(store, now).streams;
    const ids = swept.map(({ key: { id } }) => id);
    expect(ids).toEqual(["ahead", "never", "delayed", "sleep", "awaited", "over", "settled"]);
    const entries = swept
      .flatMap((each) => obligations(each, sweptAt(now)))
      .map((command, index) => {
        const id = commandId(`sweep-${index}`);
        return { command, keys: keys(command), id, attempt: 1, origin: { kind: "sweep" } as const };
      });
    const batch = new Batch(entries);
    const { writing } = batch.execute(store.load(batch.keys()), { now, rules: usualRules, cron });
    expect(store.commit(writing.map(({ changes }) => ({ changes })))).toEqual([]);
    const sent = writing.flatMap(({ executed }) => executed.flatMap(({ messages }) => messages));
    expect(sent).toEqual(
      ["ahead", "never", "awaited"].map((id) => {
        return { kind: "execute", to: "poll://any@w", id, version: 0 };
      }),
    );
    const clocks = ["ahead", "never", "awaited", "delayed", "sleep", "over"].map((id) => {
      return stream(store, id).timers.clockAt;
    });
    expect(clocks).toEqual([31_000n, 31_000n, 31_000n, 3_000n, 6_000n, null]);
    expect(due(store, now)).toEqual({ streams: [], nextAt: 3_000n });
  });
  expect(await report()).toMatchObject({ differing: 0, first: null });
});

test("sqlite: A6 a search that comes upon a row without a promise fails", () => {
  using((store) => {
    create(store, "a");
    edit(
      `UPDATE streams SET snapshot = '{"promise":null,"task":null,"callbacks":[],"listeners":[]}'`,
    );
    const { failure, message } = thrown(() => store.query(query()));
    expect([failure, message]).toEqual(["record_unreadable", "the promise a: no promise"]);
  });
});

test("sqlite: a thousand databases are opened and closed in one process", () => {
  for (let count = 0; count < 1_000; count++) openSqlite(":memory:").close();
  for (let count = 0; count < 50; count++) using((store) => create(store, `p${count}`));
  expect(readdirSync(folder).toSorted()).toEqual(["resonate.db", "resonate.db-lock"]);
});

async function report(): Promise<Report> {
  const reader = openReader(path);
  try {
    return await reader.verify();
  } finally {
    await reader.close();
  }
}
