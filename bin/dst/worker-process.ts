// A worker as its parent sees it: told to run a stretch of seeds, it reports once.
//
//   D5. A seed that ends its process, or does not end, is a failure of that seed.

import { type ChildProcess, fork } from "node:child_process";
import type { Failure } from "../../dst/verdict.ts";
import type { FromWorker, Setup, Stretch, ToWorker } from "./messages.ts";

export type WorkerOptions = {
  /** What the worker experiments with, as a URL. */
  readonly labModule: string;
  /** The longest that one seed may take, ms. */
  readonly seedMaxMs?: number;
  /** Flags of Node. */
  readonly execArgv?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
};

/** Long seeds take a second at most; a machine may be busy. Arbitrary beyond that. */
const usualSeedMaxMs = 120_000;

const script = new URL("worker.ts", import.meta.url);

export type Death = {
  readonly kind: "died";
  readonly index: number;
  readonly failure: Failure;
  /** False: it has not run a single seed. */
  readonly hasBegun: boolean;
};
export type Report = Extract<FromWorker, { kind: "done" }> | Death;

export class WorkerProcess {
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  readonly #seedMaxMs: number;
  #resolve: ((report: Report) => void) | null = null;
  /** Of the seed under way. */
  #index = 0;
  #deadline: NodeJS.Timeout | undefined;
  #isLate = false;
  #hasBegun = false;

  constructor(setup: Setup, options: WorkerOptions) {
    const { labModule, seedMaxMs = usualSeedMaxMs, execArgv = [], environment = {} } = options;
    this.#seedMaxMs = seedMaxMs;
    this.#child = fork(script, [labModule], {
      ...{ serialization: "advanced", execArgv: [...process.execArgv, ...execArgv] },
      env: { ...process.env, ...environment },
    });
    this.#child.on("message", (message: FromWorker) => this.#receive(message));
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#ended = promise;
    this.#child.once("exit", (code, signal) => {
      clearTimeout(this.#deadline);
      const failure = this.#death(code, signal);
      this.#report({ kind: "died", index: this.#index, failure, hasBegun: this.#hasBegun });
      resolve();
    });
    this.#send({ kind: "setup", setup });
  }

  run(stretch: Stretch): Promise<Report> {
    this.#index = stretch.from;
    const { promise, resolve } = Promise.withResolvers<Report>();
    this.#resolve = resolve;
    this.#send({ kind: "run", stretch });
    return promise;
  }

  stop(): void {
    this.#send({ kind: "stop" });
  }

  /** Idle by now, or dead. */
  end(): Promise<void> {
    if (this.#child.connected) this.#child.disconnect();
    return this.#ended;
  }

  #send(message: ToWorker): void {
    if (this.#child.connected) this.#child.send(message, () => undefined); // its end is seen elsewhere
  }

  #receive(message: FromWorker): void {
    clearTimeout(this.#deadline);
    if (message.kind === "done") {
      this.#report(message);
    } else {
      this.#index = message.index;
      this.#hasBegun = true;
      this.#deadline = setTimeout(() => {
        this.#isLate = true;
        this.#child.kill("SIGKILL");
      }, this.#seedMaxMs);
    }
  }

  #report(report: Report): void {
    this.#resolve?.(report);
    this.#resolve = null;
  }

  #death(code: number | null, signal: string | null): Failure {
    const rule = this.#isLate ? "endless" : "process";
    const how = signal === null ? `exit code ${code}` : signal;
    const message = this.#isLate
      ? `the run did not end within ${this.#seedMaxMs / 1000} s`
      : `the run ended its process with ${how}`;
    return {
      ...{ class: "crash", oracle: "A", rule, message, expected: null, actual: null },
      ...{ ids: [], intent: null, at: 0, record: 0 },
    };
  }
}
