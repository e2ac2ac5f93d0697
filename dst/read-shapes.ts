// What clients do to searches and event histories, by shape: pages are followed while others write.
// And silence, after which all that was put off is looked at.

import { burst, command, type Shape } from "./shapes.ts";

/** A search, page by page, while others create and settle; its cursor may serve another search. */
export const walk: Shape = (scene) => {
  const { prng } = scene;
  const question = {
    pattern: prng.chance(60) ? "*" : scene.values.pattern(scene.id()),
    state: prng.pick([null, null, "pending", "resolved", "rejected"] as const),
    tags: scene.searchTags(),
    limit: prng.pick([1, 1, 2, 3, 5, 20]),
  };
  const reader = scene.turn;
  scene.search({ ...question, before: "start" });
  const pages = prng.between(2, 8);
  for (let page = 0; page < pages; page += 1) {
    if (prng.chance(50)) command(scene.another());
    scene.step().turn = reader;
    scene.search(prng.chance(90) ? { ...question, before: "next" } : { before: "next" });
  }
};

/** One promise in each of a few states, asked for in every way. */
export const filters: Shape = (scene) => {
  const { prng } = scene;
  const tags = scene.values.pairs();
  const dueAt = scene.at + scene.roundTripMs + prng.below(50);
  for (let index = 0; index < 3; index += 1) {
    const deadline = prng.chance(40) ? ({ from: "start", ms: dueAt } as const) : scene.late();
    if (prng.chance(80)) scene.create(scene.id(index), { deadline, tags });
    if (prng.chance(50)) scene.settleDown().settle(scene.id(index));
  }
  if (prng.chance(50)) scene.aimAt(dueAt);
  for (const state of [null, "pending", "resolved", "rejected"] as const) {
    const pattern = scene.values.pattern(scene.id(prng.below(3)));
    scene.another().search({ state, pattern, tags: prng.chance(60) ? tags : [] });
    if (prng.chance(30)) scene.step();
  }
};

/** What there is of a kind, by id, page by page, while others write. */
export const ledger: Shape = (scene) => {
  const { prng } = scene;
  const question = scene.listing();
  const reader = scene.turn;
  scene.act({ ...question, after: prng.chance(85) ? "start" : { id: scene.id(prng.below(3)) } });
  const pages = prng.between(1, 6);
  for (let page = 0; page < pages; page += 1) {
    if (prng.chance(50)) command(scene.another());
    scene.step().turn = reader;
    scene.act(prng.chance(90) ? { ...question, after: "next" } : scene.listing());
  }
};

/** A log, page by page, while others write: of one promise, or of all. */
export const follow: Shape = (scene) => {
  const { prng } = scene;
  const of = prng.chance(40) ? scene.id() : null;
  const limit = scene.limit();
  const reader = scene.turn;
  scene.events({ of, limit, after: prng.chance(60) ? "start" : "next" });
  const pages = prng.between(2, 8);
  for (let page = 0; page < pages; page += 1) {
    const writes = prng.below(3);
    for (let write = 0; write < writes; write += 1) command(scene.another());
    scene.step().turn = reader;
    scene.events({ of, limit, after: "next" });
  }
};

/** Places in a log or a search that nobody was sent to. */
export const elsewhere: Shape = (scene) => {
  const { prng } = scene;
  const places = [0, 1, 2, prng.logUniform(1, 20_000), Number.MAX_SAFE_INTEGER] as const;
  const count = prng.between(1, 4);
  for (let index = 0; index < count; index += 1) {
    const place = prng.pick(places);
    const of = prng.pick([null, scene.id(), scene.id(7)] as const);
    if (prng.chance(50)) scene.search({ before: place });
    else scene.events({ of, after: place });
    scene.step();
  }
};

/** A burst, and then nothing for hours, in which only deadlines pass. */
export const silence: Shape = (scene) => {
  const { prng } = scene;
  const minutes = prng.logUniform(15, 300);
  const wakesAt = scene.at + minutes * 60_000;
  const count = prng.between(2, 6);
  for (let index = 0; index < count; index += 1) {
    const ms = prng.pick([prng.between(scene.at, wakesAt), wakesAt]);
    scene.another().createAwaited(scene.id(index), { deadline: { from: "start", ms } });
  }
  scene.createAwaiter(scene.id(count));
  scene.settleDown().register(scene.id(prng.below(count)), scene.id(count));
  burst(scene);
  scene.aimAt(wakesAt).another().search({ pattern: "*", before: "start" });
  burst(scene);
};
