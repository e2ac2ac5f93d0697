// Connections that are cut between COMMIT and its answer, or just before COMMIT arrives (simulation.md
// §10.2, R9): through a proxy, under load, while a second server works on the same database.
//
// Whatever was asked is applied once or never; what is answered is the truth, or that the outcome is
// unknown. Then the log says what has happened, and the search for an order holds the answers to it.

import { setTimeout as pause } from "node:timers/promises";
import { afterAll, expect, test } from "vitest";
import { ownServer } from "../../bin/dst/postgres-server.ts";
import { Prng } from "../../dst/prng.ts";
import { Cluster, drawSeed, logOf, verified } from "./cluster.ts";
import { Gate } from "./cluster-gate.ts";
import { explained, judge } from "./cluster-history.ts";
import { create, get } from "./cluster-requests.ts";
import { Traffic } from "./cluster-traffic.ts";

const postgres = await ownServer();
afterAll(() => postgres.stop());

const far = 2_524_608_000_000;

/** simulation.md §10.2, R9. */
const resets = 20;

test("a COMMIT whose answer is lost is applied once or never, and never said to be neither", async () => {
  const seed = drawSeed();
  const prng = new Prng(seed);
  const url = await postgres.database();
  await using gate = await Gate.to(url);
  const args = ["--task-retry-timeout", "1s", "--aio-store-postgres-poll", "500ms"];
  await using cluster = await Cluster.start({ urls: [gate.url, url], args });
  await using traffic = new Traffic(cluster, seed);
  // Alone, so that what was struck is what was asked.
  const alone = { landed: 0, lost: 0 };
  for (let round = 0; round < resets; round++) {
    const id = `alone-${round}`;
    gate.cut = round % 2 === 0 ? "answer_lost" : "request_lost";
    const asked = create({ id, timeout: far, key: "k", word: id });
    const outcome = await traffic.askOf(cluster.server(0).url, asked);
    expect(gate.cut).toBe(null);
    const found = await traffic.askOf(cluster.server(1).url, get(id));
    const isThere = found.kind === "answered" && found.seen.status === 200;
    alone[isThere ? "landed" : "lost"] += 1;
    // Looked for under its command id: found, or nobody can tell.
    expect(outcome.kind, id).toBe(isThere ? "answered" : "unknown");
    const again = await traffic.askOf(cluster.server(0).url, asked);
    expect(again).toMatchObject({ seen: { status: isThere ? 200 : 201 } });
  }
  expect(alone).toEqual({ landed: resets / 2, lost: resets / 2 });

  traffic.start({ clients: 5, creators: 2, workers: 2 });
  for (let count = 0; count < resets; count++) {
    await pause(prng.between(20, 150));
    gate.cut = prng.pick(["answer_lost", "request_lost"]);
    while (gate.cut !== null) await pause(2);
  }
  const lost = await traffic.finish();
  expect(gate.cutCount).toBe(2 * resets);
  const log = await logOf(url);
  const judgement = judge(traffic.history, log);
  expect(explained(judgement, log)).toBe("");
  expect(lost).toEqual([]);
  expect(judgement.counts.unknown).toBeGreaterThanOrEqual(resets / 2);
  expect(cluster.bugs).toEqual([]);
  await cluster.stop();
  expect(await verified(url)).toMatch(/all agree\n$/);
}, 60_000);
