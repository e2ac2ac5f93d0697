// The working set in which one batch executes. It lives from load to commit and is then dropped,
// whatever became of it: what is not in the store is not known.
//
//   W1. An event is folded as it is appended, so the next command of the batch sees it.
//   W2. Only what was loaded can be read or changed.
//   W3. A change expects the revision that was loaded, never one that the batch itself has reached:
//       another server may have reached the same number by other events.
//   W4. Streams are handed over in the order in which they were first written: promises are numbered
//       by their first event, "inside a batch in order of execution" (promise-api.md §2).
//   W5. Timers that are set are written, with or without an event; a stream without either is only read.

import { assert } from "./assert.ts";
import type { Event, RecordedEvent } from "./event.ts";
import { type CommandId, type InstantMs, type StreamVersion, streamVersion } from "./ids.ts";
import type { ScheduleState } from "./schedule.ts";
import {
  type Change,
  dueAt,
  evolve,
  type PromiseKey,
  type PromiseStream,
  type ScheduleKey,
  type Stream,
  type StreamKey,
  type StreamState,
} from "./stream.ts";
import { StreamMap } from "./stream-map.ts";
import type { Timers } from "./timers.ts";

type Working = {
  readonly loaded: Stream;
  readonly events: RecordedEvent[];
  state: StreamState;
  timers: Timers;
  /** How many writes of the batch came before its first one. */
  writtenAfter: number;
};

/** Of what is only read. */
const unwritten = Number.MAX_SAFE_INTEGER;

/** Who appends: the command, and the instant of its batch. */
export type Author = { readonly command: CommandId; readonly now: InstantMs };

export class WorkingSet {
  readonly #streams = new StreamMap<Working>();
  #writeCount = 0;

  constructor(streams: readonly Stream[]) {
    for (const loaded of streams) {
      this.#streams.set(loaded.key, {
        ...{ loaded, events: [], state: loaded.state, timers: loaded.timers },
        writtenAfter: unwritten,
      });
    }
  }

  /** Of all streams together: a command that leaves it alone has written nothing. */
  get writeCount(): number {
    return this.#writeCount;
  }

  has(key: StreamKey): boolean {
    return this.#streams.has(key);
  }

  state(key: PromiseKey): PromiseStream {
    const { state } = this.#stream(key);
    assert(state.kind === "promise", "a promise is read that is none");
    return state;
  }

  schedule(key: ScheduleKey): ScheduleState {
    const { state } = this.#stream(key);
    assert(state.kind === "schedule", "a schedule is read that is none");
    return state.schedule;
  }

  timers(key: StreamKey): Timers {
    return this.#stream(key).timers;
  }

  /** The version that the batch has reached so far. */
  version(key: StreamKey): StreamVersion {
    const { loaded, events } = this.#stream(key);
    return streamVersion(loaded.version + events.length);
  }

  append(key: StreamKey, event: Event, { command, now }: Author): void {
    const stream = this.#stream(key);
    stream.state = evolve(stream.state, event); // W1
    stream.events.push({ at: now, command, event });
    this.#write(stream);
  }

  setTimers(key: StreamKey, timers: Timers): void {
    const stream = this.#stream(key);
    stream.timers = timers;
    this.#write(stream); // W5
  }

  #write(stream: Working): void {
    stream.writtenAfter = Math.min(stream.writtenAfter, this.#writeCount);
    this.#writeCount += 1;
  }

  /** What the batch wants of these streams, once all of it has executed. */
  changes(keys: readonly StreamKey[]): readonly Change[] {
    const streams = keys.map((key) => this.#stream(key));
    return streams.sort((left, right) => left.writtenAfter - right.writtenAfter).map(toChange); // W4
  }

  #stream(key: StreamKey): Working {
    const stream = this.#streams.get(key);
    assert(stream !== undefined, "a command touches a stream that was not loaded"); // W2
    return stream;
  }
}

function toChange({ loaded, events, state, timers, writtenAfter }: Working): Change {
  const { key, revision: expectedRevision } = loaded; // W3
  if (writtenAfter === unwritten) return { key, expectedRevision, write: null };
  const version = streamVersion(loaded.version + events.length);
  return {
    key,
    expectedRevision,
    write: { version, events, snapshot: state, timers, dueAt: dueAt(state, timers) },
  };
}
