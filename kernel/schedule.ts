// The schedule: what may happen to one (`decide…`), and what did (`evolve`). It makes a promise at
// each occurrence of a cron expression. Protocol.md §3.3 and §6; test/kernel/schedule.test.ts is the
// same table.
//
//   F1. A schedule that exists is shown to whoever creates it again, and never changed.
//   F2. An expression makes a schedule only if it occurs within ten years of the creation.
//   F3. Every occurrence is fired, one by one, the oldest first. Each moves the schedule on, whatever
//       becomes of its promise.
//   F4. A firing is checked again when it runs: early, double, or meant for a schedule that is gone or
//       is another one by now, it does nothing.
//   F5. A promise is made as at its occurrence: created then, and due the given time later, at the
//       latest at the end of time. If that has passed by now, its deadline is for its stream to keep.
//   F6. A fired promise has the tags of the schedule, the schedule's id, and itself as its lineage.
//   F7. In the template `{{.id}}` and `{{.timestamp}}` are replaced, and what they bring along is not.
//   F8. An occurrence whose promise id would be too long makes no promise.
//   F9. An event carries the next firing, so that folding asks no cron. Int64Max: there is none.
//   F10. A schedule whose rule this node does not know (any more) is left as it is: another may.

import { assert, unreachable } from "./assert.ts";
import type { PromiseCreated } from "./event.ts";
import {
  type DeadlineMs,
  deadlineMs,
  earlier,
  type InstantMs,
  int64Max,
  isDue,
  later,
  type PromiseId,
  promiseId,
  type ScheduleId,
} from "./ids.ts";
import type { Cron, CronNext, CronRule } from "./ports.ts";
import type { Tags, Value } from "./value.ts";

/** What a client asks for, and reads again. */
export type ScheduleDefinition = {
  readonly cron: string;
  /** Of the ids of its promises (F7). */
  readonly promiseIdTemplate: string;
  /** From 0 to 2^63 - 1. */
  readonly promiseTimeoutMs: bigint;
  readonly promiseParam: Value;
  readonly promiseTags: Tags;
};

export type CreateSchedule = ScheduleDefinition & {
  readonly kind: "create_schedule";
  readonly id: ScheduleId;
};
export type DeleteSchedule = { readonly kind: "delete_schedule"; readonly id: ScheduleId };

/** Internal. It names the promise, so that its streams are known before it runs; null by F8. */
export type FireSchedule = {
  readonly kind: "fire_schedule";
  readonly id: ScheduleId;
  readonly occurrenceAt: InstantMs;
  readonly promiseId: PromiseId | null;
};

export type ScheduleCreated = ScheduleDefinition & {
  readonly kind: "schedule_created";
  readonly createdAt: InstantMs;
  readonly nextRunAt: DeadlineMs;
};
export type ScheduleFired = {
  readonly kind: "schedule_fired";
  readonly occurrenceAt: InstantMs;
  readonly nextRunAt: DeadlineMs;
};
export type ScheduleDeleted = { readonly kind: "schedule_deleted" };
export type ScheduleEvent = ScheduleCreated | ScheduleFired | ScheduleDeleted;

export type ScheduleRecord = ScheduleDefinition & {
  readonly kind: "live";
  readonly createdAt: InstantMs;
  /** The occurrence that was fired last, which may be long before the instant of its firing. */
  readonly lastRunAt: InstantMs | null;
  readonly nextRunAt: DeadlineMs;
};
/** A deleted schedule is absent, and may be created anew. */
export type ScheduleState = { readonly kind: "absent" } | ScheduleRecord;

export type ScheduleRefusal =
  | "schedule_not_found"
  /** Or it does not occur within ten years. */
  | "schedule_cron_invalid"
  | "schedule_time_zone_invalid";

export type ScheduleDecision =
  | { readonly kind: "accepted"; readonly events: readonly ScheduleEvent[] }
  | { readonly kind: "refused"; readonly refusal: ScheduleRefusal };

export type Firing =
  /** F4: nothing to be done. */
  | { readonly kind: "unchanged" }
  /** The promise is made only if there is none of this id (protocol.md §6). */
  | {
      readonly kind: "fired";
      readonly event: ScheduleFired;
      readonly promise: { readonly id: PromiseId; readonly event: PromiseCreated };
    }
  /** F8: worth a warning. */
  | { readonly kind: "skipped"; readonly event: ScheduleFired }
  /** F10: worth a warning. It stays due. */
  | { readonly kind: "stuck"; readonly part: "expression" | "zone" };

type At = { readonly now: InstantMs; readonly cron: Cron };

export const absent: ScheduleState = { kind: "absent" };
const unchanged: ScheduleDecision = { kind: "accepted", events: [] };

/** 3652.5 days of 86,400 s (protocol.md §6, "within ten years"). */
const firstRunMaxMs = 315_576_000_000n;

/** Protocol.md §2.2, ids. */
const promiseIdBytesMax = 2048;

const never = deadlineMs(int64Max);

export function evolve(state: ScheduleState, event: ScheduleEvent): ScheduleState {
  switch (event.kind) {
    case "schedule_created": {
      assert(state.kind === "absent", "a schedule is created twice"); // F1
      assert(event.createdAt < event.nextRunAt, "a schedule is created after its first run");
      const timeoutMs = event.promiseTimeoutMs;
      assert(timeoutMs >= 0n && timeoutMs <= int64Max, `${timeoutMs} is no time-out of a promise`);
      return { ...event, kind: "live", lastRunAt: null };
    }
    case "schedule_fired": {
      const { occurrenceAt, nextRunAt } = event;
      assert(state.kind === "live", "a schedule is fired that does not exist"); // F4
      assert(BigInt(occurrenceAt) === state.nextRunAt, "a schedule is fired out of turn"); // F3
      assert(occurrenceAt < nextRunAt, "a schedule is fired and does not move on"); // F3
      return { ...state, lastRunAt: occurrenceAt, nextRunAt };
    }
    case "schedule_deleted":
      assert(state.kind === "live", "a schedule is deleted that does not exist");
      return absent;
    default:
      return unreachable(event);
  }
}

/** When it wants to be fired, null for never. */
export function dueAt(state: ScheduleState): DeadlineMs | null {
  return state.kind === "absent" || state.nextRunAt === never ? null : state.nextRunAt;
}

/** Refusals in the order of protocol.md §3.3: of what is asked, even if the schedule exists. */
export function decideCreate(
  state: ScheduleState,
  { kind: _, id: __, ...definition }: CreateSchedule,
  { now, cron }: At,
): ScheduleDecision {
  const next = cron.next(ruleOf(definition), now);
  if (next.kind === "invalid" && next.part === "zone") return refuse("schedule_time_zone_invalid");
  if (next.kind !== "occurs") return refuse("schedule_cron_invalid");
  if (BigInt(next.at) - BigInt(now) > firstRunMaxMs) return refuse("schedule_cron_invalid"); // F2
  if (state.kind === "live") return unchanged; // F1
  const nextRunAt = nextRunOf(next);
  const created: ScheduleCreated = {
    ...definition,
    kind: "schedule_created",
    createdAt: now,
    nextRunAt,
  };
  return { kind: "accepted", events: [created] };
}

export function decideDelete(state: ScheduleState): ScheduleDecision {
  if (state.kind === "absent") return refuse("schedule_not_found");
  return { kind: "accepted", events: [{ kind: "schedule_deleted" }] };
}

export function decideFire(
  state: ScheduleState,
  { id, occurrenceAt, promiseId }: FireSchedule,
  { now, cron }: At,
): Firing {
  const isMeant =
    state.kind === "live" &&
    state.nextRunAt === BigInt(occurrenceAt) &&
    isDue(state.nextRunAt, now) &&
    promiseIdOf(id, state.promiseIdTemplate, occurrenceAt) === promiseId;
  if (!isMeant) return { kind: "unchanged" }; // F4
  const next = cron.next(ruleOf(state), occurrenceAt);
  if (next.kind === "invalid") return { kind: "stuck", part: next.part }; // F10
  const nextRunAt = nextRunOf(next);
  const event: ScheduleFired = { kind: "schedule_fired", occurrenceAt, nextRunAt };
  if (promiseId === null) return { kind: "skipped", event }; // F8
  const promise: PromiseCreated = {
    kind: "promise_created",
    createdAt: occurrenceAt,
    timeoutAt: later(occurrenceAt, state.promiseTimeoutMs), // F5
    param: state.promiseParam,
    tags: tagsOf(id, state.promiseTags, promiseId),
    key: null,
    isExternal: false,
  };
  return { kind: "fired", event, promise: { id: promiseId, event: promise } };
}

/** What a schedule owes at `now`, oldest first, at most `max` (F3). */
export function firings(
  id: ScheduleId,
  state: ScheduleState,
  { now, cron, max }: At & { readonly max: number },
): readonly FireSchedule[] {
  const commands: FireSchedule[] = [];
  if (state.kind === "absent") return commands;
  let nextRunAt = state.nextRunAt;
  while (commands.length < max && isDue(nextRunAt, now)) {
    const occurrenceAt = earlier(nextRunAt, now);
    const promiseId = promiseIdOf(id, state.promiseIdTemplate, occurrenceAt);
    commands.push({ kind: "fire_schedule", id, occurrenceAt, promiseId });
    const next = cron.next(ruleOf(state), occurrenceAt);
    if (next.kind === "invalid") break; // F10
    nextRunAt = nextRunOf(next);
  }
  return commands;
}

function ruleOf({ cron, promiseTags }: ScheduleDefinition): CronRule {
  return { expression: cron, zone: promiseTags.get("resonate:timezone") ?? "UTC" };
}

/** F9. */
function nextRunOf(next: Exclude<CronNext, { kind: "invalid" }>): DeadlineMs {
  return next.kind === "never" ? never : deadlineMs(BigInt(next.at));
}

/** Null if it would be too long (F8). */
function promiseIdOf(id: ScheduleId, template: string, occurrenceAt: InstantMs): PromiseId | null {
  const text = template.replace(/\{\{\.(id|timestamp)\}\}/g, (_, name) => {
    return name === "id" ? id : `${occurrenceAt}`; // F7
  });
  return byteLength(text) > promiseIdBytesMax ? null : promiseId(text);
}

/** F6. */
function tagsOf(id: ScheduleId, promiseTags: Tags, promise: PromiseId): Tags {
  return new Map([
    ...promiseTags,
    ["resonate:schedule", id],
    ["resonate:origin", promise],
    ["resonate:branch", promise],
    ["resonate:parent", promise],
  ]);
}

/** In UTF-8. The kernel has no TextEncoder. */
function byteLength(text: string): number {
  let bytes = 0;
  for (const character of text) {
    const point = character.codePointAt(0) ?? 0;
    if (point < 0x80) bytes += 1;
    else if (point < 0x800) bytes += 2;
    else bytes += point < 0x10000 ? 3 : 4;
  }
  return bytes;
}

function refuse(refusal: ScheduleRefusal): ScheduleDecision {
  return { kind: "refused", refusal };
}
