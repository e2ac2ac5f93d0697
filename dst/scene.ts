// What a shape writes its intents to: one group of ids and clients, a point in time that moves on,
// and the client whose turn it is. What a shape leaves open is drawn.
//
//   D2. No promise is asked to wait for itself: the API refuses that before the kernel sees it.

import { assert } from "../kernel/assert.ts";
import { worldEpoch } from "./clock.ts";
import type { Group, IdGroups } from "./id-groups.ts";
import type {
  Action,
  CreateAction,
  Deadline,
  Intent,
  ListAction,
  PairList,
  SettleAction,
} from "./plan.ts";
import type { Prng } from "./prng.ts";
import type { Role, Values } from "./values.ts";

type Kind<Name extends Action["kind"]> = Extract<Action, { kind: Name }>;
type Tweaks<Name extends Action["kind"]> = Partial<Omit<Kind<Name>, "kind" | "id">>;
export type Create = Tweaks<"create"> & { readonly role?: Role };

export type Props = {
  readonly prng: Prng;
  readonly values: Values;
  readonly groups: IdGroups;
  /** The longest delay of each step of the outside, ms. */
  readonly delayMax: number;
  readonly script: Script;
};

/** What all shapes write. */
export class Script {
  readonly #lines: Omit<Intent, "key">[] = [];
  #endsAt = 0;

  get length(): number {
    return this.#lines.length;
  }

  /** When the last client acts. */
  get endsAt(): number {
    return this.#endsAt;
  }

  add(at: number, client: number, action: Action): void {
    this.#lines.push({ at, client, action });
    this.#endsAt = Math.max(this.#endsAt, at);
  }

  /** Those of one instant stay as they were written: a client takes them in this order. */
  inOrder(): readonly Intent[] {
    return this.#lines
      .toSorted((left, right) => left.at - right.at)
      .map(({ at, client, action }, index) => ({ key: index + 1, at, client, action }));
  }
}

/** Ten steps from request to answer (network, tick, load, commit), at half the longest delay each. */
const stepsOfRequest = 5;
const hourMs = 3_600_000;

const anyState = [null, null] as const;

const roles = [
  "plain",
  "plain",
  "timer",
  "target",
  "target",
  "target_timer",
  "global",
  "decoy",
] as const satisfies readonly Role[];

export class Scene {
  /** Ms since the start of the world. */
  at: number;
  group: Group;
  /** Whose turn it is, by index among the clients of the group. */
  turn: number;
  readonly prng: Prng;
  readonly values: Values;
  readonly #props: Props;

  constructor(props: Props, group: Group, at: number) {
    this.prng = props.prng;
    this.values = props.values;
    this.#props = props;
    this.group = group;
    this.at = at;
    this.turn = this.prng.below(group.clients.length);
  }

  get clientCount(): number {
    return this.group.clients.length;
  }

  id(index = 0): string {
    return this.group.id(index);
  }

  /** Turns to ids that nobody has used. */
  freshGroup(): void {
    this.#turnTo(this.#props.groups.fresh());
  }

  hostileGroup(): void {
    this.#turnTo(this.#props.groups.hostile());
  }

  /** The next client's turn: as often in a row as there are clients, they are all different. */
  another(): this {
    this.turn = (this.turn + 1) % this.clientCount;
    return this;
  }

  maybeAnother(): this {
    return this.prng.chance(40) ? this.another() : this;
  }

  pass(ms: number): this {
    this.at += ms;
    return this;
  }

  /** Most often so short that what was asked last may still be under way. */
  step(): this {
    const { delayMax } = this.#props;
    const ms = this.prng.pick([0, 0, 0, 1, 2, delayMax, 2 * delayMax, this.roundTripMs, 300]);
    return this.pass(this.prng.below(ms + 1)).maybeAnother();
  }

  /** Until what was asked last is done, if no fault strikes. */
  settleDown(): this {
    return this.pass(this.roundTripMs);
  }

  get roundTripMs(): number {
    return stepsOfRequest * this.#props.delayMax + 2;
  }

  /** Moves to an instant next to `at`, or so much earlier that the request may be judged then. */
  aimAt(at: number, offset = this.prng.pick([-1, -1, 0, 0, 1])): this {
    const lead = this.prng.chance(60) ? 0 : this.prng.below(3 * this.#props.delayMax + 1);
    this.at = at + offset - lead;
    return this;
  }

  create(id: string, tweaks: Create = {}): void {
    this.act(this.creation(id, tweaks));
  }

  creation(id: string, { role, ...tweaks }: Create = {}): CreateAction {
    return {
      kind: "create",
      id,
      deadline: tweaks.deadline ?? this.deadline(),
      param: this.values.payload(),
      tags: tweaks.tags ?? this.#branched(id, this.values.tags(role ?? this.role())),
      key: this.values.key(),
      strict: this.prng.chance(30),
      isExternal: this.prng.chance(75),
      ...tweaks,
    };
  }

  /** One that others may await, pending for long. */
  createAwaited(id: string, tweaks: Create = {}): void {
    const isExternal = this.prng.chance(50);
    const role = isExternal ? "plain" : this.prng.pick(["timer", "target", "global"] as const);
    this.create(id, { deadline: this.late(), role, isExternal, ...tweaks });
  }

  /** One that may await others, pending for long. */
  createAwaiter(id: string, tweaks: Create = {}): void {
    const role = this.prng.chance(85) ? "target" : "target_timer";
    const isDelayed = tweaks.deadline === undefined && this.prng.chance(12);
    const tags = isDelayed ? { tags: this.#delayed(role) } : {};
    this.create(id, { deadline: this.late(), role, ...tags, ...tweaks });
  }

  settle(id: string, tweaks: Tweaks<"settle"> = {}): void {
    this.act(this.settlement(id, tweaks));
  }

  settlement(id: string, tweaks: Tweaks<"settle"> = {}): SettleAction {
    return {
      kind: "settle",
      id,
      outcome: this.prng.pick(["resolved", "resolved", "rejected", "canceled"] as const),
      value: this.values.payload(),
      key: this.values.key(),
      strict: this.prng.chance(30),
      ...tweaks,
    };
  }

  /** Hardly ever none, so that there is something to repeat. */
  someKey(): string | null {
    return this.values.key() ?? this.values.key();
  }

  get(id: string): void {
    this.act({ kind: "get", id });
  }

  register(awaited: string, awaiter: string): void {
    assert(awaited !== awaiter, "a promise is to wait for itself"); // D2
    this.act({ kind: "callback", awaited, awaiter });
  }

  search(tweaks: Tweaks<"search"> = {}): void {
    this.act({
      kind: "search",
      pattern: tweaks.pattern ?? this.values.pattern(this.id(this.prng.below(3))),
      state: this.prng.pick([null, "pending", "pending", "resolved", "rejected"] as const),
      tags: tweaks.tags ?? this.searchTags(),
      limit: this.limit(),
      before: this.prng.pick(["start", "start", "next", this.prng.logUniform(1, 20_000)] as const),
      ...tweaks,
    });
  }

  events(tweaks: Tweaks<"events"> = {}): void {
    const of = this.prng.chance(50) ? null : this.id(this.prng.below(3));
    this.act({
      kind: "events",
      of,
      after: this.prng.pick(["start", "next", "next", this.#version(of)] as const),
      limit: this.limit(),
      ...tweaks,
    });
  }

  /** A search by id, from its start. */
  listing(): ListAction {
    const { prng } = this;
    const letters = [...this.id(prng.below(3)).slice(0, 24).toWellFormed()];
    const cut = letters.slice(0, prng.below(letters.length + 1)).join("");
    const idPrefix = prng.chance(50) ? "" : cut;
    const page = { idPrefix, after: "start", limit: this.limit() } as const;
    const kind = prng.below(10);
    if (kind < 5) {
      const state = prng.pick([
        ...anyState,
        "pending",
        "resolved",
        "rejected",
        "timedout",
      ] as const);
      return { ...page, kind: "list_promises", state, tags: this.searchTags() };
    }
    if (kind < 8) {
      const state = prng.pick([
        ...anyState,
        "pending",
        "acquired",
        "suspended",
        "fulfilled",
      ] as const);
      return { ...page, kind: "list_tasks", state };
    }
    return { ...page, kind: "list_schedules", tags: prng.chance(70) ? [] : this.searchTags() };
  }

  act(action: Action): void {
    const client = this.group.clients[this.turn] ?? 0;
    this.#props.script.add(Math.max(0, this.at), client, action);
  }

  limit(): number {
    return this.prng.pick([1, 2, 3, 100, this.prng.between(1, 100)]);
  }

  role(): Role {
    return this.prng.pick(roles);
  }

  searchTags(): PairList {
    if (this.prng.chance(60)) return [];
    return this.prng.chance(30) ? this.values.tags(this.role()) : this.values.pairs();
  }

  /** Any. */
  deadline(): Deadline {
    const kind = this.prng.below(10);
    if (kind < 2) return this.extreme();
    if (kind < 4) return this.late();
    if (kind < 5) return { from: "request", ms: this.prng.pick([-1000, -1, 0, 1, 2]) };
    if (kind < 7) return { from: "request", ms: this.prng.logUniform(1, 64) };
    if (kind < 9) return { from: "start", ms: this.at + this.prng.logUniform(1, 30_000) };
    return { from: "request", ms: this.prng.logUniform(100, 60_000) };
  }

  /** Not before all of this is over. */
  late(): Deadline {
    if (this.prng.chance(30)) return this.extreme("late");
    const hours = this.prng.logUniform(1, 1000);
    const ms = hours * hourMs + this.prng.below(1000);
    return this.prng.chance(50) ? { from: "request", ms } : { from: "start", ms: this.at + ms };
  }

  /** Where a number, a column or a comparison ends. */
  extreme(when: "late" | "any" = "any"): Deadline {
    const late = [
      "9223372036854775807",
      "9223372036854775806",
      "9007199254740993",
      "9007199254740992",
      "9007199254740991",
    ] as const;
    if (when === "late" || this.prng.chance(70)) return { from: "epoch", ms: this.prng.pick(late) };
    return { from: "epoch", ms: this.prng.pick(["0", "1", "2147483648", "4294967296"] as const) };
  }

  /** Not offered for a while: less than any late deadline. */
  #delayed(role: Role): PairList {
    const until = worldEpoch + this.at + this.prng.pick([0, 1, 50, 1000, 20_000]);
    return [...this.values.tags(role), ["resonate:delay", String(until)]];
  }

  /** Of one branch with others of its group, which come along when its task is taken (preload). */
  #branched(id: string, tags: PairList): PairList {
    const branch = this.id();
    const isOf = id === branch || id.startsWith(`${branch}.`) || id.startsWith(`${branch}:`);
    return !isOf || this.prng.chance(50) ? tags : [...tags, ["resonate:branch", branch]];
  }

  #turnTo(group: Group): void {
    this.group = group;
    this.turn = this.prng.below(group.clients.length);
  }

  /** Somewhere in a log, or beyond it. */
  #version(of: string | null): number {
    return of === null ? this.prng.logUniform(1, 20_000) : this.prng.below(6);
  }
}
