// Serves the metrics to whoever scrapes them; nothing else is there.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Metrics } from "./metrics.ts";

/** Scrapers ask on the network, so all interfaces (promise-api.md §6.1). */
export const metricsHost = "0.0.0.0";

/** Arbitrary: a scrape takes milliseconds. */
const timeoutMs = 10_000;

export class MetricsServer {
  readonly #server: Server;
  readonly #onError: (error: Error) => void;

  /** @param onError told what goes wrong after the start */
  constructor(metrics: Metrics, onError: (error: Error) => void) {
    this.#onError = onError;
    const limits = { headersTimeout: timeoutMs, requestTimeout: timeoutMs };
    this.#server = createServer(limits, (request, response) => {
      answer(metrics, request, response).catch(() => response.destroy());
    });
  }

  /** @throws the error of the operating system, if the port cannot be had */
  async listen(port: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once("error", reject);
    this.#server.listen({ port, host: metricsHost }, resolve);
    await promise;
    this.#server.off("error", reject).on("error", this.#onError);
  }

  /** A scrape that is under way is cut off: the next server answers it better. */
  async close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    this.#server.closeAllConnections();
    await promise;
  }
}

async function answer(
  metrics: Metrics,
  { method = "", url = "" }: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const [path] = url.split("?");
  if (path !== "/metrics") {
    response.writeHead(404).end();
  } else if (method !== "GET" && method !== "HEAD") {
    response.writeHead(405, { allow: "GET, HEAD" }).end();
  } else {
    const text = await metrics.scrape();
    response.writeHead(200, { "content-type": metrics.contentType }).end(text); // Node leaves it out of a HEAD
  }
}
