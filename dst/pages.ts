// What the witness says of reads: the log's events that a history shows, and where the next page begins.

import type { Response } from "../kernel/command.ts";
import { eventWeight, type LoggedEvent, type ReadEvents } from "../kernel/search.ts";
import { showResponse } from "./compare.ts";
import type { Past } from "./past.ts";
import { showEvent } from "./stream-oracle.ts";

/** What a reading of the log answers, by the events that are known to be in it. */
export function history(past: Past, { of, after, limit }: ReadEvents, weightMax: number): Response {
  const all = past.log.filter(({ key }) => of === null || key.id === of.id);
  if (of !== null && all.length === 0) return { kind: "refused", refusal: "promise_not_found" };
  const placeOf = ({ version, position }: LoggedEvent) => (of === null ? position : version);
  const rest = all.filter((event) => placeOf(event) > after);
  const events: LoggedEvent[] = [];
  let sum = 0;
  for (const event of rest) {
    if (events.length >= limit || sum >= weightMax) break;
    events.push(event);
    sum += eventWeight(event);
  }
  const last = events.at(-1);
  const hasMore = events.length < rest.length && last !== undefined;
  return { kind: "events", page: { events, next: hasMore ? placeOf(last) : null } };
}

/** A history in full, each event to the letter. */
export function shown(response: Response): string {
  if (response.kind !== "events") return showResponse(response);
  const { events, next } = response.page;
  return [...events.map(showEvent), next === null ? "end" : "more"].join("\n");
}

/** The last row of a page, and what the page says of the next one; null: there is no row. */
export function lastOf(
  response: Response,
  positionOf: (id: string) => number | null,
): {
  readonly place: number | null;
  readonly position: number;
  readonly next: number | null;
} | null {
  if (response.kind === "promises") {
    const last = response.page.promises.at(-1);
    const position = last === undefined ? null : positionOf(last.id);
    return position === null ? null : { place: position, position, next: response.page.before };
  }
  if (response.kind !== "events") return null;
  const last = response.page.events.at(-1);
  if (last === undefined) return null;
  return { place: last.version, position: last.position, next: response.page.next };
}
