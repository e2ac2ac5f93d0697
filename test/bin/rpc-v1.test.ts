// `resonate.v1` as its users meet it: a server process, a client that is not ours, and a function's
// whole life: a worker is offered its task, holds it, awaits another promise, goes on, and ends it, and
// whoever listens is told. Then a schedule's.

import { join } from "node:path";
import {
  type Client,
  credentials,
  loadPackageDefinition,
  type ServiceClientConstructor,
  status,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { expect, onTestFinished, test } from "vitest";
import { directory, ServerProcess } from "./server-process.ts";

type Json = Readonly<Record<string, unknown>>;
type Failure = { readonly code: number; readonly details: string };
type Methods = Readonly<Record<string, (...asked: readonly unknown[]) => unknown>>;

const far = "2524608000000";
const proto = join(import.meta.dirname, "..", "..", "proto");
const loading = { longs: String, enums: String, defaults: true, oneofs: true };
const { resonate } = loadPackageDefinition(
  loadSync("resonate/v1/resonate.proto", { ...loading, includeDirs: [proto] }),
);
// As the definition says.
const { v1 } = resonate as unknown as {
  readonly v1: Readonly<
    Record<"Promises" | "Tasks" | "Schedules" | "Workers", ServiceClientConstructor>
  >;
};

function clients({ rpcUrl }: ServerProcess) {
  const connect = (Service: ServiceClientConstructor): Client => {
    const made = new Service(new URL(rpcUrl).host, credentials.createInsecure());
    onTestFinished(() => made.close());
    return made;
  };
  return {
    ...{ promises: connect(v1.Promises), tasks: connect(v1.Tasks) },
    ...{ schedules: connect(v1.Schedules), workers: connect(v1.Workers) },
  };
}

/** @throws what the call is refused with */
function call(client: Client, method: string, request: Json): Promise<Json> {
  return new Promise((resolve, reject) => {
    const methods = client as unknown as Methods; // one for each call
    methods[method]?.call(client, request, (error: Failure | null, response: Json) => {
      if (error === null) resolve(response);
      else reject(error);
    });
  });
}

class Worker {
  readonly #messages: Json[] = [];
  readonly ended: Promise<Failure>;
  #wake = () => {};

  constructor(client: Client, group: string, id: string) {
    const { Poll } = client as unknown as Methods;
    const stream = Poll?.call(client, { group, id }) as NodeJS.ReadableStream;
    stream.on("data", ({ message, ...rest }: Json) => {
      if (message !== undefined) this.#messages.push(rest);
      this.#wake();
    });
    this.ended = new Promise((resolve) => stream.on("error", resolve));
  }

  async next(): Promise<Json> {
    for (;;) {
      const next = this.#messages.shift();
      if (next !== undefined) return next;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

test("a function lives its whole life over gRPC", async () => {
  using place = directory();
  await using server = await ServerProcess.start({ args: ["dev"], cwd: place.path });
  const { promises, tasks, workers } = clients(server);
  const worker = new Worker(workers, "g", "w");
  const tags = { "resonate:target": "poll://any@g" };
  await call(promises, "CreatePromise", { id: "a", timeoutAt: far, tags, param: { data: "in" } });
  await call(promises, "RegisterListener", { awaited: "a", address: "poll://uni@g/w" });

  const offered = await worker.next();
  expect(offered).toMatchObject({ execute: { taskId: "a", version: "0" } });
  const lease = { id: "a", pid: "w", ttl: "60000" };
  const acquired = await call(tasks, "AcquireTask", { ...lease, version: "0" });
  expect(acquired).toMatchObject({
    task: { state: "TASK_STATE_ACQUIRED", version: "1", pid: "w", ttl: "60000" },
    promise: { id: "a", param: { data: "in", headers: null } },
    preload: [],
  });
  const create = { id: "a:1", timeoutAt: far, tags: { "resonate:scope": "global" } };
  const fenced = await call(tasks, "FenceTask", { id: "a", version: "1", create });
  expect(fenced).toMatchObject({ outcome: "promise", promise: { id: "a:1" } });
  const waiting = { id: "a", version: "1", awaited: ["a:1"] };
  expect(await call(tasks, "SuspendTask", waiting)).toMatchObject({ suspended: true });
  const asleep = await call(tasks, "GetTask", { id: "a" });
  expect(asleep).toMatchObject({ task: { state: "TASK_STATE_SUSPENDED" } });

  const state = "PROMISE_STATE_RESOLVED";
  await call(promises, "SettlePromise", { id: "a:1", state, value: { data: "there" } });
  expect(await worker.next()).toMatchObject({ execute: { taskId: "a", version: "1" } });
  const again = await call(tasks, "AcquireTask", { ...lease, version: "1" });
  expect(again).toMatchObject({ task: { version: "2" } });
  const goOn = await call(tasks, "SuspendTask", { ...waiting, version: "2" });
  expect(goOn).toMatchObject({ suspended: false });
  await call(tasks, "HeartbeatTasks", { pid: "w", tasks: [{ id: "a", version: "2" }] });
  await expect(call(tasks, "FulfillTask", { id: "a", version: "1", state })).rejects.toMatchObject({
    code: status.FAILED_PRECONDITION,
    details: "Task version mismatch or invalid state",
  });
  await call(tasks, "FulfillTask", { id: "a", version: "2", state, value: { data: "b3V0" } });
  expect(await worker.next()).toMatchObject({
    unblock: { promise: { id: "a", state, value: { data: "b3V0" } } },
  });

  const original = await server.get("/promises/a");
  expect(original.body).toMatchObject({ state: "RESOLVED", value: { data: "b3V0" } });
  server.kill("SIGTERM");
  expect(await worker.ended).toMatchObject({
    ...{ code: status.UNAVAILABLE, details: "Server is shutting down" },
  });
  expect(await server.ended).toEqual({ code: 0, signal: null });
});

test("a schedule is made, shown, found and deleted over gRPC", async () => {
  using place = directory();
  await using server = await ServerProcess.start({ args: ["dev"], cwd: place.path });
  const { schedules } = clients(server);
  const promiseTags = { "resonate:target": "poll://any@g" };
  const timing = { cron: "0 0 1 1 *", promiseTimeout: "1000", promiseTags };
  const made = { id: "s", promiseId: "s.{{.timestamp}}", ...timing };
  const { schedule } = await call(schedules, "CreateSchedule", made);
  expect(schedule).toMatchObject(made);
  expect(await call(schedules, "GetSchedule", { id: "s" })).toEqual({ schedule });
  const found = await call(schedules, "SearchSchedules", {});
  expect(found).toMatchObject({ schedules: [schedule] });
  await expect(
    call(schedules, "CreateSchedule", { ...made, id: "t", cron: "61 * * * *" }),
  ).rejects.toMatchObject({ code: status.INVALID_ARGUMENT, details: "Invalid cron expression" });
  await call(schedules, "DeleteSchedule", { id: "s" });
  await expect(call(schedules, "GetSchedule", { id: "s" })).rejects.toMatchObject({
    ...{ code: status.NOT_FOUND, details: "Schedule not found" },
  });
});
