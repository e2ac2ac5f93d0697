// What clients do to promises, by shape: each makes one kind of trouble likely that uniform noise
// would hardly ever make (simulation.md §4). A shape writes some intents around its point in time;
// shapes overlap. Those that mostly read are in read-shapes.ts.

import type { Deadline } from "./plan.ts";
import type { Scene } from "./scene.ts";

export type Shape = (scene: Scene) => void;

const listing = { after: "start", limit: 10 } as const;

/** A command on one of the first ids of the group. */
export function command(scene: Scene): void {
  const id = scene.id(scene.prng.below(3));
  const kind = scene.prng.below(10);
  if (kind < 4) scene.create(id);
  else if (kind < 7) scene.settle(id);
  else if (kind < 8) scene.get(id);
  else registerSome(scene);
}

/** Two different ids of the group, of which none may exist. */
function registerSome(scene: Scene): void {
  const awaited = scene.prng.below(3);
  const awaiter = (awaited + scene.prng.between(1, 2)) % 3;
  scene.register(scene.id(awaited), scene.id(awaiter));
}

/** Everybody at the same few ids. */
export const hot: Shape = (scene) => {
  if (scene.prng.chance(60)) scene.create(scene.id(), { deadline: scene.late() });
  const count = scene.prng.between(6, 24);
  for (let index = 0; index < count; index += 1) {
    command(scene);
    scene.another().pass(scene.prng.pick([0, 0, 0, 0, 1, 1, 2, 20]));
  }
};

/** A life without haste. */
export const cold: Shape = (scene) => {
  const id = scene.id();
  const { prng } = scene;
  scene.create(id, { deadline: scene.late() });
  scene.settleDown().pass(prng.below(2000)).maybeAnother();
  if (prng.chance(50)) scene.get(id);
  scene.settleDown().pass(prng.below(2000)).maybeAnother();
  scene.settle(id);
  scene.settleDown().pass(prng.below(2000)).maybeAnother();
  scene.get(id);
};

/** Just before, at and just after a deadline, each by another client. */
export const edge: Shape = (scene) => {
  const { prng } = scene;
  const dueAt = scene.at + scene.roundTripMs + prng.logUniform(1, 4096);
  const deadline: Deadline = { from: "start", ms: dueAt };
  const key = scene.someKey();
  const id = scene.id();
  scene.create(id, { deadline, key, role: prng.pick(["plain", "timer", "target"] as const) });
  const isAwaited = prng.chance(40);
  if (isAwaited) scene.createAwaiter(scene.id(1));
  if (isAwaited) scene.settleDown().register(id, scene.id(1));
  const count = prng.between(2, 7);
  for (let index = 0; index < count; index += 1) {
    scene.aimAt(dueAt).another();
    const kind = prng.below(10);
    if (kind < 5) scene.settle(id);
    else if (kind < 6) scene.get(id);
    else if (kind < 8) scene.create(id, { deadline, key, strict: prng.chance(50) });
    else if (kind < 9 && isAwaited) scene.register(id, scene.id(1));
    else if (prng.chance(50)) scene.search({ pattern: id, before: "start", tags: [] });
    else scene.act({ ...listing, kind: "list_tasks", idPrefix: id, state: null });
  }
  scene.aimAt(dueAt).settleDown().another().get(id);
};

/** Deadlines at the ends of what is possible, and what is left to do about such a promise. */
export const births: Shape = (scene) => {
  const { prng } = scene;
  const deadlines: readonly Deadline[] = [
    { from: "request", ms: -1 },
    { from: "request", ms: 0 },
    { from: "request", ms: 1 },
    { from: "start", ms: scene.at },
    { from: "start", ms: scene.at + 1 },
    { from: "epoch", ms: "0" },
    scene.extreme(),
    scene.extreme("late"),
  ];
  const count = prng.between(1, 3);
  for (let index = 0; index < count; index += 1) {
    const id = scene.id(index);
    const key = scene.values.key();
    const deadline = prng.pick(deadlines);
    scene.create(id, { deadline, key });
    scene.step();
    const kind = prng.below(4);
    if (kind === 0) scene.create(id, { deadline: prng.pick(deadlines), key });
    else if (kind === 1) scene.settle(id);
    else if (kind === 2) scene.get(id);
    else scene.register(id, scene.id(index + 1));
    scene.step();
  }
};

/** Several clients do what only one can. */
export const race: Shape = (scene) => {
  const { prng } = scene;
  const id = scene.id();
  const count = prng.between(2, Math.max(2, scene.clientCount));
  const isOfSettlements = prng.chance(65);
  if (isOfSettlements) scene.create(id, { deadline: scene.late() });
  scene.settleDown();
  for (let index = 0; index < count; index += 1) {
    scene.another();
    if (isOfSettlements) scene.settle(id);
    else scene.create(id);
  }
  scene.settleDown().another().get(id);
};

const ends = ["absent", "pending", "past", "timer", "resolved", "rejected", "canceled"] as const;

/** Every state, and the same thing asked again: with this key, another, none; strict or not. */
export const repeat: Shape = (scene) => {
  const { prng } = scene;
  const id = scene.id();
  const [createKey, settleKey] = [scene.someKey(), scene.someKey()];
  const end = prng.pick(ends);
  const isShort = end === "past" || end === "timer";
  const ms = prng.between(1, 20);
  if (end !== "absent") {
    const deadline: Deadline = isShort ? { from: "request", ms } : scene.late();
    scene.create(id, { deadline, key: createKey, role: end === "timer" ? end : "plain" });
  }
  if (end === "resolved" || end === "rejected" || end === "canceled") {
    scene.pass(prng.below(50)).settle(id, { outcome: end, key: settleKey });
  }
  scene.settleDown().pass(isShort ? ms : 0);
  const count = prng.between(2, 6);
  for (let index = 0; index < count; index += 1) {
    const isSame = prng.chance(55);
    if (prng.chance(40)) scene.create(id, isSame ? { key: createKey } : {});
    else scene.settle(id, isSame ? { key: settleKey } : {});
    scene.step();
  }
};

type Step = () => void;

/** The usual life of two promises, of which one waits for the other, with a mistake or two. */
export const backbone: Shape = (scene) => {
  const { prng } = scene;
  const [awaited, awaiter] = [scene.id(1), scene.id(0)];
  const steps: Step[] = [
    () => scene.createAwaiter(awaiter),
    () => scene.createAwaited(awaited),
    () => scene.register(awaited, awaiter),
    () => scene.settle(awaited),
    () => scene.get(awaited),
    () => scene.settle(awaiter),
    () => scene.get(awaiter),
  ];
  for (const step of prng.chance(50) ? steps : perturbed(scene, steps)) {
    step();
    if (prng.chance(60)) scene.settleDown();
    else scene.step();
  }
};

/** One step is left out, repeated, or done too early. */
function perturbed(scene: Scene, steps: readonly Step[]): readonly Step[] {
  const at = scene.prng.below(steps.length);
  const [before, chosen, after] = [
    steps.slice(0, at),
    steps.slice(at, at + 1),
    steps.slice(at + 1),
  ];
  const kind = scene.prng.below(3);
  if (kind === 0) return [...before, ...after];
  if (kind === 1) return [...before, ...chosen, ...chosen, ...after];
  return [...before.slice(0, -1), ...chosen, ...before.slice(-1), ...after];
}

/** Registered just before the settlement, at the same instant and just after; some of it in vain. */
export const around: Shape = (scene) => {
  const { prng } = scene;
  const isByDeadline = prng.chance(40);
  const at = scene.at + 2 * scene.roundTripMs + prng.between(2, 200);
  const deadline: Deadline = { from: "start", ms: at };
  const mistake = prng.below(5);
  if (mistake !== 1) scene.createAwaited(scene.id(0), isByDeadline ? { deadline } : {});
  for (const index of [1, 2]) {
    if (mistake === 2) scene.create(scene.id(index), { role: "plain" });
    else if (mistake !== 3) scene.createAwaiter(scene.id(index));
  }
  if (mistake === 4) scene.create(scene.id(3), { role: "plain", isExternal: false });
  const count = prng.between(3, 8);
  for (let index = 0; index < count; index += 1) {
    const awaited = mistake === 4 && prng.chance(50) ? 3 : 0;
    scene
      .aimAt(at)
      .another()
      .register(scene.id(awaited), scene.id(prng.between(1, 2)));
  }
  if (!isByDeadline || prng.chance(30)) scene.aimAt(at, 0).another().settle(scene.id(0));
  if (prng.chance(20)) scene.aimAt(at).another().settle(scene.id(1));
  scene.aimAt(at).settleDown().another().get(scene.id(0));
};

/** Many wait for one. */
export const fan: Shape = (scene) => {
  const { prng } = scene;
  const count = prng.between(2, 9);
  const at = scene.at + 3 * scene.roundTripMs + prng.below(500);
  const isByDeadline = prng.chance(40);
  scene.createAwaited(scene.id(0), isByDeadline ? { deadline: { from: "start", ms: at } } : {});
  for (let index = 1; index <= count; index += 1) scene.another().createAwaiter(scene.id(index));
  scene.settleDown();
  for (let index = 1; index <= count; index += 1) {
    scene.another().register(scene.id(0), scene.id(index));
    if (prng.chance(15)) scene.another().register(scene.id(0), scene.id(index));
  }
  if (prng.chance(30)) scene.step();
  else scene.settleDown();
  if (!isByDeadline) scene.settle(scene.id(0));
  scene
    .step()
    .another()
    .settle(scene.id(prng.between(1, count)));
  scene
    .settleDown()
    .another()
    .events({ of: scene.id(0), after: "start" });
};

/** Each waits for the next; they end one after the other, or all at one deadline. */
export const chain: Shape = (scene) => {
  const { prng } = scene;
  const last = prng.between(2, 5);
  const at = scene.at + 3 * scene.roundTripMs + prng.below(300);
  const deadline: Deadline | null = prng.chance(40) ? { from: "start", ms: at } : null;
  for (let index = 0; index <= last; index += 1) {
    scene.createAwaiter(scene.id(index), deadline === null ? {} : { deadline });
  }
  scene.settleDown();
  for (let index = 0; index < last; index += 1) {
    scene.maybeAnother().register(scene.id(index + 1), scene.id(index));
  }
  if (prng.chance(30)) scene.register(scene.id(0), scene.id(last)); // a ring
  scene.settleDown();
  if (deadline !== null) return;
  const isFromTheEnd = prng.chance(60);
  for (let index = 0; index <= last; index += 1) {
    scene.settle(scene.id(isFromTheEnd ? last - index : index));
    if (prng.chance(50)) scene.step();
  }
};

/** More promises due at one instant than one sweep takes. */
export const crowd: Shape = (scene) => {
  const { prng } = scene;
  const at = scene.at + 2 * scene.roundTripMs + prng.logUniform(50, 3200);
  const count = prng.between(4, 40);
  const ids: string[] = [];
  for (let index = 0; index < count; index += 1) {
    if (index > 0) scene.freshGroup();
    ids.push(scene.id());
    const deadline: Deadline = { from: "start", ms: at + (prng.chance(10) ? 1 : 0) };
    scene.another().create(scene.id(), { deadline, isExternal: true });
  }
  const role = prng.pick(["resolved", "rejected", "pending"] as const);
  scene.aimAt(at).another().search({ pattern: "*", state: role, before: "start" });
  scene.aimAt(at).another().settle(scene.id());
  scene.aimAt(at).settleDown().another().get(scene.id());
};

/** Everybody at once, again and again: queues and batches run full. */
export const burst: Shape = (scene) => {
  const { prng } = scene;
  const rounds = prng.between(1, 4);
  const isOnOneGroup = prng.chance(40);
  for (let round = 0; round < rounds; round += 1) {
    for (let index = 0; index < scene.clientCount; index += 1) {
      scene.another();
      if (prng.chance(15)) scene.search();
      else command(scene);
    }
    if (!isOnOneGroup) scene.freshGroup();
  }
};

/** Alike to whoever is careless, and yet each its own promise. */
export const alike: Shape = (scene) => {
  scene.hostileGroup();
  const { prng } = scene;
  const count = prng.between(2, 5);
  for (let index = 0; index < count; index += 1) scene.create(scene.id(index));
  scene.settleDown().maybeAnother();
  for (let index = 0; index < count; index += 1) {
    const id = scene.id(index);
    const kind = prng.below(6);
    if (kind === 0) scene.get(id);
    else if (kind === 1) scene.settle(id);
    else if (kind === 2) scene.events({ of: id, after: "start" });
    else if (kind === 3) scene.register(id, scene.id((index + 1) % count));
    else scene.search({ pattern: scene.values.pattern(id), before: "start", tags: [] });
    scene.step();
  }
};

/** Anything; elsewhere for each step, as long as no command spans two groups (D1). */
export const noise: Shape = (scene) => {
  const { prng } = scene;
  const count = prng.between(3, 12);
  for (let index = 0; index < count; index += 1) {
    const kind = prng.below(10);
    if (kind === 0) scene.search();
    else if (kind === 1) scene.events();
    else command(scene);
    scene.step();
  }
};
