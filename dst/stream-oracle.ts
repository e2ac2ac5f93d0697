// Judges what the store holds of each stream, after every commit that touched it.
//
//   S1. The due date that is stored is the earliest obligation of the record. (The invariants of
//       protocol.md: invariants.ts and ropes.ts)
//   T1. The version grows by the number of events, the revision by one for each write.
//   T2. A settled promise never changes again; what a promise was created with never changes.
//   F1. The events of a commit are in the log, as they were committed, behind all earlier ones.
//   F2. The fold of the log is the snapshot, and both are what the model says.
//   F3. What is in the log stays there, to the letter.

import type { LoggedEvent } from "../kernel/search.ts";
import {
  absentOf,
  type Change,
  evolve,
  type Stream,
  type StreamKey,
  type StreamState,
  type Write,
} from "../kernel/stream.ts";
import { noTimers } from "../kernel/timers.ts";
import type { Store } from "../store/store.ts";
import { sameCreation, samePromise, sameRecord, sameState, showKept } from "./compare.ts";
import { brokenState, brokenStep } from "./invariants.ts";
import {
  canonical,
  canonicalPromise,
  canonicalSchedule,
  dueAt,
  type ModelRecord,
} from "./model/record.ts";
import { nameOf } from "./names.ts";
import type { Past } from "./past.ts";
import { toModel, toModelRecord, toModelSchedule } from "./to-model.ts";
import { Violation } from "./verdict.ts";

/** What was last seen of a stream. Its events in words: what the store hands out may be its own. */
type Known = { stream: Stream; folded: StreamState; position: number; readonly events: string[] };

/** More than any commit writes to one stream. */
const everything = { limit: 100_000, weightMax: 2 ** 40 };

export class StreamOracle {
  readonly #store: Store;
  readonly #past: Past;
  readonly #known = new Map<string, Known>();
  readonly #awaitsAny: boolean;

  constructor(store: Store, past: Past, awaitsAny = false) {
    this.#store = store;
    this.#past = past;
    this.#awaitsAny = awaitsAny;
  }

  /** The latest state of a stream, by its name; null: it was never written. */
  seen(id: string): Stream | null {
    return this.#known.get(id)?.stream ?? null;
  }

  /** @returns the new events */
  written({ key }: Change, write: Write): readonly LoggedEvent[] {
    const before = this.#known.get(nameOf(key)) ?? this.#unknown(key);
    const stream = this.#load(key);
    const events = this.#log(key, before.stream.version);
    numbers(before.stream, stream, events.length);
    unchanged(before.stream, stream);
    this.#appended(before, events, write);
    const model = this.#past.now(nameOf(key));
    agree(model, stream, before.folded);
    dates(model, stream, write);
    this.#invariant(stream);
    before.stream = stream;
    return events;
  }

  #invariant(stream: Stream): void {
    const { id } = stream.key;
    const broken = brokenState(toModelRecord(stream), { id, awaitsAny: this.#awaitsAny });
    if (broken !== null) fail("S", broken, stream, `breaks the invariant ${broken}`);
  }

  /** All streams again, at the end: nothing has changed since it was last seen. */
  inspect(): void {
    for (const { stream, folded, events } of this.#known.values()) {
      const now = this.#load(stream.key);
      agree(this.#past.now(nameOf(stream.key)), now, folded);
      if (now.revision !== stream.revision) fail("T", "revision", stream, "was written unseen");
      const again = this.#log(stream.key, 0);
      const isSame =
        again.length === events.length &&
        again.every((event, index) => showEvent(event) === events[index]);
      if (!isSame) fail("F", "immutable", stream, "has another history than before"); // F3
    }
  }

  #unknown(key: StreamKey): Known {
    const state = absentOf(key.kind);
    const stream = { key, version: 0, revision: 0, state, timers: noTimers } as Stream; // as one never written
    const known = { stream, folded: state, position: 0, events: [] };
    this.#known.set(nameOf(key), known);
    return known;
  }

  #load(key: StreamKey): Stream {
    const [loaded] = this.#store.load([key]);
    if (loaded?.kind === "stream") return loaded.stream;
    throw new Violation("F", "unreadable", "a stream cannot be read back", { ids: [nameOf(key)] });
  }

  #log(of: StreamKey, after: number): readonly LoggedEvent[] {
    return this.#store.log([{ of, after, ...everything }])[0]?.events ?? [];
  }

  #appended(known: Known, events: readonly LoggedEvent[], write: Write): void {
    for (const [index, event] of events.entries()) {
      const sent = write.events[index];
      const isSent = sent !== undefined && sent.command === event.command && sent.at === event.at;
      if (!isSent || (event.event !== sent.event && textOf(event) !== textOf(sent))) {
        fail("F", "log", known.stream, "has an event that nobody committed"); // F1
      }
      if (event.version !== known.events.length + 1) fail("F", "gap", known.stream, "has a gap");
      if (event.position <= known.position) {
        fail("F", "order", known.stream, "has an event before an earlier one");
      }
      known.position = event.position;
      known.events.push(showEvent(event));
      const folded = evolve(known.folded, event.event);
      const [earlier, later] = [known.folded, folded].map(toFacts) as [ModelRecord, ModelRecord];
      const broken = brokenStep(earlier, later, event.event);
      if (broken !== null) fail("T", broken, known.stream, `breaks the invariant ${broken}`);
      known.folded = folded;
    }
    if (events.length !== write.events.length) {
      fail("F", "log", known.stream, "has lost an event of its last commit"); // F1
    }
  }
}

function toFacts(state: StreamState): ModelRecord {
  return toModelRecord({ state, timers: noTimers });
}

/** T1. */
function numbers(before: Stream, after: Stream, eventCount: number): void {
  if (after.version !== before.version + eventCount) {
    fail("T", "version", after, `went from version ${before.version} to ${after.version}`);
  }
  if (after.revision !== before.revision + 1) {
    fail("T", "revision", after, `went from revision ${before.revision} to ${after.revision}`);
  }
}

/** T2. */
function unchanged(earlier: Stream, after: Stream): void {
  if (earlier.state.kind === "schedule" || after.state.kind === "schedule") return; // a definition: 19
  const { promise: before } = earlier.state;
  const { promise } = after.state;
  if (before.kind === "absent" || before === promise) return;
  if (promise.kind === "absent") {
    fail("T", "vanished", after, "has lost its promise");
    return;
  }
  const isKept = before.kind === "settled" ? samePromise(toModel(before), promise) : false;
  if (isKept || (before.kind === "pending" && sameCreation(before, promise))) return;
  throw new Violation("T", "immutable", "a promise has changed what never changes", {
    expected: canonicalPromise(toModel(before)),
    actual: canonicalPromise(toModel(promise)),
    ids: [nameOf(after.key)],
  });
}

/** F2. */
function agree(model: ModelRecord, stream: Stream, folded: StreamState): void {
  const { key, state, timers } = stream;
  if (!sameRecord(model, stream)) {
    throw new Violation("W", "snapshot", "the snapshot is not what the model says", {
      expected: canonical(model),
      actual: showKept(stream),
      ids: [nameOf(key)],
    });
  }
  if (!sameState(toModelRecord({ state: folded, timers }), state)) {
    throw new Violation("F", "fold", "the fold of the log is not the snapshot", {
      expected: showKept({ state: folded, timers }),
      actual: showKept(stream),
      ids: [nameOf(key)],
    });
  }
}

/** S1. */
function dates(model: ModelRecord, { key }: Stream, write: Write): void {
  const expected = dueAt(model);
  if (write.dueAt === expected) return;
  throw new Violation("S", "due", "the due date is not the earliest obligation", {
    expected: String(expected),
    actual: String(write.dueAt),
    ids: [nameOf(key)],
  });
}

/** All that the log holds of an event. */
export function showEvent(event: LoggedEvent): string {
  const { position, key, version, command, at } = event;
  return `${position} ${JSON.stringify(nameOf(key))} ${version} ${command} ${at} ${textOf(event)}`;
}

/** What the event says; null texts where there is none. */
function textOf({ event }: Pick<LoggedEvent, "event">): string {
  switch (event.kind) {
    case "promise_created": {
      const { kind, param, tags, timeoutAt, createdAt, key, isExternal } = event;
      const promise = { kind: "pending", param, tags, timeoutAt, createdAt } as const;
      return `${kind} ${canonicalPromise(toModel({ ...promise, createKey: key, isExternal }))}`;
    }
    case "promise_settled": {
      const { kind, outcome, settledAt, value, key } = event;
      const headers = value.headers === null ? null : [...value.headers];
      return `${kind} ${outcome} ${settledAt} ${JSON.stringify([headers, value.data, key])}`;
    }
    case "callback_registered":
    case "callback_drained":
      return `${event.kind} ${event.awaiter}`;
    case "listener_registered":
      return `${event.kind} ${event.address}`;
    case "schedule_created": {
      const schedule = toModelSchedule({ ...event, kind: "live", lastRunAt: null });
      return `${event.kind} ${schedule === null ? "" : canonicalSchedule(schedule)}`;
    }
    case "schedule_fired":
      return `${event.kind} ${event.occurrenceAt} ${event.nextRunAt}`;
    case "listener_drained":
      return `${event.kind} ${event.address} ${event.wasTold}`;
    case "task_acquired":
      return `${event.kind} ${event.ttl} ${event.pid}`;
    case "task_resumed":
      return `${event.kind} ${event.awaited}`;
    case "task_released":
    case "task_suspended":
    case "resumes_cleared":
    case "task_halted":
    case "task_continued":
    case "lease_expired":
    case "schedule_deleted":
      return event.kind;
  }
}

function fail(oracle: "F" | "S" | "T", rule: string, { key }: Stream, what: string): never {
  const message = `the stream ${JSON.stringify(key.id)} ${what}`;
  throw new Violation(oracle, rule, message, { ids: [nameOf(key)] });
}
