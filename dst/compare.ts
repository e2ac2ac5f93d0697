// What the server holds and says, beside what the model says. Compared field by field, because it is
// done for every command; put into words only when the two differ.

import type { Response } from "../kernel/command.ts";
import type { PromiseRecord } from "../kernel/promise.ts";
import type { PromisePage } from "../kernel/search.ts";
import type { StreamState } from "../kernel/stream.ts";
import type { Pairs, Value } from "../kernel/value.ts";
import {
  canonical,
  canonicalPromise,
  type ModelAnswer,
  type ModelPage,
  type ModelPromise,
  type ModelRecord,
} from "./model.ts";

const emptyValue: Value = { headers: null, data: null };

/** The real record in the words of the model. */
export function toModel(promise: PromiseRecord): ModelPromise {
  const { param, tags, timeoutAt, createdAt, createKey, isExternal } = promise;
  const created = { param, tags, timeoutAt, createdAt, createKey, isExternal };
  if (promise.kind === "pending") {
    const open = { state: "pending", value: emptyValue, settledAt: null, settleKey: null } as const;
    return { ...created, ...open };
  }
  const { outcome, value, settledAt, settleKey } = promise;
  return { ...created, state: outcome, value, settledAt, settleKey };
}

export function toModelRecord({ promise, callbacks }: StreamState): ModelRecord {
  return { promise: promise.kind === "absent" ? null : toModel(promise), callbacks };
}

export function samePromise(model: ModelPromise, real: PromiseRecord): boolean {
  return sameCreation(model, real) && sameEnd(model, real);
}

type Created = Omit<ModelPromise, "state" | "value" | "settledAt" | "settleKey">;

/** What a promise is created with, and keeps for ever. */
export function sameCreation(model: Created, real: PromiseRecord): boolean {
  return (
    model.timeoutAt === real.timeoutAt &&
    model.createdAt === real.createdAt &&
    model.createKey === real.createKey &&
    model.isExternal === real.isExternal &&
    sameValue(model.param, real.param) &&
    samePairs(model.tags, real.tags)
  );
}

function sameEnd(model: ModelPromise, real: PromiseRecord): boolean {
  if (real.kind === "pending") return model.state === "pending";
  return (
    model.state === real.outcome &&
    model.settledAt === real.settledAt &&
    model.settleKey === real.settleKey &&
    sameValue(model.value, real.value)
  );
}

export function sameRecord(model: ModelRecord, real: StreamState): boolean {
  const { promise } = real;
  const isSame =
    model.promise === null || promise.kind === "absent"
      ? model.promise === null && promise.kind === "absent"
      : samePromise(model.promise, promise);
  return isSame && sameList(model.callbacks, real.callbacks);
}

export function sameList(left: readonly string[], right: readonly string[]): boolean {
  if (left === right) return true;
  return left.length === right.length && left.every((member, index) => member === right[index]);
}

function sameValue(left: Value, right: Value): boolean {
  if (left === right) return true;
  if (left.data !== right.data) return false;
  if (left.headers === null || right.headers === null) return left.headers === right.headers;
  return samePairs(left.headers, right.headers);
}

/** In their order, which clients see. */
function samePairs(left: Pairs, right: Pairs): boolean {
  if (left === right) return true;
  if (left.size !== right.size) return false;
  const others = right.entries();
  for (const [name, value] of left) {
    const other = others.next().value;
    if (other?.[0] !== name || other[1] !== value) return false;
  }
  return true;
}

/** @param response null: nobody has asked */
export function sameAnswer(answer: ModelAnswer, response: Response | null): boolean {
  if (response === null) return answer.kind === "none";
  switch (answer.kind) {
    case "none":
      return false;
    case "refused":
      return response.kind === "refused" && response.refusal === answer.refusal;
    case "promise":
      return (
        response.kind === "promise" &&
        response.id === answer.id &&
        response.changed === answer.changed &&
        samePromise(answer.promise, response.promise)
      );
  }
}

export function showAnswer(answer: ModelAnswer): string {
  if (answer.kind !== "promise") return answer.kind === "none" ? "nothing" : answer.refusal;
  const what = answer.changed ? "changed" : "unchanged";
  return `${what} ${JSON.stringify(answer.id)} ${canonicalPromise(answer.promise)}`;
}

export function showResponse(response: Response | null): string {
  if (response === null) return "nothing";
  switch (response.kind) {
    case "promise": {
      const { id, promise, changed } = response;
      return showAnswer({ kind: "promise", id, promise: toModel(promise), changed });
    }
    case "refused":
      return response.refusal;
    case "failed":
      return `failed: ${response.failure}`;
    case "promises":
      return showPage(response.page);
    case "events": {
      const events = response.page.events.map(({ key, version, event, command }) => {
        return `${JSON.stringify(key.id)} ${version} ${event.kind} ${command}`;
      });
      return [...events, response.page.next === null ? "end" : "more"].join("\n");
    }
  }
}

/** A position is store-specific, so a cursor shows only whether it is there. */
function showPage({ promises, before }: PromisePage): string {
  const rows = promises.map(({ id, promise }) => showRow(id, toModel(promise)));
  return [...rows, before === null ? "end" : "more"].join("\n");
}

export function showModelPage({ rows, hasMore }: ModelPage): string {
  const shown = rows.map(({ id, promise }) => showRow(id, promise));
  return [...shown, hasMore ? "more" : "end"].join("\n");
}

function showRow(id: string, promise: ModelPromise): string {
  return `${JSON.stringify(id)} ${canonicalPromise(promise)}`;
}

export function showState(state: StreamState): string {
  return canonical(toModelRecord(state));
}
