// One HTTP request to somebody else, within limits in time and size. On node:http, not `fetch`:
// only there one can look at the addresses to which a name resolves before connecting (target.ts),
// and tell the time to connect from the time to answer.
//
//   R1. Always one outcome, never a throw. A request is over when its socket is free or gone.
//   R2. Connecting and the whole exchange are timed. Redirects are not followed.
//   R3. Of an answer no more than a bound is read. What was answered counts, however it goes on.

import {
  type ClientRequest,
  type Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
} from "node:http";
import { type Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { LookupFunction } from "node:net";

export type Agents = { readonly http: HttpAgent; readonly https: HttpsAgent };

export type OutgoingRequest = {
  readonly method: "GET" | "POST";
  /** `http:` or `https:`. Its user and password are not sent. */
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

export type RequestOptions = {
  readonly agents: Agents;
  readonly connectTimeoutMs: number;
  /** Of the whole exchange, connecting included. */
  readonly timeoutMs: number;
  /** Of the answer's body. */
  readonly bytesMax: number;
  readonly signal: AbortSignal;
  /** Instead of the system's. */
  readonly lookup?: LookupFunction;
};

export type Outcome =
  | {
      readonly kind: "answered";
      readonly status: number;
      /** As far as it was read. */
      readonly body: string;
      readonly isWhole: boolean;
    }
  /** Cause: an error code, or what a hook has thrown. */
  | { readonly kind: "broken"; readonly cause: string }
  | { readonly kind: "timed_out"; readonly cause: "connect" | "answer" }
  | { readonly kind: "aborted" };

export function send(outgoing: OutgoingRequest, options: RequestOptions): Promise<Outcome> {
  if (options.signal.aborted) return Promise.resolve({ kind: "aborted" });
  return new Promise((resolve) => {
    const exchange = new Exchange(begin(outgoing, options), options);
    exchange.over(resolve);
  });
}

function begin({ method, url, headers, body }: OutgoingRequest, options: RequestOptions) {
  const isSecure = url.protocol === "https:";
  const { agents, lookup } = options;
  const bytes = Buffer.from(body); // as text it would be joined with the headers
  const request = (isSecure ? httpsRequest : httpRequest)({
    agent: isSecure ? agents.https : agents.http,
    method,
    hostname: url.hostname.replace(/^\[|\]$/g, ""), // brackets are of the URL, not of the address
    port: url.port === "" ? null : Number(url.port),
    path: `${url.pathname}${url.search}`,
    headers: { ...headers, ...(method === "POST" && { "content-length": bytes.length }) },
    ...(lookup !== undefined && { lookup }),
  });
  request.end(bytes);
  return request;
}

/** The first thing that ends it decides, unless there was an answer (R3). */
class Exchange {
  readonly #request: ClientRequest;
  readonly #signal: AbortSignal;
  readonly #timers: readonly NodeJS.Timeout[];
  readonly #chunks: Buffer[] = [];
  #status: number | null = null;
  #isWhole = false;
  #end: Outcome | null = null;

  constructor(request: ClientRequest, options: RequestOptions) {
    const { connectTimeoutMs, timeoutMs, bytesMax, signal } = options;
    this.#request = request;
    this.#signal = signal;
    const connecting = setTimeout(() => {
      this.#break({ kind: "timed_out", cause: "connect" }); // R2
    }, connectTimeoutMs);
    const answering = setTimeout(() => {
      this.#break({ kind: "timed_out", cause: "answer" }); // R2
    }, timeoutMs);
    this.#timers = [connecting, answering];
    signal.addEventListener("abort", this.#abort, { once: true });
    request.on("socket", (socket) => {
      const isSecure = "encrypted" in socket;
      if (request.reusedSocket) clearTimeout(connecting);
      else socket.once(isSecure ? "secureConnect" : "connect", () => clearTimeout(connecting));
    });
    request.on("response", (response) => this.#read(response, bytesMax));
    request.on("error", (error: NodeJS.ErrnoException) => {
      this.#break({ kind: "broken", cause: error.code ?? error.message });
    });
  }

  /** R1. */
  over(resolve: (outcome: Outcome) => void): void {
    this.#request.once("close", () => {
      for (const timer of this.#timers) clearTimeout(timer);
      this.#signal.removeEventListener("abort", this.#abort);
      resolve(this.#outcome());
    });
  }

  readonly #abort = (): void => this.#break({ kind: "aborted" });

  #break(end: Outcome): void {
    this.#end ??= end;
    this.#request.destroy();
  }

  #read(response: IncomingMessage, bytesMax: number): void {
    this.#status = response.statusCode ?? 0;
    let size = 0;
    response.on("error", () => {}); // what was answered counts
    response.on("end", () => {
      this.#isWhole = size <= bytesMax;
    });
    response.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= bytesMax) this.#chunks.push(chunk);
      else this.#request.destroy(); // R3
    });
  }

  #outcome(): Outcome {
    if (this.#status !== null) {
      const body = Buffer.concat(this.#chunks).toString();
      return { kind: "answered", status: this.#status, body, isWhole: this.#isWhole };
    }
    return this.#end ?? { kind: "broken", cause: "closed" };
  }
}
