// A read: one question to the store beside the batches, and its answer (search.ts).

import { assert } from "./assert.ts";
import { failed, type Response, refused } from "./command.ts";
import type { InstantMs } from "./ids.ts";
import type { Completion, Submission } from "./ports.ts";
import { type ReadEvents, type SearchPromises, toEventPage, toPage, toQuery } from "./search.ts";

export type Read = SearchPromises | ReadEvents;

/** @param now the instant of the read: passed deadlines are shown as of then */
export function question(read: Read, weightMax: number, now: InstantMs): Submission {
  if (read.kind === "search_promises") {
    return { kind: "query", query: toQuery(read, weightMax, now) };
  }
  const { of, after, limit } = read;
  return { kind: "log", ranges: [{ of, after, limit, weightMax }] };
}

/** @param now that of the question */
export function answer(read: Read, completion: Completion, now: InstantMs): Response {
  if (completion.kind === "failed") return failed(completion.failure);
  if (read.kind === "search_promises") {
    assert(completion.kind === "found", "a query is answered by something else");
    return { kind: "promises", page: toPage(completion.found, now) };
  }
  assert(completion.kind === "logged", "a log is answered by something else");
  const [page] = completion.pages;
  assert(page !== undefined, "a log is answered without its page");
  if (read.of !== null && page.end === 0) return refused("promise_not_found");
  return { kind: "events", page: toEventPage(page, read) };
}
