// promise-api.md §4.2, cell by cell, over HTTP: every state, operation, key (match, another, none; kept
// or not) and strictness, through the routes of both generations, and for due promises with the
// deadline swept before and come upon.

import { expect, test } from "vitest";
import { components } from "../../api/answers.ts";
import { type Answered, type Client, conforms, start } from "./client.ts";

type Operation = "create" | "resolve" | "reject" | "cancel";
type State =
  | "absent"
  | "absent, past"
  | "pending"
  | "due"
  | "due timer"
  | "RESOLVED"
  | "REJECTED"
  | "REJECTED_CANCELED"
  | "REJECTED_TIMEDOUT"
  | "timer, RESOLVED";
/** Status, code of a refusal, and how the promise stands afterwards. */
type Cell = string | null;
type Row = readonly [State, Operation, Cell, Cell, Cell, Cell];

const na = null;
const [done, out] = ["RESOLVED", "REJECTED_TIMEDOUT"];

// biome-ignore format: a table is read down its columns
const table: readonly Row[] = [
  //                                match                                     no match
  //                                not strict            strict              not strict             strict
  ["absent",            "create",  na,                    na,                 "201 PENDING",         "201 PENDING"],
  ["absent",            "resolve", na,                    na,                 "404 4040",            "404 4040"],
  ["absent",            "reject",  na,                    na,                 "404 4040",            "404 4040"],
  ["absent",            "cancel",  na,                    na,                 "404 4040",            "404 4040"],
  ["absent, past",      "create",  na,                    na,                 `201 ${out}`,          `201 ${out}`],
  ["pending",           "create",  "200 PENDING",         "200 PENDING",      "409 4090 PENDING",    "409 4090 PENDING"],
  ["pending",           "resolve", na,                    na,                 "201 RESOLVED",        "201 RESOLVED"],
  ["pending",           "reject",  na,                    na,                 "201 REJECTED",        "201 REJECTED"],
  ["pending",           "cancel",  na,                    na,                 "201 REJECTED_CANCELED", "201 REJECTED_CANCELED"],
  ["due",               "create",  `200 ${out}`,          `409 4090 ${out}`,  `409 4090 ${out}`,     `409 4090 ${out}`],
  ["due",               "resolve", na,                    na,                 `403 4033 ${out}`,     `403 4033 ${out}`],
  ["due",               "reject",  na,                    na,                 `403 4033 ${out}`,     `403 4033 ${out}`],
  ["due",               "cancel",  na,                    na,                 `403 4033 ${out}`,     `403 4033 ${out}`],
  ["due timer",         "create",  `200 ${done}`,         `409 4090 ${done}`, `409 4090 ${done}`,    `409 4090 ${done}`],
  ["due timer",         "resolve", na,                    na,                 `403 4030 ${done}`,    `403 4030 ${done}`],
  ["due timer",         "reject",  na,                    na,                 `403 4030 ${done}`,    `403 4030 ${done}`],
  ["due timer",         "cancel",  na,                    na,                 `403 4030 ${done}`,    `403 4030 ${done}`],
  ["RESOLVED",          "create",  "200 RESOLVED",        "409 4090 RESOLVED", "409 4090 RESOLVED",  "409 4090 RESOLVED"],
  ["RESOLVED",          "resolve", "200 RESOLVED",        "200 RESOLVED",     "403 4030 RESOLVED",   "403 4030 RESOLVED"],
  ["RESOLVED",          "reject",  "200 RESOLVED",        "403 4030 RESOLVED", "403 4030 RESOLVED",  "403 4030 RESOLVED"],
  ["RESOLVED",          "cancel",  "200 RESOLVED",        "403 4030 RESOLVED", "403 4030 RESOLVED",  "403 4030 RESOLVED"],
  ["REJECTED",          "create",  "200 REJECTED",        "409 4090 REJECTED", "409 4090 REJECTED",  "409 4090 REJECTED"],
  ["REJECTED",          "resolve", "200 REJECTED",        "403 4031 REJECTED", "403 4031 REJECTED",  "403 4031 REJECTED"],
  ["REJECTED",          "reject",  "200 REJECTED",        "200 REJECTED",     "403 4031 REJECTED",   "403 4031 REJECTED"],
  ["REJECTED",          "cancel",  "200 REJECTED",        "403 4031 REJECTED", "403 4031 REJECTED",  "403 4031 REJECTED"],
  ["REJECTED_CANCELED", "create",  "200 REJECTED_CANCELED", "409 4090 REJECTED_CANCELED", "409 4090 REJECTED_CANCELED", "409 4090 REJECTED_CANCELED"],
  ["REJECTED_CANCELED", "resolve", "200 REJECTED_CANCELED", "403 4032 REJECTED_CANCELED", "403 4032 REJECTED_CANCELED", "403 4032 REJECTED_CANCELED"],
  ["REJECTED_CANCELED", "reject",  "200 REJECTED_CANCELED", "403 4032 REJECTED_CANCELED", "403 4032 REJECTED_CANCELED", "403 4032 REJECTED_CANCELED"],
  ["REJECTED_CANCELED", "cancel",  "200 REJECTED_CANCELED", "200 REJECTED_CANCELED", "403 4032 REJECTED_CANCELED", "403 4032 REJECTED_CANCELED"],
  ["REJECTED_TIMEDOUT", "create",  `200 ${out}`,          `409 4090 ${out}`,  `409 4090 ${out}`,     `409 4090 ${out}`],
  ["REJECTED_TIMEDOUT", "resolve", na,                    na,                 `403 4033 ${out}`,     `403 4033 ${out}`],
  ["REJECTED_TIMEDOUT", "reject",  na,                    na,                 `403 4033 ${out}`,     `403 4033 ${out}`],
  ["REJECTED_TIMEDOUT", "cancel",  na,                    na,                 `403 4033 ${out}`,     `403 4033 ${out}`],
  ["timer, RESOLVED",   "create",  `200 ${done}`,         `409 4090 ${done}`, `409 4090 ${done}`,    `409 4090 ${done}`],
  ["timer, RESOLVED",   "resolve", na,                    na,                 `403 4030 ${done}`,    `403 4030 ${done}`],
  ["timer, RESOLVED",   "reject",  na,                    na,                 `403 4030 ${done}`,    `403 4030 ${done}`],
  ["timer, RESOLVED",   "cancel",  na,                    na,                 `403 4030 ${done}`,    `403 4030 ${done}`],
];

type Generation = "2023" | "2024";
type Case = {
  readonly row: Row;
  readonly generation: Generation;
  readonly isKept: boolean;
  readonly key: "match" | "another" | "none";
  readonly strict: boolean;
  readonly isSwept: boolean;
};

const cases = (row: Row): readonly Case[] => {
  const isDue = row[0].startsWith("due");
  return (["2023", "2024"] as const).flatMap((generation) =>
    [true, false].flatMap((isKept) =>
      (["match", "another", "none"] as const).flatMap((key) =>
        [true, false].flatMap((strict) =>
          (isDue ? [true, false] : [false]).map((isSwept) => {
            return { row, generation, isKept, key, strict, isSwept };
          }),
        ),
      ),
    ),
  );
};

/** A key can match only where one is kept: never a complete key of what a deadline has settled. */
function expected({ row, isKept, key, strict }: Case): Cell {
  const [state, operation, match, strictMatch, noMatch, strictNoMatch] = row;
  const keptForCreate = !state.startsWith("absent");
  const keptForComplete = /^(RESOLVED|REJECTED|REJECTED_CANCELED)$/.test(state);
  const canMatch = operation === "create" ? keptForCreate : keptForComplete;
  const isMatch = canMatch && isKept && key === "match";
  const cell = isMatch ? (strict ? strictMatch : match) : strict ? strictNoMatch : noMatch;
  expect(cell, "a cell of the table that cannot be reached").not.toBe(na);
  return cell;
}

const timeout = 5_000;
const timer = { "resonate:timer": "true" };
const states: Readonly<Record<Operation, string>> = {
  create: "",
  resolve: "resolved",
  reject: "rejected",
  cancel: "rejected_canceled",
};
const completed: Readonly<Partial<Record<State, Operation>>> = {
  RESOLVED: "resolve",
  REJECTED: "reject",
  REJECTED_CANCELED: "cancel",
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

const keyOf = (operation: Operation): string => (operation === "create" ? "c" : "s");

async function prepare({ row: [state], isKept, isSwept }: Case): Promise<ReturnType<typeof start>> {
  const world = start();
  const { client, server } = world;
  if (state === "absent, past") server.now = timeout;
  if (state.startsWith("absent")) return world;
  const kept = (key: string): Record<string, string> => (isKept ? { "idempotency-key": key } : {});
  const tags = state.includes("timer") ? timer : {};
  const birth = { headers: kept("c"), body: { timeout, tags } };
  expect((await send(client, "2023", "create", birth)).status).toBe(201);
  const completion = completed[state];
  if (completion !== undefined) {
    const end = { headers: kept("s"), body: { value: { data: "dg==" } } };
    expect((await send(client, "2023", completion, end)).status).toBe(201);
  }
  const isPast = isSwept || state === "REJECTED_TIMEDOUT" || state === "timer, RESOLVED";
  if (isPast || state.startsWith("due")) server.now = timeout;
  if (isPast) server.turn();
  return world;
}

async function play(each: Case): Promise<void> {
  const { row, generation, key, strict, isSwept } = each;
  const { client } = await prepare(each);
  const [state, operation] = row;
  // To look is to turn the kernel, which sweeps: a deadline that is to be come upon is not looked at.
  const before = state.startsWith("due") && !isSwept ? [] : await log(client);
  if (isSwept) expect(before).toContain("promise_settled");
  const keys = { match: keyOf(operation), another: "z", none: null };
  const sent = keys[key];
  const headers = { strict: `${strict}`, ...(sent !== null && { "idempotency-key": sent }) };
  const body = operation === "create" ? { timeout } : { value: { data: "bmV3" } };
  const answer = await send(client, generation, operation, { headers, body });
  const read = await client.ask("GET", "/promises/p");
  // It is described as a promise, or there is none.
  const after = (read.json as { readonly state?: string }).state;
  const seen = [answer.status, answer.code, after].filter((part) => part !== null).join(" ");
  expect(seen.trim(), JSON.stringify(each)).toBe(expected(each));
  if (answer.status < 300) {
    conforms(components.Promise, answer.json);
    expect(answer.text).toBe(read.text);
  }
  if (answer.status !== 201) {
    const settled = state.startsWith("due") ? ["promise_created", "promise_settled"] : before;
    expect(await log(client), "a refusal or a repeat changed something").toEqual(settled);
  }
}

/** The kinds of the events that are stored. */
async function log(client: Client): Promise<readonly string[]> {
  const { json } = await client.ask("GET", "/events");
  conforms(components.EventPage, json);
  return (json as { readonly events: readonly { readonly kind: string }[] }).events.map(
    ({ kind }) => kind,
  );
}

test.each(table)("transitions: %s, then %s", async (...row) => {
  for (const each of cases(row)) await play(each);
});

test("transitions: every cell of the table is reached", () => {
  const filled = table.flatMap((row) => row.slice(2).filter((cell) => cell !== na)).length;
  const reached = new Set(
    table.flatMap((row, index) =>
      cases(row).map((each) => {
        const isMatch = each.key === "match" && each.isKept;
        return `${index} ${isMatch && row[2] !== na} ${each.strict}`;
      }),
    ),
  );
  expect(reached.size).toBe(filled);
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
