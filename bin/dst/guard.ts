// A thread of a worker that ends it when its parent is gone. The worker itself cannot notice while a
// run hangs in a loop without end, which is what it is there to find.

import { workerData } from "node:worker_threads";

const parent: number = workerData;

/** Ms between two looks. Arbitrary: soon, and not felt. */
const everyMs = 500;

setInterval(() => {
  if (process.ppid !== parent) process.kill(process.pid, "SIGKILL");
}, everyMs);
