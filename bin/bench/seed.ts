// Fills a store with promises, through the store itself and not over HTTP: a million in less than
// a minute. The promises look like those that clients create.

import { commandId, type DeadlineMs, instantMs, promiseId } from "../../kernel/ids.ts";
import { type Component, promiseKey } from "../../kernel/stream.ts";
import { WorkingSet } from "../../kernel/working-set.ts";
import { openPostgres } from "../../store/postgres-open.ts";
import { openSqlite } from "../../store/sqlite.ts";
import { unwritten } from "../../store/store.ts";

export type Seed = {
  readonly prefix: string;
  readonly count: number;
  readonly timeoutAt: DeadlineMs;
};

const perCommit = 2_000;

export function seed({ file, ...promises }: Seed & { readonly file: string }): void {
  const store = openSqlite(file);
  for (const components of commits(promises)) store.commit(components);
  store.close();
}

export async function seedShared({
  url,
  ...promises
}: Seed & { readonly url: string }): Promise<void> {
  const store = await openPostgres({ address: url });
  for (const components of commits(promises)) await store.commit(components);
  await store.close();
}

function* commits({ prefix, count, timeoutAt }: Seed): Generator<readonly Component[]> {
  const now = instantMs(Date.now());
  for (let start = 0; start < count; start += perCommit) {
    const length = Math.min(perCommit, count - start);
    yield Array.from({ length }, (_, index) => {
      const number = start + index;
      const key = promiseKey(promiseId(`${prefix}${number}`));
      const set = new WorkingSet([unwritten(key)]);
      const param = { headers: null, data: "aGVsbG8=" };
      const rest = { param, tags: new Map(), key: `${prefix}${number}-create`, isExternal: true };
      const created = { kind: "promise_created", createdAt: now, timeoutAt, ...rest } as const;
      set.append(key, created, { command: commandId(`seed-${number}`), now });
      return { changes: set.changes([key]) };
    });
  }
}
