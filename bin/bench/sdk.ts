// A process that uses the SDK from npm, for bin/bench/functions.ts: a worker that serves one function
// of one durable step, or callers of it, a call at a time each. It ends with its standard input.

import { type Context, Resonate } from "@resonatehq/sdk";
import type { SdkJob } from "./functions.ts";
import { summary } from "./summary.ts";

const group = "bench";
const name = "step";

// The job was made by bin/bench/functions.ts, which is of the same commit.
const job = JSON.parse(process.argv[2] ?? "null") as SdkJob;
process.stdin.resume().on("end", () => process.exit());
const line = job.kind === "worker" ? work(job) : await measure(job);
process.stdout.write(`${line}\n`);

function work({ url, pid }: SdkJob & { kind: "worker" }): string {
  const resonate = new Resonate({ url, group, pid });
  resonate.register(name, function* (context: Context, number: number): Generator {
    return yield* context.run(async () => number + 1);
  });
  return "ready";
}

async function measure(asked: SdkJob & { kind: "caller" }): Promise<string> {
  const { url, prefix, callers, warmUpMs, durationMs } = asked;
  const resonate = new Resonate({ url, group: "callers" });
  const fromMs = performance.now() + warmUpMs;
  const untilMs = fromMs + durationMs;
  const latencies: number[] = [];
  let called = 0;
  const caller = async () => {
    for (let startMs = performance.now(); startMs < untilMs; startMs = performance.now()) {
      const number = called++;
      const options = resonate.options({ target: group });
      const result = await resonate.rpc(`${prefix}${number}`, name, number, options);
      if (result !== number + 1) throw new Error(`a call returned ${result}`);
      const endMs = performance.now();
      if (endMs >= fromMs && endMs < untilMs) latencies.push(endMs - startMs);
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  return JSON.stringify(summary(latencies, durationMs));
}
