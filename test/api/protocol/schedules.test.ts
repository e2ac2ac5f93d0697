// Schedules through `POST /`, without a socket: what is refused, with which text and in which order,
// and what the records say (protocol.md §2.1, §2.2, §3.3). How they fire is in test/kernel.

import { describe, expect, test } from "vitest";
import { components } from "../../../api/answers.ts";
import { decodeOperation } from "../../../api/protocol/operations.ts";
import { InProcess } from "../../in-process.ts";
import { Client, conforms } from "../client.ts";

const version = "2026-04-01";
const target = { "resonate:target": "poll://any@g" };
const zoned = (zone: string) => ({ ...target, "resonate:timezone": zone });

function open({ isStrict = false } = {}) {
  const server = new InProcess();
  const acceptance = { isStrict, targets: { permits: (url: string) => !url.includes("no") } };
  const client = new Client(server, [], { acceptance });
  const post = async (body: string) => {
    const response = await client.app.request("http://localhost/", { method: "POST", body });
    return { status: response.status, text: await response.text() };
  };
  const ask = async (kind: string, data: object) => {
    const { text } = await post(JSON.stringify({ kind, head: { corrId: "c", version }, data }));
    const answer = JSON.parse(text);
    return { status: answer.head.status, data: answer.data };
  };
  return { server, client, post, ask };
}

const create = (more: object = {}) => ({
  ...{ id: "s", cron: "* * * * *", promiseId: "{{.id}}-{{.timestamp}}", promiseTimeout: 5_000 },
  ...{ promiseTags: target, ...more },
});
const without = (name: string) => ({ ...create(), [name]: undefined });

const noTarget = "promiseTags must include a resonate:target tag";
const noDelay = "promiseTags must not include a resonate:delay tag";
const badTarget = "Invalid resonate:target address";
const badCron = "Invalid cron expression";
const both = { ...target, "resonate:timer": "true" };
const noTimer = "resonate:timer and resonate:target must not be combined";

// In the order in which they are judged: shapes, fields, rules across members, rule and zone.
// biome-ignore format: a table is read down its columns
const refusals: readonly (readonly [string, object, string])[] = [
  ["schedule.get",    {},                                     "Invalid request: id must be a string"],
  ["schedule.get",    { id: "" },                             "Schedule ID is required"],
  ["schedule.get",    { id: "a\0" },                          "Invalid request: id must not contain null bytes or unpaired surrogates"],
  ["schedule.delete", { id: 7 },                              "Invalid request: id must be a string"],
  ["schedule.delete", { id: "" },                             "Schedule ID is required"],
  ["schedule.create", without("id"),                          "Invalid request: id must be a string"],
  ["schedule.create", without("cron"),                        "Invalid request: cron must be a string"],
  ["schedule.create", without("promiseId"),                   "Invalid request: promiseId must be a string"],
  ["schedule.create", without("promiseTimeout"),              "Invalid request: promiseTimeout must be a number"],
  ["schedule.create", create({ promiseTimeout: "5" }),        "Invalid request: promiseTimeout must be a number"],
  ["schedule.create", create({ promiseParam: 5 }),            "Invalid request: promiseParam must be an object"],
  ["schedule.create", create({ promiseTags: { a: 1 } }),      "Invalid request: promiseTags must be an object of strings"],
  ["schedule.create", create({ promiseId: "\ud800" }),        "Invalid request: promiseId must not contain null bytes or unpaired surrogates"],
  ["schedule.create", create({ id: "", promiseParam: 5 }),    "Invalid request: promiseParam must be an object"],
  ["schedule.create", create({ id: "" }),                     "Schedule ID is required"],
  ["schedule.create", create({ cron: "" }),                   "Cron expression is required"],
  ["schedule.create", create({ promiseId: "" }),              "Promise ID template is required"],
  ["schedule.create", create({ promiseTimeout: -1 }),         "Promise timeout must be a non-negative integer"],
  ["schedule.create", create({ promiseTimeout: 1e19 }),       "Promise timeout must be a non-negative integer"],
  ["schedule.create", create({ id: "", cron: "", promiseId: "", promiseTimeout: -1 }), "Schedule ID is required; Cron expression is required; Promise ID template is required; Promise timeout must be a non-negative integer"],
  ["schedule.create", create({ cron: "", promiseTags: {} }),  "Cron expression is required"],
  ["schedule.create", without("promiseTags"),                 noTarget],
  ["schedule.create", create({ promiseTags: null }),          noTarget],
  ["schedule.create", create({ promiseTags: { "resonate:delay": "5" } }), noTarget],
  ["schedule.create", create({ promiseTags: { "resonate:delay": "5", "resonate:target": "" } }), noDelay],
  ["schedule.create", create({ promiseTags: { "resonate:target": "" } }), badTarget],
  ["schedule.create", create({ promiseTags: { "resonate:target": "http://no" }, cron: "x" }), badTarget],
  ["schedule.create", create({ cron: "x" }),                  badCron],
  ["schedule.create", create({ cron: "* * * * * * *" }),      badCron],
  ["schedule.create", create({ cron: "0 0 30 2 *" }),         badCron],
  ["schedule.create", create({ cron: "x", promiseTags: zoned("Mars") }), badCron],
  ["schedule.create", create({ promiseTags: zoned("Mars") }), "Invalid time zone"],
  ["schedule.create", create({ promiseTags: zoned("") }),     "Invalid time zone"],
];

test.each(refusals)("V9: %s with %j is refused", async (kind, data, reason) => {
  expect(await open().ask(kind, data)).toEqual({ status: 400, data: reason });
});

test.each(["schedule.get", "schedule.create", "schedule.delete"])(
  "V9: %s of an id that is too long is refused by its bytes",
  (kind) => {
    const reason = "Invalid request: id must be at most 2048 bytes";
    const long = create({ id: "é".repeat(1_025) });
    expect(decodeOperation(kind, long)).toEqual({ kind: "refused", reason });
    expect(decodeOperation(kind, create({ id: "é".repeat(1_024) })).kind).toBe("decoded");
  },
);

test("V9: a timer with a target is refused when strict, behind its address and before its rule", async () => {
  const [loose, strict] = [open(), open({ isStrict: true })];
  const asked = (promiseTags: object, cron = "x") => create({ promiseTags, cron });
  const made = await loose.ask("schedule.create", asked(both, "* * * * *"));
  expect(made.status).toBe(200);
  expect(await loose.ask("schedule.create", asked(both))).toEqual({ status: 400, data: badCron });
  const refused = { status: 400, data: noTimer };
  expect(await strict.ask("schedule.create", asked(both))).toEqual(refused);
  const nowhere = { ...both, "resonate:target": "nowhere" };
  const unknown = { status: 400, data: badTarget };
  expect(await strict.ask("schedule.create", asked(nowhere))).toEqual(unknown);
});

const stored = { ...create(), promiseParam: {}, createdAt: 1_000, nextRunAt: 60_000 };

describe("a schedule", () => {
  test("is created, shown, shown to whoever creates it again, and deleted", async () => {
    const { ask } = open();
    const found = { status: 200, data: { schedule: stored } };
    const missing = { status: 404, data: "Schedule not found" };
    expect(await ask("schedule.get", { id: "s" })).toEqual(missing);
    expect(await ask("schedule.create", create())).toEqual(found);
    expect(await ask("schedule.get", { id: "s" })).toEqual(found);
    const other = create({ cron: "@yearly", promiseId: "x", promiseTimeout: 1, promiseParam: {} });
    expect(await ask("schedule.create", other)).toEqual(found);
    const bad = { status: 400, data: badCron };
    expect(await ask("schedule.create", create({ cron: "x" }))).toEqual(bad);
    expect(await ask("schedule.delete", { id: "s" })).toEqual({ status: 200, data: {} });
    expect(await ask("schedule.delete", { id: "s" })).toEqual(missing);
    expect(await ask("schedule.get", { id: "s" })).toEqual(missing);
    expect(await ask("schedule.create", other)).toMatchObject({ data: { schedule: other } });
  });

  test.each([
    [{ promiseParam: null }, {}],
    [{ promiseParam: { headers: {}, data: "" } }, { promiseParam: { headers: {}, data: "" } }],
    [{ promiseTimeout: 0 }, { promiseTimeout: 0 }],
    [{ promiseTimeout: 0.25 }, { promiseTimeout: 1 }],
    [{ cron: "@hourly" }, { cron: "@hourly", nextRunAt: 3_600_000 }],
    [{ cron: "*/2 * * * * *" }, { cron: "*/2 * * * * *", nextRunAt: 2_000 }],
    [{ promiseTags: zoned("asia/tokyo") }, { promiseTags: zoned("asia/tokyo") }],
    [{ id: "a:b.c/d e" }, { id: "a:b.c/d e" }],
  ])("sent as %j is stored as it came", async (sent, shown) => {
    const { ask } = open();
    const { data } = await ask("schedule.create", create(sent));
    expect(data).toEqual({ schedule: { ...stored, ...shown } });
  });

  test.each(["9223372036854775807", "9007199254740993"])(
    "V8: the time-out %s is read to its last digit",
    async (timeout) => {
      const { promiseTimeout: _, ...rest } = create();
      const data = JSON.stringify(rest).replace(/^\{/, `{"promiseTimeout":${timeout},`);
      const head = `"head":{"corrId":"c","version":"${version}"}`;
      const { text } = await open().post(`{"kind":"schedule.create",${head},"data":${data}}`);
      expect(text).toContain(`"promiseTimeout":${timeout},`);
    },
  );
});

describe("what a schedule does", () => {
  test("it fires, and both are shown: what it made, and when it ran", async () => {
    const { server, ask } = open();
    await ask("schedule.create", create({ promiseParam: { data: "x" } }));
    server.now = 120_500;
    server.turn();
    const { data } = await ask("schedule.get", { id: "s" });
    expect(data.schedule).toMatchObject({ lastRunAt: 120_000, nextRunAt: 180_000 });
    const id = "s-120000";
    const lineage = { "resonate:origin": id, "resonate:branch": id, "resonate:parent": id };
    expect((await ask("promise.get", { id })).data.promise).toEqual({
      ...{ id, state: "pending", param: { data: "x" }, value: {}, createdAt: 120_000 },
      ...{ timeoutAt: 125_000, tags: { ...target, ...lineage, "resonate:schedule": "s" } },
    });
    const task = { id, state: "pending", version: 0, resumes: 0 };
    expect((await ask("task.get", { id })).data).toEqual({ task });
    const late = (await ask("promise.get", { id: "s-60000" })).data.promise;
    expect(late).toMatchObject({
      state: "rejected_timedout",
      createdAt: 60_000,
      settledAt: 65_000,
    });
    const over = (await ask("task.get", { id: "s-60000" })).data.task;
    expect(over).toMatchObject({ state: "fulfilled", version: 0 });
  });

  test("it has events, which the original API shows with all others", async () => {
    const { server, client, ask } = open();
    await ask("schedule.create", create({ promiseTags: zoned("UTC") }));
    server.now = 60_000;
    server.turn();
    await ask("schedule.delete", { id: "s" });
    const { json } = await client.ask("GET", "/events");
    conforms(components.EventPage, json);
    const stream = { kind: "schedule", id: "s" };
    const made = { kind: "promise", id: "s-60000" };
    const definition = {
      ...{ cron: "* * * * *", promiseIdTemplate: "{{.id}}-{{.timestamp}}" },
      ...{ promiseTimeoutMs: 5_000, promiseParam: {}, promiseTags: zoned("UTC") },
    };
    expect(json).toMatchObject({
      events: [
        { stream, kind: "schedule_created", data: { ...definition, nextRunAt: 60_000 } },
        { stream, kind: "schedule_fired", data: { occurrenceAt: 60_000, nextRunAt: 120_000 } },
        { stream: made, kind: "promise_created", version: 1 },
        { stream, kind: "schedule_deleted", version: 3, data: {} },
      ],
    });
  });
});
