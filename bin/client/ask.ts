// A request of the current protocol, as the client commands send it, and its answer.

import { protocolVersion } from "../../api/protocol/envelope.ts";
import { exactly } from "./text.ts";

/** What the server, or the way to it, said against it; for the terminal. */
export class Refused extends Error {
  override readonly name = "Refused";
}

export type Answer = Readonly<Record<string, unknown>>;
export type Asker = (kind: string, data: unknown) => Promise<Answer>;

/** Arbitrary: longer than any server of ours lets a request wait. */
const patienceMs = 60_000;

/** @param token of the requests; empty: none */
export function asker(server: string, token: string): Asker {
  const { protocol } = URL.parse(server) ?? {};
  if (protocol !== "http:" && protocol !== "https:") {
    throw new Refused(`--server must be a URL of http or https: ${server}`);
  }
  return async (kind, data) => {
    const head = { corrId: "cli", version: protocolVersion, ...(token !== "" && { auth: token }) };
    const body = JSON.stringify({ kind, head, data });
    const signal = AbortSignal.timeout(patienceMs);
    // A token goes to the server that was named, and nowhere else.
    const init = { method: "POST", body, signal, redirect: "manual" } as const;
    const response = await fetch(server, init).catch((error: unknown) => {
      throw new Refused(`no server at ${server}: ${causeOf(error)}`);
    });
    const text = await response.text().catch((error: unknown) => {
      throw new Refused(`the answer of ${server} ends too early: ${causeOf(error)}`);
    });
    const { data: said } = parsed(text);
    if (response.status >= 400 || typeof said !== "object" || said === null) {
      const what = typeof said === "string" ? said : "that is no server of this protocol";
      throw new Refused(`${response.status}: ${what}`);
    }
    return said as Answer; // an object, as just seen
  };
}

function parsed(text: string): { readonly data?: unknown } {
  try {
    return exactly(text) ?? {};
  } catch {
    return {};
  }
}

function causeOf(error: unknown): string {
  const { cause = error } = error as { readonly cause?: unknown };
  return cause instanceof Error ? cause.message : String(cause);
}
