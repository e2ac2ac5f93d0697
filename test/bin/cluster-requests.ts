// Requests of the tests that injure real servers, each in both forms: as it is sent, and as the model
// knows it. And answers, in one form for both: what was seen, and what the model says should be seen.

import { decodeComplete, decodeCreate, decodeGet, type WireWrite } from "../../api/decode.ts";
import { openEnvelope } from "../../api/protocol/envelope.ts";
import { decodeOperation } from "../../api/protocol/operations.ts";
import { showAnswer } from "../../dst/compare.ts";
import type { ModelAnswer, ModelCommand, ModelRefusal } from "../../dst/model/command.ts";
import type { ModelPromise, ModelState, ModelTask, ModelValue } from "../../dst/model/record.ts";
import { assert } from "../../kernel/assert.ts";

export type Asked = {
  readonly api: "original" | "current";
  readonly command: ModelCommand;
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
};

/** Of an answer, what the contract fixes: no correlation, no preload, no text for people. */
export type Seen = { readonly status: number; readonly body: unknown };

export type Outcome =
  | { readonly kind: "answered"; readonly seen: Seen }
  /** Surely without effect. */
  | { readonly kind: "none" }
  | { readonly kind: "unknown" };

type Creation = {
  readonly id: string;
  readonly timeout: number;
  readonly key: string;
  readonly word: string;
  readonly strict?: boolean;
};

export function create({ id, timeout, key, word, strict = false }: Creation): Asked {
  const body = JSON.stringify({ id, timeout, param: { data: base64(word) } });
  const wire = write(key, strict, body);
  return rest("POST", "/promises", wire, decodeCreate(null, wire));
}

type Settlement = {
  readonly id: string;
  readonly verb: "resolve" | "reject" | "cancel";
  readonly key: string;
  readonly word: string;
};

export function settle({ id, verb, key, word }: Settlement): Asked {
  const outcome = ({ resolve: "resolved", reject: "rejected", cancel: "canceled" } as const)[verb];
  const wire = write(key, false, JSON.stringify({ value: { data: base64(word) } }));
  return rest("POST", `/promises/${id}/${verb}`, wire, decodeComplete(id, wire, outcome));
}

export function get(id: string): Asked {
  return rest("GET", `/promises/${id}`, null, decodeGet(id));
}

const version = "2026-04-01";

/** One command; a heartbeat is of one task. */
export function operation(kind: string, data: object): Asked {
  const body = JSON.stringify({ kind, head: { corrId: "c", version }, data });
  const opened = openEnvelope(Buffer.from(body));
  assert(opened.kind === "opened", `the envelope of ${kind} is refused`);
  const decoded = decodeOperation(kind, opened.envelope.data);
  assert(decoded.kind === "decoded", `${kind} is refused by the rim`);
  const [command] = decoded.requests;
  return {
    ...{ api: "current", method: "POST", path: "/", headers: {}, body },
    command: command as ModelCommand, // the tests search for nothing
  };
}

function base64(word: string): string {
  return Buffer.from(word).toString("base64");
}

function write(key: string, strict: boolean, body: string): WireWrite {
  return { key, strict: `${strict}`, body: Buffer.from(body) };
}

type DecodedOne =
  | { readonly kind: "decoded"; readonly request: unknown }
  | { readonly kind: "invalid"; readonly details: readonly string[] };

function rest(
  method: "GET" | "POST",
  path: string,
  wire: WireWrite | null,
  decoded: DecodedOne,
): Asked {
  assert(decoded.kind === "decoded", `${method} ${path} is refused by the rim`);
  const { key = null, strict = null, body = null } = wire ?? {};
  return {
    ...{ api: "original", method, path },
    command: decoded.request as ModelCommand, // by the decoders above
    headers: {
      ...(key === null ? {} : { "idempotency-key": key }),
      ...(strict === null ? {} : { strict }),
    },
    body: body === null ? null : Buffer.from(body).toString(),
  };
}

// Answers.

/** By what the body says: all failures that these tests provoke. */
const currentFailures: Readonly<Record<string, "none" | "unknown">> = {
  "Internal error: the store failed; nothing changed": "none",
  "Internal error: the store failed; the outcome is unknown": "unknown",
  "Server is overloaded": "none",
  "Server is shutting down": "none",
};

/** By the end of what 5xx says in detail. */
const originalFailures: readonly (readonly [RegExp, "none" | "unknown"])[] = [
  [/"code":(5002|5030|5031|5032),.*; nothing changed"/, "none"],
  [/"code":5002,.*; the outcome is unknown: /, "unknown"],
];

/** @throws if the contract has no such answer, or only for what is a mistake of ours */
export function outcomeOf({ api, path }: Asked, status: number, text: string): Outcome {
  const body: unknown = JSON.parse(text);
  const seen = api === "original" ? originally(status, body) : currently(status, body);
  if (status < 500) return { kind: "answered", seen };
  const ofText = originalFailures.find(([pattern]) => pattern.test(text))?.[1];
  const kind = api === "original" ? ofText : currentFailures[`${seen.body}`];
  if (kind === undefined) throw new Error(`${path} was answered ${status}: ${text}`);
  return { kind };
}

function originally(status: number, body: unknown): Seen {
  if (status < 400) return { status, body };
  const { error } = body as { readonly error: { readonly code: number } }; // or it throws
  return { status, body: error.code };
}

function currently(status: number, body: unknown): Seen {
  const { head, data } = body as {
    readonly head: { readonly status: number };
    readonly data: unknown;
  };
  if (head.status !== status) throw new Error(`the head says ${head.status}, and HTTP ${status}`);
  if (typeof data !== "object" || data === null) return { status, body: data };
  const { preload: _, ...members } = data as Readonly<Record<string, unknown>>;
  const { action } = members;
  if (action === undefined) return { status, body: members };
  const inner = currently((action as typeof body & { head: typeof head }).head.status, action);
  return { status, body: { action: inner } };
}

/** What the contract makes of an answer of the model. */
export function expectedOf({ api, command }: Asked, answer: ModelAnswer): Seen {
  return api === "original" ? originalAnswer(answer) : currentAnswer(command, answer);
}

const originalCodes: Readonly<Partial<Record<ModelRefusal, number>>> = {
  promise_not_found: 4040,
  promise_already_exists: 4090,
  promise_already_resolved: 4030,
  promise_already_rejected: 4031,
  promise_already_canceled: 4032,
  promise_already_timedout: 4033,
};

function originalAnswer(answer: ModelAnswer): Seen {
  if (answer.kind === "refused") {
    const code = originalCodes[answer.refusal];
    assert(code !== undefined, `the original API is refused with ${answer.refusal}`);
    return { status: Math.floor(code / 10), body: code };
  }
  assert(answer.kind === "promise", `the original API is told: ${showAnswer(answer)}`);
  const { id, promise, changed } = answer;
  return { status: changed ? 201 : 200, body: originalPromise(id, promise) };
}

const originalStates: Readonly<Record<ModelState, string>> = {
  pending: "PENDING",
  resolved: "RESOLVED",
  rejected: "REJECTED",
  canceled: "REJECTED_CANCELED",
  timedout: "REJECTED_TIMEDOUT",
};

function originalPromise(id: string, promise: ModelPromise): unknown {
  const { state, param, value, tags, timeoutAt, createKey, settleKey } = promise;
  return {
    ...{ id, state: originalStates[state], timeout: Number(timeoutAt) },
    ...{ param: shown(param, true), value: shown(value, true), createdOn: promise.createdAt },
    ...(createKey === null ? {} : { idempotencyKeyForCreate: createKey }),
    ...(settleKey === null ? {} : { idempotencyKeyForComplete: settleKey }),
    ...(promise.settledAt === null ? {} : { completedOn: promise.settledAt }),
    ...(tags.size === 0 ? {} : { tags: Object.fromEntries(tags) }),
  };
}

function shown({ headers, data }: ModelValue, leavesOutEmpty: boolean): unknown {
  const hasHeaders = headers !== null && !(leavesOutEmpty && headers.size === 0);
  return {
    ...(hasHeaders ? { headers: Object.fromEntries(headers) } : {}),
    ...(data === null ? {} : { data }),
  };
}

type Told = readonly [status: number, text: string];

const currentTexts: Readonly<Partial<Record<ModelRefusal, Told>>> = {
  promise_not_found: [404, "Promise not found"],
  awaited_not_found: [422, "Awaited promise not found"],
  awaiter_not_found: [422, "Awaiter promise not found"],
  promise_not_targeted: [422, "The promise does not have a resonate:target tag"],
  task_already_exists: [409, "Already exists"],
  task_not_found: [404, "Task not found"],
  task_not_pending: [409, "Task is not pending"],
  task_version_mismatch: [409, "Version mismatch"],
  task_not_held: [409, "Task version mismatch or invalid state"],
};

/** Where the same refusal has another text. */
const special: Readonly<Partial<Record<ModelCommand["kind"], Told>>> = {
  suspend_task: [409, "Task is not acquired or version mismatch"],
  fence_task: [409, "Version mismatch"],
};

function currentAnswer(command: ModelCommand, answer: ModelAnswer): Seen {
  switch (answer.kind) {
    case "refused": {
      const isOfHolder = answer.refusal === "task_not_held";
      const told = (isOfHolder ? special[command.kind] : null) ?? currentTexts[answer.refusal];
      assert(told !== undefined, `the tests do not provoke ${answer.refusal}`);
      return { status: told[0], body: told[1] };
    }
    case "promise":
      return { status: 200, body: { promise: currentPromise(answer.id, answer.promise) } };
    case "task":
      return { status: 200, body: { task: currentTask(answer.id, answer.task) } };
    case "claim": {
      const { id, task, promise } = answer;
      return {
        status: 200,
        body: { task: currentTask(id, task), promise: currentPromise(id, promise) },
      };
    }
    case "done":
      return { status: 200, body: {} };
    case "not_suspended":
      return { status: 300, body: {} };
    case "fenced":
      return { status: 200, body: { action: currentAnswer(command, answer.inner) } };
    case "schedule":
    case "none":
      throw new Error(`the tests do not ask for ${showAnswer(answer)}`);
  }
}

const currentStates: Readonly<Record<ModelState, string>> = {
  pending: "pending",
  resolved: "resolved",
  rejected: "rejected",
  canceled: "rejected_canceled",
  timedout: "rejected_timedout",
};

function currentPromise(id: string, promise: ModelPromise): unknown {
  const { state, param, value, tags, timeoutAt, createdAt, settledAt } = promise;
  return {
    ...{ id, state: currentStates[state], createdAt, timeoutAt: Number(timeoutAt) },
    ...{ param: shown(param, false), value: shown(value, false), tags: Object.fromEntries(tags) },
    ...(settledAt === null ? {} : { settledAt }),
  };
}

function currentTask(id: string, { state, version, resumes, pid, ttl }: ModelTask): unknown {
  const holder = pid === null ? {} : { pid, ttl: Number(ttl) };
  return { id, state, version, resumes: resumes.length, ...holder };
}
