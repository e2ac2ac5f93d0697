// The description of the API, held against the API: every path and method it names is there, every
// example is what its schema says, and the page for people stands on its own.

import { describe, expect, test } from "vitest";
import { components } from "../../api/answers.ts";
import { docsPage } from "../../api/docs.ts";
import { parseByReviver } from "../../api/int64.ts";
import { openapi } from "../../api/openapi.ts";
import { operations } from "../../api/operations.ts";
import { kinds } from "../../api/protocol/description.ts";
import { encodeMessage } from "../../api/protocol/message.ts";
import { decodeOperation } from "../../api/protocol/operations.ts";
import { Findings, readMembers } from "../../api/schema.ts";
import { httpStatus } from "../../api/status.ts";
import { promiseId, taskVersion } from "../../kernel/ids.ts";
import { conforms, start } from "./client.ts";

const { paths, components: described } = openapi();
const places = Object.entries(paths).flatMap(([path, methods]) => {
  return Object.entries(methods).map(([method, operation]) => ({ path, method, operation }));
});

test.each(places)("openapi: $method $path is served", async ({ path, method, operation }) => {
  const { client } = start();
  if (!operation.operationId.startsWith("create")) {
    await client.ask("POST", "/promises/foo/create", { body: { timeout: 5_000 } });
  }
  if (operation.operationId === "poll") return; // needs a socket: test/api/poll.test.ts
  const asked = path.replace("{id}", "foo");
  const body = operation.requestBody?.content["application/json"]?.example;
  const answer = await client.ask(method.toUpperCase(), asked, body === undefined ? {} : { body });
  const statuses = Object.keys(operation.responses);
  expect(statuses).toContain(`${answer.status}`);
  expect([404, 405]).not.toContain(answer.status);
  expect(answer.status).toBeLessThan(300);
  const [media = ""] = (answer.headers.get("content-type") ?? "").split(";");
  const content = operation.responses[`${answer.status}`]?.content ?? {};
  expect(Object.keys(content)).toEqual(answer.text === "" ? [] : [media]);
});

describe("openapi: every example is what its schema says", () => {
  test.each(operations)("$method $path", ({ body, successes, errors }) => {
    if (body !== null && "members" in body) {
      const findings = new Findings();
      const example = parseByReviver(JSON.stringify(body.example), "timeout");
      // An example of a body is an object, or it would not be read.
      readMembers(body.members, example as Readonly<Record<string, unknown>>, { findings });
      expect([...findings.rules, ...findings.texts]).toEqual([]);
    }
    for (const { schema, example } of successes) {
      if (example === undefined || schema === null || schema.startsWith("text/")) continue;
      expect(Object.keys(components)).toContain(schema);
      const named = Object.entries(components).find(([name]) => name === schema);
      if (named !== undefined) conforms(named[1], example);
    }
    expect(new Set(errors).size).toBe(errors.length);
  });

  test.each(places)("errors of $method $path", ({ operation }) => {
    for (const [status, { content }] of Object.entries(operation.responses)) {
      for (const { value } of Object.values(content?.["application/json"]?.examples ?? {})) {
        conforms(components.Error, value);
        expect(JSON.stringify(value)).toMatch(new RegExp(`"code":${status}`));
      }
    }
  });
});

const id = "foo";
const create = { id, timeoutAt: 5_000, tags: { "resonate:target": "poll://any@g" } };
const action = (kind: string, data: object) => ({ action: { kind, data } });
const held = { id, version: 1 };
const lease = { pid: "p", ttl: 5 };
const schedule = { cron: "* * * * *", promiseId: "p", promiseTimeout: 5 };

/** What each kind may be asked with; every member that is required, and nothing that is unknown. */
const asked: Readonly<Record<string, object>> = {
  "promise.get": { id },
  "promise.create": { ...create, param: { data: "d" } },
  "promise.settle": { id, state: "resolved", value: {} },
  "promise.register_callback": { awaited: id, awaiter: "bar" },
  "promise.register_listener": { awaited: id, address: "poll://any@g" },
  "promise.search": { state: "pending", tags: {}, idPrefix: "f", limit: 5, cursor: "f" },
  "task.get": { id },
  "task.create": { ...lease, ...action("promise.create", create) },
  "task.acquire": { ...held, ...lease },
  "task.release": held,
  "task.fulfill": { ...held, ...action("promise.settle", { id, state: "resolved" }) },
  "task.suspend": {
    ...held,
    actions: [action("promise.register_callback", { awaited: "bar", awaiter: id }).action],
  },
  "task.fence": { ...held, ...action("promise.create", { id: "bar", timeoutAt: 5_000 }) },
  "task.heartbeat": { pid: "p", tasks: [held] },
  "task.halt": { id },
  "task.continue": { id },
  "task.search": { state: "pending", idPrefix: "f", limit: 5, cursor: "f" },
  "schedule.get": { id },
  "schedule.create": { id, ...schedule, promiseParam: {}, promiseTags: create.tags },
  "schedule.delete": { id },
  "schedule.search": { tags: {}, idPrefix: "f", limit: 5, cursor: "f" },
};

describe("openapi: the current protocol", () => {
  test("describes each kind, and no other", () => {
    expect(Object.keys(kinds).toSorted()).toEqual(Object.keys(asked).toSorted());
    expect(decodeOperation("promise.describe", {})).toMatchObject({ kind: "refused" });
  });

  test.each(Object.entries(kinds))("%s takes the members that it shows", (kind, described) => {
    const { required, optional = {} } = described;
    const data = asked[kind] ?? {};
    const decode = (members: object) => decodeOperation(kind, { ...members }).kind;
    expect(decode(data)).toBe("decoded");
    const known = Object.keys({ ...required, ...optional });
    expect(known).toEqual(expect.arrayContaining(Object.keys(data)));
    for (const name of known) {
      const { [name]: _, ...others } = data as Readonly<Record<string, unknown>>;
      const isRefused =
        decode(others) === "refused" || decode({ ...data, [name]: false }) === "refused";
      expect(isRefused, name).toBe(true);
      if (name in required) expect(decode(others), name).toBe("refused");
      else expect(decode(others), name).toBe("decoded");
    }
  });

  test("shows the records that are answered", async () => {
    const { client } = start();
    const ask = async (kind: string, data: unknown) => {
      const head = { corrId: "1", version: "2026-04-01" };
      const { text } = await client.ask("POST", "/", { body: { kind, head, data } });
      const json: unknown = JSON.parse(text);
      conforms(components.Answer, json);
      return (json as { readonly data: Readonly<Record<string, unknown>> }).data;
    };
    const { promise } = await ask("promise.create", asked["promise.create"]);
    conforms(components.PromiseRecord, promise);
    const { task } = await ask("task.acquire", { id, version: 0, ...lease });
    conforms(components.TaskRecord, task);
    const settled = await ask("promise.settle", asked["promise.settle"]);
    conforms(components.PromiseRecord, settled["promise"]);
    const made = await ask("schedule.create", asked["schedule.create"]);
    conforms(components.ScheduleRecord, made["schedule"]);
    const execute = encodeMessage(
      { kind: "execute", id: promiseId(id), version: taskVersion(1), to: "" },
      "http://localhost",
    );
    conforms(components.Message, JSON.parse(execute));
  });
});

test("openapi: operations are named once, and say every status of their errors", () => {
  const names = operations.map(({ operationId }) => operationId);
  expect(new Set(names).size).toBe(names.length);
  for (const { path, method, errors } of operations) {
    const responses = Object.keys(paths[path]?.[method]?.responses ?? {});
    for (const outcome of errors) expect(responses).toContain(`${httpStatus(outcome)}`);
  }
});

test("openapi: references lead somewhere, and path parameters are declared", () => {
  const text = JSON.stringify(openapi());
  for (const [, name = ""] of text.matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
    expect(described.schemas).toHaveProperty(name);
  }
  for (const { path, operation } of places) {
    const declared = operation.parameters.filter((each) => each.in === "path");
    expect(declared.map(({ name }) => `{${name}}`)).toEqual(path.match(/\{\w+\}/g) ?? []);
  }
  expect(text).toContain('"maximum":9223372036854775807');
});

test("openapi: both documents are served as what they are", async () => {
  const { client } = start();
  const document = await client.ask("GET", "/openapi.json");
  expect(document.json).toEqual(JSON.parse(JSON.stringify(openapi())));
  const page = await client.ask("GET", "/docs");
  expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
  expect(page.text).toBe(docsPage());
});

test("openapi: the document is what it was", async () => {
  await expect(`${JSON.stringify(openapi(), null, 2)}\n`).toMatchFileSnapshot(
    "../golden/openapi.txt",
  );
});

describe("docs", () => {
  const page = docsPage();

  test("load and run nothing", () => {
    expect(page).not.toMatch(/<(script|link|img|iframe|object|embed)\b|\bsrc=|@import|url\(/i);
    expect([...page.matchAll(/href="([^"]*)"/g)].map(([, target = ""]) => target[0])).not.toContain(
      "h",
    );
  });

  test("show every operation with its parameters, answers and a command to try", () => {
    for (const { operationId, summary, curl, parameters } of operations) {
      expect(page).toContain(`<article id="${operationId}">`);
      expect(page).toContain(summary.replaceAll("'", "&#39;").replaceAll("&#39;", "'"));
      expect(page).toContain(
        curl.split("\n")[0]?.replaceAll("&", "&amp;").replaceAll('"', "&quot;"),
      );
      for (const { name } of parameters) expect(page).toContain(`<code>${name}</code>`);
    }
  });

  test("name inner members as the messages do, and say which are required", () => {
    for (const name of ["param.headers", "param.data", "value.data", "stream.id"]) {
      expect(page).toContain(`<th scope="row"><code>${name}</code></th>`);
    }
    expect(page).toContain("<code>error.details[].metadata.url</code>");
    expect(page).toContain("<code>timeout</code></th><td>required</td>");
    expect(page).toContain("<code>createdOn</code></th><td>always</td>");
    expect(page).toContain("object of string");
  });

  test("are well formed: every element is closed, every link leads somewhere", () => {
    const open: string[] = [];
    for (const [, slash, name = ""] of page.matchAll(/<(\/?)([a-z][a-z0-9]*)\b[^>]*>/g)) {
      if (name === "meta") continue;
      if (slash === "") open.push(name);
      else expect(open.pop()).toBe(name);
    }
    expect(open).toEqual([]);
    const ids = new Set([...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id));
    for (const [, target] of page.matchAll(/href="#([^"]+)"/g)) expect(ids).toContain(target);
    expect(page).not.toContain("undefined");
    expect(page).not.toContain("[object");
  });
});
