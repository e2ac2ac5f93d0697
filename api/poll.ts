// `GET /poll/:group/:id`: the streams on which connected workers are told what they shall do, as
// server-sent events (protocol.md §1.3). What becomes of a stream is worker-streams.ts.

import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { decodeSegment } from "../kernel/address.ts";
import type { Exchange } from "./exchange.ts";
import { pathOf, workerSegments } from "./route.ts";
import { type Admit, type Outlet, type StreamsOptions, WorkerStreams } from "./worker-streams.ts";

export type PollOptions = StreamsOptions & { readonly admit: Admit };

const eventStream = { "content-type": "text/event-stream", "cache-control": "no-cache" };
const plain = { "content-type": "text/plain; charset=utf-8" };

export class Poll {
  readonly #admit: Admit;
  readonly #streams: WorkerStreams;

  constructor({ admit, ...options }: PollOptions) {
    this.#admit = admit;
    this.#streams = new WorkerStreams(options);
  }

  /** Streams that are open, those that are ending included. */
  get streamCount(): number {
    return this.#streams.count;
  }

  async open(exchange: Exchange): Promise<globalThis.Response> {
    const [group, id] = workerSegments(pathOf(exchange.url));
    const worker = { group: decodeSegment(group), id: decodeSegment(id) };
    const admission = await this.#admit(worker, exchange.header("authorization"));
    if (admission.kind === "unauthenticated") return exchange.send(401, "Unauthorized", plain);
    if (admission.kind === "forbidden") return exchange.send(403, "Forbidden", plain);
    if (exchange.isHead) return exchange.sendHead(eventStream);
    if (this.#streams.isClosed) {
      const closing = { ...plain, connection: "close" };
      return exchange.send(503, "Server is shutting down", closing); // E5
    }
    const { incoming, outgoing } = exchange.sockets;
    if (incoming.socket.destroyed) return exchange.abandon(); // E4
    const outlet = toOutlet(outgoing, incoming.socket);
    const stream = this.#streams.connect({ worker, outlet, admitted: admission });
    if (stream === null) return exchange.send(503, "Poll registration at capacity", plain);
    outgoing.once("close", stream.left); // E4
    incoming.resume(); // a body that nobody reads would hide that the client is gone
    const begun = exchange.begin(eventStream);
    stream.begin();
    return begun;
  }

  /** E5. Call it before, or together with, the listener's `close`. */
  close(): void {
    this.#streams.close();
  }
}

/** As bytes: Node would join the headers to a text, and both would become UTF-8. */
const comment = Buffer.from(": ka\n\n");

function toOutlet(outgoing: ServerResponse, socket: Socket): Outlet {
  return {
    write: (message, written) => {
      const bytes = message === null ? comment : `data: ${message}\n\n`;
      outgoing.write(bytes, (error) => written(!error));
    },
    end: () => outgoing.end(),
    destroy: () => socket.destroy(),
  };
}
