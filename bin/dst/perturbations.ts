// What may differ between two processes without a run being different (simulation.md §2): how the
// engine compiles, collects and hashes, where the process is, which language it speaks.

export type Perturbation = {
  readonly name: string;
  /** Flags of Node. */
  readonly flags: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
};

const flagLists = [
  ["--max-opt=0"],
  ["--max-opt=1"],
  ["--max-opt=2"],
  ["--no-opt"],
  ["--stress-maglev"],
  ["--max-lazy"],
  ["--no-lazy"],
  ["--no-use-ic"],
  ["--gc-interval=500"],
  ["--random-gc-interval=500"],
  ["--stress-compaction"],
  ["--hash-seed=12345"],
  ["--random-seed=12345"],
  ["--stack-size=2000"],
  ["--single-threaded"],
] as const;

export const perturbations: readonly Perturbation[] = [
  ...flagLists.map((flags) => ({ name: nameOf(flags[0]), flags, environment: {} })),
  {
    name: "locale",
    flags: [],
    environment: { TZ: "Asia/Kolkata", LANG: "tr_TR.UTF-8", LC_ALL: "tr_TR.UTF-8" },
  },
];

export const perturbationNames: readonly string[] = perturbations.map(({ name }) => name);

/** --max-opt=0 -> max-opt-0 */
function nameOf(flag: string): string {
  return flag.replace(/^--/, "").replace("=", "-");
}
