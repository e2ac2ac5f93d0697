// Latencies in a few figures.

export type Phase = {
  readonly answered: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
};

export function summary(latencies: readonly number[], measuredMs: number): Phase {
  const sorted = Float64Array.from(latencies).sort();
  const at = (share: number) => {
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  };
  const answered = sorted.length;
  const perSecond = answered / (measuredMs / 1000);
  return { answered, perSecond, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
}
