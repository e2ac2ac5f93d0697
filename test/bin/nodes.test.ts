// Two servers on one Postgres, as their users meet them: workers connected to the other one, a server
// that dies, nobody to take what waits, nothing to do, a Postgres that is gone, and an end in the midst of
// it. With notifications, and behind a pooler, where there is the poll alone.

import { generateKeyPairSync, sign } from "node:crypto";
import { writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeEach, describe, expect, test, vi } from "vitest";
import { ownServer } from "../../bin/dst/postgres-server.ts";
import { Listening, Node } from "./nodes.ts";
import { countingWay, poolingWay } from "./postgres-ways.ts";
import { said } from "./said.ts";
import { directory } from "./server-process.ts";

vi.setConfig({ testTimeout: 60_000 });

const far = 2_524_608_000_000;
const server = await ownServer();
let url: string;
beforeEach(async () => {
  url = await server.database();
});
afterAll(() => server.stop());

const poll = (ms: number) => ["--aio-store-postgres-poll", `${ms}ms`];

/** Of a task for a worker. */
const targeted = (id: string, target: string, timeoutAt = far) => {
  return { id, timeoutAt, tags: { "resonate:target": target } };
};
const global = (id: string) => ({ id, timeoutAt: far, tags: { "resonate:scope": "global" } });

/** @returns ms until it has happened */
async function timed(happens: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await happens();
  return performance.now() - startedAt;
}

const median = (all: readonly number[]) => all.toSorted((a, b) => a - b)[all.length >> 1] ?? 0;

describe("a worker at another node", () => {
  test("gets what is made at this one at once, whatever the address", async () => {
    await using a = await Node.start(url);
    await using b = await Node.start(url);
    using worker = await Listening.at(b, "g/w");
    using other = await Listening.at(b, "g/other");
    const targets = ["poll://any@g", "poll://uni@g/w", "poll://any@g/w", "poll://any@g/gone"];
    for (const [index, target] of targets.entries()) {
      const id = `task-${index}`;
      const tookMs = await timed(async () => {
        await a.ask("promise.create", targeted(id, target));
        await Promise.race([worker.execute(id), other.execute(id)]);
      });
      expect(tookMs).toBeLessThan(1_000);
      if (target.includes("/w")) expect(worker.offers(id)).toHaveLength(1);
    }
    await a.ask("promise.create", global("told"));
    for (const address of ["poll://uni@g/w", "poll://any@g/other"]) {
      await a.ask("promise.register_listener", { awaited: "told", address });
    }
    const tookMs = await timed(async () => {
      await a.ask("promise.settle", { id: "told", state: "resolved" });
      await Promise.all([worker.unblock("told"), other.unblock("told")]);
    });
    expect(tookMs).toBeLessThan(1_000);
    await pause(300);
    for (const [index] of targets.entries()) {
      const id = `task-${index}`;
      expect([...worker.offers(id), ...other.offers(id)]).toHaveLength(1); // once, by whomever
    }
  });

  test("waits for it a few milliseconds longer than one at the same node", async () => {
    await using a = await Node.start(url);
    await using b = await Node.start(url);
    using near = await Listening.at(a, "near/w");
    using distant = await Listening.at(b, "far/w");
    const measure = async (name: string, listening: Listening) => {
      const took: number[] = [];
      for (let count = 0; count < 30; count++) {
        const id = `${name}-${count}`;
        took.push(
          await timed(async () => {
            await a.ask("promise.create", targeted(id, `poll://any@${name}`));
            await listening.execute(id);
          }),
        );
      }
      return median(took);
    };
    const [nearMs, farMs] = [await measure("near", near), await measure("far", distant)];
    process.stdout.write(`execute: ${nearMs.toFixed(1)} ms here, ${farMs.toFixed(1)} ms there\n`);
    expect(farMs).toBeLessThan(nearMs + 100);
  });
});

describe("behind a pooler", () => {
  test("a worker at another node gets it with the next poll, and nothing asks for a session", async () => {
    const way = await poolingWay(url, 5);
    const args = ["--aio-store-postgres-pooler", ...poll(500)];
    await using a = await Node.start(way.url, args);
    await using b = await Node.start(way.url, args);
    using worker = await Listening.at(b, "g/w");
    const targets = ["poll://any@g", "poll://uni@g/w"];
    for (const [index, target] of [...targets, ...targets, ...targets].entries()) {
      const tookMs = await timed(async () => {
        await a.ask("promise.create", targeted(`task-${index}`, target));
        await worker.execute(`task-${index}`);
      });
      expect(tookMs).toBeLessThan(500 + 1_000); // a poll, or two if the last one has just found something
    }
    await a.ask("promise.create", global("told"));
    await a.ask("promise.register_listener", { awaited: "told", address: "poll://uni@g/w" });
    const tookMs = await timed(async () => {
      await a.ask("promise.settle", { id: "told", state: "resolved" });
      await worker.unblock("told");
    });
    expect(tookMs).toBeLessThan(500 + 1_000);
    const ofSession =
      /LISTEN|pg_notify|a prepared name|^\s*SET (?!LOCAL)|pg_(?:try_)?advisory_lock/;
    expect(way.asked.filter((text) => ofSession.test(text))).toEqual([]);
    expect([way.asked.length > 50, way.refused, way.moveCount > 20]).toEqual([true, [], true]);
    await way.close();
  });

  test("a server that was not told of the pooler is turned away by it, and says so", async () => {
    const way = await poolingWay(url, 2);
    await expect(Node.start(way.url)).rejects.toThrow(/unsupported startup parameter/);
    await way.close();
  });
});

describe("what a server leaves that is killed", () => {
  /** Due after the server is gone. */
  async function leave(node: Node): Promise<number> {
    const soon = Date.now() + 1_500;
    await node.ask("promise.create", { ...global("passing"), timeoutAt: soon });
    await node.ask("promise.create", targeted("held", "poll://any@g"));
    await node.ask("task.acquire", { id: "held", version: 0, pid: "p", ttl: 1_500 });
    await node.ask("schedule.create", {
      ...{ id: "beat", cron: "* * * * * *", promiseId: "{{.id}}-{{.timestamp}}" },
      ...{ promiseTimeout: 60_000, promiseParam: { headers: {}, data: "" } },
      promiseTags: { "resonate:target": "poll://any@beats" },
    });
    node.process.kill("SIGKILL");
    await node.process.ended;
    return soon;
  }

  test.each([
    ["with notifications", []],
    ["behind a pooler", ["--aio-store-postgres-pooler"]],
  ])("is swept by the others within a poll, %s", async (_how, args) => {
    await using a = await Node.start(url, [...args, ...poll(1_000)]);
    await using b = await Node.start(url, [...args, ...poll(1_000)]);
    using worker = await Listening.at(b, "g/w");
    using beats = await Listening.at(b, "beats/w");
    const soon = await leave(a);
    await worker.execute("held", 1);
    expect(Date.now()).toBeLessThan(soon + 1_000 + 1_000);
    const fired = () =>
      beats.messages.filter(({ data: { task } }) => {
        return Number(task?.id.slice("beat-".length)) > soon;
      });
    while (fired().length < 2) await pause(20);
    expect(Date.now()).toBeLessThan(soon + 2_000 + 1_000 + 1_000);
    const { body } = await b.process.get("/events?id=passing&limit=10"); // settled, and not only shown so
    expect(JSON.stringify(body)).toContain("promise_settled");
  });
});

/** What both ask of the store while so much time passes. */
async function submissionsIn(ms: number, nodes: readonly Node[]): Promise<number> {
  const count = async () => {
    const counts = await Promise.all(nodes.map((node) => node.submissions()));
    return counts.reduce((sum, each) => sum + each);
  };
  const before = await count();
  await pause(ms);
  return (await count()) - before;
}

/** Until nothing happens that a request has caused. */
async function settle(nodes: readonly Node[]): Promise<void> {
  while ((await submissionsIn(300, nodes)) > 10) await pause(100);
}

describe("what nobody can take does not go round and round", () => {
  const backlog = Array.from({ length: 200 }, (_, index) => `b/task-${index}`);

  async function make(node: Node, target: string): Promise<void> {
    for (let at = 0; at < backlog.length; at += 20) {
      const some = backlog.slice(at, at + 20);
      await Promise.all(some.map((id) => node.ask("promise.create", targeted(id, target))));
    }
  }

  test("if its worker is nowhere", async () => {
    await using a = await Node.start(url, poll(500));
    await using b = await Node.start(url, poll(500));
    using _ = await Listening.at(b, "h/w");
    await make(a, "poll://any@g");
    await settle([a, b]);
    expect(await a.metric("messages_backlog")).toBe(200);
    expect(await submissionsIn(3_000, [a, b])).toBeLessThan(60); // 6 polls of each, and what they write
  });

  test("if the tokens of those who are there do not reach it, on neither node", async () => {
    using place = directory();
    const { publicKey, privateKey } = generateKeyPairSync("ed25519");
    const path = join(place.path, "key.pem");
    writeFileSync(path, publicKey.export({ type: "spki", format: "pem" }));
    const token = (prefix: string) => {
      const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
      const body = `${encoded({ alg: "EdDSA" })}.${encoded({ prefix, exp: far / 1_000 })}`;
      return `${body}.${sign(null, Buffer.from(body), privateKey).toString("base64url")}`;
    };
    const args = [...poll(500), "--auth-public-key", path];
    await using a = await Node.start(url, args, token(""));
    await using b = await Node.start(url, args, token(""));
    using _here = await Listening.at(a, "g/a", token("a/"));
    using _there = await Listening.at(b, "g/b", token("a/"));
    await make(a, "poll://any@g");
    await settle([a, b]);
    // Tried after 1, 2, 4, 8 polls: each try of each node is a page, and 200 offers in a few batches.
    expect(await submissionsIn(3_500, [a, b])).toBeLessThan(400);
    using reader = await Listening.at(b, "g/c", token("b/"));
    await Promise.all(backlog.map((id) => reader.execute(id)));
    expect(reader.messages).toHaveLength(200);
  });

  test("if the buffers of all who are there are full", async () => {
    const args = [...poll(500), "--poll-buffer-size", "1"];
    await using a = await Node.start(url, args);
    await using b = await Node.start(url, args);
    const stuck = [a, b].map((node) => {
      const socket = connect(Number(new URL(node.url).port), "127.0.0.1");
      socket.write("GET /poll/g/w HTTP/1.1\r\nHost: x\r\n\r\n");
      socket.pause();
      return socket;
    });
    const data = "x".repeat(512 * 1024);
    for (let count = 0; count < 50; count++) {
      const node = count % 2 === 0 ? a : b;
      await node.ask("promise.create", global(`b/${count}`));
      const listener = { awaited: `b/${count}`, address: "poll://any@g" };
      await node.ask("promise.register_listener", listener);
      await node.ask("promise.settle", { id: `b/${count}`, state: "resolved", value: { data } });
    }
    await settle([a, b]);
    expect(await a.metric("messages_backlog")).toBeGreaterThan(10);
    expect(await submissionsIn(3_500, [a, b])).toBeLessThan(400);
    for (const socket of stuck) socket.destroy();
    using reader = await Listening.at(b, "g/w");
    while (reader.messages.length < 5) await pause(20); // one after the other, as its buffer has room
  });
});

test("two servers that have nothing to do ask the store as often as the poll says, and no more", async () => {
  const way = await countingWay(url);
  await using a = await Node.start(way.url, poll(1_000));
  await using b = await Node.start(way.url, poll(1_000));
  await a.ask("promise.create", { id: "later", timeoutAt: far, tags: {} });
  using _ = await Listening.at(b, "g/w");
  await settle([a, b]);
  const before = way.asked.length;
  await pause(5_000);
  const asked = way.asked.slice(before);
  const questions = asked.filter((text) => !/^\s*(?:BEGIN|COMMIT|ROLLBACK)/.test(text));
  process.stdout.write(
    `idle: ${questions.length} questions, ${asked.length} statements in 5 polls of two\n`,
  );
  expect(questions.length).toBeLessThanOrEqual(6 * 3); // what is due, of each; what was missed, of one
  expect(questions.length).toBeGreaterThanOrEqual(4 * 3);
  expect(asked.length).toBeLessThanOrEqual(6 * 7);
  await way.close();
});

test("a server on Postgres refuses to let time be driven", async () => {
  const postgres = ["serve", "--aio-store", "postgres", "--aio-store-postgres-url", url];
  const { code, stderr } = await said([...postgres, "--debug"]);
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /--debug.*several servers may share a Postgres, and time cannot be stopped for all/,
  );
  expect(stderr.trim().split("\n")).toHaveLength(1);
});

/** A Postgres to which anything may be done. */
async function alone() {
  const own = await ownServer();
  let isDead = false;
  return {
    address: await own.database(),
    kill: async () => {
      await own.kill();
      isDead = true;
    },
    restart: async () => {
      await own.restart();
      isDead = false;
    },
    [Symbol.asyncDispose]: async () => {
      if (isDead) await own.restart(); // what is not there cannot be stopped
      await own.stop();
    },
  };
}

const ready = async (node: Node) => (await fetch(`${node.url}/ready`)).status;

async function untilReady(node: Node, status: number): Promise<void> {
  while ((await ready(node)) !== status) await pause(20);
}

test("a Postgres that is gone makes servers unready, and they serve again once it is back", async () => {
  await using postgres = await alone();
  await using a = await Node.start(postgres.address, poll(1_000));
  await using b = await Node.start(postgres.address, poll(1_000));
  const nodes = [a, b];
  using worker = await Listening.at(b, "g/w");
  expect(await Promise.all(nodes.map(ready))).toEqual([200, 200]);
  await postgres.kill();
  await Promise.all(nodes.map((node) => untilReady(node, 503)));
  expect(await a.answer("promise.create", targeted("a", "poll://any@g"))).toMatchObject({
    status: 500,
  });
  expect(await a.metric("messages_backlog")).toBeNull();
  for (const state of ["busy", "idle", "waited_for"]) {
    expect(await a.metric(`store_connections{state="${state}"}`)).toBe(0);
  }
  await pause(500);
  await postgres.restart();
  const backMs = await timed(() => Promise.all(nodes.map((node) => untilReady(node, 200))));
  expect(backMs).toBeLessThan(5_000);
  expect(await a.metric("messages_backlog")).toBe(0);
  expect(await a.metric('store_connections{state="idle"}')).toBeGreaterThan(0);
  await a.ask("promise.create", targeted("a", "poll://any@g"));
  await worker.execute("a");
  await expect.poll(() => b.process.stdout).toContain("notifications lost");
  for (const { process } of nodes) expect(process.stdout).not.toContain("bug");
});

test("an end under load answers all that was accepted, by either", async () => {
  await using a = await Node.start(url);
  await using b = await Node.start(url);
  const created = new Set<string>();
  const others = new Set<number>();
  const client = async (name: string) => {
    for (let count = 0; ; count++) {
      const id = `${name}-${count}`;
      const isLost = await a.answer("promise.create", targeted(id, "poll://any@g")).then(
        ({ status }) => {
          if (status === 200) created.add(id);
          else others.add(status);
          return false;
        },
        () => true,
      );
      if (isLost) return;
    }
  };
  const clients = Array.from({ length: 16 }, (_, name) => client(`c${name}`));
  while (created.size < 200) await pause(5);
  a.process.kill("SIGTERM");
  expect(await a.process.ended).toEqual({ code: 0, signal: null });
  await Promise.all(clients);
  expect(others.isSubsetOf(new Set([503]))).toBe(true);
  expect(a.process.lines.filter((line) => /level=(?:WARN|ERROR)/.test(line))).toHaveLength(1); // fsync is off
  using worker = await Listening.at(b, "g/w");
  const tookMs = await timed(() => Promise.all([...created].map((id) => worker.execute(id))));
  expect(tookMs).toBeLessThan(15_000); // it takes over all that is left, and no clock has to run out
});

test("an end while Postgres is down, or says nothing, comes in time", async () => {
  await using postgres = await alone();
  const sockets = new Set<Socket>();
  const { hostname, port } = new URL(postgres.address);
  let isSilent = false;
  const silent = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.on("error", () => {});
      from.on("data", (chunk) => isSilent || to.write(chunk));
      from.on("close", () => to.destroy());
    }
  });
  await new Promise<void>((listening) => {
    silent.listen(0, "127.0.0.1", listening);
  });
  const address = silent.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const way = new URL(postgres.address);
  way.port = `${address.port}`;
  const args = ["--api-http-timeout", "2s", ...poll(500)];
  await using a = await Node.start(postgres.address, args);
  await using b = await Node.start(way.href, args);
  using _ = await Listening.at(b, "g/w");
  isSilent = true;
  const asked = b.answer("promise.create", targeted("b", "poll://any@g")).catch(() => null);
  await pause(700);
  await postgres.kill();
  expect(await a.answer("promise.create", targeted("a", "poll://any@g"))).toMatchObject({
    status: 500,
  });
  for (const { process } of [a, b]) process.kill("SIGTERM");
  const tookMs = await timed(async () => {
    for (const { process } of [a, b])
      expect(await process.ended).toEqual({ code: 0, signal: null });
  });
  expect(tookMs).toBeLessThan(2_000 + 2_000 + 1_500);
  await asked;
  for (const socket of sockets) socket.destroy();
  silent.close();
});
