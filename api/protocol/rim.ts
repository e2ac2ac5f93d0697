// `POST /`: the current protocol over HTTP. Open the envelope, decode, submit, tell (protocol.md §1.1).
//
//   V12. The status of HTTP is that of the head, and every answer is JSON.
//   V13. A heartbeat is answered once all of its commands are; the worst of them is its answer.

import type { Guard } from "../auth/guard.ts";
import { coversOperation } from "../auth/reach.ts";
import type { Gateway } from "../gateway.ts";
import { type Told, tell, toEnvelope } from "./answer.ts";
import { type Echo, openEnvelope, unknownEcho } from "./envelope.ts";
import { decodeOperation } from "./operations.ts";

export type ProtocolAnswer = { readonly status: number; readonly json: string };

export function tooLarge(): ProtocolAnswer {
  return print(unknownEcho, { status: 413, data: "Request body too large" });
}

export type EnvelopeOptions = {
  readonly gateway: Gateway;
  readonly guard: Guard;
  /** The header, as it came. */
  readonly authorization: string | null;
};

export async function answerEnvelope(
  bytes: Uint8Array,
  { gateway, guard, authorization }: EnvelopeOptions,
): Promise<ProtocolAnswer> {
  const opened = openEnvelope(bytes);
  if (opened.kind === "refused") return print(opened.echo, { status: 400, data: opened.reason });
  const { echo, auth, data } = opened.envelope;
  const grant = await guard.admit(auth, authorization);
  if (grant === null) return print(echo, { status: 401, data: "Unauthorized" });
  const isCovered = coversOperation(grant, echo.kind, data);
  if (!isCovered) return print(echo, { status: 403, data: "Forbidden" });
  const decoded = decodeOperation(echo.kind, data);
  if (decoded.kind === "refused") return print(echo, { status: 400, data: decoded.reason });
  const told = await Promise.all(
    decoded.requests.map(async (request) => tell(request, await gateway.ask(request), echo)),
  );
  const worst = told.reduce<Told>(
    (worse, each) => (each.status > worse.status ? each : worse), // V13
    told[0] ?? { status: 200, data: {} },
  );
  return print(echo, worst);
}

function print(echo: Echo, told: Told): ProtocolAnswer {
  return { status: told.status, json: JSON.stringify(toEnvelope(echo, told)) };
}
