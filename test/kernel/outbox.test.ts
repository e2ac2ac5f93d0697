// What becomes of messages: what is noted of them, and what is offered to whoever connects. What waits
// for a worker is in the store, and stands in waiting.test.ts.

import { expect, test } from "vitest";
import type { InternalCommand } from "../../kernel/command.ts";
import { deadlineMs, instantMs, promiseId, type Receiver, taskVersion } from "../../kernel/ids.ts";
import { limits } from "../../kernel/limits.ts";
import type { Message } from "../../kernel/message.ts";
import type { Missed } from "../../kernel/others.ts";
import { Outbox } from "../../kernel/outbox.ts";
import type { Completion, Delivery, Submission } from "../../kernel/ports.ts";
import type { SettledPromise } from "../../kernel/promise.ts";
import type { Stream } from "../../kernel/stream.ts";
import { emptyValue, noPairs } from "../../kernel/value.ts";
import type { WaitingQuery } from "../../kernel/waiting.ts";
import { born, stream, tagged } from "./given.ts";

const promise: SettledPromise = {
  ...{ kind: "settled", createdAt: instantMs(1), timeoutAt: deadlineMs(9n), param: emptyValue },
  ...{ tags: noPairs, createKey: null, isExternal: true, outcome: "resolved", value: emptyValue },
  ...{ settledAt: instantMs(2), settleKey: null },
};
const execute = (id: string, to: string, version = 0): Message => {
  return { kind: "execute", to, id: promiseId(id), version: taskVersion(version) };
};
const unblock = (id: string, to: string): Message => {
  return { kind: "unblock", to, id: promiseId(id), promise };
};
const delivered: Delivery = { kind: "delivered" };
const nobody: Delivery = { kind: "failed", reason: "no_receiver", cause: "" };
const failed: Delivery = { kind: "failed", reason: "refused", cause: "503" };

const any = "poll://any@g";
const one = "poll://uni@g/1";
const worker = (id: string, group = "g") => ({ id, group });
const now = instantMs(10);
/** With the question that it has put last, and room for one or not. */
type Desk = {
  readonly outbox: Outbox;
  readonly announced: readonly Missed[];
  asked: WaitingQuery | null;
  hasRoom: boolean;
};

const sent = (message: Message, since = 0, isRepeat = false) => ({ message, since, isRepeat });

function desk(): Desk {
  const enqueue = (submission: Submission) => {
    if (opened.hasRoom && submission.kind === "waiting") opened.asked = submission.query;
    return opened.hasRoom;
  };
  const bounded = limits({ dueMax: 2, sweepRetryMs: 100 });
  const announced: Missed[] = [];
  const announce = (missed: Missed) => announced.push(missed);
  const outbox = new Outbox({ limits: bounded, enqueue, announce });
  const opened: Desk = { outbox, announced, asked: null, hasRoom: true };
  outbox.ask(now);
  return opened;
}

const open = () => desk().outbox;

function taken(outbox: Outbox): readonly InternalCommand[] {
  const all: InternalCommand[] = [];
  for (let next = outbox.shift(); next !== undefined; next = outbox.shift()) all.push(next);
  return all;
}

function shown(commands: readonly InternalCommand[]): readonly string[] {
  return commands.map((command) => {
    if ("address" in command) return `${command.kind} ${command.awaited} ${command.address}`;
    return "id" in command ? `${command.kind} ${command.id}` : command.kind;
  });
}

/** Who is asked for, and from where on; null: nobody. */
function ask(desk: Desk, at = now): string | null {
  desk.asked = null;
  desk.outbox.ask(at);
  if (desk.asked === null) return null;
  const { receiver, after, before, limit }: WaitingQuery = desk.asked;
  expect({ before, limit }).toEqual({ before: now, limit: 2 });
  return `${receiver} ${after?.number ?? 0}`;
}

function found(streams: readonly Stream[], next: number | null): Completion {
  const place = next === null ? null : { offeredAt: instantMs(0), number: next };
  return { kind: "waiting", page: { streams, next: place } };
}

const task = (id: string) => stream(id, [born(99, tagged({ "resonate:target": any }), false)]);

test.each<[string, Message, Delivery, readonly string[]]>([
  ["an offer that was delivered", execute("a", any), delivered, []],
  ["an offer that failed: it may have arrived", execute("a", any), failed, []],
  ["I5 an offer that found nobody", execute("a", any), nobody, ["note_missed a"]],
  ["G2 a listener that was told", unblock("a", any), delivered, [`note_told a ${any}`]],
  ["G4 a listener that was not", unblock("a", any), failed, [`note_told a ${any}`]],
  ["G5 a listener that was not there", unblock("a", any), nobody, [`note_told a ${any}`]],
])("outbox: J1 noted of %s", (_what, message, delivery, expected) => {
  const outbox = open();
  outbox.note(sent(message), delivery);
  expect(outbox.size).toBe(expected.length);
  expect(shown(taken(outbox))).toEqual(expected);
});

test.each<[string, Message, Delivery, readonly string[]]>([
  ["a task", execute("a", any), nobody, ["offer_missed a"]],
  ["a listener", unblock("a", one), nobody, [`tell_missed a ${one}`]],
  ["G5 a listener whose stream was lost", unblock("a", any), failed, [`tell_missed a ${any}`]],
  ["no listener that was told", unblock("a", any), delivered, []],
  ["no listener that is pushed to, for its clock runs", unblock("a", "http://l"), failed, []],
])(
  "outbox: J3 who came before the note has landed is offered %s",
  (_what, message, delivery, expected) => {
    for (const moment of ["sent", "noted", "landed", "lost"]) {
      const outbox = open();
      const since = outbox.connectCount;
      if (moment === "sent") outbox.connected(worker("1"));
      outbox.note(sent(message, since), delivery);
      if (moment === "noted" || moment === "lost") outbox.connected(worker("1"));
      const notes = taken(outbox);
      for (const note of notes) outbox.finish(note, moment !== "lost");
      if (moment === "landed") outbox.connected(worker("1"));
      const isOffered = moment === "sent" || moment === "noted";
      expect(shown(taken(outbox))).toEqual(isOffered ? expected : []);
      for (const note of notes) outbox.finish(note, true); // once
      expect(outbox.size).toBe(0);
    }
  },
);

test("outbox: J2 who connects is offered what waits for it and for its group, page by page", () => {
  const opened = desk();
  const { outbox } = opened;
  expect([outbox.askAt, ask(opened)]).toEqual([null, null]);
  outbox.connected(worker("1"));
  expect(outbox.askAt).toBe(0n);
  expect(ask(opened)).toBe('["g","1"] 0');
  expect([outbox.askAt, ask(opened)]).toEqual([null, null]); // one question at a time
  outbox.answer(found([task("a"), task("b")], 7), now);
  expect([outbox.askAt, ask(opened)]).toEqual([null, null]); // O2
  expect(shown(taken(outbox))).toEqual(["offer_missed a", "offer_missed b"]);
  expect(ask(opened)).toBe('["g"] 0'); // O2: in turn
  outbox.answer(found([], null), now);
  expect(ask(opened)).toBe('["g","1"] 7');
  outbox.answer(found([task("c")], null), now);
  taken(outbox);
  expect([outbox.askAt, ask(opened)]).toEqual([null, null]);
});

test("outbox: O1 a thousand who connect share one pass, and who comes during it has one more", () => {
  const opened = desk();
  const { outbox } = opened;
  const others = Array.from({ length: 1_000 }, () => worker("1"));
  for (const each of others) outbox.connected(each);
  const asked: (string | null)[] = [];
  for (let next = ask(opened); next !== null && asked.length < 10; next = ask(opened)) {
    asked.push(next);
    if (asked.length === 2) for (const each of others) outbox.connected(each);
    outbox.answer(found([], null), now);
  }
  expect(asked).toEqual(['["g","1"] 0', '["g"] 0', '["g","1"] 0', '["g"] 0']);
});

test.each([
  ["is over once a thousand in a row found nobody", 1_000, false, null],
  ["goes on before that", 999, false, '["g"] 7'],
  ["begins anew for who came meanwhile", 1_000, true, '["g"] 0'],
])("outbox: O3 a pass %s", (_what, misses, isRepeated, expected) => {
  const opened = desk();
  const { outbox } = opened;
  outbox.connected(worker("1"));
  ask(opened);
  outbox.answer(found([], null), now); // of the worker itself
  ask(opened);
  outbox.answer(found([task("a")], 7), now);
  if (isRepeated) outbox.connected(worker("1"));
  outbox.note(sent(execute("a", any)), nobody);
  outbox.note(sent(execute("a", any)), delivered); // in a row
  for (let count = 0; count < misses; count++) outbox.note(sent(execute("a", any)), nobody);
  taken(outbox);
  const own = isRepeated && misses === 1_000 ? ask(opened) : null;
  if (own !== null) outbox.answer(found([], null), now);
  expect([own, ask(opened)]).toEqual([isRepeated ? '["g","1"] 0' : null, expected]);
});

test("outbox: O4 what cannot be asked, or fails, is asked again after a while, and forgets nothing", () => {
  const opened = desk();
  const { outbox } = opened;
  outbox.connected(worker("1"));
  opened.hasRoom = false;
  outbox.ask(now);
  opened.hasRoom = true;
  expect([outbox.askAt, ask(opened)]).toEqual([110n, null]);
  expect(ask(opened, instantMs(110))).toBe('["g","1"] 0');
  outbox.answer({ kind: "failed", failure: "store_failed" }, instantMs(120));
  expect(outbox.askAt).toBe(220n);
  expect(ask(opened, instantMs(220))).toBe('["g","1"] 0');
  outbox.answer(found([], null), instantMs(221));
  expect(outbox.askAt).toBe(0n);
});

test.each<[string, Message, Delivery, boolean, boolean]>([
  ["a task that found nobody", execute("a", any), nobody, false, true],
  ["a listener that found nobody", unblock("a", any), nobody, false, true],
  ["nothing that was delivered", unblock("a", any), delivered, false, false],
  ["nothing that failed and may have arrived", unblock("a", any), failed, false, false],
  [
    "nothing that was repeated, or it would go round for ever",
    execute("a", any),
    nobody,
    true,
    false,
  ],
])(
  "outbox: J4 announced is %s, once its note has landed",
  (_what, message, delivery, isRepeat, isAnnounced) => {
    for (const hasLanded of [false, true]) {
      const { outbox, announced } = desk();
      outbox.note(sent(message, 0, isRepeat), delivery);
      const notes = taken(outbox);
      expect(announced).toEqual([]);
      for (const note of notes) outbox.finish(note, hasLanded);
      const { kind, id, to } = message;
      expect(announced).toEqual(isAnnounced && hasLanded ? [{ kind, id, to }] : []);
    }
  },
);

test("outbox: J4 what another server missed is sent again, and what waits for a receiver is asked for", () => {
  const opened = desk();
  const { outbox } = opened;
  outbox.told({ kind: "missed", message: { kind: "execute", id: promiseId("a"), to: any } });
  outbox.told({ kind: "missed", message: { kind: "unblock", id: promiseId("b"), to: one } });
  expect(shown(taken(outbox))).toEqual(["offer_missed a", `tell_missed b ${one}`]);
  outbox.told({ kind: "waits", receiver: '["g"]' as Receiver });
  expect(ask(opened)).toBe('["g"] 0');
});

test.each([
  ["a repetition that was delivered", execute("a", any), delivered, true, ['["g"]']],
  ["one for a certain worker", unblock("a", one), delivered, true, ['["g","1"]']],
  ["not one that found nobody", execute("a", any), nobody, true, []],
  ["not what was sent for the first time", execute("a", any), delivered, false, []],
  ["not one that was pushed", unblock("a", "http://l"), delivered, true, []],
])("outbox: J5 told of as taken is %s", (_what, message, delivery, isRepeat, receivers) => {
  const told: Receiver[] = [];
  const [announce, taken] = [() => {}, (receiver: Receiver) => told.push(receiver)];
  const outbox = new Outbox({ limits: limits(), enqueue: () => true, announce, taken });
  outbox.note(sent(message, 0, isRepeat), delivery);
  expect(told).toEqual(receivers);
});

test("outbox: J4 no other server can fill the memory of this one", () => {
  const { outbox } = desk();
  const message: Missed = { kind: "execute", id: promiseId("a"), to: any };
  for (let count = 0; count < 5_000; count++) outbox.told({ kind: "missed", message });
  expect(outbox.size).toBe(4_096);
});
