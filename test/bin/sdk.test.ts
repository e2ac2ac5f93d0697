// Durable functions, end to end: the SDK from npm, workers in processes of their own, a server in
// another. Each program ends with the right value, whatever is killed on the way, and no step runs
// again once its result was recorded. All of it with one server, and with two, workers and callers being
// connected to one of them in turn.

import { Resonate } from "@resonatehq/sdk";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { openedSite, openSite, openStores, type Site, type Store, Worker } from "./sdk-process.ts";

vi.setConfig({ testTimeout: 30_000 }); // a worker takes a second to start; the SDK waits seconds to try again

const stores = await openStores();

let server: Site;
let client: Resonate;

function serve(store: Store): void {
  beforeAll(async () => {
    server = await openSite(store);
    client = new Resonate({ url: server.url(), group: "client" });
  });
  afterAll(async () => {
    await client.stop();
    await server.close();
  });
}

async function worker(group: string, pid = `${group}-1`, ttl?: number): Promise<Worker> {
  const started = new Worker(server.url(), { group, pid, ...(ttl !== undefined && { ttl }) });
  await started.ready;
  return started;
}

const at = (target: string) => client.options({ target });

function oneWorker(): void {
  test("runs a recursion", async () => {
    await worker("r");
    expect(await client.rpc("fib-1", "fib", 8, at("r"))).toBe(21);
  });

  test("waits for a hundred calls of itself", async () => {
    const { lines } = await worker("h");
    const squares = 99 * 100 * (199 / 6);
    expect(await client.rpc("sum-1", "sum", 100, "h", at("h"))).toBeCloseTo(squares);
    const ran = lines.filter((line) => line.startsWith("ran square"));
    expect(new Set(ran).size).toBe(ran.length);
  });

  test("sleeps without a worker's help", async () => {
    await worker("n");
    const startedAt = performance.now();
    expect(await client.rpc("nap-1", "nap", 700, at("n"))).toBe("rested");
    const took = performance.now() - startedAt;
    expect(took).toBeGreaterThan(690);
    expect(took).toBeLessThan(2_000);
  });

  test("waits for a person, who answers through the original API", async () => {
    await worker("p");
    const asked = client.rpc("ask-1", "ask", at("p"));
    type Page = { readonly promises: readonly { readonly id: string }[] };
    const search = async () => (await server.get("/promises?q=ask-1:*&state=pending")).body as Page;
    let found = await search();
    while (found.promises.length === 0) found = await search();
    const id = encodeURIComponent(found.promises[0]?.id ?? "");
    const data = Buffer.from(JSON.stringify("yes")).toString("base64");
    const answer = await server.post(`/promises/${id}/resolve`, { value: { data } });
    expect(answer.status).toBe(201);
    expect(await asked).toBe("yes");
  });

  test("may leave a call behind", async () => {
    const behind = await worker("default", "d-1"); // where it goes, unless it is told otherwise
    expect(await client.rpc("leave-1", "leave", 12, at("default"))).toBe("left");
    await behind.line("ran square 12");
  });

  test("fails for good where the function does, and after trying again", async () => {
    const failing = await worker("f");
    const options = client.options({ target: "f", timeout: 3_000 });
    await expect(client.rpc("fail-1", "fail", options)).rejects.toThrow();
    expect(failing.count("ran fail")).toBeGreaterThan(0);
  });

  test("tries again until the function succeeds", async () => {
    const stumbling = await worker("s");
    expect(await client.rpc("stumble-1", "stumble", at("s"))).toBe(3);
    expect(stumbling.lines.filter((line) => line.startsWith("ran stumble"))).toHaveLength(3);
  });
}

function severalWorkers(): void {
  test("of two groups call each other", async () => {
    const [caller, callee] = await Promise.all([worker("a"), worker("b")]);
    expect(await client.rpc("sum-2", "sum", 5, "b", at("a"))).toBe(30);
    expect(callee.lines.filter((line) => line.startsWith("ran square"))).toHaveLength(5);
    expect(caller.lines.filter((line) => line.startsWith("ran square"))).toHaveLength(0);
  });

  test("of one group share the work, and no call runs twice", async () => {
    const both = await Promise.all([worker("g", "g-1"), worker("g", "g-2")]);
    const numbers = Array.from({ length: 60 }, (_, number) => number);
    // A server hands a call to a worker of its own if it has one, so callers are spread, too.
    const callers = both.map(() => new Resonate({ url: server.url(), group: "client" }));
    const squares = numbers.map((number) => {
      return callers[number % 2]?.rpc(`square-${number}`, "square", number, at("g"));
    });
    expect(await Promise.all(squares)).toEqual(numbers.map((number) => number * number));
    for (const caller of callers) await caller.stop();
    const ran = both.map(
      ({ lines }) => lines.filter((line) => line.startsWith("ran square")).length,
    );
    expect(ran[0]).toBeGreaterThan(0);
    expect(ran[1]).toBeGreaterThan(0);
    expect((ran[0] ?? 0) + (ran[1] ?? 0)).toBe(60);
  });

  test("one is killed in the middle, and another one goes on where it was", async () => {
    const first = await worker("k", "first", 1_000);
    const handle = client.rpc("steps-1", "steps", at("k"));
    await first.line("ran step two");
    first.kill();
    const second = await worker("k", "second", 1_000);
    expect(await handle).toEqual([1, 2]);
    expect(first.count("ran step one") + second.count("ran step one")).toBe(1);
    expect(second.count("ran step two")).toBe(1);
  });
}

/** The median of many, ms. */
async function callsTake(): Promise<number> {
  await worker("q");
  await client.rpc("warm", "square", 1, at("q"));
  const took: number[] = [];
  for (let count = 0; count < 50; count++) {
    const startedAt = performance.now();
    await client.rpc(`quick-${count}`, "square", count, at("q"));
    took.push(performance.now() - startedAt);
  }
  took.sort((left, right) => left - right);
  return took[25] ?? 0;
}

describe.each(stores)("$name:", (store) => {
  serve(store);
  describe("one worker", oneWorker);
  describe("several workers", severalWorkers);

  test("a call goes to a connected worker and back within milliseconds", async () => {
    const isNear = store.name === "SQLite"; // else by way of the other server, and back again
    expect(await callsTake()).toBeLessThan(isNear ? 20 : 300);
  });
});

test.each(stores)(
  "$name: a server that is killed in the middle goes on where it was, and so does the function",
  async (store) => {
    const site = await openedSite(store);
    const asking = new Resonate({ url: site.url(), group: "asking" });
    const hurried = new Worker(site.url(), { group: "m", pid: "m-1", ttl: 2_000 });
    await hurried.ready;
    const result = asking.rpc("nap-2", "nap", 1_500, asking.options({ target: "m" }));
    const isPending = async () => (await site.get("/promises?q=nap-2:*&state=pending")).body;
    while (JSON.stringify(await isPending()).length < 100) await new Promise(setImmediate);
    await site.kill();
    await site.restart();
    expect(await result).toBe("rested");
    expect((await site.get("/promises/nap-2")).body).toMatchObject({ state: "RESOLVED" });
    await asking.stop();
  },
);
