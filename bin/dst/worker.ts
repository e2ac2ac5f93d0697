// A process that runs the seeds it is told to and sends sums. Its first argument is the module of the
// lab.

import type { Lab } from "./lab.ts";
import type { FromWorker, Setup, Stretch, ToWorker } from "./messages.ts";
import { endWithParent } from "./orphan.ts";
import { Tally } from "./tally.ts";
import { trial } from "./trial.ts";

endWithParent();

const [, , labModule = ""] = process.argv;
const { lab }: { readonly lab: Lab } = await import(labModule);

class Runner {
  setup: Setup | null = null;
  isStopped = false;

  async run({ from, to }: Stretch): Promise<void> {
    const { setup } = this;
    if (setup === null) throw new Error("told to run before it was told how");
    const tally = new Tally();
    const lines: string[] = [];
    let next = from;
    while (next < to && !this.isStopped && tally.figures.failures.length === 0) {
      send({ kind: "begin", index: next });
      const line = trial(lab, setup, next, tally);
      if (line !== null) lines.push(line);
      next += 1;
      await new Promise((resolve) => setImmediate(resolve)); // the parent may want to say something
    }
    send({ kind: "done", next, figures: tally.figures, lines });
  }
}

const runner = new Runner();

process.on("message", (message: ToWorker) => {
  switch (message.kind) {
    case "setup":
      runner.setup = message.setup;
      break;
    case "run":
      void runner.run(message.stretch);
      break;
    case "stop":
      runner.isStopped = true;
      break;
  }
});

function send(message: FromWorker): void {
  process.send?.(message);
}
