CREATE TABLE events (
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
) STRICT;

CREATE TABLE streams (
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
  snapshot TEXT NOT NULL, timers TEXT, task_state TEXT, branch TEXT, waiting TEXT,
  UNIQUE (kind, id)
) STRICT;

CREATE TABLE tags (
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  stream INTEGER NOT NULL,
  PRIMARY KEY (name, value, stream)
) STRICT, WITHOUT ROWID;

CREATE TABLE waiting (
  receiver TEXT NOT NULL,
  offered_at INTEGER NOT NULL,
  stream INTEGER NOT NULL,
  PRIMARY KEY (receiver, offered_at, stream)
) STRICT, WITHOUT ROWID;

CREATE INDEX streams_branch ON streams (branch, id) WHERE branch IS NOT NULL;

CREATE INDEX streams_due ON streams (due_at) WHERE due_at IS NOT NULL;

CREATE INDEX streams_state ON streams (state) WHERE state IS NOT NULL;

CREATE INDEX streams_unarmed ON streams (timeout_at)
  WHERE due_at IS NULL AND state = 'pending';

CREATE INDEX waiting_missed ON waiting (offered_at) WHERE offered_at = 0;
