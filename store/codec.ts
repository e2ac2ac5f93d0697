// Events and snapshots as JSON text, and back. The form of an event is frozen once it is released:
// what was written is read for ever (test/golden/events.ndjson).
//
//   T1. What is encoded is decoded to the same: every 64-bit integer, every pair in its order, ""
//       and null apart.
//   T2. What cannot be decoded throws `Undecodable` and nothing else, whatever stands there.
//   T3. An event of an older schema is upgraded, one schema after the other, before it is decoded.

import { unreachable } from "../kernel/assert.ts";
import type { Event, Outcome } from "../kernel/event.ts";
import {
  type DeadlineMs,
  deadlineMs,
  type InstantMs,
  instantMs,
  int64Max,
  type PromiseId,
  promiseId,
} from "../kernel/ids.ts";
import { absent, type PromiseRecord, type PromiseState } from "../kernel/promise.ts";
import type { StreamState } from "../kernel/stream.ts";
import type { Pairs, Value } from "../kernel/value.ts";

export class Undecodable extends Error {
  override readonly name = "Undecodable";
}

export type StoredEvent = { readonly kind: string; readonly schema: number; readonly data: string };
export type StoredSnapshot = { readonly schema: number; readonly snapshot: string };

/** All that an object may hold; not one of them is known to be there. */
type Members = {
  readonly awaiter?: unknown;
  readonly callbacks?: unknown;
  readonly createdAt?: unknown;
  readonly createKey?: unknown;
  readonly data?: unknown;
  readonly headers?: unknown;
  readonly isExternal?: unknown;
  readonly key?: unknown;
  readonly kind?: unknown;
  readonly outcome?: unknown;
  readonly param?: unknown;
  readonly promise?: unknown;
  readonly settledAt?: unknown;
  readonly settleKey?: unknown;
  readonly tags?: unknown;
  readonly timeoutAt?: unknown;
  readonly value?: unknown;
};

/** From one schema to the next; the first one upgrades schema 1. */
type Upcasters = readonly ((stored: unknown) => unknown)[];

const upcasters: Readonly<Record<Event["kind"], Upcasters>> = {
  promise_created: [],
  promise_settled: [],
  callback_registered: [],
  callback_drained: [],
};

/** A snapshot is a cache: when its form changes, a migration folds it again. */
export const snapshotSchema = 1;

export function eventSchema(kind: Event["kind"]): number {
  return upcasters[kind].length + 1;
}

export function encodeEvent(event: Event): string {
  switch (event.kind) {
    case "promise_created": {
      const { createdAt, timeoutAt, param, tags, key, isExternal } = event;
      return JSON.stringify({
        createdAt,
        timeoutAt: `${timeoutAt}`,
        param: encodeValue(param),
        tags: [...tags],
        key,
        isExternal,
      });
    }
    case "promise_settled": {
      const { outcome, settledAt, value, key } = event;
      return JSON.stringify({ outcome, settledAt, value: encodeValue(value), key });
    }
    case "callback_registered":
    case "callback_drained":
      return JSON.stringify({ awaiter: event.awaiter });
    default:
      return unreachable(event);
  }
}

/** @throws Undecodable */
export function decodeEvent({ kind, schema, data }: StoredEvent): Event {
  if (!isEventKind(kind)) throw new Undecodable(`an event of the unknown kind ${kind}`);
  const stored = members(upgrade(kind, schema, parse(data)));
  switch (kind) {
    case "promise_created":
      return {
        kind,
        createdAt: instant(stored.createdAt),
        timeoutAt: deadline(stored.timeoutAt),
        param: value(stored.param),
        tags: pairs(stored.tags),
        key: textOrNull(stored.key),
        isExternal: flag(stored.isExternal),
      };
    case "promise_settled":
      return {
        kind,
        outcome: outcome(stored.outcome),
        settledAt: instant(stored.settledAt),
        value: value(stored.value),
        key: textOrNull(stored.key),
      };
    case "callback_registered":
    case "callback_drained":
      return { kind, awaiter: id(stored.awaiter) };
    default:
      return unreachable(kind);
  }
}

export function encodeSnapshot({ promise, callbacks }: StreamState): string {
  return JSON.stringify({ promise: encodePromise(promise), callbacks });
}

/** @throws Undecodable */
export function decodeSnapshot({ schema, snapshot }: StoredSnapshot): StreamState {
  if (schema !== snapshotSchema) throw new Undecodable(`a snapshot of the schema ${schema}`);
  const stored = members(parse(snapshot));
  const callbacks = list(stored.callbacks).map(id);
  return { promise: decodePromise(stored.promise), callbacks };
}

function encodePromise(promise: PromiseState): unknown {
  if (promise.kind === "absent") return null;
  const { kind, createdAt, timeoutAt, param, tags, createKey, isExternal } = promise;
  const created = {
    kind,
    createdAt,
    timeoutAt: `${timeoutAt}`,
    param: encodeValue(param),
    tags: [...tags],
    createKey,
    isExternal,
  };
  if (promise.kind === "pending") return created;
  const { outcome, settledAt, value, settleKey } = promise;
  return { ...created, outcome, settledAt, value: encodeValue(value), settleKey };
}

function decodePromise(encoded: unknown): PromiseState {
  if (encoded === null) return absent;
  const stored = members(encoded);
  const created = {
    createdAt: instant(stored.createdAt),
    timeoutAt: deadline(stored.timeoutAt),
    param: value(stored.param),
    tags: pairs(stored.tags),
    createKey: textOrNull(stored.createKey),
    isExternal: flag(stored.isExternal),
  };
  const { createdAt, timeoutAt } = created;
  if (createdAt > timeoutAt) throw new Undecodable("a promise created after its deadline");
  const kind = stored.kind;
  if (kind === "pending") return { kind, ...created };
  if (kind !== "settled") throw new Undecodable("a promise of an unknown kind");
  const settledAt = instant(stored.settledAt);
  if (settledAt < createdAt) throw new Undecodable("a promise settled before it was created");
  if (settledAt > timeoutAt) throw new Undecodable("a promise settled after its deadline");
  return {
    kind,
    ...created,
    outcome: outcome(stored.outcome),
    settledAt,
    value: value(stored.value),
    settleKey: textOrNull(stored.settleKey),
  } satisfies PromiseRecord;
}

/** Pairs are lists, since a JSON object may neither hold `__proto__` nor keep `10` behind `9`. */
function encodeValue({ headers, data }: Value): unknown {
  return { headers: headers === null ? null : [...headers], data };
}

function isEventKind(kind: string): kind is Event["kind"] {
  return Object.hasOwn(upcasters, kind);
}

/** T3. */
function upgrade(kind: Event["kind"], schema: number, stored: unknown): unknown {
  const steps = upcasters[kind];
  if (schema < 1 || schema > steps.length + 1) {
    throw new Undecodable(`an event ${kind} of the unknown schema ${schema}`);
  }
  return steps.slice(schema - 1).reduce((older, step) => step(older), stored);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Undecodable("no JSON"); // T2: the text is a client's, and does not go into a message
  }
}

function members(stored: unknown): Members {
  if (typeof stored !== "object" || stored === null) throw new Undecodable("no object");
  return stored; // every member is checked before it is used
}

function list(stored: unknown): readonly unknown[] {
  if (!Array.isArray(stored)) throw new Undecodable("no list");
  return stored;
}

function text(stored: unknown): string {
  if (typeof stored !== "string") throw new Undecodable("no text");
  return stored;
}

function textOrNull(stored: unknown): string | null {
  return stored === null ? null : text(stored);
}

function flag(stored: unknown): boolean {
  if (typeof stored !== "boolean") throw new Undecodable("neither true nor false");
  return stored;
}

export function id(stored: unknown): PromiseId {
  return promiseId(nonEmpty(stored));
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

function instant(stored: unknown): InstantMs {
  return instantMs(count(stored));
}

function deadline(stored: unknown): DeadlineMs {
  if (typeof stored !== "string" || !/^\d{1,19}$/.test(stored))
    throw new Undecodable("no deadline");
  return int64(BigInt(stored));
}

export function int64(stored: bigint): DeadlineMs {
  if (stored < 0n || stored > int64Max) throw new Undecodable("a deadline beyond its range");
  return deadlineMs(stored);
}

function outcome(stored: unknown): Outcome {
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

function value(stored: unknown): Value {
  const { headers, data } = members(stored);
  return { headers: headers === null ? null : pairs(headers), data: textOrNull(data) };
}

function pairs(stored: unknown): Pairs {
  const decoded = new Map<string, string>();
  for (const pair of list(stored)) {
    const [name, content] = list(pair);
    decoded.set(text(name), text(content));
  }
  return decoded;
}
