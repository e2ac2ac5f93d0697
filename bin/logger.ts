// Log lines: one event, one line, one write (promise-api.md §6.3). Payloads, idempotency keys and
// tokens have no business here.
//
//   J1. A line that is below the level costs one comparison.
//   J2. A reader that has gone away or does not keep up never stops the server: what it cannot take
//       is dropped, and counted in a line of its own once it reads again.

import type { Writable } from "node:stream";

export const levels = ["debug", "info", "warn", "error"] as const;
export type Level = (typeof levels)[number];
export type Format = "text" | "json";

/** In the order in which they are to be shown; undefined members are left out. */
export type Fields = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Sink {
  /**
   * Takes one line, newline included; never throws.
   *
   * @returns false if it had to be dropped
   */
  write(line: string): boolean;
}

export type LoggerOptions = {
  readonly level: Level;
  readonly format: Format;
  readonly sink: Sink;
  /** In ms since the Unix epoch. */
  readonly now?: () => number;
};

const noFields: Fields = {};

export class Logger {
  readonly #rank: number;
  readonly #render: (heading: Heading, fields: Fields) => string;
  readonly #sink: Sink;
  readonly #now: () => number;
  #droppedCount = 0;

  constructor({ level, format, sink, now = Date.now }: LoggerOptions) {
    this.#rank = levels.indexOf(level);
    this.#render = format === "json" ? renderJson : renderText;
    this.#sink = sink;
    this.#now = now;
  }

  /** For those who would have to collect the fields first (J1). */
  get isDebug(): boolean {
    return this.#rank === 0;
  }

  debug(msg: string, fields: Fields = noFields): void {
    if (this.#rank <= 0) this.#write("DEBUG", msg, fields);
  }

  info(msg: string, fields: Fields = noFields): void {
    if (this.#rank <= 1) this.#write("INFO", msg, fields);
  }

  warn(msg: string, fields: Fields = noFields): void {
    if (this.#rank <= 2) this.#write("WARN", msg, fields);
  }

  error(msg: string, fields: Fields = noFields): void {
    this.#write("ERROR", msg, fields);
  }

  #write(level: string, msg: string, fields: Fields): void {
    const time = new Date(this.#now()).toISOString();
    if (this.#droppedCount > 0) {
      const heading = { time, level: "WARN", msg: "log lines dropped" };
      const isTaken = this.#sink.write(this.#render(heading, { count: this.#droppedCount }));
      if (isTaken) this.#droppedCount = 0;
    }
    if (!this.#sink.write(this.#render({ time, level, msg }, fields))) this.#droppedCount += 1; // J2
  }
}

type Heading = { readonly time: string; readonly level: string; readonly msg: string };

function renderJson(heading: Heading, fields: Fields): string {
  return `${JSON.stringify({ ...heading, ...fields })}\n`;
}

function renderText({ time, level, msg }: Heading, fields: Fields): string {
  let line = `time=${time} level=${level} msg=${quote(msg)}`;
  for (const key in fields) {
    const value = fields[key];
    if (value === undefined) continue;
    line += ` ${key}=${typeof value === "string" ? quote(value) : value}`;
  }
  return `${line}\n`;
}

/** Space, quote, equals sign and control characters, those beyond ASCII and line ends included. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const special = /[\u0000-\u0020"=\u007f-\u009f\u2028\u2029]/;
const unescaped = /[\u007f-\u009f\u2028\u2029]/g;

function quote(text: string): string {
  if (text !== "" && !special.test(text) && text.isWellFormed()) return text;
  return JSON.stringify(text).replace(unescaped, toEscape); // JSON leaves some of them as they are
}

function toEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** What a slow reader may owe, in bytes; some hundred thousand lines. Arbitrary. */
const owedMax = 16 * 1024 * 1024;

/** J2. For standard output, which is a pipe most of the time, and may then lag behind. */
export class StreamSink implements Sink {
  readonly #stream: Writable;
  readonly #owedMax: number;
  #isGone = false;

  constructor(stream: Writable, max: number = owedMax) {
    this.#stream = stream;
    this.#owedMax = max;
    stream.on("error", (error: NodeJS.ErrnoException) => {
      this.#isGone ||= error.code === "EPIPE"; // a full disk may have room again
    });
  }

  write(line: string): boolean {
    if (this.#isGone || this.#stream.writableLength > this.#owedMax) return false;
    this.#stream.write(line);
    return true;
  }

  /** Resolves when all that was written has left the process, or never will. */
  flush(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#isGone) resolve();
      else this.#stream.write("", () => resolve());
    });
  }
}
