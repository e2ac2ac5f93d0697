// The ports of a server: HTTP, gRPC and metrics. They open together or not at all, and close in the
// order of promise-api.md §7.

import { randomUUID } from "node:crypto";
import type { AddressInfo } from "node:net";
import { createApp } from "../api/app.ts";
import type { Guard } from "../api/auth/guard.ts";
import { Readiness } from "../api/health.ts";
import { type HttpListener, serveHttp } from "../api/listen.ts";
import { Poll } from "../api/poll.ts";
import type { RequestRecord } from "../api/record.ts";
import { RpcApp, streamedPaths } from "../api/rpc/app.ts";
import { type RpcListener, serveRpc } from "../api/rpc/listen.ts";
import type { Engine } from "./engine.ts";
import { type Address, print } from "./kinds.ts";
import type { Fields, Logger } from "./logger.ts";
import type { Metrics } from "./metrics.ts";
import { MetricsServer, metricsHost } from "./metrics-server.ts";
import type { Config } from "./settings.ts";

export type ListenersOptions = {
  readonly config: Config;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly engine: Pick<Engine, "gateways" | "mailbox" | "acceptance">;
  readonly guard: Guard;
};

/** A port that cannot be had. */
export class ListenError extends Error {
  override readonly name = "ListenError";
  readonly fields: Fields;

  constructor(address: Address, { code, message }: NodeJS.ErrnoException) {
    super("listen failed");
    this.fields = { addr: print(address), cause: code ?? message };
  }
}

export class Listeners {
  readonly #options: ListenersOptions;
  readonly #rpcApp: RpcApp;
  readonly #poll: Poll;
  #http: HttpListener | null = null;
  #rpc: RpcListener | null = null;
  #metricsServer: MetricsServer | null = null;
  readonly #readiness: Readiness;

  constructor(options: ListenersOptions) {
    this.#options = options;
    const { config, guard } = options;
    const { gateways, mailbox } = options.engine;
    this.#readiness = new Readiness({ gateway: gateways.protocol });
    const { pollKeepAliveMs: keepAliveMs } = config;
    this.#poll = new Poll({ mailbox, keepAliveMs, admit: guard.admitWorker });
    const { grpc: gateway, protocol } = gateways;
    const rim = { ...this.#rim(config), onFailure: this.#onFailure };
    this.#rpcApp = new RpcApp({ gateway, protocol, mailbox, keepAliveMs, ...rim });
  }

  /** @throws ListenError; `close` then closes those that are open */
  async open(): Promise<void> {
    const { config, logger } = this.#options;
    this.#http = await this.#listenHttp(config);
    this.#rpc = await this.#listenRpc(config);
    this.#metricsServer = await this.#listenMetrics(config);
    logger.info("http listening", { addr: shown(this.#http.address) });
    logger.info("grpc listening", { addr: shown(this.#rpc.address) });
    if (this.#metricsServer === null) return;
    logger.info("metrics listening", { addr: print(metricsAddress(config)) });
  }

  /** Null until it is open. */
  get httpPort(): number | null {
    return this.#http?.address.port ?? null;
  }

  /** Readiness and health say yes. */
  begin(): void {
    this.#readiness.begin();
    this.#rpcApp.begin();
  }

  /** They say no, and new requests are refused. Resolves once all that was accepted is answered. */
  async drain(): Promise<void> {
    this.#readiness.end();
    this.#rpcApp.pause();
    this.#poll.close(); // workers look for another server, or for this one when it is back
    const gateways = Object.values(this.#options.engine.gateways);
    for (const gateway of gateways) gateway.close();
    await Promise.all(gateways.map((gateway) => gateway.drained()));
  }

  /** @returns how many connections were cut because they were not done in time */
  async close(graceMs: number): Promise<number> {
    this.#rpcApp.end();
    const counts = await Promise.all([this.#http?.close(graceMs), this.#rpc?.close(graceMs)]);
    await this.#metricsServer?.close();
    return counts.reduce<number>((sum, count) => sum + (count ?? 0), 0);
  }

  #rim({ apiBodyLimit: bodyLimit, corsOrigins }: Config) {
    const observe = (record: RequestRecord) => this.#observe(record);
    const { guard, engine } = this.#options;
    const { acceptance } = engine;
    return { bodyLimit, corsOrigins, observe, newRequestId: randomUUID, guard, acceptance };
  }

  #listenHttp(config: Config): Promise<HttpListener> {
    const rim = this.#rim(config);
    const readiness = () => this.#readiness.isReady();
    const onFailure = this.#onFailure;
    const { http: gateway, protocol } = this.#options.engine.gateways;
    const app = createApp({ gateway, protocol, poll: this.#poll, readiness, onFailure, ...rim });
    const { bodyLimit } = rim;
    const address = config.httpAddress;
    const onError = this.#told("http failed");
    return bound(address, () => serveHttp({ app, ...address, bodyLimit, onError }));
  }

  #listenRpc({ grpcAddress }: Config): Promise<RpcListener> {
    const { serve } = this.#rpcApp;
    const onError = this.#told("grpc failed");
    return bound(grpcAddress, () => serveRpc({ serve, ...grpcAddress, streamedPaths, onError }));
  }

  async #listenMetrics(config: Config): Promise<MetricsServer | null> {
    if (config.metricsPort === 0) return null;
    const { metrics } = this.#options;
    metrics.watchProcess();
    const server = new MetricsServer(metrics, this.#told("metrics failed"));
    await bound(metricsAddress(config), () => server.listen(config.metricsPort));
    return server;
  }

  #told(msg: string): (error: Error) => void {
    return (error) => this.#options.logger.error(msg, { cause: error.message });
  }

  /** Of the current protocol. */
  readonly #onFailure = (error: unknown, operation: string): void => {
    const cause = stackOf(error);
    this.#options.logger.error("request failed", { api: "protocol", operation, cause });
  };

  #observe({ api, operation, tid, code, ms, error }: RequestRecord): void {
    const { logger, metrics } = this.#options;
    metrics.requestAnswered(api, operation, code);
    if (error !== null) {
      logger.error("request failed", { api, operation, tid, code, cause: stackOf(error) });
    }
    if (!logger.isDebug) return;
    logger.debug("request", { api, operation, tid, code, ms: Math.round(ms * 1000) / 1000 });
  }
}

function metricsAddress({ metricsPort }: Config): Address {
  return { host: metricsHost, port: metricsPort };
}

function shown({ address, port }: AddressInfo): string {
  return print({ host: address, port });
}

async function bound<Listener>(
  address: Address,
  listen: () => Promise<Listener>,
): Promise<Listener> {
  try {
    return await listen();
  } catch (error) {
    throw new ListenError(address, error as NodeJS.ErrnoException); // what `listen` fails with is one
  }
}

/** For the log. */
export function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
