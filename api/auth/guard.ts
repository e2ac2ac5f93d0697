// Who may come in: one guard for both APIs, gRPC, and the streams of workers (protocol.md §8,
// promise-api.md §1.8). Without keys everybody may do everything.

import type { PromiseId } from "../../kernel/ids.ts";
import type { Admit } from "../worker-streams.ts";
import type { Grant } from "./grant.ts";
import { mayListen, mayReceive } from "./reach.ts";
import { type TokenFault, tokenOf, type Verdict, type Verifier } from "./verifier.ts";

type Granted = Pick<Verdict & { readonly kind: "granted" }, "grant" | "isOver">;

export type GuardOptions = {
  /** Null: authentication is off. */
  readonly verifier: Pick<Verifier, "verify"> | null;
  /** Told why a token was refused, and never what is in it. */
  readonly onRefused: (fault: TokenFault) => void;
};

/** What anybody has while authentication is off. */
const everything: Granted = {
  grant: { isAdmin: true, prefix: "", groups: null },
  isOver: () => false,
};

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
    return (await this.#judge(auth, authorization))?.grant ?? null;
  }

  /** For the streams of workers, whose token is in the header only. */
  readonly admitWorker: Admit = async ({ group }, authorization) => {
    const granted = await this.#judge(null, authorization);
    if (granted === null) return { kind: "unauthenticated" };
    const { grant, isOver } = granted;
    if (!mayListen(grant, group)) return { kind: "forbidden" };
    const canReceive = (subject: PromiseId) => !isOver() && mayReceive(grant, subject);
    return { kind: "admitted", mayReceive: canReceive, isOver };
  };

  async #judge(auth: string | null, authorization: string | null): Promise<Granted | null> {
    const { verifier, onRefused } = this.#options;
    if (verifier === null) return everything;
    const verdict = await verifier.verify(tokenOf(auth, authorization));
    if (verdict.kind === "granted") return verdict;
    onRefused(verdict.fault);
    return null;
  }
}

export const openToAll = new Guard({ verifier: null, onRefused: () => {} });
