// What a run did, record by record, and the hash by which two runs are compared. A record holds nothing
// that could differ between two stores or two machines: a position in the log is shown as the id of the
// promise that stands there.

/** One line of the run. `text` is made only where somebody reads it. */
export type TraceRecord = {
  /** World time, ms since the start. */
  readonly at: number;
  /** Whose lane it is: "node 0", "client 3", "store", "faults". */
  readonly actor: string;
  readonly kind: RecordKind;
  /** The operation, submission or stream that it is about. */
  readonly entity: string;
  readonly text: string;
  /** Ids of the promises it is about. */
  readonly ids: readonly string[];
};

export const recordKinds = [
  "call",
  "answer",
  "give_up",
  "submission",
  "effect",
  "completion",
  "executed",
  "fault",
  "crash",
  "start",
  "stop",
  "pause",
  "connect",
  "heal",
] as const;
export type RecordKind = (typeof recordKinds)[number];

export const checkpointEvery = 1_000;

const offset = 0x811c9dc5;
const prime = 0x01000193;

/** Two lanes of FNV-1a over 32 bits each. The second begins elsewhere and takes each word turned. */
export class TraceHash {
  #left = offset;
  #right = ~offset;
  #count = 0;
  readonly #checkpoints: string[] = [];

  word(value: number): void {
    this.#left = Math.imul(this.#left ^ value, prime);
    this.#right = Math.imul(this.#right ^ ((value << 13) | (value >>> 19)), prime) + 1;
  }

  /** A whole number up to 2^53. */
  count(value: number): void {
    this.word(value | 0);
    if (value > 0xffffffff) this.word((value / 2 ** 32) | 0);
  }

  text(value: string): void {
    for (let index = 0; index < value.length; index++) this.word(value.charCodeAt(index));
    this.word(value.length);
  }

  /** Ends a record. */
  end(): void {
    this.#count += 1;
    if (this.#count % checkpointEvery === 0) this.#checkpoints.push(this.digest);
  }

  get records(): number {
    return this.#count;
  }

  get checkpoints(): readonly string[] {
    return this.#checkpoints;
  }

  get digest(): string {
    return hex(this.#left) + hex(this.#right);
  }
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, "0");
}
