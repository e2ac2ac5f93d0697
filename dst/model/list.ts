// Searches by id (protocol.md §7), over all that the model keeps.
//
//   O9. A passed deadline is filtered and shown: its promise as settled, its task as fulfilled.
//   O10. By the bytes of the ids in UTF-8, which is the order of their code points.

import {
  type ModelPairs,
  type ModelPromise,
  type ModelRecord,
  type ModelSchedule,
  type ModelState,
  type ModelTask,
  onTime,
  scheduleName,
} from "./record.ts";
import { pairsWeight, promiseWeight, valueWeight } from "./search.ts";

type OfPage = {
  readonly idPrefix: string;
  /** Only ids behind it; null: from the first. */
  readonly after: string | null;
  /** At least 1. */
  readonly limit: number;
};
export type ModelList =
  | (OfPage & {
      readonly kind: "list_promises";
      readonly state: ModelState | null;
      /** Every pair must be there; so below. */
      readonly tags: ModelPairs;
    })
  | (OfPage & { readonly kind: "list_tasks"; readonly state: ModelTask["state"] | null })
  | (OfPage & { readonly kind: "list_schedules"; readonly tags: ModelPairs });

/** `record` is projected. */
export type ModelListed = {
  readonly rows: readonly { readonly id: string; readonly record: ModelRecord }[];
  readonly hasMore: boolean;
};

/** @param weightMax characters; a page that weighs as much takes no further row */
export function list(
  records: Iterable<readonly [name: string, record: ModelRecord]>,
  query: ModelList,
  { now, weightMax }: { readonly now: number; readonly weightMax: number },
): ModelListed {
  const found: { id: string; record: ModelRecord; weight: number }[] = [];
  const start = query.kind === "list_schedules" ? scheduleName("") : "";
  for (const [name, stored] of records) {
    if (!name.startsWith(start + query.idPrefix)) continue;
    const id = name.slice(start.length);
    if (query.after !== null && compare(id, query.after) <= 0) continue;
    const record = onTime(stored, now); // O9
    if (isFound(record, query)) found.push({ id, record, weight: id.length + weightOf(stored) });
  }
  found.sort((left, right) => compare(left.id, right.id));
  let weight = 0;
  let count = 0;
  for (const row of found) {
    if (count > 0 && (count >= query.limit || weight >= weightMax)) break;
    weight += row.weight;
    count += 1;
  }
  return { rows: found.slice(0, count), hasMore: count < found.length };
}

function isFound({ schedule, promise, task }: ModelRecord, query: ModelList): boolean {
  switch (query.kind) {
    case "list_promises": {
      const isAsked = query.state === null || promise?.state === query.state;
      return promise !== null && isAsked && holds(promise, query.tags);
    }
    case "list_tasks":
      return task !== null && (query.state === null || task.state === query.state);
    case "list_schedules":
      return schedule !== null && holds({ tags: schedule.promiseTags }, query.tags);
  }
}

function holds({ tags }: Pick<ModelPromise, "tags">, wanted: ModelPairs): boolean {
  for (const [name, text] of wanted) if (tags.get(name) !== text) return false;
  return true;
}

/** O10. */
function compare(left: string, right: string): number {
  const [these, those] = [left[Symbol.iterator](), right[Symbol.iterator]()];
  for (;;) {
    const [here, there] = [these.next(), those.next()];
    if (here.done === true || there.done === true) {
      return Number(there.done === true) - Number(here.done === true);
    }
    const ahead = pointOf(here.value) - pointOf(there.value);
    if (ahead !== 0) return ahead;
  }
}

function pointOf(character: string): number {
  return character.codePointAt(0) ?? 0;
}

/** All that is held in memory for it. */
function weightOf({ schedule, promise, task, callbacks, listeners }: ModelRecord): number {
  if (schedule !== null) return scheduleWeight(schedule);
  const texts = [...callbacks, ...listeners, ...(task?.resumes ?? []), task?.pid ?? ""];
  const waiting = texts.reduce((sum, text) => sum + text.length, 0);
  return waiting + (promise === null ? 0 : promiseWeight(promise));
}

function scheduleWeight({ cron, promiseIdTemplate, promiseParam, promiseTags }: ModelSchedule) {
  const carried = valueWeight(promiseParam) + pairsWeight(promiseTags);
  return cron.length + promiseIdTemplate.length + carried;
}
