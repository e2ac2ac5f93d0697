// After the faults: whether all that was promised is kept once nothing stands in the way any more.
//
//   V1. Every request is answered, or its connection was closed.
//   V2. Nothing is due by any live node's clock. Tasks are offered and schedules fired for ever, so of
//       them nothing is long overdue by all of these clocks.
//   V3. A request that meets no fault does not fail.
//   V4. What was offered to an honest worker is taken.
//   B1. An idle kernel holds nothing, and where it is alone, asks the store nothing and knows when it
//       has to.
//   B2. The world comes to rest; nothing turns in circles at one instant.

import type { Request } from "../kernel/command.ts";
import { instantMs, promiseId, scheduleId } from "../kernel/ids.ts";
import type { LogRange } from "../kernel/search.ts";
import { dueAt, owedAt, scheduleName } from "./model/record.ts";
import { idsIn, nameOf } from "./names.ts";
import type { Operation } from "./operation.ts";
import type { Past } from "./past.ts";
import { showEvent } from "./stream-oracle.ts";
import { Violation } from "./verdict.ts";
import type { World } from "./world.ts";

/** Events at one instant (simulation.md §5.6). */
const instantMax = 100_000;
/** Within which clients and nodes must have come to rest after the last fault, ms: an hour. */
const restMax = 3_600_000;
/** Longer than a claim, a failed sweep and a poll together, ms. */
const settleMs = 200_000;
/** How late a task may be offered or a schedule fired, ms: as a rule within a poll and a claim. Arbitrary. */
const lateMs = 120_000;
/** Ids that are asked for at the end. Arbitrary. */
const probesMax = 20;

const everything: LogRange = { of: null, after: 0, limit: 10_000_000, weightMax: 2 ** 50 };

/** Runs the world to its end. Throws what an oracle finds. */
export function live(world: World): void {
  const { queue, plan } = world;
  world.start();
  queue.scheduleIdle(0, plan.healAt, () => world.heal());
  while (!world.fate.isHealed) step(world);
  rest(world);
  const end = queue.now + settleMs + plan.rules.retryMs + plan.rules.patienceMs;
  while (queue.nextAt !== null && queue.nextAt <= end) step(world);
  rest(world);
  overdue(world); // before anybody asks: to read what is overdue is to settle it
  probe(world);
  rest(world);
  inspect(world);
}

/** Until nobody is busy: what is left are alarm clocks. */
function rest(world: World): void {
  const { queue } = world;
  const deadline = queue.now + restMax;
  while (queue.busy > 0) {
    step(world);
    if (queue.now > deadline) throw new Violation("V", "rest", "the world does not come to rest");
  }
}

function step({ queue }: World): void {
  queue.step();
  if (queue.atOnce > instantMax) throw new Violation("B", "hot", "the world turns in circles"); // B2
}

/** V3. What was written last is asked for once more, at every node. */
function probe(world: World): void {
  const ids = world.witness.past.ids().slice(-probesMax);
  for (const server of world.processes) {
    for (const id of ids) {
      const request = lookAt(id);
      const operation = world.begin({ key: 0, attempt: 1, client: 0, request });
      if (world.plan.isCanary) world.witness.canary = operation;
      operation.onEnd = (response) => {
        operation.onEnd = null;
        if (response !== null && response.kind !== "failed") return;
        const detail = {
          ids: [id],
          actual: response?.kind === "failed" ? response.failure : "cut",
        };
        throw new Violation("V", "probe", "a request fails for no reason", detail);
      };
      world.deliver(operation, server.node);
      rest(world);
    }
  }
}

/** @param name of a stream */
function lookAt(name: string): Request {
  const start = scheduleName("");
  if (!name.startsWith(start)) return { kind: "get_promise", id: promiseId(name) };
  return { kind: "get_schedule", id: scheduleId(name.slice(start.length)) };
}

function inspect(world: World): void {
  const { witness, store } = world;
  for (const operation of world.operations) concluded(operation);
  for (const [server, open] of world.open) {
    const [lost] = open;
    if (lost !== undefined) {
      unanswered(lost);
    }
    if (!server.kernel.isIdle || server.aio.inFlight > 0) {
      throw new Violation("B", "leak", "a kernel with nothing to do is not idle"); // B1
    }
  }
  overdue(world);
  asleep(world);
  taken(world);
  witness.streams.inspect();
  const stored = store.log([everything])[0]?.events ?? [];
  const isSame = stored.every((event, index) => {
    const known = witness.past.log[index];
    return event === known || (known !== undefined && showEvent(event) === showEvent(known));
  });
  if (stored.length !== witness.past.log.length || !isSame) {
    throw new Violation("F", "follow", "who follows the log does not see every event once");
  }
  listed(world);
}

/** V1. */
function concluded(operation: Operation): void {
  if (operation.client !== null && operation.ending === null) unanswered(operation);
}

function unanswered({ request, key }: Operation): never {
  const detail = { ids: idsIn(request), intent: key };
  throw new Violation("V", "answer", "a request is never answered", detail);
}

/** V2. */
function overdue({ witness, processes, queue }: World): void {
  for (const server of processes) {
    const now = server.clock.read(queue.now);
    for (const id of witness.past.ids()) {
      const due = owedAt(witness.past.now(id));
      if (due === null || due > now) continue;
      const detail = { ids: [id], expected: "settled and drained", actual: `due since ${due}` };
      throw new Violation("V", "due", "what is due is never done", detail);
    }
  }
  const slowest = Math.min(...processes.map(({ clock }) => clock.read(queue.now)));
  for (const id of witness.past.ids()) {
    const { clock, schedule } = witness.past.now(id);
    const at = schedule?.nextRunAt ?? clock.at;
    if (at === null || at + BigInt(lateMs) > slowest) continue;
    const detail = { ids: [id], expected: "offered or fired again", actual: `due since ${at}` };
    if (schedule !== null) throw new Violation("V", "fire", "a schedule stands still", detail);
    throw new Violation("V", "clock", "the clock of a task runs out and nothing happens", detail);
  }
}

/** V4. */
function taken({ honest }: World): void {
  const [id] = honest.untaken();
  if (id === undefined) return;
  const message = "a task that was offered to an honest worker is not done";
  throw new Violation("V", "offered", message, { ids: [id] });
}

/** B1. */
function asleep({ processes, pollMs, queue, witness }: World): void {
  if (pollMs !== null) return;
  const next = nextDue(witness.past);
  for (const { kernel, aio, clock } of processes) {
    kernel.tick(clock.read(queue.now));
    if (aio.isAsking && (next === null || next > clock.read(queue.now))) {
      throw new Violation("B", "idle", "an idle kernel asks the store for something");
    }
    const { dueAt: known } = kernel;
    const isTooLate = next !== null && (known === null || known > next);
    if (isTooLate || kernel.wakeAt !== known) {
      const detail = { expected: `${next} or before`, actual: `${known}` };
      throw new Violation("B", "alarm", "an idle kernel does not know when to wake", detail);
    }
  }
}

/** The earliest due date of all; null: there is none. */
function nextDue(past: Past): bigint | null {
  const dates = past.ids().map((id) => dueAt(past.now(id)));
  return dates.reduce((least, date) => {
    return date === null || (least !== null && least <= date) ? least : date;
  }, null);
}

/** S1, for the index: the store lists all that is ever due, in order, and nothing else. */
function listed({ witness, store }: World): void {
  const { past } = witness;
  const never = instantMs(Number.MAX_SAFE_INTEGER);
  const bounds = { limit: 10_000_000, weightMax: 2 ** 50 };
  const found = store.due(never, bounds).streams.map(({ key }) => nameOf(key));
  const expected = past
    .created()
    .flatMap((id) => {
      const due = dueAt(past.now(id));
      return due === null || due > never ? [] : [{ id, due }];
    })
    .sort((left, right) => (left.due < right.due ? -1 : left.due > right.due ? 1 : 0))
    .map(({ id }) => id);
  if (found.length === expected.length && found.every((id, index) => id === expected[index]))
    return;
  throw new Violation("S", "index", "the index of due dates is not what the records say", {
    expected: expected.join("\\n"),
    actual: found.join("\\n"),
  });
}
