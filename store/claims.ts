// Who was handed out by `due`, and until when (store.ts, A5). Held in memory by the stores that are
// alone with their streams: a claim is a courtesy, so a restart may forget all of them.
//
//   A7. A claim ends at its instant, whoever asks then, or when its stream is written.
//   A8. A claim that would last for longer than two claims comes from a server whose clock is far
//       ahead. It ends at once, or what that server left undone would wait until its time has come.

import { type DeadlineMs, deadlineMs, type InstantMs } from "../kernel/ids.ts";
import type { StreamKey } from "../kernel/stream.ts";
import { StreamMap } from "../kernel/stream-map.ts";
import { Heap } from "./heap.ts";
import { claimMs } from "./store.ts";

type Claim = { readonly key: StreamKey; readonly endsAt: number };

export class Claims {
  readonly #held = new StreamMap<Claim>();
  /** Also holds claims that have ended early. */
  readonly #byEnd = new Heap<Claim>((left, right) => left.endsAt - right.endsAt);
  /** No claim ends later. */
  #latest = 0;

  has(key: StreamKey): boolean {
    return this.#held.has(key);
  }

  claim(key: StreamKey, now: InstantMs): void {
    const claim = { key, endsAt: now + claimMs };
    this.#held.set(key, claim);
    this.#byEnd.push(claim);
    this.#latest = Math.max(this.#latest, claim.endsAt);
  }

  /** For a write of the stream. */
  end(key: StreamKey): void {
    this.#held.delete(key);
  }

  /** @returns the streams whose claims have ended by now */
  expire(now: InstantMs): readonly StreamKey[] {
    const expired = this.#latest > now + 2 * claimMs ? this.#endFarOnes(now) : [];
    for (
      let claim = this.#next();
      claim !== undefined && claim.endsAt <= now;
      claim = this.#next()
    ) {
      this.#held.delete(claim.key);
      expired.push(claim.key);
    }
    return expired;
  }

  /** A8. Seldom: it looks at every claim. */
  #endFarOnes(now: InstantMs): StreamKey[] {
    const far = [...this.#held.values()].filter(({ endsAt }) => endsAt > now + 2 * claimMs);
    for (const { key } of far) this.#held.delete(key);
    this.#latest = now + 2 * claimMs;
    return far.map(({ key }) => key);
  }

  /** When the next claim ends; null: there is none. */
  get endsAt(): DeadlineMs | null {
    const claim = this.#next();
    return claim === undefined ? null : deadlineMs(BigInt(claim.endsAt));
  }

  clear(): void {
    this.#held.clear();
    this.#byEnd.clear();
    this.#latest = 0;
  }

  #next(): Claim | undefined {
    for (;;) {
      const claim = this.#byEnd.peek();
      if (claim === undefined || this.#held.get(claim.key) === claim) return claim;
      this.#byEnd.pop();
    }
  }
}
