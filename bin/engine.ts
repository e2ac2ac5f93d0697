// The parts of a server, put together: store, clock, queues, kernel, loop, and the gateway through
// which requests come in. What is counted and logged about them is attached here, and nowhere else.

import { randomBytes } from "node:crypto";
import { StoreAio } from "../aio/aio.ts";
import { AsyncAio } from "../aio/async-aio.ts";
import { Clock } from "../aio/clock.ts";
import { cron } from "../aio/cron.ts";
import { Driver } from "../aio/driver.ts";
import { Loop } from "../aio/loop.ts";
import { WorkerMailbox } from "../aio/mailbox.ts";
import { Push, type PushAuth, type PushOptions } from "../aio/push.ts";
import { Sender, type SendObserver } from "../aio/sender.ts";
import { PushTargets } from "../aio/target.ts";
import type { Acceptance } from "../api/acceptance.ts";
import { Gateway } from "../api/gateway.ts";
import { encodeMessage } from "../api/protocol/message.ts";
import type { RequestRecord } from "../api/record.ts";
import { parseAddress } from "../kernel/address.ts";
import { unreachable } from "../kernel/assert.ts";
import { Kernel } from "../kernel/kernel.ts";
import { bounds, type Limits, limits } from "../kernel/limits.ts";
import type { Message } from "../kernel/message.ts";
import type { TraceRecord } from "../kernel/ports.ts";
import { patience, type Rules, usualRules } from "../kernel/rules.ts";
import type { PostgresStore } from "../store/postgres.ts";
import type { PoolOptions } from "../store/postgres-pool.ts";
import type { Store } from "../store/store.ts";
import type { Fields, Logger } from "./logger.ts";
import type { Metrics } from "./metrics.ts";
import { join } from "./peers.ts";
import type { Config } from "./settings.ts";
import { failureLog, WatchedStore } from "./watched-store.ts";

export type OpenedStore = {
  /** What an operator wants to know of it. */
  readonly fields: Fields;
  readonly close: () => void | Promise<void>;
  /** Messages that wait for a worker. */
  readonly missedCount: () => number | Promise<number>;
} & (
  | { readonly kind: "own"; readonly store: Store }
  | {
      readonly kind: "shared";
      readonly store: PostgresStore;
      readonly place: PoolOptions;
      /** Connections that the kernel may use. */
      readonly workers: number;
    }
);

export type Engine = {
  readonly node: string;
  readonly loop: Loop;
  /** One for each API, so that each can tell what it has in flight. */
  readonly gateways: Readonly<Record<RequestRecord["api"] | "protocol", Gateway>>;
  readonly mailbox: WorkerMailbox;
  readonly push: Push;
  readonly acceptance: Acceptance;
  /** Nothing is executed or sent any more; resolves when nothing is under way. */
  readonly close: () => Promise<void>;
};

export type EngineOptions = {
  readonly config: Config;
  readonly opened: OpenedStore;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Where workers find this server. */
  readonly serverUrl: () => string;
  /** Called once: nothing is executed any more. */
  readonly onFatal: (error: unknown) => void;
};

export function assemble(options: EngineOptions): Engine {
  const { config, opened, logger, metrics, onFatal } = options;
  // No other server, nor an earlier run of this one, has this name: 64 random bits.
  const node = randomBytes(8).toString("hex");
  const clock = new Clock();
  const mailbox = new WorkerMailbox({
    connectionsMax: config.pollConnections,
    bufferMax: config.pollBuffer,
    onConnect: (worker) => loop.connected(worker),
  });
  const targets = new PushTargets(config.pushAllow);
  const push = new Push({ ...toPushOptions(config), targets, clock: new Clock() });
  const encode = (message: Message) => encodeMessage(message, options.serverUrl());
  const sender = new Sender({ mailbox, push, encode, observer: observeSends(metrics, logger) });
  const aio = toAio(options, sender, () => loop.wake());
  const joined =
    opened.kind === "own"
      ? null
      : join({
          ...{ node, mailbox, logger, place: opened.place, pollMs: config.postgresPollMs },
          now: () => clock.now(),
          missed: (receivers) => opened.store.missed(receivers),
          tell: (news) => loop.told(news),
        });
  const trace = (record: TraceRecord) => {
    metrics.trace(record);
    note(record, logger);
  };
  const rules = toRules(config);
  const limits = toLimits(config, opened);
  const deliversPaused = config.debugDeliver;
  const others = joined === null ? {} : { others: joined.peers };
  const kernel = new Kernel({
    ...{ aio, limits, node, trace, rules, cron, deliversPaused, ...others },
  });
  const loop = new Loop({ kernel, aio, clock, onFatal });
  const driver = toDriver({ ...options, kernel, loop, clock, limits });
  const port = driver ?? loop;
  const gateways = {
    http: new Gateway(port),
    grpc: new Gateway(port),
    protocol: new Gateway(port, driver),
  };
  watch({ gateways, kernel, aio, mailbox, clock, opened, metrics });
  const acceptance = { isStrict: config.protocolStrict, targets };
  const close = async () => {
    push.stop();
    loop.stop();
    await joined?.close();
    if (aio instanceof AsyncAio) await aio.close();
  };
  return { node, loop, gateways, mailbox, push, acceptance, close };
}

function toAio(
  options: EngineOptions,
  sender: Sender,
  onCompleted: () => void,
): StoreAio | AsyncAio {
  const { config, opened, logger, metrics } = options;
  // Every submission becomes one completion, so what may be handed over is bounded by both sizes.
  const queueMax = Math.min(config.storeSize, config.aioSize);
  const usual = { queueMax, observer: metrics.storeObserver, sender, onCompleted };
  if (opened.kind === "own") {
    return new StoreAio({ ...usual, store: new WatchedStore(opened.store, logger) });
  }
  const { store, workers } = opened;
  return new AsyncAio({ ...usual, store, workers, onFailure: failureLog(logger) });
}

type Drivable = Pick<EngineOptions, "config" | "opened" | "logger"> & {
  readonly kernel: Kernel;
  readonly loop: Loop;
  readonly clock: Clock;
  readonly limits: Limits;
};

/** Null: time is nobody's to drive. */
function toDriver(drivable: Drivable): Driver | null {
  const { config, opened, logger, kernel, loop, clock, limits } = drivable;
  if (!config.debug || opened.kind === "shared") return null;
  const { firingsMax, queueMax } = limits;
  const store = new WatchedStore(opened.store, logger);
  return new Driver({ driven: kernel.driven, loop, clock, store, cron, firingsMax, queueMax });
}

type Watched = Pick<Engine, "gateways" | "mailbox"> & {
  readonly kernel: Kernel;
  readonly aio: StoreAio | AsyncAio;
  readonly clock: Clock;
  readonly opened: OpenedStore;
  readonly metrics: Metrics;
};

function watch({ gateways, kernel, aio, mailbox, clock, opened, metrics }: Watched): void {
  if (opened.kind === "shared") metrics.watchPool(() => opened.store.connections); // before it is used
  metrics.watch({
    requestsInFlight: () => [
      ["http", gateways.http.inFlightByOperation],
      ["grpc", gateways.grpc.inFlightByOperation],
      ["protocol", gateways.protocol.inFlightByOperation],
    ],
    apiBacklog: () => kernel.waiting,
    storeBacklog: () => aio.backlog,
    messagesBacklog: opened.missedCount,
    workersConnected: () => mailbox.connectionCount,
    dueAt: () => kernel.dueAt,
    now: () => clock.now(),
  });
}

/** A push that fails is repeated for long, so why it fails is told; that nobody is there is usual. */
function observeSends({ networkObserver }: Metrics, logger: Logger): SendObserver {
  return {
    started: networkObserver.started,
    finished: ({ kind, id }, delivery) => {
      networkObserver.finished(delivery.kind === "delivered" ? "success" : "failure");
      if (delivery.kind !== "failed" || delivery.reason === "no_receiver") return;
      const { reason, cause } = delivery;
      logger.debug("message not delivered", { kind, id, reason, cause });
    },
  };
}

function toRules(config: Config): Rules {
  return {
    ...usualRules,
    retryMs: config.taskRetryMs,
    patienceMs: patience(config.pushTimeoutMs),
    retentionMs: config.unblockRetentionMs,
    awaitsAny: config.protocolAwaitAny,
    preloadMax: config.taskPreloadLimit,
    isStrict: config.protocolStrict,
  };
}

function toPushOptions(config: Config): Omit<PushOptions, "targets" | "clock"> {
  return {
    timeoutMs: config.pushTimeoutMs,
    connectTimeoutMs: config.pushConnectTimeoutMs,
    concurrency: config.pushConcurrency,
    auth: toPushAuth(config),
  };
}

function toPushAuth(config: Config): PushAuth {
  const { pushAuthHeader: header, pushAuthToken: token, pushAuthAudience: audience } = config;
  switch (config.pushAuthMode) {
    case "none":
      return { mode: "none" };
    case "bearer":
      return { mode: "bearer", header, token };
    case "gcp":
      return { mode: "gcp", header, audience: audience || null };
    default:
      return unreachable(config.pushAuthMode);
  }
}

/**
 * A batch is one transaction, and a step completes a batch, a sweep and these reads at the most. Where
 * batches may overlap, half of the connections are for them, and half for what is read.
 */
function toLimits(config: Config, opened: OpenedStore): Limits {
  const batchesMax = opened.kind === "own" ? 1 : Math.max(1, Math.floor(opened.workers / 2));
  return limits({
    batchesMax,
    queueMax: config.apiSize,
    batchMax: Math.min(config.submissionBatchSize, config.storeBatchSize),
    readsMax: Math.min(bounds.readsMax.usual, config.completionBatchSize),
  });
}

function note(record: TraceRecord, logger: Logger): void {
  if (record.kind === "unreadable") {
    logger.error("record unreadable", { kind: record.key.kind, id: record.key.id });
  } else if (record.kind === "conflicted") {
    logger.debug("commands repeated", { count: record.commands.length });
  } else if (record.kind === "occurrence_skipped") {
    const { id: schedule, occurrenceAt } = record;
    const cause = "the id of its promise is too long";
    logger.warn("occurrence skipped", { schedule, occurrenceAt, cause });
  } else if (record.kind === "schedule_stuck") {
    const { id: schedule, part } = record;
    const cause = `this server does not know its ${part === "zone" ? "time zone" : "expression"}`;
    logger.warn("schedule stuck", { schedule, cause });
  } else if (record.kind === "listener_given_up") {
    const { id: promise, failure } = record;
    const { reason, cause } = failure;
    logger.warn("listener given up", { promise, address: shown(record.address), reason, cause });
  }
}

/** The rest of a URL may hold a secret. */
function shown(address: string): string {
  const parsed = parseAddress(address);
  return parsed?.kind === "push" ? new URL(parsed.url).origin : address;
}
