// Oracles and records in words, and texts in a form that does no harm where they are shown: ids come
// from clients, and a terminal obeys control characters.

import type { TraceRecord } from "./trace.ts";
import type { Failure, OracleCode } from "./verdict.ts";

/** Who says no, and about what (simulation.md §5). */
export const oracleWords: Readonly<Record<OracleCode, string>> = {
  W: "witness: run in the order of the commits, the model answers or stores something else",
  G: "search: no order of the operations explains the answers",
  S: "state: a stored stream contradicts itself",
  T: "transition: a stream may not change in this way",
  F: "log: the events do not give what is stored, or a reader of the log misses some",
  C: "crash: a crash has taken what was acknowledged, or left half of a commit",
  M: "messages: one was sent that must not be, or one that must be was not",
  V: "liveness: something is never done, although nothing stands in its way",
  B: "bounds: there is more of something than there may be",
  X: "stores: two stores do not agree",
  H: "determinism: the same plan and choices made another run",
  A: "assertion: the code that is tested, or the simulation, has failed by itself",
};

/** Such as "W answer". */
export function ruleOf({ oracle, rule }: Pick<Failure, "oracle" | "rule">): string {
  return `${oracle} ${rule}`;
}

/** Hours, minutes, seconds and milliseconds of the world. */
export function clockOf(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const digits = parts.map((part) => String(part).padStart(2, "0"));
  return `${digits.join(":")}.${String(ms % 1000).padStart(3, "0")}`;
}

/** Control characters, directions and lone surrogates by their numbers; line ends stay. */
export function printable(text: string): string {
  return text.replace(/[^\P{C}\n]|[\u2028\u2029]/gu, (unit) => {
    const number = (unit.codePointAt(0) ?? 0).toString(16);
    return number.length > 4 ? `\\u{${number}}` : `\\u${number.padStart(4, "0")}`;
  });
}

/** @returns the beginning, and how much more there is */
export function shortened(text: string, charactersMax: number): string {
  if (text.length <= charactersMax) return text;
  return `${text.slice(0, charactersMax)}… (${text.length - charactersMax} more)`;
}

/** Which operation a record is about, as its call and its answer name it; null: about none. */
export function operationOf({ kind, entity }: TraceRecord): string | null {
  return kind === "call" || kind === "answer" || kind === "give_up" ? entity : null;
}
