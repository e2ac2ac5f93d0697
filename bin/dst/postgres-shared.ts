// The Postgres of this process: its runs come one after the other, and each begins with an empty one. It is
// started when the first of them asks for it, and gone when the process ends.

import { SyncPostgres } from "./postgres-bridge.ts";

let shared: SyncPostgres | null = null;

export function sharedPostgres(): SyncPostgres {
  if (shared !== null) return shared;
  shared = new SyncPostgres({ address: null });
  process.once("exit", endSharedPostgres);
  return shared;
}

export function endSharedPostgres(): void {
  process.off("exit", endSharedPostgres);
  shared?.close();
  shared = null;
}
