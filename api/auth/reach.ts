// Which ids a request names, for both APIs and for workers that listen: the table of protocol.md §8,
// and promise-api.md §1.8. It reads requests of the current protocol before they are validated, so it
// takes nothing for granted about their shape, and refuses nothing for it (G4).
//
//   W1. A kind that is not in the table is covered by none but an admin and the empty prefix.
//   W2. A schedule is judged by the ids it will fire, whenever it fires.
//   W3. A worker receives nothing about a promise that its token could not read.
//   W4. Nor is it shown such a promise with its task: a branch is a tag, so anybody may name any.

import { unreachable } from "../../kernel/assert.ts";
import type {
  RegisterListener,
  Request,
  ScheduleCommand,
  TaskCommand,
} from "../../kernel/command.ts";
import type { List } from "../../kernel/list.ts";
import type { Answer } from "../gateway.ts";
import { covers, type Grant, type Reach } from "./grant.ts";

type ReachOf = (data: unknown) => Reach;

const named = ids("id");
const search: ReachOf = (data) => ({ kind: "ids_under", idPrefix: memberOf(data, "idPrefix") });
const anything: ReachOf = () => ({ kind: "all_ids" });
const server: ReachOf = () => ({ kind: "server" });

// biome-ignore format: a table is read down its columns
const reaches = {
  "promise.get":               named,
  "promise.create":            named,
  "promise.settle":            named,
  "promise.register_callback": ids("awaited", "awaiter"),
  "promise.register_listener": ids("awaited"),
  "promise.search":            search,
  "task.get":                  named,
  "task.create":               ids("action.data.id"),
  "task.acquire":              named,
  "task.release":              named,
  "task.fulfill":              named,
  "task.suspend":              ids("id", "actions.*.data.awaited"),
  "task.fence":                ids("id", "action.data.id"),
  "task.heartbeat":            ids("tasks.*.id"),
  "task.halt":                 named,
  "task.continue":             named,
  "task.search":               search,
  "schedule.get":              named,
  "schedule.create":           scheduled,
  "schedule.delete":           named,
  "schedule.search":           search,
} as const satisfies Readonly<Record<string, ReachOf>>;

/** The operations of protocol.md §3, which have a row. */
export type AuthorizedKind = keyof typeof reaches;

const byKind: ReadonlyMap<string, ReachOf> = new Map(Object.entries(reaches));

/** @param data as it was parsed, of any shape */
export function coversOperation(grant: Grant, kind: string, data: unknown): boolean {
  const reachOf = kind.startsWith("debug.") ? server : (byKind.get(kind) ?? anything); // W1
  return covers(grant, reachOf(data));
}

/** Whether a debug time counts; that of others is ignored, and refuses nothing. */
export function mayDriveTime(grant: Grant): boolean {
  return covers(grant, { kind: "server" });
}

/** For the original API, over HTTP and gRPC. */
export function coversRequest(grant: Grant, request: OriginalRequest): boolean {
  return covers(grant, reachOfRequest(request));
}

/** What the original API can ask; what the current protocol asks is judged before it is decoded. */
export type OriginalRequest = Exclude<
  Request,
  TaskCommand | ScheduleCommand | RegisterListener | List
>;

function reachOfRequest(request: OriginalRequest): Reach {
  switch (request.kind) {
    case "get_promise":
    case "create_promise":
    case "settle_promise":
      return { kind: "ids", ids: [request.id] };
    case "register_callback":
      return { kind: "ids", ids: [request.awaited, request.awaiter] };
    case "search_promises":
      return { kind: "all_ids" }; // a pattern is no prefix
    case "read_events":
      return request.of === null ? { kind: "all_ids" } : { kind: "ids", ids: [request.of.id] };
    default:
      return unreachable(request);
  }
}

export function mayListen(grant: Grant, group: string): boolean {
  const { isAdmin, prefix, groups } = grant;
  if (isAdmin) return true;
  return prefix !== null && (groups === null || groups.includes(group));
}

/** @param id of the task or promise that the message is about */
export function mayReceive(grant: Grant, id: string): boolean {
  return covers(grant, { kind: "ids", ids: [id] }); // W3
}

/** W4. The answer as far as the token reaches. */
export function withinReach(grant: Grant, answer: Answer): Answer {
  if (answer.kind !== "claim" && answer.kind !== "not_suspended") return answer;
  return { ...answer, preload: answer.preload.filter(({ id }) => mayReceive(grant, id)) };
}

/** @param paths members within the data, joined by dots; `*` is every element of an array */
function ids(...paths: readonly string[]): ReachOf {
  const allSteps = paths.map((path) => path.split("."));
  return (data) => ({ kind: "ids", ids: allSteps.flatMap((steps) => valuesAt(data, steps)) });
}

function valuesAt(value: unknown, [step, ...rest]: readonly string[]): readonly unknown[] {
  if (step === undefined) return [value];
  if (step !== "*") return valuesAt(memberOf(value, step), rest);
  return Array.isArray(value) ? value.flatMap((each: unknown) => valuesAt(each, rest)) : [];
}

function memberOf(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Readonly<Record<string, unknown>>)[name];
}

const idPlaceholder = "{{.id}}";
const timePlaceholder = "{{.timestamp}}";

/**
 * W2. Only what stands before the instant is known beforehand. It is looked for once the id is in
 * place, since the two together may spell it. Without an id, a template with a place for one says
 * nothing yet (G4).
 */
function scheduled(data: unknown): Reach {
  const [id, template] = [memberOf(data, "id"), memberOf(data, "promiseId")];
  if (typeof template !== "string") return { kind: "ids", ids: [id] };
  const isOpen = typeof id !== "string" && template.includes(idPlaceholder);
  if (isOpen) return { kind: "ids", ids: [] };
  // By a function, because a replacement that is a string has patterns of its own: `$'`.
  const fired = typeof id === "string" ? template.replaceAll(idPlaceholder, () => id) : template;
  const [known] = fired.split(timePlaceholder);
  return { kind: "ids", ids: [id, known] };
}
