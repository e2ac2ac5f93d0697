// The model against the contract, not against the kernel. First promise-api.md §4.2 as it is printed
// there, cell by cell; then the fields of §4.3 and deadlines of §4.4; callbacks by protocol.md §3.1 and
// §4, refusals in their order; due dates; searches by §2. Every step is asked twice with frozen
// records, must agree with itself, and may only name records that are not as before.

import { fc, test as property } from "@fast-check/vitest";
import { expect, test } from "vitest";
import { idsOf, type ModelAnswer, type ModelCommand } from "../../dst/model/command.ts";
import {
  canonical,
  dueAt,
  type ModelPairs,
  type ModelPromise,
  type ModelRecord,
  nothing,
} from "../../dst/model/record.ts";
import { type ModelSearch, search } from "../../dst/model/search.ts";
import { step } from "../../dst/model.ts";
import { plainRules } from "../../dst/rules.ts";
import type { Command } from "../../kernel/command.ts";
import type { SearchPromises } from "../../kernel/search.ts";

type Key = string | null;
type Outcome = "resolved" | "rejected" | "canceled";

const empty = { headers: null, data: null };
const param = { headers: new Map([["h", "1"]]), data: "cA==" };
const value = { headers: null, data: "dg==" };
const noTags: ModelPairs = new Map();
const timer: ModelPairs = new Map([["resonate:timer", "true"]]);
const target: ModelPairs = new Map([["resonate:target", "poll://any@g"]]);

const born: ModelPromise = {
  state: "pending",
  param,
  value: empty,
  tags: noTags,
  timeoutAt: 100n,
  createdAt: 1,
  settledAt: null,
  createKey: "k",
  settleKey: null,
  isExternal: true,
};
const ended = (state: Outcome, settleKey: Key = "k"): ModelPromise => {
  return { ...born, state, value, settledAt: 9, settleKey };
};
const timedout: ModelPromise = { ...born, state: "timedout", settledAt: 100 };
const slept: ModelPromise = { ...born, tags: timer, state: "resolved", settledAt: 100 };

const create = (key: Key, strict = false, chosen: Partial<ModelPromise> = {}): ModelCommand => {
  const { tags, timeoutAt, isExternal } = { ...born, ...chosen };
  return {
    kind: "create_promise",
    id: "p",
    timeoutAt,
    param,
    tags,
    key,
    strict,
    ...{ isExternal, isShared: false },
  };
};
const settle = (outcome: Outcome, key: Key, strict = false): ModelCommand => {
  return { kind: "settle_promise", id: "p", outcome, value, key, strict, isShared: false };
};
const get: ModelCommand = { kind: "get_promise", id: "p" };
const sweep: ModelCommand = { kind: "settle_at_deadline", id: "p" };

type Kept = Readonly<Record<string, ModelRecord>>;

/** Asks twice, and applies the changes. */
function play(before: Kept, command: ModelCommand, at: number) {
  const kept = new Map(Object.entries(frozen(before)));
  const records = (id: string) => kept.get(id) ?? nothing;
  const { changes, answer, messages } = step(records, frozen(command), {
    now: at,
    rules: plainRules,
  });
  expect(step(records, command, { now: at, rules: plainRules })).toEqual({
    changes,
    answer,
    messages,
  });
  for (const [id, record] of changes) expect(record, id).not.toEqual(records(id));
  const touched = changes.map(([id]) => id);
  expect(idsOf(command)).toEqual(expect.arrayContaining(touched));
  return { answer, messages, after: new Map([...kept, ...changes]), touched };
}

function frozen<Each>(value: Each): Each {
  if (typeof value !== "object" || value === null) return value;
  for (const member of Object.values(value)) frozen(member);
  return Object.freeze(value);
}

const alone = (promise: ModelPromise | null, callbacks: readonly string[] = []): ModelRecord => {
  return { ...withTask(promise), callbacks };
};

/** As if it had never been offered: what these tables ask leaves clocks alone. */
function withTask(promise: ModelPromise | null): ModelRecord {
  if (promise?.tags.has("resonate:target") !== true) return { ...nothing, promise };
  const state = promise.state === "pending" ? "pending" : "fulfilled";
  const task = { state, version: 0, resumes: [], pid: null, ttl: null } as const;
  return { ...nothing, promise, task };
}

/** The status of HTTP, and in case of a refusal the code of the envelope. */
const codes: Readonly<Record<string, string>> = {
  promise_not_found: "4040",
  promise_already_exists: "4090",
  promise_already_resolved: "4030",
  promise_already_rejected: "4031",
  promise_already_canceled: "4032",
  promise_already_timedout: "4033",
};

function codeOf(answer: ModelAnswer): string {
  if (answer.kind === "none") return "none";
  if (answer.kind === "refused") return codes[answer.refusal] ?? answer.refusal;
  return answer.kind === "promise" && answer.changed ? "201" : "200";
}

/** All states of §4.2, as they are stored. Each stands there with keys, and without. */
const states = {
  absent: () => null,
  pending: (key: Key) => ({ ...born, createKey: key }),
  timer: (key: Key) => ({ ...born, tags: timer, createKey: key }),
  resolved: (key: Key) => ({ ...ended("resolved", key), createKey: key }),
  rejected: (key: Key) => ({ ...ended("rejected", key), createKey: key }),
  canceled: (key: Key) => ({ ...ended("canceled", key), createKey: key }),
  timedout: (key: Key) => ({ ...timedout, createKey: key }),
  slept: (key: Key) => ({ ...slept, createKey: key }),
} as const satisfies Record<string, (key: Key) => ModelPromise | null>;

type Cells = readonly [matchF: string, matchT: string, noneF: string, noneT: string];
type Line = readonly [given: keyof typeof states, at: number, asked: string, ...Cells];
const not = "n/a";

// biome-ignore format: the table of the contract
const contract: readonly Line[] = [
  // given     at  asked      match, F        match, T         no match, F      no match, T
  ["absent",   50, "create",  not,            not,             "201 pending",   "201 pending"],
  ["absent",  100, "create",  not,            not,             "201 timedout",  "201 timedout"],
  ["absent",  999, "create",  not,            not,             "201 timedout",  "201 timedout"],
  ["absent",   50, "resolve", not,            not,             "4040",          "4040"],
  ["absent",   50, "reject",  not,            not,             "4040",          "4040"],
  ["absent",   50, "cancel",  not,            not,             "4040",          "4040"],
  ["absent",   50, "get",     not,            not,             "4040",          "4040"],
  ["pending",  50, "create",  "200",          "200",           "4090",          "4090"],
  ["pending",  50, "resolve", not,            not,             "201 resolved",  "201 resolved"],
  ["pending",  50, "reject",  not,            not,             "201 rejected",  "201 rejected"],
  ["pending",  50, "cancel",  not,            not,             "201 canceled",  "201 canceled"],
  ["pending",  99, "resolve", not,            not,             "201 resolved",  "201 resolved"],
  ["pending",  50, "get",     not,            not,             "200",           "200"],
  ["pending",  50, "sweep",   not,            not,             "none",          "none"],
  ["pending",  99, "sweep",   not,            not,             "none",          "none"],
  ["pending", 100, "create",  "200 timedout", "4090 timedout", "4090 timedout", "4090 timedout"],
  ["pending", 999, "create",  "200 timedout", "4090 timedout", "4090 timedout", "4090 timedout"],
  ["pending", 100, "resolve", not,            not,             "4033 timedout", "4033 timedout"],
  ["pending", 100, "reject",  not,            not,             "4033 timedout", "4033 timedout"],
  ["pending", 100, "cancel",  not,            not,             "4033 timedout", "4033 timedout"],
  ["pending", 100, "get",     not,            not,             "200 timedout",  "200 timedout"],
  ["pending", 100, "sweep",   not,            not,             "none timedout", "none timedout"],
  ["pending", 999, "sweep",   not,            not,             "none timedout", "none timedout"],
  ["timer",    99, "get",     not,            not,             "200",           "200"],
  ["timer",   100, "create",  "200 slept",    "4090 slept",    "4090 slept",    "4090 slept"],
  ["timer",   100, "resolve", not,            not,             "4030 slept",    "4030 slept"],
  ["timer",   100, "reject",  not,            not,             "4030 slept",    "4030 slept"],
  ["timer",   100, "cancel",  not,            not,             "4030 slept",    "4030 slept"],
  ["timer",   100, "get",     not,            not,             "200 slept",     "200 slept"],
  ["timer",   999, "sweep",   not,            not,             "none slept",    "none slept"],
  ["resolved", 50, "create",  "200",          "4090",          "4090",          "4090"],
  ["resolved", 50, "resolve", "200",          "200",           "4030",          "4030"],
  ["resolved", 50, "reject",  "200",          "4030",          "4030",          "4030"],
  ["resolved", 50, "cancel",  "200",          "4030",          "4030",          "4030"],
  ["resolved",999, "get",     not,            not,             "200",           "200"],
  ["resolved",999, "sweep",   not,            not,             "none",          "none"],
  ["rejected", 50, "create",  "200",          "4090",          "4090",          "4090"],
  ["rejected", 50, "resolve", "200",          "4031",          "4031",          "4031"],
  ["rejected", 50, "reject",  "200",          "200",           "4031",          "4031"],
  ["rejected", 50, "cancel",  "200",          "4031",          "4031",          "4031"],
  ["rejected",999, "get",     not,            not,             "200",           "200"],
  ["canceled", 50, "create",  "200",          "4090",          "4090",          "4090"],
  ["canceled", 50, "resolve", "200",          "4032",          "4032",          "4032"],
  ["canceled", 50, "reject",  "200",          "4032",          "4032",          "4032"],
  ["canceled", 50, "cancel",  "200",          "200",           "4032",          "4032"],
  ["canceled",999, "get",     not,            not,             "200",           "200"],
  ["timedout",101, "create",  "200",          "4090",          "4090",          "4090"],
  ["timedout",101, "resolve", not,            not,             "4033",          "4033"],
  ["timedout",101, "reject",  not,            not,             "4033",          "4033"],
  ["timedout",101, "cancel",  not,            not,             "4033",          "4033"],
  ["timedout", 50, "get",     not,            not,             "200",           "200"],
  ["slept",   101, "create",  "200",          "4090",          "4090",          "4090"],
  ["slept",   101, "resolve", not,            not,             "4030",          "4030"],
  ["slept",   101, "reject",  not,            not,             "4030",          "4030"],
  ["slept",   101, "cancel",  not,            not,             "4030",          "4030"],
  ["slept",   999, "sweep",   not,            not,             "none",          "none"],
];

function command(asked: string, key: Key, strict: boolean): ModelCommand {
  switch (asked) {
    case "create":
      return create(key, strict);
    case "resolve":
      return settle("resolved", key, strict);
    case "reject":
      return settle("rejected", key, strict);
    case "cancel":
      return settle("canceled", key, strict);
    default:
      return asked === "get" ? get : sweep;
  }
}

/** What the second word of a cell says is stored then. */
function become(name: string, before: ModelPromise | null, { at, key }: { at: number; key: Key }) {
  if (name === "pending") return { ...born, createdAt: at, createKey: key };
  if (name === "timedout" && before === null)
    return { ...timedout, createdAt: 100, createKey: key };
  if (before === null || name === "timedout" || name === "slept") {
    return { ...(name === "slept" ? slept : timedout), createKey: before?.createKey ?? null };
  }
  return { ...before, state: name as Outcome, value, settledAt: at, settleKey: key };
}

/** The key that is stored, and the key that is sent. */
const matching: readonly (readonly [Key, Key])[] = [["k", "k"]];
const different: readonly (readonly [Key, Key])[] = [
  ["k", "x"],
  ["k", null],
  [null, "k"],
  [null, null],
];

const cells = contract.flatMap(([given, at, asked, matchF, matchT, noneF, noneT]) => {
  const others = matchF === not ? [...matching, ...different] : different;
  return [
    { given, at, asked, column: "match, F", cell: matchF, strict: false, keys: matching },
    { given, at, asked, column: "match, T", cell: matchT, strict: true, keys: matching },
    { given, at, asked, column: "no match, F", cell: noneF, strict: false, keys: others },
    { given, at, asked, column: "no match, T", cell: noneT, strict: true, keys: others },
  ].filter(({ cell }) => cell !== not);
});

test.each(cells)("model: O1 O2 §4.2, $given at $at, $asked, $column: $cell", (row) => {
  const { given, at, asked, cell, strict, keys } = row;
  const [code = "", name] = cell.split(" ");
  for (const [stored, sent] of keys) {
    const before = states[given](stored);
    const callbacks = before === null ? [] : ["w"];
    const expected = name === undefined ? before : become(name, before, { at, key: sent });
    const { answer, after } = play(
      { p: alone(before, callbacks) },
      command(asked, sent, strict),
      at,
    );
    expect(codeOf(answer)).toBe(code);
    expect(after.get("p")).toEqual(alone(expected, callbacks));
    if (answer.kind === "promise") expect(answer).toMatchObject({ id: "p", promise: expected });
  }
});

test("model: §4.2 has a row for every state and operation", () => {
  const seen = new Set(contract.map(([given, , asked]) => `${given} ${asked}`));
  for (const given of Object.keys(states)) {
    for (const asked of ["create", "resolve", "reject", "cancel"]) {
      if (given !== "timer") expect(seen).toContain(`${given} ${asked}`);
    }
  }
});

test.each([
  ["resonate:timer", "true", "resolved"],
  ["resonate:timeout", "true", "resolved"],
  ["resonate:timer", "TRUE", "timedout"],
  ["resonate:timeout", "1", "timedout"],
  ["timer", "true", "timedout"],
] as const)("model: §4.4 with the tag %s = %s the deadline makes it %s", (name, text, state) => {
  const tags = new Map([[name, text]]);
  const due = play({ p: alone({ ...born, tags }) }, get, 100).after.get("p");
  expect(due?.promise).toEqual({ ...born, tags, state, settledAt: 100 });
  const late = play({ p: nothing }, create("k", false, { tags }), 500).after.get("p");
  expect(late?.promise).toEqual({ ...born, tags, state, createdAt: 100, settledAt: 100 });
});

test("model: §4.3 a completion is not dated before the creation, whatever the clock says", () => {
  const before = { p: alone({ ...born, createdAt: 20 }) };
  const { after } = play(before, settle("rejected", "s"), 7);
  expect(after.get("p")?.promise).toMatchObject({ createdAt: 20, settledAt: 20, settleKey: "s" });
});

test("model: a repetition compares and stores nothing but the key", () => {
  const again = create("k", false, { tags: timer, timeoutAt: 7n, isExternal: false });
  expect(play({ p: alone(born) }, again, 50)).toMatchObject({
    answer: { promise: born, changed: false },
    touched: [],
  });
});

test("model: deadlines are compared and kept to the last digit", () => {
  const never = 2n ** 63n - 1n;
  const { after } = play({ p: nothing }, create(null, false, { timeoutAt: never }), 50);
  expect(after.get("p")?.promise).toMatchObject({ state: "pending", timeoutAt: never });
  const timeoutAt = 2n ** 53n + 1n;
  expect(play({ p: alone({ ...born, timeoutAt }) }, get, 2 ** 53).touched).toEqual([]);
});

const awaited = (chosen: Partial<ModelPromise> = {}) => alone({ ...born, ...chosen });
const awaiter = (chosen: Partial<ModelPromise> = {}) => {
  return alone({ ...born, tags: target, timeoutAt: 200n, isExternal: false, ...chosen });
};
const local = { isExternal: false };
const untargeted = { tags: noTags };
const hasIt = alone(born, ["v", "w"]);
const over: Partial<ModelPromise> = { state: "timedout", settledAt: 100 };
const overdueWaiter = { timeoutAt: 40n };
const overdueLocal = { ...local, timeoutAt: 40n };
const done = alone(ended("resolved"), ["v", "w", "x"]);

type Pair = readonly [
  name: string,
  awaited: ModelRecord,
  awaiter: ModelRecord,
  at: number,
  answer: string,
  touched: string,
  callbacks: string,
];

// biome-ignore format: a table is read down its columns
const registrations: readonly Pair[] = [
  // rule                          awaited                 awaiter                  at  answer                  touched  callbacks
  ["both live",                    awaited(),              awaiter(),               50, "201",                  "p",     "w"],
  ["behind others",                alone(born, ["v"]),     awaiter(),               50, "201",                  "p",     "v w"],
  ["again",                        hasIt,                  awaiter(),               50, "200",                  "",      "v w"],
  ["absent, both",                 nothing,                nothing,                 50, "4040",                 "",      ""],
  ["absent, before all others",    nothing,                awaiter(untargeted),     50, "4040",                 "",      ""],
  ["O1 absent, awaiter due",       nothing,                awaiter(overdueWaiter),  50, "4040",                 "w",     ""],
  ["no awaiter",                   awaited(),              nothing,                 50, "awaiter_not_found",    "",      ""],
  ["no awaiter, before awaitable", awaited(local),         nothing,                 50, "awaiter_not_found",    "",      ""],
  ["O1 no awaiter, awaited due",   awaited(),              nothing,                100, "awaiter_not_found",    "p",     ""],
  ["no target",                    awaited(),              awaiter(untargeted),     50, "awaiter_not_targeted", "",      ""],
  ["no target, before awaitable",  awaited(local),         awaiter(untargeted),     50, "awaiter_not_targeted", "",      ""],
  ["no target, though external",   awaited(),              awaited(),               50, "awaiter_not_targeted", "",      ""],
  ["O1 no target, both due",       awaited(),              awaited(),              100, "awaiter_not_targeted", "p w",   ""],
  ["not awaitable",                awaited(local),         awaiter(),               50, "awaited_not_awaitable","",      ""],
  ["O1 not awaitable, both due",   awaited(overdueLocal),  awaiter(overdueWaiter),  50, "awaited_not_awaitable","p w",   ""],
  ["not awaitable, settled",       awaited({ ...over, ...local }), awaiter(),      101, "awaited_not_awaitable","",      ""],
  ["targeted is awaitable",        awaiter(),              awaiter(),               50, "201",                  "p",     "w"],
  ["awaited settled",              alone(ended("resolved")), awaiter(),             50, "200",                  "",      ""],
  ["O1 awaited due",               awaited(),              awaiter(),              100, "200",                  "p",     ""],
  ["O1 awaited due, has it",       hasIt,                  awaiter(),              100, "200",                  "p",     "v w"],
  ["awaiter settled",              awaited(),              awaiter(over),          50,  "200",                  "",      ""],
  ["O1 awaiter due",               awaited(),              awaiter(overdueWaiter),  50, "200",                  "w",     ""],
  ["O1 both due",                  awaited(),              awaiter(),              200, "200",                  "p w",   ""],
  ["one ms before both",           awaited(),              awaiter({ timeoutAt: 100n }), 99, "201",             "p",     "w"],
];

// biome-ignore format: a table is read down its columns
const drains: readonly Pair[] = [
  // rule                          awaited                 awaiter                  at  answer                  touched  callbacks
  ["O2 drained",                   done,                   awaiter(),               50, "none",                 "p w",   "v x"],
  ["the last one",                 alone(ended("rejected"), ["w"]), awaiter(),      50, "none",                 "p w",   ""],
  ["O1 awaiter due",               done,                   awaiter(overdueWaiter),  50, "none",                 "w p",   "v x"],
  ["awaiter settled",              done,                   awaiter(over),           50, "none",                 "p",     "v x"],
  ["awaiter absent",               done,                   nothing,                 50, "none",                 "p",     "v x"],
  ["not registered",               alone(ended("resolved"), ["v"]), awaiter(),      50, "none",                 "",      "v"],
  ["not registered, awaiter due",  alone(ended("resolved")), awaiter(overdueWaiter),50, "none",                 "w",     ""],
  ["pending",                      hasIt,                  awaiter(),               50, "none",                 "",      "v w"],
  ["due, and not settled yet",     hasIt,                  awaiter(),              100, "none",                 "",      "v w"],
  ["absent",                       nothing,                awaiter(),               50, "none",                 "",      ""],
];

test.each([
  ...registrations.map((row) => ["register_callback", ...row] as const),
  ...drains.map((row) => ["drain_callback", ...row] as const),
])("model: %s, %s", (kind, _rule, first, second, at, answer, touched, callbacks) => {
  const played = play({ p: first, w: second }, { kind, awaited: "p", awaiter: "w" }, at);
  expect(codeOf(played.answer)).toBe(answer);
  expect(played.touched.join(" ")).toBe(touched);
  expect(played.after.get("p")?.callbacks.join(" ")).toBe(callbacks);
  const isTouched = (id: string) => touched.split(" ").includes(id);
  for (const [id, before] of Object.entries({ p: first, w: second })) {
    const isDue = before.promise?.state === "pending" && before.promise.timeoutAt <= at;
    const settledAt = Number(before.promise?.timeoutAt);
    const expected = { ...before.promise, state: "timedout", settledAt };
    expect(played.after.get(id)?.promise).toEqual(
      isDue && isTouched(id) ? expected : before.promise,
    );
  }
  expect(played.after.get("w")?.callbacks).toEqual(second.callbacks);
  if (played.answer.kind !== "promise") return;
  expect(played.answer).toMatchObject({ id: "p", promise: played.after.get("p")?.promise });
});

const tagged = (...tags: [name: string, text: string][]): ModelPromise => {
  return { ...born, isExternal: false, tags: new Map(tags) };
};

test.each([
  ["nothing", nothing, null],
  ["pending, nobody may await it", alone(tagged()), null],
  ["pending, by the original API", alone(born), 100n],
  ["pending, targeted", alone(tagged(["resonate:target", "poll://any@g"])), 100n],
  ["pending, timer", alone(tagged(["resonate:timer", "true"])), 100n],
  ["pending, old timer", alone(tagged(["resonate:timeout", "true"])), 100n],
  ["pending, external", alone(tagged(["resonate:external", "true"])), 100n],
  ["pending, not external", alone(tagged(["resonate:external", "false"])), null],
  ["pending, global", alone(tagged(["resonate:scope", "global"])), 100n],
  ["pending, of local scope", alone(tagged(["resonate:scope", "local"])), null],
  ["pending, awaited", alone(tagged(), ["w"]), 100n],
  ["settled", alone(ended("resolved")), null],
  ["settled, somebody waits", alone(ended("resolved"), ["w"]), 9n],
  ["timed out, somebody waits", alone(timedout, ["w"]), 100n],
] as const)("model: when it wants attention: %s", (_what, record, expected) => {
  expect(dueAt(record)).toBe(expected);
});

type Chosen = Partial<ModelSearch> & { readonly weightMax?: number };
const page = (rows: readonly (readonly [string, ModelPromise])[], chosen: Chosen) => {
  const query = { pattern: "*", state: null, tags: noTags, limit: 100, ...chosen };
  const found = search(frozen(rows), query, 50, chosen.weightMax ?? 1e9);
  return `${found.rows.map(({ id }) => id).join(" ")}${found.hasMore ? " ..." : ""}`;
};
const everyState = [
  ["pending", born],
  ["resolved", ended("resolved")],
  ["rejected", ended("rejected")],
  ["canceled", ended("canceled")],
  ["timedout", { ...timedout, timeoutAt: 30n, settledAt: 30 }],
  ["overdue", { ...born, timeoutAt: 40n }],
  ["overdue-timer", { ...born, tags: timer, timeoutAt: 50n }],
] as const;

test.each([
  [null, "pending resolved rejected canceled timedout overdue overdue-timer"],
  ["pending", "pending"],
  ["resolved", "resolved overdue-timer"],
  ["rejected", "rejected canceled timedout overdue"],
] as const)("model: O3 a search for the state %s finds %s", (state, expected) => {
  expect(page(everyState, { state })).toBe(expected);
});

test("model: O3 a search shows what is overdue as settled, and shows the rest as stored", () => {
  const query: ModelSearch = { pattern: "*", state: null, tags: noTags, limit: 100 };
  const { rows } = search(everyState, query, 50, 1e9);
  const shown = new Map(rows.map(({ id, promise }) => [id, promise]));
  const overdue = { ...born, timeoutAt: 40n, state: "timedout", settledAt: 40 };
  expect(shown.get("overdue")).toEqual(overdue);
  expect(shown.get("overdue-timer")).toMatchObject({ state: "resolved", settledAt: 50 });
  for (const [id, promise] of everyState.slice(0, 5)) expect(shown.get(id)).toBe(promise);
});

test("model: a search demands every tag", () => {
  const rows = [
    ["all", tagged(["a", "1"], ["b", "2"], ["c", "3"])],
    ["one", tagged(["a", "1"])],
    ["other", tagged(["a", "2"], ["b", "2"])],
  ] as const;
  expect(page(rows, { tags: new Map([["a", "1"]]) })).toBe("all one");
  expect(page(rows, { tags: new Map([["b", "2"]]).set("a", "1") })).toBe("all");
});

test("model: a search has a next page if and only if there is another match", () => {
  const rows = ["a1", "b1", "a2", "b2"].map((id) => [id, born] as const);
  expect(page(rows, { limit: 3 })).toBe("a1 b1 a2 ...");
  expect(page(rows, { limit: 4 })).toBe("a1 b1 a2 b2");
  expect(page(rows, { limit: 2, pattern: "a*" })).toBe("a1 a2");
  expect(page(rows, { limit: 1, pattern: "a*" })).toBe("a1 ...");
  expect(page([], { limit: 1 })).toBe("");
});

test("model: a page ends once it weighs enough, and never before its first row", () => {
  const tags = new Map([["tag", "text"]]);
  const heavy = { ...ended("resolved"), tags }; // param 2 + 4, value 4, tags 3 + 4, id 1: 18
  const rows = ["a", "b", "c"].map((id) => [id, heavy] as const);
  const pages = [0, 1, 18, 19, 36, 37, 99].map((weightMax) => page(rows, { weightMax }));
  expect(pages).toEqual(["a ...", "a ...", "a ...", "a b ...", "a b ...", "a b c", "a b c"]);
});

const letters = fc.string({ unit: fc.constantFrom("a", "b", "*", "%", "_", "."), maxLength: 8 });

property.prop([letters, letters], { seed: 20_260_401, numRuns: 5_000 })(
  "model: an asterisk is any run of characters, and everything else is itself",
  (id, pattern) => {
    const source = [...pattern].map((each) => (each === "*" ? "[^]*" : `[${each}]`)).join("");
    const expected = new RegExp(`^${source}$`).test(id) ? id : "";
    expect(page([[id, born]], { pattern })).toBe(expected);
  },
);

const variants: readonly Partial<ModelPromise>[] = [
  {},
  { state: "resolved" },
  { state: "rejected" },
  { state: "canceled" },
  { state: "timedout" },
  { value: { headers: noTags, data: null } },
  { value: { headers: null, data: "" } },
  { value: { headers: null, data: "null" } },
  { value: param },
  { param: empty },
  { param: { headers: param.headers, data: null } },
  { tags: new Map([["a", "b"]]) },
  { tags: new Map([["a,b", ""]]) },
  { tags: new Map([["a", "b"]]).set("", "") },
  { tags: new Map([["", ""]]).set("a", "b") },
  { timeoutAt: 2n ** 53n },
  { timeoutAt: 2n ** 53n + 1n },
  { createdAt: 2 },
  { settledAt: 0 },
  { settledAt: 1 },
  { createKey: null },
  { createKey: "" },
  { createKey: "null" },
  { createKey: "\u{d800}" },
  { createKey: "\\ud800" },
  { settleKey: "" },
  { settleKey: "k" },
  { isExternal: false },
];
const waits = [["w"], ["w", ""], ['w",""'], ["w "]];

test("model: no two records have one canonical text, and each has only one", () => {
  const records = [
    ...[nothing, alone(null, ["w"])],
    ...variants.map((chosen) => alone({ ...born, ...chosen })),
    ...waits.map((callbacks) => alone(born, callbacks)),
  ];
  expect(new Set(records.map(canonical)).size).toBe(records.length);
  expect(structuredClone(records).map(canonical)).toEqual(records.map(canonical));
});

test("model: takes the commands and searches of the kernel as they are", () => {
  const asked = (each: Command): ModelCommand => each;
  const sought = (each: SearchPromises): ModelSearch => each;
  expect([asked, sought].every((convert) => typeof convert === "function")).toBe(true);
});

test("model: O4: the version holds a task, whoever says it", () => {
  const promise = { ...born, tags: new Map([["resonate:target", "poll://any@g"]]) };
  const task = { state: "acquired", version: 2, resumes: [], pid: "w", ttl: 5n } as const;
  const kept = { p: { ...nothing, promise, task } };
  const release = (version: number): ModelCommand => ({ kind: "release_task", id: "p", version });
  for (const version of [0, 1, 3]) {
    expect(play(kept, release(version), 1).answer).toEqual({
      kind: "refused",
      refusal: "task_not_held",
    });
  }
  const { answer, after } = play(kept, release(2), 1);
  expect(answer).toEqual({ kind: "done" });
  expect(after.get("p")?.task).toEqual({ ...task, state: "pending", pid: null, ttl: null });
});
