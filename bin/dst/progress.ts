// How far a fuzz is, and what it has done: a line now and then, and a summary at the end (simulation.md §8).

import { bar } from "../progress.ts";
import { shortCount, span } from "./line.ts";
import type { Figures } from "./tally.ts";

export type Progress = {
  readonly figures: Figures;
  /** Seeds, or ms of a run by time. */
  readonly done: number;
  readonly total: number;
  readonly isByTime: boolean;
  readonly elapsedMs: number;
  readonly sometimes: number;
};

export function progressLine(progress: Progress): string {
  const { figures, done, total, isByTime, elapsedMs, sometimes } = progress;
  const { sums, failures } = figures;
  const leftMs = done === 0 ? null : (elapsedMs * (total - done)) / done;
  return [
    `${isByTime ? `${sums.seeds} seeds` : `${done}/${total}`} ${bar(done, total)} ${Math.round(rate(sums.seeds, elapsedMs))} seeds/s`,
    `${shortCount(sums.operations)} ops`,
    `${span(sums.simulatedMs)} simulated`,
    `sometimes ${figures.sometimes.size}/${sometimes}`,
    `fail ${failures.length}`,
    leftMs === null ? "…" : `${Math.max(0, Math.ceil(leftMs / 1000))} s left`,
  ].join(" · ");
}

export type Summarized = Omit<Progress, "done" | "total" | "isByTime"> & {
  readonly jobs: number;
  readonly isInterrupted: boolean;
};

/** One figure a field, in the order of the lines. */
export function summaryFields({ figures, elapsedMs, sometimes, jobs }: Summarized) {
  const { sums, failures } = figures;
  const compression = elapsedMs === 0 ? 0 : sums.simulatedMs / elapsedMs;
  return {
    seeds: sums.seeds,
    failed: failures.length,
    seconds: Number((elapsedMs / 1000).toFixed(1)),
    jobs,
    seedsPerSecond: Number(rate(sums.seeds, elapsedMs).toFixed(1)),
    requestsPerSecondAndCore: Math.round(rate(sums.operations, sums.busyMs)),
    operations: sums.operations,
    simulatedMs: sums.simulatedMs,
    compression: Math.round(compression),
    rechecked: sums.rechecked,
    searched: sums.searched,
    undecided: sums.undecided,
    faults: sums.faults,
    pending: sums.pending,
    unresolved: sums.unresolved,
    weak: sums.weak,
    refusedPercent: refusedPercent(figures),
    sometimes: figures.sometimes.size,
    sometimesAll: sometimes,
  };
}

export function summary(summarized: Summarized): string {
  const told = summaryFields(summarized);
  const refused = told.refusedPercent === null ? "unknown" : `${told.refusedPercent}%`;
  return [
    `${summarized.isInterrupted ? "interrupted after " : ""}${told.seeds} seeds, ${told.failed} failed, ${told.seconds} s with ${told.jobs} processes`,
    `speed: ${told.seedsPerSecond} seeds/s, ${told.requestsPerSecondAndCore} requests/s and core`,
    `simulated: ${shortCount(told.operations)} operations in ${span(told.simulatedMs)}, ${shortCount(told.compression)} times as fast as time`,
    `checked: ${told.rechecked} run twice, ${told.searched} searched for an order, ${told.undecided} of them undecided`,
    `faults ${told.faults}, pending ${told.pending}, unresolved ${told.unresolved}, weak runs ${told.weak}, refused ${refused}, sometimes ${told.sometimes}/${told.sometimesAll}`,
    "",
  ].join("\n");
}

const answer = /^answer \S+ (\S+)/;
/** How the names of refusals begin; those of failures do not (kernel/command.ts). */
const refusal = /^(promise|awaiter|awaited)_/;

/** @returns null if nothing was answered */
function refusedPercent({ counters }: Figures): number | null {
  const answers = [...counters].flatMap(([name, count]) => {
    const [, outcome] = answer.exec(name) ?? [];
    return outcome === undefined ? [] : [{ isRefused: refusal.test(outcome), count }];
  });
  const all = sum(answers);
  const refused = sum(answers.filter(({ isRefused }) => isRefused));
  return all === 0 ? null : Math.round((100 * refused) / all);
}

function sum(counted: readonly { readonly count: number }[]): number {
  return counted.reduce((total, { count }) => total + count, 0);
}

function rate(count: number, ms: number): number {
  return ms === 0 ? 0 : (count * 1000) / ms;
}
