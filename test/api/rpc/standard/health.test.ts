// Health: what a check is told, what a watcher is told and when, how a watch ends, and that no
// watcher is left behind. Over an in-process transport, which reads no further than its client.

import { getEventListeners } from "node:events";
import { setImmediate } from "node:timers/promises";
import {
  type Client,
  Code,
  ConnectError,
  createClient,
  createRouterTransport,
  type Interceptor,
} from "@connectrpc/connect";
import { expect, onTestFinished, test } from "vitest";
import { Health } from "../../../../api/rpc/standard/health.ts";
import {
  Health as HealthService,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from "../../../../proto/gen/grpc/health/v1/health_pb.ts";

const { SERVING, NOT_SERVING, SERVICE_UNKNOWN } = ServingStatus;
const unknown = "test.Unknown";

type Stage = {
  readonly health: Health;
  readonly client: Client<typeof HealthService>;
  /** Of the calls, as the server sees them. */
  readonly signals: readonly AbortSignal[];
};

function open(shutdownSignal = new AbortController().signal): Stage {
  const health = new Health(["test.First", "test.Second"]);
  const signals: AbortSignal[] = [];
  const observe: Interceptor = (next) => (request) => {
    signals.push(request.signal);
    return next(request);
  };
  const options = { router: { shutdownSignal, interceptors: [observe] } };
  const transport = createRouterTransport((router) => health.register(router), options);
  return { health, client: createClient(HealthService, transport), signals };
}

/** A watch whose answers are read by hand, ended at the latest with the test. */
function watch({ client }: Stage, service = "", timeoutMs?: number) {
  const controller = new AbortController();
  onTestFinished(() => controller.abort());
  const options = timeoutMs === undefined ? {} : { timeoutMs };
  const responses = client.watch({ service }, { signal: controller.signal, ...options });
  const iterator = responses[Symbol.asyncIterator]();
  const next = async () => (await iterator.next()).value?.status;
  return { next, cancel: () => controller.abort() };
}

/** Lets all that can go on go on, so that what has not happened by then waits for something. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await setImmediate();
}

async function failure(promise: Promise<unknown>): Promise<ConnectError> {
  return ConnectError.from(await promise.catch((reason: unknown) => reason));
}

test("L1 a check knows the server as a whole and the services given", async () => {
  const { client } = open();
  for (const service of ["", "test.First", "test.Second"]) {
    expect((await client.check({ service })).status, service).toBe(NOT_SERVING);
  }
});

test("L1 a check of another service is refused, and its name, however long, not repeated", async () => {
  const { client, health } = open();
  health.serve();
  for (const service of [unknown, "test", "test.first", "test.First ", "x".repeat(100_000)]) {
    const { code, rawMessage } = await failure(client.check({ service }));
    expect(code).toBe(Code.NotFound);
    expect(rawMessage).toBe("no such service here. An empty name asks about the server as a whole");
  }
});

test("L1 a watch of another service says so, and stays open whatever happens to the rest", async () => {
  const stage = open();
  const { next } = watch(stage, unknown);
  expect(await next()).toBe(SERVICE_UNKNOWN);
  const second = failure(next());
  stage.health.serve();
  stage.health.pause();
  await settle();
  expect(stage.health.waitingCount).toBe(1);
  stage.health.close();
  expect((await second).code).toBe(Code.Unavailable);
});

test("L2 nothing is served until told, and one status holds for all services", async () => {
  const { client, health } = open();
  const statuses = async () => {
    const services = ["", "test.First", "test.Second"];
    return await Promise.all(
      services.map(async (service) => (await client.check({ service })).status),
    );
  };
  expect(await statuses()).toEqual([NOT_SERVING, NOT_SERVING, NOT_SERVING]);
  health.serve();
  expect(await statuses()).toEqual([SERVING, SERVING, SERVING]);
  health.pause();
  expect(await statuses()).toEqual([NOT_SERVING, NOT_SERVING, NOT_SERVING]);
  health.serve();
  expect(await statuses()).toEqual([SERVING, SERVING, SERVING]);
});

test("L2 after close nothing is served ever again, and checks are still answered", async () => {
  const { client, health } = open();
  health.serve();
  health.close();
  expect((await client.check({})).status).toBe(NOT_SERVING);
  health.serve();
  expect((await client.check({ service: "test.First" })).status).toBe(NOT_SERVING);
});

test("L3 a watcher is told the status at once, and again when it has changed", async () => {
  const stage = open();
  stage.health.serve();
  const { next } = watch(stage, "test.First");
  expect(await next()).toBe(SERVING);
  const second = next();
  await settle();
  stage.health.pause();
  expect(await second).toBe(NOT_SERVING);
  stage.health.serve();
  expect(await next()).toBe(SERVING);
});

test("L3 a watcher is not told what it knows", async () => {
  const stage = open();
  const { next } = watch(stage);
  expect(await next()).toBe(NOT_SERVING);
  let isTold = false;
  const second = next().finally(() => {
    isTold = true;
  });
  await settle();
  stage.health.pause();
  await settle();
  stage.health.serve();
  stage.health.pause(); // back before the watcher could look
  await settle();
  expect(isTold).toBe(false);
  stage.health.serve();
  expect(await second).toBe(SERVING);
});

test("L3 a slow reader is told what holds when it reads, once", async () => {
  const stage = open();
  const { health } = stage;
  const { next, cancel } = watch(stage);
  expect(await next()).toBe(NOT_SERVING);
  for (let change = 0; change < 1_000; change += 1) {
    health.serve();
    health.pause();
  }
  health.serve();
  expect(await next()).toBe(SERVING);
  const third = failure(next());
  await settle();
  cancel();
  expect((await third).code).toBe(Code.Canceled);
});

test("L3 watchers do not share what they were told", async () => {
  const stage = open();
  const [early, unrelated] = [watch(stage), watch(stage, unknown)];
  expect(await early.next()).toBe(NOT_SERVING);
  expect(await unrelated.next()).toBe(SERVICE_UNKNOWN);
  const second = early.next();
  stage.health.serve();
  const late = watch(stage);
  expect(await Promise.all([second, late.next()])).toEqual([SERVING, SERVING]);
});

test("L4 a client that goes away leaves no watcher behind", async () => {
  const stage = open();
  const watches = [watch(stage), watch(stage, "test.First"), watch(stage, unknown)];
  for (const { next } of watches) await next();
  const ends = watches.map(({ next }) => failure(next()));
  await settle();
  expect(stage.health.waitingCount).toBe(3);
  watches[0]?.cancel();
  await settle();
  expect(stage.health.waitingCount).toBe(2);
  for (const { cancel } of watches) cancel();
  for (const end of ends) expect((await end).code).toBe(Code.Canceled);
  await settle();
  expect(stage.health.waitingCount).toBe(0);
});

test("L4 a client that stops reading leaves no watcher behind", async () => {
  const { client, health } = open();
  for await (const { status } of client.watch({})) {
    expect(status).toBe(NOT_SERVING);
    break;
  }
  await settle();
  expect(health.waitingCount).toBe(0);
});

test("L4 a client that goes away between two reads was not known then", async () => {
  const stage = open();
  const { next, cancel } = watch(stage);
  await next();
  await settle();
  expect(stage.health.waitingCount).toBe(0);
  cancel();
  expect((await failure(next())).code).toBe(Code.Canceled);
  await settle();
  expect(stage.health.waitingCount).toBe(0);
});

test("L4 many changes during one call leave one watcher, and nothing on its signal", async () => {
  const stage = open();
  const { next } = watch(stage);
  await next();
  const [signal = expect.fail("no call was seen")] = stage.signals;
  const listenerCount = getEventListeners(signal, "abort").length;
  for (let change = 0; change < 50; change += 1) {
    const told = next();
    await settle();
    expect(stage.health.waitingCount).toBe(1);
    expect(getEventListeners(signal, "abort")).toHaveLength(listenerCount + 1);
    if (change % 2 === 0) stage.health.serve();
    else stage.health.pause();
    await told;
    expect(stage.health.waitingCount).toBe(0);
    expect(getEventListeners(signal, "abort")).toHaveLength(listenerCount);
  }
});

test("L4 a deadline ends a watch, and is named as the reason", async () => {
  const stage = open();
  const { next } = watch(stage, "", 50);
  expect(await next()).toBe(NOT_SERVING);
  expect((await failure(next())).code).toBe(Code.DeadlineExceeded);
  await settle();
  expect(stage.health.waitingCount).toBe(0);
});

test("L4 a router that shuts down ends a watch with its own reason", async () => {
  const shutdown = new AbortController();
  const stage = open(shutdown.signal);
  const { next } = watch(stage);
  expect(await next()).toBe(NOT_SERVING);
  const second = failure(next());
  await settle();
  shutdown.abort(new ConnectError("going down", Code.Unavailable));
  expect(await second).toMatchObject({ code: Code.Unavailable, rawMessage: "going down" });
  expect(stage.health.waitingCount).toBe(0);
});

test("L5 close tells every watcher that nothing is served, and ends its stream", async () => {
  const stage = open();
  stage.health.serve();
  const watches = [watch(stage), watch(stage, "test.First"), watch(stage, "test.Second")];
  for (const { next } of watches) expect(await next()).toBe(SERVING);
  const told = watches.map(({ next }) => next());
  await settle();
  stage.health.close();
  expect(await Promise.all(told)).toEqual([NOT_SERVING, NOT_SERVING, NOT_SERVING]);
  for (const { next } of watches) {
    const end = await failure(next());
    expect(end).toMatchObject({
      code: Code.Unavailable,
      rawMessage: "the server is shutting down",
    });
  }
  expect(stage.health.waitingCount).toBe(0);
});

test("L5 a watcher that knows already that nothing is served is not told again", async () => {
  const stage = open();
  const { next } = watch(stage);
  expect(await next()).toBe(NOT_SERVING);
  stage.health.close();
  expect((await failure(next())).code).toBe(Code.Unavailable);
});

test("L5 a watch after close is told the same, and ends, and closing twice is closing once", async () => {
  const stage = open();
  stage.health.close();
  stage.health.close();
  const { next } = watch(stage);
  expect(await next()).toBe(NOT_SERVING);
  expect((await failure(next())).code).toBe(Code.Unavailable);
});

test("L5 a slow reader is told the end when it reads", async () => {
  const stage = open();
  stage.health.serve();
  const { next } = watch(stage);
  expect(await next()).toBe(SERVING);
  await settle();
  stage.health.close();
  await settle();
  expect(await next()).toBe(NOT_SERVING);
  expect((await failure(next())).code).toBe(Code.Unavailable);
});
