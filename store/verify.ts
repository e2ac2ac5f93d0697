// Compares a whole database with its own log, for `resonate log verify`, beside running servers: is every
// snapshot the fold of its log? All is read in one transaction of its reader (sqlite-reader.ts,
// postgres-reader.ts), a page at a time, however long the log is; what is right is said here alone.
//
//   V0. The database is sound as a whole: no page is damaged, and each index leads to every row that it
//       should, as far as the database can tell; no two events have one position, and the next one will
//       have a new one.
//   V1. A stream's events are numbered from one without a gap, and stand in the log in that order.
//       The first one names the stream, and no other one does.
//   V2. Folding them gives the snapshot, every field and every pair in its order; revisions have no
//       events to be told by. What the server could not read is a difference.
//   V3. What is indexed (states, deadline, timer, branch, tags) is what the fold says; so are the due
//       date and who is waited for, with the timers that are stored, which no event tells.
//   V4. A task that waits for a worker, or has one, has a clock, and no other one has; and only who is
//       to be told is being told.

import type { Tags } from "../kernel/value.ts";
import type { Waiting } from "../kernel/waiting.ts";
import { columns } from "./columns.ts";
import { type Deviation, type Encoding, Fold, show } from "./fold.ts";
import type { HistoryRow, StreamsRow } from "./rows.ts";
import { decodeWaiting } from "./waiting-rows.ts";

export type Report = {
  readonly streams: number;
  readonly events: number;
  readonly tags: number;
  /** Streams that are not what their log says, and what belongs to no stream. */
  readonly differing: number;
  /** Null: there is none. */
  readonly first: Difference | null;
};

export type Difference = Deviation & {
  /** Null: of no stream that there is. */
  readonly stream: { readonly kind: string; readonly id: string } | null;
};

/** A stream, and the rows that it should have in the other tables. */
export type Owed = {
  readonly row: StreamsRow;
  readonly tags: Tags;
  readonly waiting: readonly Waiting[];
};

/** Whether each of them is there, in their order. */
export type Paid = { readonly tags: readonly boolean[]; readonly waiting: readonly boolean[] };

/** A database in one moment. Streams and events come in one order of streams. */
export interface Source<Event extends HistoryRow> {
  /** What it calls itself, and how it writes what is not the same everywhere. */
  readonly name: string;
  readonly encoding: Encoding;
  /** V0. */
  unsound(): Promise<Deviation | null>;
  streams(): AsyncIterable<readonly StreamsRow[]>;
  /** Stream by stream, by version. */
  events(): AsyncIterable<Event>;
  /** Negative: the event is of a stream before this one; zero: of this one. */
  compare(event: Event, row: StreamsRow): number;
  paid(owed: readonly Owed[]): Promise<readonly Paid[]>;
  counts(): Promise<{ readonly tags: number; readonly waiting: number }>;
  /** Whether an error means that what is stored is damaged: then no more can be read. */
  isDamage(error: unknown): boolean;
}

/** @throws what the source throws, but for damage, which is in the report */
export function verify<Event extends HistoryRow>(source: Source<Event>): Promise<Report> {
  return new Verification(source).run();
}

/** A difference, or a stream of which only the other tables are still to be asked. */
type Finding =
  | { readonly kind: "differs"; readonly difference: Difference }
  | { readonly kind: "owes"; readonly owed: Owed };

class Verification<Event extends HistoryRow> {
  readonly #source: Source<Event>;
  readonly #history: AsyncIterator<Event>;
  /** The next event, of whatever stream; null behind the last one. */
  #next: Event | null = null;
  #streams = 0;
  #events = 0;
  #tags = 0;
  #waiting = 0;
  #differing = 0;
  #first: Difference | null = null;

  constructor(source: Source<Event>) {
    this.#source = source;
    this.#history = source.events()[Symbol.asyncIterator]();
  }

  /** Once. */
  async run(): Promise<Report> {
    const { name } = this.#source;
    try {
      this.#note(null, await this.#source.unsound());
      await this.#walk();
    } catch (error) {
      if (!this.#source.isDamage(error)) throw error;
      this.#note(null, { field: name, expected: "readable", found: "damaged" }); // in the end
    } finally {
      await this.#history.return?.();
    }
    const [streams, events, tags] = [this.#streams, this.#events, this.#tags];
    return { streams, events, tags, differing: this.#differing, first: this.#first };
  }

  /** Streams and events come in the same order, so one pass over both is enough. */
  async #walk(): Promise<void> {
    await this.#advance();
    for await (const page of this.#source.streams()) {
      const findings: Finding[] = [];
      for (const row of page) {
        for (const difference of await this.#skipTo(row)) {
          findings.push({ kind: "differs", difference });
        }
        findings.push(await this.#find(row));
        this.#streams += 1;
      }
      await this.#settle(findings);
    }
    for (const { stream, ...deviation } of await this.#skipTo(null)) this.#note(stream, deviation);
    this.#note(null, await this.#surplus());
  }

  async #advance(): Promise<void> {
    const { done, value } = await this.#history.next();
    this.#next = done === true ? null : value;
    if (done !== true) this.#events += 1;
  }

  async #find(row: StreamsRow): Promise<Finding> {
    const { kind, id } = row;
    const fold = new Fold(row, this.#source.encoding);
    for (; this.#isOf(row); await this.#advance()) if (this.#next !== null) fold.add(this.#next);
    const deviation = fold.deviation();
    if (deviation !== null) {
      return { kind: "differs", difference: { stream: { kind, id }, ...deviation } };
    }
    const tags: Tags = columns(fold.state)?.tags ?? new Map();
    return { kind: "owes", owed: { row, tags, waiting: decodeWaiting(row.waiting) } }; // it was compared
  }

  #isOf(row: StreamsRow): boolean {
    return this.#next !== null && this.#source.compare(this.#next, row) === 0;
  }

  /** Passes over events of streams that there are not. */
  async #skipTo(row: StreamsRow | null): Promise<readonly Difference[]> {
    const found: Difference[] = [];
    for (; this.#next !== null; await this.#advance()) {
      if (row !== null && this.#source.compare(this.#next, row) >= 0) break;
      const field = `the event at ${this.#next.position}`;
      found.push({ stream: null, field, expected: "a stream", found: "none" });
    }
    return found;
  }

  async #settle(findings: readonly Finding[]): Promise<void> {
    const owing = findings.flatMap((each) => (each.kind === "owes" ? [each.owed] : []));
    const paid = (await this.#source.paid(owing)).values();
    for (const finding of findings) {
      if (finding.kind === "differs") {
        const { stream, ...deviation } = finding.difference;
        this.#note(stream, deviation);
        continue;
      }
      const { owed } = finding;
      const { kind, id } = owed.row;
      this.#note({ kind, id }, this.#unpaid(owed, paid.next().value ?? nothing));
    }
  }

  #unpaid(owed: Owed, paid: Paid): Deviation | null {
    for (const [index, [name, value]] of [...owed.tags].entries()) {
      if (paid.tags[index] !== true) {
        return { field: `tags[${name}]`, expected: show(value), found: "no row" };
      }
      this.#tags += 1;
    }
    for (const [index, { receiver, offeredAt }] of owed.waiting.entries()) {
      if (paid.waiting[index] !== true) {
        return { field: `waiting[${receiver}]`, expected: show(offeredAt), found: "no row" };
      }
      this.#waiting += 1;
    }
    return null;
  }

  /** Each row that is wanted is there, so a row more is a row too many. */
  async #surplus(): Promise<Deviation | null> {
    const { tags, waiting } = await this.#source.counts();
    if (this.#differing > 0) return null;
    if (tags !== this.#tags) {
      return { field: "tags", expected: `${this.#tags}`, found: `${tags}` };
    }
    if (waiting === this.#waiting) return null;
    return { field: "waiting", expected: `${this.#waiting}`, found: `${waiting}` };
  }

  #note(stream: Difference["stream"], deviation: Deviation | null): void {
    if (deviation === null) return;
    this.#differing += 1;
    this.#first ??= { stream, ...deviation };
  }
}

const nothing: Paid = { tags: [], waiting: [] };
