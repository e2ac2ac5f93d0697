// The open streams of workers, however they came: what each still has to write, and how it ends. Owns
// the frames that wait; which stream a message goes to is decided behind the port Mailbox, and what a
// frame looks like is the outlet's business.
//
//   E1. A message is confirmed when its frame has been written to the socket. What has not been by
//       the time the stream ends is given up, and said to be; each message once.
//   E2. A frame without a message opens a stream and is repeated, so that idle proxies keep it, unless
//       something still waits to be written.
//   E3. A stream on which nothing could be written for some intervals, though something waits, is cut.
//   E4. Whoever goes away, or is turned away, leaves nothing behind.
//   E5. Once closed, there are no new streams, and the open ones end: behind what they were given, but
//       without waiting long for those who do not read it.
//   E6. A stream does not outlive its token: nothing goes to it from that instant, and it ends within an
//       interval. Whoever has a newer token comes back with it.

import type { Worker } from "../kernel/address.ts";
import { assert } from "../kernel/assert.ts";
import type { PromiseId } from "../kernel/ids.ts";
import type { Mailbox, WorkerStream } from "../kernel/ports.ts";

export type Admitted = {
  readonly mayReceive: (subject: PromiseId) => boolean;
  /** Whether its token has expired since (E6). */
  readonly isOver: () => boolean;
};

/** What a token says about a worker (protocol.md §8). */
export type Admission =
  | ({ readonly kind: "admitted" } & Admitted)
  | { readonly kind: "unauthenticated" }
  | { readonly kind: "forbidden" };

export type Admit = (
  worker: Worker,
  /** The header as it came, one character for each byte; null if there is none. */
  authorization: string | null,
) => Admission | Promise<Admission>;

/** Where authentication is off. */
export const admitAll: Admit = () => ({
  kind: "admitted",
  mayReceive: () => true,
  isOver: () => false,
});

/** Where the frames of one stream go. */
export interface Outlet {
  /**
   * Is called again only once the last frame has been written. `written` is called later, if at all.
   *
   * @param message JSON without a line break; null: a frame that says nothing
   */
  write(message: string | null, written: (isWritten: boolean) => void): void;
  /** Ends it behind what was written. */
  end(): void;
  /** Cuts it: what is under way is lost. */
  destroy(): void;
}

/** Intervals (E3). Arbitrary: a minute, by default; a frame needs less on any link worth having. */
const stillIntervalsMax = 4;
const lingerMs = 1_000; // arbitrary: a few round trips, for the last frames to be read

export type StreamsOptions = { readonly mailbox: Mailbox; readonly keepAliveMs: number };

export type StreamOptions = {
  readonly worker: Worker;
  readonly outlet: Outlet;
  readonly admitted: Admitted;
};

export class WorkerStreams {
  readonly #options: StreamsOptions;
  readonly #streams = new Set<Stream>();
  #isClosed = false;

  constructor(options: StreamsOptions) {
    this.#options = options;
  }

  /** Those that are ending included. */
  get count(): number {
    return this.#streams.size;
  }

  /** Then nobody is let in (E5). */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** @returns what begins and ends the stream; null if there are too many */
  connect(
    options: StreamOptions,
  ): { readonly begin: () => void; readonly left: () => void } | null {
    assert(!this.#isClosed, "a stream is connected after the end");
    const { mailbox, keepAliveMs } = this.#options;
    const stream = new Stream(options);
    if (!mailbox.connect(stream)) return null;
    this.#streams.add(stream);
    const left = () => {
      if (!this.#streams.delete(stream)) return;
      if (stream.giveUp()) mailbox.disconnect(stream); // E4
    };
    return { begin: () => stream.begin(keepAliveMs, () => this.#end(stream)), left };
  }

  /** E5. */
  close(): void {
    this.#isClosed = true;
    for (const stream of this.#streams) this.#end(stream);
  }

  #end(stream: Stream): void {
    if (stream.end()) this.#options.mailbox.disconnect(stream);
  }
}

type Frame = {
  /** Null: it only keeps the stream alive. */
  readonly message: string | null;
  readonly written: (isWritten: boolean) => void;
};

/**
 * Open, then ending or ended: `end` and `giveUp` say whether it was open until then. One frame is
 * written at a time: Node joins those that are written together, and would confirm them together.
 */
class Stream implements WorkerStream {
  readonly worker: Worker;
  readonly #admitted: Admitted;
  readonly #outlet: Outlet;
  /** Not yet known to be written; the first has been handed to the outlet. */
  readonly #frames: Frame[] = [];
  #isOpen = true;
  #stillIntervals = 0;
  #keepAlive: NodeJS.Timeout | undefined;
  #lingering: NodeJS.Timeout | undefined;

  constructor({ worker, outlet, admitted }: StreamOptions) {
    this.worker = worker;
    this.#admitted = admitted;
    this.#outlet = outlet;
  }

  mayReceive(subject: PromiseId): boolean {
    return this.#admitted.mayReceive(subject);
  }

  /** Once, behind the headers. */
  begin(keepAliveMs: number, onOver: () => void): void {
    this.#comment();
    this.#keepAlive = setInterval(() => {
      if (this.#admitted.isOver())
        onOver(); // E6
      else this.#beat();
    }, keepAliveMs);
  }

  write(message: string, written: (isWritten: boolean) => void): void {
    assert(!/[\r\n]/.test(message), "a message has more than one line");
    assert(this.#isOpen, "a message is written to a stream that has ended");
    this.#send({ message, written });
  }

  /** E5. What it was given is still written. */
  end(): boolean {
    if (!this.#isOpen) return false;
    this.#isOpen = false;
    clearInterval(this.#keepAlive);
    this.#lingering = setTimeout(() => this.#outlet.destroy(), lingerMs);
    if (this.#frames.length === 0) this.#outlet.end();
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
      if (this.#stillIntervals >= stillIntervalsMax) this.#outlet.destroy(); // E3
    }
  }

  #comment(): void {
    this.#send({ message: null, written: () => {} });
  }

  #send(frame: Frame): void {
    this.#frames.push(frame);
    if (this.#frames.length === 1) this.#hand(frame);
  }

  #hand(frame: Frame): void {
    this.#outlet.write(frame.message, (isWritten) => {
      if (this.#frames[0] !== frame) return; // it was given up
      this.#frames.shift();
      this.#stillIntervals = 0;
      frame.written(isWritten); // E1
      const [next] = this.#frames;
      if (next !== undefined) this.#hand(next);
      else if (!this.#isOpen) this.#outlet.end(); // E5
    });
  }
}
