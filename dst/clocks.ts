// How the clocks of the nodes are off when they start, and what happens to them later.

import { NodeClock } from "./clock.ts";
import type { Fate } from "./fate.ts";
import type { Process } from "./node.ts";
import type { World } from "./world.ts";

/** By how much a clock is off or jumps, ms: from a slip to thirty years. */
const jumpsMs = [1, 10, 1_000, 60_000, 3_600_000, 86_400_000, 30 * 365 * 86_400_000];
const driftsPpm = [1, 100, 10_000, 100_000];

/** How long a clock stands still, and after what time a sleeper looks at it again, ms. */
const frozenMs = 20_000;
const lookMs = 30_000;

export function drawClock(fate: Fate, node: number, now: number): NodeClock {
  const offset = fate.strikes("offset", node, "clock")
    ? signed(fate, "offset by", node, jumpsMs)
    : 0;
  const drift = fate.strikes("drift", node, "clock")
    ? signed(fate, "drift by", node, driftsPpm)
    : 0;
  return new NodeClock(now, offset, drift);
}

/**
 * A clock that stands is left alone: its process looks at it every few ms, and each look would be an
 * occasion to stop it anew, for ever.
 */
export function disturb(world: World, server: Process): void {
  const { fate, queue } = world;
  const { node, clock } = server;
  if (clock.stands(queue.now)) return;
  const moment = world.moment(node);
  const actor = world.nodeActor(node);
  if (fate.strikes("jump_forward", moment, "clock")) {
    clock.jump(Math.abs(signed(fate, "forward", node, jumpsMs)));
    queue.scheduleIdle(actor, lookMs, () => server.poke()); // as aio/timer.ts
  }
  if (fate.strikes("jump_back", moment, "clock")) {
    clock.jump(-Math.abs(signed(fate, "back", node, jumpsMs)));
  }
  if (!fate.strikes("freeze", moment, "clock")) return;
  clock.freeze(queue.now);
  const ms = 1 + fate.amount("frozen", node, frozenMs, "clock");
  queue.schedule(actor, ms, () => clock.unfreeze());
}

function signed(fate: Fate, site: string, node: number, sizes: readonly number[]): number {
  const drawn = fate.amount(site, node, 2 * sizes.length, "clock");
  const size = sizes[drawn >> 1] ?? 0;
  return drawn % 2 === 0 ? size : -size;
}
