// `resonate migrate`: the schema of the database that the settings name. A server brings it up to date
// when it starts; who must not let it, or wants to see first, uses these.
//
//   Y1. `status` and `plan` change nothing, and make nothing.
//   Y2. `up` does what the start of a server does to the schema, and says each migration once it is
//       committed.
//   Y3. Exit code 0 of `status` means that a server of this version starts without a migration; 1: some
//       are pending, or the schema is newer, or it cannot be told.
//   Y4. The script of `plan` leaves what `up` would leave.

import { assertKnown, migrations, schemaKnown, sqliteScript } from "../store/migrate.ts";
import { foundSchema, postgresScript } from "../store/postgres-migrate.ts";
import { openPostgres } from "../store/postgres-open.ts";
import { PostgresPool } from "../store/postgres-pool.ts";
import { inMemory, openFile, readSchema } from "../store/sqlite-file.ts";
import { StoreError } from "../store/store.ts";
import { type Command, configured, type ExitCode, type Run } from "./command.ts";
import type { Scope } from "./config.ts";
import { addressNames, shownPlace, toPoolOptions } from "./postgres.ts";

const scope: Scope = {
  names: ["store", "sqlitePath", "sqliteTxTimeoutMs", ...addressNames],
  usual: {},
};

/** A database, as far as its schema is concerned. */
type Place = {
  readonly name: string;
  /** It may be newer than what is known. @throws StoreError */
  readonly schema: () => Promise<number>;
  /** @throws StoreError */
  readonly bringUp: (onMigrated: (migration: Named) => void) => Promise<void>;
  readonly script: (schema: number) => string;
  /** What the script wants of who runs it, a sentence each. */
  readonly advice: readonly string[];
};

type Named = { readonly number: number; readonly name: string };

export const migrateStatus: Command = configured({
  name: "migrate status",
  summary: "says which schema the database has, and which migrations are pending: then exit code 1",
  scope,
  logsTo: "stderr",
  run: (run) => {
    return visit(run, async ({ name, schema }) => {
      const found = await schema();
      run.outside.stdout.write(`${name}: ${described(found)}\n`);
      for (const each of pending(found)) run.outside.stdout.write(`pending: ${named(each)}\n`);
      return found === schemaKnown ? 0 : 1; // Y3
    });
  },
});

export const migrateUp: Command = configured({
  name: "migrate up",
  summary: "applies the migrations that are pending, as the start of a server does",
  scope,
  logsTo: "stderr",
  run: (run) => {
    return visit(run, async ({ name, schema, bringUp }) => {
      const say = (line: string) => run.outside.stdout.write(`${line}\n`);
      const found = await schema();
      assertKnown(name, found);
      if (found === schemaKnown) {
        say(`${name}: nothing is pending`);
        return 0;
      }
      await bringUp((migration) => say(`applied: ${named(migration)}`));
      say(`${name}: ${described(await schema())}`);
      return 0;
    });
  },
});

export const migratePlan: Command = configured({
  name: "migrate plan",
  summary: "prints the migrations that are pending as SQL, to be read, and to be run by hand",
  scope,
  logsTo: "stderr",
  run: (run) => {
    return visit(run, async ({ name, schema, script, advice }) => {
      const found = await schema();
      assertKnown(name, found);
      const list = pending(found).map(named).join(", ");
      const head = list === "" ? ["nothing is pending"] : [`pending: ${list}`, ...advice];
      for (const line of [`${name}: ${described(found)}`, ...head]) {
        run.outside.stdout.write(`-- ${line.replaceAll(/[\r\n]/g, " ")}\n`);
      }
      if (list !== "") run.outside.stdout.write(script(found));
      return 0;
    });
  },
});

async function visit(run: Run, work: (place: Place) => Promise<ExitCode>): Promise<ExitCode> {
  try {
    return await work(placeOf(run));
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    run.outside.stderr.write(`resonate migrate: ${error.message}\n`);
    return 1;
  }
}

function placeOf(run: Run): Place {
  return run.config.store === "postgres" ? postgres(run) : sqlite(run);
}

function sqlite({ config: { sqlitePath: path, sqliteTxTimeoutMs: busyTimeoutMs } }: Run): Place {
  if (path === inMemory) {
    throw new StoreError("store_failed", "a database in memory has no schema to keep: name a file");
  }
  return {
    name: path,
    schema: async () => readSchema(path),
    bringUp: async (onMigrated) => openFile(path, { busyTimeoutMs, onMigrated }).close(),
    script: sqliteScript,
    advice: ["stop the server, then: sqlite3 <file> < <this script>"],
  };
}

function postgres({ config, logger }: Run): Place {
  const options = { ...toPoolOptions(config, 1), name: "resonate migrate" };
  return {
    name: shownPlace(config),
    schema: async () => {
      const pool = new PostgresPool(options);
      try {
        return await pool.use("read", foundSchema);
      } finally {
        await pool.close();
      }
    },
    bringUp: async (onMigrated) => {
      const onWarning = (warning: string) => logger.warn("store at risk", { cause: warning });
      const store = await openPostgres({ ...options, onMigrated, onWarning });
      await store.close();
    },
    script: postgresScript,
    advice: [
      "psql -v ON_ERROR_STOP=1 -f <this script> <database>, as the user who owns the tables",
    ],
  };
}

function pending(schema: number): readonly Named[] {
  return migrations.slice(schema);
}

function named({ number, name }: Named): string {
  return `${number} ${name}`;
}

function described(schema: number): string {
  const versions = `schema ${schema}, and this server knows ${schemaKnown}`;
  if (schema > schemaKnown) return `${versions}: start the server that wrote it, or a newer one`;
  return schema === schemaKnown ? `schema ${schema}, up to date` : versions;
}
