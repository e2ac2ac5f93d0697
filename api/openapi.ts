// The OpenAPI 3.1 document, made of the schemas that validate requests and of the table of statuses,
// so that it cannot say anything else than what the server does.

import { components } from "./answers.ts";
import type { Described, Parameter, Success } from "./described.ts";
import { operations } from "./operations.ts";
import { describe, type JsonSchema } from "./schema.ts";
import { type ErrorOutcome, envelope, httpStatus, statuses } from "./status.ts";

export type MediaType = {
  readonly schema: JsonSchema;
  readonly example?: unknown;
  readonly examples?: Readonly<Record<string, { readonly value: unknown }>>;
};
export type Content = Readonly<Record<string, MediaType>>;
export type ResponseObject = {
  readonly description: string;
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly content?: Content;
};
export type OperationObject = {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description: string;
  readonly parameters: readonly Parameter[];
  readonly requestBody?: { readonly required: true; readonly content: Content };
  readonly responses: Readonly<Record<string, ResponseObject>>;
  readonly "x-codeSamples": readonly { readonly lang: string; readonly source: string }[];
};
export type OpenApi = {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly servers: readonly { readonly url: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, OperationObject>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> };
};

const json = "application/json";

let text: string | null = null;

/** The document as it is served; made once, when somebody asks. */
export function openapiText(): string {
  text ??= JSON.stringify(openapi());
  return text;
}

export function openapi(): OpenApi {
  const byPath = Map.groupBy(operations, ({ path }) => path);
  const paths = [...byPath].map(([path, described]) => {
    const methods = described.map((each) => [each.method, toOperation(each)] as const);
    return [path, Object.fromEntries(methods)] as const;
  });
  const schemas = Object.entries(components).map(([name, schema]) => [name, schema.json] as const);
  return {
    openapi: "3.1.0",
    info: {
      title: "Durable promises",
      version: "1",
      description:
        "A durable promise is created once, is completed once, by anyone who knows its id or by " +
        "its deadline, and is remembered. Sending a request again with the same idempotency key " +
        "is safe.",
    },
    servers: [{ url: "/" }],
    paths: Object.fromEntries(paths),
    components: { schemas: Object.fromEntries(schemas) },
  };
}

function toOperation(described: Described): OperationObject {
  const { operationId, group, summary, description, parameters, body, curl } = described;
  const bodyContent = body === null ? {} : { [json]: toBody(body) };
  return {
    operationId,
    tags: [group],
    summary,
    description,
    parameters,
    ...(body !== null && { requestBody: { required: true, content: bodyContent } }),
    responses: Object.fromEntries([
      ...described.successes.map((success) => [`${success.status}`, toSuccess(success)] as const),
      ...toErrors(described.errors),
    ]),
    "x-codeSamples": [{ lang: "Shell", source: curl }],
  };
}

function toBody(body: NonNullable<Described["body"]>): MediaType {
  const schema = "members" in body ? describe(body.members) : { oneOf: body.variants };
  return { schema, example: body.example };
}

const headers = {
  "request-id": {
    description: "The request's own, or one that the server made.",
    schema: { type: "string" },
  },
};

function toSuccess({ description, schema, example }: Success): ResponseObject {
  if (schema === null) return { description, headers };
  if (schema === "text/html" || schema === "text/plain" || schema === "text/event-stream") {
    const media = { schema: { type: "string" }, ...(example !== undefined && { example }) };
    return { description, headers, content: { [schema]: media } };
  }
  if (schema === json) return { description, headers, content: { [json]: { schema: {} } } };
  const $ref = `#/components/schemas/${schema}`;
  return { description, headers, content: { [json]: { schema: { $ref }, example } } };
}

/** One response for each HTTP status, with an example for each outcome that has it. */
function toErrors(outcomes: readonly ErrorOutcome[]): readonly [string, ResponseObject][] {
  const byStatus = Map.groupBy(outcomes, (outcome) => `${httpStatus(outcome)}`);
  return [...byStatus].map(([status, alike]) => {
    const examples = alike.map((outcome) => [outcome, { value: example(outcome) }] as const);
    const schema = { $ref: "#/components/schemas/Error" };
    const response = {
      description: [...new Set(alike.map(toLine))].join("\n"),
      headers: { ...headers, ...toRetry(alike) },
      content: { [json]: { schema, examples: Object.fromEntries(examples) } },
    };
    return [status, response];
  });
}

function toLine(outcome: ErrorOutcome): string {
  const { code, message, detail } = statuses[outcome];
  return detail === undefined ? `${code} ${message}.` : `${code} ${message}. ${detail}.`;
}

function toRetry(outcomes: readonly ErrorOutcome[]): Readonly<Record<string, unknown>> {
  if (outcomes.every((outcome) => statuses[outcome].retryAfter === undefined)) return {};
  const description = "Seconds to wait before a retry.";
  return { "retry-after": { description, schema: { type: "integer" } } };
}

function example(outcome: ErrorOutcome): unknown {
  const details = outcome === "invalid_request" ? ["timeout is required"] : [];
  return JSON.parse(envelope(outcome, details));
}
