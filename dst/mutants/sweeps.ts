// Planted bugs in what the server does unasked: due dates, sweeps, drains (dst/mutants.ts).

import type { Mutant } from "../mutants.ts";

/** Where other servers sweep as well, they make up for what one of them forgets. */
const alone = ["--nodes", "1"];

export const sweeps: readonly Mutant[] = [
  {
    name: "due-limit-drops-rest",
    fault: "Due streams beyond the limit are never asked for again.",
    file: "kernel/due-list.ts",
    find: "this.askBy(nextAt);",
    replace: "if (nextAt !== null && nextAt > now) this.askBy(nextAt);",
    oracles: ["V"],
    seedsMax: 50,
    flags: alone,
  },
  {
    name: "next-due-forgotten",
    fault: "What falls due after a sweep is not remembered: a restart forgets all deadlines.",
    file: "kernel/due-list.ts",
    find: "this.askBy(nextAt);",
    replace: "void nextAt;",
    oracles: ["V"],
    seedsMax: 200,
    flags: alone,
  },
  {
    name: "boot-sweep-missing",
    fault: "A restart asks for nothing that is due.",
    file: "kernel/due-list.ts",
    find: "#askAt: DeadlineMs | null = deadlineMs(0n);",
    replace: "#askAt: DeadlineMs | null = null;",
    oracles: ["V"],
    seedsMax: 200,
    flags: alone,
  },
  {
    name: "sweep-failure-forgotten",
    fault: "A sweep that fails is not tried again.",
    file: "kernel/due-list.ts",
    find: `if (completion.kind === "failed") {
      this.askLater(now);`,
    replace: 'if (completion.kind === "failed") {',
    oracles: ["V"],
    seedsMax: 200,
    flags: alone,
  },
  {
    name: "sweep-refusal-forgotten",
    fault: "A sweep that the outside does not take is not tried again.",
    file: "kernel/due-list.ts",
    find: "if (!isAsked) this.askLater(now);",
    replace: "",
    oracles: ["V"],
    seedsMax: 200,
    flags: alone,
  },
  {
    name: "sweep-before-due",
    fault: "The store is asked for due streams before one falls due.",
    file: "kernel/due-list.ts",
    find: "return this.askAt !== null && isDue(this.askAt, now);",
    replace: "return this.askAt !== null;",
    oracles: ["B", "V"],
    seedsMax: 50,
  },
  {
    name: "commit-due-forgotten",
    fault: "The due date of what is written is not remembered.",
    file: "kernel/kernel.ts",
    find: "if (write !== null && !this.#drains.isOpen(key)) this.#due.askBy(write.dueAt);",
    replace: "void [key, write];",
    oracles: ["V"],
    seedsMax: 50,
    flags: alone,
  },
  {
    name: "failed-drain-forgotten",
    fault: "A drain or a timeout of the server's own that fails is not tried again.",
    file: "kernel/kernel.ts",
    find: "if (response !== null) this.#due.askLater(this.#now);",
    replace: "",
    oracles: ["V"],
    seedsMax: 200,
    flags: alone,
  },
  {
    name: "lost-commit-due-forgotten",
    fault: "What a lost commit has made due is forgotten if the log does not show it in time.",
    file: "kernel/kernel.ts",
    find: `this.#batchCount -= 1;
    this.#due.askLater(this.#now);`,
    replace: "this.#batchCount -= 1;",
    also: [
      {
        file: "kernel/kernel.ts",
        find: "this.#due.askBy(write?.dueAt ?? null);",
        replace: "void write;",
      },
      { file: "kernel/due-list.ts", find: "this.#pollMs !== null", replace: "false" },
    ],
    oracles: ["V"],
    seedsMax: 200,
    flags: alone,
  },
  {
    name: "poll-forgotten",
    fault: "What another server has made due, and left, is not looked for.",
    file: "kernel/due-list.ts",
    find: "this.#pollMs !== null",
    replace: "false",
    oracles: ["V"],
    seedsMax: 200,
    flags: ["--nodes", "2:3"],
  },
  {
    name: "backlog-drops-rest",
    fault: "Of several drains of one promise only the first is run.",
    file: "kernel/backlog.ts",
    find: "if (this.#next === list.length) {",
    replace: `if (this.#next > 0) {
      this.#size -= list.length - this.#next;`,
    oracles: ["V"],
    seedsMax: 50,
    flags: alone,
  },
  {
    name: "drains-last",
    fault: "Drains of a commit wait behind commands that came after its replies.",
    file: "kernel/admission.ts",
    find: "take(drains, batchMax);",
    replace: "",
    also: [
      {
        file: "kernel/admission.ts",
        find: "take(commands, batchMax);",
        replace: `take(commands, batchMax);
          take(drains, batchMax);`,
      },
    ],
    oracles: ["B", "W"],
    seedsMax: 200,
  },
];
