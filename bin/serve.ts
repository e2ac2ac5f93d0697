// `resonate serve`: the server, on a SQLite file.

import { CachedStore } from "../store/cached.ts";
import { SqliteStore } from "../store/sqlite.ts";
import { inMemory, openFile } from "../store/sqlite-file.ts";
import { type Command, configured } from "./command.ts";
import { type OpenedStore, runServer } from "./server.ts";
import { type Config, settingNames } from "./settings.ts";

export const serve: Command = configured({
  name: "serve",
  summary: "serves durable promises over HTTP and keeps them in a SQLite file",
  scope: { names: settingNames, usual: {} },
  logsTo: "stdout",
  run: ({ config, logger }) => {
    return runServer({ config, logger, openStore: () => openSqlite(config) });
  },
});

/** By the number that SQLite gives them. */
const synchronousModes = ["off", "normal", "full", "extra"];

function openSqlite({ sqlitePath: path, sqliteTxTimeoutMs: busyTimeoutMs }: Config): OpenedStore {
  const file = openFile(path, { busyTimeoutMs });
  const store = new SqliteStore(file);
  const mode = Number(file.database.pragma("synchronous", { simple: true }));
  const synchronous = path === inMemory ? "none" : synchronousModes[mode];
  return {
    store: new CachedStore(store),
    fields: { store: "sqlite", path, synchronous },
    missedCount: () => store.missedCount,
    close: () => store.close(),
  };
}
