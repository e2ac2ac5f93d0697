// What our listeners have in common, whatever they speak: how they start, where they listen, and an
// end that waits, but not for ever.

import { type AddressInfo, Server } from "node:net";
import { assert } from "../kernel/assert.ts";

export type Binding = {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** What goes wrong while listening, after the start. */
  readonly onError: (error: Error) => void;
};

/** @throws what `listen` fails with, `EADDRINUSE` for one */
export async function listen(server: Server, { host, port, onError }: Binding): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
  server.on("error", onError);
}

/** Where a server listens, with the port that was found if any would do. */
export function addressOf(server: Server): AddressInfo {
  const address = server.address();
  assert(address !== null && typeof address !== "string", "a listener without a port");
  return address;
}

/** Takes no more connections. Done when the last one has ended; ends none itself. */
export function drained(server: Server): Promise<void> {
  // An HTTP server's own `close` would also end connections whose last answer is still being sent.
  return new Promise((resolve) => {
    Server.prototype.close.call(server, () => resolve());
  });
}

/**
 * Waits for `done`; after `graceMs` it cuts what is left, which must lead to `done`.
 *
 * @returns how many `cut` says it has cut
 */
export async function doneWithin(
  graceMs: number,
  done: Promise<void>,
  cut: () => number,
): Promise<number> {
  let count = 0;
  const timer = setTimeout(() => {
    count = cut();
  }, graceMs);
  await done;
  clearTimeout(timer);
  return count;
}
