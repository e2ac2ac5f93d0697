// `resonate log`: looks into a database without changing it. Servers may be running on it.

import { once } from "node:events";
import type { Writable } from "node:stream";
import { openPostgresReader } from "../store/postgres-reader.ts";
import type { Reader } from "../store/reader.ts";
import { openReader } from "../store/sqlite-reader.ts";
import { StoreError } from "../store/store.ts";
import type { Difference, Report } from "../store/verify.ts";
import { type Command, configured, type ExitCode, type Run } from "./command.ts";
import type { Scope } from "./config.ts";
import { addressNames, shownPlace, toPoolOptions } from "./postgres.ts";
import type { Config } from "./settings.ts";

const scope: Scope = { names: ["store", "sqlitePath", ...addressNames], usual: {} };

export const logVerify: Command = configured({
  name: "log verify",
  summary: "compares all that is stored with the log of what happened",
  scope,
  logsTo: "stderr",
  run: (run) => {
    return read(run, async (reader, name) => {
      const report = await reader.verify();
      run.outside.stdout.write(`${name}: ${verdict(report)}\n`);
      return report.differing === 0 ? 0 : 1;
    });
  },
});

export const logExport: Command = configured({
  name: "log export",
  summary: "prints the log, oldest event first, one JSON object a line",
  scope,
  logsTo: "stderr",
  run: (run) => {
    return read(run, async (reader) => {
      await pour(reader, run.outside.stdout);
      return 0;
    });
  },
});

async function read(
  { config, outside }: Run,
  work: (reader: Reader, name: string) => Promise<ExitCode>,
): Promise<ExitCode> {
  try {
    const { name, reader } = await open(config);
    try {
      return await work(reader, name);
    } finally {
      await reader.close();
    }
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    outside.stderr.write(`resonate log: ${error.message}\n`);
    return 1;
  }
}

async function open(config: Config): Promise<{ readonly name: string; readonly reader: Reader }> {
  if (config.store === "sqlite") {
    return { name: config.sqlitePath, reader: openReader(config.sqlitePath) };
  }
  const reader = await openPostgresReader(toPoolOptions(config, 1));
  return { name: shownPlace(config), reader };
}

function verdict({ streams, events, tags, differing, first }: Report): string {
  const counts = `${streams} streams, ${events} events, ${tags} tags`;
  if (first === null) return `${counts}; all agree`;
  return `${counts}; ${differing} differ, first ${told(first)}`;
}

function told({ stream, field, expected, found }: Difference): string {
  const where = stream === null ? "" : `${stream.kind} ${JSON.stringify(stream.id)}: `;
  return `${where}${field} should be ${expected} and is ${found}`;
}

/** As fast as the reader takes it; a reader that has had enough is no mistake. */
async function pour(reader: Reader, target: Writable): Promise<void> {
  const enough = new AbortController();
  target.once("error", () => enough.abort());
  await reader.export(async (line) => {
    if (enough.signal.aborted) return false;
    if (!target.write(`${line}\n`)) {
      await once(target, "drain", { signal: enough.signal }).catch(() => undefined); // then it is gone
    }
    return true;
  });
}
