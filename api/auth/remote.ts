// A set of keys behind a URL. jose keeps it, and asks for it again when it is old or a token names a
// key that it lacks; here is how it is fetched (K2).

import {
  createLocalJWKSet,
  createRemoteJWKSet,
  customFetch,
  type JSONWebKeySet,
  type JWTVerifyGetKey,
} from "jose";

export type RemoteLimits = {
  readonly timeoutMs: number;
  /** Of the answer's body. */
  readonly bytesMax: number;
  /** How long a set is kept. A key that was withdrawn is trusted as long. */
  readonly maxAgeMs: number;
  /** After a fetch, how long an unknown key does not cause another one. */
  readonly cooldownMs: number;
  /** After a fetch that failed, how long there is none. */
  readonly retryMs: number;
  /** Hears of each fetch that failed; must not throw. The text names the URL, never a token. */
  readonly onFailure: (problem: string) => void;
};

export const remoteLimits: RemoteLimits = {
  timeoutMs: 5_000, // by default of jose, as are maxAgeMs and cooldownMs
  bytesMax: 1024 * 1024, // arbitrary: some thousand keys
  maxAgeMs: 600_000,
  cooldownMs: 30_000,
  retryMs: 1_000, // arbitrary: not hot, not felt
  onFailure: () => {},
};

/** The set could not be had: it is not known whether a token is good. */
export class KeysUnavailable extends Error {
  override readonly name = "KeysUnavailable";
}

export function remoteKeys(url: URL, limits: RemoteLimits): JWTVerifyGetKey {
  const fetcher = new Fetcher(url, limits);
  return createRemoteJWKSet(url, {
    timeoutDuration: limits.timeoutMs,
    cacheMaxAge: limits.maxAgeMs,
    cooldownDuration: limits.cooldownMs,
    [customFetch]: (address, init) => fetcher.fetch(address, init),
  });
}

class Fetcher {
  readonly #shown: string;
  readonly #limits: RemoteLimits;
  #failedAt = Number.NEGATIVE_INFINITY;

  constructor(url: URL, limits: RemoteLimits) {
    this.#shown = `${url.origin}${url.pathname}`; // a query may hold a secret
    this.#limits = limits;
  }

  async fetch(url: string, init: RequestInit): Promise<Response> {
    const { retryMs, onFailure } = this.#limits;
    if (performance.now() < this.#failedAt + retryMs) throw new KeysUnavailable("failed just now");
    try {
      return new Response(await this.#read(url, init));
    } catch (error) {
      this.#failedAt = performance.now();
      const because = reasonOf(error);
      onFailure(`no keys from ${this.#shown}: ${because}; check --auth-jwks and what serves it`);
      throw new KeysUnavailable(because);
    }
  }

  async #read(url: string, init: RequestInit): Promise<string> {
    const response = await fetch(url, init);
    const { status } = response;
    if (status !== 200) {
      await response.body?.cancel();
      throw new KeysUnavailable(`the answer's status is ${status}, not 200`);
    }
    const text = await this.#readBody(response);
    if (toKeySet(text) === null) throw new KeysUnavailable("the answer is no JWKS");
    return text;
  }

  async #readBody({ body }: Response): Promise<string> {
    const { bytesMax } = this.#limits;
    const chunks: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of body ?? []) {
      length += chunk.length;
      if (length > bytesMax) throw new KeysUnavailable(`the answer has over ${bytesMax} bytes`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString();
  }
}

/** What the platform says is not repeated: its texts may hold what was sent. */
function reasonOf(error: unknown): string {
  if (error instanceof KeysUnavailable) return error.message;
  if (!(error instanceof Error)) return "unknown";
  if (error.name === "TimeoutError") return "no answer in time";
  const { code } = (error.cause ?? {}) as { readonly code?: unknown };
  return typeof code === "string" ? code : "the connection failed";
}

/** @returns null if the text is not a set of keys */
export function toKeySet(text: string): JSONWebKeySet | null {
  try {
    const set = JSON.parse(text);
    createLocalJWKSet(set); // only for its judgement
    return set;
  } catch {
    return null;
  }
}
