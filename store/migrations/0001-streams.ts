// Streams, their events, and the tags by which promises are found.

import type { Migration } from "../migrate.ts";

export const streams: Migration = {
  number: 1,
  name: "streams",
  sqlite: [
    // "RSNT", so that a file of another program is told apart.
    "PRAGMA application_id = 1381191252",
    `CREATE TABLE streams (
      number INTEGER PRIMARY KEY,
      kind TEXT NOT NULL,
      id TEXT NOT NULL,
      version INTEGER NOT NULL,
      revision INTEGER NOT NULL,
      due_at INTEGER,
      state TEXT,
      timeout_at INTEGER,
      is_timer INTEGER,
      schema INTEGER NOT NULL,
      snapshot TEXT NOT NULL,
      UNIQUE (kind, id)
    ) STRICT`,
    // Both end in `number`, the rowid, as every index does.
    "CREATE INDEX streams_due ON streams (due_at) WHERE due_at IS NOT NULL",
    "CREATE INDEX streams_state ON streams (state) WHERE state IS NOT NULL",
    // Deadlines that nobody keeps unasked; those that are kept stand in streams_due.
    `CREATE INDEX streams_unarmed ON streams (timeout_at)
      WHERE due_at IS NULL AND state = 'pending'`,
    `CREATE TABLE events (
      position INTEGER PRIMARY KEY,
      stream INTEGER NOT NULL,
      version INTEGER NOT NULL,
      kind TEXT NOT NULL,
      schema INTEGER NOT NULL,
      at INTEGER NOT NULL,
      command TEXT NOT NULL,
      id TEXT,
      data TEXT NOT NULL,
      UNIQUE (stream, version)
    ) STRICT`,
    `CREATE TABLE tags (
      name TEXT NOT NULL,
      value TEXT NOT NULL,
      stream INTEGER NOT NULL,
      PRIMARY KEY (name, value, stream)
    ) STRICT, WITHOUT ROWID`,
  ],
  // Every table can be spread over machines by `id`, which each key holds.
  postgres: [
    `CREATE TABLE streams (
      number BIGINT NOT NULL,
      kind TEXT COLLATE "C" NOT NULL,
      id TEXT COLLATE "C" NOT NULL,
      version BIGINT NOT NULL,
      revision BIGINT NOT NULL,
      due_at BIGINT,
      claimed_until BIGINT,
      state TEXT COLLATE "C",
      timeout_at BIGINT,
      is_timer BOOLEAN,
      weight BIGINT NOT NULL,
      schema INTEGER NOT NULL,
      snapshot TEXT NOT NULL,
      PRIMARY KEY (kind, id)
    )`,
    "CREATE INDEX streams_number ON streams (number)",
    "CREATE INDEX streams_due ON streams (due_at, number) WHERE due_at IS NOT NULL",
    "CREATE INDEX streams_claimed ON streams (claimed_until) WHERE claimed_until IS NOT NULL",
    "CREATE INDEX streams_state ON streams (state, number) WHERE state IS NOT NULL",
    `CREATE INDEX streams_unarmed ON streams (timeout_at)
      WHERE due_at IS NULL AND state = 'pending'`,
    `CREATE TABLE events (
      position BIGINT NOT NULL,
      stream_kind TEXT COLLATE "C" NOT NULL,
      id TEXT COLLATE "C" NOT NULL,
      version BIGINT NOT NULL,
      kind TEXT COLLATE "C" NOT NULL,
      schema INTEGER NOT NULL,
      at BIGINT NOT NULL,
      command TEXT COLLATE "C" NOT NULL,
      data TEXT NOT NULL,
      PRIMARY KEY (stream_kind, id, version)
    )`,
    "CREATE INDEX events_in_order ON events (position)",
    "CREATE SEQUENCE events_position OWNED BY events.position",
    // A digest, since a name and its value may be longer than an entry of an index.
    `CREATE TABLE tags (
      tag BYTEA NOT NULL,
      stream BIGINT NOT NULL,
      kind TEXT COLLATE "C" NOT NULL,
      id TEXT COLLATE "C" NOT NULL,
      PRIMARY KEY (tag, stream, id)
    )`,
  ],
};
