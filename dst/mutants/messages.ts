// Planted bugs in what is sent to workers and listeners, and in what becomes of it (dst/mutants.ts).

import type { Mutant } from "../mutants.ts";

const turn = "kernel/turn.ts";
const execute = "kernel/execute-promise.ts";
const timers = "kernel/timers.ts";

export const messages: readonly Mutant[] = [
  {
    name: "send-before-commit",
    fault: "Messages leave as the commit is submitted, not when it has landed.",
    file: "kernel/kernel.ts",
    find: 'return this.#flights.enqueue({ kind: "commit", components }, flight);',
    replace: `for (const { executed } of outcome.writing) {
      for (const { messages } of executed) for (const message of messages) this.#mail.send(message);
    }
    return this.#flights.enqueue({ kind: "commit", components }, flight);`,
    also: [
      {
        file: "kernel/kernel.ts",
        find: "for (const message of messages) this.#mail.send(message, entry.command.kind);",
        replace: "void [entry, messages];",
      },
    ],
    oracles: ["M"],
    seedsMax: 50,
  },
  {
    name: "execute-sent-twice",
    fault: "A dispatch is sent twice.",
    file: turn,
    find: 'if (isOffered) this.messages.push({ kind: "execute", to, id, version: task.version });',
    replace: `const message = { kind: "execute", to, id, version: task.version } as const;
    if (isOffered) this.messages.push(message, message);`,
    oracles: ["M"],
    seedsMax: 50,
  },
  {
    name: "timer-offered",
    fault: "The task of a timer is offered before its deadline.",
    file: timers,
    find: "isTimer(promise.tags) ? promise.timeoutAt : delayAt(promise)",
    replace: "delayAt(promise)",
    oracles: ["W", "M"],
    seedsMax: 50,
  },
  {
    name: "execute-not-repaired",
    fault: "A task that was offered has no time at which it is offered again.",
    file: timers,
    find: "const clockAt = later(now, retryMs); // I2",
    replace: "const clockAt = null; // I2",
    oracles: ["W", "S", "V"],
    seedsMax: 50,
  },
  {
    name: "missed-not-noted",
    fault: "An offer that found nobody is not kept in mind.",
    file: "kernel/execute-task.ts",
    find: "if (isOffered && !turn.timers(id).isMissed) turn.setTimers",
    replace: "if (isOffered && turn.timers(id).isMissed) turn.setTimers",
    oracles: ["W"],
    seedsMax: 50,
  },
  {
    name: "older-offers-lost",
    fault: "Who connects is not offered what an earlier run of the server had handed over.",
    file: "kernel/waiting.ts",
    find: "return isMissed || (offeredAt !== null && offeredAt < before);",
    replace: "return isMissed || (offeredAt !== null && offeredAt > before && before < 0);",
    oracles: ["W"],
    seedsMax: 50,
  },
  {
    name: "listener-drained-early",
    fault: "A listener counts as told when its message is handed over.",
    file: execute,
    find: 'turn.messages.push({ kind: "unblock", to: address, id: awaited, promise });',
    replace: `turn.messages.push({ kind: "unblock", to: address, id: awaited, promise });
  turn.append(awaited, { kind: "listener_drained", address, wasTold: true });
  setTellings(turn, awaited, tellings);`,
    oracles: ["M", "W"],
    seedsMax: 50,
  },
  {
    name: "unblock-not-repaired",
    fault: "A listener that could not be told is forgotten.",
    file: execute,
    find: "const next = wasTold ? null : fail(telling, given);",
    replace: "const next = wasTold || given.isPush ? null : fail(telling, given);",
    oracles: ["M", "W", "V"],
    seedsMax: 50,
  },
  {
    name: "unblock-old-record",
    fault: "A listener is told of the promise as it was before its settlement.",
    file: execute,
    find: 'turn.messages.push({ kind: "unblock", to: address, id: awaited, promise });',
    replace: `const before = { ...promise, kind: "pending" } as unknown as typeof promise;
  turn.messages.push({ kind: "unblock", to: address, id: awaited, promise: before });`,
    oracles: ["M"],
    seedsMax: 50,
  },
  {
    name: "retention-endless",
    fault: "A listener that cannot be told is kept for ever.",
    file: "kernel/listener.ts",
    find: "if (isDue(endsAt, now)) return null;",
    replace: "",
    oracles: ["W"],
    seedsMax: 200,
    flags: ["--faults", "no_receiver,message_lost"],
  },
];
