// The searches, from the data of the envelope to what the kernel is asked (protocol.md §7).
//
//   V16. A cursor may be any text, since it is compared with ids and nothing else; "" is none.

import type { List, ListTasks, TaskStateName } from "../../kernel/list.ts";
import type { StoredState } from "../../kernel/search.ts";
import type { Members, Reading } from "./reading.ts";
import { isAbsent } from "./reading.ts";

const limitMax = 1000;
const usualLimit = 100;
const usualScheduleLimit = 10;

const promiseStates: ReadonlyMap<unknown, StoredState> = new Map([
  ["pending", "pending"],
  ["resolved", "resolved"],
  ["rejected", "rejected"],
  ["rejected_canceled", "canceled"],
  ["rejected_timedout", "timedout"],
]);

const taskStates: ReadonlyMap<unknown, TaskStateName> = new Map(
  (["pending", "acquired", "suspended", "halted", "fulfilled"] as const).map((name) => [
    name,
    name,
  ]),
);

export function searchPromises(r: Reading, data: Members): List {
  const state = stateOf(r, data["state"], promiseStates);
  const tags = r.pairs(data["tags"], "tags");
  return { kind: "list_promises", state, tags, ...pageOf(r, data, usualLimit) };
}

export function searchTasks(r: Reading, data: Members): ListTasks {
  const state = stateOf(r, data["state"], taskStates);
  return { kind: "list_tasks", state, ...pageOf(r, data, usualLimit) };
}

export function searchSchedules(r: Reading, data: Members): List {
  const tags = r.pairs(data["tags"], "tags");
  return { kind: "list_schedules", tags, ...pageOf(r, data, usualScheduleLimit) };
}

function pageOf(r: Reading, { idPrefix, limit, cursor }: Members, usual: number) {
  return {
    idPrefix: isAbsent(idPrefix) ? "" : r.text(idPrefix, "idPrefix"),
    limit: isAbsent(limit) ? usual : limitOf(r, limit),
    after: cursorOf(r, cursor),
  };
}

function stateOf<Name>(r: Reading, input: unknown, states: ReadonlyMap<unknown, Name>) {
  if (isAbsent(input)) return null;
  const state = states.get(input);
  if (state === undefined) r.misshapen(`state must be ${[...states.keys()].join(", ")}`);
  return state ?? null;
}

function limitOf(r: Reading, input: unknown): number {
  if (typeof input !== "number") r.misshapen("limit must be a number");
  else if (!(input >= 1) || !Number.isInteger(input)) r.broken("Limit must be a positive integer");
  else if (input > limitMax) r.broken(`Invalid 'limit' — must be between 1 and ${limitMax}`);
  else return input;
  return 1;
}

/** V16. Half of a surrogate pair is no UTF-8, and stands for what a store would read in its place. */
function cursorOf(r: Reading, input: unknown): string | null {
  if (isAbsent(input) || input === "") return null;
  if (typeof input === "string") return input.toWellFormed();
  r.misshapen("cursor must be a string");
  return null;
}
