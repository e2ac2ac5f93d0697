// The operations of this API as they are described to people and programs: what openapi.ts makes a
// document of, and docs.ts a page.

import type { Described, Parameter, Success } from "./described.ts";
import { after, bodies, id, limit, pattern, searchState } from "./fields.ts";
import { protocolOperations } from "./protocol/description.ts";
import { type JsonSchema, pairs } from "./schema.ts";
import type { ErrorOutcome } from "./status.ts";

const base = "http://localhost:8001";
const [createdOn, completedOn, timeout] = [1795361820125, 1795361824871, 2524608000000];
const param = { data: "aGVsbG8=" };
const value = { data: "ZG9uZQ==" };
const pending = {
  id: "foo",
  state: "PENDING",
  param,
  value: {},
  timeout,
  idempotencyKeyForCreate: "foo-create",
  createdOn,
};
const completed = (state: string) => {
  const { createdOn: _, ...rest } = pending;
  const keys = { idempotencyKeyForComplete: "foo-complete" };
  return { ...rest, state, value, ...keys, createdOn, completedOn };
};

const idParameter: Parameter = {
  name: "id",
  in: "path",
  required: true,
  description: "The promise's id, percent-encoded. Where it is one segment, a slash is `%2F`.",
  schema: id.json,
};

const requestId: Parameter = {
  name: "request-id",
  in: "header",
  required: false,
  description: "For logs; sent back in the answer. Without one the server makes a UUID.",
  schema: { type: "string" },
};

const conditions: readonly Parameter[] = [
  {
    name: "idempotency-key",
    in: "header",
    required: false,
    description: "Your name for this attempt: whoever repeats it is answered 200, not refused.",
    schema: { type: "string", maxLength: 2048 },
  },
  {
    name: "strict",
    in: "header",
    required: false,
    description:
      "A repeat is accepted only if the promise is still pending (create), or ended as asked.",
    schema: { type: "boolean", default: false },
  },
  requestId,
];

const query = (name: string, schema: JsonSchema, description: string): Parameter => {
  return { name, in: "query", required: false, description, schema };
};

const serverErrors: readonly ErrorOutcome[] = [
  "internal",
  "store_failed",
  "record_unreadable",
  "shutting_down",
  "queue_full",
  "store_overloaded",
];
const commandErrors: readonly ErrorOutcome[] = [...serverErrors, "outcome_unknown"];
const createErrors: readonly ErrorOutcome[] = [
  "invalid_request",
  "promise_already_exists",
  "body_too_large",
  ...commandErrors,
];
const completeErrors: readonly ErrorOutcome[] = [
  "invalid_request",
  "promise_already_resolved",
  "promise_already_rejected",
  "promise_already_canceled",
  "promise_already_timedout",
  "promise_not_found",
  "body_too_large",
  ...commandErrors,
];

const created: readonly Success[] = [
  {
    status: 201,
    description: "Created. If its deadline has passed already, it was born completed.",
    schema: "Promise",
    example: pending,
  },
  {
    status: 200,
    description: "A repeat, told by its idempotency key: the promise as it is.",
    schema: "Promise",
    example: pending,
  },
];

const completes = (state: string): readonly Success[] => [
  {
    status: 201,
    description: "Completed by this request.",
    schema: "Promise",
    example: completed(state),
  },
  {
    status: 200,
    description: "A repeat, told by its idempotency key: the promise as it was completed.",
    schema: "Promise",
    example: completed(state),
  },
];

function verb(name: "resolve" | "reject" | "cancel", state: string): Described {
  return {
    path: `/promises/{id}/${name}`,
    method: "post",
    operationId: `${name}Promise`,
    group: "Promises",
    summary: `${name[0]?.toUpperCase()}${name.slice(1)} a promise`,
    description: `Completes the promise as \`${state}\`, unless it is completed already.`,
    parameters: [idParameter, ...conditions],
    body: { members: bodies.complete, example: { value } },
    successes: completes(state),
    errors: completeErrors,
    curl: `curl -X POST ${base}/promises/foo/${name} -H 'Idempotency-Key: foo-complete' \\
  -d '{"value": {"data": "ZG9uZQ=="}}'`,
  };
}

function probe(path: "/health" | "/ready", summary: string, no: readonly Success[]): Described {
  return {
    path,
    method: "get",
    operationId: path.slice(1),
    group: "Server",
    summary,
    description: "For supervisors and load balancers; the answer has no body.",
    parameters: [],
    body: null,
    successes: [{ status: 200, description: "Yes.", schema: null }, ...no],
    errors: [],
    curl: `curl -i ${base}${path}`,
  };
}

const createText =
  "Creates a promise that stays pending until somebody completes it or its deadline passes.";
const createExample = { param, timeout, tags: { team: "billing" } };

const promiseOperations: readonly Described[] = [
  {
    path: "/promises/{id}/create",
    method: "post",
    operationId: "createPromise",
    group: "Promises",
    summary: "Create a promise",
    description: createText,
    parameters: [idParameter, ...conditions],
    body: { members: bodies.create, example: createExample },
    successes: created,
    errors: createErrors,
    curl: `curl -X POST ${base}/promises/foo/create -H 'Idempotency-Key: foo-create' \\
  -d '{"param": {"data": "aGVsbG8="}, "timeout": ${timeout}}'`,
  },
  verb("resolve", "RESOLVED"),
  verb("reject", "REJECTED"),
  verb("cancel", "REJECTED_CANCELED"),
  {
    path: "/promises",
    method: "post",
    operationId: "createNamedPromise",
    group: "Promises",
    summary: "Create a promise that the body names",
    description: `${createText} For ids that are awkward in a path.`,
    parameters: conditions,
    body: { members: bodies.createNamed, example: { id: "foo", ...createExample } },
    successes: created,
    errors: createErrors,
    curl: `curl -X POST ${base}/promises -H 'Idempotency-Key: foo-create' \\
  -d '{"id": "foo", "timeout": ${timeout}}'`,
  },
  {
    path: "/promises/{id}",
    method: "patch",
    operationId: "completePromise",
    group: "Promises",
    summary: "Complete a promise",
    description: "Resolves, rejects or cancels it, as `state` says. The id may hold slashes.",
    parameters: [idParameter, ...conditions],
    body: { members: bodies.completeNamed, example: { state: "resolved", value } },
    successes: completes("RESOLVED"),
    errors: completeErrors,
    curl: `curl -X PATCH ${base}/promises/foo -H 'Idempotency-Key: foo-complete' \\
  -d '{"state": "resolved", "value": {"data": "ZG9uZQ=="}}'`,
  },
  {
    path: "/promises/{id}",
    method: "get",
    operationId: "readPromise",
    group: "Promises",
    summary: "Read a promise",
    description: "A promise whose deadline has passed is shown completed. The id may hold slashes.",
    parameters: [idParameter, requestId],
    body: null,
    successes: [{ status: 200, description: "The promise.", schema: "Promise", example: pending }],
    errors: ["invalid_request", "promise_not_found", ...commandErrors],
    curl: `curl ${base}/promises/foo`,
  },
];

const search: Described = {
  path: "/promises",
  method: "get",
  operationId: "searchPromises",
  group: "Promises",
  summary: "Search promises",
  description:
    "Newest first. A search sees every change that was acknowledged before it, and writes nothing.",
  parameters: [
    query("q", { ...pattern.json, default: "*" }, "Ids to find; `*` is any run of characters."),
    query("id", pattern.json, "Another name for `q`."),
    query("state", searchState.json, "`rejected` includes canceled and timed out."),
    {
      ...query("tags", pairs.json, "`tags[name]=value`, any number: each must be there."),
      style: "deepObject",
      explode: true,
    },
    query("limit", limit.json, "Promises on a page."),
    query("cursor", { type: "string" }, "From the page before; it carries the whole search."),
    requestId,
  ],
  body: null,
  successes: [
    {
      status: 200,
      description: "A page of promises.",
      schema: "PromisePage",
      example: { cursor: null, promises: [pending] },
    },
  ],
  errors: ["invalid_request", ...serverErrors],
  curl: `curl -g '${base}/promises?q=foo*&state=pending&tags[team]=billing&limit=10'`,
};

const stream = { kind: "promise", id: "foo" };
const events: Described = {
  path: "/events",
  method: "get",
  operationId: "readEvents",
  group: "Events",
  summary: "Read the history",
  description:
    "Of one promise and its task, or of all; oldest first. Nothing ever appears behind what was " +
    "shown.",
  parameters: [
    query("id", id.json, "The promise; without it, the whole log."),
    query("after", after.json, "The last version seen of the promise, or position in the log."),
    query("limit", limit.json, "Events on a page."),
    requestId,
  ],
  body: null,
  successes: [
    {
      status: 200,
      description: "A page of events.",
      schema: "EventPage",
      example: {
        events: [
          {
            position: 1,
            stream,
            version: 1,
            kind: "promise_created",
            at: createdOn,
            command: "n1-1",
            data: { createdAt: createdOn, timeoutAt: timeout, param, isExternal: true },
          },
          {
            position: 2,
            stream,
            version: 2,
            kind: "promise_settled",
            at: completedOn,
            command: "n1-2",
            data: { outcome: "resolved", settledAt: completedOn, value },
          },
        ],
        next: null,
      },
    },
  ],
  errors: ["invalid_request", "promise_not_found", ...serverErrors],
  curl: `curl '${base}/events?id=foo'`,
};

const serverOperations: readonly Described[] = [
  {
    path: "/openapi.json",
    method: "get",
    operationId: "openapi",
    group: "Server",
    summary: "This API, for programs",
    description: "An OpenAPI 3.1 document.",
    parameters: [],
    body: null,
    successes: [{ status: 200, description: "The document.", schema: "application/json" }],
    errors: [],
    curl: `curl ${base}/openapi.json`,
  },
  {
    path: "/docs",
    method: "get",
    operationId: "docs",
    group: "Server",
    summary: "This API, for people",
    description: "A page that needs nothing but this server.",
    parameters: [],
    body: null,
    successes: [{ status: 200, description: "The page.", schema: "text/html" }],
    errors: [],
    curl: `curl ${base}/docs`,
  },
  probe("/health", "Is the process running?", []),
  probe("/ready", "Can the server answer requests?", [
    {
      status: 503,
      description: "Not now: it starts, stops, or waits for its store.",
      schema: null,
    },
  ]),
];

/** Newcomers read them in this order. */
export const operations: readonly Described[] = [
  ...promiseOperations,
  search,
  events,
  ...protocolOperations,
  ...serverOperations,
];
