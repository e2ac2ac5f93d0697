// What stands in a stored text, member by member, each checked before it is used (codec.ts, T2): a
// file may have been damaged, or edited by hand.

import type { Outcome } from "../kernel/event.ts";
import {
  type DeadlineMs,
  type DurationMs,
  deadlineMs,
  durationMs,
  type InstantMs,
  instantMs,
  int64Max,
  type PromiseId,
  promiseId,
  type ScheduleId,
  scheduleId,
} from "../kernel/ids.ts";
import type { Pairs, Value } from "../kernel/value.ts";

export class Undecodable extends Error {
  override readonly name = "Undecodable";
}

/** All that an object may hold; not one of them is known to be there. */
export type Members = {
  readonly address?: unknown;
  readonly awaited?: unknown;
  readonly awaiter?: unknown;
  readonly callbacks?: unknown;
  readonly clockAt?: unknown;
  readonly createdAt?: unknown;
  readonly createKey?: unknown;
  readonly cron?: unknown;
  readonly data?: unknown;
  readonly failedSince?: unknown;
  readonly failureCount?: unknown;
  readonly headers?: unknown;
  readonly isExternal?: unknown;
  readonly isMissed?: unknown;
  readonly key?: unknown;
  readonly kind?: unknown;
  readonly lastRunAt?: unknown;
  readonly listeners?: unknown;
  readonly nextAt?: unknown;
  readonly nextRunAt?: unknown;
  readonly occurrenceAt?: unknown;
  readonly offeredAt?: unknown;
  readonly outcome?: unknown;
  readonly param?: unknown;
  readonly pid?: unknown;
  readonly promise?: unknown;
  readonly promiseIdTemplate?: unknown;
  readonly promiseParam?: unknown;
  readonly promiseTags?: unknown;
  readonly promiseTimeoutMs?: unknown;
  readonly releaseCount?: unknown;
  readonly resumes?: unknown;
  readonly schedule?: unknown;
  readonly settledAt?: unknown;
  readonly settleKey?: unknown;
  readonly tags?: unknown;
  readonly task?: unknown;
  readonly tellings?: unknown;
  readonly timeoutAt?: unknown;
  readonly toldAt?: unknown;
  readonly ttl?: unknown;
  readonly value?: unknown;
  readonly version?: unknown;
  readonly wasTold?: unknown;
};

export function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Undecodable("no JSON"); // T2: the text is a client's, and does not go into a message
  }
}

export function members(stored: unknown): Members {
  if (typeof stored !== "object" || stored === null) throw new Undecodable("no object");
  return stored; // every member is checked before it is used
}

export function list(stored: unknown): readonly unknown[] {
  if (!Array.isArray(stored)) throw new Undecodable("no list");
  return stored;
}

export function text(stored: unknown): string {
  if (typeof stored !== "string") throw new Undecodable("no text");
  return stored;
}

export function textOrNull(stored: unknown): string | null {
  return stored === null ? null : text(stored);
}

export function flag(stored: unknown): boolean {
  if (typeof stored !== "boolean") throw new Undecodable("neither true nor false");
  return stored;
}

export function id(stored: unknown): PromiseId {
  return promiseId(nonEmpty(stored));
}

export function scheduleName(stored: unknown): ScheduleId {
  return scheduleId(nonEmpty(stored));
}

export function nonEmpty(stored: unknown): string {
  if (stored === "") throw new Undecodable("an empty name");
  return text(stored);
}

export function count(stored: unknown): number {
  if (typeof stored !== "number" || !Number.isSafeInteger(stored) || stored < 0) {
    throw new Undecodable("no count");
  }
  return stored;
}

export function instant(stored: unknown): InstantMs {
  return instantMs(count(stored));
}

export function deadline(stored: unknown): DeadlineMs {
  return int64(digits(stored));
}

export function duration(stored: unknown): DurationMs {
  const ms = time(stored);
  if (ms < 1n) throw new Undecodable("a duration beyond its range");
  return durationMs(ms);
}

/** A length of time that may be none at all. */
export function time(stored: unknown): bigint {
  const ms = digits(stored);
  if (ms > int64Max) throw new Undecodable("a duration beyond its range");
  return ms;
}

/** Text, since a JSON number is read as a double. */
function digits(stored: unknown): bigint {
  if (typeof stored !== "string" || !/^\d{1,19}$/.test(stored)) {
    throw new Undecodable("no 64-bit integer");
  }
  return BigInt(stored);
}

export function int64(stored: bigint): DeadlineMs {
  if (stored < 0n || stored > int64Max) throw new Undecodable("a deadline beyond its range");
  return deadlineMs(stored);
}

export function outcome(stored: unknown): Outcome {
  switch (stored) {
    case "resolved":
    case "rejected":
    case "canceled":
    case "timedout":
      return stored;
    default:
      throw new Undecodable("no outcome");
  }
}

export function pairs(stored: unknown): Pairs {
  const decoded = new Map<string, string>();
  for (const pair of list(stored)) {
    const [name, content] = list(pair);
    decoded.set(text(name), text(content));
  }
  return decoded;
}

/** Pairs are lists, since a JSON object may neither hold `__proto__` nor keep `10` behind `9`. */
export function encodeValue({ headers, data }: Value): unknown {
  return { headers: headers === null ? null : [...headers], data };
}

export function value(stored: unknown): Value {
  const { headers, data } = members(stored);
  return { headers: headers === null ? null : pairs(headers), data: textOrNull(data) };
}
