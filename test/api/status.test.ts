// The table of outcomes: held to the contract by a golden file, and every row of it produced by the
// server that clients speak to.

import { describe, expect, test } from "vitest";
import {
  type ErrorOutcome,
  envelope,
  errorOutcomes,
  httpStatus,
  promiseRefusal,
  statuses,
} from "../../api/status.ts";
import { failed, type Response, refused } from "../../kernel/command.ts";
import { type Answered, bodyLimit, Client, guards, start } from "./client.ts";

test("statuses: the table is the contract's", async () => {
  const rows = errorOutcomes.map((outcome) => {
    const { code, grpc, reason, message, detail, retryAfter, closesConnection } = statuses[outcome];
    const rest = { detail, retryAfter, closesConnection };
    return { outcome, code, http: httpStatus(outcome), grpc, reason, message, ...rest };
  });
  const text = `${JSON.stringify(rows, null, 2)}\n`;
  await expect(text).toMatchFileSnapshot("../golden/errors.json");
});

test("T1 the HTTP status is the code divided by ten, rounded down", () => {
  expect(httpStatus("promise_already_timedout")).toBe(403);
  expect(httpStatus("route_not_found")).toBe(404);
  expect(httpStatus("store_overloaded")).toBe(503);
});

test("T2 a 5xx says what is known about its effect", () => {
  for (const outcome of errorOutcomes) {
    const isOurs = statuses[outcome].code >= 5000;
    const { detail = "" } = statuses[outcome];
    expect(/nothing changed$|unknown/.test(detail), outcome).toBe(isOurs);
  }
  expect(statuses.outcome_unknown.detail).toContain("the outcome is unknown");
  expect(statuses.store_failed.detail).toContain("nothing changed");
});

test("statuses: what this API cannot ask for, it cannot be refused", () => {
  expect(promiseRefusal("promise_not_found")).toBe("promise_not_found");
  for (const refusal of [
    "awaiter_not_found",
    "awaiter_not_targeted",
    "awaited_not_awaitable",
  ] as const) {
    expect(() => promiseRefusal(refusal)).toThrow("the original API is refused with");
  }
});

test("statuses: details belong to an invalid request, and to no other", () => {
  expect(() => envelope("internal", ["a"])).toThrow("another outcome");
  expect(() => envelope("invalid_request")).toThrow("another outcome");
});

/** A kernel that answers one thing, whatever it is asked. */
function answering(response: Response): Client {
  return new Client({
    submit: (_request, reply) => {
      setImmediate(() => reply(response));
      return true;
    },
  });
}

const timeout = 5_000;
const body = { timeout };

async function completed(verb: string): Promise<Answered> {
  const { client } = start();
  await client.ask("POST", "/promises/p/create", { body });
  await client.ask("POST", `/promises/p/${verb}`, { body: {} });
  return client.ask("POST", "/promises/p/resolve", { body: {} });
}

function closed(): Client {
  const { client } = start();
  client.gateway.close();
  return client;
}

function guarded(by: keyof typeof guards): Client {
  return new Client(start().server, [], { guard: guards[by] });
}

const get = (client: Client) => client.ask("GET", "/promises/p");

const produced: Readonly<Record<ErrorOutcome, () => Promise<Answered>>> = {
  invalid_request: () => start().client.ask("GET", "/promises/"),
  unauthenticated: () => get(guarded("unauthenticated")),
  forbidden: () => get(guarded("forbidden")),
  promise_already_resolved: () => completed("resolve"),
  promise_already_rejected: () => completed("reject"),
  promise_already_canceled: () => completed("cancel"),
  promise_already_timedout: async () => {
    const { client, server } = start();
    await client.ask("POST", "/promises/p/create", { body });
    server.now = timeout;
    return client.ask("POST", "/promises/p/resolve", { body: {} });
  },
  promise_not_found: () => get(start().client),
  route_not_found: () => start().client.ask("GET", "/tasks"),
  method_not_allowed: () => start().client.ask("DELETE", "/promises/p"),
  promise_already_exists: async () => {
    const { client } = start();
    await client.ask("POST", "/promises/p/create", { body });
    return client.ask("POST", "/promises/p/create", { body });
  },
  body_too_large: () => {
    return start().client.ask("POST", "/promises", { body: " ".repeat(bodyLimit + 1) });
  },
  internal: () => get(answering(refused("awaiter_not_found"))),
  store_failed: () => get(answering(failed("store_failed"))),
  outcome_unknown: () => get(answering(failed("outcome_unknown"))),
  record_unreadable: () => get(answering(failed("record_unreadable"))),
  shutting_down: () => get(closed()),
  queue_full: () => get(new Client({ submit: () => false })),
  store_overloaded: () => get(answering(failed("store_overloaded"))),
};

describe("statuses: every row is produced", () => {
  test.each(errorOutcomes)("%s", async (outcome) => {
    const answer = await produced[outcome]();
    const { code, retryAfter, closesConnection } = statuses[outcome];
    expect(answer).toMatchObject({ status: httpStatus(outcome), code });
    expect(answer.text).toBe(envelope(outcome, code === 4000 ? answer.details : []));
    expect(answer.headers.get("retry-after")).toBe(retryAfter === undefined ? null : "1");
    expect(answer.headers.get("connection")).toBe(closesConnection ? "close" : null);
    expect(answer.headers.get("content-type")).toBe("application/json; charset=utf-8");
  });
});
