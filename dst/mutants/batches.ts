// Planted bugs in the step machine: batches, conflicts, lost commits, answers (dst/mutants.ts).

import type { Mutant } from "../mutants.ts";

/** Commits of which the server does not know whether they have landed. */
const lost = "fail_never_landing,fail_landing_later,fail_after,slow,slow_sync";

export const batches: readonly Mutant[] = [
  {
    name: "respond-before-commit",
    fault: "Replies leave when the commit is submitted.",
    file: "kernel/kernel.ts",
    find: 'if (commit === null) this.#rolledBack(outcome, "store_overloaded");',
    replace: `if (commit === null) this.#rolledBack(outcome, "store_overloaded");
      const writers = outcome.writing.flatMap(({ executed }) => executed);
      for (const { entry, response } of commit === null ? [] : writers) {
        if (entry.origin.kind !== "client" || response === null) continue;
        this.#answered.add(entry.origin);
        entry.origin.reply(response);
      }`,
    also: [
      {
        file: "kernel/kernel.ts",
        find: "  readonly #underWay: UnderWay;",
        replace: `  readonly #underWay: UnderWay;
          readonly #answered = new Set<Origin>();`,
      },
      {
        file: "kernel/kernel.ts",
        find: "      origin.reply(response);",
        replace: "      if (!this.#answered.has(origin)) origin.reply(response);",
      },
    ],
    oracles: ["W", "C"],
    seedsMax: 50,
  },
  {
    name: "batch-blind",
    fault: "A command does not see what an earlier one of its batch has done.",
    file: "kernel/working-set.ts",
    find: 'const { state } = this.#stream(key);\n    assert(state.kind === "promise"',
    replace: `const working = this.#stream(key);
      const state = working.events.length > 0 ? working.loaded.state : working.state;
      assert(state.kind === "promise"`,
    oracles: ["W", "S", "A"],
    seedsMax: 50,
  },
  {
    name: "snapshot-lags-batch",
    fault: "The snapshot lacks the last event of its batch.",
    file: "kernel/working-set.ts",
    find: "snapshot: state,",
    replace: `snapshot: events
        .slice(0, -1)
        .reduce((folded, { event }) => evolve(folded, event), loaded.state),`,
    oracles: ["F", "W", "T"],
    seedsMax: 50,
  },
  {
    name: "creation-order-lost",
    fault: "Promises of one component are numbered as they were first touched, not as created.",
    file: "kernel/working-set.ts",
    find: "streams.sort((left, right) => left.writtenAfter - right.writtenAfter).map(toChange)",
    replace: "streams.map(toChange)",
    oracles: ["W"],
    seedsMax: 200,
  },
  {
    name: "conflict-drops-command",
    fault: "A command that conflicts is neither tried again nor answered.",
    file: "kernel/kernel.ts",
    find: "this.#again = [...moved.flatMap(({ executed }) => this.#retry(executed)), ...this.#again];",
    replace: "void moved;",
    oracles: ["V", "B"],
    seedsMax: 50,
  },
  {
    name: "conflict-answers-anyway",
    fault: "A command that conflicts is answered as if it had landed.",
    file: "kernel/kernel.ts",
    find: "this.#again = [...moved.flatMap(({ executed }) => this.#retry(executed)), ...this.#again];",
    replace: "for (const { executed } of moved) this.#release(executed);",
    oracles: ["W"],
    seedsMax: 50,
  },
  {
    name: "conflict-reuses-working-set",
    fault: "A command that conflicts is decided again on what was loaded the first time.",
    file: "kernel/kernel.ts",
    find: "const outcome = batch.execute(completion.streams, at);",
    replace: `const isRepeated = batch.entries.some(({ attempt }) => attempt > 1);
      const streams = completion.streams.map((each) => {
        if (each.kind === "unreadable") return each;
        const { id } = each.stream.key;
        if (!isRepeated) this.#kept.set(id, each.stream.state);
        return { ...each, stream: { ...each.stream, state: this.#kept.get(id) ?? each.stream.state } };
      });
      const outcome = batch.execute(streams, at);`,
    also: [
      {
        file: "kernel/kernel.ts",
        find: "  readonly #underWay: UnderWay;",
        replace: `  readonly #underWay: UnderWay;
          readonly #kept = new Map();`,
      },
    ],
    oracles: ["W", "F", "T", "B", "A"],
    seedsMax: 200,
  },
  {
    name: "conflict-not-transitive",
    fault: "What rests on a command that conflicts lands without it.",
    file: "kernel/component.ts",
    find: "union(parent, other, index);",
    replace: "if (find(parent, index) === index) union(parent, other, index);",
    oracles: ["W", "F", "T", "B"],
    seedsMax: 200,
  },
  {
    name: "retry-keeps-old-now",
    fault: "A command that is tried again runs at the instant at which it came.",
    file: "kernel/kernel.ts",
    find: "const outcome = batch.execute(completion.streams, at);",
    replace: `for (const entry of batch.entries) {
        const first = entry.attempt === 1 ? at.now : (this.#firstAt.get(entry.command) ?? at.now);
        this.#firstAt.set(entry.command, first);
      }
      const outcome = batch.execute(completion.streams, { ...at, firstAt: this.#firstAt } as typeof at);`,
    also: [
      {
        file: "kernel/batch.ts",
        find: "run(set, entry, at)",
        replace: `run(set, entry, {
          ...at,
          now: (at as Instant & { firstAt: Map<Command, InstantMs> }).firstAt.get(entry.command) ?? at.now,
        })`,
      },
      {
        file: "kernel/kernel.ts",
        find: "  readonly #underWay: UnderWay;",
        replace: `  readonly #underWay: UnderWay;
          readonly #firstAt = new Map<Command, InstantMs>();`,
      },
    ],
    oracles: ["W", "T"],
    seedsMax: 200,
  },
  {
    name: "ambiguous-redecided",
    fault: "After a commit of unknown outcome its commands are decided again.",
    file: "kernel/kernel.ts",
    find: 'if (completion.failure === "outcome_unknown") this.#look(batch, outcome);',
    replace: `if (completion.failure === "outcome_unknown") {
        this.#underWay.end();
        const entries = outcome.writing.flatMap(({ executed }) => this.#retry(executed));
        this.#again = [...entries, ...this.#again];
        this.#release(outcome.reading);
      }`,
    oracles: ["W"],
    seedsMax: 50,
  },
  {
    name: "ambiguous-refused",
    fault: "A commit of unknown outcome is answered as not applied.",
    file: "kernel/kernel.ts",
    find: 'if (completion.failure === "outcome_unknown") this.#look(batch, outcome);',
    replace:
      'if (completion.failure === "outcome_unknown") this.#rolledBack(outcome, "store_failed");',
    oracles: ["W"],
    seedsMax: 50,
  },
  {
    name: "not-found-taken-for-none",
    fault: "A commit that is not in the log yet is answered as not applied.",
    file: "kernel/kernel.ts",
    find: 'failed(wrote ? "outcome_unknown" : "store_failed")',
    replace: 'failed("store_failed")',
    oracles: ["W"],
    seedsMax: 50,
  },
  {
    name: "look-finds-anything",
    fault: "Any event behind the one that was loaded is taken for the own one.",
    file: "kernel/batch.ts",
    find: "return executed.some(({ entry }) => entry.id === command);",
    replace: "return executed.length > 0 && command !== undefined;",
    oracles: ["W"],
    seedsMax: 200,
    flags: ["--nodes", "2:3", "--ops", "300", "--faults", lost],
  },
  {
    name: "look-believes",
    fault: "A lost commit counts as landed, whatever the log says.",
    file: "kernel/batch.ts",
    find: "return executed.some(({ entry }) => entry.id === command);",
    replace: "return executed.length > 0 || command !== undefined;",
    oracles: ["W", "C"],
    seedsMax: 50,
  },
  {
    name: "rolled-back-answered",
    fault: "Commands whose commit was rolled back are answered as decided.",
    file: "kernel/kernel.ts",
    find: "for (const { entry } of executed) this.#finish(entry, failed(failure));",
    replace: "this.#release(executed);",
    oracles: ["W", "C"],
    seedsMax: 50,
  },
  {
    name: "queue-full-after-enqueue",
    fault: "A request is refused although it was queued.",
    file: "kernel/kernel.ts",
    find: 'return this.#commands.push(this.#entries.enter(request, { kind: "client", reply }));',
    replace: `const isLast = this.waiting + 1 === this.#limits.queueMax;
      const silent = { kind: "client", reply: isLast ? () => undefined : reply } as const;
      return this.#commands.push(this.#entries.enter(request, silent)) && !isLast;`,
    oracles: ["W"],
    seedsMax: 50,
  },
  {
    name: "queue-beyond-max",
    fault: "More requests wait than may.",
    file: "kernel/kernel.ts",
    find: "if (this.waiting >= this.#limits.queueMax) return false;",
    replace: "",
    oracles: ["B"],
    seedsMax: 200,
    flags: ["--limits", "queueMax=2"],
  },
  {
    name: "queue-overwrites",
    fault: "A full queue loses its oldest request.",
    file: "kernel/queue.ts",
    find: "if (this.#size === this.max) return false;",
    replace: "if (this.#size === this.max) this.shift();",
    also: [
      {
        file: "kernel/kernel.ts",
        find: "if (this.waiting >= this.#limits.queueMax) return false;",
        replace: "",
      },
    ],
    oracles: ["V", "B"],
    seedsMax: 50,
  },
  {
    name: "in-flight-leak",
    fault: "A batch whose load fails counts as under way for ever.",
    file: "kernel/kernel.ts",
    find: `assert(failure !== "outcome_unknown", "a load has no effect that could be unknown");
    this.#underWay.end();`,
    replace: "",
    oracles: ["B", "V"],
    seedsMax: 50,
  },
  {
    name: "overloaded-batch-forgotten",
    fault: "Commands whose load is not taken are never answered.",
    file: "kernel/kernel.ts",
    find: 'if (!isQueued) this.#abandon(batch, "store_overloaded");',
    replace: "if (!isQueued) this.#underWay.end();",
    oracles: ["V", "B"],
    seedsMax: 200,
  },
  {
    name: "overloaded-read-forgotten",
    fault: "A read that is not taken is never answered.",
    file: "kernel/reads.ts",
    find: 'else this.#show(asked, failed("store_overloaded"));',
    replace: "",
    oracles: ["V", "B"],
    seedsMax: 200,
  },
  {
    name: "read-slot-leak",
    fault: "A read that has ended counts as under way for ever.",
    file: "kernel/reads.ts",
    find: "this.#underWay -= 1;",
    replace: "",
    oracles: ["V", "B"],
    seedsMax: 50,
  },
  {
    name: "readers-unanswered",
    fault: "Commands that write nothing are not answered if others of their batch write.",
    file: "kernel/kernel.ts",
    find: "this.#release(outcome.reading);",
    replace: "",
    oracles: ["V", "B"],
    seedsMax: 50,
  },
  {
    name: "answered-twice",
    fault: "Commands that write nothing are answered twice if others of their batch write.",
    file: "kernel/kernel.ts",
    find: "this.#release(outcome.reading);",
    replace: `this.#release(outcome.reading);
      this.#release(outcome.reading);`,
    oracles: ["B", "W", "A"],
    seedsMax: 50,
  },
  {
    name: "attempts-unbounded",
    fault: "A command that conflicts is tried again without end.",
    file: "kernel/kernel.ts",
    find: "if (entry.attempt < this.#limits.attemptsMax)",
    replace: "if (entry.attempt > 0)",
    oracles: ["B"],
    seedsMax: 200,
  },
  {
    name: "held-back-forgotten",
    fault: "What was held back for a batch under way is never run.",
    file: "kernel/admission.ts",
    find: "again: [...held, ...rest]",
    replace: "again: [...rest]",
    oracles: ["V", "B"],
    seedsMax: 200,
  },
  {
    name: "repetitions-beyond-batch-lost",
    fault: "Of the commands that conflict, those that do not fit into the next batch are lost.",
    file: "kernel/admission.ts",
    find: "again: [...held, ...rest]",
    replace: "again: held",
    oracles: ["V", "B"],
    seedsMax: 200,
    flags: ["--faults", "false_conflict", "--limits", "batchMax=2,batchesMax=4"],
  },
  {
    name: "held-order-lost",
    fault: "A command overtakes one that is held back on the same stream.",
    file: "kernel/admission.ts",
    find: "for (const key of entry.keys) blocked.set(key, true);",
    replace: "",
    oracles: ["B", "W"],
    seedsMax: 200,
  },
  {
    name: "batches-overlap",
    fault: "Two batches under way touch the same stream.",
    file: "kernel/flight.ts",
    find: '"batch" in flight && flight.batch.touches(key)',
    replace: "flight === null",
    oracles: ["B", "W"],
    seedsMax: 200,
  },
  {
    name: "alias-live-object",
    fault: "The working set changes the list that the store holds.",
    file: "kernel/callback.ts",
    find: "return [...callbacks, event.awaiter];",
    replace: `if (callbacks.length === 0) return [event.awaiter];
      (callbacks as PromiseId[]).push(event.awaiter);
      return callbacks;`,
    oracles: ["W", "F", "X", "A"],
    seedsMax: 200,
  },
  {
    name: "unreadable-taken-for-absent",
    fault: "A record that cannot be read counts as one that is not there.",
    file: "kernel/batch.ts",
    find: '(each.kind === "stream" ? [each.stream] : [])',
    replace: `{
        if (each.kind === "stream") return [each.stream];
        const none = { kind: "absent" } as const;
        const state = { kind: "promise", promise: none, task: none, callbacks: [], listeners: [] };
        const clock = { clockAt: null, releaseCount: 0, offeredAt: null, isMissed: false };
        const timers = { ...clock, tellings: new Map() };
        return [{ key: each.key, version: 0, revision: 0, state, timers } as unknown as Stream];
      }`,
    oracles: ["W"],
    seedsMax: 200,
  },
  {
    name: "unreadable-fails-all",
    fault: "A record that cannot be read fails every command of its batch.",
    file: "kernel/batch.ts",
    find: "isWhole || entry.keys.every((key) => set.has(key))",
    replace: "isWhole",
    oracles: ["W"],
    seedsMax: 200,
    flags: ["--faults", "unreadable,slow"],
  },
];
