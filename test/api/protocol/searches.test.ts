// The three searches and the preload of the current protocol, through the whole server but for the
// socket (protocol.md §5, §7). What a store finds is in test/store/reads.ts.

import { describe, expect, test } from "vitest";
import { InProcess } from "../../in-process.ts";
import { Client } from "../client.ts";

const version = "2026-04-01";
const far = 9_000_000_000_000;
const target = { "resonate:target": "poll://any@g" };

function open() {
  const client = new Client(new InProcess());
  return async (kind: string, data: unknown) => {
    const body = JSON.stringify({ kind, head: { corrId: "c", version }, data });
    const response = await client.app.request("http://localhost/", { method: "POST", body });
    const { head, data: told } = JSON.parse(await response.text());
    return { status: head.status, data: told };
  };
}

type Ask = ReturnType<typeof open>;

async function make(ask: Ask, id: string, tags: object = {}, timeoutAt = far): Promise<void> {
  expect(await ask("promise.create", { id, timeoutAt, tags })).toMatchObject({ status: 200 });
}

/** Ids, and the cursor if there is one. */
async function found(ask: Ask, kind: string, data: object = {}): Promise<readonly unknown[]> {
  const { status, data: told } = await ask(kind, data);
  expect(status).toBe(200);
  const { cursor, ...page } = told;
  const [records] = Object.values(page) as readonly { readonly id: string }[][];
  return [...(records ?? []).map(({ id }) => id), ...(cursor === undefined ? [] : [{ cursor }])];
}

const positive = "Limit must be a positive integer";
const beyond = "Invalid 'limit' — must be between 1 and 1000";
const promiseStates = "pending, resolved, rejected, rejected_canceled, rejected_timedout";
const taskStates = "pending, acquired, suspended, halted, fulfilled";

// biome-ignore format: a table is read down its columns
test.each<[string, object, string]>([
  ["promise.search",  { limit: 0 },                  positive],
  ["promise.search",  { limit: -1 },                 positive],
  ["promise.search",  { limit: 1.5 },                positive],
  ["promise.search",  { limit: 1001 },               beyond],
  ["task.search",     { limit: 1e300 },              beyond],
  ["schedule.search", { limit: 1001 },               beyond],
  ["promise.search",  { limit: "1" },                "Invalid request: limit must be a number"],
  ["promise.search",  { state: "PENDING" },          `Invalid request: state must be ${promiseStates}`],
  ["promise.search",  { state: "fulfilled" },        `Invalid request: state must be ${promiseStates}`],
  ["task.search",     { state: "resolved" },         `Invalid request: state must be ${taskStates}`],
  ["task.search",     { state: 1, limit: 0 },        `Invalid request: state must be ${taskStates}`],
  ["promise.search",  { tags: { a: 1 } },            "Invalid request: tags must be an object of strings"],
  ["schedule.search", { tags: [] },                  "Invalid request: tags must be an object"],
  ["promise.search",  { idPrefix: 1 },               "Invalid request: idPrefix must be a string"],
  ["promise.search",  { idPrefix: "\0" },            "Invalid request: idPrefix must not contain null bytes or unpaired surrogates"],
  ["promise.search",  { cursor: 1 },                 "Invalid request: cursor must be a string"],
])("V9: %s with %j is refused", async (kind, data, reason) => {
  expect(await open()(kind, data)).toEqual({ status: 400, data: reason });
});

test.each(["promise.search", "task.search", "schedule.search"])(
  "V16: %s takes what is null for absent, and any text for a cursor",
  async (kind) => {
    const ask = open();
    const absent = { state: null, tags: null, limit: null, cursor: null, idPrefix: null };
    const none = await found(ask, kind, absent);
    expect(none).toEqual([]);
    for (const cursor of ["", "\0", "\ud800", "x".repeat(900)]) {
      expect(await found(ask, kind, { cursor })).toEqual([]);
    }
  },
);

describe("promises", () => {
  test("by id, page by page, and the cursor is the last id shown", async () => {
    const ask = open();
    for (const id of ["b", "c", "a", "\u{1f600}", "\ufffd"]) await make(ask, id);
    expect(await found(ask, "promise.search")).toEqual(["a", "b", "c", "\ufffd", "\u{1f600}"]);
    expect(await found(ask, "promise.search", { limit: 2 })).toEqual(["a", "b", { cursor: "b" }]);
    expect(await found(ask, "promise.search", { limit: 3, cursor: "b" })).toEqual([
      ...["c", "\ufffd", "\u{1f600}"],
    ]);
    expect(await found(ask, "promise.search", { idPrefix: "b" })).toEqual(["b"]);
  });

  test("a hundred by default, a thousand at most", async () => {
    const ask = open();
    for (let each = 100; each < 201; each++) await make(ask, `${each}`);
    const page = await found(ask, "promise.search");
    expect([page.length, page.at(-1)]).toEqual([101, { cursor: "199" }]);
    expect(await found(ask, "promise.search", { limit: 1000 })).toHaveLength(101);
    expect(await found(ask, "promise.search", { limit: 101 })).toHaveLength(101);
  });

  test("L1 by state, as the deadline has made it, and by every tag", async () => {
    const ask = open();
    const timer = { "resonate:timer": "true" };
    await make(ask, "pending");
    await make(ask, "timer", timer, 1);
    await make(ask, "late", { t: "1" }, 1);
    for (const state of ["resolved", "rejected", "rejected_canceled"]) {
      await make(ask, state, { t: "1", u: state });
      await ask("promise.settle", { id: state, state });
    }
    const states = await Promise.all(
      ["pending", "resolved", "rejected", "rejected_canceled", "rejected_timedout"].map((state) => {
        return found(ask, "promise.search", { state });
      }),
    );
    expect(states).toEqual([
      ...[["pending"], ["resolved", "timer"], ["rejected"], ["rejected_canceled"], ["late"]],
    ]);
    expect(await found(ask, "promise.search", { tags: { t: "1" } })).toHaveLength(4);
    expect(await found(ask, "promise.search", { tags: { t: "1", u: "rejected" } })).toEqual([
      "rejected",
    ]);
    const { data } = await ask("promise.search", { idPrefix: "late" });
    expect(data.promises[0]).toEqual((await ask("promise.get", { id: "late" })).data.promise);
  });
});

describe("tasks", () => {
  test("by state; a promise without a target has none", async () => {
    const ask = open();
    await make(ask, "none");
    for (const id of ["pending", "acquired", "suspended", "halted", "fulfilled"]) {
      await make(ask, id, target);
    }
    for (const id of ["acquired", "suspended"]) {
      await ask("task.acquire", { id, version: 0, pid: "w", ttl: 60_000 });
    }
    const awaiting = { awaited: "pending", awaiter: "suspended" };
    const actions = [{ kind: "promise.register_callback", data: awaiting }];
    await ask("task.suspend", { id: "suspended", version: 1, actions });
    await ask("task.halt", { id: "halted" });
    await ask("promise.settle", { id: "fulfilled", state: "resolved" });
    const all = ["acquired", "fulfilled", "halted", "pending", "suspended"];
    expect(await found(ask, "task.search")).toEqual(all);
    for (const state of all) expect(await found(ask, "task.search", { state })).toEqual([state]);
    expect(await found(ask, "task.search", { limit: 1 })).toEqual([
      "acquired",
      { cursor: "acquired" },
    ]);
    const { data } = await ask("task.search", { idPrefix: "acq" });
    expect(data).toEqual({
      tasks: [{ id: "acquired", state: "acquired", version: 1, resumes: 0, ttl: 60_000, pid: "w" }],
    });
  });
});

describe("schedules", () => {
  const create = { cron: "0 0 1 1 *", promiseId: "{{.id}}", promiseTimeout: 1 };

  test("ten by default, and by the tags of their promises", async () => {
    const ask = open();
    for (let each = 10; each < 21; each++) {
      const promiseTags = each === 15 ? { ...target, t: "1" } : target;
      await ask("schedule.create", { ...create, id: `s${each}`, promiseTags });
    }
    const page = await found(ask, "schedule.search");
    expect([page.length, page.at(-1)]).toEqual([11, { cursor: "s19" }]);
    expect(await found(ask, "schedule.search", { cursor: "s19" })).toEqual(["s20"]);
    expect(await found(ask, "schedule.search", { tags: { t: "1" } })).toEqual(["s15"]);
    const { data } = await ask("schedule.search", { idPrefix: "s15" });
    const { data: told } = await ask("schedule.get", { id: "s15" });
    expect(data).toEqual({ schedules: [told.schedule] });
  });
});

describe("preload", () => {
  const branch = { "resonate:branch": "b" };

  test("D3 who is given a task gets what is of its branch, but itself, ten at most", async () => {
    const ask = open();
    await make(ask, "b", { ...target, ...branch });
    for (let each = 10; each < 22; each++)
      await make(ask, `b:${each}`, branch, each === 10 ? 1 : far);
    await make(ask, "c:1", { "resonate:branch": "c" });
    const held = { id: "b", version: 0, pid: "w", ttl: 60_000 };
    const { data } = await ask("task.acquire", held);
    const ids = data.preload.map(({ id }: { readonly id: string }) => id);
    expect(ids).toEqual(Array.from({ length: 10 }, (_, index) => `b:${10 + index}`));
    expect(data.preload[0]).toEqual((await ask("promise.get", { id: "b:10" })).data.promise); // C8
  });

  test("so does who creates it, and who need not sleep; never who fences", async () => {
    const ask = open();
    const data = { id: "b", timeoutAt: far, tags: { ...target, ...branch } };
    const action = { kind: "promise.create", data };
    await make(ask, "b:1", { ...branch, "resonate:external": "true" });
    const create = { pid: "w", ttl: 60_000, action };
    const created = await ask("task.create", create);
    expect(created.data.preload).toMatchObject([{ id: "b:1", state: "pending" }]);
    const fenced = { kind: "promise.settle", data: { id: "b:1", state: "resolved" } };
    const fence = await ask("task.fence", { id: "b", version: 1, action: fenced });
    expect(fence.data).toMatchObject({ action: { head: { status: 200 } }, preload: [] });
    const awaiting = { awaited: "b:1", awaiter: "b" };
    const actions = [{ kind: "promise.register_callback", data: awaiting }];
    const suspended = await ask("task.suspend", { id: "b", version: 1, actions });
    expect(suspended).toMatchObject({ status: 300, data: { preload: [{ state: "resolved" }] } });
    await ask("promise.settle", { id: "b", state: "resolved" });
    const over = await ask("task.create", create); // D2
    expect(over.data).toMatchObject({ task: { state: "fulfilled" }, preload: [] });
  });
});
