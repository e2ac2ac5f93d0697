// One batch: the commands that are loaded, executed and committed together.
//
//   B1. A command that touches an unreadable record fails alone; the others of its batch go on.
//   B2. Commands that share a stream form one component, which holds every stream that they read
//       or wrote: what one command relied on must still be so when another one's events land.
//   B3. A component that writes nothing is left out of the commit.

import { AssertionError, assert } from "./assert.ts";
import { type Command, failed, type InternalCommand, type Response } from "./command.ts";
import { type Ties, tie } from "./component.ts";
import { execute } from "./execute.ts";
import type { CommandId, InstantMs } from "./ids.ts";
import type { Loaded } from "./ports.ts";
import type { LogRange } from "./search.ts";
import type { Component, StreamKey } from "./stream.ts";
import { WorkingSet } from "./working-set.ts";

export type Reply = (response: Response) => void;

export type Entry = {
  readonly command: Command;
  readonly keys: readonly StreamKey[];
  readonly id: CommandId;
  /** Counts executions, from one. */
  readonly attempt: number;
  readonly origin: Origin;
};

export type Origin =
  | { readonly kind: "client"; readonly reply: Reply }
  /** Of an own commit. */
  | { readonly kind: "drain" }
  | { readonly kind: "sweep" };

export type Executed = {
  readonly entry: Entry;
  readonly response: Response | null;
  readonly caused: readonly InternalCommand[];
  readonly wrote: boolean;
};

/** Executed commands that share streams, and what the store is asked to do for them. */
export type Group = Component & { readonly executed: readonly Executed[] };

/** What became of a batch once it has executed. */
export type Outcome = {
  /** They wait for the commit, in the order in which it names them. */
  readonly writing: readonly Group[];
  /** They rest on nothing that is not durable already. */
  readonly reading: readonly Executed[];
};

export class Batch {
  readonly entries: readonly Entry[];
  readonly #ties: Ties;

  constructor(entries: readonly Entry[]) {
    this.entries = entries;
    this.#ties = tie(entries.map(({ keys }) => keys));
  }

  keys(): readonly StreamKey[] {
    return this.#ties.groups.flatMap(({ keys }) => keys);
  }

  touches(key: StreamKey): boolean {
    return this.#ties.streams.has(key);
  }

  /** Runs every command, in order, at one instant. */
  execute(loaded: readonly Loaded[], now: InstantMs): Outcome {
    assert(loaded.length === this.#ties.streams.size, "a load brings other streams");
    const streams = loaded.flatMap((each) => (each.kind === "stream" ? [each.stream] : []));
    const set = new WorkingSet(streams);
    const isWhole = streams.length === loaded.length;
    const executed = this.entries.map((entry) => {
      const canRun = isWhole || entry.keys.every((key) => set.has(key));
      return canRun ? run(set, entry, now) : unread(entry); // B1
    });
    return this.#sort(set, executed);
  }

  /** B2. */
  #sort(set: WorkingSet, executed: readonly Executed[]): Outcome {
    const writing: Group[] = [];
    const reading: Executed[] = [];
    for (const { commands, keys } of this.#ties.groups) {
      const members = commands.flatMap((index) => executed[index] ?? []);
      if (members.some(({ wrote }) => wrote)) {
        const readable = keys.filter((key) => set.has(key));
        writing.push({ executed: members, changes: set.changes(readable) });
      } else {
        reading.push(...members); // B3
      }
    }
    return { writing, reading };
  }
}

function unread(entry: Entry): Executed {
  return { entry, response: failed("record_unreadable"), caused: [], wrote: false };
}

function run(set: WorkingSet, entry: Entry, now: InstantMs): Executed {
  const eventsBefore = set.eventCount;
  const { response, caused } = execute(set, entry.command, { command: entry.id, now });
  return { entry, response, caused, wrote: set.eventCount > eventsBefore };
}

/** Where the log shows whether this group landed: right behind what it was decided on. */
export function landing({ changes }: Group): LogRange {
  for (const { key, write } of changes) {
    if (write === null || write.events.length === 0) continue;
    return { of: key, after: write.version - write.events.length, limit: 1, weightMax: 1 };
  }
  throw new AssertionError("a group that leaves nothing in the log");
}
