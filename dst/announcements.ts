// What servers on one store tell each other in a simulation: as notifications of a database do, each
// arrives some time later at every server that is up by then, in any order, or is lost.

import type { Announcement } from "../kernel/others.ts";
import { storeActor } from "./aio.ts";
import type { Process } from "./node.ts";
import type { World } from "./world.ts";

export function announce(world: World, from: Process, announcement: Announcement): void {
  const { fate, queue } = world;
  for (let node = 0; node < world.plan.nodes; node++) {
    if (node === from.node) continue;
    const key = `n${node} ${nameOf(announcement)} of n${from.node}`;
    if (fate.strikes("message_lost", key)) continue;
    queue.schedule(storeActor, fate.delay("announcement", key), () => {
      const server = world.processes.find((each) => each.node === node);
      if (server === undefined || !server.isAlive) return;
      if (announcement.kind === "missed") world.see("a server is told what another one missed");
      server.told(announcement);
    });
  }
}

function nameOf(announcement: Announcement): string {
  if (announcement.kind === "due") return `due ${announcement.at}`;
  const { kind, id } = announcement.message;
  return `missed ${kind} ${id}`;
}
