// What became of a request, whichever API it came through; for metrics and the log.

export type RequestRecord = {
  readonly api: "http" | "grpc";
  /** One of few, whatever a client writes: metrics keep them all. */
  readonly operation: string;
  /** The request id, as far as a log wants it. */
  readonly tid: string;
  /** Of promise-api.md §3.2; the status of the current protocol. */
  readonly code: number;
  readonly ms: number;
  /** What was thrown, if the code is 5000; else null. */
  readonly error: unknown;
};

const tidMax = 128; // characters; specified in promise-api.md §1.3

export function toTid(requestId: string): string {
  return requestId.length > tidMax ? requestId.slice(0, tidMax).toWellFormed() : requestId;
}
