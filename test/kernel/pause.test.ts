// The switch by which time stands still: which messages wait, and what the kernel leaves undone. What a
// client sees of it is in test/api/protocol/debug.test.ts.

import { expect, test } from "vitest";
import {
  instantMs,
  promiseId,
  streamRevision,
  streamVersion,
  taskVersion,
} from "../../kernel/ids.ts";
import { Kernel } from "../../kernel/kernel.ts";
import { limits } from "../../kernel/limits.ts";
import type { Message } from "../../kernel/message.ts";
import { Pause } from "../../kernel/pause.ts";
import type { Sqe } from "../../kernel/ports.ts";
import type { Change } from "../../kernel/stream.ts";
import { born, cron, stream, tagged } from "./given.ts";

const target = "poll://any@g";

function execute(id: string, version = 0): Message {
  return { kind: "execute", to: target, id: promiseId(id), version: taskVersion(version) };
}

function unblock(id: string, to: string): Message {
  const promise = { kind: "settled" } as Extract<Message, { kind: "unblock" }>["promise"]; // not looked at
  return { kind: "unblock", to, id: promiseId(id), promise };
}

function paused({ delivers = false } = {}): Pause {
  const pause = new Pause(delivers);
  pause.begin();
  return pause;
}

test("H2: messages wait while it is on, and at no other time", () => {
  const pause = new Pause(false);
  expect(pause.keeps(execute("a"))).toBe(false);
  pause.begin();
  expect([pause.isOn, pause.keeps(execute("a"))]).toEqual([true, true]);
  pause.end();
  expect([pause.isOn, pause.keeps(execute("a"))]).toEqual([false, false]);
  expect(paused({ delivers: true }).keeps(execute("a"))).toBe(false);
});

test("H2: one execute of a task waits, the newest, and one unblock for each address", () => {
  const pause = paused();
  const all = [execute("a", 0), execute("b"), execute("a", 1)];
  const told = [unblock("a", "x"), unblock("a", "y"), unblock("b", "x"), unblock("a", "x")];
  for (const message of [...all, ...told]) pause.keeps(message);
  expect(pause.executes).toEqual([execute("a", 1), execute("b")]);
  expect(pause.end()).toEqual([
    ...[execute("a", 1), execute("b")],
    ...[unblock("a", "x"), unblock("a", "y"), unblock("b", "x")],
  ]);
});

/** As it lands with a commit. */
function change(id: string, ...events: Parameters<typeof stream>[1]): Change {
  const { key, state, timers } = stream(id, events);
  const write = { version: streamVersion(events.length), events: [], snapshot: state, timers };
  return { key, expectedRevision: streamRevision(0), write: { ...write, dueAt: null } };
}

test("H3: an execute no longer waits once its task is not pending", () => {
  const tags = tagged({ "resonate:target": target });
  const pending = born(1_000, tags, false);
  const pause = paused();
  for (const id of ["a", "b", "c", "d"]) pause.keeps(execute(id));
  pause.landed([
    change("a", pending),
    change("b", pending, { kind: "task_halted" }),
    change("c", born(1_000, tagged({}), false)),
    { ...change("d"), write: null },
  ]);
  expect(pause.executes).toEqual([execute("a"), execute("d")]);
});

test("H4: what waits leaves when it is switched off, once", () => {
  const pause = paused();
  pause.keeps(execute("b"));
  pause.keeps(unblock("c", "x"));
  pause.keeps(execute("a"));
  expect(pause.end()).toEqual([execute("b"), execute("a"), unblock("c", "x")]);
  expect(pause.end()).toEqual([]);
  pause.begin();
  pause.keeps(execute("a"));
  pause.forget();
  expect([pause.isOn, pause.end()]).toEqual([true, []]);
});

test("H1: a kernel that is paused asks neither what is due nor what waits for those who connect", () => {
  const asked: string[] = [];
  const enqueue = ({ submission }: Sqe) => asked.push(submission.kind) > 0;
  const aio = { enqueue, drain: () => [] };
  const kernel = new Kernel({ aio, limits: limits({}), node: "n", trace: () => {}, cron });
  kernel.driven.pause();
  kernel.connected({ group: "g", id: "w" });
  kernel.tick(instantMs(50));
  expect([asked, kernel.wakeAt]).toEqual([[], null]);
  kernel.driven.resume();
  expect(kernel.wakeAt).toBe(0n);
  kernel.tick(instantMs(50));
  expect(asked).toEqual(["due", "waiting"]);
});
