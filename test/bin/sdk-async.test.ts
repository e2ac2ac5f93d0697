// Durable functions that are written with async and await, end to end: the SDK's second engine sends
// other requests than its generators do (sdk.test.ts), and the same must come of it.

import { Resonate } from "@resonatehq/sdk/async";
import { expect, onTestFinished, test, vi } from "vitest";
import { openedSite, openStores, type Store, Worker } from "./sdk-process.ts";

vi.setConfig({ testTimeout: 60_000 });

const engine = "async";
const stores = await openStores();

async function world(store: Store) {
  const server = await openedSite(store);
  const client = new Resonate({ url: server.url(), group: "client" });
  onTestFinished(() => client.stop());
  const workers: Worker[] = [];
  return {
    client,
    /** @param args of the function */
    call: async (id: string, name: string, ...args: readonly unknown[]) => {
      const handle = await client.rpc(id, name, ...args, client.options({ target: "g" }));
      return await handle.result();
    },
    worker: async (pid: string) => {
      const started = new Worker(server.url(), { group: "g", pid, ttl: 1_000, engine });
      workers.push(started);
      await started.ready;
      return started;
    },
    server,
    /** Over all workers. */
    count: (line: string) => workers.reduce((sum, each) => sum + each.count(line), 0),
  };
}

test.each(stores)(
  "$name: waits for a hundred calls, sleeps, leaves a call behind, and fails for good",
  async (store) => {
    const { client, call, worker, count } = await world(store);
    const working = await worker("w-0");
    expect(await call("sum-1", "sum", 100, "g")).toBe(328_350);
    for (let number = 0; number < 100; number++) expect(count(`ran square ${number}`)).toBe(1);
    const startedAt = performance.now();
    expect(await call("nap-1", "nap", 700)).toBe("rested");
    expect(performance.now() - startedAt).toBeGreaterThan(690);
    expect(await call("leave-1", "leave", 1_000, "g")).toBe("left");
    await working.line("ran square 1000");
    const options = client.options({ target: "g", timeout: 3_000 });
    const failing = await client.rpc("fail-1", "fail", options);
    await expect(failing.result()).rejects.toThrow();
  },
);

test.each(stores)(
  "$name: waits for a person, who answers through the original API",
  async (store) => {
    const { call, worker, server } = await world(store);
    await worker("w-0");
    const asked = call("ask-1", "ask");
    await expect.poll(async () => (await server.get("/promises/ask-1:0")).status).toBe(200);
    const data = Buffer.from(JSON.stringify("yes")).toString("base64");
    expect((await server.post("/promises/ask-1:0/resolve", { value: { data } })).status).toBe(201);
    expect(await asked).toBe("yes");
  },
);

test.each(stores)("$name: goes on where it was when its worker is killed", async (store) => {
  const { call, worker, count } = await world(store);
  const first = await worker("first");
  const handle = call("steps-1", "steps");
  await first.line("ran step two");
  first.kill();
  const second = await worker("second");
  expect(await handle).toEqual([1, 2]);
  expect(count("ran step one")).toBe(1);
  expect(second.count("ran step two")).toBe(1);
});

test.each(stores)(
  "$name: a recursion over two workers ends right while a worker and the server are killed",
  async (store) => {
    const { call, worker, server } = await world(store);
    const [first] = [await worker("w-0"), await worker("w-1")];
    const result = call("fib-1", "fib", 9, "g");
    await new Promise((resolve) => setTimeout(resolve, 150));
    first.kill();
    await worker("w-2");
    await server.restart();
    expect(await result).toBe(34);
  },
);
