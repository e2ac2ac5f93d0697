// How far a long command is: a line that a terminal redraws, or a line for every five percent elsewhere.

import type { Writable } from "node:stream";

export type Paced = { readonly done: number; readonly total: number; readonly elapsedMs: number };

const barWidth = 11;
const stepPercent = 5;
/** Ms between two drawings: nobody reads faster. */
const redrawMs = 200;

export function bar(done: number, total: number): string {
  const filled = total === 0 ? barWidth : Math.floor(Math.min(1, done / total) * barWidth);
  return `${"█".repeat(filled)}${"░".repeat(barWidth - filled)}`;
}

/** Shows progress where it is told to. */
export class ProgressDisplay<Progress extends Paced> {
  readonly #target: Writable;
  readonly #line: (progress: Progress) => string;
  readonly #isTerminal: boolean;
  #drawnAt = Number.NEGATIVE_INFINITY;
  #step = 0;
  #isDrawn = false;

  constructor(target: Writable, line: (progress: Progress) => string) {
    this.#target = target;
    this.#line = line;
    this.#isTerminal = "isTTY" in target && target.isTTY === true;
  }

  show(progress: Progress): void {
    if (this.#isTerminal) {
      if (progress.elapsedMs - this.#drawnAt < redrawMs) return;
      this.#drawnAt = progress.elapsedMs;
      this.#isDrawn = true;
      this.#target.write(`\r\u001b[2K${this.#line(progress)}`);
      return;
    }
    const step = Math.floor((100 * progress.done) / progress.total / stepPercent);
    if (!(step > this.#step)) return; // of nothing there are no steps
    this.#step = step;
    this.#target.write(`${this.#line(progress)}\n`);
  }

  /** Makes room for other lines. */
  clear(): void {
    if (this.#isDrawn) this.#target.write("\r\u001b[2K");
    this.#isDrawn = false;
    this.#drawnAt = Number.NEGATIVE_INFINITY;
  }
}
