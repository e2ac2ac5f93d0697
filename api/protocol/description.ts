// The current protocol as it is described to people and programs: one route with an operation in its
// body, and the streams of workers (protocol.md §1, §3).

import type { Described, Success } from "../described.ts";
import type { JsonSchema } from "../schema.ts";
import { protocolVersion } from "./envelope.ts";

type Properties = Readonly<Record<string, JsonSchema>>;

type Kind = {
  readonly required: Properties;
  readonly optional?: Properties;
  /** What is answered under `data`. */
  readonly answer: string;
};

const string: JsonSchema = { type: "string" };
const strings: JsonSchema = { type: "object", additionalProperties: string };
const integer: JsonSchema = { type: "integer", format: "int64", minimum: 0 };
const id: JsonSchema = { type: "string", minLength: 1, maxLength: 2048 };
const ms = (description: string): JsonSchema => ({ ...integer, description });
const timeoutAt = ms("The deadline, in ms since the Unix epoch.");
const payload: JsonSchema = {
  type: "object",
  properties: { headers: strings, data: { ...string, description: "Any text." } },
  description: "Kept as it is; the SDKs write base64 of JSON.",
};
const states = ["resolved", "rejected", "rejected_canceled"];
const state: JsonSchema = { type: "string", enum: states };

const page: Properties = {
  idPrefix: { ...string, description: "Only ids that begin with it." },
  limit: { type: "integer", minimum: 1, maximum: 1000 },
  cursor: { ...string, description: "As the page before said." },
};
const filter: Properties = { tags: { ...strings, description: "Each must be there." } };

function object(required: Properties, optional: Properties = {}): JsonSchema {
  const names = Object.keys(required);
  const properties = { ...required, ...optional };
  return { type: "object", properties, ...(names.length > 0 && { required: names }) };
}

function action(kinds: readonly string[], data: JsonSchema): JsonSchema {
  return object({ kind: { type: "string", enum: kinds }, data });
}

const creation = object({ id, timeoutAt }, { param: payload, tags: strings });
const settlement = object({ id, state }, { value: payload });
const held: Properties = { id, version: ms("As it was when the task was acquired.") };
const lease: Properties = {
  pid: { ...string, minLength: 1, description: "The worker's name for itself." },
  ttl: ms("For how long the worker may be silent."),
};
const waiting = object({ awaited: id, awaiter: id });
const either: JsonSchema = {
  type: "object",
  description: "As for `promise.create` or `promise.settle`.",
};

const promiseOf = "`promise`, a PromiseRecord.";
const claimOf = "`task`, `promise`, and in `preload` the promises of its branch.";
const nothing = "Nothing: `{}`.";

/** By their names: the members of `data`, and what is answered. */
export const kinds: Readonly<Record<string, Kind>> = {
  "promise.get": { required: { id }, answer: promiseOf },
  "promise.create": {
    required: { id, timeoutAt },
    optional: { param: payload, tags: strings },
    answer: `${promiseOf} If there is one of this id, that one, whatever was asked.`,
  },
  "promise.settle": {
    required: { id, state },
    optional: { value: payload },
    answer: `${promiseOf} If it is settled already, as it was.`,
  },
  "promise.register_callback": {
    required: { awaited: id, awaiter: id },
    answer: `${promiseOf} The task of the awaiter is woken once it is settled.`,
  },
  "promise.register_listener": {
    required: { awaited: id, address: string },
    answer: `${promiseOf} The address is told once it is settled.`,
  },
  "promise.search": {
    required: {},
    optional: {
      state: { type: "string", enum: ["pending", ...states, "rejected_timedout"] },
      ...filter,
      ...page,
    },
    answer: "`promises`, by id, and a `cursor` if there are more.",
  },
  "task.get": { required: { id }, answer: "`task`, a TaskRecord." },
  "task.create": {
    required: { ...lease, action: action(["promise.create"], creation) },
    answer: `${claimOf} The task is acquired.`,
  },
  "task.acquire": { required: { ...held, ...lease }, answer: claimOf },
  "task.release": { required: held, answer: nothing },
  "task.fulfill": {
    required: { ...held, action: action(["promise.settle"], settlement) },
    answer: promiseOf,
  },
  "task.suspend": {
    required: {
      ...held,
      actions: { type: "array", items: action(["promise.register_callback"], waiting) },
    },
    answer: "Nothing; with status 300, which leaves the task acquired, `preload`.",
  },
  "task.fence": {
    required: { ...held, action: action(["promise.create", "promise.settle"], either) },
    answer: "`action`, an Answer of its own, and an empty `preload`.",
  },
  "task.heartbeat": {
    required: { pid: string, tasks: { type: "array", items: object(held) } },
    answer: nothing,
  },
  "task.halt": { required: { id }, answer: nothing },
  "task.continue": { required: { id }, answer: nothing },
  "task.search": {
    required: {},
    optional: {
      state: { type: "string", enum: ["pending", "acquired", "suspended", "halted", "fulfilled"] },
      ...page,
    },
    answer: "`tasks`, by id, and a `cursor` if there are more.",
  },
  "schedule.get": { required: { id }, answer: "`schedule`, a ScheduleRecord." },
  "schedule.create": {
    required: {
      id,
      cron: string,
      promiseId: { ...string, description: "With `{{.id}}` and `{{.timestamp}}`." },
      promiseTimeout: ms("From a date to its deadline."),
      promiseTags: { ...strings, description: "With `resonate:target`." },
    },
    optional: { promiseParam: payload },
    answer: "`schedule`, a ScheduleRecord. If there is one of this id, that one.",
  },
  "schedule.delete": { required: { id }, answer: nothing },
  "schedule.search": {
    required: {},
    optional: { ...filter, ...page },
    answer: "`schedules`, by id, and a `cursor` if there are more.",
  },
};

const variants = Object.entries(kinds).map(([kind, { required, optional, answer }]): JsonSchema => {
  const data = { ...object(required, optional), description: `Answered with: ${answer}` };
  const head = { $ref: "#/components/schemas/Head" };
  return { title: kind, ...object({ kind: { type: "string", enum: [kind] }, head, data }) };
});

const corrId = "1";
const example = {
  kind: "promise.create",
  head: { corrId, version: protocolVersion },
  data: { id: "foo", timeoutAt: 2524608000000, param: { data: "aGVsbG8=" }, tags: { team: "a" } },
};
const promise = {
  ...{ id: "foo", state: "pending", param: { data: "aGVsbG8=" }, value: {}, tags: { team: "a" } },
  ...{ timeoutAt: 2524608000000, createdAt: 1795361820125 },
};

function answered(status: number, description: string, data: unknown): Success {
  const head = { corrId, status, version: protocolVersion };
  return { status, description, schema: "Answer", example: { kind: example.kind, head, data } };
}

const answers: readonly Success[] = [
  answered(200, "Done, or already so.", { promise }),
  answered(300, "To `task.suspend`: something that was awaited is settled, go on.", {
    preload: [],
  }),
  answered(400, "The request cannot be understood, or breaks a rule.", "Promise ID is required"),
  answered(401, "Without a valid token, where one is needed.", "Unauthorized"),
  answered(403, "The token does not cover this.", "Forbidden"),
  answered(404, "There is none of this id.", "Promise not found"),
  answered(
    409,
    "Not in this state, or by somebody who holds the task no more.",
    "Version mismatch",
  ),
  answered(413, "Over the limit of bodies.", "Request body too large"),
  answered(422, "What is to be awaited cannot be.", "Awaited promise is not awaitable"),
  answered(
    500,
    "The server failed; says whether anything changed, if that is known.",
    "Internal error: the store failed; nothing changed",
  ),
  answered(503, "Not now.", "Server is overloaded"),
];

const base = "http://localhost:8001";
const frames =
  ': ka\n\ndata: {"kind":"execute","head":{"serverUrl":"http://localhost:8001"},' +
  '"data":{"task":{"id":"foo","version":0}}}\n\n';

const segment = (name: string, description: string) => {
  return { name, in: "path", required: true, description, schema: string } as const;
};

export const protocolOperations: readonly Described[] = [
  {
    path: "/",
    method: "post",
    operationId: "envelope",
    group: "Functions",
    summary: "Ask for an operation of the current protocol",
    description:
      "What the SDKs speak: promises, tasks and schedules, the operation in the body. " +
      "An answer's status stands in its head, too. Kinds that begin with `debug.` are for tests, and " +
      "refused unless the server was started for them.",
    parameters: [],
    body: { variants, example },
    successes: answers,
    errors: [],
    curl: `curl -X POST ${base} -d '${JSON.stringify({ ...example, kind: "promise.get", data: { id: "foo" } })}'`,
  },
  {
    path: "/poll/{group}/{id}",
    method: "get",
    operationId: "poll",
    group: "Functions",
    summary: "Wait for messages as a worker",
    description:
      "A stream of server-sent events for the addresses `poll://any@group` and " +
      "`poll://uni@group/id`. Each event is a Message; comments keep the stream alive.",
    parameters: [
      segment("group", "The worker's group, percent-encoded."),
      segment("id", "The worker's own name, percent-encoded."),
    ],
    body: null,
    successes: [
      {
        ...{ status: 200, description: "The stream, until the worker or the server leaves." },
        ...{ schema: "text/event-stream", example: frames },
      },
      {
        status: 401,
        description: "Without a valid token, where one is needed.",
        schema: "text/plain",
      },
      { status: 403, description: "The token does not cover this group.", schema: "text/plain" },
      { status: 503, description: "Too many streams, or the server stops.", schema: "text/plain" },
    ],
    errors: [],
    curl: `curl -N ${base}/poll/default/me`,
  },
];
