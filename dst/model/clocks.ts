// When a task is offered to its target, and when again (protocol.md §0 "dispatch", §3.2 and §4).

import type { Draft } from "./draft.ts";
import { isTimer, later, type ModelPromise, stopped } from "./record.ts";

/** Decision 15: so many releases in a row are free, the next one waits so long, then twice. */
const releasesFree = 3;
const pauseMs = 100;

const unoffered = { offeredAt: null, isMissed: false };

/** Of a pending task: now, or once its delay is over; a timer's never, before its deadline. */
export function offer(draft: Draft, id: string): void {
  const { promise, task, clock } = draft.record(id);
  if (promise === null || task === null) return;
  const { now } = draft;
  const waitsUntil = isTimer(promise) ? promise.timeoutAt : delayOf(promise);
  if (waitsUntil > now) {
    draft.setClock(id, { ...clock, ...unoffered, at: waitsUntil });
    return;
  }
  const at = later(now, draft.rules.retryMs);
  draft.setClock(id, { ...clock, at, offeredAt: now, isMissed: false });
  const to = promise.tags.get("resonate:target") ?? "";
  draft.messages.push({ kind: "execute", to, id, version: task.version });
}

/** For another reason than a release, so that releases are counted from none. */
export function offerAnew(draft: Draft, id: string): void {
  draft.setClock(id, stopped);
  offer(draft, id);
}

/** Its worker gave it back. */
export function offerReleased(draft: Draft, id: string): void {
  const { retryMs } = draft.rules;
  const { clock } = draft.record(id);
  const releases = clock.releases + 1;
  draft.setClock(id, { ...clock, releases });
  if (releases <= releasesFree) {
    offer(draft, id);
    return;
  }
  const waits = releases - releasesFree > 20 ? retryMs : pauseMs * 2 ** (releases - 4);
  const at = later(draft.now, Math.min(retryMs, waits));
  draft.setClock(id, { ...unoffered, at, releases });
}

/** Somebody holds it, for so long. */
export function lend(draft: Draft, id: string, ttl: bigint): void {
  const { clock } = draft.record(id);
  draft.setClock(id, { ...clock, ...unoffered, at: later(draft.now, ttl) });
}

/** No such tag: long ago. */
function delayOf({ tags }: ModelPromise): bigint {
  return BigInt(tags.get("resonate:delay") ?? 0);
}
