// promise-api.md §4.2, cell by cell, over HTTP: every state, operation, key (match, another, none; kept
// or not) and strictness, through the routes of both generations, and for due promises with the
// deadline swept before and come upon. Then what is written, whole.

import { expect, test } from "vitest";
import { components } from "../../api/answers.ts";
import { type Answered, type Client, conforms, start } from "./client.ts";
import { type Api, cases, coverage, type Operation, play, table, timeout } from "./transitions.ts";

type Generation = "2023" | "2024";

const states: Readonly<Record<Operation, string>> = {
  create: "",
  resolve: "resolved",
  reject: "rejected",
  cancel: "rejected_canceled",
};

function send(
  client: Client,
  generation: Generation,
  operation: Operation,
  { headers, body }: { readonly headers: Record<string, string>; readonly body: object },
): Promise<Answered> {
  if (generation === "2023")
    return client.ask("POST", `/promises/p/${operation}`, { headers, body });
  if (operation === "create") {
    return client.ask("POST", "/promises", { headers, body: { ...body, id: "p" } });
  }
  const state = states[operation];
  return client.ask("PATCH", "/promises/p", { headers, body: { ...body, state } });
}

function apiOf(client: Client, generation: Generation): Api {
  return {
    send: async ({ operation, key, strict, tags, data }) => {
      const headers = { strict: `${strict}`, ...(key !== null && { "idempotency-key": key }) };
      const body = operation === "create" ? { timeout, tags } : { value: { data } };
      const { status, code, text, json } = await send(client, generation, operation, {
        headers,
        body,
      });
      if (status >= 300) return { told: `${status} ${code}`, promise: null };
      conforms(components.Promise, json);
      return { told: `${status}`, promise: text };
    },
    read: async () => {
      const { text, json } = await client.ask("GET", "/promises/p");
      // It is described as a promise, or there is none.
      const { state = null } = json as { readonly state?: string };
      return { state, promise: text };
    },
    log: () => log(client),
  };
}

/** The kinds of the events that are stored. */
async function log(client: Client): Promise<readonly string[]> {
  const { json } = await client.ask("GET", "/events");
  conforms(components.EventPage, json);
  return (json as { readonly events: readonly { readonly kind: string }[] }).events.map(
    ({ kind }) => kind,
  );
}

const generations = ["2023", "2024"] as const;

test.each(table)("transitions: %s, then %s", async (...row) => {
  for (const generation of generations) {
    for (const each of cases(row)) {
      const { client, server } = start();
      await play(each, { server, api: apiOf(client, generation) });
    }
  }
});

test("transitions: every cell of the table is reached", () => {
  const { filled, reached } = coverage();
  expect(reached).toBe(filled);
});

test.each([
  ["2023", "/promises/p"],
  ["2024", "/promises/p"],
] as const)("transitions: what is written is what is read (%s)", async (generation, path) => {
  const { client, server } = start();
  const tags = { b: "2", a: "1", __proto__x: "3" };
  const param = { headers: { h: "1" }, data: "cGFyYW0=" };
  const headers = { "idempotency-key": "c" };
  const born = await send(client, generation, "create", {
    headers,
    body: { timeout, param, tags },
  });
  expect(born.json).toEqual({
    id: "p",
    state: "PENDING",
    param,
    value: {},
    timeout,
    idempotencyKeyForCreate: "c",
    createdOn: 1_000,
    tags,
  });
  server.now = 2_000;
  const value = { data: "dmFsdWU=" };
  const end = await send(client, generation, "cancel", {
    headers: { "idempotency-key": "s" },
    body: { value },
  });
  expect(end.text).toBe(
    '{"id":"p","state":"REJECTED_CANCELED","param":{"headers":{"h":"1"},"data":"cGFyYW0="},' +
      '"value":{"data":"dmFsdWU="},"timeout":5000,"idempotencyKeyForCreate":"c",' +
      '"idempotencyKeyForComplete":"s","createdOn":1000,"completedOn":2000,' +
      '"tags":{"b":"2","a":"1","__proto__x":"3"}}',
  );
  expect((await client.ask("GET", path)).text).toBe(end.text);
});

test("transitions: a deadline settles at its own instant, with no value and no key", async () => {
  const { client, server } = start();
  await client.ask("POST", "/promises/p/create", { body: { timeout } });
  server.now = 9_000;
  expect((await client.ask("GET", "/promises/p")).text).toBe(
    '{"id":"p","state":"REJECTED_TIMEDOUT","param":{},"value":{},"timeout":5000,"createdOn":1000,' +
      '"completedOn":5000}',
  );
});
