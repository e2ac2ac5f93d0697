// One command over the working set, from start to end, with nothing in between.
//
//   E1. A refusal changes nothing, save for the timeout that it may have come upon: that fact stays.
//   E2. A promise that is settled by a command, by whatever route, causes the drains of its waiters.

import { assert, unreachable } from "./assert.ts";
import { decideDrain, decideRegister } from "./callback.ts";
import {
  type Command,
  type CreatePromise,
  type InternalCommand,
  keys,
  type RegisterCallback,
  type Response,
  refused,
  type SettlePromise,
} from "./command.ts";
import type { PromiseId } from "./ids.ts";
import { decideCreate, decideSettle, timeout } from "./promise.ts";
import { drains } from "./settle.ts";
import { promiseKey, type StreamKey } from "./stream.ts";
import type { Author, WorkingSet } from "./working-set.ts";

export type Execution = {
  /** True once the working set is durable, and not a moment before; null: nobody has asked. */
  readonly response: Response | null;
  /** What the commit of this command makes due at once. */
  readonly caused: readonly InternalCommand[];
};

const nothing: readonly InternalCommand[] = [];

export function execute(set: WorkingSet, command: Command, author: Author): Execution {
  const touched = keys(command);
  const pending = touched.filter((key) => set.state(key).promise.kind === "pending");
  const response = run(set, command, author);
  const caused = pending.flatMap((key) => drains(key, set.state(key))); // E2
  return { response, caused: caused.length === 0 ? nothing : caused };
}

function run(set: WorkingSet, command: Command, author: Author): Response | null {
  switch (command.kind) {
    case "create_promise":
    case "settle_promise":
      return change(set, command, author);
    case "get_promise":
      touch(set, promiseKey(command.id), author);
      return show(set, command.id, false);
    case "settle_at_deadline":
      touch(set, promiseKey(command.id), author);
      return null;
    case "register_callback":
      return register(set, command, author);
    case "drain_callback": {
      const awaited = promiseKey(command.awaited);
      touch(set, promiseKey(command.awaiter), author);
      const events = decideDrain(set.state(awaited), command.awaiter);
      for (const event of events) set.append(awaited, event, author);
      return null;
    }
    default:
      return unreachable(command);
  }
}

function change(set: WorkingSet, command: CreatePromise | SettlePromise, author: Author): Response {
  const key = promiseKey(command.id);
  touch(set, key, author); // E1
  const { promise } = set.state(key);
  const decision =
    command.kind === "create_promise"
      ? decideCreate(promise, command, author.now)
      : decideSettle(promise, command, author.now);
  if (decision.kind === "refused") return decision;
  for (const event of decision.events) set.append(key, event, author);
  return show(set, command.id, decision.events.length > 0);
}

function register(set: WorkingSet, command: RegisterCallback, author: Author): Response {
  const awaited = promiseKey(command.awaited);
  const awaiter = promiseKey(command.awaiter);
  assert(command.awaited !== command.awaiter, "a promise that waits for itself"); // C3
  touch(set, awaited, author); // E1
  touch(set, awaiter, author);
  const decision = decideRegister(set.state(awaited), set.state(awaiter).promise, command.awaiter);
  if (decision.kind === "refused") return decision;
  for (const event of decision.events) set.append(awaited, event, author);
  return show(set, command.awaited, decision.events.length > 0);
}

/** Settles a promise whose deadline has passed (promise.ts, P2). */
function touch(set: WorkingSet, key: StreamKey, author: Author): void {
  const settled = timeout(set.state(key).promise, author.now);
  if (settled !== null) set.append(key, settled, author);
}

function show(set: WorkingSet, id: PromiseId, changed: boolean): Response {
  const { promise } = set.state(promiseKey(id));
  if (promise.kind === "absent") return refused("promise_not_found");
  return { kind: "promise", id, promise, changed };
}
