// A way to a Postgres that can break: it looks into what the client sends just far enough to see a
// COMMIT, and then does what a test has told it to do.

import { createServer, connect as dial, type Socket } from "node:net";

/**
 * What becomes of a COMMIT: it arrives and its answer is lost, or it is lost itself, or both wait; or it
 * arrives, and then we say, as a pooler does, that we have lost the server.
 */
export type Mischief = "answer_lost" | "request_lost" | "answer_late" | "answer_forged" | null;

export type Proxy = {
  /** The same database, by this way. */
  readonly url: string;
  /** What is to happen to the next COMMITs. */
  mischief: Mischief;
  /** COMMITs that were struck. */
  readonly struck: number;
  close(): Promise<void>;
};

/** A simple query of the protocol, and what says that it is done: type, length, text, zero. */
const commit = "Q\0\0\0\x0bCOMMIT\0";
const committed = "C\0\0\0\x0bCOMMIT\0";

/** Type, length, fields, zero: as PgBouncer says it, instead of all answers that have not come. */
const forged = "E\0\0\0\x36SFATAL\0VFATAL\0C08P01\0Mserver conn crashed (told)\0\0";

export async function proxyTo(target: string): Promise<Proxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let struck = 0;
  const server = createServer((client) => {
    const upstream = dial(Number(port), hostname);
    let isAnswerLost = false;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.on("data", (chunk) => {
      if (proxy.mischief !== null && chunk.toString("latin1").includes(commit)) {
        struck += 1;
        if (proxy.mischief === "request_lost") {
          client.destroy();
          return;
        }
        isAnswerLost = true;
      }
      upstream.write(chunk);
    });
    upstream.on("data", (chunk) => {
      if (!isAnswerLost) client.write(chunk);
      else if (chunk.toString("latin1").includes(committed)) {
        if (proxy.mischief === "answer_lost") client.destroy();
        if (proxy.mischief === "answer_forged") client.end(forged, "latin1");
      }
    });
  });
  await new Promise<void>((listening) => {
    server.listen(0, "127.0.0.1", listening);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the proxy has no port");
  const url = new URL(target);
  url.port = `${address.port}`;
  const proxy = {
    url: url.href,
    mischief: null as Mischief, // set by tests
    get struck() {
      return struck;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((closed) => {
        server.close(closed);
      });
    },
  };
  return proxy;
}
