// A server that stands still past its leases and then goes on (simulation.md §10.2, R10): it has decided
// a commit for one holder of a task, and has not begun to write it, when it is stopped by SIGSTOP under
// load. Another server ends the lease, and another worker takes the task. Then the first one goes on,
// and its commit arrives, late.
//
// The late commit must be refused by its revisions, whatever the old holder asked must be refused, before
// it was stopped and while it was, nothing is applied twice, and all that was seen has an order.

import { setTimeout as pause } from "node:timers/promises";
import { afterAll, expect, test } from "vitest";
import { ownServer } from "../../bin/dst/postgres-server.ts";
import { Prng } from "../../dst/prng.ts";
import { Cluster, drawSeed, logOf, verified } from "./cluster.ts";
import { Gate } from "./cluster-gate.ts";
import { explained, judge } from "./cluster-history.ts";
import { create, get, type Outcome, operation, settle } from "./cluster-requests.ts";
import { Traffic } from "./cluster-traffic.ts";

const postgres = await ownServer();
afterAll(() => postgres.stop());

const far = 2_524_608_000_000;
const ttl = 250;
const rounds = 6;

function statusOf(outcome: Outcome): number {
  return outcome.kind === "answered" ? outcome.seen.status : 0;
}

function fulfilment(id: string, taskVersion: number, word: string) {
  const action = { kind: "promise.settle", data: { id, state: "resolved", value: { data: word } } };
  return operation("task.fulfill", { id, version: taskVersion, action });
}

function fencing(id: string, taskVersion: number, word: string) {
  const data = { id: `${id}.child`, timeoutAt: far, param: { data: word } };
  const action = { kind: "promise.create", data };
  return operation("task.fence", { id, version: taskVersion, action });
}

test("a server that slept past a lease finds its commits refused", async () => {
  const seed = drawSeed();
  const prng = new Prng(seed);
  const url = await postgres.database();
  await using gate = await Gate.to(url);
  const args = ["--aio-store-postgres-poll", "200ms", "--log-level", "debug"];
  await using cluster = await Cluster.start({ urls: [gate.url, url], args });
  const [sleeper, other] = [cluster.server(0), cluster.server(1)];
  await using traffic = new Traffic(cluster, seed);
  traffic.start({ clients: 4, creators: 0, workers: 0 });

  const until = async (attempt: () => Promise<Outcome>): Promise<void> => {
    for (let tries = 0; statusOf(await attempt()) !== 200; tries++) {
      if (tries === 200) throw new Error("nobody takes over");
      await pause(25);
    }
  };
  for (let round = 0; round < rounds; round++) {
    const id = `task-${round}`;
    const tags = { "resonate:target": "poll://any@nobody" };
    await traffic.askOf(other.url, operation("promise.create", { id, timeoutAt: far, tags }));
    const claim = { id, version: 0, pid: "old", ttl };
    await until(() => traffic.askOf(sleeper.url, operation("task.acquire", claim)));
    await traffic.askOf(
      other.url,
      create({ id: `hot-${round}`, timeout: far, key: "k", word: "w" }),
    );
    gate.shut();
    const late = [
      traffic.askOf(sleeper.url, prng.pick([fencing, fulfilment])(id, 1, `late-${round}`)),
    ];
    const race = { id: `hot-${round}`, verb: "resolve", key: "late", word: "late" } as const;
    const lateSettle = traffic.askOf(sleeper.url, settle(race));
    while (gate.waitingCount === 0) await pause(2); // decided, and not begun
    sleeper.kill("SIGSTOP");
    // These wait in its socket.
    late.push(traffic.askOf(sleeper.url, fencing(id, 1, `later-${round}`)));
    late.push(traffic.askOf(sleeper.url, fulfilment(id, 1, `later-${round}`)));
    const beat = operation("task.heartbeat", { pid: "old", tasks: [{ id, version: 1 }] });
    const lateBeat = traffic.askOf(sleeper.url, beat);
    await until(() => {
      const next = { id, version: 1, pid: "new", ttl: 60_000 };
      return traffic.askOf(other.url, operation("task.acquire", next));
    });
    const first = await traffic.askOf(
      other.url,
      settle({ ...race, verb: "reject", key: "first", word: "first" }),
    );
    sleeper.kill("SIGCONT");
    if (prng.chance(50)) await pause(prng.below(20));
    gate.open();
    expect((await Promise.all(late)).map(statusOf)).toEqual([409, 409, 409]);
    expect([statusOf(first), statusOf(await lateSettle)].toSorted()).toEqual([201, 403]);
    expect(statusOf(await lateBeat)).toBe(200); // of a heartbeat, which says nothing
    const read = await traffic.askOf(sleeper.url, operation("task.get", { id }));
    expect(read).toMatchObject({ seen: { body: { task: { state: "acquired", pid: "new" } } } });
    expect(statusOf(await traffic.askOf(sleeper.url, fulfilment(id, 2, "new")))).toBe(200);
    await traffic.askOf(other.url, get(`hot-${round}`));
  }
  const lost = await traffic.finish();

  const log = await logOf(url);
  const judgement = judge(traffic.history, log);
  expect(explained(judgement, log)).toBe("");
  expect(lost).toEqual([]);
  expect(gate.heldCount).toBeGreaterThanOrEqual(rounds);
  const repeated = sleeper.lines.filter((line) => line.includes('msg="commands repeated"'));
  expect(repeated.length).toBeGreaterThanOrEqual(rounds); // refused by revision, and decided anew
  const acquired = log.filter(({ event }) => event.kind === "task_acquired");
  expect(acquired.length).toBe(2 * rounds);
  expect(cluster.bugs).toEqual([]);
  await cluster.stop();
  expect(await verified(url)).toMatch(/all agree\n$/);
}, 60_000);
