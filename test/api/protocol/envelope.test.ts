// `POST /`, without a socket: which answer the envelope gets, row by row of protocol.md §1.1, and the
// texts of what is refused, operation by operation (§2.2, §2.3, §3).
//
// V6 to V13 of api/protocol.

import { describe, expect, test } from "vitest";
import { decodeOperation } from "../../../api/protocol/operations.ts";
import { InProcess } from "../../in-process.ts";
import { Client } from "../client.ts";

const version = "2026-04-01";
const far = 9_000_000_000_000;
const target = { "resonate:target": "poll://any@g" };

type Answered = {
  readonly status: number;
  readonly kind: string;
  readonly corrId: string;
  readonly data: unknown;
};

function open() {
  const client = new Client(new InProcess());
  const raw = async (body: string): Promise<Answered> => {
    const response = await client.app.request("http://localhost/", { method: "POST", body });
    expect(response.headers.get("content-type")).toBe("application/json");
    const { kind, head, data } = JSON.parse(await response.text()); // V12
    expect(head).toEqual({ corrId: head.corrId, status: response.status, version });
    return { status: head.status, kind, corrId: head.corrId, data };
  };
  const ask = (kind: string, data: unknown) => {
    return raw(JSON.stringify({ kind, head: { corrId: "c", version }, data }));
  };
  return { raw, ask };
}

const head = `"head":{"corrId":"c","version":"${version}"}`;

// biome-ignore format: a table is read down its columns
test.each<[string, string, number, string, string, string]>([
  ["no JSON",                    "{",                                            400, "unknown",     "0", "Invalid request envelope: the body is no JSON"],
  ["nothing",                    "",                                             400, "unknown",     "0", "Invalid request envelope: the body is no JSON"],
  ["no object",                  "[]",                                           400, "unknown",     "0", "Invalid request envelope: the body is no object"],
  ["no kind",                    `{${head},"data":{}}`,                          400, "unknown",     "c", "Invalid request envelope: kind must be a string"],
  ["no head",                    '{"kind":"promise.get","data":{}}',             400, "promise.get", "0", "Invalid request envelope: head must be an object"],
  ["no corrId",                  `{"kind":"k","head":{"version":"${version}"}}`, 400, "k",           "0", "Invalid request envelope: head.corrId must be a string"],
  ["no version",                 '{"kind":"k","head":{"corrId":"c"}}',           400, "k",           "c", "Invalid request envelope: head.version must be a string"],
  ["an empty kind",              `{"kind":"",${head},"data":{}}`,                400, "",            "c", "Missing or invalid 'kind' field — must be a non-empty string"],
  ["no data",                    `{"kind":"k",${head}}`,                         400, "k",           "c", "Invalid 'data' field — must be an object"],
  ["data that is no object",     `{"kind":"k",${head},"data":[]}`,               400, "k",           "c", "Invalid 'data' field — must be an object"],
  ["another version",            '{"kind":"k","head":{"corrId":"c","version":"1"},"data":{}}', 400, "k", "c", `Unsupported protocol version '1', supported versions: ["${version}"]`],
  ["an unknown kind",            `{"kind":"k",${head},"data":{}}`,               400, "k",           "c", "Unknown operation: k"],
  ["a body that is too large",   `"${"x".repeat(2_000)}"`,                       413, "unknown",     "0", "Request body too large"],
])("V6 V7 V12: %s", async (_what, body, status, kind, corrId, data) => {
  expect(await open().raw(body)).toEqual({ status, kind, corrId, data });
});

const create = (more: object) => ({ id: "p", timeoutAt: far, ...more });
const settle = (more: object) => ({ id: "p", state: "resolved", ...more });
const suspend = (...awaited: readonly unknown[]) => ({
  id: "t",
  version: 1,
  actions: awaited.map((each) => {
    return { kind: "promise.register_callback", data: { awaited: each, awaiter: "t" } };
  }),
});
const taskCreate = (data: object) => ({
  pid: "w",
  ttl: 5,
  action: { kind: "promise.create", data: { id: "t", timeoutAt: far, tags: target, ...data } },
});
const fence = (action: unknown) => ({ id: "t", version: 1, action });

// biome-ignore format: a table is read down its columns
const refusals: readonly (readonly [string, unknown, string])[] = [
  ["promise.get",               {},                                          "Invalid request: id must be a string"],
  ["promise.get",               { id: "" },                                  "Promise ID is required"],
  ["promise.get",               { id: "a\0" },                               "Invalid request: id must not contain null bytes or unpaired surrogates"],
  ["promise.create",            create({ id: "" }),                          "Promise ID is required"],
  ["promise.create",            create({ id: "a\0" }),                       "Promise ID must not contain null bytes"],
  ["promise.create",            create({ id: "\ud800" }),                    "Promise ID must not contain unpaired surrogates"],
  ["promise.create",            { id: "p" },                                 "Invalid request: timeoutAt must be a number"],
  ["promise.create",            create({ timeoutAt: -1 }),                   "TimeoutAt must be a non-negative integer"],
  ["promise.create",            create({ timeoutAt: 1e19 }),                 "TimeoutAt must be a non-negative integer"],
  ["promise.create",            { id: "", timeoutAt: -1 },                   "Promise ID is required; TimeoutAt must be a non-negative integer"],
  ["promise.create",            create({ param: 5 }),                        "Invalid request: param must be an object"],
  ["promise.create",            create({ param: { data: 5 } }),              "Invalid request: param.data must be a string"],
  ["promise.create",            create({ tags: { a: 1 } }),                  "Invalid request: tags must be an object of strings"],
  ["promise.create",            create({ tags: { "resonate:origin": "q" } }), "Promise ID must be prefixed by resonate:origin"],
  ["promise.create",            create({ tags: { "resonate:target": "" } }), "Invalid resonate:target address"],
  ["promise.settle",            settle({ state: "pending" }),                "Invalid request: state must be resolved, rejected or rejected_canceled"],
  ["promise.register_callback", { awaited: "a", awaiter: "a" },              "Awaited and awaiter must be different promises"],
  ["promise.register_callback", { awaited: "", awaiter: "" },                "Awaited promise ID is required; Awaiter promise ID is required"],
  ["promise.register_listener", { awaited: "a", address: "" },               "Address is required"],
  ["promise.register_listener", { awaited: "a", address: "mail://x" },       "Invalid listener address"],
  ["task.get",                  { id: "" },                                  "Task ID is required"],
  ["task.acquire",              { id: "t", version: 0, pid: "", ttl: 0 },    "Process ID is required; TTL must be a positive integer"],
  ["task.acquire",              { id: "t", version: 0.5, pid: "w", ttl: 1 }, "Version must be a non-negative integer"],
  ["task.create",               taskCreate({ tags: {} }),                    "Action must have a resonate:target tag"],
  ["task.create",               taskCreate({ tags: { ...target, "resonate:delay": "1" } }), "Action must not have a resonate:delay tag"],
  ["task.fulfill",              { id: "t", version: 1, action: { kind: "promise.settle", data: settle({}) } }, "Action ID must match the task ID"],
  ["task.fulfill",              { id: "t", version: 1, action: { kind: "promise.create", data: settle({}) } }, "Invalid request: action.kind must be promise.settle"],
  ["task.suspend",              suspend(),                                   "Actions array cannot be empty"],
  ["task.suspend",              suspend("t"),                                "Awaited and awaiter must be different promises"],
  ["task.suspend",              { id: "u", version: 1, actions: suspend("a").actions }, "All action awaiter IDs must match the task ID"],
  ["task.fence",                fence({ kind: "promise.create", data: create({ id: "t" }) }), "Action ID must not equal the task ID"],
  ["task.fence",                fence({ kind: "promise.get", data: { id: "p" } }), "Invalid fence action kind"],
  ["task.heartbeat",            { pid: "", tasks: [] },                      "Process ID is required"],
  ["task.heartbeat",            { pid: "w", tasks: {} },                     "Invalid request: tasks must be an array"],
];

test.each(refusals)("V9: %s with %j is refused", async (kind, data, reason) => {
  expect(await open().ask(kind, data)).toEqual({ status: 400, kind, corrId: "c", data: reason });
});

test("V9: an id that is too long is refused by its bytes", () => {
  const data = create({ id: "é".repeat(1_025) });
  const reason = "Promise ID must be at most 2048 bytes";
  expect(decodeOperation("promise.create", data)).toEqual({ kind: "refused", reason });
});

const promise = { id: "p", state: "pending", param: {}, value: {}, tags: {}, createdAt: 1_000 };

describe("records", () => {
  test.each([
    ["9223372036854775807", "9223372036854775807"],
    ["9007199254740993", "9007199254740993"],
    ["9000000000000.25", "9000000000001"],
    ["9e15", "9000000000000000"],
  ])("V8: a deadline of %s is %s", async (sent, shown) => {
    const client = new Client(new InProcess());
    const body = `{"kind":"promise.create",${head},"data":{"id":"p","timeoutAt":${sent}}}`;
    const response = await client.app.request("http://localhost/", { method: "POST", body });
    expect(await response.text()).toContain(`"timeoutAt":${shown},`);
  });

  test.each([
    [{}, {}],
    [{ param: null, tags: null }, {}],
    [{ param: { headers: {}, data: "" } }, { param: { headers: {}, data: "" } }],
    [{ param: { data: "no base64" } }, { param: { data: "no base64" } }],
  ])("what is sent as %j is stored as it came", async (sent, shown) => {
    const { ask } = open();
    const expected = { promise: { ...promise, timeoutAt: far, ...shown } };
    expect(await ask("promise.create", create(sent))).toMatchObject({
      status: 200,
      data: expected,
    });
    expect((await ask("promise.get", { id: "p" })).data).toEqual(expected);
    expect((await ask("promise.create", create({ timeoutAt: 5 }))).data).toEqual(expected);
  });

  test("first writer wins, and whoever comes later is shown it", async () => {
    const { ask } = open();
    await ask("promise.create", create({}));
    const done = await ask("promise.settle", settle({ value: { data: "x" } }));
    const settled = { ...promise, state: "resolved", value: { data: "x" }, timeoutAt: far };
    expect(done.data).toEqual({ promise: { ...settled, settledAt: 1_000 } });
    expect(await ask("promise.settle", settle({ state: "rejected" }))).toEqual(done);
    expect((await ask("promise.settle", settle({ id: "q" }))).data).toBe("Promise not found");
  });
});

describe("the life of a task", () => {
  test("V10 V11 V13: created, fenced, suspended, told to go on, beaten for, fulfilled", async () => {
    const { ask } = open();
    const made = await ask("task.create", taskCreate({}));
    const task = { id: "t", state: "acquired", version: 1, resumes: 0, ttl: 5, pid: "w" };
    expect(made).toMatchObject({ status: 200, data: { task, preload: [] } });
    const child = create({ id: "c", tags: { "resonate:scope": "global" } });
    const fenced = await ask("task.fence", fence({ kind: "promise.create", data: child }));
    expect(fenced).toMatchObject({
      status: 200,
      data: {
        action: { kind: "promise.create", head: { corrId: "c", status: 200, version } },
        preload: [],
      },
    });
    expect((await ask("task.suspend", suspend("c", "c"))).status).toBe(200);
    expect((await ask("task.get", { id: "t" })).data).toEqual({
      task: { id: "t", state: "suspended", version: 1, resumes: 0 },
    });
    await ask("promise.settle", settle({ id: "c" }));
    const woken = await ask("task.get", { id: "t" });
    expect(woken.data).toMatchObject({ task: { state: "pending", resumes: 1 } });
    const again = await ask("task.acquire", { id: "t", version: 1, pid: "w", ttl: 9 });
    expect(again.data).toMatchObject({ task: { ...task, version: 2, ttl: 9 } });
    const goOn = await ask("task.suspend", { ...suspend("c"), version: 2 });
    expect(goOn).toEqual({ status: 300, kind: "task.suspend", corrId: "c", data: { preload: [] } });
    const tasks = [
      { id: "t", version: 2 },
      { id: "none", version: 0 },
    ];
    expect((await ask("task.heartbeat", { pid: "w", tasks })).data).toEqual({});
    expect((await ask("task.heartbeat", { pid: "w", tasks: [] })).data).toEqual({});
    const action = { kind: "promise.settle", data: settle({ id: "t" }) };
    const ended = await ask("task.fulfill", { id: "t", version: 2, action });
    expect(ended.data).toMatchObject({ promise: { id: "t", state: "resolved" } });
    expect(await ask("task.release", { id: "t", version: 2 })).toMatchObject({
      status: 409,
      data: "Task version mismatch or invalid state",
    });
  });
});

describe("what a task may not", () => {
  test.each([
    ["task.get", { id: "x" }, 404, "Task not found"],
    ["task.acquire", { id: "t", version: 0, pid: "w", ttl: 1 }, 409, "Task is not pending"],
    ["task.create", taskCreate({}), 409, "Already exists"],
    [
      "task.create",
      taskCreate({ id: "plain" }),
      422,
      "The promise does not have a resonate:target tag",
    ],
    [
      "task.suspend",
      { ...suspend("x"), version: 7 },
      409,
      "Task is not acquired or version mismatch",
    ],
    ["task.suspend", suspend("x"), 422, "Awaited promise not found"],
    ["task.suspend", suspend("plain"), 422, "Awaited promise is not awaitable"],
    [
      "task.fence",
      { ...fence({ kind: "promise.settle", data: settle({}) }), version: 7 },
      409,
      "Version mismatch",
    ],
    ["task.continue", { id: "t" }, 409, "Task is not halted"],
    [
      "promise.register_listener",
      { awaited: "x", address: "http://a" },
      404,
      "Awaited promise not found",
    ],
    [
      "promise.register_listener",
      { awaited: "plain", address: "http://a" },
      422,
      "Awaited promise is not awaitable",
    ],
    ["promise.register_callback", { awaited: "x", awaiter: "t" }, 404, "Awaited promise not found"],
    [
      "promise.register_callback",
      { awaited: "plain", awaiter: "x" },
      422,
      "Awaiter promise not found",
    ],
    [
      "promise.register_callback",
      { awaited: "t", awaiter: "plain" },
      422,
      "Awaiter promise has no resonate:target tag",
    ],
  ])("%s with %j is %i", async (kind, data, status, text) => {
    const { ask } = open();
    await ask("promise.create", create({ id: "plain" }));
    await ask("task.create", taskCreate({}));
    expect(await ask(kind, data)).toMatchObject({ status, data: text });
  });

  test("an inner refusal is told inside of an outer success", async () => {
    const { ask } = open();
    await ask("task.create", taskCreate({}));
    const action = { kind: "promise.settle", data: settle({ id: "none" }) };
    const { status, data } = await ask("task.fence", fence(action));
    expect(status).toBe(200);
    expect(data).toMatchObject({
      action: { kind: "promise.settle", head: { status: 404 }, data: "Promise not found" },
    });
  });
});
