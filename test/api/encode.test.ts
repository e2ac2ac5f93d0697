// Answers as they are printed: every state of a promise, pages and errors as golden examples, then
// that reading an answer gives back what was said.

import { fc, test as property } from "@fast-check/vitest";
import { expect, test } from "vitest";
import { components } from "../../api/answers.ts";
import { encodeEvents, encodePage, encodePromise, wireStates } from "../../api/encode.ts";
import { type JsonNumber, parseByReviver } from "../../api/int64.ts";
import { Findings } from "../../api/schema.ts";
import type { Outcome } from "../../kernel/event.ts";
import {
  commandId,
  deadlineMs,
  instantMs,
  int64Max,
  position,
  promiseId,
  streamVersion,
} from "../../kernel/ids.ts";
import type { PendingPromise, PromiseRecord, SettledPromise } from "../../kernel/promise.ts";
import type { LoggedEvent, SearchPromises } from "../../kernel/search.ts";
import { promiseKey } from "../../kernel/stream.ts";
import { emptyValue, noPairs, type Value } from "../../kernel/value.ts";

const id = promiseId("foo");
const pending: PendingPromise = {
  kind: "pending",
  createdAt: instantMs(1795361820125),
  timeoutAt: deadlineMs(2524608000000n),
  param: emptyValue,
  tags: noPairs,
  createKey: null,
  isExternal: true,
};
const full: PendingPromise = {
  ...pending,
  param: { headers: new Map([["a", "b"]]), data: "aGVsbG8=" },
  tags: new Map([
    ["__proto__", "x"],
    ["10", "y"],
  ]),
  createKey: "foo-create",
  timeoutAt: deadlineMs(int64Max),
};
const settle = (promise: PendingPromise, outcome: Outcome, value: Value): SettledPromise => {
  const settledAt = instantMs(1795361824871);
  return { ...promise, kind: "settled", outcome, settledAt, value, settleKey: "foo-complete" };
};
const search: SearchPromises = {
  kind: "search_promises",
  pattern: "fo*",
  state: "pending",
  tags: new Map([["a", "b"]]),
  limit: 1,
  before: null,
};
const event = (event: LoggedEvent["event"]): LoggedEvent => ({
  position: position(7),
  key: promiseKey(id),
  version: streamVersion(2),
  at: instantMs(5),
  command: commandId("n-1"),
  event,
});
const page = { promises: [{ id, promise: pending }], before: position(3) };

test("O1 O2 the wire's examples are what they were", async () => {
  const examples = [
    ["pending", encodePromise(id, pending)],
    ["pending, with everything", encodePromise(id, full)],
    ["resolved", encodePromise(id, settle(full, "resolved", { headers: null, data: "ZG9uZQ==" }))],
    ["rejected with nothing", encodePromise(id, settle(pending, "rejected", emptyValue))],
    ["canceled", encodePromise(id, settle(pending, "canceled", emptyValue))],
    [
      "timed out",
      encodePromise(id, { ...settle(pending, "timedout", emptyValue), settleKey: null }),
    ],
    [
      "made by the other protocol",
      encodePromise(id, {
        ...pending,
        param: { headers: new Map(), data: "" },
        isExternal: false,
        tags: new Map([["resonate:target", "poll://any@g"]]),
      }),
    ],
    [
      "data that is no base64",
      encodePromise(id, { ...pending, param: { headers: null, data: "é" } }),
    ],
    ["page with a cursor", encodePage(page, search)],
    ["last page", encodePage({ promises: [], before: null }, search)],
    [
      "events",
      encodeEvents({
        events: [
          event({ kind: "callback_registered", awaiter: id }),
          event({ kind: "callback_drained", awaiter: id }),
        ],
        next: 7,
      }),
    ],
  ];
  const text = `${examples.map(([name, json]) => `${name}\n${json}`).join("\n\n")}\n`;
  await expect(text).toMatchFileSnapshot("../golden/wire.txt");
});

const words = fc.string({ unit: "binary" }).filter((word) => !word.includes("\0"));
const pairs = fc.array(fc.tuple(words, words), { maxLength: 4 }).map((entries) => new Map(entries));
const bytes = fc
  .uint8Array({ minLength: 1 })
  .map((octets) => Buffer.from(octets).toString("base64"));
const values: fc.Arbitrary<Value> = fc.record({
  headers: fc.option(pairs.filter(({ size }) => size > 0)),
  data: fc.option(bytes),
});
const instants = fc.nat().map(instantMs);
const keys = fc.option(words);
const created = {
  createdAt: instants,
  timeoutAt: fc.bigInt({ min: 0n, max: int64Max }).map(deadlineMs),
  param: values,
  tags: pairs,
  createKey: keys,
  isExternal: fc.constant(true),
};
const records: fc.Arbitrary<PromiseRecord> = fc.oneof(
  fc.record<PendingPromise>({ kind: fc.constant("pending"), ...created }),
  fc.record<SettledPromise>({
    kind: fc.constant("settled"),
    ...created,
    outcome: fc.constantFrom("resolved", "rejected", "canceled", "timedout"),
    settledAt: instants,
    value: values,
    settleKey: keys,
  }),
);

/** What a client can see of a promise, as it would read it. */
function seen(promise: PromiseRecord): object {
  const value = ({ headers, data }: Value) => ({
    ...(headers !== null && { headers: Object.fromEntries(headers) }),
    ...(data !== null && { data }),
  });
  const isSettled = promise.kind === "settled";
  return {
    id,
    state: isSettled ? wireStates[promise.outcome] : "PENDING",
    param: value(promise.param),
    value: isSettled ? value(promise.value) : {},
    timeout: `${promise.timeoutAt}`,
    createdOn: promise.createdAt,
    ...(promise.createKey !== null && { idempotencyKeyForCreate: promise.createKey }),
    ...(isSettled &&
      promise.settleKey !== null && { idempotencyKeyForComplete: promise.settleKey }),
    ...(isSettled && { completedOn: promise.settledAt }),
    ...(promise.tags.size > 0 && { tags: Object.fromEntries(promise.tags) }),
  };
}

property.prop([records])("what is printed is described, and reads as what was said", (promise) => {
  const text = encodePromise(id, promise);
  const findings = new Findings();
  components.Promise.read(parseByReviver(text, "timeout"), "promise", findings);
  expect([...findings.rules, ...findings.texts]).toEqual([]);
  const read = parseByReviver(text, "timeout") as { readonly timeout: JsonNumber }; // it conforms
  expect({ ...read, timeout: read.timeout.source }).toEqual(seen(promise));
});

property.prop([records])("O3 a promise looks the same in every answer", (promise) => {
  const alone = encodePromise(id, promise);
  const listed = encodePage({ promises: [{ id, promise }], before: null }, search);
  expect(listed).toBe(`{"cursor":null,"promises":[${alone}]}`);
});
