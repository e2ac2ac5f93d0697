// How a call stops waiting: for its client, its deadline, or the end of the server.

import { Code, ConnectError } from "@connectrpc/connect";

/**
 * Waits for the work, but no longer than the call lives. The work itself goes on.
 *
 * @throws ConnectError, what the call was ended with
 */
export function unlessAborted<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  return new Promise((resolve, reject) => {
    const end = () => reject(ConnectError.from(signal.reason, Code.Canceled));
    if (signal.aborted) end();
    signal.addEventListener("abort", end);
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", end));
  });
}
