// The operations of the current protocol, from the data of the envelope to what the kernel is asked
// (protocol.md §3).
//
//   V10. One operation is one command, but for a heartbeat: each task that it lists is one of its own.
//   V11. One id twice among those that a suspension awaits counts once (decision 7), unless strict: then
//        the kernel refuses it, behind the rules that need what is stored.

import type { CreatePromise, Request, SettlePromise } from "../../kernel/command.ts";
import type { PromiseId } from "../../kernel/ids.ts";
import { isTargeted } from "../../kernel/value.ts";
import { type Acceptance, usualAcceptance } from "../acceptance.ts";
import { isAddress } from "../address.ts";
import {
  brokenBirthRules,
  brokenCreationRules,
  invalidTarget,
  timerWithTarget,
} from "../creation.ts";
import { type Members, Reading } from "./reading.ts";
import { readSchedule } from "./schedules.ts";
import { searchPromises, searchSchedules, searchTasks } from "./searches.ts";

export type Decoded =
  | { readonly kind: "decoded"; readonly requests: readonly Request[] }
  | { readonly kind: "refused"; readonly reason: string };

type Read = (reading: Reading, data: Members) => Request | readonly Request[];

const shared = { key: null, strict: false, isShared: true } as const;

const promiseRequired = "Promise ID is required";
const taskRequired = "Task ID is required";
const awaitedRequired = "Awaited promise ID is required";
const awaiterRequired = "Awaiter promise ID is required";
const differs = "Awaited and awaiter must be different promises";

const operations: ReadonlyMap<string, Read> = new Map<string, Read>([
  ["promise.get", (r, { id }) => ({ kind: "get_promise", id: r.id(id, "id", promiseRequired) })],
  ["promise.create", (r, data) => creation(r, data)],
  ["promise.settle", (r, data) => settlement(r, data, "")],
  ["promise.register_callback", callback],
  ["promise.register_listener", listener],
  ["task.get", (r, { id }) => ({ kind: "get_task", id: r.id(id, "id", taskRequired) })],
  ["task.create", taskCreation],
  ["task.acquire", acquisition],
  ["task.release", (r, data) => ({ kind: "release_task", ...held(r, data) })],
  ["task.fulfill", fulfilment],
  ["task.suspend", suspension],
  ["task.fence", fence],
  ["task.heartbeat", heartbeat],
  ["task.halt", (r, { id }) => ({ kind: "halt_task", id: r.id(id, "id", taskRequired) })],
  ["promise.search", searchPromises],
  ["task.search", searchTasks],
  ["schedule.search", searchSchedules],
  ["schedule.get", (r, { id }) => ({ kind: "get_schedule", id: r.scheduleId(id, "id") })],
  ["schedule.create", readSchedule],
  ["schedule.delete", (r, { id }) => ({ kind: "delete_schedule", id: r.scheduleId(id, "id") })],
  ["task.continue", (r, { id }) => ({ kind: "continue_task", id: r.id(id, "id", taskRequired) })],
]);

export function isOperation(kind: string): boolean {
  return operations.has(kind);
}

export function decodeOperation(
  kind: string,
  data: Members,
  acceptance: Acceptance = usualAcceptance,
): Decoded {
  const read = operations.get(kind);
  if (read === undefined) return { kind: "refused", reason: `Unknown operation: ${kind}` };
  const reading = new Reading(acceptance);
  const asked = read(reading, data);
  const { reason } = reading;
  if (reason !== null) return { kind: "refused", reason };
  return { kind: "decoded", requests: [asked].flat() };
}

function creation(r: Reading, data: Members): CreatePromise {
  const made = birth(r, data, "");
  for (const rule of brokenCreationRules(made, r.acceptance)) r.expect(false, rule);
  return made;
}

/** A creation whose members are read, and whose rules across them are not judged. */
function birth(r: Reading, data: Members, prefix: string): CreatePromise {
  const id = r.newId(data["id"], `${prefix}id`);
  const timeoutAt = r.timeoutAt(data["timeoutAt"], `${prefix}timeoutAt`);
  const param = r.value(data["param"], `${prefix}param`);
  const tags = r.pairs(data["tags"], `${prefix}tags`);
  return { kind: "create_promise", id, timeoutAt, param, tags, isExternal: false, ...shared };
}

const outcomes: ReadonlyMap<unknown, SettlePromise["outcome"]> = new Map([
  ["resolved", "resolved"],
  ["rejected", "rejected"],
  ["rejected_canceled", "canceled"],
]);

function settlement(r: Reading, data: Members, prefix: string): SettlePromise {
  const id = r.id(data["id"], `${prefix}id`, promiseRequired);
  const outcome = outcomes.get(data["state"]);
  if (outcome === undefined) {
    r.misshapen(`${prefix}state must be resolved, rejected or rejected_canceled`);
  }
  const value = r.value(data["value"], `${prefix}value`);
  return { kind: "settle_promise", id, outcome: outcome ?? "resolved", value, ...shared };
}

function callback(r: Reading, data: Members): Request {
  const awaited = r.id(data["awaited"], "awaited", awaitedRequired);
  const awaiter = r.id(data["awaiter"], "awaiter", awaiterRequired);
  r.expect(awaited !== awaiter, differs);
  return { kind: "register_callback", awaited, awaiter };
}

function listener(r: Reading, data: Members): Request {
  const awaited = r.id(data["awaited"], "awaited", awaitedRequired);
  const address = r.filled(data["address"], "address", "Address is required");
  r.expect(isAddress(address, r.acceptance.targets), "Invalid listener address");
  return { kind: "register_listener", awaited, address };
}

function held(r: Reading, data: Members) {
  return {
    id: r.id(data["id"], "id", taskRequired),
    version: r.version(data["version"], "version"),
  };
}

function lease(r: Reading, data: Members) {
  const pid = r.filled(data["pid"], "pid", "Process ID is required");
  return { pid, ttl: r.ttl(data["ttl"], "ttl") };
}

function acquisition(r: Reading, data: Members): Request {
  return { kind: "acquire_task", ...held(r, data), ...lease(r, data) };
}

/** An action is an envelope without its head. */
function actionOf(
  r: Reading,
  input: unknown,
  kinds: readonly string[],
): readonly [string, Members] {
  const { kind, data } = r.object(input, "action");
  const isKnown = typeof kind === "string" && kinds.includes(kind);
  if (!isKnown) r.misshapen(`action.kind must be ${kinds.join(" or ")}`);
  return [isKnown ? kind : "", r.object(data, "action.data")];
}

function taskCreation(r: Reading, data: Members): Request {
  const holder = lease(r, data);
  const [, inner] = actionOf(r, data["action"], ["promise.create"]);
  const action = birth(r, inner, "action.data.");
  const rules = brokenCreationRules(action, r.acceptance);
  const isLate = (rule: string) => rule === invalidTarget || rule === timerWithTarget;
  for (const rule of rules.filter((each) => !isLate(each))) r.expect(false, rule);
  r.expect(isTargeted(action.tags), "Action must have a resonate:target tag");
  r.expect(!action.tags.has("resonate:delay"), "Action must not have a resonate:delay tag");
  for (const rule of rules.filter(isLate)) r.expect(false, rule);
  return { kind: "create_task", ...holder, action };
}

function fulfilment(r: Reading, data: Members): Request {
  const task = held(r, data);
  const [, inner] = actionOf(r, data["action"], ["promise.settle"]);
  const { id, outcome, value } = settlement(r, inner, "action.data.");
  r.expect(id === task.id, "Action ID must match the task ID");
  return { kind: "fulfill_task", ...task, outcome, value };
}

function suspension(r: Reading, data: Members): Request {
  const task = held(r, data);
  const actions = r.list(data["actions"], "actions");
  r.expect(actions.length > 0, "Actions array cannot be empty");
  const awaited: PromiseId[] = [];
  for (const [index, each] of actions.entries()) {
    const name = `actions[${index}]`;
    const { kind, data: inner } = r.object(each, name);
    if (kind !== "promise.register_callback") {
      r.misshapen(`${name}.kind must be promise.register_callback`);
    }
    const members = r.object(inner, `${name}.data`);
    const other = r.id(members["awaited"], `${name}.data.awaited`, awaitedRequired);
    const awaiter = r.id(members["awaiter"], `${name}.data.awaiter`, awaiterRequired);
    r.expect(other !== awaiter, differs);
    r.expect(awaiter === task.id, "All action awaiter IDs must match the task ID");
    awaited.push(other);
  }
  const once = r.acceptance.isStrict ? awaited : [...new Set(awaited)]; // V11
  return { kind: "suspend_task", ...task, awaited: once };
}

function fence(r: Reading, data: Members): Request {
  const task = held(r, data);
  const { kind, data: inner } = r.object(data["action"], "action");
  if (typeof kind !== "string") r.misshapen("action.kind must be a string");
  const own = new Reading(r.acceptance, "Invalid action data"); // V14
  const members = own.object(inner, "data");
  const action = kind === "promise.settle" ? settlement(own, members, "") : fenced(own, members);
  r.expect(members["id"] !== task.id, "Action ID must not equal the task ID");
  r.expect(fencedKinds.has(kind), "Invalid fence action kind");
  r.expectAll(own);
  return { kind: "fence_task", ...task, action };
}

const fencedKinds: ReadonlySet<unknown> = new Set(["promise.create", "promise.settle"]);

/** The rule of strict mode comes behind the claim, so it is the kernel's to judge. */
function fenced(r: Reading, data: Members): CreatePromise {
  const made = birth(r, data, "");
  for (const rule of brokenBirthRules(made, r.acceptance)) r.expect(false, rule);
  return made;
}

function heartbeat(r: Reading, data: Members): readonly Request[] {
  const pid = r.filled(data["pid"], "pid", "Process ID is required");
  return r.list(data["tasks"], "tasks").map((each, index) => {
    const name = `tasks[${index}]`;
    const { id, version } = r.object(each, name);
    return {
      kind: "heartbeat_task", // V10
      id: r.id(id, `${name}.id`, taskRequired),
      version: r.version(version, `${name}.version`),
      pid,
    } as const;
  });
}
