// What the two ends of a copy have in common, whatever database they are: what a target does, and what
// is said against a source or a target.

import type { Contents, CopiedEvent, CopiedStream } from "./copy-contents.ts";
import { type Mark, refuseUnfinished } from "./copy-mark.ts";
import { assertKnown, schemaKnown } from "./migrate.ts";
import { StoreError } from "./store.ts";

export type Reading<Answer> = (contents: Contents) => Promise<Answer>;

export interface CopyTarget {
  /**
   * B2. Marks an empty target, and finds the mark of one that this copy has begun.
   *
   * @returns how far it has come
   */
  begin(wanted: Mark): Promise<Mark>;
  /** B3. Behind those that are there. @returns the mark as it is then */
  putStreams(batch: readonly CopiedStream[], mark: Mark): Promise<Mark>;
  /** B3. Once all streams are there. */
  putEvents(batch: readonly CopiedEvent[], mark: Mark): Promise<Mark>;
  /** All that is there, at one moment. */
  read<Answer>(work: Reading<Answer>): Promise<Answer>;
  /** Takes the mark away. */
  finish(mark: Mark): Promise<void>;
  close(): Promise<void>;
}

/** @throws StoreError */
export function assertSource({
  schema,
  mark,
}: {
  readonly schema: number;
  readonly mark: Mark | null;
}): void {
  assertKnown("it", schema);
  if (schema === 0) throw refusal("it holds no store, and there is nothing to copy");
  if (schema < schemaKnown) {
    const versions = `has schema version ${schema}, and a copy wants version ${schemaKnown}`;
    throw refusal(`it ${versions}: bring it up with resonate migrate up`);
  }
  refuseUnfinished(mark); // B4
}

/** B2. @throws StoreError */
export function resumed(found: Mark, wanted: Mark): Mark {
  if (found.hash === wanted.hash) return found;
  const because = `of ${found.source}, and not of ${wanted.source} as it is now`;
  throw refusal(`it holds an unfinished copy ${because}: empty it, and copy again`);
}

export function notEmpty(): StoreError {
  return refusal("it is not empty, and a copy wants a place of its own");
}

export function refusal(message: string): StoreError {
  return new StoreError("store_failed", message);
}
