// What a stream has for workers that were not there, and what they are offered of it.

import { expect, test } from "vitest";
import type { Receiver } from "../../kernel/address.ts";
import { parseAddress, receiverOf } from "../../kernel/address.ts";
import type { Event } from "../../kernel/event.ts";
import { deadlineMs, durationMs, instantMs } from "../../kernel/ids.ts";
import type { Telling } from "../../kernel/listener.ts";
import { noTimers, type Timers } from "../../kernel/timers.ts";
import { noPairs } from "../../kernel/value.ts";
import { offers, waiting } from "../../kernel/waiting.ts";
import { born, stream, tagged } from "./given.ts";

const any = "poll://any@g";
const [one, push] = ["poll://uni@g/1", "http://l"];
const called = (to: string) => [born(9_999, tagged({ "resonate:target": to }), false)];
const acquired: Event = { kind: "task_acquired", pid: "w", ttl: durationMs(9n) };
const settled: Event = {
  ...{ kind: "promise_settled", outcome: "resolved", settledAt: instantMs(9), key: null },
  value: { headers: null, data: null },
};
const heard = (...addresses: readonly string[]): readonly Event[] => [
  born(9_999, noPairs, true),
  ...addresses.map((address): Event => ({ kind: "listener_registered", address })),
  settled,
];
const offeredAt = instantMs(500);
const offered: Timers = { ...noTimers, clockAt: deadlineMs(9_000n), offeredAt };
const telling = (toldAt: number, isMissed: boolean): Telling => ({
  ...{ nextAt: deadlineMs(9_000n), toldAt: instantMs(toldAt), failureCount: 0, failedSince: null },
  isMissed,
});
const told = (...all: readonly (readonly [string, Telling])[]): Timers => {
  return { ...noTimers, tellings: new Map(all) };
};

function receiver(address: string): Receiver {
  const parsed = parseAddress(address);
  const found = parsed?.kind === "poll" ? receiverOf(parsed) : null;
  if (found === null) throw new Error(`nobody's: ${address}`);
  return found;
}

// biome-ignore format: a table is read down its columns
test.each<[string, readonly Event[], Timers, readonly (readonly [string, number])[]]>([
  ["U1 a task that was offered",              called(any),                  offered,                             [['["g"]', 500]]],
  ["U1 one that found nobody",                called(any),                  { ...offered, isMissed: true },      [['["g"]', 0]]],
  ["U4 none that has to wait",                called(any),                  { ...offered, offeredAt: null },     []],
  ["of one worker",                           called(one),                  offered,                             [['["g","1"]', 500]]],
  ["none of a worker without a name",         called("poll://uni@g"),       offered,                             []],
  ["none that is pushed",                     called(push),                 offered,                             []],
  ["none that is held",                       [...called(any), acquired],   offered,                             []],
  ["none that is fulfilled",                  [...called(any), settled],    offered,                             []],
  ["no promise without a target",             [born(9_999, noPairs, true)], noTimers,                            []],
  ["U1 a listener that was told",             heard(any),                   told([any, telling(700, false)]),    [['["g"]', 700]]],
  ["U1 one that was not there",               heard(any),                   told([any, telling(700, true)]),     [['["g"]', 0]]],
  ["none that was never told: its drain is due", heard(any),                noTimers,                            []],
  ["none that is pushed to",                  heard(push),                  told([push, telling(700, true)]),    []],
  ["U2 each receiver, and each once",         heard(any, one),              told([one, telling(700, false)], ["poll://any@g/2", telling(800, false)], [any, telling(600, false)]), [['["g","1"]', 700], ['["g"]', 600]]],
  ["U2 whichever was told last",              heard(any, "poll://any@g/2"), told(["poll://any@g/2", telling(600, false)], [any, telling(700, false)]), [['["g"]', 600]]],
])("waiting: %s", (_what, events, timers, expected) => {
  const { state } = stream("p", events);
  const found = waiting(state, timers).map((each) => [each.receiver, each.offeredAt]);
  expect(found).toEqual(expected);
});

test("waiting: a receiver is offered the task, or the news by each address that is its own", () => {
  const before = instantMs(5);
  const task = stream("p", called(any), offered);
  expect(offers(task, receiver(any), before)).toEqual([{ kind: "offer_missed", id: "p", before }]);
  const named = "poll://any@g/2";
  const all = [any, one, named].map((address) => [address, telling(7, true)] as const);
  const news = stream("p", heard(any, one, named), told(...all));
  const tell = (address: string) => ({ kind: "tell_missed", awaited: "p", address, before });
  expect(offers(news, receiver(any), before)).toEqual([tell(any), tell(named)]);
  expect(offers(news, receiver(one), before)).toEqual([tell(one)]);
});
