// What the tests of the API share: a server in one process, a client that speaks to it without a
// socket, and a check of every body that comes back against its own description.

import { expect } from "vitest";
import { components } from "../../api/answers.ts";
import { type AppOptions, createApp } from "../../api/app.ts";
import { Guard } from "../../api/auth/guard.ts";
import type { Verdict } from "../../api/auth/verifier.ts";
import { Gateway, type Port } from "../../api/gateway.ts";
import { parseByReviver } from "../../api/int64.ts";
import type { RequestRecord } from "../../api/record.ts";
import { Findings, type Schema } from "../../api/schema.ts";
import { InProcess } from "../in-process.ts";

export type Answered = {
  readonly status: number;
  /** Of the envelope; null without one. */
  readonly code: number | null;
  readonly details: readonly string[];
  readonly text: string;
  readonly json: unknown;
  readonly headers: Headers;
};

export type Ask = {
  /** Values in bytes: one character each. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Text as it is, anything else as JSON. */
  readonly body?: unknown;
};

export const bodyLimit = 1_000;

/** Takes every token for the same verdict. */
export function guarding(verdict: Verdict): Guard {
  const verifier = { verify: () => Promise.resolve(verdict) };
  return new Guard({ verifier, onRefused: () => {} });
}

const elsewhere = { isAdmin: false, prefix: "elsewhere/", groups: null };

export const guards = {
  unauthenticated: guarding({ kind: "unauthenticated", fault: "missing" }),
  forbidden: guarding({ kind: "granted", grant: elsewhere, isOver: () => false }),
} as const;

export class Client {
  readonly records: RequestRecord[] = [];
  readonly gateway: Gateway;
  readonly app: ReturnType<typeof createApp>;
  #isReady = true;
  #requestCount = 0;

  constructor(port: Port, corsOrigins: readonly string[] = [], more: Partial<AppOptions> = {}) {
    this.gateway = new Gateway(port);
    this.app = createApp({
      gateway: this.gateway,
      readiness: () => this.#isReady,
      bodyLimit,
      corsOrigins,
      observe: (record) => this.records.push(record),
      newRequestId: () => this.#newRequestId(),
      ...more,
    });
  }

  #newRequestId(): string {
    this.#requestCount += 1;
    return `made-${this.#requestCount}`;
  }

  stopBeingReady(): void {
    this.#isReady = false;
  }

  async ask(method: string, path: string, { headers = {}, body }: Ask = {}): Promise<Answered> {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const init = { method, headers, ...(body !== undefined && { body: text }) };
    return await toAnswered(await this.app.request(`http://localhost${path}`, init));
  }
}

export function start(options?: ConstructorParameters<typeof InProcess>[0]): {
  readonly server: InProcess;
  readonly client: Client;
} {
  const server = new InProcess(options);
  return { server, client: new Client(server) };
}

async function toAnswered(response: globalThis.Response): Promise<Answered> {
  const text = await response.text();
  const { status, headers } = response;
  const type = headers.get("content-type");
  const isJson = type === "application/json; charset=utf-8";
  const hasCode = status >= 400 && text !== "" && type !== "application/json"; // of an envelope
  const json: unknown = isJson && text !== "" ? JSON.parse(text) : null;
  if (!hasCode) return { status, code: null, details: [], text, json, headers };
  return { status, ...toError(json), text, json, headers };
}

function toError(json: unknown): { readonly code: number; readonly details: readonly string[] } {
  conforms(components.Error, json);
  // It conforms to the description of an error.
  const { error } = json as {
    readonly error: { readonly code: number; readonly details: readonly { message: string }[] };
  };
  return { code: error.code, details: error.details.map(({ message }) => message) };
}

/** Exactly what is described, no more and no less. */
export function conforms(schema: Schema<unknown>, json: unknown): void {
  const findings = new Findings();
  const parsed = parseByReviver(JSON.stringify(json), "timeout");
  schema.read(withDeadlines(parsed), "answer", findings);
  expect([...findings.rules, ...findings.texts]).toEqual([]);
}

/** The 64-bit numbers of events and records. */
const exact: ReadonlySet<string> = new Set([
  ...["timeoutAt", "ttl", "nextRunAt", "promiseTimeoutMs", "promiseTimeout"],
]);

/** Events name their deadline otherwise; in the tests of this folder it fits a number. */
function withDeadlines(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withDeadlines);
  if (typeof value !== "object" || value === null || value.constructor !== Object) return value;
  const entries = Object.entries(value).map(([name, member]) => {
    const isDeadline = exact.has(name) && typeof member === "number";
    return [name, isDeadline ? BigInt(member) : withDeadlines(member)];
  });
  return Object.fromEntries(entries);
}
