// As sdk-worker.ts, with the SDK's other engine: ordinary async functions in place of generators, and
// operations that begin when they are called.

import { type Context, Resonate } from "@resonatehq/sdk/async";

const [url = "", group = "", pid = "", ttl = "60000"] = process.argv.slice(2);
const resonate = new Resonate({ url, group, pid, ttl: Number(ttl) });

function ran(...what: readonly unknown[]): void {
  process.stdout.write(`ran ${what.join(" ")}\n`);
}

resonate.register("square", async (_context: Context, number: number) => {
  ran("square", number);
  return number * number;
});

resonate.register("sum", async (context: Context, count: number, target: string) => {
  const options = context.options({ target });
  const calls: Promise<number>[] = [];
  for (let number = 0; number < count; number++) {
    calls.push(context.rpc<number>("square", number, options));
  }
  return (await Promise.all(calls)).reduce((sum, square) => sum + square, 0);
});

/** Each call going to any worker of the group. */
resonate.register("fib", async (context: Context, n: number, target: string): Promise<number> => {
  if (n < 2) return n;
  const call = (of: number) => context.rpc<number>("fib", of, target, context.options({ target }));
  const [first, second] = await Promise.all([call(n - 1), call(n - 2)]);
  return first + second;
});

resonate.register("nap", async (context: Context, ms: number) => {
  await context.sleep(ms);
  return "rested";
});

resonate.register("ask", async (context: Context) => await context.promise<string>());

resonate.register("leave", async (context: Context, number: number, target: string) => {
  await context.detached("square", number, context.options({ target }));
  return "left";
});

resonate.register("fail", async () => {
  ran("fail");
  throw new Error("it cannot be done");
});

/** The second step takes long wherever the worker is called "first". */
resonate.register("steps", async (context: Context) => {
  const one = await context.run(async () => {
    ran("step one");
    return 1;
  });
  const two = await context.run(async () => {
    ran("step two");
    if (pid === "first") await new Promise((resolve) => setTimeout(resolve, 60_000));
    return 2;
  });
  return [one, two];
});

process.stdout.write("ready\n");
