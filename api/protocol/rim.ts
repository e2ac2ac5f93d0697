// `POST /`: the current protocol over HTTP. Open the envelope, decode, submit, tell (protocol.md §1.1).
//
//   V12. The status of HTTP is that of the head, and every answer is JSON.
//   V13. A heartbeat is answered once all of its commands are; the worst of them is its answer.
//   V15. Whatever is thrown here is answered with 500, under the kind and the corrId that were asked.

import type { InstantMs } from "../../kernel/ids.ts";
import type { Acceptance } from "../acceptance.ts";
import type { Guard } from "../auth/guard.ts";
import { coversOperation, mayDriveTime, withinReach } from "../auth/reach.ts";
import type { Gateway } from "../gateway.ts";
import { type Told, tell, tellFailure, toEnvelope } from "./answer.ts";
import { decodeOrder, isDebugKind, tellOrder } from "./debug.ts";
import { type Echo, type Envelope, openEnvelope, unknownEcho } from "./envelope.ts";
import { decodeOperation, isOperation } from "./operations.ts";
import type { Members } from "./reading.ts";

export type ProtocolAnswer = {
  /** Its kind, as far as it is one. */
  readonly operation: string;
  readonly status: number;
  readonly json: string;
  readonly headers: Readonly<Record<string, string>>;
};

export type EnvelopeRimOptions = {
  readonly gateway: Gateway;
  readonly guard: Guard;
  readonly acceptance: Acceptance;
  /** Told what was thrown, and by which operation; must not throw. */
  readonly onFailure: (error: unknown, kind: string) => void;
};

export class EnvelopeRim {
  readonly #options: EnvelopeRimOptions;

  constructor(options: EnvelopeRimOptions) {
    this.#options = options;
  }

  tooLarge(): ProtocolAnswer {
    const headers = { connection: "close" };
    return print(unknownEcho, { status: 413, data: "Request body too large", headers });
  }

  /** @param authorization the header, as it came */
  async answer(bytes: Uint8Array, authorization: string | null): Promise<ProtocolAnswer> {
    const opened = openEnvelope(bytes);
    if (opened.kind === "refused") return print(opened.echo, refused(400, opened.reason));
    const { echo } = opened.envelope;
    try {
      return print(echo, await this.#serve(opened.envelope, authorization));
    } catch (error) {
      this.#options.onFailure(error, echo.kind);
      return print(echo, tellFailure("internal")); // V15
    }
  }

  async #serve(envelope: Envelope, authorization: string | null): Promise<Told> {
    const { gateway, guard, acceptance } = this.#options;
    const { echo, auth, data } = envelope;
    const grant = await guard.admit(auth, authorization);
    if (grant === null) return refused(401, "Unauthorized");
    if (!coversOperation(grant, echo.kind, data)) return refused(403, "Forbidden");
    const at = gateway.isDebugged && mayDriveTime(grant) ? envelope.time : null;
    if (isDebugKind(echo.kind)) return this.#debug(echo.kind, data, at);
    const decoded = decodeOperation(echo.kind, data, acceptance);
    if (decoded.kind === "refused") return refused(400, decoded.reason);
    const asked = await gateway.askAll(decoded.requests, at);
    const told = asked.map(({ request, answer }) => {
      return tell(request, withinReach(grant, answer), echo);
    });
    const first = told[0] ?? { status: 200, data: {} };
    return told.reduce((worse, each) => (each.status > worse.status ? each : worse), first); // V13
  }

  async #debug(kind: string, data: Members, at: InstantMs | null): Promise<Told> {
    const { gateway } = this.#options;
    if (!gateway.isDebugged) return refused(403, "Debug operations are disabled");
    const decoded = decodeOrder(kind, data, at);
    if (decoded.kind === "refused") return refused(400, decoded.reason);
    const { order } = decoded;
    return tellOrder(order, await gateway.order(order, at));
  }
}

function refused(status: number, reason: string): Told {
  return { status, data: reason };
}

function print(echo: Echo, told: Told): ProtocolAnswer {
  const { status, headers = {} } = told;
  const json = JSON.stringify(toEnvelope(echo, told));
  return { operation: operationOf(echo.kind), status, json, headers };
}

function operationOf(kind: string): string {
  if (isOperation(kind)) return kind;
  return isDebugKind(kind) ? "debug" : "unknown";
}
