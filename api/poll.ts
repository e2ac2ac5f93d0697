// `GET /poll/:group/:id`: the streams on which connected workers are told what they shall do, as
// server-sent events (protocol.md §1.3). Owns the streams; which of them a message goes to is
// decided behind the port Mailbox.
//
//   E1. A message is confirmed when its frame has been written to the socket. What has not been by
//       the time the stream ends is given up, and said to be; each message once.
//   E2. A comment opens a stream and is repeated, so that idle proxies keep it, unless something
//       still waits to be written.
//   E3. A stream on which nothing could be written for some intervals, though something waits, is cut.
//   E4. Whoever goes away, or is turned away, leaves nothing behind.
//   E5. Once closed, there are no new streams, and the open ones end: behind what they were given, but
//       without waiting long for those who do not read it.

import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { decodeSegment, type Worker } from "../kernel/address.ts";
import { assert } from "../kernel/assert.ts";
import type { PromiseId } from "../kernel/ids.ts";
import type { Mailbox, WorkerStream } from "../kernel/ports.ts";
import type { Exchange } from "./exchange.ts";
import { pathOf, workerSegments } from "./route.ts";

/** What a token says about a worker (protocol.md §8). */
export type Admission =
  | { readonly kind: "admitted"; readonly mayReceive: (subject: PromiseId) => boolean }
  | { readonly kind: "unauthenticated" }
  | { readonly kind: "forbidden" };

export type Admit = (
  worker: Worker,
  /** The header as it came, one character for each byte; null if there is none. */
  authorization: string | null,
) => Admission | Promise<Admission>;

export type PollOptions = {
  readonly mailbox: Mailbox;
  readonly keepAliveMs: number;
  readonly admit: Admit;
};

/** Where authentication is off. */
export const admitAll: Admit = () => ({ kind: "admitted", mayReceive: () => true });

/** Intervals (E3). Arbitrary: a minute, by default; a frame needs less on any link worth having. */
const stillIntervalsMax = 4;
const lingerMs = 1_000; // arbitrary: a few round trips, for the last frames to be read

const eventStream = { "content-type": "text/event-stream", "cache-control": "no-cache" };
const plain = { "content-type": "text/plain; charset=utf-8" };

export class Poll {
  readonly #options: PollOptions;
  readonly #streams = new Set<Stream>();
  #isClosed = false;

  constructor(options: PollOptions) {
    this.#options = options;
  }

  /** Streams that are open, those that are ending included. */
  get streamCount(): number {
    return this.#streams.size;
  }

  async open(exchange: Exchange): Promise<globalThis.Response> {
    const { mailbox, keepAliveMs, admit } = this.#options;
    const [group, id] = workerSegments(pathOf(exchange.url));
    const worker = { group: decodeSegment(group), id: decodeSegment(id) };
    const admission = await admit(worker, exchange.header("authorization"));
    if (admission.kind === "unauthenticated") return exchange.send(401, "Unauthorized", plain);
    if (admission.kind === "forbidden") return exchange.send(403, "Forbidden", plain);
    if (exchange.isHead) return exchange.sendHead(eventStream);
    if (this.#isClosed) {
      const closing = { ...plain, connection: "close" };
      return exchange.send(503, "Server is shutting down", closing); // E5
    }
    const { incoming, outgoing } = exchange.sockets;
    if (incoming.socket.destroyed) return exchange.abandon(); // E4
    const stream = new Stream({
      worker,
      outgoing,
      socket: incoming.socket,
      mayReceive: admission.mayReceive,
    });
    if (!mailbox.connect(stream)) return exchange.send(503, "Poll registration at capacity", plain);
    this.#streams.add(stream);
    outgoing.once("close", () => {
      this.#streams.delete(stream); // E4
      if (stream.giveUp()) mailbox.disconnect(stream);
    });
    incoming.resume(); // a body that nobody reads would hide that the client is gone
    const begun = exchange.begin(eventStream);
    stream.begin(keepAliveMs);
    return begun;
  }

  /** E5. Call it before, or together with, the listener's `close`. */
  close(): void {
    this.#isClosed = true;
    for (const stream of this.#streams) {
      if (stream.end()) this.#options.mailbox.disconnect(stream);
    }
  }
}

type StreamOptions = {
  readonly worker: Worker;
  readonly outgoing: ServerResponse;
  readonly socket: Socket;
  readonly mayReceive: (subject: PromiseId) => boolean;
};

type Frame = {
  readonly bytes: string | Buffer;
  readonly written: (isWritten: boolean) => void;
};

/**
 * Open, then ending or ended: `end` and `giveUp` say whether it was open until then. One frame is
 * written at a time: Node joins those that are written together, and would confirm them together.
 */
class Stream implements WorkerStream {
  readonly worker: Worker;
  readonly #mayReceive: (subject: PromiseId) => boolean;
  readonly #outgoing: ServerResponse;
  readonly #socket: Socket;
  /** Not yet known to be written; the first has been handed to the socket. */
  readonly #frames: Frame[] = [];
  #isOpen = true;
  #stillIntervals = 0;
  #keepAlive: NodeJS.Timeout | undefined;
  #lingering: NodeJS.Timeout | undefined;

  constructor({ worker, outgoing, socket, mayReceive }: StreamOptions) {
    this.worker = worker;
    this.#mayReceive = mayReceive;
    this.#outgoing = outgoing;
    this.#socket = socket;
  }

  mayReceive(subject: PromiseId): boolean {
    return this.#mayReceive(subject);
  }

  /** Once, behind the headers. */
  begin(keepAliveMs: number): void {
    this.#comment();
    this.#keepAlive = setInterval(() => this.#beat(), keepAliveMs);
  }

  write(message: string, written: (isWritten: boolean) => void): void {
    assert(!/[\r\n]/.test(message), "a message has more than one line");
    assert(this.#isOpen, "a message is written to a stream that has ended");
    this.#send({ bytes: `data: ${message}\n\n`, written });
  }

  /** E5. What it was given is still written. */
  end(): boolean {
    if (!this.#isOpen) return false;
    this.#isOpen = false;
    clearInterval(this.#keepAlive);
    this.#lingering = setTimeout(() => this.#socket.destroy(), lingerMs);
    if (this.#frames.length === 0) this.#outgoing.end();
    return true;
  }

  /** E1. Nothing is written any more. */
  giveUp(): boolean {
    const wasOpen = this.#isOpen;
    this.#isOpen = false;
    clearInterval(this.#keepAlive);
    clearTimeout(this.#lingering);
    for (const { written } of this.#frames.splice(0)) written(false);
    return wasOpen;
  }

  #beat(): void {
    if (this.#frames.length === 0) {
      this.#comment(); // E2
    } else {
      this.#stillIntervals += 1;
      if (this.#stillIntervals >= stillIntervalsMax) this.#socket.destroy(); // E3
    }
  }

  /** As bytes: Node would join the headers to a text, and both would become UTF-8. */
  #comment(): void {
    this.#send({ bytes: Buffer.from(": ka\n\n"), written: () => {} });
  }

  #send(frame: Frame): void {
    this.#frames.push(frame);
    if (this.#frames.length === 1) this.#hand(frame);
  }

  #hand(frame: Frame): void {
    this.#outgoing.write(frame.bytes, (error) => {
      if (this.#frames[0] !== frame) return; // it was given up
      this.#frames.shift();
      this.#stillIntervals = 0;
      frame.written(!error); // E1
      const [next] = this.#frames;
      if (next !== undefined) this.#hand(next);
      else if (!this.#isOpen) this.#outgoing.end(); // E5
    });
  }
}
