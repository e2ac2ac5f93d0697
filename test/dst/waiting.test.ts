// What a store says waits for a worker, true and false; messages that leave, with and without a cause; and
// workers that are offered something and do not take it.

import { expect, test } from "vitest";
import { showMessage } from "../../dst/compare.ts";
import { HonestWorkers } from "../../dst/honest.ts";
import { emptyValue, type ModelRecord, nothing, stopped } from "../../dst/model/record.ts";
import { Past } from "../../dst/past.ts";
import { plainRules } from "../../dst/rules.ts";
import { offered } from "../../dst/waiting.ts";
import { Witness } from "../../dst/witness.ts";
import type { World } from "../../dst/world.ts";
import type { Receiver } from "../../kernel/address.ts";
import { instantMs, promiseId, taskVersion } from "../../kernel/ids.ts";
import { promiseKey, type Stream } from "../../kernel/stream.ts";
import type { WaitingPage } from "../../kernel/waiting.ts";
import { MemoryStore } from "../../store/memory.ts";
import { found } from "./found.ts";

/** A task that was offered then; 0: and missed. */
function task(offeredAt: number, target = "poll://any@g"): ModelRecord {
  return {
    ...nothing,
    promise: {
      ...{ state: "pending", param: emptyValue, value: emptyValue, timeoutAt: 100n, createdAt: 1 },
      ...{ settledAt: null, createKey: null, settleKey: null, isExternal: true },
      tags: new Map([["resonate:target", target]]),
    },
    task: { state: "pending", version: 0, resumes: [], pid: null, ttl: null },
    clock: { ...stopped, at: 50n, offeredAt: offeredAt || 7, isMissed: offeredAt === 0 },
  };
}

function pastOf(records: Readonly<Record<string, ModelRecord>>): Past {
  const past = new Past();
  for (const [id, record] of Object.entries(records)) past.set(id, record, 1);
  return past;
}

function page(...ids: readonly string[]): WaitingPage {
  const streams = ids.map((id) => ({ key: promiseKey(promiseId(id)) }) as Stream); // no more is looked at
  return { streams, next: null };
}

const query = {
  ...{ receiver: '["g"]' as Receiver, before: instantMs(5), after: null },
  ...{ limit: 3, weightMax: 1_000 },
};

const records = {
  ...{ missed: task(0), old: task(3), older: task(2), late: task(6) },
  other: task(0, "poll://any@h"),
  one: task(0, "poll://uni@g/1"),
};

test.each<[what: string, ids: readonly string[], verdict: string]>([
  ["all that waits, the longest waiting first", ["missed", "older", "old"], "nothing"],
  ["less than waits", ["missed", "older"], "W waiting"],
  ["another order", ["older", "missed", "old"], "W waiting"],
  ["one of them twice", ["missed", "missed", "older"], "W waiting"],
  ["what was offered later", ["missed", "older", "old", "late"].slice(1), "W waiting"],
  ["what waits for somebody else", ["missed", "other", "older"], "W waiting"],
  ["what waits for one worker of the group", ["missed", "one", "older"], "W waiting"],
  ["more than was asked for", ["missed", "older", "old", "late"], "B waiting"],
])("W8: who connects is offered %s", (_what, ids, verdict) => {
  expect(found(() => offered(pastOf(records), query, page(...ids)))).toBe(verdict);
});

test("W8: a listener waits at each address of its own", () => {
  const told = { nextAt: 99n, toldAt: 3, failures: 1, failedSince: 3, isMissed: true };
  const over: ModelRecord = {
    ...task(3),
    task: null,
    tellings: new Map([["poll://uni@g/1", told]]),
  };
  const settled = {
    ...over,
    promise: over.promise && { ...over.promise, state: "resolved" as const },
  };
  const uni = { ...query, receiver: '["g","1"]' as Receiver };
  expect(found(() => offered(pastOf({ a: settled }), uni, page("a")))).toBe("nothing");
  expect(found(() => offered(pastOf({ a: settled }), uni, page()))).toBe("W waiting");
  expect(found(() => offered(pastOf({ a: settled }), query, page("a")))).toBe("W waiting");
});

const message = {
  ...{ kind: "execute" as const, to: "poll://any@g", id: promiseId("w") },
  version: taskVersion(0),
};

function owing() {
  const options = { store: new MemoryStore(), rules: plainRules, pageWeightMax: 1_000 };
  const witness = new Witness({ ...options, onOwn: () => undefined });
  const ledger = witness.open();
  ledger.owed.set(5, [showMessage(message)]);
  return { witness, ledger };
}

test("M1: a message leaves once, with a cause that has landed, and says what the model says", () => {
  const { witness, ledger } = owing();
  const other = { ...message, version: taskVersion(1) };
  expect(found(() => witness.sending(ledger, other))).toBe("M cause");
  expect(found(() => witness.sending(ledger, message))).toBe("nothing");
  expect(found(() => witness.sending(ledger, message))).toBe("M cause");
});

test("M2: a message leaves in the tick in which its server hears of the commit", () => {
  const { witness, ledger } = owing();
  expect(found(() => witness.sent(ledger))).toBe("nothing"); // it knows nothing of it yet
  ledger.told.add(5);
  expect(found(() => witness.sent(ledger))).toBe("M lost");
  const punctual = owing();
  punctual.ledger.told.add(5);
  punctual.witness.sending(punctual.ledger, message);
  expect(found(() => punctual.witness.sent(punctual.ledger))).toBe("nothing");
});

test("V4: what was offered to an honest worker and not taken is known", () => {
  const past = pastOf({ w: task(3) });
  const world = {
    ...{ witness: { past }, processes: [], begin: () => ({}), deliver: () => undefined },
  } as unknown as World; // as far as workers know it
  const workers = new HonestWorkers(world);
  expect(workers.untaken()).toEqual([]);
  workers.offer(message);
  expect(workers.untaken()).toEqual(["w"]);
  past.set("w", { ...task(3), task: null }, 2);
  expect(workers.untaken()).toEqual([]);
});
