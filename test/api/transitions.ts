// The table of promise-api.md §4.2, and how each of its cells is played, for every API that has it: what
// is asked first, what then, and what is looked at. How to ask is the API's own.

import { expect } from "vitest";
import type { InProcess } from "../in-process.ts";

export type Operation = "create" | "resolve" | "reject" | "cancel";
export type State =
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
export type Cell = string | null;
export type Row = readonly [State, Operation, Cell, Cell, Cell, Cell];

const na = null;
const [done, out] = ["RESOLVED", "REJECTED_TIMEDOUT"];

// biome-ignore format: a table is read down its columns
export const table: readonly Row[] = [
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

export type Case = {
  readonly row: Row;
  readonly isKept: boolean;
  readonly key: "match" | "another" | "none";
  readonly strict: boolean;
  readonly isSwept: boolean;
};

export const cases = (row: Row): readonly Case[] => {
  const isDue = row[0].startsWith("due");
  return [true, false].flatMap((isKept) =>
    (["match", "another", "none"] as const).flatMap((key) =>
      [true, false].flatMap((strict) =>
        (isDue ? [true, false] : [false]).map((isSwept) => {
          return { row, isKept, key, strict, isSwept };
        }),
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

export const timeout = 5_000;
const timer = { "resonate:timer": "true" };
const completed: Readonly<Partial<Record<State, Operation>>> = {
  RESOLVED: "resolve",
  REJECTED: "reject",
  REJECTED_CANCELED: "cancel",
};

/** Of a write to the promise `p`. */
export type Asked = {
  readonly operation: Operation;
  /** Null: none. */
  readonly key: string | null;
  readonly strict: boolean;
  /** Of a create. */
  readonly tags: Readonly<Record<string, string>>;
  /** Base64; of a completion. */
  readonly data: string;
};

export type Answered = {
  /** In the words of HTTP: `201`, or `403 4030`. */
  readonly told: string;
  /** Something that is equal if, and only if, the promise is; null without one. */
  readonly promise: unknown;
};

/** How the promise `p` is asked about through one API. */
export type Api = {
  readonly send: (asked: Asked) => Promise<Answered>;
  /** @returns the state, null if there is no promise */
  readonly read: () => Promise<{ readonly state: string | null; readonly promise: unknown }>;
  /** The kinds of the events that are stored. */
  readonly log: () => Promise<readonly string[]>;
};

export type World = { readonly server: InProcess; readonly api: Api };

const keyOf = (operation: Operation): string => (operation === "create" ? "c" : "s");

async function prepare({ row: [state], isKept, isSwept }: Case, world: World): Promise<void> {
  const { api, server } = world;
  if (state === "absent, past") server.now = timeout;
  if (state.startsWith("absent")) return;
  const birth = { operation: "create", key: isKept ? "c" : null } as const;
  const tags = state.includes("timer") ? timer : {};
  expect((await api.send({ ...birth, strict: false, tags, data: "" })).told).toBe("201");
  const operation = completed[state];
  if (operation !== undefined) {
    const end = { operation, key: isKept ? "s" : null, strict: false, tags: {}, data: "dg==" };
    expect((await api.send(end)).told).toBe("201");
  }
  const isPast = isSwept || state === "REJECTED_TIMEDOUT" || state === "timer, RESOLVED";
  if (isPast || state.startsWith("due")) server.now = timeout;
  if (isPast) server.turn();
}

export async function play(each: Case, world: World): Promise<void> {
  const { row, key, strict, isSwept } = each;
  const { api } = world;
  await prepare(each, world);
  const [state, operation] = row;
  // To look is to turn the kernel, which sweeps: a deadline that is to be come upon is not looked at.
  const before = state.startsWith("due") && !isSwept ? [] : await api.log();
  if (isSwept) expect(before).toContain("promise_settled");
  const keys = { match: keyOf(operation), another: "z", none: null };
  const answer = await api.send({ operation, key: keys[key], strict, tags: {}, data: "bmV3" });
  const read = await api.read();
  const seen = read.state === null ? answer.told : `${answer.told} ${read.state}`;
  expect(seen, JSON.stringify(each)).toBe(expected(each));
  if (answer.promise !== null) expect(answer.promise).toEqual(read.promise);
  expect(answer.promise === null).toBe(!answer.told.startsWith("20"));
  if (answer.told !== "201") {
    const settled = state.startsWith("due") ? ["promise_created", "promise_settled"] : before;
    expect(await api.log(), "a refusal or a repeat changed something").toEqual(settled);
  }
}

/** How many cells there are, and how many of them `cases` comes to. */
export function coverage(): { readonly filled: number; readonly reached: number } {
  const filled = table.flatMap((row) => row.slice(2).filter((cell) => cell !== na)).length;
  const reached = new Set(
    table.flatMap((row, index) =>
      cases(row).map((each) => {
        const isMatch = each.key === "match" && each.isKept;
        return `${index} ${isMatch && row[2] !== na} ${each.strict}`;
      }),
    ),
  );
  return { filled, reached: reached.size };
}
