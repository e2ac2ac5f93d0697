// What must be seen now and then (simulation.md §4), or the oracles have nothing to judge. Those of
// tasks, messages and schedules come with their commands.

/** Within how many seeds each must hold at least once. */
export const sometimes = {
  "a settlement meets the deadline at one millisecond": 200,
  "a settlement one millisecond before the deadline succeeds": 1000,
  "a callback is registered in the batch of the settlement, before it": 1000,
  "a callback is registered in the batch of the settlement, after it": 1000,
  "the drains of one settlement take two commits": 1000,
  "a crash between commit and answer": 200,
  "a crash during the first sweep": 1000,
  "a sweep is longer than its limit": 200,
  "a conflict that another server has made": 200,
  "a conflict with transitive commands": 200,
  "the bound of attempts is reached": 1000,
  "an ambiguous commit has landed": 200,
  "an ambiguous commit never lands": 200,
  "an ambiguous commit lands late": 200,
  "a server finds its own event after an unknown commit": 1000,
  "a commit of a server that has died or slept is refused": 200,
  "two processes sweep one stream": 200,
  "a request is turned away because the queue is full": 200,
  "a batch of exactly the maximum": 1000,
  "a component of several commands": 200,
  "two batches are under way": 1000,
  "a batch of one while others wait": 1000,
  "a page of a search ends inside one millisecond": 1000,
  "a full last page has no cursor": 1000,
  "an astral id comes back": 1000,
  "the largest deadline comes back": 200,
  "a promise is born settled": 200,
  "the clock went back and a due stream waited": 200,
  "a retry succeeds": 200,
  "a restart with other limits": 1000,
  "a power cut drops a written commit": 200,
  "a process is killed while a commit is written and not durable": 200,
  "a process stops gracefully": 200,
} as const satisfies Readonly<Record<string, 200 | 1000>>;

export type Sometimes = keyof typeof sometimes;
