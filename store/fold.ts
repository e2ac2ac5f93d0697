// One stream, folded from its stored events, and how it differs from what is stored beside them.
// See verify.ts for the rules.

import { AssertionError } from "../kernel/assert.ts";
import { absent, dueAt, evolve, type StreamState } from "../kernel/stream.ts";
import { decodeEvent, decodeSnapshot, Undecodable } from "./codec.ts";
import { columns } from "./columns.ts";
import type { HistoryRow, StreamsRow } from "./rows.ts";

export type Deviation = {
  readonly field: string;
  readonly expected: string;
  readonly found: string;
};

/** A value as it is reported, in characters. Arbitrary: a line or two of a terminal. */
const shownMax = 120;

export class Fold {
  /** The first thing that is wrong with the events; then the state means nothing. */
  broken: Deviation | null = null;
  state: StreamState = absent;
  #version = 0;
  #position: number;

  /** @param number of the stream, which is the position of its first event */
  constructor(number: number) {
    this.#position = number;
  }

  add(event: HistoryRow): void {
    this.#version += 1;
    this.broken ??= this.#misplaced(event) ?? this.#evolve(event);
    this.#position = event.position + 1;
  }

  /** V2, V3. */
  deviation(row: StreamsRow): Deviation | null {
    if (this.broken !== null) return this.broken;
    const found = columns(this.state);
    const indexed = {
      state: found?.state ?? null,
      timeout_at: found?.timeoutAt ?? null,
      is_timer: found === null ? null : BigInt(found.isTimer),
      due_at: dueAt(this.state),
    };
    const { state, timeout_at, is_timer, due_at } = row;
    const numbers = { expected: BigInt(this.#version), found: row.version };
    return (
      deviation("version", numbers.expected, numbers.found) ??
      this.#snapshot(row) ??
      deviation("columns", indexed, { state, timeout_at, is_timer, due_at })
    );
  }

  #snapshot({ schema, snapshot }: StreamsRow): Deviation | null {
    try {
      const found = decodeSnapshot({ schema: Number(schema), snapshot });
      return deviation("snapshot", this.state, found);
    } catch (error) {
      if (!(error instanceof Undecodable)) throw error;
      return { field: "snapshot", expected: show(this.state), found: error.message };
    }
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

  #evolve(event: HistoryRow): Deviation | null {
    try {
      this.state = evolve(this.state, decodeEvent(event));
      return null;
    } catch (error) {
      const isKnown = error instanceof Undecodable || error instanceof AssertionError;
      if (!isKnown) throw error;
      const field = `events[${this.#version}]`;
      return { field, expected: "an event that can have happened", found: error.message };
    }
  }
}

/** The first difference of two values, field by field. */
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
  return null;
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
