// `POST /`, without a socket: which answer the envelope gets, row by row of protocol.md §1.1, and the
// texts of what is refused, operation by operation (§2.2, §2.3, §3).
//
// V6 to V15 of api/protocol. Who may ask is in test/api/auth.test.ts, strict servers in strict.test.ts.

import { describe, expect, test } from "vitest";
import { usualAcceptance } from "../../../api/acceptance.ts";
import { openToAll } from "../../../api/auth/guard.ts";
import { Gateway, type Port } from "../../../api/gateway.ts";
import { decodeOperation } from "../../../api/protocol/operations.ts";
import { EnvelopeRim } from "../../../api/protocol/rim.ts";
import { failed, type Response } from "../../../kernel/command.ts";
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

const debugged = (time: string) => {
  const timed = `"corrId":"c","version":"${version}","resonate:debug_time":${time}`;
  return `{"kind":"k","head":{${timed}},"data":{}}`;
};

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
  ["a kind that is no text",     `{"kind":1,${head},"data":{}}`,                 400, "unknown",     "c", "Invalid request envelope: kind must be a string"],
  ["a corrId that is no text",   '{"kind":"k","head":{"corrId":1}}',             400, "k",           "0", "Invalid request envelope: head.corrId must be a string"],
  ["a head that is no object",   '{"kind":"k","head":[]}',                       400, "k",           "0", "Invalid request envelope: head must be an object"],
  ["a token that is no text",    `{"kind":"k","head":{"corrId":"c","version":"${version}","auth":1}}`, 400, "k", "c", "Invalid request envelope: head.auth must be a string"],
  ["a time that is no number",   debugged('"1"'),                                400, "k",           "c", "Invalid request envelope: head.resonate:debug_time must be an integer from 0 to 2^53 - 1"],
  ["a time that is no integer",  debugged("1.5"),                                400, "k",           "c", "Invalid request envelope: head.resonate:debug_time must be an integer from 0 to 2^53 - 1"],
  ["a time before all time",     debugged("-1"),                                 400, "k",           "c", "Invalid request envelope: head.resonate:debug_time must be an integer from 0 to 2^53 - 1"],
  ["the head before the kind",   '{"kind":"","head":{},"data":[]}',              400, "",            "0", "Invalid request envelope: head.corrId must be a string"],
  ["the kind before the data",   `{"kind":"",${head},"data":[]}`,                400, "",            "c", "Missing or invalid 'kind' field — must be a non-empty string"],
  ["the data before the version", '{"kind":"k","head":{"corrId":"c","version":"1"},"data":[]}', 400, "k", "c", "Invalid 'data' field — must be an object"],
  ["the last of two kinds",      `{"kind":"a","kind":"b",${head},"data":{}}`,    400, "b",           "c", "Unknown operation: b"],
  ["what nobody knows",          `{"kind":"k","head":{"corrId":"c","version":"${version}","auth":null,"resonate:debug_time":null,"resonate:origin":"o"},"data":{},"x":1}`, 400, "k", "c", "Unknown operation: k"],
  ["a debug kind",               `{"kind":"debug.start",${head},"data":{}}`,     403, "debug.start", "c", "Debug operations are disabled"],
  ["an unknown debug kind",      `{"kind":"debug.x",${head},"data":{}}`,         403, "debug.x",     "c", "Debug operations are disabled"],
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
const fenced = (data: object) => fence({ kind: "promise.create", data: create(data) });

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
  ["task.fence",                fence({ kind: 1, data: {} }),                "Invalid request: action.kind must be a string"],
  ["task.fence",                fence("create"),                             "Invalid request: action must be an object"],
  ["task.fence",                { ...fenced({ id: "t" }), version: -1 },     "Version must be a non-negative integer"],
  ["task.fence",                fence({ kind: "promise.get", data: { id: "t" } }), "Action ID must not equal the task ID"],
  ["task.fence",                fenced({ id: "t", timeoutAt: "never" }),     "Action ID must not equal the task ID"],
  ["task.fence",                fence({ kind: "promise.get" }),              "Invalid fence action kind"],
  ["task.fence",                fence({ kind: "promise.create" }),           "Invalid action data: data must be an object"],
  ["task.fence",                fenced({ timeoutAt: "never" }),              "Invalid action data: timeoutAt must be a number"],
  ["task.fence",                fenced({ id: "", timeoutAt: "never" }),      "Invalid action data: timeoutAt must be a number"],
  ["task.fence",                fence({ kind: "promise.settle", data: settle({ state: "pending" }) }), "Invalid action data: state must be resolved, rejected or rejected_canceled"],
  ["task.fence",                fenced({ id: "", timeoutAt: -1 }),           "Promise ID is required; TimeoutAt must be a non-negative integer"],
  ["task.fence",                fence({ kind: "promise.settle", data: settle({ id: "" }) }), "Promise ID is required"],
  ["task.fence",                fenced({ tags: { "resonate:origin": "q", "resonate:target": "" } }), "Promise ID must be prefixed by resonate:origin"],
  ["task.fence",                fenced({ tags: { "resonate:target": "" } }), "Invalid resonate:target address"],
  ["task.heartbeat",            { pid: "", tasks: [] },                      "Process ID is required"],
  ["task.heartbeat",            { pid: "w", tasks: {} },                     "Invalid request: tasks must be an array"],
];

test.each(refusals)("V9 V14: %s with %j is refused", async (kind, data, reason) => {
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
    ["task.acquire", { id: "u", version: 1, pid: "w", ttl: 1 }, 409, "Version mismatch"],
    ["task.continue", { id: "t" }, 409, "Task is not halted"],
    ["task.halt", { id: "over" }, 409, "Task is fulfilled"],
    ["task.halt", { id: "x" }, 404, "Task not found"],
    ["task.continue", { id: "x" }, 404, "Task not found"],
    ["task.release", { id: "x", version: 0 }, 404, "Task not found"],
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
    await ask("promise.create", create({ id: "u", tags: target }));
    await ask("promise.create", create({ id: "over", tags: target, timeoutAt: 1 }));
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

describe("what fails", () => {
  const answering = (response: Response): Port => ({
    submit: (_request, reply) => {
      setImmediate(() => reply(response));
      return true;
    },
  });
  const body = JSON.stringify({
    kind: "promise.get",
    head: { corrId: "c", version },
    data: { id: "p" },
  });
  const post = (client: Client) => {
    return client.app.request("http://localhost/", { method: "POST", body });
  };

  // biome-ignore format: a table is read down its columns
  test.each<[string, Port, number, string, string | null]>([
    ["the queue is full",         { submit: () => false },                  503, "Server is overloaded", "1"],
    ["the store has no room",     answering(failed("store_overloaded")),    503, "Server is overloaded", "1"],
    ["the store failed",          answering(failed("store_failed")),        500, "Internal error: the store failed; nothing changed", null],
    ["a record is unreadable",    answering(failed("record_unreadable")),   500, "Internal error: a stored record cannot be read; nothing changed", null],
    ["a commit's answer is lost", answering(failed("outcome_unknown")),     500, "Internal error: the store failed; the outcome is unknown", null],
  ])("V12: %s", async (_what, port, status, data, retryAfter) => {
    const response = await post(new Client(port));
    expect(response.status).toBe(status);
    expect(response.headers.get("retry-after")).toBe(retryAfter);
    expect(response.headers.get("connection")).toBe(null);
    const head = { corrId: "c", status, version };
    expect(await response.json()).toEqual({ kind: "promise.get", head, data });
  });

  test("whoever comes after the shutdown signal is sent away, and its connection is closed", async () => {
    const client = new Client(new InProcess());
    client.gateway.close();
    const response = await post(client);
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toBe(null);
    expect(response.headers.get("connection")).toBe("close");
    expect(await response.json()).toMatchObject({ data: "Server is shutting down" });
  });

  test("V15: a handler that throws is answered with 500, told to the operator, and ends nothing", async () => {
    const failures: [unknown, string][] = [];
    const secret = new Error("secret");
    const port: Port = {
      submit: () => {
        throw secret;
      },
    };
    const onFailure = (error: unknown, kind: string) => failures.push([error, kind]);
    const client = new Client(port, [], { onFailure });
    for (const _time of [1, 2]) {
      const response = await post(client);
      expect(response.status).toBe(500);
      expect(response.headers.get("content-type")).toBe("application/json");
      const data = "Internal error: the server failed unexpectedly; the outcome is unknown";
      const head = { corrId: "c", status: 500, version };
      expect(await response.json()).toEqual({ kind: "promise.get", head, data });
    }
    expect(failures).toEqual([
      [secret, "promise.get"],
      [secret, "promise.get"],
    ]);
  });
});

describe("CORS", () => {
  const origin = "https://app.example";
  const send = async (allowed: readonly string[], init: RequestInit) => {
    const client = new Client(new InProcess(), allowed);
    const { status, headers } = await client.app.request("http://localhost/", init);
    const names = ["origin", "methods", "headers", "credentials"];
    const told = names.map((name) => headers.get(`access-control-allow-${name}`));
    return [status, ...told, headers.get("vary")];
  };
  const asked = { method: "POST", headers: { origin }, body: "{}" };
  const preflight = { method: "OPTIONS", headers: { origin } };
  const methods = "GET, POST, PUT, PATCH, DELETE, OPTIONS";
  const names =
    "origin, content-type, content-length, authorization, idempotency-key, strict, request-id";

  // biome-ignore format: a table is read down its columns
  test.each<[string, readonly string[], RequestInit, readonly unknown[]]>([
    ["off unless origins are listed",           [],            asked,     [400, null,   null,    null,  null, null]],
    ["off for a preflight likewise",            [],            preflight, [204, null,   null,    null,  null, null]],
    ["a listed origin is echoed",               [origin],      asked,     [400, origin, null,    null,  null, "origin"]],
    ["another origin is told nothing",          ["https://b"], asked,     [400, null,   null,    null,  null, "origin"]],
    ["a preflight is told methods and headers", [origin],      preflight, [204, origin, methods, names, null, "origin"]],
    ["any origin, without credentials",         ["*"],         asked,     [400, "*",    null,    null,  null, null]],
  ])("%s", async (_what, allowed, init, told) => {
    expect(await send(allowed, init)).toEqual(told);
  });
});

test("a heartbeat for more tasks than the queue takes is no overload", async () => {
  const gateway = new Gateway(new InProcess({ chosen: { queueMax: 128 } }));
  const rest = { guard: openToAll, acceptance: usualAcceptance, onFailure: () => {} };
  const tasks = Array.from({ length: 300 }, (_, index) => ({ id: `t${index}`, version: 1 }));
  const data = { pid: "w", tasks };
  const body = JSON.stringify({ kind: "task.heartbeat", head: { corrId: "c", version }, data });
  const { status } = await new EnvelopeRim({ gateway, ...rest }).answer(Buffer.from(body), null);
  expect(status).toBe(200);
});

// biome-ignore format: a table is read down its columns
test.each([
  ["9007199254740992.5",                       "9007199254740993"],
  ["9000000000000.0000000000000000001",        "9000000000001"],
  ["9000000000000.0000000000000000000",        "9000000000000"],
  ["9.223372036854775807e18",                  "9223372036854775807"],
  ["9.2233720368547758061e18",                 "9223372036854775807"],
  ["92233720368547758070e-1",                  "9223372036854775807"],
  ["1e-400",                                   "1"],
  ["0e999",                                    "0"],
  ["9223372036854775807.1",                    null],
  ["-1e-400",                                  "0"],
  ["-1e400",                                   null],
  ["1e400",                                    null],
])("V8: the deadline %s is rounded up to %s", async (written, expected) => {
  const body = `{"kind":"promise.create",${head},"data":{"id":"p","timeoutAt":${written}}}`;
  const client = new Client(new InProcess());
  const response = await client.app.request("http://localhost/", { method: "POST", body });
  const [, shown = null] = /"timeoutAt":(\d+),/.exec(await response.text()) ?? [];
  expect(shown).toBe(expected);
});
