// What a tool reads of a whole database, beside servers that write to it: is it what its log says, and
// what does the log say?

import { StoreError } from "./store.ts";
import type { Report } from "./verify.ts";

export interface Reader {
  /** @throws StoreError if it cannot be read; what is wrong in the database is in the report */
  verify(): Promise<Report>;
  /**
   * The log as JSON, one event a line, oldest first, without line ends, as fast as it is taken.
   *
   * @param take says whether to go on
   * @throws StoreError if it cannot be read, or an event is no JSON
   */
  export(take: (line: string) => Promise<boolean>): Promise<void>;
  close(): Promise<void>;
}

/** An event as it is stored. */
export type LogLine = {
  readonly position: number;
  readonly streamKind: string;
  readonly id: string;
  readonly version: number;
  readonly kind: string;
  readonly schema: number;
  readonly at: number;
  readonly command: string;
  readonly data: string;
};

/** @throws StoreError */
export function lineOf({ streamKind, id, data, ...event }: LogLine): string {
  const { position, version, kind, schema, at, command } = event;
  const stream = { kind: streamKind, id };
  const head = JSON.stringify({ position, stream, version, kind, schema, at, command });
  return `${head.slice(0, -1)},"data":${json(data, position)}}`;
}

function json(data: string, position: number): string {
  try {
    JSON.parse(data);
  } catch (cause) {
    throw new StoreError("record_unreadable", `the event at ${position} is no JSON`, { cause });
  }
  return data.replaceAll("\n", " "); // between members, where alone an unescaped one can stand
}
