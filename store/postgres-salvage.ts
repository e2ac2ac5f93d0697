// What is read by key when Postgres itself cannot read some of it: a text that has lost its pages, an index
// that leads astray. One such stream fails a whole statement, so it is looked for, half by half.

import type { Loaded } from "../kernel/ports.ts";
import type { StreamKey } from "../kernel/stream.ts";
import { isDamage } from "./postgres-errors.ts";
import { keyLists } from "./postgres-plan.ts";
import type { Session } from "./postgres-pool.ts";
import { selectStreams } from "./postgres-queries.ts";
import { orNull } from "./postgres-reads.ts";
import { type LoadedRow, loadedOf } from "./postgres-rows.ts";
import { unwritten } from "./store.ts";

/** A6 for what can be read but not decoded; what cannot be read fails all. */
export async function load(
  session: Session,
  keys: readonly StreamKey[],
): Promise<readonly Loaded[]> {
  const rows = await session.rows<LoadedRow>(selectStreams, keyLists(keys));
  const found = new Map(rows.map((row) => [Number(row.place), row]));
  return keys.map((key, index) => {
    const row = found.get(index + 1);
    const stream = orNull(() => (row === undefined ? unwritten(key) : loadedOf(key, row)));
    return stream === null ? { kind: "unreadable", key } : { kind: "stream", stream };
  });
}

/**
 * A6 for both, within a transaction of the caller, so that all is of one moment. The savepoint keeps the
 * connection good.
 */
export async function salvage(
  session: Session,
  keys: readonly StreamKey[],
): Promise<readonly Loaded[]> {
  await session.script("SAVEPOINT salvage");
  try {
    return await load(session, keys);
  } catch (error) {
    if (!isDamage(error)) throw error;
  }
  await session.script("ROLLBACK TO SAVEPOINT salvage");
  if (keys.length <= 1) return keys.map((key) => ({ kind: "unreadable", key }));
  const half = keys.length >> 1;
  const first = await salvage(session, keys.slice(0, half));
  return [...first, ...(await salvage(session, keys.slice(half)))];
}
