// Strict servers (protocol.md, decisions 5, 6 and 7): what SDKs send and the specification forbids is
// refused, in the order of §3. Beside each row stands what a usual server says to the same.

import { expect, test } from "vitest";
import { PushTargets } from "../../../aio/target.ts";
import { usualAcceptance } from "../../../api/acceptance.ts";
import { InProcess } from "../../in-process.ts";
import { Client } from "../client.ts";

const version = "2026-04-01";
const far = 9_000_000_000_000;
const target = { "resonate:target": "poll://any@g" };
const both = { ...target, "resonate:timer": "true" };
const bothOld = { ...target, "resonate:timeout": "true" };
const text = "resonate:timer and resonate:target must not be combined";

const create = (id: string, tags: object = { "resonate:scope": "global" }) => {
  return { kind: "promise.create", data: { id, timeoutAt: far, tags } };
};
const settle = (id: string) => ({ kind: "promise.settle", data: { id, state: "resolved" } });
const from = (origin: string, more: object = target) => ({ ...more, "resonate:origin": origin });
const fence = (action: object, taskVersion = 1) => ({ id: "t", version: taskVersion, action });
const suspend = (...awaited: readonly string[]) => {
  const actions = awaited.map((each) => {
    return { kind: "promise.register_callback", data: { awaited: each, awaiter: "t" } };
  });
  return { id: "t", version: 1, actions };
};
const taskOf = (action: object) => ({ pid: "w", ttl: 1_000, action });

/** With the task t held at version 1, and promises of several origins. */
async function open(isStrict: boolean) {
  const server = new InProcess({ rules: { isStrict } });
  const client = new Client(server, [], { acceptance: { ...usualAcceptance, isStrict } });
  const ask = async (kind: string, data: unknown) => {
    const body = JSON.stringify({ kind, head: { corrId: "c", version }, data });
    const response = await client.app.request("http://localhost/", { method: "POST", body });
    const { head, data: said } = (await response.json()) as {
      readonly head: { readonly status: number };
      readonly data: unknown;
    };
    return { status: head.status, said };
  };
  await ask("task.create", taskOf(create("t", target)));
  for (const id of ["t:0", "t.1", "u:0", "v"]) await ask("promise.create", create(id).data);
  const tagged = { "resonate:scope": "global" };
  await ask("promise.create", create("t:0:x", from("t:0", tagged)).data);
  await ask("promise.create", create("t:a", target).data);
  return { client, ask };
}

type Row = readonly [string, string, unknown, usual: number, strict: number, said: unknown];
const fenced = (status: number, data: unknown) => ({
  action: { kind: "promise.create", head: { corrId: "c", status, version }, data },
  preload: [],
});
const callback = (awaited: string, awaiter = "t:a") => ({ awaited, awaiter });
const differ = "Awaiter and awaited must belong to the same origin";
const suspendDiffers = "Awaited promise must belong to the same origin as the task";
const fenceDiffers = "Action must belong to the task's origin";
const repeated = "Awaited promise IDs must be unique";
const notHeld = "Task is not acquired or version mismatch";
const missing = "Awaited promise not found";

// biome-ignore format: a table is read down its columns
const rows: readonly Row[] = [
  ["5: a timer with a target",                   "promise.create",            create("p", both).data,              200, 400, text],
  ["5: under its old name",                      "promise.create",            create("p", bothOld).data,           200, 400, text],
  ["5: even if it exists",                       "promise.create",            create("t", both).data,              200, 400, text],
  ["5: a timer that is none",                    "promise.create",            create("p", { ...target, "resonate:timer": "1" }).data, 200, 200, expect.anything()],
  ["5: behind the address",                      "promise.create",            create("p", { ...both, "resonate:target": "" }).data, 400, 400, "Invalid resonate:target address"],
  ["5: of a task",                               "task.create",               taskOf(create("p", both)),           200, 400, text],
  ["5: of a task, behind a delay",               "task.create",               taskOf(create("p", { ...both, "resonate:delay": "1" })), 400, 400, "Action must not have a resonate:delay tag"],
  ["5: in a fence, as the inner answer",         "task.fence",                fence(create("t:p", both)),          200, 200, fenced(400, text)],
  ["5: in a fence, behind the claim",            "task.fence",                fence(create("t:p", both), 7),       409, 409, "Version mismatch"],
  ["6: a callback across origins",               "promise.register_callback", callback("u:0"),                     200, 400, differ],
  ["6: before the awaited is looked for",        "promise.register_callback", callback("u:9"),                     404, 400, differ],
  ["6: before the awaiter is looked for",        "promise.register_callback", callback("t:0", "u:9"),              422, 400, differ],
  ["6: a colon within one origin",               "promise.register_callback", callback("t:0"),                     200, 200, expect.anything()],
  ["6: a dot within one origin",                 "promise.register_callback", callback("t.1"),                     200, 200, expect.anything()],
  ["6: the tag counts, not the id",              "promise.register_callback", callback("t:0:x"),                   200, 400, differ],
  ["6: one awaited of several",                  "task.suspend",              suspend("t:0", "u:0"),               200, 400, suspendDiffers],
  ["6: before the claim",                        "task.suspend",              { ...suspend("u:0"), version: 7 },   409, 400, suspendDiffers],
  ["6: before what is there twice",              "task.suspend",              suspend("t:0", "t:0", "u:0"),        200, 400, suspendDiffers],
  ["6: behind itself",                           "task.suspend",              suspend("u:0", "t"),                 400, 400, "Awaited and awaiter must be different promises"],
  ["6: a fenced settlement across origins",      "task.fence",                fence(settle("u:0")),                200, 400, fenceDiffers],
  ["6: before the claim, too",                   "task.fence",                fence(settle("u:0"), 7),             409, 400, fenceDiffers],
  ["6: a fenced creation across origins",        "task.fence",                fence(create("u:1")),                200, 400, fenceDiffers],
  ["6: a fenced creation of a root",             "task.fence",                fence(create("w")),                  200, 200, expect.anything()],
  ["6: a root by its tag",                       "task.fence",                fence(create("u:1", from("u:1"))),   200, 200, expect.anything()],
  ["6: a fenced settlement of a root",           "task.fence",                fence(settle("v")),                  200, 400, fenceDiffers],
  ["6: a creation by its tag",                   "task.fence",                fence(create("t:0:y", from("t:0"))), 200, 400, fenceDiffers],
  ["7: one awaited twice",                       "task.suspend",              suspend("t:0", "t:0"),               200, 400, repeated],
  ["7: before the claim",                        "task.suspend",              { ...suspend("t:0", "t:0"), version: 7 }, 409, 400, repeated],
  ["7: before it is looked for",                 "task.suspend",              suspend("t:9", "t:9"),               422, 400, repeated],
  ["behind all of them the claim",               "task.suspend",              { ...suspend("t:9"), version: 7 },   409, 409, notHeld],
  ["and behind that the awaited",                "task.suspend",              suspend("t:9"),                      422, 422, missing],
];

test.each(rows)("decision %s", async (_rule, kind, data, usual, strict, said) => {
  const servers = [await open(false), await open(true)] as const;
  expect((await servers[0].ask(kind, data)).status).toBe(usual);
  expect(await servers[1].ask(kind, data)).toEqual({ status: strict, said });
});

test("decision 5 binds the original API likewise", async () => {
  const { client } = await open(true);
  const body = { timeout: far, tags: both };
  const answer = await client.ask("POST", "/promises/p/create", { body });
  expect(answer).toMatchObject({ status: 400, details: [text] });
});

test("a target and a listener are refused unless their host may be pushed to, by either API", async () => {
  const targets = new PushTargets([{ kind: "host", hostname: "a.example", port: null }]);
  const acceptance = { ...usualAcceptance, targets };
  const client = new Client(new InProcess(), [], { acceptance });
  const ask = async (kind: string, data: unknown) => {
    const body = JSON.stringify({ kind, head: { corrId: "c", version }, data });
    const response = await client.app.request("http://localhost/", { method: "POST", body });
    const { data: said } = (await response.json()) as { readonly data: unknown };
    return response.status === 200 ? "accepted" : said;
  };
  const at = (host: string) => ({ "resonate:target": `http://${host}/` });
  const refused = "Invalid resonate:target address";
  const [good, bad] = [at("a.example"), at("b.example")];
  expect(await ask("promise.create", create("p", good).data)).toBe("accepted");
  expect(await ask("promise.create", create("q", bad).data)).toBe(refused);
  expect(await ask("task.create", taskOf(create("q", bad)))).toBe(refused);
  expect(await ask("task.create", taskOf(create("t", good)))).toBe("accepted");
  expect(await ask("task.fence", fence(create("q", bad)))).toBe(refused);
  const listen = (host: string) => ({ awaited: "p", address: `http://${host}/` });
  expect(await ask("promise.register_listener", listen("a.example"))).toBe("accepted");
  expect(await ask("promise.register_listener", listen("b.example"))).toBe(
    "Invalid listener address",
  );
  const body = { timeout: far, tags: bad };
  const answer = await client.ask("POST", "/promises/q/create", { body });
  expect(answer).toMatchObject({ status: 400, details: [refused] });
});
