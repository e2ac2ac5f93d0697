// What the model keeps under one id, and what time makes of it (promise-api.md §2, protocol.md §2).
//
// The model says what the server should do a second time: as pure functions over whole records, in
// files that import nothing but each other, so that no mistake of the kernel can be theirs as well.

export type ModelPairs = ReadonlyMap<string, string>;
export type ModelValue = { readonly headers: ModelPairs | null; readonly data: string | null };
export type ModelState = "pending" | ModelOutcome;
export type ModelOutcome = "resolved" | "rejected" | "canceled" | "timedout";

export type ModelPromise = {
  readonly state: ModelState;
  readonly param: ModelValue;
  /** Empty while pending. */
  readonly value: ModelValue;
  readonly tags: ModelPairs;
  readonly timeoutAt: bigint;
  readonly createdAt: number;
  /** Null: pending. */
  readonly settledAt: number | null;
  readonly createKey: string | null;
  readonly settleKey: string | null;
  readonly isExternal: boolean;
};

export type ModelTask = {
  readonly state: "pending" | "acquired" | "suspended" | "halted" | "fulfilled";
  /** How often it was acquired. */
  readonly version: number;
  /** What it awaited and is settled, each once, in the order in which it was told. */
  readonly resumes: readonly string[];
  /** Null: nobody holds it; so is `ttl`. */
  readonly pid: string | null;
  readonly ttl: bigint | null;
};

/** Of a task: one at most, whatever its state (protocol.md §4). */
export type ModelClock = {
  readonly at: bigint | null;
  /** Since it was last suspended, woken, continued, or let lapse. */
  readonly releases: number;
  /** When it was offered last; null: not since its clock was set for something else. */
  readonly offeredAt: number | null;
  /** Its last `execute` found nobody. */
  readonly isMissed: boolean;
};

/** How far a listener has been told. */
export type ModelTelling = {
  readonly nextAt: bigint;
  /** When it was told last. */
  readonly toldAt: number;
  readonly failures: number;
  /** Null: it has not failed yet. */
  readonly failedSince: number | null;
  readonly isMissed: boolean;
};

/** What an operator may choose (protocol.md §0, settings); durations in ms. */
export type ModelRules = {
  /** RT. */
  readonly retryMs: number;
  /** How long a message is believed to be under way. */
  readonly patienceMs: number;
  readonly retentionMs: number;
  readonly awaitsAny: boolean;
  /** Promises of the same branch that come with a task; 0: none. */
  readonly preloadMax: number;
  /** What SDKs need and the specification forbids is refused. */
  readonly isStrict: boolean;
};

export type ModelSchedule = {
  readonly cron: string;
  readonly promiseIdTemplate: string;
  readonly promiseTimeoutMs: bigint;
  readonly promiseParam: ModelValue;
  readonly promiseTags: ModelPairs;
  readonly createdAt: number;
  /** The occurrence that was fired last; null: none yet. */
  readonly lastRunAt: number | null;
  /** 2^63 - 1: it never occurs again. */
  readonly nextRunAt: bigint;
};

/** All that is kept under one name. That of a promise is its id; for a schedule, see `scheduleName`. */
export type ModelRecord = {
  /** Null: no such schedule, or the name is that of a promise. */
  readonly schedule: ModelSchedule | null;
  readonly promise: ModelPromise | null;
  /** Null: the promise has no target. */
  readonly task: ModelTask | null;
  readonly clock: ModelClock;
  /** Ids of those that wait for it, in the order in which they came. */
  readonly callbacks: readonly string[];
  /** Addresses that want to be told, likewise. */
  readonly listeners: readonly string[];
  /** By address; none before the first attempt. */
  readonly tellings: ReadonlyMap<string, ModelTelling>;
};

export const stopped: ModelClock = { at: null, releases: 0, offeredAt: null, isMissed: false };

export const nothing: ModelRecord = {
  schedule: null,
  promise: null,
  task: null,
  clock: stopped,
  callbacks: [],
  listeners: [],
  tellings: new Map(),
};

export const emptyValue: ModelValue = { headers: null, data: null };
export const int64Max = 2n ** 63n - 1n;

/** No id holds a NUL, so no promise has such a name. */
export function scheduleName(id: string): string {
  return `schedule\0${id}`;
}

/** The record once its deadline has been looked at; the same object if nothing is overdue. */
export function onTime(record: ModelRecord, now: number): ModelRecord {
  const { promise } = record;
  if (promise === null) return record;
  const projected = project(promise, now);
  return projected === promise ? record : ended(record, projected);
}

/** promise-api.md §4.4; a deadline has passed at its very instant. */
export function project(promise: ModelPromise, now: number): ModelPromise {
  if (promise.state !== "pending" || promise.timeoutAt > now) return promise;
  const state = isTimer(promise) ? "resolved" : "timedout";
  return { ...promise, state, settledAt: Number(promise.timeoutAt) };
}

/** protocol.md §5: its task is fulfilled with it, and its clock stops. */
export function ended(record: ModelRecord, promise: ModelPromise): ModelRecord {
  const { task } = record;
  if (task === null) return { ...record, promise };
  const done = { ...task, ...unheld, state: "fulfilled", resumes: [] } as const;
  return { ...record, promise, task: done, clock: stopped };
}

/** What a task has no more once nobody holds it. */
export const unheld = { pid: null, ttl: null };

/** An instant so many ms later; 2^63 - 1 is never passed. */
export function later(now: number, ms: number | bigint): bigint {
  const at = BigInt(now) + BigInt(ms);
  return at < int64Max ? at : int64Max;
}

/** The earliest instant at which this record wants attention; null: never. */
export function dueAt(record: ModelRecord): bigint | null {
  const { schedule } = record;
  if (schedule !== null) return schedule.nextRunAt === int64Max ? null : schedule.nextRunAt;
  return earliest(owedAt(record), record.clock.at);
}

/** As `dueAt`, but for schedules and the clock of the task: what comes to an end once it is done. */
export function owedAt({ promise, callbacks, listeners, tellings }: ModelRecord): bigint | null {
  if (promise === null) return null;
  if (promise.settledAt === null) {
    const isArmed = isAwaitable(promise) || callbacks.length > 0 || listeners.length > 0;
    return isArmed ? promise.timeoutAt : null;
  }
  const settledAt = BigInt(promise.settledAt);
  let soonest = callbacks.length > 0 ? settledAt : null;
  for (const address of listeners) {
    soonest = earliest(soonest, tellings.get(address)?.nextAt ?? settledAt);
  }
  return soonest;
}

function earliest(left: bigint | null, right: bigint | null): bigint | null {
  if (left === null || right === null) return left ?? right;
  return left < right ? left : right;
}

export function isTimer({ tags }: Pick<ModelPromise, "tags">): boolean {
  return tags.get("resonate:timer") === "true" || tags.get("resonate:timeout") === "true";
}

export function isTargeted({ tags }: Pick<ModelPromise, "tags">): boolean {
  return tags.has("resonate:target");
}

/** Whether anybody may wait for it, which is more than whether its deadline is armed. */
export function mayBeAwaited(promise: ModelPromise, { awaitsAny }: ModelRules): boolean {
  return awaitsAny || isAwaitable(promise);
}

export function isAwaitable(promise: ModelPromise): boolean {
  const { tags, isExternal } = promise;
  if (isExternal || isTargeted(promise) || isTimer(promise)) return true;
  return tags.get("resonate:external") === "true" || tags.get("resonate:scope") === "global";
}

/** One text for each record, and no text for two: for interning, comparing and showing. */
export function canonical(record: ModelRecord): string {
  const { schedule, promise, task, clock, callbacks, listeners, tellings } = record;
  if (schedule !== null) return canonicalSchedule(schedule);
  const waiters = JSON.stringify(callbacks);
  const text = promise === null ? "nothing" : canonicalPromise(promise);
  const parts = [waiters, text];
  if (task !== null) {
    parts.push(
      canonicalTask(task),
      `${clock.at} ${clock.releases} ${clock.offeredAt} ${clock.isMissed}`,
    );
  }
  if (listeners.length > 0) {
    const told = [...tellings].map(([address, telling]) => {
      const { nextAt, toldAt, failures, failedSince, isMissed } = telling;
      return [address, String(nextAt), toldAt, failures, failedSince, isMissed];
    });
    parts.push(`listeners ${JSON.stringify(listeners)} ${JSON.stringify(told)}`);
  }
  return parts.join(" ");
}

/** As `canonical`, of a promise alone. */
export function canonicalPromise(promise: ModelPromise): string {
  const { state, param, value, tags, timeoutAt, createdAt, settledAt } = promise;
  const { createKey, settleKey, isExternal } = promise;
  const texts = [plainValue(param), plainValue(value), [...tags], createKey, settleKey];
  const flag = isExternal ? "external" : "internal";
  return `${state} ${flag} ${createdAt} ${timeoutAt} ${settledAt} ${JSON.stringify(texts)}`;
}

/** As `canonical`, of a schedule. */
export function canonicalSchedule(schedule: ModelSchedule): string {
  const { cron, promiseIdTemplate, promiseTimeoutMs, promiseParam, promiseTags } = schedule;
  const { createdAt, lastRunAt, nextRunAt } = schedule;
  const texts = [cron, promiseIdTemplate, plainValue(promiseParam), [...promiseTags]];
  const dates = `${createdAt} ${lastRunAt} ${nextRunAt}`;
  return `schedule ${dates} ${promiseTimeoutMs} ${JSON.stringify(texts)}`;
}

/** As `canonical`, of a task alone. */
export function canonicalTask({ state, version, resumes, pid, ttl }: ModelTask): string {
  const held = pid === null ? "" : ` by ${JSON.stringify(pid)} for ${ttl}`;
  return `task ${state} v${version} ${JSON.stringify(resumes)}${held}`;
}

function plainValue({ headers, data }: ModelValue): readonly unknown[] {
  return [headers === null ? null : [...headers], data];
}
