// The branded primitives. A brand costs nothing at run time and keeps a version from being passed
// where an instant is due. Each has one constructor, which asserts the range: whoever holds the
// type holds a value already checked.
//
// Instants come in two types because they come from two places. Our clock fits a number. A client's
// deadline is any int64 and is echoed exactly, so it must be a bigint. Only `isDue` and `earlier`
// compare the two.

import { assert } from "./assert.ts";

declare const brand: unique symbol;
type Branded<Base, Name extends string> = Base & { readonly [brand]: Name };

/** Chosen by a client, unique among promises; 1 to 2048 bytes of UTF-8, compared byte for byte. */
export type PromiseId = Branded<string, "PromiseId">;

/** Chosen by a client, unique among schedules; 1 to 2048 bytes of UTF-8, compared byte for byte. */
export type ScheduleId = Branded<string, "ScheduleId">;

/** Whom a message may be handed to: a group, or one worker of it (address.ts). */
export type Receiver = Branded<string, "Receiver">;

/** Names one command, all its attempts: unique among all that ever run against one database. */
export type CommandId = Branded<string, "CommandId">;

/** The number of events in a stream. 0: the stream does not exist yet. */
export type StreamVersion = Branded<number, "StreamVersion">;

/** How often a stream was written, writes without events included. 0: never. */
export type StreamRevision = Branded<number, "StreamRevision">;

/** Where an event stands in the log of a whole database; grows, may have gaps. 0: before all. */
export type Position = Branded<number, "Position">;

/** Our clock, ms since the Unix epoch, UTC. */
export type InstantMs = Branded<number, "InstantMs">;

/** A client's deadline, ms since the Unix epoch, UTC; 0 to 2^63 - 1, the largest meaning "never". */
export type DeadlineMs = Branded<bigint, "DeadlineMs">;

/** How often a task was acquired; fences its holder. 0: never. */
export type TaskVersion = Branded<number, "TaskVersion">;

/** A length of time that a client chose, ms; 1 to 2^63 - 1. */
export type DurationMs = Branded<bigint, "DurationMs">;

export const int64Max = 2n ** 63n - 1n;

/** The rim refuses bad ids before this point (api/decode.ts); here a bad id is a bug. */
export function promiseId(value: string): PromiseId {
  assert(value.length > 0, "a promise id is empty");
  return value as PromiseId;
}

export function scheduleId(value: string): ScheduleId {
  assert(value.length > 0, "a schedule id is empty");
  return value as ScheduleId;
}

export function commandId(value: string): CommandId {
  assert(value.length > 0, "a command id is empty");
  return value as CommandId;
}

export function streamVersion(value: number): StreamVersion {
  assert(isCount(value), `${value} is no version`);
  return value as StreamVersion;
}

export function streamRevision(value: number): StreamRevision {
  assert(isCount(value), `${value} is no revision`);
  return value as StreamRevision;
}

export function position(value: number): Position {
  assert(isCount(value), `${value} is no position`);
  return value as Position;
}

export function taskVersion(value: number): TaskVersion {
  assert(isCount(value), `${value} is no task version`);
  return value as TaskVersion;
}

export function durationMs(value: bigint): DurationMs {
  assert(value >= 1n && value <= int64Max, `${value} is no duration`);
  return value as DurationMs;
}

export function instantMs(value: number): InstantMs {
  assert(isCount(value), `${value} is no instant`);
  return value as InstantMs;
}

export function deadlineMs(value: bigint): DeadlineMs {
  assert(value >= 0n && value <= int64Max, `${value} is no deadline`);
  return value as DeadlineMs;
}

/** A deadline has passed at its very instant, not one millisecond later. */
export function isDue(deadline: DeadlineMs, now: InstantMs): boolean {
  return deadline <= now; // a bigint and a number compare exactly
}

/** The instant so much later, as far as there is one: at the end of time it stands still. */
export function later(now: InstantMs, ms: bigint | number): DeadlineMs {
  const at = BigInt(now) + BigInt(ms);
  return deadlineMs(at > int64Max ? int64Max : at);
}

/** The earlier of the two. A deadline that has passed fits a number, since `now` does. */
export function earlier(deadline: DeadlineMs, now: InstantMs): InstantMs {
  return isDue(deadline, now) ? instantMs(Number(deadline)) : now;
}

/** The earlier of two due dates, where null is "never". */
export function earliest(left: DeadlineMs | null, right: DeadlineMs | null): DeadlineMs | null {
  if (left === null || right === null) return left ?? right;
  return left < right ? left : right;
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
