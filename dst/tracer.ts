// Writes the trace: hashes every record, and puts it into words where somebody wants to read it.

import type { Response } from "../kernel/command.ts";
import type { Completion, Submission } from "../kernel/ports.ts";
import type { Write } from "../kernel/stream.ts";
import { showMessage, showResponse } from "./compare.ts";
import { digestCompletion, digestResponse, digestSubmission } from "./digest.ts";
import { nameOf } from "./names.ts";
import { toModelMessage } from "./to-model.ts";
import { type RecordKind, recordKinds, TraceHash, type TraceRecord } from "./trace.ts";

export type Entry = {
  readonly at: number;
  readonly actor: string;
  readonly kind: RecordKind;
  readonly entity: string;
  /** What is hashed besides; a whole number. */
  readonly digest?: number;
  readonly ids?: readonly string[];
  readonly text?: () => string;
};

const codes = new Map(recordKinds.map((kind, index) => [kind, index]));

export class Tracer {
  readonly hash = new TraceHash();
  readonly #onRecord: ((record: TraceRecord) => void) | null;

  constructor(onRecord: ((record: TraceRecord) => void) | null) {
    this.#onRecord = onRecord;
  }

  record({ at, actor, kind, entity, digest = 0, ids = [], text }: Entry): void {
    const { hash } = this;
    hash.count(at);
    hash.word(codes.get(kind) ?? -1);
    hash.text(actor);
    hash.text(entity);
    hash.word(digest);
    hash.end();
    this.#onRecord?.({ at, actor, kind, entity, ids, text: text?.() ?? "" });
  }

  response(entry: Entry, response: Response): void {
    const digest = digestResponse(response);
    this.record({ ...entry, digest, text: () => showResponse(response) });
  }

  submission(entry: Entry, submission: Submission): void {
    const digest = digestSubmission(submission);
    this.record({ ...entry, digest, text: () => showSubmission(submission) });
  }

  completion(entry: Entry, completion: Completion): void {
    const digest = digestCompletion(completion);
    this.record({ ...entry, digest, text: () => showCompletion(completion) });
  }
}

export function idsOfSubmission(submission: Submission): readonly string[] {
  switch (submission.kind) {
    case "load":
      return submission.keys.map(nameOf);
    case "commit":
      return submission.components.flatMap(({ changes }) => changes.map(({ key }) => nameOf(key)));
    case "log":
      return submission.ranges.flatMap(({ of }) => (of === null ? [] : [nameOf(of)]));
    case "send":
      return [submission.message.id];
    case "query":
    case "due":
    case "waiting":
    case "list":
      return [];
  }
}

function showSubmission(submission: Submission): string {
  switch (submission.kind) {
    case "load":
      return `load ${submission.keys.map(({ id }) => JSON.stringify(id)).join(", ")}`;
    case "commit":
      return submission.components
        .map(({ changes }) => {
          const shown = changes.map(({ key, expectedRevision, write }) => {
            const events = write === null ? "read only" : showEvents(write);
            return `${JSON.stringify(key.id)} at revision ${expectedRevision}: ${events}`;
          });
          return shown.join("; ");
        })
        .join("\n");
    case "query":
      return `query ${JSON.stringify(submission.query.pattern)}, limit ${submission.query.limit}`;
    case "log":
      return submission.ranges
        .map(({ of }) => (of === null ? "the whole log" : `the log of ${JSON.stringify(of.id)}`))
        .join(", ");
    case "due":
      return `due, at most ${submission.bounds.limit}`;
    case "send":
      return `send ${showMessage(toModelMessage(submission.message))}`;
    case "waiting":
      return `what waits for ${submission.query.receiver}, at most ${submission.query.limit}`;
    case "list":
      return `${submission.queries.length} lists`;
  }
}

function showEvents({ events }: Write): string {
  return events.length === 0 ? "timers" : events.map(({ event }) => event.kind).join(" + ");
}

function showCompletion(completion: Completion): string {
  switch (completion.kind) {
    case "loaded":
      return completion.streams
        .map((loaded) => {
          if (loaded.kind === "unreadable") return `${JSON.stringify(loaded.key.id)} unreadable`;
          const { key, version, revision } = loaded.stream;
          return `${JSON.stringify(key.id)} version ${version}, revision ${revision}`;
        })
        .join("\n");
    case "committed":
      return completion.conflicts.length === 0
        ? "committed"
        : `committed, but for the components ${completion.conflicts.join(", ")}`;
    case "found":
      return `${completion.found.rows.length} rows`;
    case "logged":
      return `${completion.pages.reduce((sum, { events }) => sum + events.length, 0)} events`;
    case "due":
      return `due: ${completion.due.streams.map(({ key }) => JSON.stringify(key.id)).join(", ")}`;
    case "sent": {
      const { delivery } = completion;
      return delivery.kind === "delivered" ? "delivered" : `not delivered: ${delivery.reason}`;
    }
    case "waiting":
      return `waiting: ${completion.page.streams.map(({ key }) => JSON.stringify(key.id)).join(", ")}`;
    case "listed":
      return `${completion.pages.reduce((sum, { rows }) => sum + rows.length, 0)} rows`;
    case "failed":
      return `failed: ${completion.failure}`;
  }
}
