// Planted bugs in the rules of tasks, leases and heartbeats, and of what wakes a task (dst/mutants.ts).

import type { Mutant } from "../mutants.ts";

const task = "kernel/task.ts";
const execute = "kernel/execute-task.ts";
const timers = "kernel/timers.ts";

export const tasks: readonly Mutant[] = [
  {
    name: "settle-leaves-task",
    fault: "A settlement does not fulfil the task of its promise.",
    file: task,
    find: 'return task.kind === "absent" ? task : { kind: "fulfilled", version: task.version };',
    replace: "return task;",
    oracles: ["S", "W", "T", "A"],
    seedsMax: 50,
  },
  {
    name: "acquire-ignores-version",
    fault: "A task is acquired at any version.",
    file: task,
    find: 'if (task.version !== version) return refuse("task_version_mismatch");',
    replace: "if (version < 0) return refuse(task.version);",
    oracles: ["W", "G"],
    seedsMax: 50,
  },
  {
    name: "acquire-keeps-version",
    fault: "Whoever acquires a task does not raise its version.",
    file: task,
    find: "version: taskVersion(version + 1), resumes: none",
    replace: "version: taskVersion(version), resumes: none",
    oracles: ["T", "W"],
    seedsMax: 50,
  },
  {
    name: "acquire-steals-lease",
    fault: "A task that somebody holds is acquired by somebody else.",
    file: task,
    find: 'if (task.kind !== "pending") return refuse("task_not_pending"); // A1',
    replace: `if (task.kind !== "pending" && task.kind !== "acquired") {
    return refuse("task_not_pending");
  }`,
    also: [
      {
        file: task,
        find: 'assert(task.kind === "pending", "a task is acquired that is not pending"); // A1',
        replace: "",
      },
    ],
    oracles: ["T", "W"],
    seedsMax: 50,
  },
  {
    name: "lease-off-by-one",
    fault: "A lease ends one millisecond late.",
    file: execute,
    find: 'if (!isClockDue(turn, id) || turn.state(id).task.kind !== "acquired") return;',
    replace: `const { clockAt } = turn.timers(id);
  if (!isClockDue(turn, id) || turn.state(id).task.kind !== "acquired") return;
  if (clockAt === BigInt(turn.now)) return;`,
    oracles: ["W", "S", "V", "B"],
    seedsMax: 50,
  },
  {
    name: "heartbeat-revives-expired",
    fault: "A heartbeat after the end of a lease takes the task again.",
    file: execute,
    find: "  const { task, promise } = turn.state(id);\n  const isLive",
    replace: `  const { task, promise } = turn.state(id);
  if (task.kind === "pending" && task.version === version && version > 0) {
    turn.append(id, { kind: "task_acquired", pid, ttl: 60_000n as DurationMs });
    turn.setTimers(id, lease(turn.timers(id), turn.now, 60_000n as DurationMs));
    return done;
  }
  const isLive`,
    oracles: ["T", "W"],
    seedsMax: 50,
  },
  {
    name: "heartbeat-any-pid",
    fault: "Any worker prolongs a lease.",
    file: execute,
    find: "isHeld(task, version) && task.pid === pid && isLive",
    replace: "isHeld(task, version) && pid.length > 0 && isLive",
    oracles: ["W"],
    seedsMax: 50,
  },
  {
    name: "heartbeat-not-stored",
    fault: "The new end of a lease is in memory only.",
    file: "kernel/working-set.ts",
    find: "    stream.timers = timers;\n    this.#write(stream); // W5",
    replace: `    const isBeat = stream.state.kind === "promise" && stream.state.task.kind === "acquired";
    const isLonger = isBeat && stream.timers.clockAt !== null && stream.events.length === 0;
    stream.timers = timers;
    if (!isLonger) this.#write(stream);`,
    oracles: ["S", "W"],
    seedsMax: 50,
  },
  {
    name: "release-keeps-owner",
    fault: "Who released a task is still said to hold it.",
    file: task,
    find: 'assert(task.kind === "acquired", "a task is given back that nobody holds");',
    replace: `assert(task.kind === "acquired", "a task is given back that nobody holds");
      if (event.kind === "task_released") {
        const { pid, ttl, resumes } = task;
        return { kind: "pending", version, resumes, pid, ttl } as TaskRecord;
      }`,
    also: [
      {
        file: "dst/to-model.ts",
        find: 'const { pid, ttl } = task.kind === "acquired" ? task : unheld;',
        replace: 'const { pid, ttl } = "pid" in task ? task : unheld;',
      },
      {
        file: "dst/compare.ts",
        find: 'real.kind === "acquired" ? pid !== real.pid || ttl !== real.ttl : pid !== null',
        replace: '"pid" in real ? pid !== real.pid || ttl !== real.ttl : pid !== null',
      },
    ],
    oracles: ["S", "W"],
    seedsMax: 50,
  },
  {
    name: "release-without-dispatch",
    fault: "A task that is released is not offered.",
    file: execute,
    find: "if (refusal === null) turn.offer(id, dispatchReleased);",
    replace: "if (refusal === null) turn.setTimers(id, noTimers);",
    oracles: ["W", "M"],
    seedsMax: 50,
  },
  {
    name: "release-never-backed-off",
    fault: "However often a task is released, it is offered at once.",
    file: timers,
    find: "if (releaseCount <= freeReleases) return",
    replace: "if (releaseCount > 0) return",
    oracles: ["W", "M", "B"],
    seedsMax: 200,
  },
  {
    name: "delay-ignored",
    fault: "A task is offered before its delay is over.",
    file: timers,
    find: ": delayAt(promise); // I3",
    replace: ": null; // I3",
    oracles: ["W", "M"],
    seedsMax: 50,
  },
  {
    name: "fulfil-stale-version",
    fault: "Whoever held a task once may fulfil it.",
    file: execute,
    find: "  const refusal = apply(turn, id, decideHeld(task, version, null));\n  if (refusal !== null) return refusal;\n  const ask",
    replace: `  const isOld = task.kind === "acquired" && version <= task.version;
  const refusal = isOld ? null : apply(turn, id, decideHeld(task, version, null));
  if (refusal !== null) return refusal;
  const ask`,
    oracles: ["W", "G"],
    seedsMax: 50,
  },
  {
    name: "suspend-misses-settled",
    fault: "A task is suspended although something it awaits is settled.",
    file: execute,
    find: 'if (awaited.some((each) => turn.state(each).promise.kind === "settled")) {',
    replace: 'if (awaited.every((each) => turn.state(each).promise.kind === "settled")) {',
    also: [
      {
        file: execute,
        find: "if (turn.state(each).callbacks.includes(id)) continue;",
        replace: `const { callbacks, promise } = turn.state(each);
    if (callbacks.includes(id) || promise.kind !== "pending") continue;`,
      },
    ],
    oracles: ["W", "V"],
    seedsMax: 200,
  },
  {
    name: "suspend-drops-last",
    fault: "The last of those that a task awaits gets no callback.",
    file: execute,
    find: "  for (const each of awaited) {\n    if (turn.state(each).callbacks",
    replace: "  for (const each of awaited.slice(0, -1)) {\n    if (turn.state(each).callbacks",
    oracles: ["W", "V", "S"],
    seedsMax: 50,
  },
  {
    name: "resume-lost-when-acquired",
    fault: "What is settled while its awaiter is held is not counted.",
    file: task,
    find: 'if (task.kind === "absent" || task.kind === "fulfilled") return []; // A3',
    replace: 'if (task.kind !== "suspended" && task.kind !== "pending") return [];',
    oracles: ["W", "T"],
    seedsMax: 50,
  },
  {
    name: "resume-twice",
    fault: "A promise that a task awaited is counted twice.",
    file: task,
    find: 'return { kind: "pending", version: task.version, resumes: [awaited] };',
    replace: 'return { kind: "pending", version: task.version, resumes: [awaited, awaited] };',
    oracles: ["W"],
    seedsMax: 50,
  },
  {
    name: "fence-ignores-version",
    fault: "What is fenced is done for whoever held the task once.",
    file: execute,
    find: "const refusal = apply(turn, id, decideHeld(turn.state(id).task, version, null));\n  if (refusal !== null) return refusal;\n  const isRefused",
    replace: `const { task } = turn.state(id);
  const isOld = task.kind === "acquired" && version <= task.version;
  const refusal = isOld ? null : apply(turn, id, decideHeld(task, version, null));
  if (refusal !== null) return refusal;
  const isRefused`,
    oracles: ["W", "G"],
    seedsMax: 50,
  },
  {
    name: "continue-from-any",
    fault: "A task is continued that is not halted.",
    file: task,
    find: 'return task.kind === "halted" ? accept({ kind: "task_continued" }) : refuse("task_not_halted");',
    replace: `const isOver = task.kind === "fulfilled" || task.kind === "pending";
  return isOver ? refuse("task_not_halted") : accept({ kind: "task_continued" });`,
    also: [
      {
        file: task,
        find: `assert(task.kind === "halted", "a task is continued that is not halted"); // A6
      return { kind: "pending", version, resumes: task.resumes };`,
        replace: 'return { kind: "pending", version, resumes: resumesOf(task) };',
      },
    ],
    oracles: ["W", "T"],
    seedsMax: 50,
  },
  {
    name: "halt-keeps-clock",
    fault: "The clock of a task runs on while it is halted.",
    file: execute,
    find: "return apply(turn, command.id, decision) ?? stopClock(turn, command.id);",
    replace: "return apply(turn, command.id, decision) ?? done;",
    oracles: ["W", "S"],
    seedsMax: 50,
  },
  {
    name: "timer-write-unfenced",
    fault: "A commit does not notice that a lease was prolonged since it was loaded.",
    file: "store/memory.ts",
    find: "const revision = streamRevision(row.stream.revision + 1);",
    replace: `const isFact = version > row.stream.version;
    const revision = streamRevision(row.stream.revision + (isFact ? 1 : 0));`,
    oracles: ["W", "T"],
    seedsMax: 200,
    flags: ["--nodes", "2:3"],
  },
  {
    name: "strict-crosses-origins",
    fault: "A strict server lets a task wait for a promise of another origin.",
    file: "kernel/origin.ts",
    find: 'if (!awaited.every(isOwn)) return "origins_differ"; // N2',
    replace: 'if (awaited.length === 0) return isOwn(awaiter) ? null : "origins_differ";',
    oracles: ["W"],
    seedsMax: 200,
  },
  {
    name: "strict-repeats",
    fault: "A strict server merges what is awaited twice.",
    file: "kernel/origin.ts",
    find: 'new Set(awaited).size < awaited.length ? "awaited_repeated" : null',
    replace: 'awaited.length === 0 ? "awaited_repeated" : null',
    oracles: ["W"],
    seedsMax: 200,
  },
];
