// What an operator may choose about tasks and those who wait (protocol.md §0, settings). Unlike a limit
// it changes what is decided, so all servers on one database should choose alike.

export type Rules = {
  /** How long a task that was offered and not taken waits to be offered again. */
  readonly retryMs: number;
  /** How long a message is believed to be under way. */
  readonly patienceMs: number;
  /** How long a listener that cannot be told is kept, from the first failure. */
  readonly retentionMs: number;
  /** Any promise may be awaited, not only those that say so (decision 3). */
  readonly awaitsAny: boolean;
};

export const usualRules: Rules = {
  retryMs: 30_000, // these two are specified in protocol.md §0
  retentionMs: 86_400_000,
  patienceMs: 240_000, // arbitrary: longer than a push may take
  awaitsAny: false,
};
