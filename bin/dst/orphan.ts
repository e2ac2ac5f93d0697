// A child that does not outlive its parent.
//
//   D4. It ends when the parent is gone, however that ended and whatever the child is doing then.

import { Worker } from "node:worker_threads";

export function endWithParent(): void {
  const workerData = process.ppid; // read here: once the thread has started it may be too late
  new Worker(new URL("guard.ts", import.meta.url), { workerData }).unref(); // D4, in a loop without end
  process.once("disconnect", () => process.exit()); // D4, at once
  process.on("SIGINT", () => undefined); // a key at a terminal reaches every process; the parent decides
}
