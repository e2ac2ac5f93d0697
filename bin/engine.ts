// The parts of a server, put together: store, clock, queues, kernel, loop, and the gateway through
// which requests come in. What is counted and logged about them is attached here, and nowhere else.

import { randomBytes } from "node:crypto";
import { StoreAio } from "../aio/aio.ts";
import { Clock } from "../aio/clock.ts";
import { Loop } from "../aio/loop.ts";
import { WorkerMailbox } from "../aio/mailbox.ts";
import { Push } from "../aio/push.ts";
import { Sender } from "../aio/sender.ts";
import { PushTargets } from "../aio/target.ts";
import { Gateway } from "../api/gateway.ts";
import { encodeMessage } from "../api/protocol/message.ts";
import type { RequestRecord } from "../api/record.ts";
import { Kernel } from "../kernel/kernel.ts";
import { bounds, type Limits, limits } from "../kernel/limits.ts";
import type { Message } from "../kernel/message.ts";
import type { TraceRecord } from "../kernel/ports.ts";
import { usualRules } from "../kernel/rules.ts";
import type { Store } from "../store/store.ts";
import type { Logger } from "./logger.ts";
import type { Metrics } from "./metrics.ts";
import type { Config } from "./settings.ts";
import { WatchedStore } from "./watched-store.ts";

export type Engine = {
  readonly node: string;
  readonly loop: Loop;
  /** One for each API, so that each can tell what it has in flight. */
  readonly gateways: Readonly<Record<RequestRecord["api"] | "protocol", Gateway>>;
  readonly mailbox: WorkerMailbox;
  readonly push: Push;
};

export type EngineOptions = {
  readonly config: Config;
  readonly store: Store;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Called once: nothing is executed any more. */
  readonly onFatal: (error: unknown) => void;
};

export function assemble(options: EngineOptions): Engine {
  const { config, logger, metrics, onFatal } = options;
  // No other server, nor an earlier run of this one, has this name: 64 random bits.
  const node = randomBytes(8).toString("hex");
  const clock = new Clock();
  const store = new WatchedStore(options.store, logger);
  // Every submission becomes one completion, so what may be handed over is bounded by both sizes.
  const queueMax = Math.min(config.storeSize, config.aioSize);
  const mailbox = new WorkerMailbox({
    connectionsMax: config.pollConnections,
    bufferMax: config.pollBuffer,
    onConnect: (worker) => loop.connected(worker),
  });
  const push = new Push({ ...pushBounds, targets: new PushTargets([]), clock });
  const encode = (message: Message) => encodeMessage(message, config.serverUrl);
  const aio = new StoreAio({
    ...{ store, queueMax, observer: metrics.aioObserver },
    sender: new Sender({ mailbox, push, encode }),
    onCompleted: () => loop.wake(),
  });
  const trace = (record: TraceRecord) => {
    metrics.trace(record);
    note(record, logger);
  };
  const rules = { ...usualRules, retryMs: config.taskRetryMs };
  const kernel = new Kernel({ aio, limits: toLimits(config), node, trace, rules });
  const loop = new Loop({ kernel, aio, clock, onFatal });
  const gateways = {
    http: new Gateway(loop),
    grpc: new Gateway(loop),
    protocol: new Gateway(loop),
  };
  metrics.watch({
    requestsInFlight: () => [
      ["http", gateways.http.inFlightByOperation],
      ["grpc", gateways.grpc.inFlightByOperation],
    ],
    apiBacklog: () => kernel.waiting,
    storeBacklog: () => aio.waiting,
    dueAt: () => kernel.dueAt,
    now: () => clock.now(),
  });
  return { node, loop, gateways, mailbox, push };
}

/** Specified in protocol.md §0. */
const pushBounds = {
  timeoutMs: 180_000,
  connectTimeoutMs: 10_000,
  concurrency: 256,
  auth: { mode: "none" },
} as const;

/** A batch is one transaction, and a step completes a batch, a sweep and these reads at the most. */
function toLimits(config: Config): Limits {
  return limits({
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
  }
}
