// One batch: the commands that are loaded, executed and committed together.
//
//   B1. A command that touches an unreadable record fails alone; the others of its batch go on.
//   B2. Commands that share a stream form one component, which holds every stream that they read
//       or wrote: what one command relied on must still be so when another one's events land.
//   B3. A component that writes nothing is left out of the commit.

import { assert } from "./assert.ts";
import { type Command, failed, type InternalCommand, type Response } from "./command.ts";
import { type Ties, tie } from "./component.ts";
import { execute } from "./execute.ts";
import type { CommandId, InstantMs } from "./ids.ts";
import type { Message } from "./message.ts";
import type { Cron, Loaded, Notice } from "./ports.ts";
import type { Rules } from "./rules.ts";
import type { LogPage, LogRange } from "./search.ts";
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
  readonly messages: readonly Message[];
  readonly notices: readonly Notice[];
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
  execute(loaded: readonly Loaded[], at: Instant): Outcome {
    assert(loaded.length === this.#ties.streams.size, "a load brings other streams");
    const streams = loaded.flatMap((each) => (each.kind === "stream" ? [each.stream] : []));
    const set = new WorkingSet(streams);
    const isWhole = streams.length === loaded.length;
    const executed = this.entries.map((entry) => {
      const canRun = isWhole || entry.keys.every((key) => set.has(key));
      return canRun ? run(set, entry, at) : unread(entry); // B1
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
  const response = failed("record_unreadable");
  return { entry, response, caused: [], messages: [], notices: [], wrote: false };
}

/** When a batch runs, and by which rules. */
type Instant = { readonly now: InstantMs; readonly rules: Rules; readonly cron: Cron };

function run(set: WorkingSet, entry: Entry, at: Instant): Executed {
  const writesBefore = set.writeCount;
  const execution = execute(set, entry.command, { command: entry.id, ...at });
  return { entry, ...execution, wrote: set.writeCount > writesBefore };
}

/**
 * Where the log shows whether this group landed: right behind what it was decided on. Null: nowhere, for
 * it writes nothing but timers.
 */
export function landing({ changes }: Group): LogRange | null {
  for (const { key, write } of changes) {
    if (write === null || write.events.length === 0) continue;
    return { of: key, after: write.version - write.events.length, limit: 1, weightMax: 1 };
  }
  return null;
}

/** Which of them the log shows, by one page for each that has a `landing`. */
export function landed(groups: readonly Group[], pages: readonly LogPage[]): readonly Group[] {
  const told = groups.filter((group) => landing(group) !== null);
  assert(pages.length === told.length, "a look is answered in part");
  return told.filter(({ executed }, index) => {
    const command = pages[index]?.events[0]?.command;
    return executed.some(({ entry }) => entry.id === command);
  });
}
