// The signals that end a server: the first one asks, the second one insists (promise-api.md §6.3).

import { isatty } from "node:tty";

/**
 * A key pressed at a terminal reaches every process there, and npm hands its child a copy. That copy
 * comes within milliseconds; nobody presses twice so fast. Arbitrary between the two.
 */
const echoMs = 250;

/** @param onSecond called for every signal after the first */
export function firstSignal(onSecond: () => void): Promise<NodeJS.Signals> {
  const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>();
  const isAtTerminal = isatty(0);
  let firstAt: number | null = null;
  const receive = (signal: NodeJS.Signals) => {
    const at = performance.now();
    if (firstAt === null) {
      firstAt = at;
      resolve(signal);
    } else if (signal !== "SIGINT" || !isAtTerminal || at - firstAt > echoMs) {
      onSecond();
    }
  };
  process.on("SIGINT", receive);
  process.on("SIGTERM", receive);
  return promise;
}
