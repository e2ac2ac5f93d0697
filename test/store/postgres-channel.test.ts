// The channel between servers on one Postgres, H1 to H4: what is heard and by whom, and what becomes of it
// while backends are ended and the server is killed.

import { createServer, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, afterEach, beforeEach, expect, test } from "vitest";
import { ask, ownServer } from "../../bin/dst/postgres-server.ts";
import { PostgresChannel } from "../../store/postgres-channel.ts";

const server = await ownServer();
let url: string;
let closings: (() => Promise<unknown>)[] = [];
const unhandled: unknown[] = [];
process.on("unhandledRejection", (error) => unhandled.push(error));

beforeEach(async () => {
  url = await server.database();
});
afterEach(async () => {
  for (const close of closings.toReversed()) await close();
  closings = [];
  await pause(10);
  expect(unhandled).toEqual([]);
});
afterAll(() => server.stop());

const connectTimeoutMs = 2_000;

/** A server at the channel, and what it has noticed. */
class Listener {
  readonly heard: string[] = [];
  readonly lost: string[] = [];
  openCount = 0;
  readonly channel: PostgresChannel;

  constructor(address: string, name = "listener") {
    this.channel = new PostgresChannel({
      place: { address, name, connectTimeoutMs },
      onText: (text) => this.heard.push(text),
      onOpen: () => {
        this.openCount += 1;
      },
      onLost: (cause) => this.lost.push(cause),
    });
    closings.push(() => this.channel.close());
  }

  async opened(count = 1): Promise<this> {
    await until(() => this.openCount >= count && this.channel.isOpen);
    return this;
  }
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await pause(5);
}

async function listen(address = url, name?: string): Promise<Listener> {
  return await new Listener(address, name).opened();
}

/** Backends of the database that others than this question have. */
async function backends(): Promise<number> {
  const text = `SELECT count(*)::int AS count FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`;
  const [row] = await ask(url, text);
  return row.count;
}

test("postgres channel: H2 what is sent is heard by all, the sender included, in order", async () => {
  const [one, other] = [await listen(), await listen()];
  one.channel.send(["a", "ü\u{1F600}'\\", ""]);
  one.channel.send(["b"]);
  await until(() => other.heard.includes("b") && one.heard.includes("b"));
  expect(other.heard).toEqual(["a", "ü\u{1F600}'\\", "", "b"]);
  expect(one.heard).toEqual(other.heard);
  other.channel.send(["back"]);
  await until(() => one.heard.includes("back"));
  expect([one.openCount, one.lost]).toEqual([1, []]);
});

test("postgres channel: H2 neither another schema nor another database hears it", async () => {
  await ask(url, "CREATE SCHEMA tenant");
  const tenant = new URL(url);
  tenant.searchParams.set("options", "-c search_path=tenant");
  const here = await listen();
  const there = await listen(tenant.href);
  const beside = await listen(tenant.href);
  const elsewhere = await listen(await server.database());
  here.channel.send(["ours"]);
  there.channel.send(["theirs"]);
  elsewhere.channel.send(["foreign"]);
  const all = [here, there, beside, elsewhere];
  await until(() => all.every(({ heard }) => heard.length > 0));
  await pause(50);
  expect(all.map(({ heard }) => heard)).toEqual([["ours"], ["theirs"], ["theirs"], ["foreign"]]);
});

test("postgres channel: H1 a backend that is ended is noticed once, and replaced; what was sent between is lost", async () => {
  const [one, other] = [await listen(url, "one"), await listen(url, "other")];
  for (const round of [1, 2]) {
    await ask(
      url,
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'one'",
    );
    await until(() => one.lost.length === round);
    expect(one.channel.isOpen).toBe(false);
    one.channel.send(["dropped"]);
    other.channel.send(["unheard"]);
    await one.opened(round + 1);
    other.channel.send([`round ${round}`]);
    await until(() => one.heard.includes(`round ${round}`));
  }
  expect(one.heard).toEqual(["round 1", "round 2"]);
  expect(other.heard).toEqual(["unheard", "round 1", "unheard", "round 2"]);
  expect([one.openCount, one.lost.length, other.lost]).toEqual([3, 2, []]);
  expect(await backends()).toBe(2);
});

test("postgres channel: H1 it outlives its server, and listens again once that is back", async () => {
  const [one, other] = [await listen(), await listen()];
  await server.kill();
  await until(() => one.lost.length > 1 && other.lost.length > 1); // a try has failed, too
  for (const { channel } of [one, other]) channel.send(["dropped"]);
  await server.restart();
  await Promise.all([one.opened(2), other.opened(2)]);
  one.channel.send(["after"]);
  await until(() => other.heard.includes("after"));
  expect([one.openCount, other.heard]).toEqual([2, ["after"]]);
}, 60_000);

test("postgres channel: H1 a server that is not there is tried ever more rarely", async () => {
  const nobody = createServer((socket) => {
    dialled.push(performance.now());
    socket.on("error", () => {});
    socket.destroy();
  });
  const dialled: number[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  nobody.listen(0, "127.0.0.1", resolve);
  await promise;
  const address = nobody.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const listener = new Listener(`postgres://u:p@127.0.0.1:${address.port}/d`);
  await until(() => dialled.length === 5);
  const pauses = dialled.slice(1).map((at, index) => at - (dialled[index] ?? 0));
  for (const [index, took] of pauses.entries()) expect(took).toBeGreaterThan(95 * 2 ** index);
  expect(listener.openCount).toBe(0);
  await listener.channel.close();
  const count = dialled.length;
  await pause(100);
  expect(dialled.length).toBe(count);
  nobody.close();
});

test("postgres channel: H4 a text that is too long is dropped, and no other with it", async () => {
  const [one, other] = [await listen(), await listen()];
  const longest = "x".repeat(7_999);
  one.channel.send(["before", "x".repeat(8_000), "é".repeat(4_000), longest, "after"]);
  one.channel.send(["x".repeat(8_000)]);
  one.channel.send([]);
  one.channel.send(["last"]);
  await until(() => other.heard.includes("last"));
  expect(other.heard).toEqual(["before", longest, "after", "last"]);
  expect([one.lost, other.lost]).toEqual([[], []]);
});

test("postgres channel: H3 a text does not wait for the disk, and is heard before a longer transaction ends", async () => {
  const [one, other] = [await listen(), await listen()];
  await ask(url, "CREATE TABLE held (n int)");
  const holding = ask(url, "INSERT INTO held SELECT 1 FROM pg_sleep(1)");
  const startedAt = performance.now();
  one.channel.send(["soon"]);
  await until(() => other.heard.length > 0);
  expect(performance.now() - startedAt).toBeLessThan(800);
  await holding;
  const sync = `SELECT count(*)::int AS count FROM pg_stat_activity
    WHERE query LIKE '%set_config(''synchronous_commit'', ''off'', true)%pg_notify%' AND pid <> pg_backend_pid()`;
  const [row] = await ask(url, sync);
  expect(row.count).toBe(1);
});

test("postgres channel: H1 a text that cannot be sent harms nobody", async () => {
  const one = await listen(url, "one");
  one.channel.send(["\0"]); // no text of Postgres has it
  one.channel.send(["good"]);
  await until(() => one.heard.length > 0);
  expect(one.heard).toEqual(["good"]);
});

test("postgres channel: H1 who closes while it is being opened leaves nothing behind", async () => {
  for (const waitMs of [0, 1, 2, 4, 8, 16, 32]) {
    const listener = new Listener(url);
    await pause(waitMs);
    await listener.channel.close();
    expect(listener.channel.isOpen).toBe(false);
    const { openCount } = listener;
    await pause(20);
    expect([listener.openCount, listener.lost]).toEqual([openCount, []]);
    listener.channel.send(["nobody"]);
  }
  while ((await backends()) > 0) await pause(10);
});

test("postgres channel: H1 who closes does not wait for a server that says nothing", async () => {
  const dialled: Socket[] = [];
  const silent = createServer({ allowHalfOpen: true }, (socket) => {
    dialled.push(socket);
    socket.on("error", () => {});
    socket.resume();
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  silent.listen(0, "127.0.0.1", resolve);
  await promise;
  const address = silent.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const listener = new Listener(`postgres://u:p@127.0.0.1:${address.port}/d`);
  await until(() => dialled.length === 1);
  const startedAt = performance.now();
  await listener.channel.close();
  while (dialled.some(({ closed }) => !closed)) {
    for (const socket of dialled) socket.write("x"); // fails once nobody is there any more
    await pause(10);
  }
  expect(performance.now() - startedAt).toBeLessThan(connectTimeoutMs / 2);
  silent.close();
  expect(listener.lost).toEqual([]);
});
