// What the witness says of reads: what a page shows, and where the next one begins.

import { assert } from "../kernel/assert.ts";
import type { Response } from "../kernel/command.ts";
import type { Submission } from "../kernel/ports.ts";
import type { Read } from "../kernel/read.ts";
import { eventWeight, type LoggedEvent, type ReadEvents } from "../kernel/search.ts";
import { showModelList, showModelPage, showResponse } from "./compare.ts";
import { list } from "./model/list.ts";
import { search } from "./model/search.ts";
import type { Past } from "./past.ts";
import { showEvent } from "./stream-oracle.ts";

type Asked = {
  readonly read: Read;
  readonly submission: Submission;
  /** What it has seen. */
  readonly at: number;
  readonly weightMax: number;
};

/** What a read answers, in words. */
export function pageOf(past: Past, { read, submission, at, weightMax }: Asked): string {
  switch (read.kind) {
    case "search_promises": {
      assert(submission.kind === "query", "a search asks something else");
      const { now } = submission.query;
      return showModelPage(search(past.newestFirst(read.before), read, now, weightMax));
    }
    case "read_events":
      return shown(history(past, read, weightMax));
    default: {
      assert(submission.kind === "list", "a search by id asks something else");
      const now = submission.queries[0]?.now ?? 0;
      return showModelList(read.kind, list(past.rows(at), read, { now, weightMax }));
    }
  }
}

/** What a reading of the log answers, by the events that are known to be in it. */
function history(past: Past, { of, after, limit }: ReadEvents, weightMax: number): Response {
  const all = past.log.filter(
    ({ key }) => of === null || (key.kind === of.kind && key.id === of.id),
  );
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
