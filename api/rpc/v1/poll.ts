// `resonate.v1.Workers/Poll`: the streams of workers that are connected over gRPC. They are the same
// as those over HTTP (worker-streams.ts); only the frames differ.
//
//   G12. A frame counts as written once the next one is asked for (rpc/stream.ts sees to that).
//   G13. Whoever goes away is gone at once, even while nothing is written.

import { Code, ConnectError, type ConnectRouter, type HandlerContext } from "@connectrpc/connect";
import type { Worker } from "../../../kernel/address.ts";
import { assert } from "../../../kernel/assert.ts";
import { type PollRequest, Workers } from "../../../proto/gen/resonate/v1/resonate_pb.ts";
import { idBytesMax } from "../../fields.ts";
import { hasBytes } from "../../schema.ts";
import {
  type Admission,
  type Admit,
  type Outlet,
  type StreamsOptions,
  WorkerStreams,
} from "../../worker-streams.ts";
import { unlessAborted } from "../standard/abort.ts";
import { cut } from "../stream.ts";
import {
  atCapacity,
  forbidden,
  invalid,
  type Refused,
  shuttingDown,
  toError,
  unauthenticated,
} from "./refusal.ts";
import { toFrame } from "./replies.ts";

export type WorkerServiceOptions = StreamsOptions & { readonly admit: Admit };

export class WorkerService {
  readonly #admit: Admit;
  readonly #streams: WorkerStreams;

  constructor({ admit, ...options }: WorkerServiceOptions) {
    this.#admit = admit;
    this.#streams = new WorkerStreams(options);
  }

  register(router: ConnectRouter): void {
    router.service(Workers, { poll: (message, context) => this.#poll(message, context) });
  }

  /** Streams that are open, those that are ending included. */
  get streamCount(): number {
    return this.#streams.count;
  }

  /** The streams end behind what they were given, and there are no new ones. */
  close(): void {
    this.#streams.close();
  }

  async *#poll({ group, id }: PollRequest, { requestHeader, signal, values }: HandlerContext) {
    const worker = { group, id };
    const asked = Promise.resolve(this.#admit(worker, requestHeader.get("authorization")));
    const admission = await unlessAborted(asked, signal);
    const refused = refusalOf(worker, admission) ?? (this.#streams.isClosed ? shuttingDown : null);
    if (refused !== null) throw toError(refused);
    assert(admission.kind === "admitted", "a worker is let in that was not admitted");
    const frames = new Frames(values.get(cut));
    const stream = this.#streams.connect({ worker, outlet: frames, admitted: admission });
    if (stream === null) throw toError(atCapacity);
    const leave = () => {
      frames.end();
      stream.left();
    };
    signal.addEventListener("abort", leave); // G13
    try {
      stream.begin();
      for await (const json of frames.all()) yield toFrame(json);
    } finally {
      signal.removeEventListener("abort", leave);
      leave();
    }
    if (signal.aborted) throw ConnectError.from(signal.reason, Code.Canceled);
    throw toError(admission.isOver() ? unauthenticated : shuttingDown);
  }
}

/** A token counts before a name, as everywhere. */
function refusalOf({ group, id }: Worker, { kind }: Admission): Refused | null {
  if (kind === "unauthenticated") return unauthenticated;
  if (kind === "forbidden") return forbidden;
  const named = [
    ["Group", group],
    ["Worker ID", id],
  ] as const;
  const broken = named.flatMap(([name, text]) => {
    if (text === "") return [`${name} is required`];
    return hasBytes(text, idBytesMax) ? [] : [`${name} must be at most ${idBytesMax} bytes`];
  });
  return broken.length === 0 ? null : invalid(broken.join("; "));
}

type Frame = { readonly message: string | null; readonly written: (isWritten: boolean) => void };

/** Frames that are pushed, one at a time, and pulled by whoever writes them. */
class Frames implements Outlet {
  readonly #cut: () => void;
  #frame: Frame | null = null;
  #isEnded = false;
  #wake = () => {};

  constructor(cut: () => void) {
    this.#cut = cut;
  }

  write(message: string | null, written: (isWritten: boolean) => void): void {
    assert(this.#frame === null, "a frame is handed over before the last was written");
    this.#frame = { message, written };
    this.#wake();
  }

  end(): void {
    this.#isEnded = true;
    this.#wake();
  }

  destroy(): void {
    this.#cut();
  }

  /** Once. */
  async *all(): AsyncGenerator<string | null> {
    while (!this.#isEnded) {
      const frame = this.#frame;
      if (frame === null) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      } else {
        yield frame.message;
        this.#frame = null;
        frame.written(true); // G12: more may be handed over from within
      }
    }
  }
}
