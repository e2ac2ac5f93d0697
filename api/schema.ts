// What the wire looks like, said once. A schema reads an unknown value, and it describes itself as
// JSON Schema for the OpenAPI document, so that what is checked and what is documented are one thing.
//
//   V1. Every broken rule gives exactly one detail, with the text and in the order of
//       promise-api.md §1.5: the row "any text" counts as a row of its own.
//   V2. Names such as `__proto__` are ordinary names.

import { deadlineMs, int64Max } from "../kernel/ids.ts";
import type { Pairs } from "../kernel/value.ts";
import { toCanonical } from "./base64.ts";
import { JsonNumber, printable } from "./int64.ts";

/** What is used of JSON Schema. */
export type JsonSchema = {
  readonly $ref?: string;
  readonly title?: string;
  readonly description?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly string[];
  readonly format?: string;
  readonly contentEncoding?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  /** A number, or one that `JSON.stringify` prints exactly. */
  readonly maximum?: unknown;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: JsonSchema;
  readonly items?: JsonSchema;
  readonly oneOf?: readonly JsonSchema[];
};

/** What is wrong with one stage of one request. */
export class Findings {
  /** Of all rows of the table but one. */
  readonly rules: string[] = [];
  /** Of the row "any text". */
  readonly texts: string[] = [];

  get isEmpty(): boolean {
    return this.rules.length === 0 && this.texts.length === 0;
  }
}

export const invalid: unique symbol = Symbol("invalid");
export type Invalid = typeof invalid;

export type Schema<Value> = {
  readonly json: JsonSchema;
  /**
   * @param field the name that the details give to the value
   * @returns `invalid` if, and only if, it has added a finding
   */
  readonly read: (input: unknown, field: string, findings: Findings) => Value | Invalid;
};

/** A schema in its place within an object, where it may be missing. `null` counts as missing. */
export type Member<Value> = Schema<Value> & { readonly isRequired: boolean };
export type Members = Readonly<Record<string, Member<unknown>>>;
export type Read<Shape extends Members> = {
  readonly [Name in keyof Shape]: Shape[Name] extends Member<infer Value> ? Value : never;
};

export function required<Value>(schema: Schema<Value>): Member<Value> {
  return {
    json: schema.json,
    isRequired: true,
    read: (input, field, findings) => {
      if (input !== undefined && input !== null) return schema.read(input, field, findings);
      return broken(findings, `${field} is required`);
    },
  };
}

/** @param absent what is read when the member is missing */
export function optional<Value, Absent>(
  schema: Schema<Value>,
  absent: Absent,
): Member<Value | Absent> {
  return {
    json: schema.json,
    isRequired: false,
    read: (input, field, findings) => {
      if (input === undefined || input === null) return absent;
      return schema.read(input, field, findings);
    },
  };
}

/** Nothing is read: the value is known already, and what the wire says there is ignored. */
export function always<Value>(value: Value): Member<Value> {
  return { json: {}, isRequired: false, read: () => value };
}

export function described<Value>(schema: Schema<Value>, description: string): Schema<Value> {
  return { ...schema, json: { ...schema.json, description } };
}

/** @param bytesMax of UTF-8; at least one is needed */
export function text(bytesMax: number): Schema<string> {
  return {
    json: { type: "string", minLength: 1, maxLength: bytesMax },
    read: (input, field, findings) => {
      if (typeof input !== "string") return broken(findings, `${field} must be a string`);
      const isShort = hasBytes(input, bytesMax);
      if (!isShort) findings.rules.push(`${field} must be 1 to ${bytesMax} bytes long`);
      return areClean([input], field, findings) && isShort ? input : invalid;
    },
  };
}

export const int64: Schema<bigint> = {
  json: { type: "integer", format: "int64", minimum: 0, maximum: printable(int64Max) },
  read: (input, field, findings) => {
    const integer = toInteger(input);
    if (integer === null) return broken(findings, `${field} must be an integer`);
    if (integer >= 0n && integer <= int64Max) return integer;
    return broken(findings, `${field} must be 0 to ${int64Max}`);
  },
};

/** Read as the canonical form; no bytes at all read as null, which is the same as absent. */
export const base64: Schema<string | null> = {
  json: { type: "string", contentEncoding: "base64" },
  read: (input, field, findings) => {
    const canonical = typeof input === "string" ? toCanonical(input) : null;
    if (canonical === null) return broken(findings, `${field} must be base64`);
    return canonical === "" ? null : canonical;
  },
};

/** An object whose values are all strings (V2). */
export const pairs: Schema<Pairs> = {
  json: { type: "object", additionalProperties: { type: "string" } },
  read: (input, field, findings) => {
    if (!isObject(input)) return broken(findings, `${field} must be an object of strings`);
    const entries = Object.entries(input);
    const strings = entries.filter(isStrings);
    const isWhole = strings.length === entries.length;
    if (!isWhole) findings.rules.push(`${field} must be an object of strings`);
    return areClean(entries.flat(), field, findings) && isWhole ? new Map(strings) : invalid;
  },
};

/** One of the names, in any letter case, and what each of them means. */
export function choice<Value>(names: Readonly<Record<string, Value>>): Schema<Value> {
  const meanings = new Map(Object.entries(names));
  const list = [...meanings.keys()];
  const rule = `must be ${list.slice(0, -1).join(", ")} or ${list.at(-1)}`;
  return {
    json: { type: "string", enum: list, description: "Any letter case." },
    read: (input, field, findings) => {
      const meaning = typeof input === "string" ? meanings.get(input.toLowerCase()) : undefined;
      return meaning === undefined ? broken(findings, `${field} ${rule}`) : meaning;
    },
  };
}

/** An object of these members; others are ignored. Its own name is put before theirs. */
export function object<Shape extends Members>(members: Shape): Schema<Read<Shape>> {
  return {
    json: describe(members),
    read: (input, field, findings) => {
      if (!isObject(input)) return broken(findings, `${field} must be an object`);
      return readMembers(members, input, { prefix: `${field}.`, findings });
    },
  };
}

/** An object at the top of a body: its members go by their own names. */
export function readMembers<Shape extends Members>(
  members: Shape,
  input: Readonly<Record<string, unknown>>,
  { prefix = "", findings }: { readonly prefix?: string; readonly findings: Findings },
): Read<Shape> | Invalid {
  const values: Record<string, unknown> = {};
  for (const name in members) {
    values[name] = members[name]?.read(input[name], prefix + name, findings);
  }
  // Every member has just been read by the schema that the type is made of.
  return whole(values as Read<Shape>);
}

/** All of the values, or `invalid` if one of them is. */
export function whole<const Values extends Readonly<Record<string, unknown>>>(
  values: Values,
): { readonly [Name in keyof Values]: Exclude<Values[Name], Invalid> } | Invalid {
  for (const name in values) if (values[name] === invalid) return invalid;
  // None of them is invalid, as has just been seen, which the compiler cannot tell of a mapped type.
  return values as { readonly [Name in keyof Values]: Exclude<Values[Name], Invalid> };
}

export function describe(members: Members): JsonSchema {
  const entries = Object.entries(members);
  const names = entries.filter(([, { isRequired }]) => isRequired).map(([name]) => name);
  const properties = Object.fromEntries(entries.map(([name, { json }]) => [name, json]));
  return { type: "object", properties, ...(names.length > 0 && { required: names }) };
}

export function isObject(input: unknown): input is Readonly<Record<string, unknown>> {
  return typeof input === "object" && input !== null && !Array.isArray(input);
}

/** Both stores can keep it: no NUL, no half of a surrogate pair. */
export function areClean(inputs: readonly unknown[], field: string, findings: Findings): boolean {
  if (inputs.every((input) => typeof input !== "string" || isTidy(input))) return true;
  findings.texts.push(`${field} must not contain NUL or unpaired surrogates`);
  return false;
}

/** Adds the finding and stands for the value. */
export function broken(findings: Findings, detail: string): Invalid {
  findings.rules.push(detail);
  return invalid;
}

export function hasBytes(input: string, max: number): boolean {
  if (input.length === 0 || input.length > max) return false; // a character is a byte or more
  return input.length * 3 <= max || Buffer.byteLength(input) <= max; // and three at most
}

function isTidy(input: string): boolean {
  return !input.includes("\0") && input.isWellFormed();
}

function isStrings(entry: readonly [string, unknown]): entry is [string, string] {
  return typeof entry[1] === "string";
}

/** The integer that was written: no fraction and no exponent, not even `5.0` (int64.ts, N1). */
function toInteger(input: unknown): bigint | null {
  if (typeof input === "bigint") return input;
  if (!(input instanceof JsonNumber) || !/^-?[0-9]+$/.test(input.source)) return null;
  const isHuge = input.source.length > 20; // more digits than any int64: spares a costly conversion
  return isHuge ? int64Max + 1n : BigInt(input.source);
}

export const deadline: Schema<ReturnType<typeof deadlineMs>> = {
  json: int64.json,
  read: (input, field, findings) => {
    const integer = int64.read(input, field, findings);
    return integer === invalid ? invalid : deadlineMs(integer);
  },
};
