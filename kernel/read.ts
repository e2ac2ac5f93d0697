// A read: one question to the store beside the batches, and its answer (search.ts, list.ts).

import { assert } from "./assert.ts";
import { failed, type Request, type Response, refused } from "./command.ts";
import type { InstantMs } from "./ids.ts";
import { type List, toListPage, toListQuery } from "./list.ts";
import type { Completion, Submission } from "./ports.ts";
import { type ReadEvents, type SearchPromises, toEventPage, toPage, toQuery } from "./search.ts";

export type Read = SearchPromises | ReadEvents | List;

const kinds = {
  search_promises: true,
  read_events: true,
  list_promises: true,
  list_tasks: true,
  list_schedules: true,
} as const satisfies Readonly<Record<Read["kind"], true>>;

export function isRead(request: Request): request is Read {
  return Object.hasOwn(kinds, request.kind);
}

/** @param now the instant of the read: passed deadlines are shown as of then */
export function question(read: Read, weightMax: number, now: InstantMs): Submission {
  switch (read.kind) {
    case "search_promises":
      return { kind: "query", query: toQuery(read, weightMax, now) };
    case "read_events": {
      const { of, after, limit } = read;
      return { kind: "log", ranges: [{ of, after, limit, weightMax }] };
    }
    default:
      return { kind: "list", queries: [toListQuery(read, weightMax, now)] };
  }
}

/** @param now that of the question */
export function answer(read: Read, completion: Completion, now: InstantMs): Response {
  if (completion.kind === "failed") return failed(completion.failure);
  switch (read.kind) {
    case "search_promises":
      assert(completion.kind === "found", "a query is answered by something else");
      return { kind: "promises", page: toPage(completion.found, now) };
    case "read_events": {
      assert(completion.kind === "logged", "a log is answered by something else");
      const [page] = completion.pages;
      assert(page !== undefined, "a log is answered without its page");
      if (read.of !== null && page.end === 0) return refused("promise_not_found");
      return { kind: "events", page: toEventPage(page, read) };
    }
    default: {
      assert(completion.kind === "listed", "a list is answered by something else");
      const [listed] = completion.pages;
      assert(listed !== undefined, "a list is answered without its page");
      return toListPage(read, listed, now);
    }
  }
}
