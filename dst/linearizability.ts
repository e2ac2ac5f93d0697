// Searches a history for an order of its operations that the model accepts and that keeps real time:
// Wing and Gong's search with Lowe's memo, in the form that Porcupine gave it (simulation.md §5.4).
// It knows nothing of promises: what a state is, and which outputs it allows, says the `Spec`.
//
//   L1. `ok` comes with an order, `illegal` only after every order was tried; else it is `unknown`.
//   L2. An operation without an output took effect at one moment between its call and its return, with
//       any output, or it never did.
//   L3. Operations that touch each other at one instant are concurrent.
//   L4. Operations that share no id, not even through others, are judged apart, in the order of the
//       smallest ids; the first illegal component decides.
//   L5. The budget counts steps, anew for each component, so the verdict is the same on every machine.

import { assert } from "../kernel/assert.ts";
import { compareBytes } from "../kernel/order.ts";
import { at, Entries, head, isCall, operationOf } from "./entries.ts";
import { Memo, none, root, Subset } from "./memo.ts";

export type Operation<Input, Output> = {
  /** By any clock that orders the calls and returns of the history. */
  readonly call: number;
  /** Not before `call`. Of an operation without an output: its bound, `Infinity` if it has none. */
  readonly return: number;
  readonly input: Input;
  /** Null: nobody heard it. */
  readonly output: Output | null;
  /** Of the streams that it may touch; at least one. */
  readonly ids: readonly string[];
};

/**
 * What operations mean. A spec that does not know its inputs exactly (of `now` only a window, say)
 * takes sets of states for its states, and needs nothing from the search.
 */
export type Spec<State, Input, Output> = {
  /** @param ids of one component, by their bytes */
  readonly initial: (ids: readonly string[]) => State;
  /**
   * Pure.
   * @param output null: any
   * @returns null if this output cannot come from this state
   */
  readonly step: (state: State, input: Input, output: Output | null) => State | null;
  /** Equal for equal states, and for no others. */
  readonly key: (state: State) => string;
};

export type LinearizabilityVerdict = "ok" | "illegal" | "unknown";

export type Finding = {
  readonly verdict: LinearizabilityVerdict;
  readonly steps: number;
  /** Up to the first illegal one, which is then the last. */
  readonly components: readonly ComponentFinding[];
};

/** Operations are named by their places in the history that was given. */
export type ComponentFinding = {
  readonly verdict: LinearizabilityVerdict;
  readonly steps: number;
  readonly ids: readonly string[];
  /** By their calls. */
  readonly operations: readonly number[];
  /** The whole order if it is ok, else the longest beginning of one. */
  readonly longest: Explanation;
  /** The longest beginning in which this operation took effect; null: there is none. */
  readonly longestWith: (operation: number) => Explanation | null;
};

export type Explanation = {
  readonly order: readonly number[];
  /** Nobody heard of them, and here they never took effect. */
  readonly dropped: readonly number[];
  /** One of these had to be next, and none of them fits, as far as the search has come. */
  readonly blocked: readonly number[];
};

/** simulation.md §5.4. */
export const stepsMax = 2_000_000;

/** @param budget in attempts to place an operation, or to drop it; for each component (L5) */
export function linearize<State, Input, Output>(
  operations: readonly Operation<Input, Output>[],
  spec: Spec<State, Input, Output>,
  budget = stepsMax,
): Finding {
  const components: ComponentFinding[] = [];
  let verdict: LinearizabilityVerdict = "ok";
  let steps = 0;
  for (const { ids, members } of partition(operations)) {
    const search = new Search(select(operations, members), spec, ids);
    const found = search.run(budget);
    const reports = explain(search, members, found);
    components.push({ verdict: found, steps: search.steps, ids, operations: members, ...reports });
    steps += search.steps;
    if (found !== "ok") verdict = found;
    if (found === "illegal") break; // L4
  }
  return { verdict, steps, components };
}

/** Both lists in order. */
type Group = { readonly ids: string[]; readonly members: number[] };

/** L4. */
function partition(operations: readonly Operation<unknown, unknown>[]): readonly Group[] {
  const parents = new Map<string, string>();
  const rootOf = (id: string): string => {
    let top = id;
    for (;;) {
      const up = parents.get(top) ?? top;
      if (up === top) return top;
      parents.set(top, parents.get(up) ?? up); // half as far for the next one
      top = up;
    }
  };
  for (const { ids } of operations) {
    for (const id of ids) parents.set(rootOf(id), rootOf(firstOf(ids)));
  }
  const groups = new Map<string, Group>();
  for (const id of [...parents.keys()].sort(compareBytes)) {
    const group = groups.get(rootOf(id));
    if (group === undefined) groups.set(rootOf(id), { ids: [id], members: [] });
    else group.ids.push(id);
  }
  const byCall = [...operations.entries()].sort(([, a], [, b]) => a.call - b.call);
  for (const [index, { ids }] of byCall) groups.get(rootOf(firstOf(ids)))?.members.push(index);
  return [...groups.values()];
}

function firstOf(ids: readonly string[]): string {
  const [first] = ids;
  assert(first !== undefined, "an operation without an id belongs nowhere");
  return first;
}

function select<Each>(all: readonly Each[], indices: readonly number[]): readonly Each[] {
  return indices.map((index) => all[index] as Each); // each index came from this list
}

class Search<State, Input, Output> {
  steps = 0;
  readonly operations: readonly Operation<Input, Output>[];
  readonly memo = new Memo();
  readonly #spec: Spec<State, Input, Output>;
  readonly #entries: Entries;
  readonly #placed: Subset;
  /** By their numbers. */
  readonly #states: State[] = [];
  readonly #numbers = new Map<string, number>();
  /** By state and call. Measured on promises: 80 to 99 of 100 steps have been asked before. */
  readonly #outcomes = new Map<number, number>();
  /** By operation: the deepest node that was reached with it in effect; the root if there is none. */
  readonly #longest: Int32Array;
  #node = root;

  constructor(
    operations: readonly Operation<Input, Output>[],
    spec: Spec<State, Input, Output>,
    ids: readonly string[],
  ) {
    this.operations = operations;
    this.#spec = spec;
    this.#entries = new Entries(operations);
    this.#placed = new Subset(operations.length);
    this.#longest = new Int32Array(operations.length);
    this.memo.add(this.#placed, this.#intern(spec.initial(ids)), none, none);
  }

  run(budget: number): LinearizabilityVerdict {
    const entries = this.#entries;
    let cursor = entries.next(head);
    while (cursor !== head) {
      if (isCall(cursor) || this.#at(cursor).output === null) {
        if (this.steps === budget) return "unknown"; // L5
        this.steps += 1;
        if (this.#advance(cursor)) {
          cursor = entries.next(head);
          continue;
        }
      }
      cursor = isCall(cursor) ? entries.next(cursor) : this.#backtrack();
      if (cursor === head) return "illegal"; // L1
    }
    return "ok"; // L1: all have their place
  }

  /** At a call: lets it take effect. At the return of what nobody heard of: it never did (L2). */
  #advance(cursor: number): boolean {
    const state = this.memo.state(this.#node);
    const after = isCall(cursor) ? this.#step(state, cursor) : state;
    if (after === none) return false;
    const operation = operationOf(cursor);
    this.#placed.add(operation);
    const node = this.memo.add(this.#placed, after, this.#node, cursor);
    if (node === none) {
      this.#placed.remove(operation);
      return false;
    }
    this.#entries.lift(operation);
    this.#node = node;
    return true;
  }

  /** @returns where to go on; the head if all has been tried */
  #backtrack(): number {
    while (this.#node !== root) {
      const move = this.memo.move(this.#node);
      this.#placed.remove(operationOf(move));
      this.#entries.unlift(operationOf(move));
      this.#ascend();
      if (isCall(move)) return this.#entries.next(move);
    }
    return head;
  }

  /** The parent learns how far one could go from here. */
  #ascend(): void {
    const { memo } = this;
    const move = memo.move(this.#node);
    const deepest = memo.deepest(this.#node);
    if (isCall(move)) {
      const longest = at(this.#longest, operationOf(move));
      if (memo.depth(deepest) > memo.depth(longest)) this.#longest[operationOf(move)] = deepest;
    }
    this.#node = memo.parent(this.#node);
    memo.offer(this.#node, deepest);
  }

  #step(state: number, cursor: number): number {
    const pair = state * 2 * this.operations.length + cursor;
    const known = this.#outcomes.get(pair);
    if (known !== undefined) return known;
    const { input, output } = this.#at(cursor);
    const before = this.#states[state] as State; // a number that `intern` gave
    const after = this.#spec.step(before, input, output);
    const number = after === null ? none : this.#intern(after);
    this.#outcomes.set(pair, number);
    return number;
  }

  #intern(state: State): number {
    const key = this.#spec.key(state);
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    this.#numbers.set(key, this.#states.length);
    return this.#states.push(state) - 1;
  }

  #at(cursor: number): Operation<Input, Output> {
    return this.operations[operationOf(cursor)] as Operation<Input, Output>; // it has an entry
  }

  /** The node where the search has ended. Nothing can be searched afterwards. */
  finish(): number {
    const last = this.#node;
    while (this.#node !== root) this.#ascend();
    return last;
  }

  /** @returns the root if it never took effect */
  longestWith(operation: number): number {
    assert(operation >= 0, "an operation belongs to another component");
    return at(this.#longest, operation);
  }
}

type Reports = Pick<ComponentFinding, "longest" | "longestWith">;

function explain<State, Input, Output>(
  search: Search<State, Input, Output>,
  members: readonly number[],
  verdict: LinearizabilityVerdict,
): Reports {
  const last = search.finish();
  const show = (node: number): Explanation => {
    const { order, dropped } = search.memo.path(node);
    const blocked = candidates(search.operations, new Set([...order, ...dropped]));
    return {
      order: select(members, order),
      dropped: select(members, dropped),
      blocked: select(members, blocked),
    };
  };
  if (verdict === "ok") {
    const longest = show(last);
    return { longest, longestWith: (each) => (longest.order.includes(each) ? longest : null) };
  }
  const longestWith = (operation: number) => {
    const node = search.longestWith(members.indexOf(operation));
    return node === root ? null : show(node);
  };
  return { longest: show(search.memo.deepest(root)), longestWith };
}

/** Whatever was called before the first return of those that are left. */
function candidates(
  operations: readonly Operation<unknown, unknown>[],
  placed: ReadonlySet<number>,
): readonly number[] {
  const left = [...operations.entries()].filter(([index]) => !placed.has(index));
  const bound = left.reduce((least, [, each]) => Math.min(least, each.return), Infinity);
  return left.filter(([, { call }]) => call <= bound).map(([index]) => index); // L3
}
