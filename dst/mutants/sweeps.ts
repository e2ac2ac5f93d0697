// Planted bugs in what the server does unasked: due dates, sweeps, drains (dst/mutants.ts).

import type { Mutant } from "../mutants.ts";

/** Where other servers sweep as well, or much is written, that makes up for what one sweep forgets. */
const alone = ["--nodes", "1"];
/** One server makes due what it does not sweep itself. */

export const sweeps: readonly Mutant[] = [
  {
    name: "due-limit-drops-rest",
    fault: "Due streams beyond the limit are never asked for again.",
    file: "kernel/due-list.ts",
    find: "this.askBy(nextAt);",
    replace: "if (nextAt !== null && nextAt > now) this.askBy(nextAt);",
    oracles: ["V"],
    seedsMax: 50,
    flags: [...alone, "--ops", "300", "--limits", "dueMax=1"],
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
    flags: [...alone, "--ops", "300", "--faults", "crash,kill,power_cut,graceful_stop"],
  },
  {
    name: "sweep-failure-sticks",
    fault: "A sweep that fails counts as under way for ever.",
    file: "kernel/due-list.ts",
    find: `this.#isAsking = false;
    if (completion.kind === "failed") {`,
    replace: `this.#isAsking = completion.kind === "failed";
    if (completion.kind === "failed") {`,
    oracles: ["V"],
    seedsMax: 200,
    flags: alone,
  },
  {
    name: "sweep-refusal-sticks",
    fault: "A sweep that the outside does not take counts as under way for ever.",
    file: "kernel/due-list.ts",
    find: "this.#isAsking = isAsked;",
    replace: "this.#isAsking = true;",
    oracles: ["V"],
    seedsMax: 200,
    flags: [...alone, "--ops", "300", "--faults", "aio_full"],
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
    find: "        this.#due.askBy(write.dueAt);\n        announceDue",
    replace: "        announceDue",
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
    flags: [...alone, "--ops", "12", "--faults", "aio_full,fail_before,rolled_back,fail_after"],
  },
  {
    name: "backlog-drops-rest",
    fault: "Of several drains of one promise only the first is run.",
    file: "kernel/backlog.ts",
    find: "if (this.#next === list.length) {",
    replace: `if (this.#next > 0) {
      this.#size -= list.length - this.#next;`,
    oracles: ["V"],
    seedsMax: 200,
    flags: [...alone, "--ops", "60"],
  },
];
