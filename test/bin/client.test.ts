// The commands that talk to a server, row by row: what each of them asks, what it says against what it
// is given, what it prints; and then every one of them against a server.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { commands } from "../../bin/resonate.ts";
import { type Asked, ClientServer, type Tell } from "./client-server.ts";
import { type Said, said } from "./said.ts";
import { directory, freePort, ServerProcess } from "./server-process.ts";

const base64 = (text: string) => Buffer.from(text).toString("base64");

async function told(tell: Tell, args: readonly string[]): Promise<Said & { asked: Asked[] }> {
  await using server = await ClientServer.start(tell);
  return { ...(await said(args, { RESONATE_URL: server.url })), asked: server.asked };
}

const call = (func: string, ...args: readonly unknown[]) => {
  return { headers: {}, data: base64(JSON.stringify({ func, args, version: 1 })) };
};
const anybody = { "resonate:target": "poll://any@default" };
const ofFoo = { "resonate:origin": "foo", "resonate:branch": "foo", "resonate:parent": "foo" };
const timed = { timeoutAt: expect.any(Number) };
const template = { promiseId: "{{.id}}-{{.timestamp}}", promiseTimeout: 86_400_000 };
const settled = (state: string, value: object) => ({ id: "foo", state, value });

// biome-ignore format: a table is read down its columns
const questions: readonly (readonly [string, string, object])[] = [
  ["invoke foo --func f",                        "promise.create",  { id: "foo", param: call("f"), tags: { ...anybody, ...ofFoo }, ...timed }],
  ["invoke foo --func f --arg 1 --arg x",        "promise.create",  { id: "foo", param: call("f", 1, "x"), tags: { ...anybody, ...ofFoo }, ...timed }],
  ["invoke foo --func f --target poll://any@g",  "promise.create",  { id: "foo", param: call("f"), tags: { "resonate:target": "poll://any@g", ...ofFoo }, ...timed }],
  ["tree foo",                                   "promise.get",     { id: "foo" }],
  ["promises get foo",                           "promise.get",     { id: "foo" }],
  ["promises get -- -foo",                       "promise.get",     { id: "-foo" }],
  ["promises search",                            "promise.search",  {}],
  ["promises search --state pending --prefix f", "promise.search",  { state: "pending", idPrefix: "f" }],
  ["promises search --tag a=b=c --tag d=",       "promise.search",  { tags: { a: "b=c", d: "" } }],
  ["promises search --limit 5 --cursor foo",     "promise.search",  { limit: 5, cursor: "foo" }],
  ["promises create foo",                        "promise.create",  { id: "foo", param: {}, tags: {}, ...timed }],
  ["promises create foo --data hi --tag a=b",    "promise.create",  { id: "foo", param: { data: "hi" }, tags: { a: "b" }, ...timed }],
  ["promises resolve foo",                       "promise.settle",  settled("resolved", {})],
  ["promises resolve foo --data hi",             "promise.settle",  settled("resolved", { data: "hi" })],
  ["promises resolve foo --value {\"a\":1}",     "promise.settle",  settled("resolved", { data: base64('{"a":1}') })],
  ["promises resolve foo --value yes",           "promise.settle",  settled("resolved", { data: base64('"yes"') })],
  ["promises resolve foo --value 9007199254740993", "promise.settle", settled("resolved", { data: base64("9007199254740993") })],
  ["promises reject foo",                        "promise.settle",  settled("rejected", {})],
  ["promises cancel foo",                        "promise.settle",  settled("rejected_canceled", {})],
  ["tasks get foo",                              "task.get",        { id: "foo" }],
  ["tasks halt foo",                             "task.halt",       { id: "foo" }],
  ["tasks continue foo",                         "task.continue",   { id: "foo" }],
  ["tasks search --state halted --limit 1",      "task.search",     { state: "halted", limit: 1 }],
  ["schedules get foo",                          "schedule.get",    { id: "foo" }],
  ["schedules search --tag a=b --prefix f",      "schedule.search", { tags: { a: "b" }, idPrefix: "f" }],
  ["schedules create foo --cron @daily --func f","schedule.create", { id: "foo", cron: "@daily", ...template, promiseParam: call("f"), promiseTags: anybody }],
  ["schedules create foo --cron @daily --data x --timeout 5m --promise-id p{{.timestamp}} --zone UTC --tag a=b --target poll://any@g",
                                                 "schedule.create", { id: "foo", cron: "@daily", promiseId: "p{{.timestamp}}", promiseTimeout: 300_000, promiseParam: { data: "x" },
                                                                      promiseTags: { "resonate:target": "poll://any@g", "resonate:timezone": "UTC", a: "b" } }],
  ["schedules delete foo",                       "schedule.delete", { id: "foo" }],
];

const promise = { id: "foo", state: "pending", param: {}, value: {}, tags: {}, createdAt: 0 };

describe("what is asked", () => {
  test.each(questions)("%s", async (line, kind, data) => {
    const { asked, code } = await told(() => ({ promise }), line.split(" "));
    expect(code).toBe(0);
    expect(asked[0]).toEqual({ kind, head: { corrId: "cli", version: "2026-04-01" }, data });
  });

  test("each command that talks to a server is in the table", async () => {
    const talking = commands.filter(({ help }) => help().includes("--server <url>"));
    expect(talking.length).toBeGreaterThan(10);
    const lines = questions.map(([line]) => line);
    for (const { name } of talking) {
      expect(
        lines.some((line) => `${line} `.startsWith(`${name} `)),
        name,
      ).toBe(true);
    }
  });

  test("a deadline is so long from now", async () => {
    const before = Date.now();
    const { asked } = await told(
      () => ({ promise }),
      "promises create foo --timeout 90m".split(" "),
    );
    const timeoutAt = Number(asked[0]?.data["timeoutAt"]);
    expect(timeoutAt).toBeGreaterThanOrEqual(before + 90 * 60_000);
    expect(timeoutAt).toBeLessThanOrEqual(Date.now() + 90 * 60_000);
  });

  test("the server and the token come from flags, else from the environment", async () => {
    await using server = await ClientServer.start(() => ({ promise }));
    const environment = { RESONATE_URL: server.url, RESONATE_TOKEN: "from-environment" };
    const get = ["promises", "get", "foo"];
    expect((await said(get, environment)).code).toBe(0);
    expect((await said([...get, "--token", "from-flag"], environment)).code).toBe(0);
    expect(server.asked.map(({ head }) => head["auth"])).toEqual(["from-environment", "from-flag"]);
    const elsewhere = { ...environment, RESONATE_URL: "http://127.0.0.1:1" };
    expect((await said([...get, "--server", server.url], elsewhere)).code).toBe(0);
  });
});

// biome-ignore format: a table is read down its columns
const mistakes: readonly (readonly [string, string])[] = [
  ["promises get",                                  "<id> is needed"],
  ["promises get foo bar",                          "unexpected argument bar"],
  ["promises get foo --sate x",                     "Unknown option '--sate'"],
  ["promises create foo --timeout soon",            "--timeout must be a number with ms, s, m, h or d: soon"],
  ["promises create foo --timeout 1.5h",            "--timeout must be a number with ms, s, m, h or d: 1.5h"],
  ["promises create foo --tag plain",               "--tag must be written as name=value: plain"],
  ["promises create foo --tag =plain",              "--tag must be written as name=value: =plain"],
  ["promises create foo --data a --value b",        "--data and --value exclude each other"],
  ["promises search --limit ten",                   "--limit must be a whole number: ten"],
  ["promises search --limit 1e3",                   "--limit must be a whole number: 1e3"],
  ["promises search --tag plain",                   "--tag must be written as name=value: plain"],
  ["invoke foo",                                    "--func is needed: which function to run"],
  ["invoke foo --func f --version new",             "--version must be a whole number: new"],
  ["invoke foo --func f --arg -3",                  "Option '--arg' argument is ambiguous. Did you forget"],
  ["schedules create foo",                          "--cron is needed: when to run"],
  ["schedules create foo --cron @daily --timeout x","--timeout must be a number with ms, s, m, h or d: x"],
  ["schedules create foo --cron @daily --func f --data x", "--func and a payload exclude each other"],
  ["tree",                                          "<id> is needed"],
  ["promises get foo --server localhost:8001",      "--server must be a URL of http or https: localhost:8001"],
  ["promises get foo --server nowhere",             "--server must be a URL of http or https: nowhere"],
];

describe("what is refused before anything is asked", () => {
  test.each(mistakes)("%s", async (line, reason) => {
    const { code, stdout, stderr } = await said(line.split(" "));
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    const name = line.split(" ").slice(0, /^(invoke|tree)/.test(line) ? 1 : 2);
    expect(stderr.startsWith(`resonate ${name.join(" ")}: ${reason}`), stderr).toBe(true);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });
});

const status = (code: number, text: string) => () => ({ status: code, text });

// biome-ignore format: a table is read down its columns
const refusals: readonly (readonly [string, Tell, string])[] = [
  ["a refusal",               status(404, '{"data":"Promise not found"}'),  "404: Promise not found"],
  ["a refused token",         status(401, '{"data":"Unauthorized"}'),       "401: Unauthorized"],
  ["a failure",               status(503, '{"data":"Server is overloaded"}'), "503: Server is overloaded"],
  ["an error in other words", status(404, '{"error":{"code":4040}}'),       "404: that is no server of this protocol"],
  ["no JSON",                 status(200, "<html>"),                        "200: that is no server of this protocol"],
  ["JSON that is no object",  status(200, "null"),                          "200: that is no server of this protocol"],
  ["success without data",    status(200, "{}"),                            "200: that is no server of this protocol"],
  ["a way elsewhere",         status(307, ""),                              "307: that is no server of this protocol"],
];

describe("what the server says against it", () => {
  test.each(refusals)("%s", async (_what, tell, reason) => {
    const { code, stdout, stderr, asked } = await told(tell, ["promises", "get", "foo"]);
    const line = `resonate promises get: ${reason}\n`;
    expect({ code, stdout, stderr }).toEqual({ code: 1, stdout: "", stderr: line });
    expect(asked).toHaveLength(1);
  });

  test("nobody is there", async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    const { code, stderr } = await said(["promises", "get", "foo", "--server", url]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^resonate promises get: no server at .*ECONNREFUSED/);
  });
});

describe("what is safe to print", () => {
  const nasty = "\u001b[2J\u009b31m\u202eevil\u2028\ud800\n\t\u007f";
  const shown = "\\u001b[2J\\u009b31m\\u202eevil\\u2028\\ud800\\n\\t\\u007f";

  test.each([
    ["promises get foo", { promise: { ...promise, [nasty]: nasty, tags: { [nasty]: nasty } } }],
    [
      "promises get foo",
      { promise: { ...promise, param: { data: base64(nasty.replace("\ud800", "")) } } },
    ],
    ["promises get foo", { promise: { ...promise, value: { headers: { a: nasty } } } }],
    ["promises search", { promises: [{ ...promise, id: nasty }], cursor: nasty }],
    ["promises search", { promises: [{ ...promise, param: call(nasty) }] }],
    ["tasks get foo", { task: { id: "foo", pid: nasty } }],
    ["tasks search", { tasks: [{ id: nasty, state: nasty, pid: nasty }] }],
    ["schedules search", { schedules: [{ id: nasty, cron: nasty }] }],
    ["tree foo", { promise: { ...promise, state: nasty }, promises: [{ ...promise, id: nasty }] }],
  ])("Q1. %s: nothing of the server's moves the cursor", async (line, answer) => {
    const { code, stdout } = await told(() => answer, line.split(" "));
    expect(code).toBe(0);
    expect(stdout).toContain("evil");
    expect(stdout.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
    const { stdout: json } = await told(() => answer, [...line.split(" "), "--json"]);
    expect(json.trimEnd()).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
    expect(json.endsWith("\n")).toBe(true);
  });

  test("Q1. it is shown as escapes, which JSON reads back", async () => {
    const answer = { tasks: [{ id: nasty, state: "pending" }] };
    const table = await told(() => answer, ["tasks", "search"]);
    expect(table.stdout.split("\n")[1]?.startsWith(`${shown}  pending`)).toBe(true);
    const json = await told(() => answer, ["tasks", "search", "--json"]);
    expect(JSON.parse(json.stdout)).toEqual(answer);
    const refused = status(404, JSON.stringify({ data: nasty }));
    const { stderr } = await told(refused, ["tasks", "search"]);
    expect(stderr).toBe(`resonate tasks search: 404: ${shown}\n`);
  });

  test("Q2. a number keeps its digits, and a deadline that no date has is never", async () => {
    const text = '{"data":{"promise":{"id":"foo","timeoutAt":9223372036854775807}}}';
    const get = ["promises", "get", "foo"];
    const { stdout: json } = await told(status(200, text), [...get, "--json"]);
    expect(json).toBe('{"promise":{"id":"foo","timeoutAt":9223372036854775807}}\n');
    const { stdout } = await told(status(200, text), get);
    expect(stdout).toBe("id         foo\ntimeoutAt  never\n");
  });
});

describe("what it looks like", () => {
  test("a record is a line for each member that is not empty, payloads as text", async () => {
    const record = {
      ...{ id: "foo", state: "resolved", tags: { a: "b" }, timeoutAt: 86_400_000, createdAt: 0 },
      param: { headers: {}, data: base64('{"func":"f"}') },
      value: { headers: { h: "1" }, data: "no base64" },
    };
    const { stdout } = await told(() => ({ promise: record }), ["promises", "get", "foo"]);
    expect(stdout.split("\n")).toEqual([
      "id         foo",
      "state      resolved",
      'tags       {"a":"b"}',
      "timeoutAt  1970-01-02T00:00:00.000Z",
      "createdAt  1970-01-01T00:00:00.000Z",
      'param      {"func":"f"}',
      'value      no base64 {"h":"1"}',
      "",
    ]);
  });

  test("a schedule shows when it was and will be due", async () => {
    const schedule = {
      ...{ id: "foo", cron: "@daily", promiseTimeout: 90_000, promiseParam: {} },
      ...{ nextRunAt: 86_400_000, lastRunAt: 0 },
    };
    const { stdout } = await told(() => ({ schedule }), ["schedules", "get", "foo"]);
    expect(stdout.split("\n")).toEqual([
      "id              foo",
      "cron            @daily",
      "promiseTimeout  1 min 30 s",
      "nextRunAt       1970-01-02T00:00:00.000Z",
      "lastRunAt       1970-01-01T00:00:00.000Z",
      "",
    ]);
  });

  test("a search is a table, and says how to go on", async () => {
    const long = "x".repeat(60);
    const promises = [
      { ...promise, param: call("f") },
      { ...promise, id: long, state: "resolved", settledAt: 1_000 },
    ];
    const search = ["promises", "search"];
    const { stdout } = await told(() => ({ promises, cursor: "it's" }), search);
    expect(stdout.split("\n")).toEqual([
      "ID   STATE     FUNCTION  CREATED                   SETTLED",
      "foo  pending   f         1970-01-01T00:00:00.000Z",
      `${long}  resolved            1970-01-01T00:00:00.000Z  1970-01-01T00:00:01.000Z`,
      "",
      "more: --cursor 'it'\\''s'",
      "",
    ]);
    expect((await told(() => ({ promises: [] }), search)).stdout).toBe("none\n");
    const tasks = [{ id: "foo", state: "acquired", version: 3, resumes: 0, pid: "w" }];
    const { stdout: ofTasks } = await told(() => ({ tasks }), ["tasks", "search"]);
    expect(ofTasks.split("\n")).toEqual([
      "ID   STATE     VERSION  RESUMES  PID",
      "foo  acquired  3        0        w",
      "",
    ]);
  });

  test("where there is nothing to show, it is done", async () => {
    expect((await told(() => ({}), ["tasks", "halt", "foo"])).stdout).toBe("done\n");
  });
});

describe("against a server", () => {
  let place: ReturnType<typeof directory>;
  let server: ServerProcess;
  beforeAll(async () => {
    place = directory();
    server = await ServerProcess.start({ args: ["dev"], cwd: place.path, lifeMs: 60_000 });
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    place[Symbol.dispose]();
  });

  /** In this order: each line says what is left by those before it. */
  // biome-ignore format: a table is read down its columns
  const session: readonly (readonly [string, RegExp])[] = [
    ["promises create foo --tag team=a --data hi",   /state +pending\n/],
    ["promises create bar --tag team=b",             /state +pending\n/],
    ["promises get foo",                             /param +hi\n/],
    ["promises search",                              /^ID .*\nbar +pending .*\nfoo +pending .*\n$/],
    ["promises search --tag team=a",                 /^ID .*\nfoo .*\n$/],
    ["promises search --limit 1",                    /^ID .*\nbar .*\n\nmore: --cursor bar\n$/],
    ["promises search --limit 1 --cursor bar",       /^ID .*\nfoo .*\n$/],
    ["promises resolve foo --value true",            /state +resolved\n.*value +true\n/s],
    ["promises reject foo",                          /state +resolved\n/],
    ["promises reject bar",                          /state +rejected\n/],
    ["promises search --state resolved",             /^ID .*\nfoo .*\n$/],
    ["promises create baz",                          /state +pending\n/],
    ["promises cancel baz",                          /state +rejected_canceled\n/],
    ["promises search --prefix ba --state rejected", /^ID .*\nbar .*\n$/],
    ["promises search --prefix none",                /^none\n$/],
    ["invoke call --func f --arg 1",                 /param +{"func":"f","args":\[1\],"version":1}\n/],
    ["tree call",                                    /^call {2}pending {2}f {2}since .*\n$/],
    ["tasks get call",                               /state +pending\nversion +0\n/],
    ["tasks halt call",                              /^done\n$/],
    ["tasks search",                                 /^ID .*\ncall +halted +0 +0\n$/],
    ["tasks search --state pending",                 /^none\n$/],
    ["tasks continue call",                          /^done\n$/],
    ["schedules create daily --cron @daily --func f",/cron +@daily\n/],
    ["schedules get daily",                          /nextRunAt +20.*Z\n/],
    ["schedules search",                             /^ID .*\ndaily +@daily +f +20.*\n$/],
    ["schedules delete daily",                       /^done\n$/],
    ["schedules search",                             /^none\n$/],
  ];

  test("every command does what it says", async () => {
    for (const [line, expected] of session) {
      const { stdout, stderr } = await said(line.split(" "), { RESONATE_URL: server.url });
      expect.soft(stderr, line).toBe("");
      expect.soft(stdout, line).toMatch(expected);
    }
  });

  // biome-ignore format: a table is read down its columns
  const refused: readonly (readonly [string, string])[] = [
    ["promises get none",                           "404: Promise not found"],
    ["promises resolve none",                       "404: Promise not found"],
    ["promises search --limit 0",                   "400: Limit must be a positive integer"],
    ["promises search --limit 1001",                "400: Invalid 'limit' — must be between 1 and 1000"],
    ["invoke none --func f --target nowhere",       "400: Invalid resonate:target address"],
    ["tasks get none",                              "404: Task not found"],
    ["tasks continue none",                         "404: Task not found"],
    ["schedules get none",                          "404: Schedule not found"],
    ["schedules delete none",                       "404: Schedule not found"],
    ["schedules create none --cron never",          "400: Invalid cron expression"],
    ["schedules create none --cron @daily --zone Nowhere", "400: Invalid time zone"],
    ["tree none",                                   "404: Promise not found"],
  ];

  test.each(refused)("%s is refused", async (line, reason) => {
    const { code, stdout, stderr } = await said(line.split(" "), { RESONATE_URL: server.url });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr.trim().endsWith(`: ${reason}`), stderr).toBe(true);
  });
});
