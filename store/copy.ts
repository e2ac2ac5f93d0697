// Copies a whole store into an empty one, of the same kind of database or of another. What is copied are
// streams and events; all else is made of them by the rows that the target's store makes anyway.
//
//     read all of the source, hash it -> streams, batch by batch -> events, batch by batch
//       -> read all of the target, hash it -> compare -> take the mark away
//
//   B1. The source is read at one moment, is not written, and no server runs on it: a SQLite file is
//       locked as by a server; on Postgres no server may be connected when the copy begins.
//   B2. A target is left as it is, unless it is empty, or holds what an earlier copy of the same streams
//       and events has left unfinished.
//   B3. A batch and the mark of how far it reaches are one transaction. However a copy ends, the next one
//       goes on behind the last batch that was committed.
//   B4. What bears a mark is opened by no server and is no source.
//   B7. The mark goes when both sides, read as a whole, have the same hash, and as many tags and as many
//       offers to workers as the streams want.

import {
  type Contents,
  type CopiedEvent,
  type CopiedStream,
  pace,
  type Rows,
  type Survey,
  survey,
  type Watch,
} from "./copy-contents.ts";
import { type CopyTarget, type Reading, refusal } from "./copy-ends.ts";
import type { Mark } from "./copy-mark.ts";
import { openPostgresTarget, type PostgresPlace, readPostgres } from "./copy-postgres.ts";
import { openSqliteTarget, readSqlite } from "./copy-sqlite.ts";
import { StoreError } from "./store.ts";
import { streamWeight } from "./weight.ts";

export type Place =
  | { readonly kind: "sqlite"; readonly path: string; readonly place: string }
  | ({ readonly kind: "postgres" } & PostgresPlace);

export type CopyStep = "reading" | "copying" | "checking";

export type CopyOptions = {
  readonly from: Place;
  readonly to: Place;
  readonly signal: AbortSignal;
  readonly onProgress: (step: CopyStep, done: number, total: number) => void;
  /** Rows in a batch; for tests, which want many of them. */
  readonly rowsMax?: number;
  /** Told of each batch that is committed. */
  readonly onBatch?: () => void;
};

/** A batch is a transaction. Arbitrary: some MB in memory, and some ms. */
const usualRowsMax = 1_000;
const weightMax = 4 * 1024 * 1024;

/** @throws StoreError, Interrupted; the same call goes on where this one has ended (B3) */
export async function copyStore(options: CopyOptions): Promise<Survey> {
  const { from, to } = options;
  return await of("source", from, () => {
    return read(from, async (contents) => {
      const target = await of("target", to, () => open(to));
      try {
        return await new Copy(contents, target, options).run();
      } finally {
        await target.close();
      }
    });
  });
}

function read<Answer>(from: Place, work: Reading<Answer>): Promise<Answer> {
  return from.kind === "sqlite" ? readSqlite(from.path, work) : readPostgres(from, work);
}

async function open(to: Place): Promise<CopyTarget> {
  return to.kind === "sqlite" ? openSqliteTarget(to.path) : await openPostgresTarget(to);
}

/** Says which side it is that has something against it. */
async function of<Answer>(
  side: "source" | "target",
  { place }: Place,
  work: () => Promise<Answer>,
): Promise<Answer> {
  try {
    return await work();
  } catch (error) {
    const isKnown = error instanceof StoreError;
    if (!isKnown || /^the (source|target|copy) /.test(error.message)) throw error;
    const message = `the ${side} ${place}: ${error.message}`;
    throw new StoreError(error.failure, message, { cause: error });
  }
}

class Copy {
  readonly #source: Contents;
  readonly #target: CopyTarget;
  readonly #options: CopyOptions;

  constructor(source: Contents, target: CopyTarget, options: CopyOptions) {
    this.#source = source;
    this.#target = target;
    this.#options = options;
  }

  async run(): Promise<Survey> {
    const wanted = await survey(this.#source, this.#watch("reading"));
    const { hash } = wanted;
    const begun = { source: this.#options.from.place, hash, stream: 0, position: 0 };
    const mark = await this.#fill(await this.#of((target) => target.begin(begun)), wanted);
    const watch = this.#watch("checking");
    const found = await this.#of((target) => target.read((contents) => survey(contents, watch)));
    assertEqual(wanted, found);
    await this.#of((target) => target.finish(mark));
    return found;
  }

  async #fill(begun: Mark, { counts }: Survey): Promise<Mark> {
    const { onBatch = () => {}, rowsMax = usualRowsMax } = this.#options;
    const watch = this.#watch("copying");
    const total = counts.streams + counts.events;
    let mark = begun;
    const there = await this.#of((target) => target.read((contents) => contents.counts()));
    let done = there.streams + there.events;
    const put = async (rows: number, work: (target: CopyTarget) => Promise<Mark>) => {
      mark = await this.#of(work);
      onBatch();
      done += rows;
      await pace(watch, done, total);
    };
    for await (const batch of batches(this.#source.streams(mark.stream), weightOfStream, rowsMax)) {
      await put(batch.length, (target) => target.putStreams(batch, mark));
    }
    for await (const batch of batches(this.#source.events(mark.position), weightOfEvent, rowsMax)) {
      await put(batch.length, (target) => target.putEvents(batch, mark));
    }
    return mark;
  }

  #of<Answer>(work: (target: CopyTarget) => Promise<Answer>): Promise<Answer> {
    return of("target", this.#options.to, () => work(this.#target));
  }

  #watch(step: CopyStep): Watch {
    const { signal, onProgress } = this.#options;
    return { signal, onProgress: (done, total) => onProgress(step, done, total) };
  }
}

async function* batches<Row>(
  rows: Rows<Row>,
  weightOf: (row: Row) => number,
  rowsMax: number,
): AsyncGenerator<readonly Row[]> {
  let batch: Row[] = [];
  let weight = 0;
  for await (const row of rows) {
    batch.push(row);
    weight += weightOf(row);
    if (batch.length < rowsMax && weight < weightMax) continue;
    yield batch;
    batch = [];
    weight = 0;
  }
  if (batch.length > 0) yield batch;
}

function weightOfStream({ stream }: CopiedStream): number {
  return streamWeight(stream);
}

function weightOfEvent({ row }: CopiedEvent): number {
  return row.data.length;
}

/** B7. */
function assertEqual(wanted: Survey, found: Survey): void {
  const advice = "it stays marked as unfinished: empty it, and copy again";
  const differ = (what: string, source: string | number, target: string | number) => {
    return refusal(
      `the copy differs: ${what} ${source} in the source, ${target} in the target; ${advice}`,
    );
  };
  if (wanted.hash !== found.hash) throw differ("SHA-256", wanted.hash, found.hash);
  for (const rows of ["tags", "waiting"] as const) {
    const [source, target] = [wanted.counts[rows], found.found[rows]];
    if (source !== target) throw differ(`rows of ${rows}`, source, target);
  }
}
