// What a search on Postgres sees of the tables, as kysely knows them; store/migrations/ makes them. The
// columns are those of schema.ts, and mean the same; what differs is told here.

import type { StreamKind } from "../kernel/stream.ts";

export type PostgresTables = {
  readonly streams: {
    readonly number: bigint;
    readonly kind: StreamKind;
    readonly id: string;
    readonly due_at: bigint | null;
    readonly state: string | null;
    readonly timeout_at: bigint | null;
    readonly is_timer: boolean | null;
    readonly task_state: string | null;
    /** A digest (postgres-plan.ts). */
    readonly branch: Buffer | null;
    /** Of the whole stream (weight.ts), so that what is read can be bounded before it is read. */
    readonly weight: bigint;
    readonly schema: number;
    readonly snapshot: string;
  };
  /** Events and tags name their stream by its key, so that they can live where it lives. */
  readonly tags: {
    /** Of its name and value (postgres-plan.ts). */
    readonly tag: Buffer;
    readonly stream: bigint;
    readonly kind: StreamKind;
    readonly id: string;
  };
};
