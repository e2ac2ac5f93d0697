-- A database of schema 1, as the code of commit 4aa1100 wrote it. Read for ever, never edited.
PRAGMA application_id = 1381191252;
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
  snapshot TEXT NOT NULL,
  UNIQUE (kind, id)
) STRICT;
CREATE INDEX streams_due ON streams (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX streams_state ON streams (state) WHERE state IS NOT NULL;
CREATE INDEX streams_unarmed ON streams (timeout_at)
  WHERE due_at IS NULL AND state = 'pending';
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
CREATE TABLE tags (
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  stream INTEGER NOT NULL,
  PRIMARY KEY (name, value, stream)
) STRICT, WITHOUT ROWID;
INSERT INTO streams VALUES (1, 'promise', 'plain', 1, 1, 9223372036854775807, 'pending', 9223372036854775807, 0, 1, '{"promise":{"kind":"pending","createdAt":100,"timeoutAt":"9223372036854775807","param":{"headers":[["h","v"]],"data":"é"},"tags":[["t","x"]],"createKey":"k","isExternal":true},"callbacks":[]}');
INSERT INTO streams VALUES (2, 'promise', 'ahead', 1, 1, 5000, 'pending', 5000, 0, 1, '{"promise":{"kind":"pending","createdAt":100,"timeoutAt":"5000","param":{"headers":[["h","v"]],"data":"é"},"tags":[["resonate:target","poll://any@w"]],"createKey":"k","isExternal":true},"callbacks":[]}');
INSERT INTO streams VALUES (3, 'promise', 'never', 1, 1, 9223372036854775807, 'pending', 9223372036854775807, 0, 1, '{"promise":{"kind":"pending","createdAt":100,"timeoutAt":"9223372036854775807","param":{"headers":[["h","v"]],"data":"é"},"tags":[["resonate:target","poll://any@w"]],"createKey":"k","isExternal":true},"callbacks":[]}');
INSERT INTO streams VALUES (4, 'promise', 'delayed', 1, 1, 4000, 'pending', 4000, 0, 1, '{"promise":{"kind":"pending","createdAt":100,"timeoutAt":"4000","param":{"headers":[["h","v"]],"data":"é"},"tags":[["resonate:target","poll://any@w"],["resonate:delay","3000"]],"createKey":"k","isExternal":true},"callbacks":[]}');
INSERT INTO streams VALUES (5, 'promise', 'sleep', 1, 1, 6000, 'pending', 6000, 1, 1, '{"promise":{"kind":"pending","createdAt":100,"timeoutAt":"6000","param":{"headers":[["h","v"]],"data":"é"},"tags":[["resonate:target","poll://any@w"],["resonate:timer","true"]],"createKey":"k","isExternal":true},"callbacks":[]}');
INSERT INTO streams VALUES (6, 'promise', 'inner', 1, 1, NULL, 'pending', 7000, 0, 1, '{"promise":{"kind":"pending","createdAt":100,"timeoutAt":"7000","param":{"headers":[["h","v"]],"data":"é"},"tags":[["resonate:scope","local"]],"createKey":"k","isExternal":false},"callbacks":[]}');
INSERT INTO streams VALUES (7, 'promise', 'awaited', 2, 2, 9223372036854775807, 'pending', 9223372036854775807, 0, 1, '{"promise":{"kind":"pending","createdAt":100,"timeoutAt":"9223372036854775807","param":{"headers":[["h","v"]],"data":"é"},"tags":[["resonate:target","poll://any@w"]],"createKey":"k","isExternal":true},"callbacks":["ahead"]}');
INSERT INTO streams VALUES (9, 'promise', 'settled', 3, 3, 200, 'rejected', 9223372036854775807, 0, 1, '{"promise":{"kind":"settled","createdAt":100,"timeoutAt":"9223372036854775807","param":{"headers":[["h","v"]],"data":"é"},"tags":[["resonate:target","poll://any@w"]],"createKey":"k","isExternal":true,"outcome":"rejected","settledAt":200,"value":{"headers":null,"data":null},"settleKey":null},"callbacks":["never"]}');
INSERT INTO streams VALUES (12, 'promise', 'over', 1, 1, 900, 'pending', 900, 0, 1, '{"promise":{"kind":"pending","createdAt":100,"timeoutAt":"900","param":{"headers":[["h","v"]],"data":"é"},"tags":[["resonate:target","poll://any@w"]],"createKey":"k","isExternal":true},"callbacks":[]}');
INSERT INTO events VALUES (1, 1, 1, 'promise_created', 1, 100, 'main-1', 'plain', '{"createdAt":100,"timeoutAt":"9223372036854775807","param":{"headers":[["h","v"]],"data":"é"},"tags":[["t","x"]],"key":"k","isExternal":true}');
INSERT INTO events VALUES (2, 2, 1, 'promise_created', 1, 100, 'main-2', 'ahead', '{"createdAt":100,"timeoutAt":"5000","param":{"headers":[["h","v"]],"data":"é"},"tags":[["resonate:target","poll://any@w"]],"key":"k","isExternal":true}');
INSERT INTO events VALUES (3, 3, 1, 'promise_created', 1, 100, 'main-3', 'never', '{"createdAt":100,"timeoutAt":"9223372036854775807","param":{"headers":[["h","v"]],"data":"é"},"tags":[["resonate:target","poll://any@w"]],"key":"k","isExternal":true}');
INSERT INTO events VALUES (4, 4, 1, 'promise_created', 1, 100, 'main-4', 'delayed', '{"createdAt":100,"timeoutAt":"4000","param":{"headers":[["h","v"]],"data":"é"},"tags":[["resonate:target","poll://any@w"],["resonate:delay","3000"]],"key":"k","isExternal":true}');
INSERT INTO events VALUES (5, 5, 1, 'promise_created', 1, 100, 'main-5', 'sleep', '{"createdAt":100,"timeoutAt":"6000","param":{"headers":[["h","v"]],"data":"é"},"tags":[["resonate:target","poll://any@w"],["resonate:timer","true"]],"key":"k","isExternal":true}');
INSERT INTO events VALUES (6, 6, 1, 'promise_created', 1, 100, 'main-6', 'inner', '{"createdAt":100,"timeoutAt":"7000","param":{"headers":[["h","v"]],"data":"é"},"tags":[["resonate:scope","local"]],"key":"k","isExternal":false}');
INSERT INTO events VALUES (7, 7, 1, 'promise_created', 1, 100, 'main-7', 'awaited', '{"createdAt":100,"timeoutAt":"9223372036854775807","param":{"headers":[["h","v"]],"data":"é"},"tags":[["resonate:target","poll://any@w"]],"key":"k","isExternal":true}');
INSERT INTO events VALUES (8, 7, 2, 'callback_registered', 1, 100, 'main-8', NULL, '{"awaiter":"ahead"}');
INSERT INTO events VALUES (9, 9, 1, 'promise_created', 1, 100, 'main-9', 'settled', '{"createdAt":100,"timeoutAt":"9223372036854775807","param":{"headers":[["h","v"]],"data":"é"},"tags":[["resonate:target","poll://any@w"]],"key":"k","isExternal":true}');
INSERT INTO events VALUES (10, 9, 2, 'callback_registered', 1, 100, 'main-10', NULL, '{"awaiter":"never"}');
INSERT INTO events VALUES (11, 9, 3, 'promise_settled', 1, 200, 'main-11', NULL, '{"outcome":"rejected","settledAt":200,"value":{"headers":null,"data":null},"key":null}');
INSERT INTO events VALUES (12, 12, 1, 'promise_created', 1, 100, 'main-12', 'over', '{"createdAt":100,"timeoutAt":"900","param":{"headers":[["h","v"]],"data":"é"},"tags":[["resonate:target","poll://any@w"]],"key":"k","isExternal":true}');
INSERT INTO tags VALUES ('t', 'x', 1);
INSERT INTO tags VALUES ('resonate:target', 'poll://any@w', 2);
INSERT INTO tags VALUES ('resonate:target', 'poll://any@w', 3);
INSERT INTO tags VALUES ('resonate:delay', '3000', 4);
INSERT INTO tags VALUES ('resonate:target', 'poll://any@w', 4);
INSERT INTO tags VALUES ('resonate:target', 'poll://any@w', 5);
INSERT INTO tags VALUES ('resonate:timer', 'true', 5);
INSERT INTO tags VALUES ('resonate:scope', 'local', 6);
INSERT INTO tags VALUES ('resonate:target', 'poll://any@w', 7);
INSERT INTO tags VALUES ('resonate:target', 'poll://any@w', 9);
INSERT INTO tags VALUES ('resonate:target', 'poll://any@w', 12);
PRAGMA user_version = 1;
