// The end of a world: what must have come to pass once nothing stands in the way any more. A kernel that
// forgets, turns in circles or does not sleep is put in the place of one that does not; an honest world
// beside it passes.

import { expect, test } from "vitest";
import { draw, usualWishes } from "../../dst/draw.ts";
import { live } from "../../dst/ending.ts";
import { Violation } from "../../dst/verdict.ts";
import type { World } from "../../dst/world.ts";
import { promiseId } from "../../kernel/ids.ts";
import {
  create,
  get,
  lying,
  planOf,
  play,
  playPlan,
  type Setting,
  type Step,
  seed,
  settle,
  strikes,
  until,
  verdict,
  wait,
  worker,
  worldOf,
} from "./play.ts";

const steps: readonly Step[] = [
  [0, 0, create("a")],
  [0, 1, worker("w")],
  [10, 0, wait("a", "w")],
  [20, 0, settle("a")],
];

/** The oracle and the rule that end this world, once something was done to it. */
function end(
  setting: Setting & { steps?: readonly Step[] },
  spoil: (world: World) => void,
): string {
  const world = worldOf(setting.steps ?? steps, setting);
  spoil(world);
  try {
    live(world);
    return "nothing";
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    return `${error.oracle} ${error.rule}`;
  }
}

/** Does this at an instant of the world. */
function at(ms: number, work: (world: World) => void): (world: World) => void {
  return (world) => world.queue.scheduleIdle(0, ms, () => work(world));
}

test("a world that has done all it promised ends in peace", () => {
  for (const nodes of [1, 2, 3]) expect(end({ nodes }, () => undefined)).toBe("nothing");
});

test("V1: a request of a client is answered, or its connection was closed", () => {
  const asked = at(100, (world) => {
    const request = { kind: "get_promise", id: promiseId("a") } as const;
    world.begin({ key: 9, attempt: 1, client: 0, request }); // and carried nowhere
  });
  expect(end({}, asked)).toBe("V answer");
});

test("V1: a request that a process has accepted is answered", () => {
  // Accepted as the network delivers it a second time, so that nobody waits; then forgotten.
  const forgotten = at(100, (world) => {
    const request = { kind: "get_promise", id: promiseId("a") } as const;
    const operation = world.begin({ key: 9, attempt: 1, client: null, request });
    const [process] = world.processes;
    if (process !== undefined) world.open.get(process)?.add(operation);
  });
  expect(end({}, forgotten)).toBe("V answer");
});

test("V1: a process does not stop before it has answered", () => {
  const stopping = at(100, (world) => {
    const request = { kind: "get_promise", id: promiseId("a") } as const;
    const operation = world.begin({ key: 9, attempt: 1, client: null, request });
    const [process] = world.processes;
    if (process === undefined) return;
    world.open.get(process)?.add(operation);
    process.stop();
  });
  expect(end({}, stopping)).toBe("V stop");
});

test("V2: what is due by the clock of any node is done", () => {
  const blind = lying((honest) => ({
    due: (now, bounds) => ({ ...honest.due(now, bounds), streams: [] }),
  }));
  const armed: readonly Step[] = [[0, 0, until(50, "a")]];
  expect(verdict(play(armed, { openStore: blind }))).toBe("liveness V due");
  const far: readonly Step[] = [[0, 0, until(10 ** 9, "a")]];
  expect(verdict(play(far, { openStore: blind }))).toBe("safety S index"); // it is not due yet
  const ahead = { "offset 1": strikes, "offset by 1": 10 }; // by a day
  const later: readonly Step[] = [[0, 0, until(10 ** 7, "a")]];
  const setting = { nodes: 2, choices: ahead };
  expect(verdict(play(later, { ...setting, openStore: blind }))).toBe("liveness V due");
  expect(verdict(play(later, setting))).toBeNull();
});

test("V2: nobody settles what is overdue by asking for it at the end", () => {
  // A store that loses due dates, and one promise, which the simulation reads at the end.
  const openStore = lying((honest) => ({
    commit: (components) =>
      honest.commit(
        components.map(({ changes }) => ({
          changes: changes.map((change) => {
            return change.write === null
              ? change
              : { ...change, write: { ...change.write, dueAt: null } };
          }),
        })),
      ),
  }));
  const choices = { "crash commit.consumed n0 commit a": strikes };
  expect(verdict(play([[0, 0, until(50, "a")]], { openStore, choices }))).toBe("liveness V due");
});

test("V3: a request that meets no fault does not fail", () => {
  const full = at(500, (world) => {
    const [process] = world.processes;
    if (process !== undefined) process.aio.enqueue = () => false;
  });
  const plain: readonly Step[] = [[0, 0, create("a")]]; // nothing else is to be done
  expect(end({ steps: plain }, full)).toBe("V probe");
  const deaf = at(500, (world) => {
    const [process] = world.processes;
    if (process !== undefined) process.submit = () => false;
  });
  expect(end({ steps: plain }, deaf)).toBe("V probe");
});

test("V4: a task that was offered to an honest worker is done in the end", () => {
  const idle = (world: World) => {
    Object.defineProperty(world.honest, "untaken", { value: () => ["w"] });
  };
  expect(end({}, idle)).toBe("V offered");
});

test("B1: an idle kernel holds nothing", () => {
  const slow = at(500, (world) => {
    const [process] = world.processes;
    if (process !== undefined) Object.defineProperty(process.kernel, "isIdle", { value: false });
  });
  expect(end({}, slow)).toBe("B leak");
  const hanging = at(500, (world) => {
    const [process] = world.processes;
    if (process !== undefined) Object.defineProperty(process.aio, "inFlight", { value: 1 });
  });
  expect(end({}, hanging)).toBe("B leak");
});

test("B1: where it is alone, it asks the store nothing", () => {
  const restless = at(500, (world) => {
    const [process] = world.processes;
    if (process !== undefined) Object.defineProperty(process.aio, "isAsking", { value: true });
  });
  expect(end({}, restless)).toBe("B idle");
  expect(end({ nodes: 2 }, restless)).toBe("nothing"); // who is not alone may ask
});

test("B1: where it is alone, it knows when to wake", () => {
  const armed: readonly Step[] = [[0, 0, until(10 ** 9, "a")]];
  const knowing = (dueAt: bigint | null) =>
    at(500, (world) => {
      const [process] = world.processes;
      if (process !== undefined) Object.defineProperty(process.kernel, "dueAt", { value: dueAt });
    });
  expect(end({ steps: armed }, knowing(null))).toBe("B alarm");
  expect(end({ steps: armed }, knowing(1_800_000_000_000n + 10n ** 9n + 1n))).toBe("B alarm");
  expect(end({ steps: armed }, knowing(1_800_000_000_000n + 10n ** 9n))).toBe("nothing");
  expect(end({ steps: armed, nodes: 2 }, knowing(null))).toBe("nothing"); // who is not alone asks
});

test("B2: nothing turns in circles at one instant", () => {
  const circle = (times: number) => {
    const turn = (world: World, left: number) => {
      if (left > 0) world.queue.schedule(0, 0, () => turn(world, left - 1));
    };
    return at(500, (world) => turn(world, times));
  };
  expect(end({}, circle(100_100))).toBe("B hot");
  expect(end({}, circle(99_900))).toBe("nothing");
});

test("B2: the world comes to rest within an hour", () => {
  const busy = (minutes: number) => {
    const turn = (world: World, left: number) => {
      if (left > 0) world.queue.schedule(0, 60_000, () => turn(world, left - 1));
    };
    return at(500, (world) => turn(world, minutes));
  };
  expect(end({}, busy(62))).toBe("V rest");
  expect(end({}, busy(58))).toBe("nothing");
});

test("the canary sings exactly where it is asked to", () => {
  const numbers = [0, 1, 50, 99, 100, 101, 200, 250, 300].map(String);
  const wishes = { ...usualWishes, operations: 60, isCanary: true };
  const sung = numbers.filter((number) => {
    const played = playPlan(draw(seed(number), wishes), null);
    expect([null, "safety W canary"]).toContain(verdict(played));
    return verdict(played) !== null;
  });
  expect(sung).toEqual(["0", "100", "200", "300"]);
});

test("the canary sings on a plan that is written by hand, too", () => {
  const plan = planOf(steps, { isCanary: true });
  const { outcome } = playPlan(plan, new Map());
  expect(outcome.failure).toMatchObject({
    ...{ class: "safety", oracle: "W", rule: "canary", ids: ["a"] },
    ...{ expected: "what only the canary says", actual: expect.stringContaining("resolved") },
  });
  expect(playPlan({ ...plan, isCanary: false }, new Map()).outcome.failure).toBeNull();
});

test("a run of which clients have heard too little is weak", () => {
  const asked: readonly Step[] = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((client) => [
    client,
    client,
    get("a"),
  ]);
  const lost = (count: number) => {
    const names = Array.from({ length: count }, (_, index) => [
      `request_lost ${index + 1}`,
      strikes,
    ]);
    return play(asked, { clients: 10, choices: Object.fromEntries(names) }).outcome;
  };
  expect(lost(1)).toMatchObject({ operations: 9, pending: 1, isWeak: false });
  expect(lost(2)).toMatchObject({ operations: 9, pending: 2, isWeak: true });
  expect(lost(9)).toMatchObject({ operations: 9, pending: 9, isWeak: true, failure: null });
});
