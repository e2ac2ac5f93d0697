// What is told of a request of the current protocol to metrics and the log (promise-api.md §6.3, §6.4):
// one record each, whatever became of it, and no word of the client's among the names of operations.

import { expect, test } from "vitest";
import type { Guard } from "../../../api/auth/guard.ts";
import { InProcess } from "../../in-process.ts";
import { bodyLimit, Client, guards } from "../client.ts";

const head = { corrId: "c", version: "2026-04-01" };

async function observed(body: string, guard?: Guard) {
  const client = new Client(new InProcess(), [], guard === undefined ? {} : { guard });
  const headers = { "request-id": "mine" };
  await client.ask("POST", "/", { body, headers });
  return client.records;
}

// biome-ignore format: a table is read down its columns
test.each<[string, string, string, number]>([
  ["what is done",          JSON.stringify({ kind: "promise.search", head, data: {} }),            "promise.search", 200],
  ["what is refused",       JSON.stringify({ kind: "task.get", head, data: { id: "t" } }),         "task.get",       404],
  ["what is unknown",       JSON.stringify({ kind: "made.up", head, data: {} }),                   "unknown",        400],
  ["what debugs",           JSON.stringify({ kind: "debug.made.up", head, data: {} }),             "debug",          403],
  ["a head that is wrong",  JSON.stringify({ kind: "task.get", head: {}, data: {} }),              "task.get",       400],
  ["what is no envelope",   "{",                                                                   "unknown",        400],
  ["what is too large",     " ".repeat(bodyLimit + 1),                                             "unknown",        413],
])("H3 %s is observed once", async (_what, body, operation, code) => {
  const records = await observed(body);
  expect(records).toEqual([
    { api: "http", operation, tid: "mine", code, ms: expect.any(Number), error: null },
  ]);
});

test("H3 so is who has no token", async () => {
  const body = JSON.stringify({ kind: "task.get", head, data: { id: "t" } });
  const records = await observed(body, guards.unauthenticated);
  expect(records).toMatchObject([{ operation: "task.get", code: 401 }]);
});

test("H3 what is thrown is told once, elsewhere (V15)", async () => {
  const client = new Client({
    submit: () => {
      throw new Error("broken");
    },
  });
  const body = JSON.stringify({ kind: "task.get", head, data: { id: "t" } });
  await client.ask("POST", "/", { body });
  expect(client.records).toMatchObject([{ operation: "task.get", code: 500, error: null }]);
});
