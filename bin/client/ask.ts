// A request of the current protocol, as the client commands send it, and its answer.

import { protocolVersion } from "../../api/protocol/envelope.ts";

/** What the server, or the way to it, said against it; for the terminal. */
export class Refused extends Error {
  override readonly name = "Refused";
}

export type Asker = (kind: string, data: unknown) => Promise<Readonly<Record<string, unknown>>>;

/** @param token of the requests; empty: none */
export function asker(server: string, token: string): Asker {
  return async (kind, data) => {
    const head = { corrId: "cli", version: protocolVersion, ...(token !== "" && { auth: token }) };
    const body = JSON.stringify({ kind, head, data });
    const response = await fetch(server, { method: "POST", body }).catch((error: unknown) => {
      throw new Refused(`no server at ${server}: ${causeOf(error)}`);
    });
    const answer: unknown = await response.json().catch(() => null);
    const { data: said } = (answer ?? {}) as { readonly data?: unknown };
    if (response.status >= 400 || typeof said !== "object" || said === null) {
      const what = typeof said === "string" ? said : "that is no server of this protocol";
      throw new Refused(`${response.status}: ${what}`);
    }
    return said as Readonly<Record<string, unknown>>; // an object, as just seen
  };
}

function causeOf(error: unknown): string {
  const { cause = error } = error as { readonly cause?: unknown };
  return cause instanceof Error ? cause.message : String(cause);
}
