// Planted bugs in the rules of promises and callbacks (dst/mutants.ts).

import type { Mutant } from "../mutants.ts";

export const promises: readonly Mutant[] = [
  {
    name: "settle-overwrites-terminal",
    fault: "A second settle replaces state and value.",
    file: "kernel/promise.ts",
    find: 'if (state.kind === "pending") {',
    replace: 'if (state.kind === "pending" || now < state.timeoutAt) {',
    also: [
      {
        file: "kernel/promise.ts",
        find: 'assert(state.kind === "pending", "a promise is settled that is not pending");',
        replace: 'assert(state.kind !== "absent", "");',
      },
    ],
    oracles: ["W", "T"],
    seedsMax: 50,
  },
  {
    name: "settle-ignores-deadline",
    fault: "A settle succeeds at and after the deadline.",
    file: "kernel/execute-promise.ts",
    find: "turn.touch(id);",
    replace: 'if (command.kind === "create_promise") turn.touch(id);',
    also: [
      {
        file: "kernel/execute-promise.ts",
        find: "decideSettle(promise, command, turn.now);",
        replace: `decideSettle(
            promise,
            command,
            promise.kind === "pending" && promise.timeoutAt <= turn.now
              ? ((Number(promise.timeoutAt) - 1) as typeof turn.now)
              : turn.now,
          );`,
      },
    ],
    oracles: ["W"],
    seedsMax: 50,
  },
  {
    name: "deadline-off-by-one",
    fault: "A deadline has passed one millisecond late.",
    file: "kernel/promise.ts",
    find: "!isDue(state.timeoutAt, now)",
    replace: "state.timeoutAt >= now",
    oracles: ["W", "S", "V"],
    seedsMax: 50,
  },
  {
    name: "timeout-stamps-now",
    fault: "A promise that has timed out is settled at the instant at which that was noticed.",
    file: "kernel/promise.ts",
    find: "const settledAt = earlier(state.timeoutAt, now);",
    replace: "const settledAt = now;",
    also: [
      {
        file: "kernel/promise.ts",
        find: 'assert(settledAt <= state.timeoutAt, "a promise is settled after its deadline");',
        replace: "",
      },
    ],
    oracles: ["W", "S"],
    seedsMax: 50,
  },
  {
    name: "timer-tag-ignored",
    fault: "A timer is timed out, not resolved.",
    file: "kernel/promise.ts",
    find: 'isTimer(state.tags) ? "resolved" : "timedout"',
    replace: '"timedout"',
    oracles: ["W"],
    seedsMax: 50,
  },
  {
    name: "read-skips-lazy-timeout",
    fault: "A get shows a promise as pending after its deadline.",
    file: "kernel/execute.ts",
    find: `turn.touch(command.id);
      return turn.show(`,
    replace: "return turn.show(",
    oracles: ["W"],
    seedsMax: 50,
  },
  {
    name: "create-past-deadline-pending",
    fault: "A promise that is born after its deadline stays pending.",
    file: "kernel/promise.ts",
    find: "timeout(evolve(state, created), now);",
    replace: "null as PromiseSettled | null;",
    oracles: ["W", "S"],
    seedsMax: 50,
  },
  {
    name: "create-echoes-request",
    fault: "A repeated create is answered with the fields of the request, not of the record.",
    file: "kernel/execute-promise.ts",
    find: "return turn.show(id, decision.events.length > 0);",
    replace: `const shown = turn.show(id, decision.events.length > 0);
      if (command.kind !== "create_promise" || shown.kind !== "promise") return shown;
      const { param, tags, timeoutAt } = command;
      return { ...shown, promise: { ...shown.promise, param, tags, timeoutAt } };`,
    oracles: ["W", "G"],
    seedsMax: 50,
  },
  {
    name: "create-drops-tags",
    fault: "Tags are not stored.",
    file: "kernel/promise.ts",
    find: "createdAt, timeoutAt, param, tags, key, isExternal };",
    replace: "createdAt, timeoutAt, param, tags: new Map(), key, isExternal };",
    oracles: ["W"],
    seedsMax: 50,
  },
  {
    name: "strict-ignored",
    fault: "The flag strict has no effect.",
    file: "kernel/promise.ts",
    find: '!command.strict || state.kind === "pending"',
    replace: "true",
    also: [
      {
        file: "kernel/promise.ts",
        find: "!strict || state.outcome === outcome",
        replace: "true",
      },
    ],
    oracles: ["W"],
    seedsMax: 50,
  },
  {
    name: "strict-before-timeout",
    fault: "A strict create is judged before the timeout that it comes upon.",
    file: "kernel/execute-promise.ts",
    find: "turn.touch(id);",
    replace: `const wasPending = turn.state(id).promise.kind === "pending";
      turn.touch(id);`,
    also: [
      {
        file: "kernel/execute-promise.ts",
        find: "decideCreate(promise, command, turn.now)",
        replace: `decideCreate(
            promise,
            wasPending ? { ...command, strict: false } : command,
            turn.now,
          )`,
      },
    ],
    oracles: ["W"],
    seedsMax: 200,
  },
  {
    name: "key-absent-matches",
    fault: "Two absent idempotency keys count as equal.",
    file: "kernel/promise.ts",
    find: "return stored !== null && stored === sent;",
    replace: "return stored === sent;",
    oracles: ["W"],
    seedsMax: 50,
  },
  {
    name: "complete-after-timeout-ok",
    fault: "A settle of a promise that has timed out is shown it instead of being refused.",
    file: "kernel/promise.ts",
    find: "const isRepeated = matches(state.settleKey, key);",
    replace: 'const isRepeated = state.outcome === "timedout" || matches(state.settleKey, key);',
    oracles: ["W"],
    seedsMax: 50,
  },
  {
    name: "create-ignores-key",
    fault: "Every create of a promise that is there counts as a repetition.",
    file: "kernel/promise.ts",
    find: "const isRepeated = matches(state.createKey, command.key);",
    replace: "const isRepeated = true;",
    oracles: ["W"],
    seedsMax: 50,
  },
  {
    name: "repetition-said-to-change",
    fault: "A repetition is answered as if it had changed something.",
    file: "kernel/execute-promise.ts",
    find: "return turn.show(id, decision.events.length > 0);",
    replace: "return turn.show(id, true);",
    oracles: ["W"],
    seedsMax: 50,
  },
  {
    name: "settled-before-created",
    fault: "A server whose clock is behind settles a promise before the instant of its creation.",
    file: "kernel/promise.ts",
    find: "const settledAt = instantMs(Math.max(now, state.createdAt));",
    replace: "const settledAt = now;",
    also: [
      {
        file: "kernel/promise.ts",
        find: 'assert(settledAt >= state.createdAt, "a promise is settled before it is created");',
        replace: "",
      },
    ],
    oracles: ["W", "S"],
    seedsMax: 200,
  },
  {
    name: "int64-rounded",
    fault: "A large deadline loses its last digits.",
    file: "kernel/promise.ts",
    find: "const { timeoutAt, param, tags, key, isExternal } = command;",
    replace: `const { param, tags, key, isExternal } = command;
      const isExact = command.timeoutAt <= 2n ** 53n;
      const rounded = isExact ? command.timeoutAt : (command.timeoutAt >> 10n) << 10n;
      const timeoutAt = rounded as DeadlineMs;`,
    oracles: ["W", "X"],
    seedsMax: 50,
  },
  {
    name: "proto-key-lost",
    fault: "Tags go through a plain object: __proto__ vanishes, numbers move to the front.",
    file: "kernel/promise.ts",
    find: "createdAt, timeoutAt, param, tags, key, isExternal };",
    replace: `createdAt, timeoutAt, param, tags: plain(tags), key, isExternal };
      function plain(pairs: Tags): Tags {
        const object: Record<string, string> = {};
        for (const [name, text] of pairs) object[name] = text;
        return new Map(Object.entries(object));
      }`,
    oracles: ["W", "X"],
    seedsMax: 50,
  },
  {
    name: "ids-normalised",
    fault: "Two Unicode forms of an id are one promise.",
    file: "kernel/stream.ts",
    find: 'return { kind: "promise", id };',
    replace: 'return { kind: "promise", id: id.normalize("NFC") as PromiseId };',
    oracles: ["W"],
    seedsMax: 50,
  },
  {
    name: "callback-duplicated",
    fault: "A waiter is registered twice.",
    file: "kernel/callback.ts",
    find: "if (!areLive || awaited.callbacks.includes(awaiterId)) return unchanged;",
    replace: "if (!areLive) return unchanged;",
    also: [
      {
        file: "kernel/callback.ts",
        find: 'assert(!isPresent, "a callback is registered twice");',
        replace: "",
      },
    ],
    oracles: ["W", "S"],
    seedsMax: 50,
  },
  {
    name: "callback-after-settle-stored",
    fault: "A callback is stored although the promise is settled.",
    file: "kernel/callback.ts",
    find: 'awaited.promise.kind === "pending" && awaiter.kind === "pending";',
    replace: 'awaiter.kind === "pending";',
    also: [
      {
        file: "kernel/stream.ts",
        find: 'assert(state.promise.kind === "pending", "a callback on a promise that is not pending");',
        replace: "",
      },
    ],
    oracles: ["W", "S", "V"],
    seedsMax: 50,
  },
  {
    name: "drain-wrong-awaiter",
    fault: "A drain wakes another one of those who wait.",
    file: "kernel/callback.ts",
    find: 'return isOwed ? [{ kind: "callback_drained", awaiter: awaiterId }] : [];',
    replace: `const awaiter = awaited.callbacks.at(-1) ?? awaiterId;
      return isOwed ? [{ kind: "callback_drained", awaiter }] : [];`,
    oracles: ["W"],
    seedsMax: 50,
  },
  {
    name: "drain-not-due",
    fault: "Callbacks that are not drained do not make their stream due.",
    file: "kernel/stream.ts",
    find: "const drainAt = callbacks.length > 0 ? settledAt : null;",
    replace: "const drainAt = null;",
    oracles: ["S", "V"],
    seedsMax: 50,
  },
  {
    name: "untargeted-not-armed",
    fault: "A promise that others may await but no worker runs never times out by itself.",
    file: "kernel/stream.ts",
    find: "|| promise.isAwaitable(record)",
    replace: '|| record.tags.has("resonate:target")',
    oracles: ["S", "V"],
    seedsMax: 50,
  },
  {
    name: "register-skips-awaiter-timeout",
    fault: "Whoever is overdue may still be registered as a waiter.",
    file: "kernel/execute-promise.ts",
    find: "turn.touch(awaiter);",
    replace: "",
    oracles: ["W"],
    seedsMax: 50,
  },
  {
    name: "drain-skips-awaiter-timeout",
    fault: "A drain leaves the passed deadline of the one that it wakes unwritten.",
    file: "kernel/execute-task.ts",
    find: "turn.touch(awaiter);",
    replace: "",
    oracles: ["W"],
    seedsMax: 200,
  },
  {
    name: "register-untargeted-accepted",
    fault: "A waiter need not be one that a worker runs.",
    file: "kernel/callback.ts",
    find: 'if (!isTargeted(awaiter.tags)) return refuse("awaiter_not_targeted");',
    replace: "",
    oracles: ["W"],
    seedsMax: 50,
  },
  {
    name: "register-unawaitable-accepted",
    fault: "Any promise may be awaited.",
    file: "kernel/callback.ts",
    find: `if (!awaited.awaitsAny && !isAwaitable(awaited.promise)) return refuse("awaited_not_awaitable");`,
    replace: "",
    oracles: ["W"],
    seedsMax: 50,
  },
  {
    name: "sweep-settles-nothing",
    fault: "A promise whose deadline was swept stays pending.",
    file: "kernel/execute.ts",
    find: `turn.touch(command.id);
      return null;`,
    replace: "return null;",
    oracles: ["W", "V"],
    seedsMax: 50,
  },
  {
    name: "evolve-differs-live",
    fault: "A callback folds into another order live than from the log.",
    file: "kernel/working-set.ts",
    find: "stream.state = evolve(stream.state, event);",
    replace: `const { callbacks } = stream.state;
      const evolved = evolve(stream.state, event);
      const isNew = event.kind === "callback_registered";
      stream.state = isNew ? { ...evolved, callbacks: [event.awaiter, ...callbacks] } : evolved;`,
    oracles: ["F", "W"],
    seedsMax: 50,
  },
];
