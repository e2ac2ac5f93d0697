// Identity tokens of the machine on which the server runs, from Google's metadata server, one for
// each audience (protocol.md §1.4).
//
//   G1. A token is kept until shortly before it ends, then asked for again; once for all who wait.
//   G2. What cannot be had is null, and is not remembered.
//   G3. Audiences are named by clients, so as many are kept as a bound says, the newest.

import { assert } from "../kernel/assert.ts";
import type { Clock } from "./clock.ts";
import { type RequestOptions, send } from "./request.ts";

export type IdentityOptions = {
  /** Without a path. */
  readonly metadataUrl: string;
  readonly clock: Clock;
  readonly request: RequestOptions;
};

export const metadataUrl = "http://metadata.google.internal";

const marginMs = 60_000; // arbitrary: clocks differ, and a receiver may hold a request
const audiencesMax = 1_000; // arbitrary: some 1 kB each

type Token = { readonly text: string; readonly endsAt: number };

export class Identity {
  readonly #options: IdentityOptions;
  readonly #tokens = new Map<string, Token>();
  readonly #asked = new Map<string, Promise<string | null>>();

  constructor(options: IdentityOptions) {
    assert(URL.canParse(options.metadataUrl), "the metadata server has no URL");
    this.#options = options;
  }

  /** @returns null if there is none to be had (G2) */
  token(audience: string): Promise<string | null> {
    const kept = this.#tokens.get(audience);
    if (kept !== undefined && this.#options.clock.now() < kept.endsAt - marginMs) {
      return Promise.resolve(kept.text);
    }
    const asked = this.#asked.get(audience) ?? this.#ask(audience);
    this.#asked.set(audience, asked); // G1
    return asked;
  }

  async #ask(audience: string): Promise<string | null> {
    const token = await this.#fetch(audience);
    this.#asked.delete(audience);
    this.#tokens.delete(audience);
    if (token === null) return null;
    this.#tokens.set(audience, token);
    const [oldest] = this.#tokens.keys();
    if (this.#tokens.size > audiencesMax && oldest !== undefined) this.#tokens.delete(oldest); // G3
    return token.text;
  }

  async #fetch(audience: string): Promise<Token | null> {
    const { metadataUrl, request, clock } = this.#options;
    const url = new URL(
      "/computeMetadata/v1/instance/service-accounts/default/identity",
      metadataUrl,
    );
    url.searchParams.set("audience", audience);
    const headers = { "metadata-flavor": "Google" };
    const outcome = await send({ method: "GET", url, headers, body: "" }, request);
    if (outcome.kind !== "answered" || outcome.status !== 200) return null;
    if (!outcome.isWhole) return null; // the beginning of a token looks like one
    const text = outcome.body.trim();
    const endsAt = readEnd(text);
    return endsAt !== null && endsAt > clock.now() ? { text, endsAt } : null;
  }
}

/** When a token ends, in ms since the Unix epoch; null if it does not say. Its signature is not ours. */
function readEnd(token: string): number | null {
  const [, payload] = /^[\w-]+\.([\w-]+)\.[\w-]+$/.exec(token) ?? [];
  if (payload === undefined) return null;
  try {
    const { exp }: { readonly exp?: unknown } = JSON.parse(`${Buffer.from(payload, "base64url")}`);
    return typeof exp === "number" && Number.isFinite(exp) ? exp * 1_000 : null;
  } catch {
    return null;
  }
}
