// Reads the data of an operation, member by member, in the order in which they are declared. It keeps
// what is wrong apart by the row of the table that it belongs to (protocol.md §1.1): a wrong shape is
// told before any rule of a field, and those all together before the rules across members.
//
//   V9. Of wrong shapes the first one is told, of broken field rules all, of the rules across members
//       the first.
//   V14. What is fenced is read by a reading of its own, which is told only if all around it is right.

import {
  type DeadlineMs,
  type DurationMs,
  deadlineMs,
  durationMs,
  int64Max,
  type PromiseId,
  promiseId,
  type ScheduleId,
  scheduleId,
  type TaskVersion,
  taskVersion,
} from "../../kernel/ids.ts";
import { emptyValue, noPairs, type Pairs, type Value } from "../../kernel/value.ts";
import type { Acceptance } from "../acceptance.ts";
import { idBytesMax } from "../fields.ts";
import { roundedUp } from "../int64.ts";
import { hasBytes, isObject } from "../schema.ts";

export type Members = Readonly<Record<string, unknown>>;

/** Stands for what could not be read; never used, since nothing is asked of the kernel then. */
const someId = "?" as PromiseId;

export class Reading {
  readonly acceptance: Acceptance;
  readonly #misshapen: string;
  #shape: string | null = null;
  readonly #fields: string[] = [];
  #across: string | null = null;

  /** @param misshapen how the text of a wrong shape begins */
  constructor(acceptance: Acceptance, misshapen = "Invalid request") {
    this.acceptance = acceptance;
    this.#misshapen = misshapen;
  }

  /** What is told; null: nothing is wrong. */
  get reason(): string | null {
    if (this.#shape !== null) return `${this.#misshapen}: ${this.#shape}`;
    return this.#fields.length > 0 ? this.#fields.join("; ") : this.#across;
  }

  misshapen(reason: string): void {
    this.#shape ??= reason;
  }

  broken(rule: string): void {
    this.#fields.push(rule);
  }

  /** A rule across members, in their order; the first that is broken counts. */
  expect(holds: boolean, rule: string): void {
    if (!holds) this.#across ??= rule;
  }

  /** V14. As the last of the rules across members. */
  expectAll(inner: Reading): void {
    this.#across ??= inner.reason;
  }

  /** An object; one without members stands for what is none. */
  object(input: unknown, name: string): Members {
    if (isObject(input)) return input;
    this.misshapen(`${name} must be an object`);
    return {};
  }

  list(input: unknown, name: string): readonly unknown[] {
    if (Array.isArray(input)) return input;
    this.misshapen(`${name} must be an array`);
    return [];
  }

  text(input: unknown, name: string): string {
    if (typeof input !== "string") this.misshapen(`${name} must be a string`);
    else if (!isClean(input)) this.misshapen(`${name} ${cleanRule}`);
    else return input;
    return "?";
  }

  /** @param required what is told of an empty one */
  filled(input: unknown, name: string, required: string): string {
    const text = this.text(input, name);
    if (text === "") this.broken(required);
    return text;
  }

  /** The id of what exists already. */
  id(input: unknown, name: string, required: string): PromiseId {
    return promiseId(this.#name(input, name, required));
  }

  /** Of one to be created, too: the contract has no texts for it. */
  scheduleId(input: unknown, name: string): ScheduleId {
    return scheduleId(this.#name(input, name, "Schedule ID is required"));
  }

  /** The id of what is to be created, whose texts are the contract's own (§2.3). */
  newId(input: unknown, name: string): PromiseId {
    if (typeof input !== "string") {
      this.misshapen(`${name} must be a string`);
      return someId;
    }
    if (input === "") this.broken("Promise ID is required");
    else if (input.includes("\0")) this.broken("Promise ID must not contain null bytes");
    else if (!input.isWellFormed()) {
      this.broken("Promise ID must not contain unpaired surrogates");
    } else if (!hasBytes(input, idBytesMax)) {
      this.broken(`Promise ID must be at most ${idBytesMax} bytes`);
    } else return promiseId(input);
    return someId;
  }

  timeoutAt(input: unknown, name: string): DeadlineMs {
    const rule = "TimeoutAt must be a non-negative integer";
    return deadlineMs(this.#integer(input, { name, min: 0n, rule }));
  }

  ttl(input: unknown, name: string): DurationMs {
    return durationMs(
      this.#integer(input, { name, min: 1n, rule: "TTL must be a positive integer" }),
    );
  }

  promiseTimeout(input: unknown, name: string): bigint {
    const rule = "Promise timeout must be a non-negative integer";
    return this.#integer(input, { name, min: 0n, rule });
  }

  version(input: unknown, name: string): TaskVersion {
    if (typeof input !== "number") this.misshapen(`${name} must be a number`);
    else if (Number.isSafeInteger(input) && input >= 0) return taskVersion(input);
    else this.broken("Version must be a non-negative integer");
    return taskVersion(0);
  }

  value(input: unknown, name: string): Value {
    if (input === undefined || input === null) return emptyValue;
    const { headers, data } = this.object(input, name);
    return {
      headers: isAbsent(headers) ? null : this.pairs(headers, `${name}.headers`),
      data: isAbsent(data) ? null : this.text(data, `${name}.data`),
    };
  }

  pairs(input: unknown, name: string): Pairs {
    if (isAbsent(input)) return noPairs;
    const read = new Map<string, string>();
    for (const [key, text] of Object.entries(this.object(input, name))) {
      if (typeof text !== "string") this.misshapen(`${name} must be an object of strings`);
      else if (!isClean(key) || !isClean(text)) this.misshapen(`${name} ${cleanRule}`);
      else read.set(key, text);
    }
    return read;
  }

  #name(input: unknown, name: string, required: string): string {
    const text = this.filled(input, name, required);
    if (text === "") return someId;
    if (hasBytes(text, idBytesMax)) return text;
    this.misshapen(`${name} must be at most ${idBytesMax} bytes`);
    return someId;
  }

  #integer(
    input: unknown,
    { name, min, rule }: { readonly name: string; readonly min: bigint; readonly rule: string },
  ): bigint {
    const integer = roundedUp(input);
    if (integer === null) this.misshapen(`${name} must be a number`);
    else if (integer >= min && integer <= int64Max) return integer;
    else this.broken(rule);
    return min;
  }
}

const cleanRule = "must not contain null bytes or unpaired surrogates";

function isClean(text: string): boolean {
  return !text.includes("\0") && text.isWellFormed();
}

export function isAbsent(input: unknown): input is null | undefined {
  return input === undefined || input === null;
}
