// The servers that a benchmark talks to: ours, and the ceiling. Each is a process of its own, on
// loopback, and is gone when the benchmark is.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

export type Server = {
  readonly port: number;
  /** Of gRPC; 0: it has none. */
  readonly rpcPort: number;
  readonly metricsPort: number;
  readonly stop: () => Promise<void>;
};

const bin = join(import.meta.dirname, "..");
const startMaxMs = 30_000;

/** `resonate serve` on this file, with full durability, as a user starts it. */
export function serve(file: string): Promise<Server> {
  return serveOn(["--aio-store-sqlite-path", file]);
}

/** The same on this Postgres. */
export function serveShared(url: string): Promise<Server> {
  return serveOn(["--aio-store", "postgres", "--aio-store-postgres-url", url]);
}

async function serveOn(store: readonly string[]): Promise<Server> {
  const [port, rpcPort, metricsPort] = await Promise.all([freePort(), freePort(), freePort()]);
  const flags = [
    ...["--api-http-addr", `127.0.0.1:${port}`, "--api-grpc-addr", `127.0.0.1:${rpcPort}`],
    ...["--metrics-port", `${metricsPort}`],
    ...[...store, "--log-level", "warn"],
  ];
  const child = launch([join(bin, "resonate.ts"), "serve", ...flags]);
  return await ready(child, { port, rpcPort, metricsPort });
}

/** The same HTTP stack, answering the same JSON, without a kernel or a store behind it. */
export async function serveCeiling(): Promise<Server> {
  const port = await freePort();
  const child = launch([join(import.meta.dirname, "ceiling.ts"), `${port}`]);
  return await ready(child, { port, rpcPort: 0, metricsPort: 0 });
}

function launch(args: readonly string[]): ChildProcess {
  return spawn(process.execPath, args, { stdio: ["ignore", "ignore", "inherit"] });
}

async function ready(child: ChildProcess, ports: Omit<Server, "stop">): Promise<Server> {
  const startedAt = performance.now();
  const stop = async () => {
    if (child.exitCode !== null) return;
    child.kill("SIGTERM");
    await once(child, "exit");
  };
  while (performance.now() - startedAt < startMaxMs) {
    if (child.exitCode !== null) throw new Error(`a server ended with ${child.exitCode}`);
    const isReady = await fetch(`http://127.0.0.1:${ports.port}/ready`).then(
      (answer) => answer.ok,
      () => false,
    );
    if (isReady) return { ...ports, stop };
    await sleep(20);
  }
  await stop();
  throw new Error("a server is not ready in time");
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("a port has no number");
  return address.port;
}

/** The sum of a metric's samples, those only whose labels include the text. */
export async function metric(server: Server, name: string, labels = ""): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${server.metricsPort}/metrics`)).text();
  const samples = text.split("\n").filter((line) => {
    return (line.startsWith(`${name}{`) || line.startsWith(`${name} `)) && line.includes(labels);
  });
  return samples.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
}
