// The workers that there are once the faults have stopped (simulation.md §5.6, Liveness): some in every
// group, and honest. Each offer that reaches them is taken and finished, one after the other.

import type { Request, Response } from "../kernel/command.ts";
import { durationMs, type TaskVersion } from "../kernel/ids.ts";
import type { Message } from "../kernel/message.ts";
import type { Process } from "./node.ts";
import { Violation } from "./verdict.ts";
import type { World } from "./world.ts";

type Offer = Extract<Message, { readonly kind: "execute" }>;

/** Who is connected; the addresses of task-shapes.ts and values.ts lead to these. */
export const workers = [
  { group: "default", id: "w1" },
  { group: "g", id: "1" },
] as const;

const holder = { pid: "honest", ttl: durationMs(60_000n) } as const;
const empty = { headers: null, data: null } as const;

/** A queue may be full, or a process be dying still: then once more, ms. Both arbitrary. */
const pauseMs = 100;
const attemptsMax = 1000;

export function connectAll(server: Process): void {
  for (const worker of workers) server.connect(worker);
}

export class HonestWorkers {
  readonly #world: World;
  readonly #waiting: Offer[] = [];
  /** The version that was offered last, by task. */
  readonly #offered = new Map<string, TaskVersion>();
  #isBusy = false;

  constructor(world: World) {
    this.#world = world;
  }

  /** An offer has arrived. */
  offer(offer: Offer): void {
    this.#offered.set(offer.id, offer.version);
    this.#waiting.push(offer);
    if (!this.#isBusy) this.#next();
  }

  /** Tasks that were offered and that nobody has taken, at the end. */
  untaken(): readonly string[] {
    const { past } = this.#world.witness;
    return [...this.#offered].flatMap(([id, version]) => {
      const { task } = past.now(id);
      return task?.state === "pending" && task.version === version ? [id] : [];
    });
  }

  #next(): void {
    const offer = this.#waiting.shift();
    this.#isBusy = offer !== undefined;
    if (offer === undefined) return;
    const { id, version } = offer;
    this.#ask({ kind: "acquire_task", id, version, ...holder }, (response) => {
      if (response.kind !== "claim") {
        this.#next();
        return;
      }
      const held = { id, version: response.task.version };
      const outcome = "resolved" as const;
      this.#ask({ kind: "fulfill_task", ...held, outcome, value: empty }, () => this.#next());
    });
  }

  #ask(request: Request, then: (response: Response) => void, attempt = 1): void {
    const world = this.#world;
    const operation = world.begin({ key: 0, attempt, client: 0, request });
    operation.onEnd = (response) => {
      world.end(operation, response);
      if (response !== null && response.kind !== "failed") {
        then(response);
        return;
      }
      if (attempt === attemptsMax) {
        throw new Violation("V", "worker", "an honest worker is not served", {
          ...{ ids: [...this.#offered.keys()], actual: response?.failure ?? "cut" },
        });
      }
      const again = { ...request };
      const retry = () => this.#ask(again, then, attempt + 1);
      world.queue.schedule(world.clientActor(0), pauseMs, retry);
    };
    const server = world.processes.find(({ isListening }) => isListening);
    world.deliver(operation, server?.node ?? 0);
  }
}
