// Messages as workers and listeners read them (protocol.md §1.5).

import { unreachable } from "../../kernel/assert.ts";
import type { Message } from "../../kernel/message.ts";
import { promiseRecord } from "./records.ts";

/** @param serverUrl where workers find this server */
export function encodeMessage(message: Message, serverUrl: string): string {
  switch (message.kind) {
    case "execute": {
      const { kind, id, version } = message;
      return JSON.stringify({ kind, head: { serverUrl }, data: { task: { id, version } } });
    }
    case "unblock": {
      const { kind, id, promise } = message;
      return JSON.stringify({ kind, head: {}, data: { promise: promiseRecord(id, promise) } });
    }
    default:
      return unreachable(message);
  }
}
