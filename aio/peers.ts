// The other servers on the same store: what they are told, what they tell, and what is looked for where
// nobody told us (design.md, "More than one server").
//
//   N1. Announcements leave together, soon, in the order in which they came. Nobody waits for them, and
//       those for which there is no room are dropped.
//   N2. Of due dates the others are told only what they do not know yet: they ask at the earliest that
//       they were told, and that answer tells the next. What falls due within a moment is our own affair.
//   N3. A missed message that another server tells of is sent by those only who have its receiver.
//   N4. Every `pollMs` the store is asked what was missed for the workers that are here. Where nobody takes
//       what waits, that is tried again ever more rarely, since each try costs writes; and as soon as ever
//       once somebody does. To look in the midst of a try, when nothing seems to wait, proves nothing.
//   N5. A text that is not ours, or of a kind that a newer server knows, is passed over.

import { parseAddress, type Receiver } from "../kernel/address.ts";
import { type DeadlineMs, deadlineMs, type InstantMs, promiseId } from "../kernel/ids.ts";
import type { Announcement, News, Others } from "../kernel/others.ts";
import type { WorkerMailbox } from "./mailbox.ts";

export type PeersOptions = {
  /** This server, by its name. */
  readonly node: string;
  readonly pollMs: number;
  readonly now: () => InstantMs;
  readonly mailbox: Pick<WorkerMailbox, "receivers" | "reaches">;
  /** Of these receivers those for whom something waits that found nobody; may fail. */
  readonly missed: (receivers: readonly Receiver[]) => Promise<readonly Receiver[]>;
  /** To all servers, this one included. */
  readonly send: (texts: readonly string[]) => void;
  /** Of the kernel. */
  readonly tell: (news: News) => void;
};

/** Texts that may wait to leave. Arbitrary: a few batches. */
const waitingMax = 4_096;

/** What is due sooner is met by who made it due, before another could; ms. Arbitrary. */
const momentMs = 100;

/** Polls between two tries for one receiver, at the most. Arbitrary: a minute or so. */
const pausesMax = 16;

export class Peers implements Others {
  readonly #options: PeersOptions;
  #waiting: string[] = [];
  /** The earliest due date that the others were told last. */
  #toldDue: DeadlineMs = deadlineMs(0n);
  readonly #timer: NodeJS.Timeout;
  #isAsking = false;
  /** By receiver: polls to let pass, and how many were let pass the last time. */
  readonly #pauses = new Map<Receiver, { left: number; last: number }>();

  constructor(options: PeersOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.poll(), options.pollMs);
  }

  get pollMs(): number {
    return this.#options.pollMs;
  }

  /** N1. A function of its own, not a method: the kernel calls it without us before the dot. */
  readonly announce = (announcement: Announcement): void => {
    if (this.#waiting.length >= waitingMax) return;
    if (announcement.kind === "due" && !this.#isNew(announcement.at)) return;
    if (this.#waiting.length === 0) setImmediate(() => this.#flush());
    this.#waiting.push(encode(this.#options.node, announcement));
  };

  /** N4. */
  readonly taken = (receiver: Receiver): void => {
    this.#pauses.delete(receiver);
  };

  /** What a server has sent. */
  hear(text: string): void {
    const heard = decode(text);
    if (heard === null || heard.node === this.#options.node) return; // N5
    const { announcement } = heard;
    if (announcement.kind === "due" || this.#isHere(announcement)) this.#options.tell(announcement);
  }

  /** N4. */
  async poll(): Promise<void> {
    const { mailbox, missed, tell } = this.#options;
    const receivers = mailbox.receivers();
    if (this.#isAsking || receivers.length === 0) return;
    this.#isAsking = true;
    try {
      const found = new Set(await missed(receivers));
      this.#passOver(found);
      for (const receiver of found) {
        this.#pause(receiver);
        tell({ kind: "waits", receiver });
      }
    } catch {
      // the next poll asks again
    } finally {
      this.#isAsking = false;
    }
  }

  close(): void {
    clearInterval(this.#timer);
    this.#waiting = [];
  }

  /** N2. */
  #isNew(at: DeadlineMs): boolean {
    const now = this.#options.now();
    if (at < now + momentMs) return false;
    const isKnown = this.#toldDue > now && this.#toldDue <= at;
    if (!isKnown) this.#toldDue = at;
    return !isKnown;
  }

  #flush(): void {
    const texts = this.#waiting;
    this.#waiting = [];
    this.#options.send(texts);
  }

  /** N3. */
  #isHere({ message: { id, to } }: Announcement & { kind: "missed" }): boolean {
    const address = parseAddress(to);
    return address?.kind === "poll" && this.#options.mailbox.reaches(address, id);
  }

  /** Those whose turn has not come yet. */
  #passOver(found: Set<Receiver>): void {
    for (const [receiver, pause] of this.#pauses) {
      if (pause.left > 0) {
        pause.left -= 1;
        found.delete(receiver);
      } else if (!found.has(receiver)) this.#pauses.delete(receiver);
    }
  }

  #pause(receiver: Receiver): void {
    const { last } = this.#pauses.get(receiver) ?? { last: 0 };
    const next = Math.min(Math.max(1, 2 * last), pausesMax);
    this.#pauses.set(receiver, { left: next, last: next });
  }
}

function encode(node: string, announcement: Announcement): string {
  if (announcement.kind === "due") {
    return JSON.stringify({ node, kind: "due", at: announcement.at.toString() });
  }
  const { kind: of, id, to } = announcement.message;
  return JSON.stringify({ node, kind: "missed", of, id, to });
}

type Heard = { readonly node: string; readonly announcement: Announcement };

/** Null: nothing that we know. */
function decode(text: string): Heard | null {
  const { node = "", kind, at = "", of, id = "", to = "" } = fieldsOf(text);
  if (node === "") return null;
  if (kind === "due") {
    const isDate = /^\d{1,18}$/.test(at);
    return isDate ? { node, announcement: { kind, at: deadlineMs(BigInt(at)) } } : null;
  }
  const isMessage = of === "execute" || of === "unblock";
  if (kind !== "missed" || !isMessage || id === "") return null;
  return { node, announcement: { kind, message: { kind: of, id: promiseId(id), to } } };
}

/** Of a JSON object, those that are text. */
function fieldsOf(text: string): Readonly<Record<string, string | undefined>> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null) return {};
    return Object.fromEntries(Object.entries(value).filter(([, each]) => typeof each === "string"));
  } catch {
    return {};
  }
}
