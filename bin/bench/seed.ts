// Fills a data file with promises, through the store itself and not over HTTP: a million in less than
// a minute. The promises look like those that clients create.

import {
  commandId,
  type DeadlineMs,
  instantMs,
  promiseId,
  streamRevision,
  streamVersion,
} from "../../kernel/ids.ts";
import { absent, promiseKey } from "../../kernel/stream.ts";
import { noTimers } from "../../kernel/timers.ts";
import { WorkingSet } from "../../kernel/working-set.ts";
import { openSqlite } from "../../store/sqlite.ts";

export type Seed = {
  readonly file: string;
  readonly prefix: string;
  readonly count: number;
  readonly timeoutAt: DeadlineMs;
};

const perCommit = 2_000;

export function seed({ file, prefix, count, timeoutAt }: Seed): void {
  const store = openSqlite(file);
  const now = instantMs(Date.now());
  for (let start = 0; start < count; start += perCommit) {
    const numbers = Array.from(
      { length: Math.min(perCommit, count - start) },
      (_, index) => start + index,
    );
    store.commit(
      numbers.map((number) => {
        const key = promiseKey(promiseId(`${prefix}${number}`));
        const set = new WorkingSet([
          {
            ...{ key, version: streamVersion(0), revision: streamRevision(0) },
            ...{ state: absent, timers: noTimers },
          },
        ]);
        const param = { headers: null, data: "aGVsbG8=" };
        const rest = { param, tags: new Map(), key: `${prefix}${number}-create`, isExternal: true };
        const created = { kind: "promise_created", createdAt: now, timeoutAt, ...rest } as const;
        set.append(key, created, { command: commandId(`seed-${number}`), now });
        return { changes: set.changes([key]) };
      }),
    );
  }
  store.close();
}
