// What befalls a process as it wakes: the end, sleep, a clock that is set, or the power goes out for all.

import { disturb } from "./clocks.ts";
import { workers } from "./honest.ts";
import type { Process } from "./node.ts";
import type { World } from "./world.ts";

/** The longest that a process sleeps, ms. Arbitrary: several times as long as a claim lasts. */
const asleepMs = 20_000;
/** The most written commits that a power cut takes back. Arbitrary. */
const droppedMax = 3;

/** @returns whether the process cannot go on */
export function befall(world: World, server: Process): boolean {
  const { fate, queue } = world;
  const { node } = server;
  const moment = world.moment(node);
  if (fate.strikes("power_cut", moment)) cutPower(world);
  if (server.isAlive && fate.strikes("kill", moment, "crash")) world.kill(server, "kill");
  if (!server.isAlive) return true;
  if (fate.strikes("graceful_stop", moment) && server.isListening) server.stop();
  disturb(world, server);
  if (fate.strikes("worker_connects", moment)) {
    server.connect(workers[fate.amount("worker", node, workers.length)] ?? workers[0]);
  }
  if (!fate.strikes("pause", moment)) return false;
  server.pause();
  world.log(server, "pause", server.name, () => "falls asleep");
  queue.schedule(world.nodeActor(node), 1 + fate.amount("asleep", node, asleepMs), () => {
    server.resume();
  });
  return true;
}

function cutPower(world: World): void {
  const { fate, disk } = world;
  const { writtenCount } = disk;
  const dropped = Math.min(writtenCount, fate.amount("dropped", "power", droppedMax + 1));
  if (dropped > 0) world.see("a power cut drops a written commit");
  disk.cut(writtenCount - dropped);
  for (const server of world.processes) {
    server.aio.cut();
    if (fate.amount("power", server.node, 2) === 1) world.kill(server, "power cut");
  }
}
