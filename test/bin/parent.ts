// A parent of a worker, to be killed: it tells the worker's process id and then waits for ever.

import { type ChildProcess, fork } from "node:child_process";

const [, , labModule = "", base = ""] = process.argv;
const script = new URL("../../bin/dst/worker.ts", import.meta.url);
const worker: ChildProcess = fork(script, [labModule], { serialization: "advanced" });
const wishes = {
  ...{ size: "short", store: "memory", nodes: [1, 1], clients: null, operations: 10 },
  ...{ policy: null, faults: "none", limits: {}, isCanary: false, isSearched: false },
};
worker.send({
  kind: "setup",
  setup: { base, wishes, recheck: 0, wgl: null, commit: "", isJson: false, isDifferential: false },
});
worker.on("message", ({ kind }: { readonly kind: string }) => {
  if (kind === "begin") setTimeout(() => process.send?.(worker.pid), 200);
});
worker.send({ kind: "run", stretch: { from: 0, to: 1 } });
