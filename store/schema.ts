// The tables, as kysely sees them; store/migrations/ makes them. One row a stream, one an event, one
// a tag of a promise, one for what waits for a worker.

import type { StreamKind } from "../kernel/stream.ts";

export type Tables = {
  readonly streams: StreamsTable;
  readonly events: EventsTable;
  readonly tags: TagsTable;
  readonly waiting: WaitingTable;
};

type StreamsTable = {
  /** The position of its first event, and so its creation number. */
  readonly number: number;
  readonly kind: StreamKind;
  readonly id: string;
  readonly version: number;
  readonly revision: number;
  /** Int64, like `timeout_at`: bound and read as a bigint. */
  readonly due_at: bigint | null;
  /** Null, with the two that follow: nothing that a search could find. */
  readonly state: string | null;
  readonly timeout_at: bigint | null;
  readonly is_timer: number | null;
  readonly schema: number;
  /** Behind most that a search looks at, so that a walk need not read past it. */
  readonly snapshot: string;
  /** What moves without events; null: no clock, and nobody to be told. */
  readonly timers: string | null;
  /** Null: there is no task. */
  readonly task_state: string | null;
  /** The tag, unless it is empty. */
  readonly branch: string | null;
  /** Its rows in the table of that name: pairs of receiver and instant, as JSON; null: none. */
  readonly waiting: string | null;
};

type EventsTable = {
  readonly position: number;
  /** The number of its stream. */
  readonly stream: number;
  readonly version: number;
  readonly kind: string;
  readonly schema: number;
  readonly at: number;
  readonly command: string;
  /** Of its stream, with the first event; null with all others. */
  readonly id: string | null;
  readonly data: string;
};

/** What a stream has for a worker that was not there (kernel/waiting.ts). */
type WaitingTable = {
  readonly receiver: string;
  readonly offered_at: number;
  readonly stream: number;
};

type TagsTable = { readonly name: string; readonly value: string; readonly stream: number };
