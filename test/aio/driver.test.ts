// The driver of the debug surface, over a store in memory and a wall clock that is set by hand; and what
// it stands on: a clock that can be driven, a loop that says when nothing is under way, a kernel that is
// driven only then. What clients see of it is in test/api/protocol/debug.test.ts.

import { expect, onTestFinished, test } from "vitest";
import { StoreAio } from "../../aio/aio.ts";
import { Clock } from "../../aio/clock.ts";
import { Driver } from "../../aio/driver.ts";
import { Loop } from "../../aio/loop.ts";
import type { CreatePromise, Request, Response } from "../../kernel/command.ts";
import type { DebugAnswer, DebugOrder } from "../../kernel/debug.ts";
import { deadlineMs, instantMs, promiseId } from "../../kernel/ids.ts";
import { Kernel } from "../../kernel/kernel.ts";
import { limits } from "../../kernel/limits.ts";
import type { Message } from "../../kernel/message.ts";
import { emptyValue } from "../../kernel/value.ts";
import { MemoryStore } from "../../store/memory.ts";
import { cron, tagged } from "../kernel/given.ts";

const wallStart = 1_000;

class Stage {
  wall = wallStart;
  readonly clock = new Clock(() => this.wall);
  readonly kernel: Kernel;
  readonly loop: Loop;
  /** What has been answered or sent, in order. */
  readonly told: string[] = [];
  readonly #driver: Driver;

  constructor({ queueMax = 10 } = {}) {
    const store = new MemoryStore();
    const observer = { started() {}, finished() {} };
    const send = ({ kind, id }: Message) => {
      this.told.push(`${kind} ${id}`);
      return new Promise<never>(() => {});
    };
    const aio = new StoreAio({
      ...{ store, queueMax: 100, observer, sender: { send } },
      onCompleted: () => {},
    });
    const own = { limits: limits({}), node: "n", trace: () => {}, cron, deliversPaused: true };
    this.kernel = new Kernel({ aio, ...own });
    const onFatal = (error: unknown) => {
      throw error;
    };
    this.loop = new Loop({ kernel: this.kernel, aio, clock: this.clock, onFatal });
    const { loop, clock, kernel } = this;
    const rest = { driven: kernel.driven, cron, firingsMax: 3, queueMax };
    this.#driver = new Driver({ loop, clock, store, ...rest });
    onTestFinished(() => loop.stop());
  }

  /** @param at null: no instant of its own */
  ask(request: Request, at: number | null = null): Promise<Response> {
    return new Promise((resolve) => {
      const reply = (response: Response) => {
        this.told.push(request.kind === "create_promise" ? `created ${request.id}` : request.kind);
        resolve(response);
      };
      const isAccepted = this.#driver.submit(request, reply, at === null ? null : instantMs(at));
      if (!isAccepted) this.told.push("refused");
    });
  }

  order(order: DebugOrder, at: number | null = null): Promise<DebugAnswer> {
    return new Promise((resolve) => {
      const reply = (answer: DebugAnswer) => {
        this.told.push(order.kind);
        resolve(answer);
      };
      const isAccepted = this.#driver.order(order, reply, at === null ? null : instantMs(at));
      if (!isAccepted) this.told.push("refused");
    });
  }
}

const target = { "resonate:target": "poll://any@g" };

function create(id: string, timeoutAt: number, tags: Record<string, string> = {}): CreatePromise {
  return {
    ...{ kind: "create_promise", id: promiseId(id), timeoutAt: deadlineMs(BigInt(timeoutAt)) },
    ...{ param: emptyValue, tags: tagged(tags), isExternal: true },
    ...{ key: null, strict: false, isShared: true },
  };
}

const get = { kind: "get_promise", id: promiseId("p") } as const;
const tick = (time: number): DebugOrder => ({ kind: "tick", time: instantMs(time) });

async function createdAt(answer: Promise<Response>): Promise<number | null> {
  const response = await answer;
  return response.kind === "promise" ? response.promise.createdAt : null;
}

test("D1: requests and orders take effect in the order in which they came", async () => {
  const stage = new Stage();
  await Promise.all([
    stage.ask(create("a", 9_000)),
    stage.order({ kind: "start" }),
    stage.ask(create("b", 9_000)),
    stage.ask(create("c", 9_000), 5),
    stage.order({ kind: "snap" }),
    stage.ask(create("d", 9_000), 3),
  ]);
  expect(stage.told).toEqual(["created a", "start", "created b", "created c", "snap", "created d"]);
});

test("D2: each request has its own instant, however many come at once", async () => {
  const stage = new Stage();
  const times = [null, 5, 5, 8, null, 9];
  const answers = times.map((at, index) => createdAt(stage.ask(create(`p${index}`, 9_000), at)));
  expect(await Promise.all(answers)).toEqual([wallStart, 5, 5, 8, 8, 9]);
});

test("D2: the loop tells when all that was asked is answered", async () => {
  const { loop } = new Stage();
  await loop.idle(); // nothing has been asked yet
  const order: string[] = [];
  for (const name of ["first", "second"]) loop.submit(get, () => order.push(name));
  await loop.idle();
  order.push("idle");
  expect(order).toEqual(["first", "second", "idle"]);
});

test("D2: a kernel is not driven while a batch is under way", () => {
  const { kernel } = new Stage();
  kernel.submit(get, () => {});
  kernel.tick(instantMs(50));
  expect(() => kernel.driven.startAnew()).toThrow("driven while it is under way");
  expect(() => kernel.driven.forget()).toThrow("driven while it is under way");
  while (!kernel.isIdle) kernel.tick(instantMs(50));
  expect(() => kernel.tick(instantMs(5))).toThrow("time went back");
  kernel.driven.startAnew();
  kernel.tick(instantMs(5));
});

test("D3: a clock that is driven stands still, goes on only forwards, and is let go", () => {
  let wall = 1_000;
  const clock = new Clock(() => wall);
  const drive = (at: number) => {
    clock.drive(instantMs(at));
    return clock.now();
  };
  expect([clock.isDriven, clock.now()]).toEqual([false, 1_000]);
  expect(drive(5)).toBe(5);
  wall += 100;
  expect([clock.isDriven, clock.now()]).toEqual([true, 5]);
  expect([drive(7), drive(6), drive(2_000)]).toEqual([7, 7, 2_000]);
  clock.letGo();
  expect([clock.isDriven, clock.now()]).toEqual([false, 1_100]);
  wall -= 50;
  expect(clock.now()).toBe(1_100); // held still, as before
  expect(drive(9)).toBe(9);
});

test("D3: an earlier instant counts as the last one, until driving begins anew", async () => {
  const stage = new Stage();
  expect(await createdAt(stage.ask(create("a", 9_000), 50))).toBe(50);
  expect(await createdAt(stage.ask(create("b", 9_000), 40))).toBe(50);
  await stage.order({ kind: "stop" }, 70);
  expect(await createdAt(stage.ask(create("c", 9_000)))).toBe(wallStart);
  expect(await createdAt(stage.ask(create("d", 9_000), 40))).toBe(40);
});

test.each<[string, (stage: Stage) => Promise<unknown>]>([
  ["a request", (stage) => stage.ask(get, 5)],
  ["a tick", (stage) => stage.order(tick(5))],
  ["any order", (stage) => stage.order({ kind: "snap" }, 5)],
  ["whoever says so", (stage) => stage.order({ kind: "start" })],
])("D4: time is stopped by %s", async (_who, stop) => {
  const stage = new Stage();
  await stage.ask(create("q", 9_000));
  expect(stage.kernel.wakeAt).toBe(9_000n);
  await stop(stage);
  expect(stage.kernel.wakeAt).toBe(null);
  await stage.order({ kind: "stop" });
  expect(stage.kernel.wakeAt).toBe(9_000n);
});

test("D5: deadlines come first, by id, then leases, until nothing is left", async () => {
  const stage = new Stage();
  for (const id of ["d", "c"]) await stage.ask(create(id, 100), 5);
  for (const awaited of ["d", "c"].map(promiseId)) {
    await stage.ask({ kind: "register_listener", awaited, address: "poll://any@g" });
  }
  for (const id of ["b", "a"]) await stage.ask(create(id, 90_000, target));
  stage.told.length = 0;
  expect(await stage.order(tick(60_000))).toEqual({ kind: "done" });
  expect(stage.told).toEqual(["unblock c", "unblock d", "execute a", "execute b", "tick"]);
  await stage.order(tick(60_000));
  expect(stage.told.slice(5)).toEqual(["tick"]);
});

test("D6: what finds no room in line is refused, and the others are answered", async () => {
  const stage = new Stage({ queueMax: 2 });
  const orders = [1, 2, 3].map(() => stage.order({ kind: "snap" }));
  void stage.ask(get); // it would have to wait behind them
  void stage.order({ kind: "snap" });
  await Promise.all(orders);
  expect(stage.told).toEqual(["refused", "refused", "snap", "snap", "snap"]);
});
