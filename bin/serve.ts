// `resonate serve`: the server, on a SQLite file or a Postgres.

import { CachedStore } from "../store/cached.ts";
import type { OnMigrated } from "../store/migrate.ts";
import { openPostgres } from "../store/postgres-open.ts";
import { SqliteStore } from "../store/sqlite.ts";
import { inMemory, openFile } from "../store/sqlite-file.ts";
import { type Command, configured } from "./command.ts";
import type { OpenedStore } from "./engine.ts";
import type { Logger } from "./logger.ts";
import { shownPlace, toPoolOptions } from "./postgres.ts";
import { runServer } from "./server.ts";
import { type Config, settingNames } from "./settings.ts";

export const serve: Command = configured({
  name: "serve",
  summary: "serves durable promises over HTTP and gRPC and keeps them in SQLite or Postgres",
  scope: { names: settingNames, usual: {} },
  logsTo: "stdout",
  run: ({ config, logger }) => {
    const openStore = () =>
      config.store === "sqlite" ? openSqlite(config, logger) : share(config, logger);
    return runServer({ config, logger, openStore });
  },
});

/** By the number that SQLite gives them. */
const synchronousModes = ["off", "normal", "full", "extra"];

function openSqlite(config: Config, logger: Logger): OpenedStore {
  const { sqlitePath: path, sqliteTxTimeoutMs: busyTimeoutMs } = config;
  const file = openFile(path, { busyTimeoutMs, onMigrated: migrationLog(logger) });
  const store = new SqliteStore(file);
  const mode = Number(file.database.pragma("synchronous", { simple: true }));
  const synchronous = path === inMemory ? "none" : synchronousModes[mode];
  return {
    kind: "own",
    store: new CachedStore(store),
    fields: { store: "sqlite", path, synchronous },
    missedCount: () => store.missedCount,
    close: () => store.close(),
  };
}

/** Connections. Arbitrary: more than one server of two cores needs, and few of the hundred that Postgres has. */
const workersUsual = 8;

async function share(config: Config, logger: Logger): Promise<OpenedStore> {
  const workers = config.storeWorkers === "usual" ? workersUsual : config.storeWorkers;
  const place = toPoolOptions(config, workers);
  const onWarning = (warning: string) => logger.warn("store at risk", { cause: warning });
  const onMigrated = migrationLog(logger);
  const store = await openPostgres({ ...place, onWarning, onMigrated });
  return {
    ...{ kind: "shared", store, place, workers },
    fields: { store: "postgres", place: shownPlace(config), workers },
    missedCount: () => store.missedCount(),
    close: () => store.close(),
  };
}

/** Of a store that was there before; a new one is no news. */
function migrationLog(logger: Logger): OnMigrated {
  let isNew = false;
  return ({ number, name }) => {
    isNew ||= number === 1;
    if (!isNew) logger.info("schema migrated", { schema: number, name });
  };
}
