// One stream, folded from its stored events, and how it differs from what is stored beside them.
// See verify.ts for the rules.

import { AssertionError } from "../kernel/assert.ts";
import { type Listeners, noListeners } from "../kernel/listener.ts";
import { absentOf, dueAt, evolve, type Stream, type StreamState } from "../kernel/stream.ts";
import type { Timers } from "../kernel/timers.ts";
import { columns } from "./columns.ts";
import { Undecodable } from "./members.ts";
import { eventOf, type HistoryRow, keyOf, type StreamsRow, streamOf } from "./rows.ts";
import { encodeWaiting } from "./waiting-rows.ts";

export type Deviation = {
  readonly field: string;
  readonly expected: string;
  readonly found: string;
};

/** How a kind of database writes what all others write as it is. */
export type Encoding = { readonly branch: (branch: string) => string };

/** A value as it is reported, in characters. Arbitrary: a line or two of a terminal. */
const shownMax = 120;

export class Fold {
  state: StreamState;
  readonly #row: StreamsRow;
  readonly #encoding: Encoding;
  /** The first thing that is wrong with the events; then the state means nothing. */
  #broken: Deviation | null = null;
  #version = 0;
  #position: number;

  constructor(row: StreamsRow, encoding: Encoding) {
    this.#row = row;
    this.#encoding = encoding;
    this.state = absentOf(row.kind === "schedule" ? row.kind : "promise"); // no other kind is readable
    this.#position = Number(row.number); // a stream has the position of its first event
  }

  add(event: HistoryRow): void {
    this.#version += 1;
    this.#broken ??= this.#misplaced(event) ?? this.#misnamed(event) ?? this.#evolve(event);
    this.#position = event.position + 1;
  }

  /** V1, V2, V3, V4. */
  deviation(): Deviation | null {
    if (this.#broken !== null) return this.#broken;
    const { version } = this.#row;
    const misnumbered = deviation("version", BigInt(this.#version), version);
    if (misnumbered !== null) return misnumbered;
    const stored = read(this.#row);
    if (typeof stored === "string") {
      return { field: "the row", expected: "readable", found: stored };
    }
    return (
      deviation("snapshot", this.state, stored.state) ??
      this.#misindexed(stored.timers) ??
      this.#mistimed(stored.timers)
    );
  }

  /** V3. */
  #misindexed(timers: Timers): Deviation | null {
    const found = columns(this.state);
    const branchFound = found?.branch ?? null;
    const indexed = {
      state: found?.state ?? null,
      timeout_at: found?.timeoutAt ?? null,
      is_timer: found === null ? null : BigInt(found.isTimer),
      due_at: dueAt(this.state, timers),
      task_state: found?.taskState ?? null,
      branch: branchFound === null ? null : this.#encoding.branch(branchFound),
      waiting: encodeWaiting({ snapshot: this.state, timers }),
    };
    const { state, timeout_at, is_timer, due_at, task_state, branch, waiting } = this.#row;
    const stored = { state, timeout_at, is_timer, due_at, task_state, branch, waiting };
    return deviation("columns", indexed, stored);
  }

  /** V4. */
  #mistimed({ clockAt, tellings }: Timers): Deviation | null {
    const { runs, told } = waiting(this.state);
    if (runs !== (clockAt !== null)) {
      return { field: "timers.clockAt", expected: runs ? "a clock" : "none", found: show(clockAt) };
    }
    const stray = tellings.keys().find((address) => !told.includes(address));
    if (stray === undefined) return null;
    return { field: `timers.tellings[${stray}]`, expected: "a listener", found: "none" };
  }

  /** V1. */
  #misplaced({ position, version }: HistoryRow): Deviation | null {
    const field = `events[${this.#version}]`;
    if (version !== this.#version) {
      return { field, expected: `version ${this.#version}`, found: `version ${version}` };
    }
    const isPlaced = version === 1 ? position === this.#position : position >= this.#position;
    if (isPlaced) return null;
    const place = version === 1 ? "at" : "at or behind";
    return { field, expected: `${place} ${this.#position}`, found: `at ${position}` };
  }

  /** V1. */
  #misnamed({ id }: HistoryRow): Deviation | null {
    if (this.#version === 1) return deviation("id", id, this.#row.id);
    return deviation(`events[${this.#version}].id`, null, id);
  }

  #evolve(event: HistoryRow): Deviation | null {
    try {
      this.state = evolve(this.state, eventOf(keyOf(this.#row), event).event);
      return null;
    } catch (error) {
      const isKnown = error instanceof Undecodable || error instanceof AssertionError;
      if (!isKnown) throw error;
      const field = `events[${this.#version}]`;
      return { field, expected: "an event that can have happened", found: error.message };
    }
  }
}

/** What has a clock, and who is to be told; nothing and nobody for a schedule. */
function waiting(state: StreamState): { readonly runs: boolean; readonly told: Listeners } {
  if (state.kind === "schedule") return { runs: false, told: noListeners };
  const { task, promise, listeners } = state;
  const runs = task.kind === "pending" || task.kind === "acquired";
  return { runs, told: promise.kind === "settled" ? listeners : noListeners };
}

/** The row as a server reads it; text: why it cannot. */
function read(row: StreamsRow): Stream | string {
  const { version, revision, schema, snapshot, timers } = row;
  const numbers = { version: Number(version), revision: Number(revision), schema: Number(schema) };
  try {
    return streamOf(keyOf(row), { ...numbers, snapshot, timers });
  } catch (error) {
    if (!(error instanceof Undecodable)) throw error;
    return error.message;
  }
}

/** The first difference of two values, field by field; what is paired has an order too. */
function deviation(field: string, expected: unknown, found: unknown): Deviation | null {
  const [left, right] = [members(expected), members(found)];
  if (left === null || right === null) {
    if (Object.is(expected, found)) return null;
    return { field, expected: show(expected), found: show(found) };
  }
  for (const name of new Set([...left.keys(), ...right.keys()])) {
    const inner = deviation(`${field}.${name}`, left.get(name), right.get(name));
    if (inner !== null) return inner;
  }
  if (!(expected instanceof Map) || left.size < 2) return null;
  return deviation(`${field}, in order`, show([...left.keys()]), show([...right.keys()]));
}

function members(value: unknown): ReadonlyMap<unknown, unknown> | null {
  if (value instanceof Map) return value;
  return typeof value === "object" && value !== null ? new Map(Object.entries(value)) : null;
}

export function show(value: unknown): string {
  const text = JSON.stringify(value, (_, each: unknown) => {
    if (typeof each === "bigint") return each.toString();
    return each instanceof Map ? [...each] : each;
  });
  if (text === undefined) return "nothing";
  return text.length <= shownMax ? text : `${text.slice(0, shownMax)}…`;
}
