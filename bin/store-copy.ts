// `resonate store copy`: from one database into another, which may be of another kind.

import { statSync } from "node:fs";
import { resolve } from "node:path";
import { type CopyStep, copyStore, type Place } from "../store/copy.ts";
import { Interrupted, type Survey } from "../store/copy-contents.ts";
import { StoreError } from "../store/store.ts";
import type { Command, ExitCode, Outside } from "./command.ts";
import { flagsHelp, parse } from "./dst/flags.ts";
import { postgresUrl, text } from "./kinds.ts";
import { bar, type Paced, ProgressDisplay } from "./progress.ts";
import { firstSignal } from "./signals.ts";

const expected = "sqlite:FILE or postgres://user@host:5432/database";
const place = { ...text("place"), expected };

const flags = {
  from: { kind: place, usual: null, meaning: "what is copied: sqlite:FILE or postgres://…" },
  to: { kind: place, usual: null, meaning: "where to: the same, and empty" },
};

const name = "store copy";
const summary = "copies all that is stored into another database, and compares the two";

function help(): string {
  return [
    flagsHelp({ name, summary, operand: null, flags }),
    "Stop all servers of both sides first. A SQLite file that is served is refused, as is a Postgres",
    "to which a server is connected. The source is read as it is at one moment and is not changed.",
    "",
    "All of the source is read before anything is written, and all of the target in the end; what is",
    "printed is the SHA-256 of all streams and events, which must be the same on both sides. Until then",
    "no server starts on the target. A copy that was interrupted goes on when the same command is given",
    "again, as long as the source has not changed.",
    "",
    "A URL may hold what Postgres knows as parameters: sslmode, sslrootcert, options. The password may",
    "stand in PGPASSWORD instead.",
    "",
    "Exit codes: 0 copied and compared, 1 refused, failed, different or interrupted.",
    "",
  ].join("\n");
}

export const storeCopy: Command = { name, summary, help, run };

type Line = Paced & { readonly step: CopyStep };

async function run(args: readonly string[], outside: Outside): Promise<ExitCode> {
  const parsed = parse(args, flags, false);
  if (parsed.kind === "help") {
    outside.stdout.write(help());
    return 0;
  }
  const asked = parsed.kind === "refused" ? parsed : placesOf(parsed.values, outside);
  if (asked.kind === "places") return await copied(asked, outside);
  for (const error of asked.errors) outside.stderr.write(`resonate ${name}: ${error}\n`);
  return 1;
}

type Places = { readonly kind: "places"; readonly from: Place; readonly to: Place };
type Refused = { readonly kind: "refused"; readonly errors: readonly string[] };

function placesOf(
  given: { readonly from: string | null; readonly to: string | null },
  { workingDirectory }: Outside,
): Places | Refused {
  const [from, to] = Object.entries({ from: given.from, to: given.to }).map(([flag, told]) => {
    if (told === null) return `--${flag} is not given; expected ${expected}`;
    const found = placeOf(told, workingDirectory);
    return found ?? `--${flag} is ${JSON.stringify(shown(told))}; expected ${expected}`;
  });
  const errors = [from, to].filter((each) => typeof each === "string");
  if (typeof from !== "object" || typeof to !== "object") return { kind: "refused", errors };
  if (!isSame(from, to)) return { kind: "places", from, to };
  return { kind: "refused", errors: [`--from and --to are the same: ${from.place}`] };
}

function placeOf(told: string, workingDirectory: string): Place | null {
  const [, file = ""] = /^sqlite:(.+)$/s.exec(told) ?? [];
  if (file !== "" && file !== ":memory:") {
    return { kind: "sqlite", path: resolve(workingDirectory, file), place: `sqlite:${file}` };
  }
  const url = postgresUrl.parse([told]);
  if (url === null || url === "") return null;
  const { host, pathname } = new URL(url);
  return { kind: "postgres", url, place: `postgres://${host}${pathname}` };
}

/** Whatever it is meant to be, it may hold a password. */
function shown(told: string): string {
  return told
    .replace(/:\/\/.*$/s, "://…")
    .replace(/^.*@/s, "…@")
    .replace(/\?.*$/s, "?…");
}

/** However a file is reached. A database that has two names holds something, or nothing, to copy. */
function isSame(from: Place, to: Place): boolean {
  if (from.kind === "sqlite" && to.kind === "sqlite") {
    const [left, right] = [from.path, to.path].map((path) => {
      return statSync(path, { bigint: true, throwIfNoEntry: false });
    });
    if (left === undefined || right === undefined) return from.path === to.path;
    return left.dev === right.dev && left.ino === right.ino;
  }
  if (from.kind !== "postgres" || to.kind !== "postgres") return false;
  const [left, right] = [from.url, to.url].map((url) => {
    const { searchParams } = new URL(url);
    return ["host", "port", "options"].map((name) => searchParams.get(name) ?? "").join("\n");
  });
  return from.place === to.place && left === right;
}

async function copied({ from, to }: Places, outside: Outside): Promise<ExitCode> {
  const { stdout, stderr } = outside;
  const startedAt = performance.now();
  const display = new Displays(outside);
  const refuse = (sentence: string) => {
    display.clear();
    stderr.write(`resonate ${name}: ${sentence}\n`);
    return 1 as const;
  };
  try {
    const survey = await copyStore({
      ...{ from, to, signal: interruption() },
      onProgress: (step, done, total) => display.show(step, done, total),
    });
    display.clear();
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    stdout.write(`copied ${told(survey)} from ${from.place} to ${to.place} in ${seconds} s\n`);
    stdout.write(`sha256 ${survey.hash} on both sides\n`);
    return 0;
  } catch (error) {
    if (error instanceof Interrupted) {
      return refuse("interrupted: the same command goes on from here");
    }
    if (error instanceof StoreError) return refuse(error.message);
    throw error;
  }
}

function told({ counts: { streams, events, tags } }: Survey): string {
  return `${streams} streams, ${events} events, ${tags} tags`;
}

/** A bar for each step. */
class Displays {
  readonly #outside: Outside;
  #step: CopyStep | null = null;
  #startedAt = 0;
  #display: ProgressDisplay<Line> | null = null;

  constructor(outside: Outside) {
    this.#outside = outside;
  }

  show(step: CopyStep, done: number, total: number): void {
    if (step !== this.#step) {
      this.clear();
      this.#step = step;
      this.#startedAt = performance.now();
      this.#display = new ProgressDisplay(this.#outside.stderr, line);
    }
    const elapsedMs = performance.now() - this.#startedAt;
    this.#display?.show({ step, done, total, elapsedMs });
  }

  clear(): void {
    this.#display?.clear();
  }
}

function line({ step, done, total, elapsedMs }: Line): string {
  const leftMs = done === 0 ? null : (elapsedMs * (total - done)) / done;
  const left = leftMs === null ? "…" : `${Math.max(0, Math.ceil(leftMs / 1000))} s left`;
  return `${step} ${done}/${total} ${bar(done, total)} ${left}`;
}

/** Aborted by the first signal; a second one ends the process, which the next copy survives. */
function interruption(): AbortSignal {
  const controller = new AbortController();
  void firstSignal(() => process.exit(1)).then(() => controller.abort());
  return controller.signal;
}
