// Timers: what moves without events, beside the snapshot; what a stream has for workers that are not
// there; and what searches of tasks and of branches look at. Snapshots themselves stay as they are
// (store/codec.ts, T4).
//
// Whoever had a target was never offered to it, and gets a clock that has run out: so the first sweep
// comes upon it, and decides when it is to be offered, as it does whenever a clock has run out. Oldest
// first, since among equal due dates the order is that of creation.

import type { Migration } from "../migrate.ts";

export const timers: Migration = {
  number: 2,
  name: "timers",
  sqlite: [
    "ALTER TABLE streams ADD COLUMN timers TEXT",
    "ALTER TABLE streams ADD COLUMN task_state TEXT",
    "ALTER TABLE streams ADD COLUMN branch TEXT",
    // What stands in the table below for this stream, so that it is found there to be taken out.
    "ALTER TABLE streams ADD COLUMN waiting TEXT",
    `UPDATE streams
      SET task_state = CASE state WHEN 'pending' THEN 'pending' ELSE 'fulfilled' END
      WHERE number IN (SELECT stream FROM tags WHERE name = 'resonate:target')`,
    `UPDATE streams
      SET due_at = 0,
        timers = '{"clockAt":"0","releaseCount":0,"offeredAt":null,"isMissed":false,"tellings":[]}'
      WHERE task_state = 'pending'`,
    `UPDATE streams SET branch = tags.value FROM tags
      WHERE tags.name = 'resonate:branch' AND tags.value <> '' AND tags.stream = streams.number`,
    "CREATE INDEX streams_branch ON streams (branch, id) WHERE branch IS NOT NULL",
    `CREATE TABLE waiting (
      receiver TEXT NOT NULL,
      offered_at INTEGER NOT NULL,
      stream INTEGER NOT NULL,
      PRIMARY KEY (receiver, offered_at, stream)
    ) STRICT, WITHOUT ROWID`,
    "CREATE INDEX waiting_missed ON waiting (offered_at) WHERE offered_at = 0",
  ],
  // No server has ever kept a promise in a Postgres of schema 1.
  postgres: [
    `ALTER TABLE streams ADD COLUMN timers TEXT, ADD COLUMN task_state TEXT COLLATE "C",
      ADD COLUMN branch BYTEA, ADD COLUMN waiting TEXT`,
    // Digests, as of a tag: a branch or a receiver may be longer than an entry of an index.
    "CREATE INDEX streams_branch ON streams (branch, id) WHERE branch IS NOT NULL",
    `CREATE TABLE waiting (
      receiver BYTEA NOT NULL,
      offered_at BIGINT NOT NULL,
      stream BIGINT NOT NULL,
      kind TEXT COLLATE "C" NOT NULL,
      id TEXT COLLATE "C" NOT NULL,
      PRIMARY KEY (receiver, offered_at, stream, id)
    )`,
    "CREATE INDEX waiting_missed ON waiting (offered_at) WHERE offered_at = 0",
  ],
};
