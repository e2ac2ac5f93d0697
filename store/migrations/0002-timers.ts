// Timers: what moves without events, beside the snapshot. Snapshots themselves stay as they are
// (store/codec.ts, T4).
//
// Whoever had a target was never offered to it, and gets a clock that has run out: so the first sweep
// comes upon it, and decides when it is to be offered, as it does whenever a clock has run out. Oldest
// first, since among equal due dates the order is that of creation.

import type { Migration } from "../migrate.ts";

export const timers: Migration = {
  number: 2,
  sqlite: [
    "ALTER TABLE streams ADD COLUMN timers TEXT",
    `UPDATE streams
      SET due_at = 0, timers = '{"clockAt":"0","releaseCount":0,"isMissed":false,"tellings":[]}'
      WHERE state = 'pending'
        AND number IN (SELECT stream FROM tags WHERE name = 'resonate:target')`,
  ],
  // No server has ever kept a promise in a Postgres of schema 1.
  postgres: ["ALTER TABLE streams ADD COLUMN timers TEXT"],
};
