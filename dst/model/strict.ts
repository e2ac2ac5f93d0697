// What a strict server refuses (protocol.md §0, decisions 5 to 7): what crosses from one call graph into
// another, and one promise that is awaited twice. The origin of a promise is its tag, else the root of its id.

import type { ModelCreate, ModelRefusal, ModelSettle } from "./command.ts";
import type { Draft } from "./draft.ts";
import { isTargeted, isTimer, type ModelPairs } from "./record.ts";

/** Null: nothing, as always where nobody is strict. */
export function refuseAwaited(
  draft: Draft,
  awaiter: string,
  awaited: readonly string[],
): ModelRefusal | null {
  if (!draft.rules.isStrict) return null;
  const own = originOf(draft, awaiter);
  if (awaited.some((id) => originOf(draft, id) !== own)) return "origins_differ";
  return new Set(awaited).size < awaited.length ? "awaited_repeated" : null;
}

/** A root may be created from anywhere. */
export function refuseFenced(
  draft: Draft,
  task: string,
  action: ModelCreate | ModelSettle,
): ModelRefusal | null {
  if (!draft.rules.isStrict) return null;
  const isCreation = action.kind === "create_promise";
  const origin = originOf(draft, action.id, isCreation ? action.tags : undefined);
  const isRoot = isCreation && origin === action.id;
  return isRoot || origin === originOf(draft, task) ? null : "origins_differ";
}

/** Of the action of a fence, once its task is known to be held. */
export function isTimerWithTarget({ rules }: Draft, action: ModelCreate | ModelSettle): boolean {
  if (!rules.isStrict || action.kind !== "create_promise") return false;
  return isTimer(action) && isTargeted(action);
}

/** @param planned tags of one that is not there yet */
function originOf(draft: Draft, id: string, planned?: ModelPairs): string {
  const tag = (draft.record(id).promise?.tags ?? planned)?.get("resonate:origin");
  if (tag !== undefined) return tag;
  const end = id.includes(":") ? id.indexOf(":") : id.indexOf(".");
  return end < 0 ? id : id.slice(0, end);
}
