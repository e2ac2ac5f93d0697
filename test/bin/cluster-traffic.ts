// Clients and workers of the tests that injure real servers. Each asks any server it likes, and all that
// they ask and hear is recorded. What they choose comes from the seed; when it happens does not.

import { setTimeout as pause } from "node:timers/promises";
import { Prng } from "../../dst/prng.ts";
import type { Cluster } from "./cluster.ts";
import type { Recorded } from "./cluster-history.ts";
import {
  type Asked,
  create,
  get,
  type Outcome,
  operation,
  outcomeOf,
  settle,
} from "./cluster-requests.ts";

const far = 2_524_608_000_000;

/** Longer than any answer should take; what is not answered then is unknown. */
const patienceMs = 20_000;

/** Before somebody who got no answer asks again; ms. Arbitrary. */
const backOffMs = 25;

export class Traffic {
  readonly history: Recorded[] = [];
  readonly seed: string;
  readonly #cluster: Pick<Cluster, "pick">;
  readonly #stop = new AbortController();
  readonly #running: Promise<unknown>[] = [];
  /** What ended a client or a worker: an answer outside the contract. */
  readonly #errors: unknown[] = [];
  readonly #settled = new Set<string>();
  readonly #created = new Set<string>();
  #words = 0;
  /** Created for sure, or perhaps. */
  readonly tasks: string[] = [];
  readonly #children: string[] = [];
  /** Leases end by the clock in these tests, so they are short; ms. */
  readonly ttls: readonly [min: number, max: number] = [300, 1_000];

  constructor(cluster: Pick<Cluster, "pick">, seed: string) {
    this.#cluster = cluster;
    this.seed = seed;
  }

  /** Once; without an answer for sure where nobody could be reached. */
  async ask(prng: Prng, asked: Asked): Promise<Outcome> {
    const server = this.#cluster.pick(prng);
    if (server === null) {
      await pause(backOffMs);
      return { kind: "none" };
    }
    return await this.askOf(server.url, asked);
  }

  async askOf(url: string, asked: Asked): Promise<Outcome> {
    const call = now();
    const outcome = await send(url, asked);
    this.history.push({ asked, call, return: now(), outcome });
    if (outcome.kind !== "answered") await pause(backOffMs);
    return outcome;
  }

  /** Until somebody has answered; the same request each time. */
  async insist(prng: Prng, asked: Asked): Promise<Outcome> {
    for (let attempt = 0; attempt < 400; attempt++) {
      const outcome = await this.ask(prng, asked);
      if (outcome.kind === "answered") return outcome;
    }
    throw new Error(`nobody answers ${asked.path}`);
  }

  start(counts: { readonly clients: number; readonly creators: number; readonly workers: number }) {
    const of = (count: number, name: string, run: (name: string, prng: Prng) => Promise<void>) => {
      for (let index = 0; index < count; index++) {
        const running = run(`${name}${index}`, new Prng(`${this.seed}/${name}/${index}`));
        this.#running.push(running.catch((error: unknown) => void this.#errors.push(error)));
      }
    };
    of(counts.clients, "c", (name, prng) => this.#client(name, prng));
    of(counts.creators, "k", (name, prng) => this.#creator(name, prng));
    of(counts.workers, "w", (name, prng) => this.#worker(name, prng));
  }

  /**
   * Until all that was begun is done.
   *
   * @returns the tasks that are lost: nobody was offered them, or could do them
   */
  async finish(waitMaxMs = 20_000): Promise<readonly string[]> {
    const prng = new Prng(`${this.seed}/finish`);
    this.#isEnding = true;
    const until = performance.now() + waitMaxMs;
    const left = this.tasks.filter((id) => !this.#isDone(id));
    for (const id of left) {
      if (!this.#created.has(id)) await this.insist(prng, this.#creation(id));
    }
    while (left.some((id) => !this.#isDone(id)) && performance.now() < until) {
      for (const id of this.#children.splice(0)) await this.#settleChild(prng, id, true);
      const open = left.filter((id) => !this.#isDone(id));
      for (const id of open) {
        const outcome = await this.insist(prng, operation("promise.get", { id }));
        if (isSettled(outcome)) this.#settled.add(id);
      }
      await pause(100);
    }
    await this[Symbol.asyncDispose]();
    for (const error of this.#errors) throw error;
    const ids = new Set(this.history.flatMap(({ asked }) => idOf(asked))).values();
    const lane = async () => {
      for (const id of ids) await this.insist(prng, operation("promise.get", { id }));
    };
    await Promise.all(Array.from({ length: 8 }, lane));
    return left.filter((id) => !this.#isDone(id));
  }

  /** Nobody asks any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isEnding = true;
    this.#stop.abort();
    await Promise.all(this.#running);
  }

  /** Its end was acknowledged, or is there to be read. */
  #isDone(id: string): boolean {
    return this.#settled.has(id);
  }

  #isEnding = false;

  #word(name: string): string {
    this.#words += 1;
    return `${name}.${this.#words}`;
  }

  /** Of the original API, on a few promises at a time, with few keys, so that they meet. */
  async #client(name: string, prng: Prng): Promise<void> {
    while (!this.#isEnding) {
      const id = `p-${Math.floor(this.#words / 60)}-${prng.below(4)}`;
      await this.ask(prng, this.#ofPromise(id, name, prng));
      await pause(prng.below(8));
    }
  }

  #ofPromise(id: string, name: string, prng: Prng): Asked {
    const key = `key-${prng.below(2)}`;
    const word = this.#word(name);
    const draw = prng.below(100);
    if (draw < 35) {
      const timeout = prng.chance(25) ? Math.floor(now()) + prng.between(1, 600) : far;
      return create({ id, key, word, timeout, strict: prng.chance(20) });
    }
    if (draw < 65) {
      return settle({ id, key, word, verb: prng.pick(["resolve", "reject", "cancel"]) });
    }
    return get(id);
  }

  /** Makes tasks, and settles what they wait for. */
  async #creator(name: string, prng: Prng): Promise<void> {
    for (let count = 0; !this.#isEnding; count++) {
      const id = `${name}-${count}`;
      this.tasks.push(id);
      const created = await this.ask(prng, this.#creation(id));
      if (created.kind === "answered") this.#created.add(id);
      const child = this.#children.shift();
      if (child !== undefined) await this.#settleChild(prng, child, false);
      await pause(prng.between(20, 80));
    }
  }

  #creation(id: string): Asked {
    const tags = { "resonate:target": "poll://any@workers" };
    return operation("promise.create", { id, timeoutAt: far, param: { data: id }, tags });
  }

  async #settleChild(prng: Prng, id: string, insists: boolean): Promise<void> {
    if (this.#settled.has(id)) return;
    const value = { data: this.#word("child") };
    const asked = operation("promise.settle", { id, state: "resolved", value });
    const outcome = await (insists ? this.insist(prng, asked) : this.ask(prng, asked));
    if (outcome.kind === "answered") this.#settled.add(id);
    else this.#children.push(id);
  }

  /** Connected to one server, and asks any. */
  async #worker(name: string, prng: Prng): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const server = this.#cluster.pick(prng);
      if (server !== null) await this.#listen(server.url, name, prng);
      await pause(backOffMs, null, { signal: this.#stop.signal }).catch(() => null);
    }
  }

  async #listen(url: string, name: string, prng: Prng): Promise<void> {
    const working = new Set<Promise<void>>();
    // Another server now and then, or all workers would gather at one that is never killed.
    const turn = AbortSignal.any([
      this.#stop.signal,
      AbortSignal.timeout(prng.between(500, 2_500)),
    ]);
    try {
      const { body } = await fetch(`${url}/poll/workers/${name}`, { signal: turn });
      for await (const { id, version } of offers(body)) {
        const work = this.#work(id, version, new Prng(`${this.seed}/${name}/${id}/${version}`));
        working.add(work);
        void work.finally(() => working.delete(work));
      }
    } catch {
      // gone, or another one's turn
    }
    await Promise.all(working);
  }

  /** One task, as far as its holder gets; some holders vanish, some come back when it is too late. */
  async #work(id: string, version: number, prng: Prng): Promise<void> {
    const pid = this.#word("pid");
    const ttl = prng.between(...this.ttls);
    const claim = await this.ask(prng, operation("task.acquire", { id, version, pid, ttl }));
    if (claim.kind !== "answered" || claim.seen.status !== 200) return;
    const held = { id, version: version + 1 };
    const child = `${id}.child`;
    const draw = this.#isEnding ? 100 : prng.below(100);
    if (draw < 8) return; // vanishes, with its lease
    if (draw < 16) await pause(ttl + 200); // wakes when another one has taken over, perhaps
    if (draw >= 16 && draw < 30) {
      await this.ask(prng, operation("task.heartbeat", { pid, tasks: [held] }));
    }
    if (draw >= 30 && draw < 36) {
      await this.ask(prng, operation("task.release", held));
      return;
    }
    if (prng.chance(40)) {
      const data = { id: child, timeoutAt: far, tags: { "resonate:scope": "global" } };
      const action = { kind: "promise.create", data: { ...data, param: { data: pid } } };
      const fenced = await this.ask(prng, operation("task.fence", { ...held, action }));
      if (fenced.kind !== "answered" || fenced.seen.status !== 200) return;
      this.#children.push(child);
      const wait = { kind: "promise.register_callback", data: { awaited: child, awaiter: id } };
      if (prng.chance(30)) await this.ask(prng, operation(wait.kind, wait.data));
      const asleep = await this.ask(prng, operation("task.suspend", { ...held, actions: [wait] }));
      if (asleep.kind !== "answered" || asleep.seen.status !== 300) return;
    }
    await this.#fulfil(prng, held);
  }

  async #fulfil(prng: Prng, held: { readonly id: string; readonly version: number }) {
    const value = { data: this.#word("value") };
    const data = { id: held.id, state: "resolved", value };
    const action = { kind: "promise.settle", data };
    for (let attempt = 0; attempt < 3; attempt++) {
      const outcome = await this.ask(prng, operation("task.fulfill", { ...held, action }));
      if (isSettled(outcome)) this.#settled.add(held.id);
      if (outcome.kind === "answered") return;
    }
  }
}

/** Of the wall clock, ms, and never back. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}

async function send(url: string, asked: Asked): Promise<Outcome> {
  const { method, path, headers, body } = asked;
  const signal = AbortSignal.timeout(patienceMs);
  let status: number;
  let text: string;
  try {
    const response = await fetch(url + path, { method, headers, body, signal });
    status = response.status;
    text = await response.text();
  } catch (error) {
    return { kind: isRefused(error) ? "none" : "unknown" };
  }
  return outcomeOf(asked, status, text);
}

/** Nobody has listened, so nobody has heard it. */
function isRefused(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : null;
  return cause instanceof Error && "code" in cause && cause.code === "ECONNREFUSED";
}

type Offer = { readonly id: string; readonly version: number };

async function* offers(body: AsyncIterable<Uint8Array> | null): AsyncGenerator<Offer> {
  let text = "";
  for await (const chunk of body ?? []) {
    text += Buffer.from(chunk).toString();
    const lines = text.split("\n");
    text = lines.pop() ?? "";
    for (const line of lines) {
      if (line.startsWith("data: ")) yield JSON.parse(line.slice(6)).data.task;
    }
  }
}

function idOf({ command }: Asked): readonly string[] {
  return "id" in command ? [command.id] : [];
}

function isSettled(outcome: Outcome): boolean {
  if (outcome.kind !== "answered" || outcome.seen.status !== 200) return false;
  const { promise } = outcome.seen.body as { readonly promise: { readonly state: string } };
  return promise.state !== "pending";
}
