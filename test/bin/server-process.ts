// A server as its users meet it: a process of its own, reached over its port, ended by signals. Ports
// are free ones, data lies in a directory of the test's own, and nothing outlives the test.

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const launcher = join(import.meta.dirname, "..", "..", "bin", "resonate.js");

/** Longer than any start or end on a busy machine; only a server that hangs reaches it. */
const patienceMs = 15_000;

/** No process lives longer, so that even a test that hangs leaves none behind. */
const lifeMaxMs = 25_000;

export type Start = {
  readonly args: readonly string[];
  readonly cwd: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly node?: string;
  /** In place of bin/resonate.js. */
  readonly script?: string;
  /** For whole suites; no process lives longer. */
  readonly lifeMs?: number;
};

export type Ended = { readonly code: number | null; readonly signal: NodeJS.Signals | null };

export class Run {
  readonly ended: Promise<Ended>;
  stdout = "";
  stderr = "";
  readonly #child: ChildProcess;

  constructor({ args, cwd, environment = {}, ...other }: Start) {
    const { node = process.execPath, script = launcher, lifeMs = lifeMaxMs } = other;
    const { PATH } = process.env;
    const env = { PATH, HOME: cwd, ...environment };
    const child = spawn(node, [script, ...args], { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
    });
    const { promise, resolve } = Promise.withResolvers<Ended>();
    child.on("close", (code, signal) => resolve({ code, signal })); // no sooner than its output
    this.ended = promise;
    this.#child = child;
    const reaper = setTimeout(() => child.kill("SIGKILL"), lifeMs);
    void promise.then(() => clearTimeout(reaper));
  }

  get lines(): readonly string[] {
    return this.stdout.split("\n").slice(0, -1);
  }

  /** As when the reader of a pipe goes away. */
  closeOutput(): void {
    this.#child.stdout?.destroy();
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** The first line of the log that fits. */
  async line(pattern: RegExp): Promise<string> {
    const until = Date.now() + patienceMs;
    for (;;) {
      const found = this.lines.find((line) => pattern.test(line));
      if (found !== undefined) return found;
      const hasEnded = this.#child.exitCode !== null || this.#child.signalCode !== null;
      if (hasEnded || Date.now() > until) {
        throw new Error(`no line ${pattern}\n${this.stdout}\n${this.stderr}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill("SIGKILL");
    await this.ended;
  }
}

export class ServerProcess extends Run {
  url = "";
  /** Of gRPC, gRPC-Web and Connect. */
  rpcUrl = "";

  /** @param start without addresses: they are chosen; resolves when the server is ready */
  static async start(start: Start): Promise<ServerProcess> {
    const [command = "serve", ...rest] = start.args;
    const given = rest.join(" ");
    const ports = [
      ...(given.includes("--api-http-addr") ? [] : ["--api-http-addr", "127.0.0.1:0"]),
      ...(given.includes("--api-grpc-addr") ? [] : ["--api-grpc-addr", "127.0.0.1:0"]),
      ...(given.includes("--metrics-port") ? [] : ["--metrics-port", "0"]),
    ];
    const server = new ServerProcess({ ...start, args: [command, ...ports, ...rest] });
    try {
      server.url = await server.#urlOf(/http listening/);
      server.rpcUrl = await server.#urlOf(/grpc listening/);
      await server.line(/server started/);
      return server;
    } catch (error) {
      server.kill("SIGKILL"); // nobody else knows of it
      throw error;
    }
  }

  async #urlOf(listening: RegExp): Promise<string> {
    const line = await this.line(listening);
    const [, port = ""] = /addr"?[=:]"?[^\s"]*:(\d+)/.exec(line) ?? [];
    return `http://127.0.0.1:${port}`;
  }

  async post(path: string, body: unknown, headers: Readonly<Record<string, string>> = {}) {
    const init = { method: "POST", body: JSON.stringify(body), headers };
    return answer(await fetch(this.url + path, init));
  }

  async get(path: string) {
    return answer(await fetch(this.url + path));
  }
}

export type Answer = { readonly status: number; readonly headers: Headers; readonly body: unknown };

async function answer(response: globalThis.Response): Promise<Answer> {
  const text = await response.text();
  const { status, headers } = response;
  return { status, headers, body: text === "" ? null : JSON.parse(text) };
}

/** A directory that is gone when the test is over. */
export function directory(): { readonly path: string; [Symbol.dispose](): void } {
  const path = mkdtempSync(join(tmpdir(), "resonate-bin-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  const address = server.address();
  await new Promise((done) => server.close(done));
  if (address === null || typeof address === "string") throw new Error("a port without a number");
  return address.port;
}
