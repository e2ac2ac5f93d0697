// What Postgres costs, next to SQLite on the same disk, in the same run; and what a second server on it
// brings. Postgres shares the machine's cores with our servers and with the load.

import { chmodSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ask, ownServer } from "../dst/postgres-server.ts";
import type { Result } from "./load.ts";
import { compare, connections, job, load, type Options, type Side } from "./measure.ts";
import type { Plan } from "./requests.ts";
import { never, p99Ms, perSecond, type Row, type Scenario, stored } from "./scenario.ts";
import { seed, seedShared } from "./seed.ts";
import { metric, type Server, serve, serveShared } from "./servers.ts";

/** A server of Postgres that keeps what it is told, with promises in it, and servers of ours on it. */
async function withNodes(
  folder: string,
  count: number,
  act: (nodes: readonly Server[], url: string) => Promise<readonly Row[]>,
): Promise<readonly Row[]> {
  chmodSync(folder, 0o711); // its user is another one than ours, if we are root
  const flags = ["shared_preload_libraries=pg_stat_statements"];
  const postgres = await ownServer({ folder, isDurable: true, flags });
  const nodes: Server[] = [];
  try {
    const url = await postgres.database();
    await seedShared({ url, prefix: "stored-", count: stored, timeoutAt: never });
    await ask(url, "VACUUM ANALYZE");
    while (nodes.length < count) nodes.push(await serveShared(url));
    return await act(nodes, url);
  } finally {
    await Promise.all(nodes.map((node) => node.stop()));
    await postgres.stop();
  }
}

type Compared = {
  readonly goal: Row["goal"];
  readonly plan: (prefix: string) => Plan;
};

/** Requests per second of one server on Postgres, against one on SQLite. */
function againstSqlite(name: string, { goal, plan }: Compared): Scenario {
  return (folder, options) => {
    return withNodes(folder, 1, async ([node]) => {
      const file = join(folder, `${name}.db`);
      seed({ file, prefix: "stored-", count: stored, timeoutAt: never });
      const sqlite = await serve(file);
      try {
        const sides = [node, sqlite].map((server) => (round: number): Side => {
          return { port: server?.port ?? 0, plan: plan(`${name}-${round}-`) };
        });
        const [mine = [], other = []] = await compareWarm(sides, options);
        const figures = {
          ...{ perSecond: perSecond(mine), sqlitePerSecond: perSecond(other) },
          ...{ p99Ms: p99Ms(mine), sqliteP99Ms: p99Ms(other) },
        };
        return [{ name, ratio: figures.perSecond / figures.sqlitePerSecond, goal, figures }];
      } finally {
        await sqlite.stop();
      }
    });
  };
}

/** Creates at two servers that share a Postgres, as many connections to each as ever, against all at one. */
const nodes: Scenario = (folder, options) => {
  return withNodes(folder, 2, async (servers, url) => {
    const ports = servers.map(({ port }) => port);
    const side = (prefix: string, port: Side["port"]) => (round: number) => {
      const plan = { kind: "create", prefix: `${prefix}-${round}-` } as const;
      return { port, plan, lanes: servers.length * connections };
    };
    const sides = [side("both", ports), side("one", ports[0] ?? 0)];
    const [both = [], one = []] = await compareWarm(sides, options);
    await assertStored(url, both, "both");
    const figures = {
      ...{ perSecond: perSecond(both), onePerSecond: perSecond(one) },
      ...{ p99Ms: p99Ms(both), oneP99Ms: p99Ms(one) },
    };
    const ratio = figures.perSecond / figures.onePerSecond;
    return [{ name: "postgres_nodes", ratio, goal: { atLeast: 1 }, figures }];
  });
};

/** What was answered is there. */
async function assertStored(
  url: string,
  results: readonly Result[],
  prefix: string,
): Promise<void> {
  const answered = results.reduce((sum, result) => sum + result.answered, 0);
  const text = "SELECT count(*) AS count FROM streams WHERE starts_with(id, $1)";
  const [row] = await ask(url, text, [`${prefix}-`]);
  if (Number(row.count) >= answered) return;
  throw new Error(`${answered} promises were created, and ${row.count} are stored`);
}

/** Each side once before it counts: a server on Postgres has more to warm up than one on SQLite. */
async function compareWarm(sides: Parameters<typeof compare>[0], options: Options) {
  for (const side of sides) await load(job(side(options.rounds), options));
  return await compare(sides, options);
}

const idleMinMs = 20_000; // four polls, or a fifth at the edge

/** What two servers ask of a Postgres in which nothing is due. */
const idle: Scenario = (folder, options) => {
  return withNodes(folder, 2, async (servers, url) => {
    await sleep(1_000);
    await ask(url, "CREATE EXTENSION pg_stat_statements");
    const before = await counted(servers, url);
    const ms = Math.max(idleMinMs, options.seconds * 1_000);
    await sleep(ms);
    const after = await counted(servers, url);
    const perMinute = (many: number, few: number) => ((many - few) * 60_000) / ms / servers.length;
    const figures = {
      seconds: ms / 1_000,
      queriesPerMinute: perMinute(after.statements, before.statements),
      callsPerMinute: perMinute(after.calls, before.calls),
    };
    return [{ name: "postgres_idle", ratio: null, goal: null, figures }];
  });
};

/** Statements that Postgres has been asked, but for those that ask this; calls that our servers know of. */
async function counted(servers: readonly Server[], url: string) {
  const [row] = await ask(
    url,
    `SELECT sum(calls) AS statements FROM pg_stat_statements
      WHERE query NOT LIKE '%pg_stat_statements%'`,
  );
  const calls = await Promise.all(servers.map((each) => metric(each, "aio_total_submissions")));
  return {
    statements: Number(row.statements ?? 0),
    calls: calls.reduce((sum, each) => sum + each, 0),
  };
}

export const onPostgres: Readonly<Record<string, Scenario>> = {
  postgres_create: againstSqlite("postgres_create", {
    goal: { atLeast: 0.5 },
    plan: (prefix) => ({ kind: "create", prefix }),
  }),
  postgres_get: againstSqlite("postgres_get", {
    goal: null,
    plan: () => ({ kind: "get", prefix: "stored-", stored }),
  }),
  postgres_task: againstSqlite("postgres_task", {
    goal: null,
    plan: (prefix) => ({ kind: "task", prefix }),
  }),
  postgres_nodes: nodes,
  postgres_idle: idle,
};
