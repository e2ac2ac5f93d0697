// What the server counts (promise-api.md §6.4). To count is to add to a cell (cells.ts): the metrics
// library sees the cells only when somebody scrapes. Gauges are read then too, so they are true while
// nothing moves.

import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";
import type { AioObserver } from "../aio/aio.ts";
import { unreachable } from "../kernel/assert.ts";
import type { Command, Request } from "../kernel/command.ts";
import { type DeadlineMs, type InstantMs, isDue } from "../kernel/ids.ts";
import type { TraceRecord } from "../kernel/ports.ts";
import type { PoolFigures } from "../store/postgres-pool.ts";
import { Cells } from "./cells.ts";

/** What is looked at when somebody scrapes. */
export type Gauges = {
  /** Requests accepted and not yet answered: by API, then by operation. */
  readonly requestsInFlight: () => readonly (readonly [string, ReadonlyMap<string, number>])[];
  /** Requests that wait for the kernel. */
  readonly apiBacklog: () => number;
  /** Submissions that wait for the store. */
  readonly storeBacklog: () => number;
  /** Messages that found no worker. It may fail. */
  readonly messagesBacklog: () => number | Promise<number>;
  /** Workers whose streams are open. */
  readonly workersConnected: () => number;
  /** The oldest due date that is not met; null: none. */
  readonly dueAt: () => DeadlineMs | null;
  readonly now: () => InstantMs;
};

export class Metrics {
  readonly storeObserver: AioObserver;
  /** Of messages that leave. */
  readonly networkObserver: AioObserver;
  readonly #registry = new Registry();
  readonly #requests = new Cells(["type", "operation", "status"]);
  readonly #coroutines = new Cells(["type"]);
  readonly #coroutinesInFlight = new Cells(["type"]);
  readonly #givenUp = new Cells(["reason"]);

  constructor() {
    const submissions = new Cells(["type", "status"]);
    const submissionsInFlight = new Cells(["type"]);
    this.storeObserver = observeAio("store", submissions, submissionsInFlight);
    this.networkObserver = observeAio("network", submissions, submissionsInFlight);
    this.#counter("api_total_requests", "Answered requests.", this.#requests);
    this.#counter("aio_total_submissions", "Completed submissions.", submissions);
    this.#gauge("aio_in_flight_submissions", "Submissions not yet completed.", submissionsInFlight);
    this.#counter("coroutines_total", "Commands executed by the kernel.", this.#coroutines);
    this.#gauge(
      "coroutines_in_flight",
      "Commands taken and not finished.",
      this.#coroutinesInFlight,
    );
    const givenUp = "Listeners that could not be told within the retention.";
    this.#counter("listeners_given_up_total", givenUp, this.#givenUp);
  }

  requestAnswered(type: string, operation: string, code: number): void {
    this.#requests.at(type, operation, code).value += 1;
  }

  /** For the kernel's trace. */
  trace(record: TraceRecord): void {
    switch (record.kind) {
      case "taken":
        for (const request of record.requests) {
          this.#coroutinesInFlight.at(operationOf(request)).value += 1;
        }
        break;
      case "finished": {
        const operation = operationOf(record.request);
        this.#coroutinesInFlight.at(operation).value -= 1;
        this.#coroutines.at(operation).value += 1;
        break;
      }
      case "listener_given_up":
        this.#givenUp.at(record.failure.reason).value += 1;
        break;
      case "executed":
      case "conflicted":
      case "unreadable":
      case "occurrence_skipped":
      case "schedule_stuck":
        break;
      default:
        unreachable(record);
    }
  }

  /** Gauges that belong to somebody else. Call once. */
  watch(gauges: Gauges): void {
    const { requestsInFlight, apiBacklog, storeBacklog, dueAt, now } = gauges;
    const { messagesBacklog, workersConnected } = gauges;
    const registers = [this.#registry];
    new Gauge({
      name: "api_in_flight_requests",
      help: "Requests not yet answered.",
      labelNames: ["type", "operation"],
      registers,
      collect() {
        for (const [type, counts] of requestsInFlight())
          for (const [operation, count] of counts) this.set({ type, operation }, count);
      },
    });
    new Gauge({
      name: "api_backlog_requests",
      help: "Requests that wait for the kernel.",
      registers,
      collect() {
        this.set(apiBacklog());
      },
    });
    new Gauge({
      name: "aio_backlog_submissions",
      help: "Submissions that wait for a worker.",
      labelNames: ["type"],
      registers,
      collect() {
        this.set({ type: "store" }, storeBacklog());
      },
    });
    new Gauge({
      name: "messages_backlog",
      help: "Messages kept for workers that are not there.",
      registers,
      async collect() {
        try {
          this.set(await soon(messagesBacklog()));
        } catch {
          this.remove(); // the store does not answer: nothing is known
        }
      },
    });
    new Gauge({
      name: "workers_connected",
      help: "Workers whose streams are open.",
      registers,
      collect() {
        this.set(workersConnected());
      },
    });
    new Gauge({
      name: "due_backlog_milliseconds",
      help: "How late the oldest unprocessed due date is.",
      registers,
      collect() {
        this.set(lateness(dueAt(), now()));
      },
    });
  }

  /** Connections to a store that has several. Call once. */
  watchPool(figures: () => PoolFigures): void {
    new Gauge({
      name: "store_connections",
      help: "Connections to the store, and calls that wait for one.",
      labelNames: ["state"],
      registers: [this.#registry],
      collect() {
        const { total, idle, waiting } = figures();
        this.set({ state: "busy" }, total - idle);
        this.set({ state: "idle" }, idle);
        this.set({ state: "waited_for" }, waiting);
      },
    });
  }

  /** CPU, memory, event loop and garbage collection of the process. */
  watchProcess(): void {
    collectDefaultMetrics({ register: this.#registry });
  }

  /** In Prometheus' text format. */
  scrape(): Promise<string> {
    return this.#registry.metrics();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  #counter(name: string, help: string, cells: Cells): void {
    new Counter({
      name,
      help,
      labelNames: cells.names,
      registers: [this.#registry],
      collect() {
        this.reset();
        for (const { labels, value } of cells) this.inc(labels, value);
      },
    });
  }

  #gauge(name: string, help: string, cells: Cells): void {
    new Gauge({
      name,
      help,
      labelNames: cells.names,
      registers: [this.#registry],
      collect() {
        for (const { labels, value } of cells) this.set(labels, value);
      },
    });
  }
}

/** How long one gauge may hold up all others. Arbitrary: less than any scraper waits. */
const patienceMs = 1_000;

/** @throws if it takes too long */
async function soon(value: number | Promise<number>): Promise<number> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error("no answer in time")), patienceMs);
  try {
    return await Promise.race([value, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function observeAio(
  type: "store" | "network",
  submissions: Cells,
  submissionsInFlight: Cells,
): AioObserver {
  const inFlight = submissionsInFlight.at(type);
  const completed = {
    success: submissions.at(type, "success"),
    failure: submissions.at(type, "failure"),
  };
  return {
    started: () => {
      inFlight.value += 1;
    },
    finished: (status) => {
      inFlight.value -= 1;
      completed[status].value += 1;
    },
  };
}

/** Zero stands for "at once", which is how a sweep is asked for out of turn: not a date to be late for. */
function lateness(dueAt: DeadlineMs | null, now: InstantMs): number {
  return dueAt === null || dueAt === 0n || !isDue(dueAt, now) ? 0 : now - Number(dueAt);
}

/** The names of the operations of §6.4; what the kernel asks of itself follows their pattern. */
function operationOf(request: Request | Command): string {
  switch (request.kind) {
    case "get_promise":
      return "read-promise";
    case "search_promises":
      return "search-promises";
    case "read_events":
      return "read-events";
    case "create_promise":
      return "create-promise";
    case "settle_promise":
      return settlements[request.outcome];
    case "register_callback":
      return "register-callback";
    case "settle_at_deadline":
      return "timeout-promises";
    case "drain_callback":
      return "drain-callback";
    default:
      return request.kind.replaceAll("_", "-");
  }
}

const settlements = {
  resolved: "resolve-promise",
  rejected: "reject-promise",
  canceled: "cancel-promise",
} as const;
