// Power cuts, as far as a test can make them: a server on one data file is killed twenty times while
// clients work, and each time it must come back at once and know all that it has answered.
//
// After each restart: what was acknowledged is there, as it was acknowledged; what was asked and not
// acknowledged is there wholly or not at all, and asking again tells which. In the end the log holds
// every fact once, and folds to what is stored.

import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { seed } from "../../bin/bench/seed.ts";
import { deadlineMs } from "../../kernel/ids.ts";
import { type Answer, directory, launcher, ServerProcess } from "./server-process.ts";

const far = 2_524_608_000_000;
const rounds = 20;
const clientCount = 8;
const seeded = 100_000;

/** Promises of one client in one round, at the most; the kill comes earlier most of the time. */
const perClient = 150;

/** What a client did with one promise of its own, and what it was told. */
type Attempt = {
  readonly id: string;
  readonly verb: "resolve" | "cancel";
  /** Null: not answered. */
  created: unknown;
  isSettleAsked: boolean;
  settled: unknown;
};

const param = { headers: { a: "1" }, data: "aGVsbG8=" };
const value = { data: "ZG9uZQ==" };
const tags = { round: "trip" };

function create(server: ServerProcess, { id }: Attempt): Promise<Answer | null> {
  const body = { id, param, tags, timeout: far };
  return server.post("/promises", body, { "idempotency-key": `create-${id}` }).catch(() => null);
}

function settle(server: ServerProcess, { id, verb }: Attempt): Promise<Answer | null> {
  const headers = { "idempotency-key": `settle-${id}` };
  return server.post(`/promises/${id}/${verb}`, { value }, headers).catch(() => null);
}

/** Works until the server is gone. */
async function client(server: ServerProcess, name: string): Promise<readonly Attempt[]> {
  const attempts: Attempt[] = [];
  for (let count = 0; count < perClient; count++) {
    const verb = count % 2 === 0 ? "resolve" : "cancel";
    const attempt: Attempt = {
      id: `${name}-${count}`,
      verb,
      created: null,
      isSettleAsked: false,
      settled: null,
    };
    attempts.push(attempt);
    const created = await create(server, attempt);
    if (created === null) break;
    expect(created.status).toBe(201);
    attempt.created = created.body;
    if (count % 3 === 0) continue; // some stay pending
    attempt.isSettleAsked = true;
    const settled = await settle(server, attempt);
    if (settled === null) break;
    expect(settled.status).toBe(201);
    attempt.settled = settled.body;
  }
  return attempts;
}

function pending({ id }: Attempt): object {
  const createdOn = expect.any(Number);
  const idempotencyKeyForCreate = `create-${id}`;
  return {
    id,
    state: "PENDING",
    param,
    value: {},
    timeout: far,
    idempotencyKeyForCreate,
    createdOn,
    tags,
  };
}

function whole(attempt: Attempt): object {
  return {
    ...pending(attempt),
    state: attempt.verb === "resolve" ? "RESOLVED" : "REJECTED_CANCELED",
    value,
    idempotencyKeyForComplete: `settle-${attempt.id}`,
    completedOn: expect.any(Number),
  };
}

/** Reads what became of an attempt; asks again if it was left unanswered, which then settles it. */
async function check(server: ServerProcess, attempt: Attempt): Promise<void> {
  const found = await server.get(`/promises/${attempt.id}`);
  if (attempt.settled !== null) {
    expect(found).toMatchObject({ status: 200, body: attempt.settled });
  } else if (attempt.isSettleAsked) {
    expect([pending(attempt), whole(attempt)]).toContainEqual(found.body);
    const wasSettled = found.body !== null && "completedOn" in (found.body as object); // matched above
    const again = await settle(server, attempt);
    expect(again).toMatchObject({ status: wasSettled ? 200 : 201, body: whole(attempt) });
    attempt.settled = again?.body;
  } else if (attempt.created !== null) {
    expect(found).toMatchObject({ status: 200, body: attempt.created });
  } else {
    if (found.status !== 404) expect(found.body).toEqual(pending(attempt));
    const again = await create(server, attempt);
    expect(again).toMatchObject({
      status: found.status === 404 ? 201 : 200,
      body: pending(attempt),
    });
    attempt.created = again?.body;
  }
}

async function checkAll(server: ServerProcess, attempts: readonly Attempt[]): Promise<void> {
  const left = attempts.values();
  const worker = async () => {
    for (const attempt of left) await check(server, attempt);
  };
  await Promise.all(Array.from({ length: clientCount }, worker));
}

/** How often each kind of event is in the log of each promise. */
function facts(cwd: string): ReadonlyMap<string, number> {
  const args = [launcher, "log", "export"];
  const text = execFileSync(process.execPath, args, { cwd, encoding: "utf8", maxBuffer: 2 ** 30 });
  const counts = new Map<string, number>();
  for (const line of text.trimEnd().split("\n")) {
    const { stream, kind } = JSON.parse(line);
    const fact = `${stream.id} ${kind}`;
    counts.set(fact, (counts.get(fact) ?? 0) + 1);
  }
  return counts;
}

test("twenty power cuts under load lose nothing, double nothing, and cost no second each", async () => {
  using place = directory();
  const file = join(place.path, "resonate.db");
  seed({ file, prefix: "seeded-", count: seeded, timeoutAt: deadlineMs(BigInt(far)) });
  const startsMs: number[] = [];
  const all: Attempt[] = [];
  let unanswered = 0;
  let last: readonly Attempt[] = [];
  for (let round = 0; round < rounds; round++) {
    const startedAt = performance.now();
    await using server = await ServerProcess.start({ args: ["serve"], cwd: place.path });
    startsMs.push(performance.now() - startedAt);
    await checkAll(server, last);
    const names = Array.from({ length: clientCount }, (_, index) => `${round}-${index}`);
    const clients = Promise.all(names.map((name) => client(server, name)));
    await new Promise((resolve) => setTimeout(resolve, 20 + ((round * 37) % 160))); // in any phase
    server.kill("SIGKILL");
    await server.ended;
    last = (await clients).flat();
    all.push(...last);
    unanswered += last.filter(({ created, isSettleAsked, settled }) => {
      return created === null || (isSettleAsked && settled === null);
    }).length;
  }
  await using server = await ServerProcess.start({ args: ["serve"], cwd: place.path });
  await checkAll(server, all);
  server.kill("SIGTERM");
  expect(await server.ended).toEqual({ code: 0, signal: null });

  const verified = execFileSync(process.execPath, [launcher, "log", "verify"], {
    cwd: place.path,
    encoding: "utf8",
  });
  expect(verified).toMatch(/^resonate\.db: \d+ streams, \d+ events, \d+ tags; all agree\n$/);
  const counts = facts(place.path);
  expect([...counts].filter(([, count]) => count > 1)).toEqual([]);
  const expected = all.flatMap(({ id, settled }) => {
    return [`${id} promise_created`, ...(settled === null ? [] : [`${id} promise_settled`])];
  });
  expect(counts.size).toBe(seeded + expected.length);
  expect(expected.filter((fact) => !counts.has(fact))).toEqual([]);
  expect(all.length).toBeGreaterThan(rounds * clientCount); // there was load,
  expect(unanswered).toBeGreaterThan(rounds); // and it was cut short
  expect(startsMs.sort((one, other) => one - other)[rounds / 2]).toBeLessThan(1_000);
}, 120_000);
