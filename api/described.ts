// What is said about an operation of the API, to people and programs.

import type { components } from "./answers.ts";
import type { JsonSchema, Members } from "./schema.ts";
import type { ErrorOutcome } from "./status.ts";

export type Parameter = {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly required: boolean;
  readonly description: string;
  readonly schema: JsonSchema;
  readonly style?: "deepObject";
  readonly explode?: boolean;
};

export type TextType = "text/html" | "text/plain" | "text/event-stream";

/** What is answered; errors, too, where they are not in the envelope of the original API. */
export type Success = {
  readonly status: number;
  readonly description: string;
  /** A component, or the media type of what has none; null: no body. */
  readonly schema: keyof typeof components | TextType | "application/json" | null;
  readonly example?: unknown;
};

export type Body =
  | { readonly members: Members; readonly example: unknown }
  /** One of these objects; each has its name as its title. */
  | { readonly variants: readonly JsonSchema[]; readonly example: unknown };

export type Described = {
  readonly path: string;
  readonly method: "get" | "post" | "patch";
  readonly operationId: string;
  readonly group: "Promises" | "Events" | "Functions" | "Server";
  readonly summary: string;
  readonly description: string;
  readonly parameters: readonly Parameter[];
  readonly body: Body | null;
  readonly successes: readonly Success[];
  readonly errors: readonly ErrorOutcome[];
  readonly curl: string;
};
