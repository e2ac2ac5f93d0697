// What answers look like, in the words of schema.ts, so that the description of an answer can be held
// against real ones. Unlike a request, an answer may hold nothing that is not described, and no null
// where none is described.

import { protocolVersion } from "./protocol/envelope.ts";
import {
  base64,
  broken,
  describe,
  described,
  int64,
  invalid,
  isObject,
  type JsonSchema,
  pairs,
  type Schema,
} from "./schema.ts";

type Shape = Readonly<Record<string, Schema<unknown>>>;

const anyText: Schema<string> = {
  json: { type: "string" },
  read: (input, field, findings) => {
    return typeof input === "string" ? input : broken(findings, `${field} must be a string`);
  },
};

/** Our own clock and counters: a JSON number is exact for them. */
const count: Schema<number> = {
  json: { type: "integer", format: "int64", minimum: 0 },
  read: (input, field, findings) => {
    const isCount = typeof input === "number" && Number.isSafeInteger(input) && input >= 0;
    return isCount ? input : broken(findings, `${field} must be a count`);
  },
};

const flag: Schema<boolean> = {
  json: { type: "boolean" },
  read: (input, field, findings) => {
    return typeof input === "boolean" ? input : broken(findings, `${field} must be a boolean`);
  },
};

function oneOfTexts(texts: readonly string[]): Schema<string> {
  return {
    json: { type: "string", enum: texts },
    read: (input, field, findings) => {
      const isKnown = typeof input === "string" && texts.includes(input);
      return isKnown ? input : broken(findings, `${field} must be one of ${texts}`);
    },
  };
}

function list(schema: Schema<unknown>): Schema<unknown> {
  return {
    json: { type: "array", items: schema.json },
    read: (input, field, findings) => {
      if (!Array.isArray(input)) return broken(findings, `${field} must be a list`);
      for (const [index, each] of input.entries())
        schema.read(each, `${field}[${index}]`, findings);
      return findings.isEmpty ? input : invalid;
    },
  };
}

function orNull<Value>(schema: Schema<Value>): Schema<Value | null> {
  const types = [schema.json.type ?? [], "null"].flat();
  return {
    json: { ...schema.json, type: types },
    read: (input, field, findings) => {
      return input === null ? null : schema.read(input, field, findings);
    },
  };
}

/** Points to `components.schemas` instead of repeating what stands there. */
function named(name: keyof typeof components, schema: () => Schema<unknown>): Schema<unknown> {
  return {
    json: { $ref: `#/components/schemas/${name}` },
    read: (input, field, findings) => schema().read(input, field, findings),
  };
}

/** All of these members, some of the others, and nothing else. */
function exactly(always: Shape, sometimes: Shape = {}): Schema<unknown> {
  const all = { ...always, ...sometimes };
  const members = Object.entries(all).map(([name, schema]) => {
    return [name, { ...schema, isRequired: name in always }];
  });
  return {
    json: describe(Object.fromEntries(members)),
    read: (input, field, findings) => {
      if (!isObject(input)) return broken(findings, `${field} must be an object`);
      for (const name in input) {
        const schema = Object.hasOwn(all, name) ? all[name] : undefined;
        if (schema === undefined) broken(findings, `${field}.${name} is not described`);
        else schema.read(input[name], `${field}.${name}`, findings);
      }
      const missing = Object.keys(always).filter((name) => !Object.hasOwn(input, name));
      for (const name of missing) broken(findings, `${field}.${name} is missing`);
      return findings.isEmpty ? input : invalid;
    },
  };
}

/** By the member `kind`: what else there is under `data`. */
function byKind(shared: Shape, kinds: Readonly<Record<string, Schema<unknown>>>): Schema<unknown> {
  const variants = Object.entries(kinds).map(([kind, data]) => {
    return [kind, exactly({ ...shared, kind: oneOfTexts([kind]), data })] as const;
  });
  const byName = new Map(variants);
  return {
    json: { oneOf: variants.map(([kind, { json }]): JsonSchema => ({ title: kind, ...json })) },
    read: (input, field, findings) => {
      const { kind }: { readonly kind?: unknown } = isObject(input) ? input : {};
      const variant = typeof kind === "string" ? byName.get(kind) : undefined;
      if (variant === undefined) return broken(findings, `${field} is of no kind`);
      return variant.read(input, field, findings);
    },
  };
}

const instant = described(count, "Ms since the Unix epoch.");
const deadline = described(int64, "Ms since the Unix epoch, exactly as it was sent.");
const key = described(anyText, "Only if one was sent.");

const value = described(
  exactly({}, { headers: pairs, data: described(base64, "Base64; absent if there are no bytes.") }),
  "A payload; `{}` if there is none.",
);
const valueRef = named("Value", () => value);
const tags = described(pairs, "Only if there are any.");

const states = ["PENDING", "RESOLVED", "REJECTED", "REJECTED_TIMEDOUT", "REJECTED_CANCELED"];

const promise = exactly(
  {
    id: anyText,
    state: oneOfTexts(states),
    param: valueRef,
    value: valueRef,
    timeout: deadline,
    createdOn: instant,
  },
  {
    idempotencyKeyForCreate: key,
    idempotencyKeyForComplete: key,
    completedOn: described(count, "Ms since the Unix epoch; only once completed."),
    tags,
  },
);

const page = exactly({
  cursor: described(orNull(anyText), "For the next page; null if this is the last one."),
  promises: list(named("Promise", () => promise)),
});

const waiter = exactly({ awaiter: anyText });
const nothing = exactly({});
const event = byKind(
  {
    position: described(count, "In the whole log; there may be gaps."),
    stream: exactly({ kind: oneOfTexts(["promise", "schedule"]), id: anyText }),
    version: described(count, "In its stream, from 1."),
    at: instant,
    command: described(anyText, "Names the command that caused it."),
  },
  {
    promise_created: exactly(
      { createdAt: instant, timeoutAt: deadline, param: valueRef, isExternal: flag },
      { tags, key },
    ),
    promise_settled: exactly(
      {
        outcome: oneOfTexts(["resolved", "rejected", "canceled", "timedout"]),
        settledAt: instant,
        value: valueRef,
      },
      { key },
    ),
    callback_registered: waiter,
    callback_drained: waiter,
    listener_registered: exactly({ address: anyText }),
    listener_drained: exactly({ address: anyText, wasTold: flag }),
    task_acquired: exactly({ pid: anyText, ttl: int64 }),
    task_released: nothing,
    task_suspended: nothing,
    task_resumed: exactly({ awaited: anyText }),
    resumes_cleared: nothing,
    task_halted: nothing,
    task_continued: nothing,
    lease_expired: nothing,
    schedule_created: exactly(
      {
        cron: anyText,
        promiseIdTemplate: anyText,
        promiseTimeoutMs: int64,
        promiseParam: valueRef,
        createdAt: instant,
        nextRunAt: deadline,
      },
      { promiseTags: tags },
    ),
    schedule_fired: exactly({ occurrenceAt: instant, nextRunAt: deadline }),
    schedule_deleted: nothing,
  },
);

const eventPage = exactly({
  events: list(named("Event", () => event)),
  next: described(orNull(count), "What to send as `after`; null if there is no more now."),
});

const error = exactly({
  error: exactly({
    code: described(count, "Tells programs what happened; the HTTP status times ten, and more."),
    message: anyText,
    details: list(
      exactly({
        "@type": oneOfTexts(["FieldValidationError", "RequestError", "ServerError"]),
        message: anyText,
        domain: oneOfTexts(["validation", "request", "server"]),
        metadata: exactly({ url: anyText }),
      }),
    ),
  }),
});

const head = exactly(
  { corrId: anyText, version: oneOfTexts([protocolVersion]) },
  { auth: anyText },
);

const told: Schema<unknown> = {
  json: {
    type: ["object", "string"],
    description: "What was asked for; from status 400 on, the reason as a text.",
  },
  read: (input, field, findings) => {
    const isTold = isObject(input) || typeof input === "string";
    return isTold ? input : broken(findings, `${field} must be an object or a string`);
  },
};

const answer = exactly({
  kind: described(anyText, "As it was asked."),
  head: exactly({
    corrId: described(anyText, "As it was sent."),
    status: described(count, "The HTTP status."),
    version: oneOfTexts([protocolVersion]),
  }),
  data: told,
});

/** Kept as it was sent; what programs put into it is theirs. */
const payload = described(
  exactly({}, { headers: pairs, data: anyText }),
  "A payload, as it was sent.",
);
const outcomes = ["resolved", "rejected", "rejected_canceled", "rejected_timedout"];

const promiseRecord = exactly(
  {
    id: anyText,
    state: oneOfTexts(["pending", ...outcomes]),
    param: payload,
    value: payload,
    tags: pairs,
    timeoutAt: deadline,
    createdAt: instant,
  },
  { settledAt: described(count, "Ms since the Unix epoch; only once settled.") },
);

const lasting = described(int64, "Ms.");
const taskRecord = exactly(
  {
    id: described(anyText, "That of its promise."),
    state: oneOfTexts(["pending", "acquired", "suspended", "halted", "fulfilled"]),
    version: described(count, "Grows with each acquisition; whoever acts for the task names it."),
    resumes: described(count, "What it awaited and is settled since."),
  },
  { ttl: lasting, pid: described(anyText, "Of the worker; only while acquired.") },
);

const scheduleRecord = exactly(
  {
    id: anyText,
    cron: anyText,
    promiseId: anyText,
    promiseTimeout: lasting,
    promiseParam: payload,
    promiseTags: pairs,
    createdAt: instant,
    nextRunAt: deadline,
  },
  { lastRunAt: instant },
);

const message = byKind(
  { head: exactly({}, { serverUrl: described(anyText, "Where to ask for the task.") }) },
  {
    execute: exactly({ task: exactly({ id: anyText, version: count }) }),
    unblock: exactly({ promise: named("PromiseRecord", () => promiseRecord) }),
  },
);

/** What the OpenAPI document keeps under `components.schemas`. */
export const components = {
  Promise: promise,
  Value: value,
  PromisePage: page,
  Event: event,
  EventPage: eventPage,
  Error: error,
  Head: head,
  Answer: answer,
  PromiseRecord: promiseRecord,
  TaskRecord: taskRecord,
  ScheduleRecord: scheduleRecord,
  Message: message,
} as const;
