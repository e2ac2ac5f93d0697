// What clients do to schedules, by shape. Each schedule occurs in some seconds of one minute, and then
// not before another year: so how often it is fired is bounded, however long the world lasts, whatever
// a clock does, and whether or not its deletion arrives.

import { worldEpoch } from "./clock.ts";
import { civil, zones } from "./model/cron.ts";
import { bytesOf, idBytesMax } from "./model/schedules.ts";
import type { PairList } from "./plan.ts";
import type { Scene } from "./scene.ts";
import type { Shape } from "./shapes.ts";
import { addresses } from "./task-shapes.ts";

const months = [
  "",
  "JAN",
  "FEB",
  "MAR",
  "APR",
  "MAY",
  "JUN",
  "JUL",
  "AUG",
  "SEP",
  "OCT",
  "NOV",
  "DEC",
];
const weekdays = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
const zoneTag = "resonate:timezone";

/** Occurrences as a client knows them beforehand. */
type Window = {
  readonly cron: string;
  readonly zone: string;
  /** Ms since the start of the world. */
  readonly occurrences: readonly number[];
};

/** Some seconds that begin at the earliest so long from now, all in one minute. */
function window(scene: Scene, leadMs: number): Window {
  const { prng } = scene;
  const zone = prng.pick(["UTC", "UTC", "UTC", "Asia/Kolkata", "America/Phoenix"]);
  const start = Math.ceil((scene.at + leadMs) / 1000) * 1000;
  const ahead = zones.get(zone) ?? 0;
  const local = Math.floor((worldEpoch + start + ahead) / 1000);
  const day = Math.floor(local / 86_400);
  const [hour, minute, second] = [
    Math.floor(local / 3600) % 24,
    Math.floor(local / 60) % 60,
    local % 60,
  ];
  const every = prng.pick([1, 1, 1, 2, 5]);
  const last = Math.min(59, second + prng.between(0, 9));
  const seconds = every === 1 ? `${second}-${last}` : `${second}-${last}/${every}`;
  const { date, month } = civil(day);
  const weekday = (day + 4) % 7;
  const days = [
    `${date} ${month} *`,
    `${date} ${months[month]} ?`,
    `* ${month} ${weekday}`,
    `? ${month} ${weekdays[weekday]}`,
    `${date} ${month} ${weekday === 0 ? 7 : weekday}`, // either
  ];
  const occurrences: number[] = [];
  for (let at = second; at <= last; at += every) occurrences.push(start + (at - second) * 1000);
  return { cron: `${seconds} ${minute} ${hour} ${prng.pick(days)}`, zone, occurrences };
}

/** As `1800000000000`. */
const timestampLength = 13;

/** With the id of the schedule or of its group in it, so that D1 of id-groups.ts holds for what is fired. */
function template(scene: Scene, id: string): string {
  const { prng } = scene;
  const other = scene.id(1);
  const spare = idBytesMax - timestampLength - bytesOf(id);
  if (id !== scene.id()) return `${"x".repeat(spare + prng.below(2))}{{.id}}{{.timestamp}}`;
  const drawn = prng.pick([
    "{{.id}}-{{.timestamp}}",
    "{{.id}}-{{.timestamp}}",
    "{{.id}}-{{.timestamp}}",
    "{{.id}}.{{.timestamp}}",
    other,
    `${other}{{.id}}`,
    `${other}{{ .id }}{{.timestamp}`,
  ]);
  return bytesOf(drawn) > idBytesMax ? "{{.id}}" : drawn;
}

const timeouts = [
  "0",
  "1",
  "999",
  "1000",
  "60000",
  "9007199254740993",
  "9223372036854775807",
] as const;

/** @returns what works out the id of a promise that it fires */
function schedule(scene: Scene, { cron, zone }: Pick<Window, "cron" | "zone">, id = scene.id()) {
  const { prng, values } = scene;
  const tags = values.tags(prng.chance(85) ? "target" : "target_timer");
  const zoned: PairList = zone === "UTC" && prng.chance(80) ? [] : [[zoneTag, zone]];
  const promiseId = template(scene, id);
  scene.act({
    kind: "schedule",
    ...{ id, cron, promiseId, promiseTimeout: prng.pick(timeouts) },
    ...{ param: values.payload(), tags: [...tags, ...zoned] },
  });
  return (at: number) => {
    const stamped = promiseId.replaceAll("{{.timestamp}}", String(worldEpoch + at));
    const fired = stamped.replaceAll("{{.id}}", id);
    return bytesOf(fired) > idBytesMax ? scene.id(1) : fired; // nobody can ask for it
  };
}

/** So long that a promise has just room for it, or just not. */
function longId(scene: Scene): string {
  const id = `${scene.id()}${"y".repeat(40)}`;
  return bytesOf(id) > idBytesMax - timestampLength ? scene.id() : id;
}

/** Promises are made by the clock; some are looked at, taken or settled at that very instant. */
export const clockwork: Shape = (scene) => {
  const { prng } = scene;
  const before = scene.at;
  const { occurrences, ...rule } = window(scene, scene.roundTripMs + prng.below(1500));
  const firedAt = schedule(scene, rule, prng.chance(15) ? longId(scene) : scene.id());
  if (prng.chance(30)) schedule(scene.another(), prng.chance(50) ? rule : window(scene, 0));
  if (prng.chance(30)) scene.create(scene.id(1), { role: prng.pick(["plain", "target"] as const) });
  if (prng.chance(40)) scene.step().act({ kind: "show", id: scene.id() });
  const count = prng.between(1, 4);
  for (let index = 0; index < count; index += 1) {
    const at = prng.pick(occurrences);
    const id = firedAt(at);
    scene.aimAt(at, prng.pick([0, 0, 1, 50, 900])).another();
    const kind = prng.below(6);
    if (kind < 2) scene.get(id);
    else if (kind < 3) scene.act({ kind: "acquire", id, lag: 0, pid: "w1", ttl: 60_000 });
    else if (kind < 4) scene.settle(id);
    else if (kind < 5) scene.act({ kind: "listen", awaited: id, address: prng.pick(addresses) });
    else scene.act({ kind: "show", id: scene.id() });
  }
  scene.at = Math.max(before, scene.at);
  if (prng.chance(50)) scene.act({ kind: "unschedule", id: scene.id() });
};

/** Deleted while it is fired, and perhaps made anew, the same or another. */
export const withdrawn: Shape = (scene) => {
  const { prng } = scene;
  const first = window(scene, scene.roundTripMs + prng.below(1000));
  schedule(scene, first);
  const at = prng.pick(first.occurrences);
  scene.aimAt(at, prng.pick([-1, 0, 0, 0, 1, 2])).another();
  scene.act({ kind: "unschedule", id: scene.id() });
  if (prng.chance(30)) scene.maybeAnother().act({ kind: "unschedule", id: scene.id() });
  if (prng.chance(60)) {
    if (prng.chance(50)) scene.settleDown();
    schedule(scene.maybeAnother(), prng.chance(60) ? first : window(scene, 0));
  }
  scene.settleDown().another().act({ kind: "show", id: scene.id() });
};

const misfits: readonly Pick<Window, "cron" | "zone">[] = [
  { cron: "61 * * * * *", zone: "UTC" },
  { cron: "* * * *", zone: "UTC" },
  { cron: "", zone: "UTC" },
  { cron: "@every 1s", zone: "UTC" },
  { cron: "0 0 * * FRI-MON", zone: "UTC" },
  { cron: "0 0 30 2 *", zone: "UTC" },
  { cron: "0 0 * * *", zone: "Mars/Olympus" },
];

/** What never occurs, what is no expression, what is far away; and schedules that are not there. */
export const misfit: Shape = (scene) => {
  const { prng } = scene;
  const count = prng.between(1, 4);
  for (let index = 0; index < count; index += 1) {
    const kind = prng.below(6);
    if (kind < 3) schedule(scene, prng.pick(misfits));
    else if (kind < 4) schedule(scene, { cron: "0 0 29 2 *", zone: "UTC" });
    else scene.act({ kind: kind < 5 ? "show" : "unschedule", id: scene.id() });
    scene.step();
  }
};
