// Which protocol a connection speaks. HTTP/2 with prior knowledge opens with 24 fixed bytes (RFC 9113
// §3.4), of which no request of HTTP/1.1 begins with more than the first.

import type { Socket } from "node:net";

export type Protocol = "http1" | "http2";

const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** Told by as few bytes as possible: null is not yet. HTTP/2 takes all 24, so that all are timed. */
export function protocolOf(head: Uint8Array): Protocol | null {
  const length = Math.min(head.length, preface.length);
  if (preface.compare(head, 0, length, 0, length) !== 0) return "http1";
  return length === preface.length ? "http2" : null;
}

/**
 * Calls `told` once, with what was read put back. A connection that ends or has not told after
 * `timeoutMs` is closed instead.
 */
export function awaitProtocol(
  socket: Socket,
  timeoutMs: number,
  told: (protocol: Protocol) => void,
): void {
  let head = Buffer.alloc(0);
  const close = () => socket.destroy();
  const timer = setTimeout(close, timeoutMs);
  const stop = () => {
    clearTimeout(timer);
    socket.off("readable", read).off("end", close).off("close", stop);
  };
  const read = () => {
    const piece: Buffer | null = socket.read();
    if (piece === null) return;
    head = Buffer.concat([head, piece]);
    const protocol = protocolOf(head);
    if (protocol === null) return;
    stop();
    socket.unshift(head); // before it is handed on: both parsers first take what is buffered
    told(protocol);
  };
  // Not "data": a socket that flows would lose what is put back before there is a new listener.
  socket.on("readable", read).on("end", close).on("close", stop);
}
