// What the server holds and says beside what the model says: equal where nothing differs, different as
// soon as one member does, whichever it is.

import { describe, expect, test } from "vitest";
import { sameAnswer, sameRecord, showAnswer, showResponse } from "../../dst/compare.ts";
import type { ModelAnswer } from "../../dst/model/command.ts";
import { canonical } from "../../dst/model/record.ts";
import { Past } from "../../dst/past.ts";
import { type Kept, toModel, toModelRecord } from "../../dst/to-model.ts";
import type { Response } from "../../kernel/command.ts";
import { deadlineMs, instantMs, position, promiseId } from "../../kernel/ids.ts";
import type { PendingPromise, PromiseRecord, SettledPromise } from "../../kernel/promise.ts";
import { absent } from "../../kernel/stream.ts";
import { noTimers } from "../../kernel/timers.ts";

/** Fresh maps at each call, so that nothing is equal because it is the same. */
function pending(): PendingPromise {
  return {
    ...{ kind: "pending", param: { headers: new Map([["h", "1"]]), data: "d" } },
    ...{
      tags: new Map([
        ["a", "1"],
        ["b", "2"],
      ]),
      timeoutAt: deadlineMs(9n),
    },
    ...{ createdAt: instantMs(1), createKey: "k", isExternal: false },
  };
}

function settled(): SettledPromise {
  const value = { headers: new Map([["v", "1"]]), data: "e" };
  const end = { outcome: "resolved", settledAt: instantMs(2), value, settleKey: "l" } as const;
  return { ...pending(), ...end, kind: "settled" };
}

const changes: readonly (readonly [what: string, change: Partial<SettledPromise>])[] = [
  ["its data", { param: { headers: new Map([["h", "1"]]), data: null } }],
  ["its headers", { param: { headers: null, data: "d" } }],
  ["one header", { param: { headers: new Map([["h", "2"]]), data: "d" } }],
  ["that there are headers", { param: { headers: new Map(), data: "d" } }],
  [
    "a tag",
    {
      tags: new Map([
        ["a", "1"],
        ["b", "3"],
      ]),
    },
  ],
  [
    "a tag more",
    {
      tags: new Map([
        ["a", "1"],
        ["b", "2"],
        ["c", "3"],
      ]),
    },
  ],
  ["a tag less", { tags: new Map([["a", "1"]]) }],
  [
    "the name of a tag",
    {
      tags: new Map([
        ["a", "1"],
        ["c", "2"],
      ]),
    },
  ],
  ["its deadline", { timeoutAt: deadlineMs(10n) }],
  ["when it was created", { createdAt: instantMs(0) }],
  ["its key", { createKey: null }],
  ["who may await it", { isExternal: true }],
];

const endings: typeof changes = [
  ["how it ended", { outcome: "canceled" }],
  ["when it ended", { settledAt: instantMs(3) }],
  ["its value", { value: { headers: new Map([["v", "1"]]), data: "f" } }],
  ["the headers of its value", { value: { headers: new Map([["v", "2"]]), data: "e" } }],
  ["the key of its end", { settleKey: null }],
];

function state(promise: PromiseRecord, ...callbacks: readonly string[]): Kept {
  const state = { ...absent, promise, callbacks: callbacks.map(promiseId) };
  return { state, timers: noTimers };
}

const nobody: Kept = { state: absent, timers: noTimers };

describe("a record is another one if it differs in", () => {
  const model = toModelRecord(state(settled(), "x", "y"));

  test("nothing: it is the same", () => {
    expect(sameRecord(model, state(settled(), "x", "y"))).toBe(true);
    expect(sameRecord(toModelRecord(state(pending())), state(pending()))).toBe(true);
    expect(sameRecord(toModelRecord(nobody), nobody)).toBe(true);
  });

  test.each([...changes, ...endings])("%s", (_what, change) => {
    const other = state({ ...settled(), ...change }, "x", "y");
    expect(sameRecord(model, other)).toBe(false);
    expect(canonical(toModelRecord(other))).not.toBe(canonical(model)); // and can be told in words
  });

  test.each(changes)("%s, while it is pending", (_what, change) => {
    const open = { ...pending(), ...change } as PendingPromise;
    expect(sameRecord(toModelRecord(state(pending())), state(open))).toBe(false);
  });

  test("whether it is there, or settled, or who waits for it", () => {
    expect(sameRecord(model, state(pending(), "x", "y"))).toBe(false);
    expect(sameRecord(toModelRecord(state(pending())), state(settled()))).toBe(false);
    expect(
      sameRecord(model, {
        state: { ...absent, callbacks: [promiseId("x"), promiseId("y")] },
        timers: noTimers,
      }),
    ).toBe(false);
    expect(sameRecord(toModelRecord(nobody), state(pending()))).toBe(false);
    for (const waiters of [["x"], ["y", "x"], ["x", "y", "z"], []]) {
      expect(sameRecord(model, state(settled(), ...waiters)), waiters.join()).toBe(false);
    }
  });
});

describe("an answer is another one if it differs in", () => {
  const said: Response = { kind: "promise", id: promiseId("a"), promise: settled(), changed: true };
  const meant: ModelAnswer = {
    kind: "promise",
    id: "a",
    promise: toModel(settled()),
    changed: true,
  };

  test("nothing: it is the same", () => {
    expect(sameAnswer(meant, said)).toBe(true);
    expect(sameAnswer({ kind: "none" }, null)).toBe(true);
    const refusal = { kind: "refused", refusal: "promise_not_found" } as const;
    expect(sameAnswer(refusal, refusal)).toBe(true);
    expect(showResponse(said)).toBe(showAnswer(meant));
  });

  test.each([...changes, ...endings])("%s", (_what, change) => {
    const other = { ...said, promise: { ...settled(), ...change } };
    expect(sameAnswer(meant, other)).toBe(false);
    expect(showResponse(other)).not.toBe(showAnswer(meant));
  });

  test.each<[what: string, other: Response | null]>([
    ["its id", { ...said, id: promiseId("b") }],
    ["that it was a change", { ...said, changed: false }],
    ["that it was refused", { kind: "refused", refusal: "promise_not_found" }],
    ["that it has failed", { kind: "failed", failure: "store_failed" }],
    ["that there is none", null],
  ])("%s", (_what, other) => {
    expect(sameAnswer(meant, other)).toBe(false);
    expect(showResponse(other)).not.toBe(showAnswer(meant));
  });

  test("the reason of a refusal, or that there is one", () => {
    const refusal: ModelAnswer = { kind: "refused", refusal: "promise_not_found" };
    expect(sameAnswer(refusal, { kind: "refused", refusal: "awaiter_not_found" })).toBe(false);
    expect(sameAnswer(refusal, said)).toBe(false);
    expect(sameAnswer(refusal, { kind: "failed", failure: "store_failed" })).toBe(false);
    expect(sameAnswer(refusal, null)).toBe(false);
    expect(sameAnswer({ kind: "none" }, said)).toBe(false);
  });
});

describe("the past", () => {
  const [one, two] = [toModelRecord(state(pending())), toModelRecord(state(settled()))];

  test("is kept as it was at each moment", () => {
    const past = new Past();
    past.set("a", one, 3);
    past.set("a", two, 7);
    past.set("b", one, 5);
    expect([2, 3, 6, 7, 9].map((moment) => past.at("a", moment))).toEqual([
      toModelRecord(nobody),
      one,
      one,
      two,
      two,
    ]);
    expect([past.now("a"), past.now("b"), past.now("c")]).toEqual([
      two,
      one,
      toModelRecord(nobody),
    ]);
    expect(past.ids()).toEqual(["a", "b"]);
  });

  test("shows promises from the newest to the oldest, or from before a place", () => {
    const past = new Past();
    for (const [index, id] of ["a", "b", "c", "d"].entries()) {
      past.set(id, id === "c" ? toModelRecord(nobody) : one, index);
      past.create(id, 10 * (index + 1));
    }
    const ids = (before: number | null) => [...past.newestFirst(before)].map(([id]) => id);
    expect(ids(null)).toEqual(["d", "b", "a"]);
    expect(ids(position(40))).toEqual(["b", "a"]);
    expect(ids(position(21))).toEqual(["b", "a"]);
    expect(ids(position(20))).toEqual(["a"]);
    expect(past.lastPosition).toBe(40);
  });
});
