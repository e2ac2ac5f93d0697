// What a commit writes, decided from the revisions that were found under lock: a pure function, so that
// the transaction around it only locks, asks and writes.
//
// Components land in their order, and a stream that two of them write (one after the other) is written
// once, as the last one left it.

import { hash } from "node:crypto";
import { assert } from "../kernel/assert.ts";
import type { Change, Component, StreamKey, Write } from "../kernel/stream.ts";
import { StreamMap } from "../kernel/stream-map.ts";
import { type Waiting, waiting } from "../kernel/waiting.ts";
import { encodeEvent, encodeSnapshot, encodeTimers, eventSchema, snapshotSchema } from "./codec.ts";
import { columns } from "./columns.ts";
import type { ListRow } from "./postgres-lists.ts";
import type {
  eventColumns,
  streamColumns,
  tagColumns,
  waitingColumns,
} from "./postgres-queries.ts";
import { encodeWaiting } from "./waiting-rows.ts";
import { streamWeight } from "./weight.ts";

/** As it is found; both 0: it does not exist. */
export type Fence = {
  readonly version: number;
  readonly revision: number;
  /** What it has for workers, before the batch. */
  readonly waiting: readonly Waiting[];
};

export type Plan = {
  /** Indexes of the components that do not land (A2). */
  readonly conflicts: readonly number[];
  /** Of those that land; a stream may be written by several. */
  readonly writeCount: number;
  readonly updates: readonly ListRow<typeof streamColumns>[];
  readonly creations: readonly ListRow<typeof streamColumns>[];
  readonly tags: readonly ListRow<typeof tagColumns>[];
  readonly events: readonly ListRow<typeof eventColumns>[];
  /** Of the updates: what no longer waits, and what waits now. */
  readonly ended: readonly ListRow<typeof waitingColumns>[];
  readonly begun: readonly ListRow<typeof waitingColumns>[];
  /** Of the creations. */
  readonly offered: readonly ListRow<typeof waitingColumns>[];
  /** What creations rest on that is not there (G9). */
  readonly reserved: readonly StreamKey[];
};

/** A stream in the course of the batch. */
type Draft = Fence & {
  readonly key: StreamKey;
  readonly isNew: boolean;
  /** Null: only read. */
  readonly write: Write | null;
  readonly hasEvents: boolean;
};

const unwritten: Fence = { version: 0, revision: 0, waiting: [] };

/** Every stream of a batch, once. */
export function keysOf(components: readonly Component[]): readonly StreamKey[] {
  const found = new StreamMap<StreamKey>();
  for (const { changes } of components) for (const { key } of changes) found.set(key, key);
  return [...found.values()];
}

/** @param found those of the streams that exist */
export function plan(components: readonly Component[], found: StreamMap<Fence>): Plan {
  const drafts = new StreamMap<Draft>();
  const events: ListRow<typeof eventColumns>[] = [];
  const conflicts: number[] = [];
  const absent = new StreamMap<StreamKey>();
  let writeCount = 0;
  const draftOf = (key: StreamKey): Draft => {
    const fence = found.get(key) ?? unwritten;
    const isNew = fence.revision === 0;
    return drafts.get(key) ?? { ...fence, key, isNew, write: null, hasEvents: false };
  };
  for (const [index, { changes }] of components.entries()) {
    if (changes.some((change) => draftOf(change.key).revision !== change.expectedRevision)) {
      conflicts.push(index); // A2
      continue;
    }
    for (const { key, write } of changes) {
      if (write === null) {
        if (!found.has(key)) absent.set(key, key);
        continue;
      }
      writeCount += 1;
      const before = draftOf(key);
      events.push(...eventRows(key, write, before));
      drafts.set(key, after(before, write));
    }
  }
  const written = [...drafts.values()];
  const created = written.filter(({ isNew }) => isNew);
  const updated = written.filter(({ isNew }) => !isNew);
  return {
    conflicts,
    writeCount,
    updates: updated.map(streamRow),
    creations: created.map(streamRow),
    tags: created.flatMap(tagRows),
    events,
    ended: updated.flatMap((draft) => waitingRows(draft.key, without(draft.waiting, waits(draft)))),
    begun: updated.flatMap((draft) => waitingRows(draft.key, without(waits(draft), draft.waiting))),
    offered: created.flatMap((draft) => waitingRows(draft.key, waits(draft))),
    reserved: created.length === 0 ? [] : [...absent.values()].filter((key) => !drafts.has(key)),
  };
}

/** The rows of a stream that another store has written, whole. */
export function wholeRows({
  key,
  version,
  revision,
  write,
}: Omit<Draft, "isNew" | "hasEvents" | "waiting">) {
  const draft: Draft = {
    ...{ key, version, revision, write },
    waiting: [],
    isNew: true,
    hasEvents: true,
  };
  return {
    stream: streamRow(draft),
    tags: tagRows(draft),
    waiting: waitingRows(key, waits(draft)),
  };
}

function after(before: Draft, write: Write): Draft {
  const { version, events } = write;
  assert(before.version + events.length === version, "a write leaves a gap in its stream");
  assert(version > 0, "a stream is written that has no event");
  const hasEvents = before.hasEvents || events.length > 0;
  return { ...before, version, revision: before.revision + 1, write, hasEvents };
}

function eventRows({ kind: stream_kind, id }: StreamKey, { events }: Write, before: Fence) {
  return events.map(({ at, command, event }, index) => ({
    ...{ stream_kind, id, version: before.version + index + 1 },
    ...{ kind: event.kind, schema: eventSchema(event.kind), at, command, data: encodeEvent(event) },
  }));
}

function streamRow({ key, version, revision, write, hasEvents }: Draft) {
  assert(write !== null, "a stream is written without a write");
  const { snapshot, dueAt, timers } = write;
  const found = columns(snapshot);
  const branch = found?.branch ?? null;
  return {
    ...{ kind: key.kind, id: key.id, version, revision, due_at: dueAt },
    state: found?.state ?? null,
    timeout_at: found?.timeoutAt ?? null,
    is_timer: found?.isTimer ?? null,
    weight: streamWeight({ key, state: snapshot }),
    schema: snapshotSchema,
    snapshot: hasEvents ? encodeSnapshot(snapshot) : null, // else it stays as it is (A3)
    timers: encodeTimers(timers),
    task_state: found?.taskState ?? null,
    branch: branch === null ? null : digest(branch),
    waiting: encodeWaiting(write),
  };
}

function tagRows({ key: { kind, id }, write }: Draft) {
  const tags = write === null ? null : columns(write.snapshot)?.tags;
  return [...(tags ?? [])].map(([name, value]) => ({ kind, id, tag: tagDigest(name, value) }));
}

function waits({ write }: Draft): readonly Waiting[] {
  return write === null ? [] : waiting(write.snapshot, write.timers);
}

function without(all: readonly Waiting[], others: readonly Waiting[]): readonly Waiting[] {
  return all.filter(({ receiver, offeredAt }) => {
    return !others.some((other) => other.receiver === receiver && other.offeredAt === offeredAt);
  });
}

function waitingRows({ kind, id }: StreamKey, all: readonly Waiting[]) {
  return all.map(({ receiver, offeredAt: offered_at }) => {
    return { kind, id, receiver: digest(receiver), offered_at };
  });
}

/** What stands for a tag in its table. */
export function tagDigest(name: string, value: string): Buffer {
  return digest(JSON.stringify([name, value]));
}

/** What stands for a text that may be longer than an entry of an index. */
export function digest(text: string): Buffer {
  return hash("sha256", text, "buffer");
}

/** The streams that a change names, for the statements that take lists. */
export function keyLists(keys: readonly Change["key"][]): readonly unknown[][] {
  return [keys.map(({ kind }) => kind), keys.map(({ id }) => id)];
}
