// Who may come in: one guard for both APIs, gRPC, and the streams of workers (protocol.md §8,
// promise-api.md §1.8). Without keys everybody may do everything.

import type { Admit } from "../worker-streams.ts";
import type { Grant } from "./grant.ts";
import { mayListen, mayReceive } from "./reach.ts";
import { type TokenFault, tokenOf, type Verifier } from "./verifier.ts";

export type GuardOptions = {
  /** Null: authentication is off. */
  readonly verifier: Pick<Verifier, "verify"> | null;
  /** Told why a token was refused, and never what is in it. */
  readonly onRefused: (fault: TokenFault) => void;
};

/** What anybody has while authentication is off. */
const everything: Grant = { isAdmin: true, prefix: "", groups: null };

export class Guard {
  readonly #options: GuardOptions;

  constructor(options: GuardOptions) {
    this.#options = options;
  }

  /**
   * @param auth of the envelope's head; null: there is none
   * @param authorization the header, or the metadata, as it came
   * @returns null for a token that is missing or bad
   */
  async admit(auth: string | null, authorization: string | null): Promise<Grant | null> {
    const { verifier, onRefused } = this.#options;
    if (verifier === null) return everything;
    const verdict = await verifier.verify(tokenOf(auth, authorization));
    if (verdict.kind === "granted") return verdict.grant;
    onRefused(verdict.fault);
    return null;
  }

  /** For the streams of workers, whose token is in the header only. */
  readonly admitWorker: Admit = async ({ group }, authorization) => {
    const grant = await this.admit(null, authorization);
    if (grant === null) return { kind: "unauthenticated" };
    if (!mayListen(grant, group)) return { kind: "forbidden" };
    return { kind: "admitted", mayReceive: (subject) => mayReceive(grant, subject) };
  };
}

export const openToAll = new Guard({ verifier: null, onRefused: () => {} });
