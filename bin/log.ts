// `resonate log`: looks into a data file without changing it. A server may be running on it.

import { once } from "node:events";
import type { Writable } from "node:stream";
import { StoreError } from "../store/store.ts";
import { type Difference, openReader, type Reader, type Report } from "../store/verify.ts";
import { type Command, configured, type ExitCode, type Run } from "./command.ts";
import type { Scope } from "./config.ts";

const scope: Scope = { names: ["sqlitePath"], usual: {} };

export const logVerify: Command = configured({
  name: "log verify",
  summary: "compares all that is stored with the log of what happened",
  scope,
  logsTo: "stderr",
  run: (run) => {
    return read(run, async (reader) => {
      const report = reader.verify();
      run.outside.stdout.write(`${run.config.sqlitePath}: ${verdict(report)}\n`);
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
      await pour(reader.lines(), run.outside.stdout);
      return 0;
    });
  },
});

async function read(
  { config, outside }: Run,
  work: (reader: Reader) => Promise<ExitCode>,
): Promise<ExitCode> {
  try {
    const reader = openReader(config.sqlitePath);
    try {
      return await work(reader);
    } finally {
      reader.close();
    }
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    outside.stderr.write(`resonate log: ${error.message}\n`);
    return 1;
  }
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
async function pour(lines: Iterable<string>, target: Writable): Promise<void> {
  const enough = new AbortController();
  target.once("error", () => enough.abort());
  for (const line of lines) {
    if (enough.signal.aborted) return;
    if (target.write(`${line}\n`)) continue;
    await once(target, "drain", { signal: enough.signal }).catch(() => undefined); // then it is gone
  }
}
