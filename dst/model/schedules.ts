// Schedules (protocol.md §3.3 and §6).
//
//   O7. Every occurrence is fired, the oldest first, each by one step that moves the schedule on and
//       makes a promise as at that occurrence. An id that is taken, or would be too long, makes none.
//   O8. Whoever creates what is there is shown it, once what it asks for is found to be valid.

import { offer } from "./clocks.ts";
import { type ModelAnswer, type ModelCreateSchedule, type ModelFire, refused } from "./command.ts";
import { nextOf } from "./cron.ts";
import type { Draft } from "./draft.ts";
import { bornAt } from "./promises.ts";
import { int64Max, later, type ModelPairs, type ModelSchedule, scheduleName } from "./record.ts";

/** Ten years of 365.25 days, ms. */
const firstMaxMs = 315_576_000_000;

/** protocol.md §2.2. */
export const idBytesMax = 2048;

export function createSchedule(draft: Draft, command: ModelCreateSchedule): ModelAnswer {
  const { kind: _, id, ...definition } = command;
  const name = scheduleName(id);
  const record = draft.record(name);
  const next = nextOf(ruleOf(definition), draft.now);
  if (next.kind === "invalid" && next.part === "zone") return refused("schedule_time_zone_invalid");
  if (next.kind !== "occurs" || next.at - draft.now > firstMaxMs) {
    return refused("schedule_cron_invalid");
  }
  const fresh = {
    ...definition,
    createdAt: draft.now,
    lastRunAt: null,
    nextRunAt: BigInt(next.at),
  };
  const schedule = record.schedule ?? fresh; // O8
  if (record.schedule === null) draft.set(name, { ...record, schedule });
  return { kind: "schedule", id, schedule };
}

export function getSchedule(draft: Draft, id: string): ModelAnswer {
  const { schedule } = draft.record(scheduleName(id));
  return schedule === null ? refused("schedule_not_found") : { kind: "schedule", id, schedule };
}

export function deleteSchedule(draft: Draft, id: string): ModelAnswer {
  const record = draft.record(scheduleName(id));
  if (record.schedule === null) return refused("schedule_not_found");
  draft.set(scheduleName(id), { ...record, schedule: null });
  return { kind: "done" };
}

/** Early, double, or meant for another schedule of that id: nothing. */
export function fire(draft: Draft, { id, occurrenceAt, promiseId }: ModelFire): void {
  const name = scheduleName(id);
  const record = draft.record(name);
  const { schedule } = record;
  const isDue = schedule?.nextRunAt === BigInt(occurrenceAt) && occurrenceAt <= draft.now;
  if (!isDue || promiseOf(id, schedule, occurrenceAt) !== promiseId) return;
  const next = nextOf(ruleOf(schedule), occurrenceAt);
  const nextRunAt = next.kind === "occurs" ? BigInt(next.at) : int64Max;
  draft.set(name, { ...record, schedule: { ...schedule, lastRunAt: occurrenceAt, nextRunAt } });
  const isFree = promiseId !== null && draft.record(promiseId).promise === null;
  if (!isFree) return; // O7
  const { promiseParam: param, promiseTimeoutMs } = schedule;
  const tags = tagsOf(id, schedule.promiseTags, promiseId);
  const timeoutAt = later(occurrenceAt, promiseTimeoutMs);
  const { task } = bornAt(draft, promiseId, { param, tags, timeoutAt, createdAt: occurrenceAt });
  if (task?.state === "pending") offer(draft, promiseId);
}

/** Null: it would be too long. */
function promiseOf(id: string, { promiseIdTemplate }: ModelSchedule, at: number): string | null {
  const parts = promiseIdTemplate.split("{{.timestamp}}"); // neither holds a piece of the other
  const name = parts.map((part) => part.split("{{.id}}").join(id)).join(String(at));
  return bytesOf(name) > idBytesMax ? null : name;
}

/** In UTF-8. */
export function bytesOf(text: string): number {
  return encodeURIComponent(text).replace(/%../g, "x").length;
}

function tagsOf(id: string, given: ModelPairs, promiseId: string): ModelPairs {
  const tags = new Map(given);
  tags.set("resonate:schedule", id);
  for (const name of ["origin", "branch", "parent"]) tags.set(`resonate:${name}`, promiseId);
  return tags;
}

function ruleOf({ cron, promiseTags }: Pick<ModelSchedule, "cron" | "promiseTags">) {
  return { expression: cron, zone: promiseTags.get("resonate:timezone") ?? "UTC" };
}
