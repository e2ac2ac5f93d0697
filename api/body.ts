// Reading a request's body, as many bytes as are allowed and not one more (promise-api.md §1.4).
//
//   Y1. Exactly the limit is accepted. One byte more is refused: from `content-length` before any is
//       read, else as soon as the limit is crossed.
//   Y2. A refusal is read by clients that are still sending: the connection stays open for a moment
//       and what comes is thrown away. A socket closed with bytes unread would reset it.

import type { IncomingMessage } from "node:http";

export type Body =
  | { readonly kind: "read"; readonly bytes: Uint8Array }
  | { readonly kind: "too_large" }
  /** The client went away in the middle of it; nobody waits for an answer. */
  | { readonly kind: "gone" };

const tooLarge: Body = { kind: "too_large" };
const gone: Body = { kind: "gone" };
const lingerMs = 1_000; // arbitrary: a few round trips

/** @returns whether the header alone says that it is too large (Y1) */
export function isDeclaredTooLarge(contentLength: string | undefined, limit: number): boolean {
  return contentLength !== undefined && Number(contentLength) > limit;
}

export function readIncoming(incoming: IncomingMessage, limit: number): Promise<Body> {
  if (isDeclaredTooLarge(incoming.headers["content-length"], limit)) {
    return Promise.resolve(tooLarge);
  }
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    incoming.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= limit) chunks.push(chunk);
      else resolve(tooLarge); // Y1; whatever else comes is thrown away
    });
    incoming.on("end", () => {
      const [first = Buffer.of()] = chunks;
      resolve({ kind: "read", bytes: chunks.length > 1 ? Buffer.concat(chunks) : first });
    });
    incoming.on("close", () => resolve(gone)); // means nothing once it has ended
  });
}

/** The same for a request that no socket has brought. */
export async function readRequest(request: globalThis.Request, limit: number): Promise<Body> {
  const declared = request.headers.get("content-length") ?? undefined;
  if (isDeclaredTooLarge(declared, limit)) return tooLarge;
  if (request.body === null) return { kind: "read", bytes: Buffer.of() };
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body) {
    size += chunk.length;
    if (size > limit) return tooLarge; // Y1
    chunks.push(chunk);
  }
  return { kind: "read", bytes: Buffer.concat(chunks) };
}

/** Y2: sends a text, and ends once the client has sent all it had, or after a while. */
export function lingering(text: string, incoming: IncomingMessage): ReadableStream<Uint8Array> {
  let timer: NodeJS.Timeout | undefined;
  return new ReadableStream({
    start(controller) {
      controller.enqueue(Buffer.from(text));
      const end = () => {
        if (timer === undefined) return;
        clearTimeout(timer);
        timer = undefined;
        controller.close();
      };
      timer = setTimeout(end, lingerMs);
      incoming.on("end", end);
      incoming.on("close", end);
      incoming.resume();
      if (incoming.readableEnded) end(); // it has sent all it had while it was read
    },
    cancel() {
      clearTimeout(timer);
      timer = undefined;
    },
  });
}
