// The gateway: one promise for each request, closing, draining, counting.

import { expect, test } from "vitest";
import { Gateway, operationOf } from "../../api/gateway.ts";
import type { Reply } from "../../kernel/batch.ts";
import { failed, type Request, refused } from "../../kernel/command.ts";
import { promiseId } from "../../kernel/ids.ts";
import { emptyValue, noPairs } from "../../kernel/value.ts";

const id = promiseId("p");
const get: Request = { kind: "get_promise", id };
const rest = { value: emptyValue, key: null, strict: false, isShared: false };
const reject: Request = { kind: "settle_promise", id, outcome: "rejected", ...rest };

/** A kernel whose answers are given by hand. */
function open(queueMax = 10): { readonly gateway: Gateway; readonly replies: Reply[] } {
  const replies: Reply[] = [];
  const submit = (_request: Request, reply: Reply) => {
    return replies.length < queueMax && replies.push(reply) > 0;
  };
  return { gateway: new Gateway({ submit }), replies };
}

test("Q1 what is accepted is answered, in whatever order, and counted until it is", async () => {
  const { gateway, replies } = open();
  const [first, second] = [gateway.ask(get), gateway.ask(reject)];
  expect(gateway.inFlight).toBe(2);
  expect(gateway.inFlightByOperation).toEqual(
    new Map([
      ["read-promise", 1],
      ["reject-promise", 1],
    ]),
  );
  replies[1]?.(refused("promise_not_found"));
  expect(gateway.inFlight).toBe(1);
  replies[0]?.(failed("store_failed"));
  expect(await second).toEqual({ kind: "refused", refusal: "promise_not_found" });
  expect(await first).toEqual({ kind: "failed", failure: "store_failed" });
  expect(gateway.inFlight).toBe(0);
  expect(gateway.inFlightByOperation.get("read-promise")).toBe(0);
});

test("Q1 what the kernel does not take is refused at once", async () => {
  const { gateway } = open(1);
  void gateway.ask(get);
  expect(await gateway.ask(get)).toEqual({ kind: "failed", failure: "queue_full" });
  expect(gateway.inFlight).toBe(1);
});

test("Q2 once closed nothing is accepted, and what was accepted is still answered", async () => {
  const { gateway, replies } = open();
  const early = gateway.ask(get);
  gateway.close();
  expect(await gateway.ask(get)).toEqual({ kind: "failed", failure: "shutting_down" });
  let isDrained = false;
  const drained = gateway.drained().then(() => {
    isDrained = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(isDrained).toBe(false);
  replies[0]?.(refused("promise_not_found"));
  await drained;
  expect(await early).toMatchObject({ kind: "refused" });
});

test("Q2 nothing in flight is drained at once", async () => {
  const { gateway } = open();
  gateway.close();
  await gateway.drained();
});

test("gateway: every request has its operation", () => {
  const search = { pattern: "*", state: null, tags: noPairs, limit: 1, before: null };
  const requests: readonly Request[] = [
    get,
    { kind: "search_promises", ...search },
    { kind: "read_events", of: null, after: 0, limit: 1 },
    { ...reject, outcome: "resolved" },
    reject,
    { ...reject, outcome: "canceled" },
    { kind: "register_callback", awaited: id, awaiter: id },
  ];
  expect(requests.map(operationOf)).toEqual([
    "read-promise",
    "search-promises",
    "read-events",
    "resolve-promise",
    "reject-promise",
    "cancel-promise",
    "unknown",
  ]);
});

test("Q3 one request that asks for much leaves room for others, and is answered in its order", async () => {
  const replies: Reply[] = [];
  let waiting = 0;
  const gateway = new Gateway({
    submit: (_request, reply) => {
      waiting += 1;
      expect(waiting).toBeLessThanOrEqual(100);
      replies.push((response) => {
        waiting -= 1;
        reply(response);
      });
      return true;
    },
  });
  const asked = gateway.askAll(Array.from({ length: 250 }, () => get));
  for (let count = 0; count < 250; count++) {
    while (replies.length === count) await new Promise((resolve) => setImmediate(resolve));
    replies[count]?.(count === 120 ? failed("store_failed") : refused("promise_not_found"));
  }
  const answers = await asked;
  expect(answers).toHaveLength(250);
  expect(answers.findIndex(({ answer }) => answer.kind === "failed")).toBe(120);
});

test("Q3 what asks for nothing is answered at once", async () => {
  expect(await open().gateway.askAll([])).toEqual([]);
});
