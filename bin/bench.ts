// `npm run bench`: what the server can do on this machine, as ratios from one run.
//
//   --store S         sqlite (default), or postgres: what it costs next to SQLite, and many servers on it
//   --scenario a,b    only these; --json    one flat object per scenario, a line each
//   --seconds N       measured time of one load (default 3); --rounds N    of each side (default 3)
//   --stored N        promises stored before "growth" (default 1000000)
//   --due N           promises that fall due in one second in "sweep" (default 200000)

import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Machine, machine } from "./bench/machine.ts";
import { connections, type Options } from "./bench/measure.ts";
import { onPostgres } from "./bench/postgres.ts";
import type { Row, Scenario } from "./bench/scenario.ts";
import { scenarios as onSqlite } from "./bench/scenarios.ts";

const notMeasured = [
  "a network, TLS or a proxy: all is on loopback, and the load shares the machine's cores",
  "other disks: ask your own what a sync costs (the figure above is this one's)",
  "large payloads: a param is 5 bytes; power loss: a sync is believed",
];

const { values } = parseArgs({
  options: {
    store: { type: "string", default: "sqlite" },
    scenario: { type: "string", default: "" },
    json: { type: "boolean", default: false },
    seconds: { type: "string", default: "3" },
    rounds: { type: "string", default: "3" },
    stored: { type: "string", default: "1000000" },
    due: { type: "string", default: "200000" },
  },
});

function count(name: "seconds" | "rounds" | "stored" | "due"): number {
  const number = Number(values[name]);
  if (Number.isSafeInteger(number) && number >= 1) return number;
  throw new Error(`--${name} must be a whole number of at least 1`);
}

function isMet({ ratio, goal }: Row): boolean | null {
  if (ratio === null || goal === null) return null;
  return "atLeast" in goal ? ratio >= goal.atLeast : ratio <= goal.atMost;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function report(row: Row): void {
  if (values.json) {
    const { name, ratio, figures } = row;
    print(JSON.stringify({ name, ratio, isMet: isMet(row), ...figures }));
  } else {
    const goal =
      row.goal === null ? "" : JSON.stringify(row.goal).replace(/[{}"]/g, "").replace(":", " ");
    const verdict = { true: "met", false: "MISSED", null: "" }[`${isMet(row)}`];
    const figures = Object.entries(row.figures).map(([name, figure]) => `${name}=${round(figure)}`);
    const ratio = row.ratio === null ? "-" : round(row.ratio);
    print(
      `${row.name.padEnd(15)} ratio ${ratio.padEnd(7)} ${goal.padEnd(12)} ${verdict.padEnd(7)} ${figures.join(" ")}`,
    );
  }
}

function round(figure: number): string {
  return figure >= 100 ? figure.toFixed(0) : `${Number(figure.toPrecision(3))}`;
}

function introduce(machine: Machine): void {
  if (values.json) return;
  print(
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.system}, Node ${machine.node}`,
  );
  print(
    `commit ${machine.commit}; fdatasync median ${round(machine.fsyncMs)} ms, p99 ${round(machine.fsyncP99Ms)} ms`,
  );
  const also = values.store === "postgres" ? "; Postgres with synchronous_commit=on" : "";
  print(`SQLite with WAL and synchronous=FULL${also}; ${connections} connections`);
  for (const line of notMeasured) print(`not measured: ${line}`);
}

const options: Options = {
  ...{ seconds: count("seconds"), rounds: count("rounds") },
  ...{ stored: count("stored"), due: count("due") },
};
const suites: Readonly<Record<string, Readonly<Record<string, Scenario>>>> = {
  sqlite: onSqlite,
  postgres: onPostgres,
};
const suite = Object.hasOwn(suites, values.store) ? suites[values.store] : undefined;
if (suite === undefined)
  throw new Error(`--store must be one of ${Object.keys(suites).join(", ")}`);
const scenarios = new Map(Object.entries(suite));
const chosen = values.scenario === "" ? [...scenarios.keys()] : values.scenario.split(",");
const unknown = chosen.filter((name) => !scenarios.has(name));
if (unknown.length > 0) {
  throw new Error(
    `no scenario ${unknown.join(", ")}; there are ${[...scenarios.keys()].join(", ")}`,
  );
}
// In the working folder and not in the system's temporary one, which may be memory and sync for free.
const folder = mkdtempSync(join(process.cwd(), ".bench-"));
try {
  introduce(machine(folder));
  for (const name of chosen) {
    for (const row of (await scenarios.get(name)?.(folder, options)) ?? []) report(row);
  }
} finally {
  rmSync(folder, { recursive: true });
}
