// Reads a whole SQLite file, for `resonate log`: in one read transaction, one row at a time. While it
// runs, the server's WAL cannot start anew, and grows.

import type { Deviation } from "./fold.ts";
import { lineOf, type Reader } from "./reader.ts";
import type { NumberedRow, StreamsRow } from "./rows.ts";
import { isCorrupt, translate } from "./sqlite-errors.ts";
import { openReadOnly, type SqliteFile } from "./sqlite-file.ts";
import { prepareReader, type ReaderStatements } from "./sqlite-statements.ts";
import { type Owed, type Paid, type Report, type Source, verify } from "./verify.ts";

/** @throws StoreError if the file cannot be read, with what to do about it */
export function openReader(path: string): SqliteReader {
  return new SqliteReader(openReadOnly(path));
}

export class SqliteReader implements Reader {
  readonly #file: SqliteFile;
  readonly #statements: ReaderStatements;

  constructor(file: SqliteFile) {
    this.#file = file;
    this.#statements = prepareReader(file.database);
  }

  verify(): Promise<Report> {
    return this.#reading(() => verify(new SqliteSource(this.#statements)));
  }

  export(take: (line: string) => Promise<boolean>): Promise<void> {
    return this.#reading(async () => {
      for (const row of this.#statements.selectLog.iterate(0)) {
        const isWanted = await take(lineOf(row));
        if (!isWanted) return;
      }
    });
  }

  async close(): Promise<void> {
    this.#file.close();
  }

  async #reading<Answer>(work: () => Promise<Answer>): Promise<Answer> {
    this.#statements.begin.run();
    try {
      return await work();
    } catch (error) {
      throw translate(error, "read");
    } finally {
      // SQLite may have ended the transaction itself, after an error.
      if (this.#file.database.inTransaction) this.#statements.rollback.run();
    }
  }
}

/** Streams come by number. */
class SqliteSource implements Source<NumberedRow> {
  readonly name = "the file";
  readonly encoding = { branch: (branch: string) => branch };
  readonly #statements: ReaderStatements;

  constructor(statements: ReaderStatements) {
    this.#statements = statements;
  }

  async unsound(): Promise<Deviation | null> {
    const said = this.#statements.checkFile.get() ?? "";
    if (said === "ok") return null;
    const [line = ""] = said.replace(/^\*\*\* in database .*\n/, "").split("\n");
    return { field: this.name, expected: "sound", found: line };
  }

  async *streams(): AsyncGenerator<readonly StreamsRow[]> {
    for (const row of this.#statements.selectStreams.iterate()) yield [row];
  }

  async *events(): AsyncGenerator<NumberedRow> {
    yield* this.#statements.selectHistories.iterate();
  }

  compare({ stream }: NumberedRow, { number }: StreamsRow): number {
    return stream - Number(number);
  }

  async paid(owed: readonly Owed[]): Promise<readonly Paid[]> {
    const { selectTag, selectWaiting } = this.#statements;
    return owed.map(({ row, tags, waiting }) => {
      const number = Number(row.number);
      return {
        tags: [...tags].map(([name, value]) => selectTag.get(name, value, number) !== undefined),
        waiting: waiting.map(({ receiver, offeredAt }) => {
          return selectWaiting.get(receiver, offeredAt, number) !== undefined;
        }),
      };
    });
  }

  async counts() {
    const tags = this.#statements.countTags.get()?.count ?? 0;
    return { tags, waiting: this.#statements.countWaiting.get()?.count ?? 0 };
  }

  isDamage(error: unknown): boolean {
    return isCorrupt(error);
  }
}
