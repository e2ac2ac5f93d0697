// A worker as its users write one, with the SDK from npm: a process of its own, killed at any moment by
// sdk.test.ts. Each call of a function is a line of its output, so that none runs unseen.

import { type Context, Resonate } from "@resonatehq/sdk";

const [url = "", group = "", pid = "", ttl = "60000"] = process.argv.slice(2);
const resonate = new Resonate({ url, group, pid, ttl: Number(ttl) });

function ran(...what: readonly unknown[]): void {
  process.stdout.write(`ran ${what.join(" ")}\n`);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

resonate.register("square", async (_context: Context, number: number) => {
  ran("square", number);
  return number * number;
});

resonate.register("fib", function* fib(context: Context, n: number): Generator<unknown, number> {
  if (n < 2) return n;
  const first = (yield* context.beginRun(fib, n - 1)) as Iterable<unknown>;
  const second = (yield* context.beginRun(fib, n - 2)) as Iterable<unknown>;
  return (((yield* first) as number) + ((yield* second) as number)) as number;
});

/** The same, each call going to any worker of the group. */
resonate.register("farFib", function* (context: Context, n: number, target: string): Generator {
  if (n < 2) return yield* context.run(async () => n);
  const options = context.options({ target });
  const call = (of: number) => context.beginRpc("farFib", of, target, options);
  const first = (yield* call(n - 1)) as Iterable<unknown>;
  const second = (yield* call(n - 2)) as Iterable<unknown>;
  const sum = ((yield* first) as number) + ((yield* second) as number);
  return yield* context.run(async (step: Context) => {
    ran("sum", step.id, Date.now());
    return sum;
  });
});

resonate.register("sum", function* (context: Context, count: number, target: string): Generator {
  const options = context.options({ target });
  const futures: Iterable<unknown>[] = [];
  for (let number = 0; number < count; number++) {
    futures.push((yield* context.beginRpc("square", number, options)) as Iterable<unknown>);
  }
  let sum = 0;
  for (const future of futures) sum += (yield* future) as number;
  return sum;
});

resonate.register("nap", function* (context: Context, ms: number): Generator {
  yield* context.sleep(ms);
  return "rested";
});

resonate.register("ask", function* (context: Context): Generator {
  const answer = (yield* context.promise()) as Iterable<unknown>;
  return yield* answer;
});

resonate.register("leave", function* (context: Context, number: number): Generator {
  yield* context.detached("square", number);
  return "left";
});

resonate.register("tick", async (context: Context, what: string) => {
  ran(what, context.id);
  return context.id;
});

resonate.register("fail", async () => {
  ran("fail");
  throw new Error("it cannot be done");
});

let tries = 0;
resonate.register("stumble", async () => {
  tries += 1;
  ran("stumble", tries);
  if (tries < 3) throw new Error(`try ${tries}`);
  return tries;
});

/** The second step takes long wherever the worker is called "first". */
resonate.register("steps", function* (context: Context): Generator {
  const one = yield* context.run(async () => {
    ran("step one");
    return 1;
  });
  const two = yield* context.run(async () => {
    ran("step two");
    if (pid === "first") await sleep(60_000);
    return 2;
  });
  return [one, two];
});

process.stdout.write("ready\n");
