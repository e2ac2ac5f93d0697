// The life of a server: it opens what it needs, serves until a signal or a failure, and closes what
// it opened (promise-api.md §6.3, §7).
//
//   Z1. A start that fails says why in one line and closes all that it had opened. Exit code 1. One that
//       is no longer wanted, and waits for its store, ends soon: it has accepted nothing. Exit code 0.
//   Z2. After the first signal nothing new is accepted, and what was accepted is answered; then
//       listeners, metrics and store close, in this order. Exit code 0. What found no worker is noted
//       first, where other servers are there to hand it on.
//   Z3. That takes no longer than its limit: what is left then is cut, with a warning that counts it.
//   Z4. A second signal ends the process at once. Exit code 1.
//   Z5. A bug, or a commit of which only a restart can tell the outcome, ends the process at once:
//       what was not answered stays unknown, and nothing more is written. Exit code 1, or 74.

import { setTimeout as sleep } from "node:timers/promises";
import { StoreError } from "../store/store.ts";
import { AuthError, openGuard } from "./auth.ts";
import type { ExitCode } from "./command.ts";
import { assemble, type Engine, type OpenedStore } from "./engine.ts";
import { ListenError, Listeners, stackOf } from "./listeners.ts";
import type { Fields, Logger } from "./logger.ts";
import { Metrics } from "./metrics.ts";
import { shownPlace } from "./postgres.ts";
import type { Config } from "./settings.ts";
import { firstSignal } from "./signals.ts";
import { version } from "./version.ts";

export type ServerOptions = {
  readonly config: Config;
  readonly logger: Logger;
  /** @throws StoreError if it cannot be had, with what to do about it */
  readonly openStore: () => OpenedStore | Promise<OpenedStore>;
};

/** How long the last lines may take when nobody reads the log. Arbitrary. */
const lastWordsMs = 1_000;

/** How long a start may go on that is no longer wanted: a store may be waited for. Arbitrary. */
const startMs = 500;

/** How long it may take to note what is left. Arbitrary: some batches. */
const notesMs = 1_000;

/** How long a store may take to be given back that does not answer. Arbitrary. */
const releaseMs = 2_000;

export async function runServer(options: ServerOptions): Promise<ExitCode> {
  const { logger } = options;
  const fatal = Promise.withResolvers<ExitCode>();
  const onFatal = (error: unknown) => fatal.resolve(reportFatal(logger, error)); // Z5
  process.on("uncaughtException", onFatal); // promises that nobody waits for come here, too
  const signal = firstSignal(() => {
    logger.warn("stopped at once");
    process.exit(1); // Z4
  });
  const code = await Promise.race([fatal.promise, live(options, signal, onFatal)]);
  setTimeout(() => process.exit(code), lastWordsMs).unref();
  return code;
}

async function live(
  options: ServerOptions,
  signal: Promise<NodeJS.Signals>,
  onFatal: (error: unknown) => void,
): Promise<ExitCode> {
  const server = new Server(options, onFatal);
  const started = server.start();
  try {
    const isLate = signal.then(() => sleep(startMs, true, { ref: false }));
    if (await Promise.race([started, isLate])) {
      started.catch(() => {}); // whatever comes of it
      options.logger.info("stopped");
      return 0; // Z1: what is half done, such as a migration, is rolled back
    }
  } catch (error) {
    const [msg, fields] = told(error, options.config);
    options.logger.error(msg, fields);
    await server.close(0);
    return 1; // Z1
  }
  await server.stop(await signal);
  return 0;
}

class Server {
  readonly #config: Config;
  readonly #logger: Logger;
  readonly #openStore: ServerOptions["openStore"];
  readonly #onFatal: (error: unknown) => void;
  #store: OpenedStore | null = null;
  #engine: Engine | null = null;
  #listeners: Listeners | null = null;

  constructor({ config, logger, openStore }: ServerOptions, onFatal: (error: unknown) => void) {
    this.#config = config;
    this.#logger = logger;
    this.#openStore = openStore;
    this.#onFatal = onFatal;
  }

  /** @throws whatever keeps it from starting; `close` then closes what is open */
  async start(): Promise<void> {
    const [config, logger, onFatal] = [this.#config, this.#logger, this.#onFatal];
    const metrics = new Metrics();
    const opened = await this.#openStore();
    this.#store = opened;
    const serverUrl = () => this.#serverUrl();
    this.#engine = assemble({ config, opened, logger, metrics, serverUrl, onFatal });
    const { node, loop } = this.#engine;
    const guard = await openGuard(config, logger);
    this.#listeners = new Listeners({ config, logger, metrics, guard, engine: this.#engine });
    await this.#listeners.open();
    loop.wake(); // recovery is the first sweep
    this.#listeners.begin();
    logger.info("server started", { node, version, ...opened.fields });
  }

  /** Whoever has port 0 knows the port once it listens. */
  #serverUrl(): string {
    const { serverUrl, httpAddress } = this.#config;
    const port = this.#listeners?.httpPort ?? httpAddress.port;
    return serverUrl || `http://localhost:${port}`;
  }

  /** Z2, Z3. */
  async stop(signal: NodeJS.Signals): Promise<void> {
    const { shutdownMs } = this.#config;
    const until = performance.now() + shutdownMs;
    this.#logger.info("shutting down", { signal });
    await Promise.race([this.#drain(), sleep(shutdownMs, null, { ref: false })]);
    const cutCount = await this.close(Math.max(0, until - performance.now()));
    if (cutCount > 0) this.#logger.warn("connections cut", { count: cutCount });
    this.#logger.info("stopped");
  }

  async #drain(): Promise<void> {
    await this.#listeners?.drain();
    if (this.#store?.kind !== "shared") return;
    await Promise.race([this.#engine?.loop.idle(), sleep(notesMs, null, { ref: false })]);
  }

  /** @returns how many connections were cut because they were not done in time */
  async close(graceMs: number): Promise<number> {
    const cutCount = (await this.#listeners?.close(graceMs)) ?? 0;
    await Promise.race([this.#release(), sleep(releaseMs, null, { ref: false })]);
    return cutCount;
  }

  async #release(): Promise<void> {
    await this.#engine?.close();
    await this.#store?.close();
  }
}

/** In one line, with the cause, and the Postgres that the settings name. */
function told(error: unknown, config: Config): readonly [msg: string, fields: Fields] {
  if (error instanceof ListenError) return [error.message, error.fields];
  if (error instanceof AuthError) return ["authentication failed", { cause: error.message }];
  if (error instanceof StoreError) {
    const place = config.store === "postgres" ? { place: shownPlace(config) } : {};
    return ["store failed", { cause: error.message, ...place }];
  }
  return ["start failed", { cause: stackOf(error) }];
}

function reportFatal(logger: Logger, error: unknown): ExitCode {
  if (error instanceof StoreError && error.isFatal) {
    logger.error("store lost, start again to find out what it holds", { cause: error.message });
    return 74;
  }
  logger.error("stopped by a bug", { cause: stackOf(error) });
  return 1;
}
