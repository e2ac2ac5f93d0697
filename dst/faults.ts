// The catalogue of faults (simulation.md §3). A seed turns whole groups on and off, and draws for each
// fault of a group that is on how often it strikes.

export type FaultGroup = keyof typeof groups;
export type FaultName = (typeof groups)[FaultGroup][number];

export const groups = {
  /** What the store answers. */
  store: [
    /** No submission is taken. */
    "aio_full",
    /** Fails before the effect. */
    "fail_before",
    /** Disk full, pool exhausted, serialization failure, deadlock: known to be rolled back. */
    "rolled_back",
    /** The effect is there, the answer lost. */
    "fail_after",
    /** Said to be lost, and lands afterwards. */
    "fail_landing_later",
    /** Said to be lost, and never lands. */
    "fail_never_landing",
    /** No answer until the process ends. */
    "hang",
    "slow",
    /** A component is said to have moved that has not. */
    "false_conflict",
    /** A record that cannot be decoded, for once. */
    "unreadable",
    /** Between what is written and what is durable. */
    "slow_sync",
  ],
  durability: ["power_cut"],
  servers: [
    /** At a crash point (crash-points.ts), by label. */
    "crash",
    /** Between two events. */
    "kill",
    /** Another process starts at once, while commits of the last one are under way. */
    "quick_restart",
    "graceful_stop",
    /** Asleep for a while, then on with what it held. */
    "pause",
    "other_limits",
  ],
  time: ["offset", "drift", "jump_forward", "jump_back", "freeze"],
  network: [
    "request_delayed",
    "request_lost",
    "request_duplicated",
    "response_lost",
    "client_gives_up",
    "retry_same_key",
    "retry_other_key",
    "other_node",
  ],
  messages: [
    /** Nobody is connected that may receive it; a push is refused. */
    "no_receiver",
    /** It may have arrived, or not. */
    "message_lost",
    "message_delayed",
    /** Not a fault, but as much of a surprise: what had found nobody is offered again. */
    "worker_connects",
  ],
  probes: ["probe"],
} as const;

export const faultNames: readonly FaultName[] = Object.values(groups).flat();

/** What intensities are counted of. */
export const million = 1_000_000;
