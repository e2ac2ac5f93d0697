// What a scrape shows after something happened, as text, and that gauges are read at that moment.

import { expect, test } from "vitest";
import { Metrics } from "../../bin/metrics.ts";
import { MetricsServer } from "../../bin/metrics-server.ts";
import type { Command } from "../../kernel/command.ts";
import { deadlineMs, instantMs, promiseId } from "../../kernel/ids.ts";
import { emptyValue } from "../../kernel/value.ts";
import { freePort } from "./server-process.ts";

const id = promiseId("p");
const read: Command = { kind: "get_promise", id };
const timeout: Command = { kind: "settle_at_deadline", id };
const unkeyed = { key: null, strict: false, isShared: false };
const settle = (outcome: "resolved" | "rejected" | "canceled"): Command => {
  return { kind: "settle_promise", id, outcome, value: emptyValue, ...unkeyed };
};

const ignore = () => undefined;

/** The samples of a metric, without its comments. */
async function samples(metrics: Metrics, name: string): Promise<readonly string[]> {
  const text = await metrics.scrape();
  return text
    .split("\n")
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
}

test("answered requests are counted by operation and code", async () => {
  const metrics = new Metrics();
  metrics.requestAnswered("http", "create-promise", 2010);
  metrics.requestAnswered("http", "create-promise", 2010);
  metrics.requestAnswered("http", "unknown", 4049);
  const expected = [
    'api_total_requests{type="http",operation="create-promise",status="2010"} 2',
    'api_total_requests{type="http",operation="unknown",status="4049"} 1',
  ];
  expect(await samples(metrics, "api_total_requests")).toEqual(expected);
  expect(await samples(metrics, "api_total_requests")).toEqual(expected); // a scrape counts nothing
});

test("submissions are in flight until they succeed or fail", async () => {
  const metrics = new Metrics();
  const { started, finished } = metrics.storeObserver;
  for (let count = 0; count < 3; count++) started();
  finished("success");
  finished("failure");
  metrics.networkObserver.started();
  metrics.networkObserver.finished("failure");
  expect(await samples(metrics, "aio_in_flight_submissions")).toEqual([
    'aio_in_flight_submissions{type="store"} 1',
    'aio_in_flight_submissions{type="network"} 0',
  ]);
  expect(await samples(metrics, "aio_total_submissions")).toEqual([
    'aio_total_submissions{type="store",status="success"} 1',
    'aio_total_submissions{type="store",status="failure"} 1',
    'aio_total_submissions{type="network",status="success"} 0',
    'aio_total_submissions{type="network",status="failure"} 1',
  ]);
});

test("a request is in flight from when it is taken to its end, and then counted", async () => {
  const metrics = new Metrics();
  const commands = [read, timeout, settle("resolved"), settle("rejected"), settle("canceled")];
  metrics.trace({ kind: "taken", requests: commands });
  metrics.trace({ kind: "conflicted", commands: [read, timeout] });
  metrics.trace({ kind: "finished", request: timeout, response: null }); // its last attempt was spent
  expect(await samples(metrics, "coroutines_in_flight")).toEqual([
    'coroutines_in_flight{type="read-promise"} 1',
    'coroutines_in_flight{type="timeout-promises"} 0',
    'coroutines_in_flight{type="resolve-promise"} 1',
    'coroutines_in_flight{type="reject-promise"} 1',
    'coroutines_in_flight{type="cancel-promise"} 1',
  ]);
  metrics.trace({ kind: "finished", request: read, response: null });
  expect(await samples(metrics, "coroutines_total")).toEqual([
    'coroutines_total{type="timeout-promises"} 1',
    'coroutines_total{type="read-promise"} 1',
  ]);
  expect((await samples(metrics, "coroutines_in_flight"))[0]).toMatch(/read-promise"} 0$/);
});

test("a search is counted although it is no part of a batch", async () => {
  const metrics = new Metrics();
  const events = { kind: "read_events", of: null, after: 0, limit: 1 } as const;
  metrics.trace({ kind: "taken", requests: [events] });
  expect(await samples(metrics, "coroutines_in_flight")).toEqual([
    'coroutines_in_flight{type="read-events"} 1',
  ]);
  metrics.trace({ kind: "finished", request: events, response: null });
  expect(await samples(metrics, "coroutines_total")).toEqual([
    'coroutines_total{type="read-events"} 1',
  ]);
});

test("gauges tell how it is at the scrape", async () => {
  const metrics = new Metrics();
  let now = 1_000;
  let dueAt = deadlineMs(900n);
  metrics.watch({
    requestsInFlight: () => [
      ["http", new Map([["read-promise", now]])],
      ["grpc", new Map([["create-promise", 1]])],
    ],
    apiBacklog: () => now + 1,
    storeBacklog: () => now + 2,
    messagesBacklog: () => now + 3,
    workersConnected: () => now + 4,
    dueAt: () => dueAt,
    now: () => instantMs(now),
  });
  const due = () => samples(metrics, "due_backlog_milliseconds");
  expect(await due()).toEqual(["due_backlog_milliseconds 100"]);
  now = 2_000;
  expect(await due()).toEqual(["due_backlog_milliseconds 1100"]);
  expect(await samples(metrics, "api_in_flight_requests")).toEqual([
    'api_in_flight_requests{type="http",operation="read-promise"} 2000',
    'api_in_flight_requests{type="grpc",operation="create-promise"} 1',
  ]);
  expect(await samples(metrics, "api_backlog_requests")).toEqual(["api_backlog_requests 2001"]);
  expect(await samples(metrics, "aio_backlog_submissions")).toEqual([
    'aio_backlog_submissions{type="store"} 2002',
  ]);
  expect(await samples(metrics, "messages_backlog")).toEqual(["messages_backlog 2003"]);
  expect(await samples(metrics, "workers_connected")).toEqual(["workers_connected 2004"]);
  dueAt = deadlineMs(2_001n);
  expect(await due()).toEqual(["due_backlog_milliseconds 0"]);
  dueAt = deadlineMs(0n); // at once, not since 1970
  expect(await due()).toEqual(["due_backlog_milliseconds 0"]);
});

test.each([
  ["says nothing", () => new Promise<number>(() => {})],
  ["fails", () => Promise.reject(new Error("the store is gone"))],
])("a store that %s holds up no scrape, and what it knows is left out", async (_what, count) => {
  const metrics = new Metrics();
  const known = { apiBacklog: () => 1, storeBacklog: () => 0, workersConnected: () => 0 };
  let messagesBacklog: () => Promise<number> = async () => 7;
  metrics.watch({
    ...{ ...known, requestsInFlight: () => [], dueAt: () => null, now: () => instantMs(0) },
    messagesBacklog: () => messagesBacklog(),
  });
  expect(await samples(metrics, "messages_backlog")).toEqual(["messages_backlog 7"]);
  messagesBacklog = count;
  expect(await samples(metrics, "messages_backlog")).toEqual([]);
  expect(await samples(metrics, "api_backlog_requests")).toEqual(["api_backlog_requests 1"]);
});

test("connections to the store are counted before the scrape takes one itself", async () => {
  const metrics = new Metrics();
  let total = 0;
  metrics.watchPool(() => ({ total, idle: 0, waiting: 0 }));
  metrics.watch({
    ...{ requestsInFlight: () => [], apiBacklog: () => 0, storeBacklog: () => 0 },
    ...{ workersConnected: () => 0, dueAt: () => null, now: () => instantMs(0) },
    messagesBacklog: () => {
      total += 1;
      return total;
    },
  });
  expect(await samples(metrics, "store_connections")).toContain(
    'store_connections{state="busy"} 0',
  );
});

test("every metric has its type, and the process is watched as well", async () => {
  const metrics = new Metrics();
  const backlogs = { apiBacklog: () => 0, storeBacklog: () => 0, messagesBacklog: () => 0 };
  const none = { ...backlogs, workersConnected: () => 0, dueAt: () => null };
  metrics.watch({ ...none, requestsInFlight: () => [], now: () => instantMs(0) });
  metrics.watchProcess();
  const text = await metrics.scrape();
  const types = [
    ...text.matchAll(/^# TYPE ((?:api|aio|coroutines|due|messages|workers)_\w+) (\w+)$/gm),
  ];
  expect(Object.fromEntries(types.map(([, name, type]) => [name, type]))).toEqual({
    api_total_requests: "counter",
    api_in_flight_requests: "gauge",
    aio_total_submissions: "counter",
    aio_in_flight_submissions: "gauge",
    coroutines_total: "counter",
    coroutines_in_flight: "gauge",
    api_backlog_requests: "gauge",
    aio_backlog_submissions: "gauge",
    due_backlog_milliseconds: "gauge",
    messages_backlog: "gauge",
    workers_connected: "gauge",
  });
  expect(text).toContain("process_resident_memory_bytes ");
  expect(text).toContain("nodejs_eventloop_lag_seconds ");
});

test("metrics are served at their path, and a second server finds the port busy", async () => {
  const server = new MetricsServer(new Metrics(), ignore);
  const port = await freePort();
  await server.listen(port);
  const request = (path: string, method = "GET") =>
    fetch(`http://127.0.0.1:${port}${path}`, { method });
  const found = await request("/metrics?x=1");
  expect(found.status).toBe(200);
  expect(found.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  expect(await found.text()).toContain("# TYPE api_total_requests counter");
  expect((await request("/metrics", "HEAD")).status).toBe(200);
  expect((await request("/metrics", "POST")).status).toBe(405);
  expect((await request("/")).status).toBe(404);
  await expect(new MetricsServer(new Metrics(), ignore).listen(port)).rejects.toMatchObject({
    code: "EADDRINUSE",
  });
  await server.close();
  await expect(request("/metrics")).rejects.toThrow();
});
