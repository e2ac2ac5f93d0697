// Random commands of every kind over few ids, as they come from behind the decoder: what it refuses
// is not in here (a task without a target, a fence of itself, a delay behind the deadline).

import { fc } from "@fast-check/vitest";
import type { Command, CreatePromise, SettlePromise } from "../../kernel/command.ts";
import {
  deadlineMs,
  durationMs,
  instantMs,
  type PromiseId,
  promiseId,
  taskVersion,
} from "../../kernel/ids.ts";
import { emptyValue } from "../../kernel/value.ts";
import { tagged } from "./given.ts";

export const ids: readonly PromiseId[] = ["a", "b", "c"].map((name) => promiseId(name));

const target = "poll://any@g";
const addresses = ["poll://uni@g/i", "http://l"];

const id = fc.constantFrom(...ids);
const version = fc.constantFrom(0, 1, 1, 2).map(taskVersion);
const pid = fc.constantFrom("v", "w");
const ttl = fc.constantFrom(1n, 20n, 200n).map(durationMs);
const address = fc.constantFrom(...addresses);
const value = fc.constantFrom(emptyValue, { headers: null, data: "dg==" });
const outcome = fc.constantFrom("resolved" as const, "rejected" as const, "canceled" as const);
const key = fc.constantFrom(null, "k", "l");
const constant = <const Kind extends string>(kind: Kind) => fc.constant(kind);

/** Two different ids. */
const pair = fc.shuffledSubarray([...ids], { minLength: 2, maxLength: 2 }).map(([left, right]) => {
  return [left ?? promiseId("a"), right ?? promiseId("b")] as const;
});

const callback = <const Kind extends string>(kind: Kind) => {
  return pair.map(([awaited, awaiter]) => ({ kind, awaited, awaiter }));
};

const manners = fc.oneof(
  fc.record({ key, strict: fc.boolean(), isShared: fc.constant(false) }),
  fc.constant({ key: null, strict: false, isShared: true }),
);
const shared = { key: null, strict: false, isShared: true, isExternal: false };

const settle: fc.Arbitrary<SettlePromise> = fc
  .tuple(fc.record({ kind: constant("settle_promise"), id, outcome, value }), manners)
  .map(([command, manner]) => ({ ...command, ...manner }));

/** @param timeout of what is created */
function creations(timeout: fc.Arbitrary<number>): fc.Arbitrary<CreatePromise> {
  const tags = fc.constantFrom<Readonly<Record<string, string>>>(
    {},
    { "resonate:timer": "true" },
    { "resonate:scope": "global" },
    { "resonate:target": target },
    { "resonate:target": target },
    { "resonate:target": target, "resonate:timer": "true" },
    { "resonate:target": target, "resonate:delay": "" },
  );
  const asked = fc.record({ id, timeout, tags, param: value, isExternal: fc.boolean() });
  return fc.tuple(asked, manners).map(([{ timeout, tags, ...rest }, manner]) => ({
    ...{ kind: "create_promise", ...rest, timeoutAt: deadlineMs(BigInt(timeout)) },
    tags: tagged("resonate:delay" in tags ? withDelay(tags, timeout) : tags),
    ...manner,
  }));
}

function withDelay(tags: Readonly<Record<string, string>>, timeout: number) {
  return { ...tags, "resonate:delay": `${Math.floor(timeout / 2)}` };
}

const delivery = fc.constantFrom(
  { kind: "delivered" } as const,
  { kind: "failed", reason: "no_receiver", cause: "" } as const,
  { kind: "failed", reason: "refused", cause: "503" } as const,
);

/** @param timeout of what is created, above 0 */
export function commands(timeout: fc.Arbitrary<number>): fc.Arbitrary<Command> {
  const create = creations(timeout);
  const actionOf = (of: PromiseId) => {
    const other = fc.constantFrom(...ids.filter((each) => each !== of));
    return fc
      .tuple(fc.oneof(create, settle), other)
      .map(([action, it]) => ({ ...action, ...shared, id: it }));
  };
  const targeted = create.map((action) => {
    return { ...action, ...shared, tags: tagged({ "resonate:target": target }) };
  });
  const ofHolder = { id, version };
  const fence = fc.record(ofHolder).chain((holder) => {
    return actionOf(holder.id).map((action) => ({
      kind: "fence_task" as const,
      ...holder,
      action,
    }));
  });
  // Whatever settles is rare, or soon there would be nothing left to happen.
  return fc.oneof(
    ...often(2, settle, fc.record({ kind: constant("fulfill_task"), ...ofHolder, outcome, value })),
    ...often(2, fence, fc.record({ kind: constant("halt_task"), id })),
    ...often(2, fc.record({ kind: fc.constantFrom("get_promise", "get_task"), id })),
    ...often(3, fc.record({ kind: constant("create_task"), action: targeted, pid, ttl })),
    ...often(3, fc.record({ kind: constant("continue_task"), id })),
    ...often(3, fc.record({ kind: constant("release_task"), ...ofHolder })),
    ...often(3, fc.record({ kind: constant("heartbeat_task"), ...ofHolder, pid })),
    ...often(4, fc.record({ kind: constant("register_listener"), awaited: id, address })),
    ...often(4, callback("register_callback"), create),
    ...often(8, fc.record({ kind: constant("acquire_task"), ...ofHolder, pid, ttl }), suspend),
    ...often(8, internal),
  );
}

function often(weight: number, ...all: readonly fc.Arbitrary<Command>[]) {
  return all.map((arbitrary) => ({ weight, arbitrary }));
}

const suspend = fc
  .tuple(fc.shuffledSubarray([...ids], { minLength: 2, maxLength: 3 }), version)
  .map(([[of, ...awaited], at]) => {
    return { kind: "suspend_task" as const, id: of ?? promiseId("a"), version: at, awaited };
  });

/** When the server began. */
const before = fc.constantFrom(0, 50, 200, 900).map(instantMs);

/** Early, late and double ones, too. */
const internal: fc.Arbitrary<Command> = fc.oneof(
  fc.record({
    kind: fc.constantFrom("settle_at_deadline", "expire_lease", "dispatch_again"),
    id,
  }),
  fc.record({ kind: constant("offer_missed"), id, before }),
  ...[1, 2, 3].map(() => callback("drain_callback")),
  fc.record({ kind: constant("note_missed"), id, version }),
  fc.record({ kind: constant("tell_listener"), awaited: id, address }),
  fc.record({ kind: constant("tell_missed"), awaited: id, address, before }),
  fc.record({ kind: constant("note_told"), awaited: id, address, delivery }),
);
