// What an oracle says to a piece of work.

import { Violation } from "../../dst/verdict.ts";

/** The oracle and the rule of what is thrown. */
export function found(work: () => unknown): string {
  try {
    work();
    return "nothing";
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    return `${error.oracle} ${error.rule}`;
  }
}
