// `resonate.v1`, held to the envelope: each operation and each refusal is asked over both, of servers in
// the same state, and must be told alike. Then what only messages have: absent and empty members,
// 64-bit numbers, numbers that no state has; tokens; ends of calls; and what is thrown.

import { status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import type { Grant } from "../../../api/auth/grant.ts";
import { Guard } from "../../../api/auth/guard.ts";
import type { Port } from "../../../api/gateway.ts";
import { failed, type Response } from "../../../kernel/command.ts";
import { InProcess } from "../../in-process.ts";
import { methods, openV1, type Told, toData, toMessage, until } from "./v1-client.ts";

const far = 9_000_000_000_000;
const target = { "resonate:target": "poll://any@g" };

const create = (more: object = {}) => ({ id: "p", timeoutAt: far, ...more });
const settle = (more: object = {}) => ({ id: "p", state: "resolved", ...more });
const creating = (more: object = {}) => ({ kind: "promise.create", data: create(more) });
const settling = (more: object = {}) => ({ kind: "promise.settle", data: settle(more) });
const suspend = (...awaited: readonly string[]) => ({
  ...{ id: "t", version: 1 },
  actions: awaited.map((each) => {
    return { kind: "promise.register_callback", data: { awaited: each, awaiter: "t" } };
  }),
});
const taskCreate = (more: object = {}) => ({
  ...{ pid: "w", ttl: 5 },
  action: creating({ id: "t", tags: target, ...more }),
});
const acquire = (more: object = {}) => ({ id: "u", version: 0, pid: "w", ttl: 7, ...more });
const fence = (action: object, more: object = {}) => ({ id: "t", version: 1, action, ...more });
const fulfill = (more: object = {}) => ({
  ...{ id: "t", version: 1, ...more },
  action: settling({ id: "t", ...more }),
});
const schedule = (more: object = {}) => ({
  ...{ id: "s", cron: "* * * * *", promiseId: "{{.id}}.{{.timestamp}}", promiseTimeout: 5 },
  ...{ promiseTags: target, ...more },
});

type Asked = readonly [kind: string, data: Readonly<Record<string, unknown>>];

/** What both servers are asked before. */
const before: readonly Asked[] = [
  ["promise.create", create({ id: "plain" })],
  ["promise.create", create({ id: "open", tags: { "resonate:scope": "global" } })],
  ["promise.create", create({ id: "done", tags: { "resonate:scope": "global" } })],
  ["promise.settle", settle({ id: "done", value: { headers: {}, data: "" } })],
  ["promise.create", create({ id: "u", tags: { ...target, "resonate:branch": "u" } })],
  ["promise.create", create({ id: "u:1", tags: { "resonate:branch": "u" } })],
  ["task.create", taskCreate({ tags: { ...target, "resonate:branch": "t" } })],
  ["promise.create", create({ id: "t:1", tags: { "resonate:branch": "t" } })],
  ["promise.create", create({ id: "h", tags: target })],
  ["task.halt", { id: "h" }],
  ["schedule.create", schedule({ id: "old" })],
];

const value = { headers: JSON.parse('{"a":"1","__proto__":"2"}'), data: "é" };
const long = "x".repeat(2_049);

// biome-ignore format: a table is read down its columns
const rows: readonly (readonly [kind: string, data: Readonly<Record<string, unknown>>, status: number])[] = [
  ["promise.get",               { id: "plain" },                               200],
  ["promise.get",               { id: "done" },                                200],
  ["promise.get",               { id: "" },                                    400],
  ["promise.get",               { id: "a\0" },                                 400],
  ["promise.get",               { id: long },                                  400],
  ["promise.get",               { id: "none" },                                404],
  ["promise.create",            create(),                                      200],
  ["promise.create",            create({ timeoutAt: 0, tags: { "resonate:timer": "true" } }), 200],
  ["promise.create",            create({ param: value, tags: JSON.parse('{"__proto__":"x"}') }), 200],
  ["promise.create",            create({ param: { headers: {} } }),            200],
  ["promise.create",            create({ id: "done" }),                        200],
  ["promise.create",            create({ id: "" }),                            400],
  ["promise.create",            create({ id: "a\0" }),                         400],
  ["promise.create",            create({ id: long }),                          400],
  ["promise.create",            { id: "p" },                                   400],
  ["promise.create",            create({ timeoutAt: -1 }),                     400],
  ["promise.create",            { id: "", timeoutAt: -1 },                     400],
  ["promise.create",            create({ param: { data: "\0" } }),             400],
  ["promise.create",            create({ tags: { a: "\0" } }),                 400],
  ["promise.create",            create({ tags: { "resonate:origin": "q" } }),  400],
  ["promise.create",            create({ tags: { "resonate:target": "" } }),   400],
  ["promise.settle",            settle({ id: "plain", value }),                200],
  ["promise.settle",            settle({ id: "plain", state: "rejected_canceled" }), 200],
  ["promise.settle",            settle({ id: "done", state: "rejected" }),     200],
  ["promise.settle",            settle({ state: "pending" }),                  400],
  ["promise.settle",            settle({ state: "rejected_timedout" }),        400],
  ["promise.settle",            settle(),                                      404],
  ["promise.register_callback", { awaited: "open", awaiter: "t" },             200],
  ["promise.register_callback", { awaited: "a", awaiter: "a" },                400],
  ["promise.register_callback", { awaited: "", awaiter: "" },                  400],
  ["promise.register_callback", { awaited: "none", awaiter: "t" },             404],
  ["promise.register_callback", { awaited: "open", awaiter: "none" },          422],
  ["promise.register_callback", { awaited: "open", awaiter: "plain" },         422],
  ["promise.register_callback", { awaited: "plain", awaiter: "t" },            422],
  ["promise.register_listener", { awaited: "open", address: "poll://any@g" },  200],
  ["promise.register_listener", { awaited: "open", address: "" },              400],
  ["promise.register_listener", { awaited: "open", address: "mail://x" },      400],
  ["promise.register_listener", { awaited: "none", address: "http://a" },      404],
  ["promise.register_listener", { awaited: "plain", address: "http://a" },     422],
  ["promise.search",            {},                                            200],
  ["promise.search",            { state: "resolved", idPrefix: "d", limit: 1 }, 200],
  ["promise.search",            { limit: 2 },                                  200],
  ["promise.search",            { limit: 2, cursor: "h" },                     200],
  ["promise.search",            { tags: target },                              200],
  ["promise.search",            { limit: 0 },                                  400],
  ["promise.search",            { limit: 1_001 },                              400],
  ["task.get",                  { id: "t" },                                   200],
  ["task.get",                  { id: "" },                                    400],
  ["task.get",                  { id: "none" },                                404],
  ["task.create",               taskCreate({ id: "new" }),                     200],
  ["task.create",               taskCreate({ id: "u" }),                       200],
  ["task.create",               { pid: "", ttl: 0 },                           400],
  ["task.create",               { ...taskCreate(), pid: "", ttl: 0 },          400],
  ["task.create",               taskCreate({ tags: {} }),                      400],
  ["task.create",               taskCreate({ tags: { ...target, "resonate:delay": "1" } }), 400],
  ["task.create",               taskCreate(),                                  409],
  ["task.create",               taskCreate({ id: "plain" }),                   422],
  ["task.acquire",              acquire(),                                     200],
  ["task.acquire",              acquire({ ttl: 2 ** 50 }),                     200],
  ["task.acquire",              acquire({ pid: "", ttl: 0, version: -1 }),     400],
  ["task.acquire",              acquire({ id: "none" }),                       404],
  ["task.acquire",              acquire({ id: "t" }),                          409],
  ["task.acquire",              acquire({ version: 9 }),                       409],
  ["task.release",              { id: "t", version: 1 },                       200],
  ["task.release",              { id: "t", version: -1 },                      400],
  ["task.release",              { id: "none", version: 1 },                    404],
  ["task.release",              { id: "t", version: 2 },                       409],
  ["task.fulfill",              fulfill({ value }),                            200],
  ["task.fulfill",              fulfill({ state: "pending" }),                 400],
  ["task.fulfill",              fulfill({ id: "none" }),                       404],
  ["task.fulfill",              fulfill({ version: 3 }),                       409],
  ["task.suspend",              suspend("open"),                               200],
  ["task.suspend",              suspend("open", "done"),                       300],
  ["task.suspend",              suspend(),                                     400],
  ["task.suspend",              suspend("t"),                                  400],
  ["task.suspend",              suspend(""),                                   400],
  ["task.suspend",              { ...suspend("open"), version: 7 },            409],
  ["task.suspend",              suspend("none"),                               422],
  ["task.suspend",              suspend("plain"),                              422],
  ["task.fence",                fence(creating()),                             200],
  ["task.fence",                fence(settling({ id: "open", state: "rejected" })), 200],
  ["task.fence",                fence(settling({ id: "none" })),               200],
  ["task.fence",                { id: "t", version: 1 },                       400],
  ["task.fence",                fence(creating({ id: "t" })),                  400],
  ["task.fence",                fence(creating({ timeoutAt: -1 })),             400],
  ["task.fence",                fence(settling({ id: "open", state: "pending" })), 400],
  ["task.fence",                fence(creating(), { id: "none" }),             404],
  ["task.fence",                fence(creating(), { version: 2 }),             409],
  ["task.heartbeat",            { pid: "w", tasks: [{ id: "t", version: 1 }, { id: "none", version: 0 }] }, 200],
  ["task.heartbeat",            { pid: "w", tasks: [] },                       200],
  ["task.heartbeat",            { pid: "", tasks: [] },                        400],
  ["task.heartbeat",            { pid: "w", tasks: [{ id: "", version: -1 }] }, 400],
  ["task.halt",                 { id: "t" },                                   200],
  ["task.halt",                 { id: "none" },                                404],
  ["task.continue",             { id: "h" },                                   200],
  ["task.continue",             { id: "t" },                                   409],
  ["task.search",               {},                                            200],
  ["task.search",               { state: "acquired", idPrefix: "t", limit: 1 }, 200],
  ["task.search",               { limit: -1 },                                 400],
  ["schedule.get",              { id: "old" },                                 200],
  ["schedule.get",              { id: "" },                                    400],
  ["schedule.get",              { id: "none" },                                404],
  ["schedule.create",           schedule({ promiseParam: value }),             200],
  ["schedule.create",           schedule({ id: "old", cron: "0 0 * * *" }),    200],
  ["schedule.create",           { id: "s", cron: "* * * * *", promiseId: "x" },     400],
  ["schedule.create",           schedule({ id: "", cron: "", promiseId: "" }), 400],
  ["schedule.create",           schedule({ promiseTimeout: -1 }),              400],
  ["schedule.create",           schedule({ promiseTags: {} }),                 400],
  ["schedule.create",           schedule({ cron: "61 * * * *" }),                     400],
  ["schedule.create",           schedule({ promiseTags: { ...target, "resonate:timezone": "Mars" } }), 400],
  ["schedule.delete",           { id: "old" },                                 200],
  ["schedule.delete",           { id: "none" },                                404],
  ["schedule.search",           {},                                            200],
  ["schedule.search",           { idPrefix: "o", tags: target, limit: 1 },     200],
  ["schedule.search",           { limit: 0 },                                  400],
];

const codes: Readonly<Record<number, number>> = {
  400: status.INVALID_ARGUMENT,
  401: status.UNAUTHENTICATED,
  403: status.PERMISSION_DENIED,
  404: status.NOT_FOUND,
  409: status.FAILED_PRECONDITION,
  422: status.FAILED_PRECONDITION,
  500: status.INTERNAL,
  503: status.UNAVAILABLE,
};

type Server = Awaited<ReturnType<typeof openV1>>;

async function overGrpc({ client }: Server, [kind, data]: Asked, token?: string): Promise<Told> {
  const method = methods[kind] ?? "";
  const { code, message, info, response } = await client.call(
    ...([method, toMessage(kind, data), token] as const),
  );
  if (response !== null) return asTold(kind, toData(response));
  const { status: shown } = info?.metadata ?? {};
  const told = Number(shown);
  expect(info?.domain).toBe("resonate");
  expect(info?.reason).toMatch(/^[A-Z_]+$/);
  const isThere = info?.reason === "TASK_ALREADY_EXISTS";
  expect(code).toBe(isThere ? status.ALREADY_EXISTS : codes[told]);
  return { status: told, data: message };
}

/** A suspension is told by a member, not by a status. */
function asTold(kind: string, data: Readonly<Record<string, unknown>>): Told {
  if (kind !== "task.suspend") return { status: 200, data };
  const { suspended, preload } = data;
  return suspended ? { status: 200, data: {} } : { status: 300, data: { preload } };
}

/** The same of the envelope: without what the messages leave out. */
function asAnswered(kind: string, { status, data }: Told): Told {
  if (kind !== "task.fence" || status !== 200) return { status, data };
  const { action } = data as {
    action: { head: { status: number }; data: Record<string, unknown> };
  };
  const { head, data: inner } = action;
  if (head.status === 200) return { status, data: inner };
  return { status, data: { refusal: { status: head.status, message: inner } } };
}

async function prepared(port: Port = new InProcess()): Promise<Server> {
  const server = await openV1({ port });
  for (const [kind, data] of before) {
    expect(await server.ask(kind, data)).toMatchObject({ status: 200 });
  }
  return server;
}

/** Own members of all names, those that `toEqual` would take for a prototype included. */
function listed(told: Told): unknown {
  return JSON.parse(JSON.stringify(told), (_name, member) => {
    const isObject = typeof member === "object" && member !== null && !Array.isArray(member);
    return isObject ? Object.entries(member).toSorted(([a], [b]) => (a < b ? -1 : 1)) : member;
  });
}

const titled = rows.map((row) => [JSON.stringify(row.slice(0, 2)).slice(0, 120), row] as const);

test.each(titled)("G5 G7 G8 G9: %s is told alike", async (_title, [kind, data, expected]) => {
  const [one, other] = [await prepared(), await prepared()];
  const answered = asAnswered(kind, await one.ask(kind, data));
  expect(answered.status).toBe(expected);
  expect(listed(await overGrpc(other, [kind, data]))).toEqual(listed(answered));
});

test("G9: each operation has a row that succeeds", () => {
  const done = new Set(rows.filter(([, , status]) => status < 400).map(([kind]) => kind));
  expect([...done].toSorted()).toEqual(Object.keys(methods).toSorted());
});

test("R6: a text comes as it is, whatever characters it has", async () => {
  const { client } = await prepared();
  const { message } = await client.call(methods["promise.create"] ?? "", { id: "p" });
  expect(message).toBe("Invalid request: timeoutAt must be a number");
});

test.each([
  [failed("queue_full"), "API_QUEUE_FULL", "1"],
  [failed("store_overloaded"), "IO_QUEUE_FULL", "1"],
  [failed("store_failed"), "STORE_FAILURE", undefined],
  [failed("outcome_unknown"), "STORE_FAILURE", undefined],
  [failed("record_unreadable"), "RECORD_UNREADABLE", undefined],
])("G8: %j is told alike, and when to come back", async (response, reason, retryAfter) => {
  const server = await openV1({ port: answering(response) });
  const asked: Asked = ["task.release", { id: "t", version: 1 }];
  expect(await overGrpc(server, asked)).toEqual(await server.ask(...asked));
  const { info } = await server.client.call(methods[asked[0]] ?? "", asked[1]);
  expect(info?.reason).toBe(reason);
  const { retryAfter: shown } = info?.metadata ?? {};
  expect(shown).toBe(retryAfter);
});

test("G8: a server that ends says so, over both", async () => {
  const server = await prepared();
  server.gateway.close();
  const asked: Asked = ["promise.get", { id: "plain" }];
  expect(await overGrpc(server, asked)).toEqual({ status: 503, data: "Server is shutting down" });
  expect(await server.ask(...asked)).toEqual({ status: 503, data: "Server is shutting down" });
});

test("G9: of what is said to the tasks of a heartbeat the worst is told", async () => {
  const said: Response[] = [{ kind: "done" }, failed("queue_full"), { kind: "done" }];
  const port: Port = {
    submit: (_request, reply) => {
      const response = said.shift() ?? failed("store_failed");
      setImmediate(() => reply(response));
      return true;
    },
  };
  const tasks = ["a", "b", "c"].map((id) => ({ id, version: 0 }));
  const told = await overGrpc(await openV1({ port }), ["task.heartbeat", { pid: "w", tasks }]);
  expect(told).toEqual({ status: 503, data: "Server is overloaded" });
});

/** A kernel that answers one thing, whatever it is asked. */
function answering(response: Response): Port {
  return {
    submit: (_request, reply) => {
      setImmediate(() => reply(response));
      return true;
    },
  };
}

test.each(["9223372036854775807", "9007199254740993", "0"])(
  "G6 G7: a deadline of %s comes back",
  async (timeoutAt) => {
    const { client } = await prepared();
    const { response } = await client.call("Promises/CreatePromise", { id: "p", timeoutAt });
    expect(response).toMatchObject({ promise: { timeoutAt } });
  },
);

test("G6: a version that no number holds is none", async () => {
  const { client } = await prepared();
  const message = { id: "t", version: "9007199254740993" };
  const { message: text } = await client.call("Tasks/ReleaseTask", message);
  expect(text).toBe("Version must be a non-negative integer");
});

test("G5: a state that is not told, or that there is not, is refused", async () => {
  const { client } = await prepared();
  for (const state of [undefined, "PROMISE_STATE_UNSPECIFIED", 77]) {
    const { message } = await client.call("Promises/SettlePromise", { id: "plain", state });
    expect(message).toBe("Invalid request: state must be resolved, rejected or rejected_canceled");
  }
});

test("G9: Connect's JSON is read and answered as well", async () => {
  const { url } = await prepared();
  const response = await fetch(`${url}/resonate.v1.Promises/CreatePromise`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: '{"id":"p","timeoutAt":"9000000000000","param":{"headers":{},"data":""}}',
  });
  expect(await response.json()).toEqual({
    promise: {
      ...{ id: "p", state: "PROMISE_STATE_PENDING", tags: {}, createdAt: "1000" },
      ...{ timeoutAt: "9000000000000", param: { headers: { entries: {} }, data: "" }, value: {} },
    },
  });
});

test.each(["Promises", "Tasks", "Schedules", "Workers"])("health knows %s", async (name) => {
  const { url, rpc } = await prepared();
  const check = async () => {
    const response = await fetch(`${url}/grpc.health.v1.Health/Check`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ service: `resonate.v1.${name}` }),
    });
    return await response.json();
  };
  expect(await check()).toEqual({ status: "NOT_SERVING" });
  rpc.begin();
  expect(await check()).toEqual({ status: "SERVING" });
});

test("G10: a call that its client gives up still takes effect", async () => {
  const kernel = new InProcess();
  const held: (() => void)[] = [];
  const port: Port = {
    submit: (request, reply) => {
      held.push(() => kernel.submit(request, reply));
      return true;
    },
  };
  const { url, gateway } = await openV1({ port });
  const ending = new AbortController();
  const call = fetch(`${url}/resonate.v1.Promises/CreatePromise`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: '{"id":"p","timeoutAt":"9000000000000"}',
    signal: ending.signal,
  });
  await until(() => held.length === 1);
  ending.abort();
  await expect(call).rejects.toThrow("abort");
  for (const submit of held) submit();
  await until(() => gateway.inFlight === 0);
  const again = await openV1({ port: kernel });
  expect((await again.ask("promise.get", { id: "p" })).status).toBe(200);
});

test("G10: a call is over at its deadline, whatever its request does", async () => {
  const { url } = await openV1({ port: { submit: () => true } });
  const response = await fetch(`${url}/resonate.v1.Promises/GetPromise`, {
    method: "POST",
    headers: { "content-type": "application/json", "connect-timeout-ms": "50" },
    body: '{"id":"p"}',
  });
  expect(await response.json()).toMatchObject({ code: "deadline_exceeded" });
});

test("G11: what is thrown is answered, told, and ends nothing", async () => {
  const error = new Error("planted");
  const port: Port = {
    submit: () => {
      throw error;
    },
  };
  const server = await openV1({ port });
  const asked: Asked = ["task.get", { id: "t" }];
  const failure = { error, kind: "task.get" };
  const told = await overGrpc(server, asked);
  expect(server.failures).toEqual([failure]);
  expect(told).toEqual(await server.ask(...asked));
  expect(await overGrpc(server, asked)).toEqual(told);
  expect(server.failures).toEqual([failure, failure, failure]);
});

const grants: Readonly<Record<string, Grant>> = {
  admin: { isAdmin: true, prefix: null, groups: null },
  all: { isAdmin: false, prefix: "", groups: null },
  "a.": { isAdmin: false, prefix: "a.", groups: ["g"] },
  none: { isAdmin: false, prefix: null, groups: null },
};

/** A token is the name of its grant. */
const guard = new Guard({
  verifier: {
    verify: async (token) => {
      const grant = grants[token ?? ""];
      return grant === undefined
        ? { kind: "unauthenticated", fault: "malformed" }
        : { kind: "granted", grant, isOver: () => false };
    },
  },
  onRefused: () => {},
});

// biome-ignore format: a table is read down its columns
test.each<[kind: string, data: Readonly<Record<string, unknown>>, token: string | undefined, status: number]>([
  ["promise.get",     { id: "a.1" },                                     undefined, 401],
  ["promise.get",     { id: "" },                                        "forged",  401],
  ["promise.get",     { id: "a.1" },                                     "none",    403],
  ["promise.get",     { id: "b.1" },                                     "a.",      403],
  ["promise.get",     { id: "a.1" },                                     "a.",      404],
  ["promise.get",     { id: "b.1" },                                     "all",     404],
  ["promise.get",     { id: "b.1" },                                     "admin",   404],
  ["promise.create",  create({ id: "a.1", timeoutAt: -1 }),              "a.",      400],
  ["promise.register_callback", { awaited: "a.1", awaiter: "b.1" },      "a.",      403],
  ["promise.search",  { idPrefix: "b" },                                 "a.",      403],
  ["promise.search",  {},                                                "a.",      403],
  ["task.create",     taskCreate({ id: "b.1" }),                         "a.",      403],
  ["task.fulfill",    fulfill({ id: "b.1" }),                            "a.",      403],
  ["task.suspend",    { ...suspend("b.1"), id: "a.1" },                  "a.",      403],
  ["task.fence",      fence(creating({ id: "b.1" }), { id: "a.1" }),     "a.",      403],
  ["task.fence",      fence(settling({ id: "a.2" }), { id: "a.1" }),     "a.",      404],
  ["task.heartbeat",  { pid: "w", tasks: [{ id: "b.1", version: 1 }] },  "a.",      403],
  ["schedule.create", schedule({ id: "b" }),                             "a.",      403],
  ["schedule.delete", { id: "a.s" },                                     "a.",      404],
])("G9: %s with %j and the token %s is %i over both", async (kind, data, token, expected) => {
  const server = await openV1({ port: new InProcess(), guard });
  const answered = await server.ask(kind, data, token);
  expect(answered.status).toBe(expected);
  expect(await overGrpc(server, [kind, data], token)).toEqual(answered);
});

// A branch is a name that anybody may give, so it must open nothing that the token does not.
test.each([
  ["a.", []],
  ["all", ["b.1"]],
  ["admin", ["b.1"]],
])("W4, G9: with a task the token %s is shown of its branch %j, over both", async (token, seen) => {
  const server = await openV1({ port: new InProcess(), guard });
  const branch = { "resonate:branch": "b", "resonate:external": "true" };
  await server.ask("promise.create", create({ id: "b.1", tags: branch }), "admin");
  await server.ask(
    "promise.create",
    create({ id: "a.1", tags: { "resonate:external": "true" } }),
    "admin",
  );
  const tags = { ...target, "resonate:branch": "b", "resonate:prefix": "b" };
  const ids = ({ data }: Told) => {
    const { preload } = data as { readonly preload: readonly { readonly id: string }[] };
    return preload.map(({ id }) => id);
  };
  const made = await server.ask("task.create", taskCreate({ id: "a.t", tags }), token);
  expect(ids(made)).toEqual(seen);
  await server.ask("promise.settle", settle({ id: "a.1" }), "admin");
  const awaiting = { awaited: "a.1", awaiter: "a.t" };
  const actions = [{ kind: "promise.register_callback", data: awaiting }];
  const suspension = { id: "a.t", version: 1, actions };
  const overHttp = await server.ask("task.suspend", suspension, token);
  expect(ids(overHttp)).toEqual(seen);
  expect(await overGrpc(server, ["task.suspend", suspension], token)).toEqual(overHttp);
});

test("G9: each call is observed once, as it would be over HTTP", async () => {
  const server = await openV1({ port: new InProcess(), guard });
  const all: readonly (readonly [...Asked, token?: string])[] = [
    ["task.get", { id: "t" }, "all"],
    ["task.heartbeat", { pid: "w", tasks: [] }, "all"],
    ["promise.create", create({ timeoutAt: -1 }), "all"],
    ["promise.get", { id: "b" }, "a."],
    ["promise.get", { id: "b" }],
  ];
  for (const [kind, data, token] of all) {
    await server.ask(kind, data, token);
    await overGrpc(server, [kind, data], token);
  }
  const seen = (api: string) => {
    const own = server.records.filter((each) => each.api === api);
    return own.map(({ operation, code, tid }) => [operation, code, tid]);
  };
  expect(seen("http").map(([, code]) => code)).toEqual([404, 200, 400, 403, 401]);
  expect(seen("grpc")).toEqual(seen("http"));
});
