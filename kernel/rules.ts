// What an operator may choose about tasks and those who wait (protocol.md §0, settings). Unlike a limit
// it changes what is decided, so all servers on one database should choose alike.

export type Rules = {
  /** How long a task that was offered and not taken waits to be offered again. */
  readonly retryMs: number;
  /** How long a push is believed to be under way; a stream's message no longer than `retryMs`. */
  readonly patienceMs: number;
  /** How long a listener that cannot be told is kept, from the first failure. */
  readonly retentionMs: number;
  /** Any promise may be awaited, not only those that say so (decision 3). */
  readonly awaitsAny: boolean;
  /** Promises of the same branch that come with a task; 0: none. */
  readonly preloadMax: number;
  /** What SDKs need and the specification forbids is refused (decisions 5, 6 and 7). */
  readonly isStrict: boolean;
};

const marginMs = 60_000; // arbitrary: a message may have to wait for its turn, and for a token

/** @param pushMs how long a push may take */
export function patience(pushMs: number): number {
  return pushMs + marginMs;
}

export const usualRules: Rules = {
  retryMs: 30_000, // specified in protocol.md §0, as are the others
  retentionMs: 86_400_000,
  preloadMax: 10,
  patienceMs: patience(180_000),
  awaitsAny: false,
  isStrict: false,
};
