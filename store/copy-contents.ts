// What a copy reads and compares: a whole store, stream by stream and event by event, in the one order
// that all stores share. One row at a time, however much there is.
//
//   B5. Two stores have one hash exactly if all of their streams (numbers, versions, revisions,
//       states, timers, due dates) and all of their events (positions, command ids and all) are equal.
//   B6. A record that cannot be read ends the reading, with its name.

import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import type { DeadlineMs } from "../kernel/ids.ts";
import type { Stream, StreamKey } from "../kernel/stream.ts";
import { waiting } from "../kernel/waiting.ts";
import { encodeSnapshot, encodeTimers } from "./codec.ts";
import { columns } from "./columns.ts";
import { Undecodable } from "./members.ts";
import { type EventRow, eventOf, type KeyRow, keyOf } from "./rows.ts";
import { StoreError } from "./store.ts";

export type CopiedStream = {
  readonly number: number;
  readonly stream: Stream;
  readonly dueAt: DeadlineMs | null;
};

/** The row stays as it was written: an event is never encoded twice. */
export type CopiedEvent = { readonly key: StreamKey; readonly row: EventRow };

/** How many rows there are. */
export type Counts = {
  readonly streams: number;
  readonly events: number;
  readonly tags: number;
  readonly waiting: number;
};

export type Rows<Row> = AsyncIterable<Row> | Iterable<Row>;

/** Of one moment. */
export interface Contents {
  counts(): Promise<Counts>;
  /** Those with a greater number, in order. @throws StoreError (B6) */
  streams(after: number): Rows<CopiedStream>;
  /** Those at a greater position, in order; without those of no stream. @throws StoreError (B6) */
  events(after: number): Rows<CopiedEvent>;
}

/** What was read, and what that wants of a store. */
export type Survey = {
  /** SHA-256, in hex. */
  readonly hash: string;
  /** What the streams want. */
  readonly counts: Counts;
  /** What is there. */
  readonly found: Counts;
};

export type Watch = {
  readonly signal: AbortSignal;
  /** Told of each batch. */
  readonly onProgress: (done: number, total: number) => void;
};

/** Somebody has asked to stop; what is done stays done. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
}

/** Rows between two looks at the world outside. */
const stride = 1_000;

/** Reads all of it. @throws StoreError (B6), Interrupted */
export async function survey(contents: Contents, watch: Watch): Promise<Survey> {
  const found = await contents.counts();
  const total = found.streams + found.events;
  const hash = createHash("sha256");
  const counts = { streams: 0, events: 0, tags: 0, waiting: 0 };
  let done = 0;
  let versions = 0;
  for await (const each of contents.streams(0)) {
    const { key, version, state, timers } = each.stream;
    if (version === 0) throw unreadable(`the ${key.kind} ${JSON.stringify(key.id)}`, "no event");
    hash.update(streamLine(each));
    counts.streams += 1;
    counts.tags += columns(state)?.tags.size ?? 0;
    counts.waiting += waiting(state, timers).length;
    versions += version;
    done += 1;
    if (done % stride === 0) await pace(watch, done, total);
  }
  for await (const each of contents.events(0)) {
    hash.update(eventLine(each));
    counts.events += 1;
    done += 1;
    if (done % stride === 0) await pace(watch, done, total);
  }
  await pace(watch, total, total);
  if (counts.events !== versions || found.events !== versions) {
    const numbers = `${versions} events for its streams, and has ${found.events}`;
    throw unreadable(`the log should hold ${numbers}`, "resonate log verify tells more");
  }
  return { hash: hash.digest("hex"), counts, found };
}

/** Lets signals in. @throws Interrupted */
export async function pace({ signal, onProgress }: Watch, done: number, total: number) {
  onProgress(done, total);
  await setImmediate();
  if (signal.aborted) throw new Interrupted("interrupted");
}

function streamLine({ number, stream, dueAt }: CopiedStream): string {
  const { key, version, revision, state, timers } = stream;
  const place = [number, key.kind, key.id, version, revision];
  const told = [encodeSnapshot(state), encodeTimers(timers), dueAt === null ? null : `${dueAt}`];
  return `${JSON.stringify([...place, ...told])}\n`;
}

function eventLine({ key, row }: CopiedEvent): string {
  const { position, version, kind, schema, at, command, data } = row;
  const place = [position, key.kind, key.id, version];
  return `${JSON.stringify([...place, kind, schema, at, command, data])}\n`;
}

/** B6. */
export function named<Read>(of: string, { kind, id }: KeyRow, read: () => Read): Read {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof Undecodable)) throw error;
    throw unreadable(`${of} ${kind} ${JSON.stringify(id)}`, error.message);
  }
}

/** Read once, to be seen to be readable; and kept as it is. */
export function copiedEvent(of: KeyRow, row: EventRow): CopiedEvent {
  return named(`the event at ${row.position} of the`, of, () => {
    const key = keyOf(of);
    eventOf(key, row);
    return { key, row };
  });
}

export function unreadable(what: string, because: string): StoreError {
  return new StoreError("record_unreadable", `${what}: ${because}`);
}
