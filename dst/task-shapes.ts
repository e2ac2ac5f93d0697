// What workers do to tasks, and listeners to promises, by shape (see shapes.ts): versions that are
// behind, names that are wrong, leases that lapse, and the life that an SDK gives a workflow.

import type { Action, CreateAction, SettleAction } from "./plan.ts";
import type { Scene } from "./scene.ts";
import type { Shape } from "./shapes.ts";

const pids = ["w1", "w1", "w1", "w2"] as const;
export const addresses = [
  "poll://any@default",
  "poll://uni@g/1",
  "http://listener.example/",
] as const;
/** Ms; the longest is Python's for "no limit". */
const ttls = [1, 20, 200, 2000, 60_000, 2 ** 50] as const;

function pid(scene: Scene): string {
  return scene.prng.pick(pids);
}

function lease(scene: Scene) {
  return { pid: pid(scene), ttl: scene.prng.pick(ttls) };
}

/** Mostly the version that is right. */
function lag(scene: Scene): number {
  return scene.prng.pick([0, 0, 0, 0, 0, 0, -1, 1]);
}

function acquire(scene: Scene, id: string, ttl: number | null = null): void {
  const held = lease(scene);
  scene.act({ kind: "acquire", id, lag: lag(scene), pid: held.pid, ttl: ttl ?? held.ttl });
}

/** Created with a worker that holds it at once. */
function start(scene: Scene, id: string): void {
  const role = scene.prng.chance(90) ? "target" : "target_timer";
  const action = scene.creation(id, { deadline: scene.late(), role });
  scene.act({ kind: "start", ...lease(scene), action });
}

function suspend(scene: Scene, id: string, awaited: readonly string[]): void {
  scene.act({ kind: "suspend", id, lag: lag(scene), awaited });
}

function fence(scene: Scene, id: string, action: CreateAction | SettleAction): void {
  scene.act({ kind: "fence", id, lag: lag(scene), action });
}

function fulfill(scene: Scene, id: string): void {
  const { outcome, value } = scene.settlement(id);
  scene.act({ kind: "fulfill", id, lag: lag(scene), outcome, value });
}

function heartbeat(scene: Scene, id: string): void {
  scene.act({ kind: "heartbeat", id, lag: lag(scene), pid: pid(scene) });
}

function simple(scene: Scene, kind: "look" | "halt" | "continue", id: string): void {
  scene.act({ kind, id });
}

/** One to three of the group, without its own; seldom one of them twice. */
function some(scene: Scene, own: number): readonly string[] {
  const others = [0, 1, 2, 3].filter((index) => index !== own);
  const count = scene.prng.pick([1, 1, 2, 3]);
  const first = scene.prng.below(others.length);
  const ids = Array.from({ length: count }, (_, index) => {
    return scene.id(others[(first + index) % others.length] ?? own + 1);
  });
  return scene.prng.chance(10) ? [...ids, ids[0] ?? scene.id(own + 1)] : ids;
}

/** Through the current protocol: creation or settlement. */
function shared(scene: Scene, id: string): Action {
  const isCreation = scene.prng.chance(50);
  return { kind: "share", action: isCreation ? scene.creation(id) : scene.settlement(id) };
}

/** Any command of tasks on one of the first ids of the group. */
export function taskCommand(scene: Scene): void {
  const { prng } = scene;
  const own = prng.below(3);
  const id = scene.id(own);
  const other = scene.id((own + prng.between(1, 2)) % 3);
  const kind = prng.below(16);
  if (kind < 3) acquire(scene, id);
  else if (kind < 4) start(scene, id);
  else if (kind < 5) scene.act({ kind: "release", id, lag: lag(scene) });
  else if (kind < 6) fulfill(scene, id);
  else if (kind < 8) suspend(scene, id, some(scene, own));
  else if (kind < 9)
    fence(scene, id, scene.creation(other, { role: prng.pick(["target", "plain"] as const) }));
  else if (kind < 10) fence(scene, id, scene.settlement(other));
  else if (kind < 11) heartbeat(scene, id);
  else if (kind < 12) simple(scene, prng.pick(["halt", "continue", "continue"] as const), id);
  else if (kind < 13) simple(scene, "look", id);
  else if (kind < 14) scene.act(shared(scene, id));
  else scene.act({ kind: "listen", awaited: id, address: prng.pick(addresses) });
}

/** Everybody at the same few tasks. */
export const scuffle: Shape = (scene) => {
  for (const index of [0, 1]) {
    if (scene.prng.chance(80)) scene.createAwaiter(scene.id(index));
  }
  scene.settleDown();
  const count = scene.prng.between(8, 24);
  for (let index = 0; index < count; index += 1) {
    taskCommand(scene);
    scene.another();
    if (scene.prng.chance(30)) scene.settleDown();
    else scene.pass(scene.prng.pick([0, 0, 1, 2, 20]));
  }
};

/** A workflow as an SDK runs it: steps, a call, the wait for it, and its end. */
export const workflow: Shape = (scene) => {
  const { prng } = scene;
  const [root, child, other] = [scene.id(0), scene.id(1), scene.id(2)];
  const isStarted = prng.chance(50);
  if (isStarted) start(scene, root);
  else scene.createAwaiter(root);
  scene.settleDown();
  if (!isStarted) acquire(scene, root, 60_000);
  scene.settleDown();
  const role = prng.pick(["target", "timer", "global"] as const);
  fence(scene, root, scene.creation(child, { deadline: scene.late(), role }));
  scene.settleDown();
  const isLate = prng.chance(30);
  if (isLate) scene.another().settle(child);
  if (isLate && prng.chance(60)) scene.settleDown();
  if (prng.chance(30)) scene.createAwaited(other);
  else if (prng.chance(40)) scene.create(other, { role: "decoy", isExternal: false }); // not awaitable
  suspend(scene, root, prng.chance(70) ? [child] : [child, other]);
  scene.settleDown();
  if (!isLate) scene.another().settle(child);
  if (prng.chance(50)) scene.settleDown();
  acquire(scene.maybeAnother(), root);
  scene.settleDown();
  if (prng.chance(40)) fence(scene, root, scene.settlement(other));
  heartbeat(scene, root);
  fulfill(scene.settleDown(), root);
  simple(scene.settleDown().maybeAnother(), "look", root);
};

/** A worker that is silent for too long, and what it does when it comes back. */
export const lapse: Shape = (scene) => {
  const { prng } = scene;
  const id = scene.id();
  const ttl = prng.logUniform(5, 3000);
  scene.createAwaiter(id);
  scene.settleDown();
  acquire(scene, id, ttl);
  scene.settleDown();
  const beats = prng.below(4);
  for (let beat = 0; beat < beats; beat += 1) {
    scene.pass(prng.below(ttl + 1));
    heartbeat(scene, id);
  }
  if (prng.chance(20)) simple(scene.maybeAnother(), "halt", id);
  scene.pass(ttl + prng.pick([-1, 0, 1, 10, 100]));
  const kind = prng.below(6);
  if (kind === 0) heartbeat(scene, id);
  else if (kind === 1) fulfill(scene, id);
  else if (kind === 2) fence(scene, id, scene.creation(scene.id(1)));
  else if (kind === 3) suspend(scene, id, some(scene, 0));
  scene.settleDown().another();
  acquire(scene, id);
  scene.settleDown().another();
  fulfill(scene, id);
  simple(scene.settleDown(), "look", id);
};

/** A worker that gives its task back again and again. */
export const poison: Shape = (scene) => {
  const { prng } = scene;
  const id = scene.id();
  scene.createAwaiter(id);
  const rounds = prng.between(3, 8);
  for (let round = 0; round < rounds; round += 1) {
    scene.settleDown().act({ kind: "acquire", id, lag: 0, pid: "w1", ttl: 60_000 });
    scene.settleDown().act({ kind: "release", id, lag: 0 });
  }
  scene.pass(prng.pick([0, 50, 100, 400]));
  const kind = prng.below(4);
  if (kind === 0) simple(scene, "halt", id);
  else if (kind === 1) acquire(scene, id);
  else if (kind === 2) scene.settle(id);
  if (kind === 0) simple(scene.settleDown(), "continue", id);
};

/** Several want to be told, before the end, with it and after it. */
export const listeners: Shape = (scene) => {
  const { prng } = scene;
  const id = scene.id();
  const at = scene.at + 2 * scene.roundTripMs + prng.between(2, 200);
  const isByDeadline = prng.chance(30);
  scene.createAwaited(id, isByDeadline ? { deadline: { from: "start", ms: at } } : {});
  const count = prng.between(1, 5);
  for (let index = 0; index < count; index += 1) {
    if (prng.chance(70)) scene.settleDown();
    else scene.aimAt(at);
    scene.another().act({ kind: "listen", awaited: id, address: prng.pick(addresses) });
  }
  if (!isByDeadline) scene.aimAt(at, 0).another().settle(id);
  scene.aimAt(at).settleDown().another().get(id);
};
