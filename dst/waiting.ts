// What a worker that connects is offered (protocol.md §1.3), as the store says it, beside the model.
//
//   W8. Only what waits for the receiver is brought, each once, the longest waiting first; and if one
//       page is all there is, all of it is on that page.

import type { WaitingPage, WaitingQuery } from "../kernel/waiting.ts";
import type { ModelRecord } from "./model/record.ts";
import type { Past } from "./past.ts";
import { Violation } from "./verdict.ts";

export function offered(past: Past, query: WaitingQuery, { streams, next }: WaitingPage): void {
  const { receiver, before, after, limit } = query;
  const since = (id: string) => waitsSince(past.now(id), receiver);
  const isWanted = (at: number | null) => at !== null && at < before;
  const ids = streams.map(({ key }) => key.id as string);
  if (ids.length > limit) throw new Violation("B", "waiting", "a page is longer than its limit");
  let last = -1;
  for (const id of ids) {
    const at = since(id);
    if (at === null || !isWanted(at)) fail("somebody is offered what does not wait", id);
    if (at < last) fail("what waits is not offered in its order", id);
    last = at;
  }
  if (new Set(ids).size < ids.length) fail("one thing is offered twice", ids[0] ?? "");
  if (after !== null || next !== null) return;
  const missing = past.ids().find((id) => isWanted(since(id)) && !ids.includes(id));
  if (missing !== undefined) fail("somebody is not offered what waits", missing);
}

/** 0: it was missed. Null: it does not wait for this receiver. */
function waitsSince({ promise, task, clock, tellings }: ModelRecord, to: string): number | null {
  if (promise === null) return null;
  if (promise.state === "pending") {
    const isOffered = task?.state === "pending" && clock.offeredAt !== null;
    if (!isOffered || receiverOf(promise.tags.get("resonate:target") ?? "") !== to) return null;
    return clock.isMissed ? 0 : clock.offeredAt;
  }
  const told = [...tellings]
    .filter(([address]) => receiverOf(address) === to)
    .map(([, { isMissed, toldAt }]) => (isMissed ? 0 : toldAt));
  return told.length === 0 ? null : Math.min(...told);
}

/** `poll://any@group` and `poll://any@group/id` by the group, `poll://uni@group/id` by both. */
function receiverOf(address: string): string | null {
  const [, cast, group = "", id] = /^poll:\/\/(any|uni)@([^/]+)(?:\/(.+))?$/s.exec(address) ?? [];
  if (cast === undefined) return null;
  if (cast === "any") return JSON.stringify([decoded(group)]);
  return id === undefined ? null : JSON.stringify([decoded(group), decoded(id)]);
}

/** No address of these worlds holds a percent that is not one. */
function decoded(text: string): string {
  return decodeURIComponent(text);
}

function fail(message: string, id: string): never {
  throw new Violation("W", "waiting", message, { ids: [id] });
}
