// Planted bugs in the stores, and in the simulated disk beneath them (dst/mutants.ts).

import type { Mutant } from "../mutants.ts";

const several = ["--nodes", "2:3"];
const sqlite = ["--store", "sqlite"];
const early = "aio_full,fail_before,rolled_back";
/** Sweeps again before the claim of a sweep that came to nothing has ended. */
const retrying = ["--nodes", "1", "--ops", "100", "--faults", early, "--limits", "sweepRetryMs=1"];

export const stores: readonly Mutant[] = [
  {
    name: "commit-ack-before-durable",
    fault: "A commit is acknowledged when it is written, and a power cut takes it back.",
    file: "dst/disk.ts",
    find: "this.#written = [...this.#written, written];",
    replace: `this.#written = [...this.#written, written];
      onEnd({ kind: "landed", conflicts: [] });`,
    also: [
      {
        file: "dst/disk.ts",
        find: "onEnd(this.#commit(components));",
        replace: "this.#commit(components);",
      },
    ],
    oracles: ["C", "W", "F", "T"],
    seedsMax: 50,
  },
  {
    name: "commit-skips-read-check",
    fault: "Revisions of streams that were only read are not compared.",
    file: "store/memory.ts",
    find: "changes.some((change) => this.#hasMoved(change))",
    replace: "changes.some((change) => change.write !== null && this.#hasMoved(change))",
    oracles: ["W"],
    seedsMax: 200,
    flags: several,
  },
  {
    name: "claims-of-a-wrong-clock",
    fault: "A claim by a server whose clock is years ahead holds until that time has come.",
    file: "store/claims.ts",
    find: "this.#latest > now + 2 * claimMs",
    replace: "this.#latest < 0",
    oracles: ["V"],
    seedsMax: 200,
    flags: ["--nodes", "2:3", "--limits", "sweepShareMax=1,dueMax=32", "--faults", "offset,crash"],
  },
  {
    name: "revision-check-missing",
    fault: "The store accepts any revision.",
    file: "store/memory.ts",
    find: "return (this.#rows.get(key)?.stream.revision ?? 0) !== expectedRevision;",
    replace: "return key === undefined || expectedRevision < 0;",
    also: [
      {
        file: "store/memory.ts",
        find: `assert(row.stream.version + events.length === version, "a write leaves a gap in its stream");`,
        replace: "",
      },
    ],
    oracles: ["T", "W", "F"],
    seedsMax: 50,
    flags: several,
  },
  {
    name: "batch-applied-in-part",
    fault: "What a component writes before the stream that has moved stays written.",
    file: "store/memory.ts",
    find: `if (changes.some((change) => this.#hasMoved(change))) {
        conflicts.push(index);`,
    replace: `const moved = changes.findIndex((change) => this.#hasMoved(change));
      if (moved !== -1) {
        for (const { key, write } of changes.slice(0, moved)) if (write !== null) this.#write(key, write);
        conflicts.push(index);`,
    oracles: ["C", "W", "T", "F"],
    seedsMax: 200,
    flags: several,
  },
  {
    name: "due-order-unstable",
    fault: "Streams of one due date come in any order.",
    file: "store/memory.ts",
    find: "return left.row.number - right.row.number;",
    replace: "return 0;",
    oracles: ["S", "W", "X"],
    seedsMax: 50,
  },
  {
    name: "due-index-stale",
    fault: "A stream stays where its first due date has put it.",
    file: "store/memory.ts",
    find: "if (row.timer?.dueAt === dueAt) return;",
    replace: "if (row.timer !== null) return;",
    oracles: ["W", "V"],
    seedsMax: 50,
  },
  {
    name: "heap-order-lost",
    fault: "The heap of due dates sinks to the left only.",
    file: "store/heap.ts",
    find: "this.#compare(b, a) < 0 ? left + 1 : left",
    replace: "this.#compare(b, a) < 0 ? left : left",
    oracles: ["W", "V"],
    seedsMax: 50,
  },
  {
    name: "claims-forever",
    fault: "A claim of a process that has died never ends.",
    file: "store/memory.ts",
    find: "for (const key of this.#claims.expire(now)) this.#rearm(key);",
    replace: "",
    oracles: ["V", "B"],
    seedsMax: 200,
  },
  {
    name: "claim-end-forgotten",
    fault: "Nobody is told when a claim ends.",
    file: "store/memory.ts",
    find: "earliest(this.#nextTimer()?.dueAt ?? null, endsAt)",
    replace: "this.#nextTimer()?.dueAt ?? null",
    oracles: ["V"],
    seedsMax: 200,
    flags: retrying,
  },
  {
    name: "tags-not-indexed",
    fault: "A search in SQLite finds nothing by its tags.",
    file: "store/sqlite-rows.ts",
    find: "for (const [name, value] of found?.tags ?? []) statements.insertTag.run(name, value, number);",
    replace: "",
    oracles: ["W", "X"],
    seedsMax: 50,
    flags: sqlite,
  },
  {
    name: "search-column-stale",
    fault: "SQLite keeps the state that a promise was created with in the column that is searched.",
    file: "store/queries.ts",
    find: "  .set(written)",
    replace: `  .set(({ eb, ref }) => ({
        ...written,
        state: eb.fn.coalesce(ref("state"), eb.val(written.state)),
      }))`,
    oracles: ["W", "X"],
    seedsMax: 50,
    flags: sqlite,
  },
  {
    name: "codec-empty-lost",
    fault: 'Data that is "" comes back as absent.',
    file: "store/members.ts",
    find: "data: textOrNull(data)",
    replace: 'data: textOrNull(data === "" ? null : data)',
    oracles: ["W", "F", "X"],
    seedsMax: 50,
    flags: sqlite,
  },
  {
    name: "codec-settle-key-lost",
    fault: "The key of a settlement is not read back.",
    file: "store/codec.ts",
    find: "settleKey: textOrNull(stored.settleKey),",
    replace: "settleKey: null,",
    oracles: ["W", "F", "X"],
    seedsMax: 50,
    flags: sqlite,
  },
];
