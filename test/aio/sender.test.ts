// To whom a message is handed, and under which key.

import { expect, test } from "vitest";
import { Sender } from "../../aio/sender.ts";
import { deadlineMs, instantMs, promiseId, taskVersion } from "../../kernel/ids.ts";
import type { Message } from "../../kernel/message.ts";
import { emptyValue, noPairs } from "../../kernel/value.ts";

const id = promiseId("a");
const execute = (to: string, version = 0): Message => {
  return { kind: "execute", to, id, version: taskVersion(version) };
};
const unblock = (to: string): Message => ({
  ...{ kind: "unblock", to, id },
  promise: {
    ...{ kind: "settled", createdAt: instantMs(1), timeoutAt: deadlineMs(9n), param: emptyValue },
    ...{ tags: noPairs, createKey: null, isExternal: true, outcome: "resolved", value: emptyValue },
    ...{ settledAt: instantMs(2), settleKey: null },
  },
});

test.each<[string, Message, unknown]>([
  ["an execute is pushed", execute("http://t"), ["http://t", "execute", '["execute","a"]']],
  [
    "under the same key with any version",
    execute("http://t", 7),
    ["http://t", "execute", '["execute","a"]'],
  ],
  ["an unblock under another one", unblock("http://t"), ["http://t", "unblock", '["unblock","a"]']],
  ["a worker gets it by its stream", execute("poll://uni@g/1"), ["g", "a", "execute"]],
  ["what is no address reaches nobody", execute("gcps://t"), null],
])("sender: %s", async (_what, message, expected) => {
  let handed: unknown = null;
  const observed: string[] = [];
  const delivered = Promise.resolve({ kind: "delivered" } as const);
  const sender = new Sender({
    push: {
      deliver: (...all) => {
        handed = all;
        return delivered;
      },
    },
    mailbox: {
      deliver: ({ address, subject, message }) => {
        handed = [address.group, subject, message];
        return delivered;
      },
    },
    encode: ({ kind }) => kind,
    observer: {
      started: () => observed.push("started"),
      finished: ({ to }, { kind }) => observed.push(to, kind),
    },
  });
  const { kind } = await sender.send(message);
  expect([handed, kind]).toEqual([expected, expected === null ? "failed" : "delivered"]);
  expect(observed).toEqual(["started", message.to, kind]);
});
