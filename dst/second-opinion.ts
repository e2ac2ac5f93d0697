// Looks for an order of the operations as clients saw them, whatever the server says of its own order.
// Answers that the witness has accepted always have one; if the witness is wrong, this may tell.

import { isRead } from "../kernel/read.ts";
import { type Asked, isSameAnswer, PromiseSpec } from "./history.ts";
import { type Operation as Entry, linearize } from "./linearizability.ts";
import { idsOf, type ModelAnswer } from "./model/command.ts";
import type { Operation } from "./operation.ts";
import { toModelAnswer } from "./to-model.ts";
import { type Search, Violation } from "./verdict.ts";
import type { World } from "./world.ts";

type Seen = Entry<Asked, ModelAnswer>;

/** Throws Violation if there is no order. */
export function searchForOrder({ operations, history, plan }: World): Search {
  const internal = history.map(({ command, now, at }): Seen => {
    const input = { command, now };
    return { call: at, return: at, input, output: { kind: "none" }, ids: idsOf(command) };
  });
  const finding = linearize(
    [...operations.flatMap(seen), ...internal],
    new PromiseSpec(isSameAnswer, plan.rules),
  );
  const { verdict, steps } = finding;
  if (verdict !== "illegal") return { verdict, steps };
  const ids = finding.components.at(-1)?.ids ?? [];
  throw new Violation("G", "order", "no order of the operations explains the answers", { ids });
}

/** An operation that nobody heard of and that has not landed cannot be told from none. */
function seen(operation: Operation): readonly Seen[] {
  const { request, expected, ending, calledAt, answeredAt, hasLanded } = operation;
  if (isRead(request)) return [];
  if (expected?.kind !== "answer") return [];
  const input = { command: request, now: expected.now };
  const entry = { call: calledAt, input, ids: idsOf(request) };
  const output = ending?.kind === "answered" ? toModelAnswer(ending.response) : null;
  if (output !== null) return [{ ...entry, return: answeredAt ?? calledAt, output }];
  return hasLanded ? [{ ...entry, return: Number.POSITIVE_INFINITY, output: null }] : [];
}
