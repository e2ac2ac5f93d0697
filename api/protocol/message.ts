// Messages as workers and listeners read them (protocol.md §1.5).

import { unreachable } from "../../kernel/assert.ts";
import type { Message } from "../../kernel/message.ts";
import { promiseRecord } from "./records.ts";

/** @param serverUrl where workers find this server */
export function encodeMessage(message: Message, serverUrl: string): string {
  const head = message.kind === "execute" ? { serverUrl } : {};
  return JSON.stringify({ kind: message.kind, head, data: messageData(message) });
}

export function messageData(message: Message): unknown {
  switch (message.kind) {
    case "execute": {
      const { id, version } = message;
      return { task: { id, version } };
    }
    case "unblock":
      return { promise: promiseRecord(message.id, message.promise) };
    default:
      return unreachable(message);
  }
}
