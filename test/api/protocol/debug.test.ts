// The debug surface (protocol.md §9), over `POST /`: the loop, the kernel and the driver that serve, over
// a store in memory and a wall clock that is set by hand. Who may use it, what is refused, what each
// operation does, and what the snapshot shows.
//
// V17 of api/protocol, D1 to D6 of aio/driver.ts, H1 to H4 of kernel/pause.ts.

import { describe, expect, onTestFinished, test } from "vitest";
import { StoreAio } from "../../../aio/aio.ts";
import { Clock } from "../../../aio/clock.ts";
import { cron } from "../../../aio/cron.ts";
import { Driver } from "../../../aio/driver.ts";
import { Loop } from "../../../aio/loop.ts";
import { createApp } from "../../../api/app.ts";
import type { Guard } from "../../../api/auth/guard.ts";
import { openToAll } from "../../../api/auth/guard.ts";
import { Gateway } from "../../../api/gateway.ts";
import { Kernel } from "../../../kernel/kernel.ts";
import { limits } from "../../../kernel/limits.ts";
import type { Message } from "../../../kernel/message.ts";
import type { Delivery } from "../../../kernel/ports.ts";
import { CachedStore } from "../../../store/cached.ts";
import { MemoryStore } from "../../../store/memory.ts";
import { type Store, StoreError } from "../../../store/store.ts";
import { guarding } from "../client.ts";

const version = "2026-04-01";
const wallStart = 1_000_000;
const retryMs = 30_000;

type Options = {
  readonly guard?: Guard;
  readonly delivers?: boolean;
  readonly store?: Store;
  readonly delivery?: Delivery | Promise<Delivery>;
  readonly queueMax?: number;
};

type Snapshot = Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>>;

class Stage {
  /** What was sent, as kind and id. */
  readonly sent: string[] = [];
  wall = wallStart;
  readonly gateway: Gateway;
  readonly #app: ReturnType<typeof createApp>;
  readonly #loop: Loop;
  readonly #kernel: Kernel;

  constructor(options: Options = {}) {
    const { guard = openToAll, delivers = false, queueMax = 100 } = options;
    const { delivery = { kind: "delivered" }, store = new CachedStore(new MemoryStore()) } =
      options;
    const clock = new Clock(() => this.wall);
    const send = (message: Message) => {
      this.sent.push(`${message.kind} ${message.id}`);
      return Promise.resolve(delivery);
    };
    const aio = new StoreAio({
      ...{ store, queueMax, observer: { started() {}, finished() {} } },
      sender: { send },
      onCompleted: () => this.#loop.wake(),
    });
    const own = { node: "n", trace: () => {}, cron, deliversPaused: delivers };
    this.#kernel = new Kernel({ aio, limits: limits({}), ...own });
    const onFatal = (error: unknown) => {
      throw error;
    };
    this.#loop = new Loop({ kernel: this.#kernel, aio, clock, onFatal });
    const rest = { cron, firingsMax: 3, queueMax };
    const { driven } = this.#kernel;
    const driver = new Driver({ driven, loop: this.#loop, clock, store, ...rest });
    this.gateway = new Gateway(driver, driver);
    this.#app = createApp({
      ...{ gateway: new Gateway(driver), protocol: this.gateway, guard, readiness: () => true },
      ...{ bodyLimit: 100_000, corsOrigins: [], observe: () => {}, newRequestId: () => "r" },
    });
    onTestFinished(() => this.#loop.stop());
  }

  /** @param at the debug time; undefined: none */
  async ask(kind: string, data: object = {}, at?: number) {
    const head = { corrId: "c", version, ...(at !== undefined && { "resonate:debug_time": at }) };
    const init = { method: "POST", body: JSON.stringify({ kind, head, data }) };
    const response = await this.#app.request("http://localhost/", init);
    const { data: said } = (await response.json()) as { readonly data: unknown };
    return { status: response.status, said };
  }

  async snap(): Promise<Snapshot> {
    const { status, said } = await this.ask("debug.snap");
    expect(status).toBe(200);
    return said as Snapshot; // as just answered
  }

  /** Through the original API. */
  async get(id: string): Promise<unknown> {
    return await (await this.#app.request(`http://localhost/promises/${id}`)).json();
  }

  /** Lets the wall clock go on, and the server do what it wants to. */
  async pass(ms: number): Promise<void> {
    this.wall += ms;
    this.#loop.wake();
    await this.#loop.idle();
    for (let turn = 0; turn < 3; turn++) await this.#loop.idle();
  }

  connect(group: string): void {
    this.#loop.connected({ group, id: "w" });
  }
}

const target = { "resonate:target": "poll://any@g" };
const external = { "resonate:external": "true" };
const create = (id: string, timeoutAt: number, tags: object = external) => ({
  id,
  timeoutAt,
  tags,
});
const settle = (id: string) => ({ id, state: "resolved" });
const held = (id: string, timeoutAt: number, ttl = 1_000) => ({
  pid: "w",
  ttl,
  action: { kind: "promise.create", data: create(id, timeoutAt, target) },
});
const suspend = (id: string, ...awaited: readonly string[]) => {
  const actions = awaited.map((each) => {
    return { kind: "promise.register_callback", data: { awaited: each, awaiter: id } };
  });
  return { id, version: 1, actions };
};
const ok = (said: unknown) => ({ status: 200, said });
const far = 9_000_000_000_000;

describe("who and what is refused", () => {
  const granted = (isAdmin: boolean, prefix: string | null) => {
    return guarding({
      kind: "granted",
      grant: { isAdmin, prefix, groups: null },
      isOver: () => false,
    });
  };

  // biome-ignore format: a table is read down its columns
  test.each<[string, Guard, string, object, number | undefined, number, unknown]>([
    ["no token",                     guarding({ kind: "unauthenticated", fault: "missing" }), "debug.start", {}, undefined, 401, "Unauthorized"],
    ["a prefix",                     granted(false, "p"), "debug.start", {},            undefined, 403, "Forbidden"],
    ["a prefix of all ids",          granted(false, ""),  "debug.snap",  {},            undefined, 403, "Forbidden"],
    ["a prefix, of an unknown kind", granted(false, ""),  "debug.x",     {},            undefined, 403, "Forbidden"],
    ["an admin",                     granted(true, null), "debug.start", {},            undefined, 200, {}],
    ["anybody, without tokens",      openToAll,           "debug.start", {},            undefined, 200, {}],
    ["an unknown kind",              openToAll,           "debug.x",     {},            undefined, 400, "Unknown operation: debug.x"],
    ["a tick without a time",        openToAll,           "debug.tick",  {},            undefined, 400, "Missing or invalid 'time' field"],
    ["a tick at a text",             openToAll,           "debug.tick",  { time: "5" }, undefined, 400, "Missing or invalid 'time' field"],
    ["a tick before all time",       openToAll,           "debug.tick",  { time: -1 },  undefined, 400, "Missing or invalid 'time' field"],
    ["a tick at half a time",        openToAll,           "debug.tick",  { time: 0.5 }, undefined, 400, "Missing or invalid 'time' field"],
    ["a tick after all time",        openToAll,           "debug.tick",  { time: 2 ** 53 }, undefined, 400, "Missing or invalid 'time' field"],
    ["a tick at two times",          openToAll,           "debug.tick",  { time: 5 },   6,         400, "resonate:debug_time must equal data.time"],
    ["a tick at one time, twice",    openToAll,           "debug.tick",  { time: 5 },   5,         200, []],
  ])("%s", async (_what, guard, kind, data, at, status, said) => {
    expect(await new Stage({ guard }).ask(kind, data, at)).toEqual({ status, said });
  });

  test("a debug time counts from an admin, and is ignored from others", async () => {
    for (const [isAdmin, createdAt] of [
      [true, 5],
      [false, wallStart],
    ] as const) {
      const stage = new Stage({ guard: granted(isAdmin, "") });
      const { said } = await stage.ask("promise.create", create("p", far), 5);
      expect(said).toMatchObject({ promise: { createdAt } });
    }
  });

  test("D6: what finds no room in line is told to come back", async () => {
    const stage = new Stage({ queueMax: 2 });
    const answers = await Promise.all([1, 2, 3, 4].map(() => stage.ask("debug.snap")));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 503]);
  });

  test("whoever comes after the shutdown signal is sent away, and who came before is answered", async () => {
    const stage = new Stage();
    const before = stage.ask("debug.snap");
    while (stage.gateway.inFlight === 0) await new Promise((resolve) => setImmediate(resolve));
    stage.gateway.close();
    const said = "Server is shutting down";
    expect(await stage.ask("debug.start")).toEqual({ status: 503, said });
    await stage.gateway.drained();
    expect((await before).status).toBe(200);
  });

  test("a store that fails is a failure of the operation, and of no other", async () => {
    let isBroken = true;
    class Broken extends MemoryStore {
      override reset(): void {
        if (isBroken) throw new StoreError("store_failed", "unplugged");
        super.reset();
      }
    }
    const stage = new Stage({ store: new Broken() });
    const said = "Internal error: the store failed; nothing changed";
    expect(await stage.ask("debug.reset")).toEqual({ status: 500, said });
    isBroken = false;
    expect(await stage.ask("debug.reset")).toEqual(ok({}));
  });
});

describe("time that is driven", () => {
  test("D2: is the instant of its request, and of those that bring none, in either API", async () => {
    const stage = new Stage();
    await stage.ask("promise.create", create("p", far), 50);
    stage.wall += 7;
    await stage.ask("promise.settle", settle("p"));
    const [promise] = (await stage.snap())["promises"] ?? [];
    expect(promise).toMatchObject({ createdAt: 50, settledAt: 50 });
    expect(await stage.get("p")).toMatchObject({ createdOn: 50, completedOn: 50 });
  });

  test("D3: does not go backwards, and begins anew when driving ends and begins", async () => {
    const stage = new Stage();
    const at = async (id: string, time?: number) => {
      const { said } = await stage.ask("promise.create", create(id, far), time);
      return (said as { readonly promise: { readonly createdAt: number } }).promise.createdAt;
    };
    expect(await at("a")).toBe(wallStart);
    expect(await at("b", 500)).toBe(500); // before the wall clock
    expect(await at("c", 400)).toBe(500);
    expect(await at("d", 600)).toBe(600);
    await stage.ask("debug.tick", { time: 550 });
    expect(await at("e")).toBe(600);
    await stage.ask("debug.stop");
    expect(await at("f")).toBe(wallStart);
    expect(await at("g", 100)).toBe(100); // before all that was driven
  });

  test("D1 D2: requests of several times that come at once have each its own, in order", async () => {
    const stage = new Stage();
    const times = [5, 5, 7, 6, 9, 9, 8];
    const answers = await Promise.all(
      times.map((time, index) => stage.ask("promise.create", create(`p${index}`, far), time)),
    );
    const instants = answers.map(
      ({ said }) => (said as { promise: { createdAt: number } }).promise,
    );
    expect(instants.map(({ createdAt }) => createdAt)).toEqual([5, 5, 7, 7, 9, 9, 9]);
  });

  test("D1: an order sees what was asked before it, and nothing that was asked after it", async () => {
    const stage = new Stage();
    const [, , { said }] = await Promise.all([
      stage.ask("promise.create", create("a", far)),
      stage.ask("promise.create", create("b", far), 5),
      stage.ask("debug.snap"),
      stage.ask("promise.create", create("c", far)),
    ]);
    const { promises = [] } = said as Snapshot;
    expect(promises.map(({ id }) => id)).toEqual(["a", "b"]);
  });

  test("D4: a server whose time is driven is not swept by the wall clock", async () => {
    const stage = new Stage();
    await stage.ask("promise.create", create("p", wallStart + 10), 5);
    await stage.pass(1_000);
    expect((await stage.snap())["promises"]).toMatchObject([{ state: "pending" }]);
    await stage.ask("debug.stop");
    await stage.pass(0);
    expect((await stage.snap())["promises"]).toMatchObject([{ state: "rejected_timedout" }]);
  });

  test("what a request comes upon is settled at its time, though nothing is swept", async () => {
    const stage = new Stage();
    await stage.ask("promise.create", create("p", 10), 5);
    const { said } = await stage.ask("promise.get", { id: "p" }, 10);
    expect(said).toMatchObject({ promise: { state: "rejected_timedout", settledAt: 10 } });
  });

  test("drains run at the time of their cause", async () => {
    const stage = new Stage();
    await stage.ask("promise.create", create("p", far), 5);
    await stage.ask("task.create", held("t", far));
    await stage.ask("task.suspend", suspend("t", "p"), 6);
    await stage.ask("promise.settle", settle("p"), 9);
    const snap = await stage.snap();
    expect(snap["tasks"]).toMatchObject([{ id: "t", state: "pending", resumes: 1 }]);
    expect(snap["taskTimeouts"]).toEqual([{ id: "t", type: 0, timeout: 9 + retryMs }]);
  });
});

describe("debug.start and debug.stop", () => {
  test("H1: no timed step is taken until time goes on", async () => {
    const stage = new Stage();
    expect(await stage.ask("debug.start")).toEqual(ok({}));
    await stage.ask("promise.create", create("p", wallStart + 10));
    await stage.ask("task.create", held("t", far, 10));
    await stage.pass(100);
    const paused = await stage.snap();
    expect(paused["promises"]).toMatchObject([{ state: "pending" }, {}]);
    expect(paused["tasks"]).toMatchObject([{ state: "acquired" }]);
    expect(await stage.ask("debug.stop")).toEqual(ok({}));
    await stage.pass(0);
    const after = await stage.snap();
    expect(after["promises"]).toMatchObject([{ state: "rejected_timedout" }, {}]);
    expect(after["tasks"]).toMatchObject([{ state: "pending" }]);
  });

  test("H1: what has fallen due is done at once when time goes on, though nobody asks", async () => {
    const stage = new Stage();
    await stage.ask("debug.start");
    await stage.ask("promise.create", create("p", wallStart + 10));
    await stage.ask("promise.register_listener", { awaited: "p", address: "poll://any@g" });
    stage.wall += 10;
    await stage.ask("debug.stop");
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(stage.sent).toEqual(["unblock p"]);
  });

  test("without a debug time it is as late as the wall clock says", async () => {
    const stage = new Stage();
    await stage.ask("debug.start");
    stage.wall += 11;
    const { said } = await stage.ask("promise.create", create("p", far));
    expect(said).toMatchObject({ promise: { createdAt: wallStart + 11 } });
  });

  test("H2 H4: messages wait, one of each, and leave when time goes on", async () => {
    const stage = new Stage();
    await stage.ask("debug.start");
    await stage.ask("promise.create", create("t", far, target));
    await stage.ask("promise.create", create("p", far));
    await stage.ask("promise.register_listener", { awaited: "p", address: "poll://any@g" });
    await stage.ask("promise.settle", settle("p"));
    await stage.ask("debug.tick", { time: wallStart + retryMs });
    await stage.ask("debug.tick", { time: wallStart + 2 * retryMs });
    expect(stage.sent).toEqual([]);
    await stage.ask("debug.stop");
    expect(stage.sent).toEqual(["execute t", "unblock p"]);
    await stage.ask("debug.start");
    await stage.ask("debug.stop");
    expect(stage.sent).toEqual(["execute t", "unblock p"]);
  });

  test("H3: what was to be executed is dropped once the task is taken, halted or over", async () => {
    const stage = new Stage();
    await stage.ask("debug.start");
    for (const id of ["a", "b", "c", "d"]) {
      await stage.ask("promise.create", create(id, far, target));
    }
    await stage.ask("task.acquire", { id: "a", version: 0, pid: "w", ttl: 5 });
    await Promise.all([
      stage.ask("promise.create", create("at once", far, target)),
      stage.ask("task.acquire", { id: "at once", version: 0, pid: "w", ttl: 5 }),
    ]);
    await stage.ask("task.halt", { id: "b" });
    await stage.ask("promise.settle", settle("c"));
    const { messages } = await stage.snap();
    expect(messages).toMatchObject([{ message: { data: { task: { id: "d", version: 0 } } } }]);
    await stage.ask("debug.stop");
    expect(stage.sent).toEqual(["execute d"]);
  });

  test("H2: with --debug-deliver messages leave all the same", async () => {
    const stage = new Stage({ delivers: true });
    await stage.ask("promise.create", create("t", far, target), 5);
    expect(stage.sent).toEqual(["execute t"]);
    expect((await stage.snap())["messages"]).toEqual([]);
  });
});

describe("workers that connect", () => {
  test.each([false, true])(
    "H1: are offered nothing, and what waited once time goes on",
    async (delivers) => {
      const delivery = { kind: "failed", reason: "no_receiver", cause: "" } as const;
      const stage = new Stage({ delivery, delivers });
      await stage.ask("promise.create", create("t", far, target));
      await stage.pass(0);
      expect(stage.sent).toEqual(["execute t"]);
      await stage.ask("debug.start");
      const { messages } = await stage.snap();
      expect(messages).toMatchObject([{ address: "poll://any@g", message: { kind: "execute" } }]);
      stage.connect("g");
      await stage.pass(0);
      expect(stage.sent).toEqual(["execute t"]);
      await stage.ask("debug.stop");
      await stage.pass(0);
      expect(stage.sent).toEqual(["execute t", "execute t"]);
    },
  );
});

describe("debug.tick", () => {
  test("D5: does all that is due at its time, and is idempotent", async () => {
    const stage = new Stage();
    await stage.ask("promise.create", create("p", 100), 5);
    await stage.ask("promise.create", create("plain", 100, {}));
    await stage.ask("task.create", held("lapses", far, 50));
    await stage.ask("promise.create", create("offered", far, target));
    await stage.ask("task.create", held("asleep", far));
    await stage.ask("task.suspend", suspend("asleep", "p"));
    await stage.ask("debug.tick", { time: 99 });
    expect((await stage.snap())["promises"]).toMatchObject(Array(5).fill({ state: "pending" }));
    expect(await stage.ask("debug.tick", { time: 100 })).toEqual(ok([]));
    const snap = await stage.snap();
    const states = (list: Snapshot[string] = []) => list.map(({ id, state }) => `${id} ${state}`);
    expect(states(snap["promises"])).toEqual([
      "asleep pending",
      "lapses pending",
      "offered pending",
      "p rejected_timedout",
      "plain pending", // nobody has armed it
    ]);
    expect(states(snap["tasks"])).toEqual(["asleep pending", "lapses pending", "offered pending"]);
    expect(snap["taskTimeouts"]).toEqual([
      { id: "asleep", type: 0, timeout: 100 + retryMs },
      { id: "lapses", type: 0, timeout: 99 + retryMs },
      { id: "offered", type: 0, timeout: 5 + retryMs },
    ]);
    await stage.ask("debug.tick", { time: 100 });
    expect(await stage.snap()).toEqual(snap);
  });

  test("D5: deadlines come first, so a task whose promise is over is not offered again", async () => {
    const stage = new Stage();
    await stage.ask("task.create", held("t", 100, 50), 5);
    await stage.ask("debug.tick", { time: 200 });
    const snap = await stage.snap();
    expect(snap["tasks"]).toMatchObject([{ state: "fulfilled" }]);
    expect(snap["messages"]).toEqual([]);
  });

  test("D5: what one step makes due at the same time is done by the same tick", async () => {
    const stage = new Stage();
    const schedule = { cron: "* * * * * *", promiseId: "{{.id}}-{{.timestamp}}" };
    const tags = { promiseTags: target, promiseTimeout: 1_500 };
    await stage.ask("schedule.create", { id: "s", ...schedule, ...tags }, 500);
    await stage.ask("debug.tick", { time: 7_000 });
    const { promises = [] } = await stage.snap();
    expect(promises.map(({ id, state }) => [id, state])).toEqual([
      ...[1, 2, 3, 4, 5].map((second) => [`s-${second}000`, "rejected_timedout"]),
      ["s-6000", "pending"],
      ["s-7000", "pending"],
    ]);
  });
});

describe("the order of a tick", () => {
  test("D5: deadlines and their drains first, then leases, then schedules", async () => {
    const stage = new Stage({ delivers: true });
    const schedule = { cron: "* * * * * *", promiseId: "{{.id}}", promiseTimeout: far };
    await stage.ask("schedule.create", { id: "0", ...schedule, promiseTags: target }, 5);
    await stage.ask("task.create", held("a", far, 50));
    for (const id of ["c", "b"]) {
      await stage.ask("promise.create", create(id, 100));
      await stage.ask("promise.register_listener", { awaited: id, address: "poll://any@g" });
    }
    await stage.ask("debug.tick", { time: 1_000 });
    expect(stage.sent).toEqual(["unblock b", "unblock c", "execute a", "execute 0"]);
  });

  test("D5: whatever the order of the rows", async () => {
    const names = ["a", "b", "c", "d"];
    const outcomes = await Promise.all(
      [names, names.toReversed()].map(async (order) => {
        const stage = new Stage();
        for (const id of order) await stage.ask("promise.create", create(`p${id}`, 100), 5);
        for (const id of order) {
          await stage.ask("task.create", held(`t${id}`, id === "c" ? 100 : far, 60));
          const awaited = id === "d" ? ["pa"] : [`p${id}`, "pa"];
          await stage.ask("task.suspend", suspend(`t${id}`, ...awaited));
        }
        await stage.ask("debug.tick", { time: 100 });
        return await stage.snap();
      }),
    );
    expect(outcomes[0]).toEqual(outcomes[1]);
    expect(outcomes[0]?.["messages"]).toHaveLength(3);
  });
});

describe("debug.reset", () => {
  test("erases everything, and leaves time as it is", async () => {
    const stage = new Stage();
    await stage.ask("promise.create", create("t", far, target), 5);
    await stage.ask("promise.create", create("p", 10));
    expect(await stage.ask("debug.reset")).toEqual(ok({}));
    const empty = Object.values(await stage.snap());
    expect(empty).toEqual([[], [], [], [], [], [], []]);
    const { said } = await stage.ask("promise.create", create("p", far));
    expect(said).toMatchObject({ promise: { createdAt: 5 } });
    await stage.ask("debug.stop");
    await stage.pass(0);
    expect(stage.sent).toEqual([]);
  });

  test("what was sent before it is noted nowhere", async () => {
    const delivery = Promise.withResolvers<Delivery>();
    const stage = new Stage({ delivery: delivery.promise });
    const listen = async () => {
      await stage.ask("promise.create", create("p", far));
      await stage.ask("promise.register_listener", { awaited: "p", address: "poll://any@g" });
    };
    await listen();
    await stage.ask("promise.settle", settle("p"));
    await stage.pass(0);
    expect(stage.sent).toEqual(["unblock p"]);
    await stage.ask("debug.start");
    await stage.ask("debug.reset");
    await listen();
    await stage.ask("promise.settle", settle("p"));
    delivery.resolve({ kind: "delivered" });
    await stage.pass(0);
    expect((await stage.snap())["messages"]).toHaveLength(1);
  });
});

test("V17: a snapshot shows what is stored, sorted, and not what is past", async () => {
  const stage = new Stage();
  await stage.ask("promise.create", create("q", 300), 100);
  await stage.ask("promise.create", create("b", 200, {}));
  await stage.ask("promise.create", create("done", far));
  for (const address of ["poll://any@z", "poll://any@a"]) {
    await stage.ask("promise.register_listener", { awaited: "q", address });
    await stage.ask("promise.register_listener", { awaited: "done", address });
  }
  for (const id of ["t2", "t1", "t3"]) {
    await stage.ask("task.create", held(id, far));
    await stage.ask("task.suspend", suspend(id, "q"));
  }
  await stage.ask("task.create", held("works", far, 50));
  await stage.ask("promise.create", create("waits", far, target));
  await stage.ask("promise.settle", settle("t3"));
  await stage.ask("promise.settle", { ...settle("done"), value: { data: "x" } });
  await stage.ask("promise.get", { id: "none" }, 250); // b is past by now, and nobody has touched it
  const base = { param: {}, value: {}, createdAt: 100, state: "pending" };
  const done = {
    ...{ ...base, id: "done", state: "resolved", value: { data: "x" }, tags: external },
    ...{ timeoutAt: far, settledAt: 100 },
  };
  const task = (id: string, state: string) => ({ id, state, version: 1, resumes: 0 });
  const unblock = (address: string) => {
    return { address, message: { kind: "unblock", head: {}, data: { promise: done } } };
  };
  const offered = { task: { id: "waits", version: 0 } };
  const execute = { kind: "execute", head: {}, data: offered };
  const targeted = (id: string) => ({ ...base, id, tags: target, timeoutAt: far });
  expect(await stage.snap()).toEqual({
    promises: [
      { ...base, id: "b", tags: {}, timeoutAt: 200 },
      done,
      { ...base, id: "q", tags: external, timeoutAt: 300 },
      targeted("t1"),
      targeted("t2"),
      { ...targeted("t3"), state: "resolved", settledAt: 100 },
      targeted("waits"),
      targeted("works"),
    ],
    promiseTimeouts: [
      { id: "q", timeout: 300 },
      ...["t1", "t2", "waits", "works"].map((id) => ({ id, timeout: far })),
    ],
    callbacks: ["t1", "t2"].map((awaiter) => ({ awaiter, awaited: "q" })),
    listeners: ["poll://any@a", "poll://any@z"].map((address) => ({ id: "q", address })),
    tasks: [
      task("t1", "suspended"),
      task("t2", "suspended"),
      task("t3", "fulfilled"),
      { ...task("waits", "pending"), version: 0 },
      { ...task("works", "acquired"), pid: "w", ttl: 50 },
    ],
    taskTimeouts: [
      { id: "waits", type: 0, timeout: 100 + retryMs },
      { id: "works", type: 1, timeout: 150 },
    ],
    messages: [
      unblock("poll://any@a"),
      { address: "poll://any@g", message: execute },
      unblock("poll://any@z"),
    ],
  });
});
