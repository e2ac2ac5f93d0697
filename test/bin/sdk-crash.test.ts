// Durable functions while workers and servers die, and what a task costs that nobody can run. The SDK
// from npm, as in sdk.test.ts.

import { Resonate } from "@resonatehq/sdk";
import { expect, onTestFinished, test, vi } from "vitest";
import { openedSite, openStores, type Site, type Store, Worker } from "./sdk-process.ts";

vi.setConfig({ testTimeout: 60_000 });

const stores = await openStores();

async function world(store: Store) {
  const server = await openedSite(store);
  const client = new Resonate({ url: server.url(), group: "client" });
  onTestFinished(() => client.stop());
  return { client, server };
}

async function started(server: Site, group: string, pid: string): Promise<Worker> {
  const worker = new Worker(server.url(), { group, pid, ttl: 1_000 });
  await worker.ready;
  return worker;
}

/** The steps that ran, each as often as it ran: a step may run again as long as no run was recorded. */
async function stepsOf(workers: readonly Worker[], server: Site): Promise<ReadonlySet<string>> {
  const ids = new Set<string>();
  for (const line of workers.flatMap(({ lines }) => lines)) {
    const [, id = "", ranAt] = /^ran sum (\S+) (\d+)$/.exec(line) ?? [];
    if (id === "") continue;
    ids.add(id);
    const { body } = await server.get(`/promises/${encodeURIComponent(id)}`);
    const { state, completedOn } = body as { state: string; completedOn: number };
    expect(state).toBe("RESOLVED");
    expect(Number(ranAt), `${id} ran again after its result was recorded`).toBeLessThanOrEqual(
      completedOn,
    );
  }
  return ids;
}

test.each(stores)("$name: a function of the caller's own process", async (store) => {
  const { client } = await world(store);
  const double = async (_context: unknown, number: number) => number * 2;
  client.register("double", double);
  expect(await client.run("double-1", "double", 21)).toBe(42);
});

test.each(stores)(
  "$name: a recursion over two workers ends right while one after the other is killed",
  async (store) => {
    const { client, server } = await world(store);
    const workers = [await started(server, "g", "w-0"), await started(server, "g", "w-1")];
    const result = client.rpc("far-1", "farFib", 7, "g", client.options({ target: "g" }));
    let isOver = false;
    const watched = result.finally(() => {
      isOver = true;
    });
    for (let killed = 0; !isOver && killed < 4; killed++) {
      await new Promise((resolve) => setTimeout(resolve, 150));
      workers[killed]?.kill();
      workers.push(await started(server, "g", `w-${killed + 2}`));
    }
    expect(await watched).toBe(13);
    expect((await stepsOf(workers, server)).size).toBe(20); // of 41 calls, 21 end at once
  },
);

test.each(stores)(
  "$name: a recursion ends right while the server is killed again and again",
  async (store) => {
    const { client, server } = await world(store);
    const workers = [await started(server, "g", "w-0"), await started(server, "g", "w-1")];
    const result = client.rpc("far-2", "farFib", 7, "g", client.options({ target: "g" }));
    for (let killed = 0; killed < 3; killed++) {
      await new Promise((resolve) => setTimeout(resolve, 200));
      await server.restart();
    }
    expect(await result).toBe(13);
    expect((await stepsOf(workers, server)).size).toBe(20);
  },
);

test.each(stores)(
  "$name: a task that its worker cannot run is given back less and less often",
  async (store) => {
    const { client, server } = await world(store);
    await started(server, "g", "w-0");
    const options = client.options({ target: "g", timeout: 60_000 });
    void client.rpc("unknown-1", "noSuchFunction", options).catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    const { body } = await server.get("/events?id=unknown-1&limit=100");
    const text = JSON.stringify(body);
    const released = text.split("task_released").length - 1;
    expect(released).toBeGreaterThan(3);
    expect(released).toBeLessThan(10); // three at once, then after 100, 300, 700, 1,500 and 3,100 ms
  },
);

type Fired = { readonly id: string; readonly state: string; readonly createdOn: number };

async function firedBy(server: Site, id: string): Promise<readonly Fired[]> {
  const { body } = await server.get(`/promises?q=${id}-*&limit=100`);
  return (body as { readonly promises: readonly Fired[] }).promises.toReversed(); // newest first
}

test.each(stores)(
  "$name: a schedule fires every second once, though the server is killed between",
  async (store) => {
    const { client, server } = await world(store);
    const worker = await started(server, "c", "w-0");
    const everySecond = "* * * * * *";
    const options = client.options({ target: "c" });
    const schedule = await client.schedule("beat", everySecond, "tick", "tock", options);
    const until = async (count: number) => {
      while (worker.lines.length <= count) await new Promise((resolve) => setTimeout(resolve, 20));
    };
    await until(2);
    await server.restart();
    await until(4);
    await server.kill();
    await new Promise((resolve) => setTimeout(resolve, 3_000)); // what is missed is caught up with
    await server.restart();
    await until(9);
    await schedule.delete();
    const fired = await firedBy(server, "beat");
    const [first] = fired;
    expect(fired.length).toBeGreaterThan(7);
    expect(fired.map(({ id }) => id)).toEqual(
      fired.map((_, index) => `beat-${(first?.createdOn ?? 0) + index * 1_000}`),
    );
    for (const { id, createdOn } of fired) expect(id).toBe(`beat-${createdOn}`);
    while ((await firedBy(server, "beat")).some(({ state }) => state !== "RESOLVED")) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    for (const { id } of fired) expect(worker.count(`ran tock ${id}`)).toBeGreaterThanOrEqual(1);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(await firedBy(server, "beat")).toHaveLength(fired.length); // it is deleted
  },
);
