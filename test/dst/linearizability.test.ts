// The search against the definition of linearizability, tried out in all orders: on a toy of three
// registers, for speed, and on promises. Then what must hold for any history, larger or smaller; what
// the budget does; what a report says. Histories are of two kinds: true ones, from an execution with
// random intervals around its moments, and such with one answer corrupted. All seeds are fixed.

import { expect, test } from "vitest";
import { isSameAnswer, PromiseSpec } from "../../dst/history.ts";
import { type Finding, linearize, type Operation, type Spec } from "../../dst/linearizability.ts";
import { Memo, Subset } from "../../dst/memo.ts";
import { idsOf, type ModelAnswer, type ModelCommand } from "../../dst/model/command.ts";
import { type ModelRecord, nothing } from "../../dst/model/record.ts";
import { step } from "../../dst/model.ts";
import { Prng } from "../../dst/prng.ts";
import { plainRules } from "../../dst/rules.ts";

type Slot = 0 | 1 | 2;
type Input =
  | { readonly kind: "read"; readonly from: Slot }
  | { readonly kind: "write"; readonly to: Slot; readonly value: number }
  /** Answers what it has copied. */
  | { readonly kind: "copy"; readonly from: Slot; readonly to: Slot };
type Registers = readonly [number, number, number];

const registers: Spec<Registers, Input, number> = {
  initial: () => [0, 0, 0],
  step: (state, input, output) => {
    const expected = input.kind === "write" ? 0 : state[input.from];
    if (output !== null && output !== expected) return null;
    if (input.kind === "read") return state;
    const value = input.kind === "write" ? input.value : expected;
    return state.with(input.to, value) as unknown as Registers; // `with` forgets the length
  },
  key: (state) => state.join(),
};

const names = ["a", "b", "c"];

function touched(input: Input): readonly string[] {
  const slots = [
    ...(input.kind === "write" ? [] : [input.from]),
    ...(input.kind === "read" ? [] : [input.to]),
  ];
  return [...new Set(slots)].map((slot) => names[slot] ?? "");
}

type Shape = {
  readonly size: number;
  /** How many may be under way at once. */
  readonly clients: number;
  /** Of a hundred: answers that nobody heard. */
  readonly pending: number;
};
type Step<In, Out> = { readonly input: In; readonly ids: readonly string[]; readonly output: Out };

/** Executes one operation after the other, each at some moment between its call and its return. */
function execution<In, Out>(prng: Prng, shape: Shape, next: (prng: Prng) => Step<In, Out>) {
  type Open = { readonly call: number; done: Step<In, Out> | null };
  const clients = new Map<number, Open>();
  const operations: Operation<In, Out>[] = [];
  let started = 0;
  for (let time = 0; operations.length < shape.size; time++) {
    const client = prng.below(shape.clients);
    const open = clients.get(client);
    if (open === undefined) {
      if (started < shape.size) clients.set(client, { call: time, done: null });
      started += 1;
    } else if (open.done === null) {
      open.done = next(prng);
    } else {
      clients.delete(client);
      const { output, ...rest } = open.done;
      const isPending = prng.chance(shape.pending);
      const bound = isPending && prng.chance(50) ? Infinity : time;
      operations.push({
        call: open.call,
        ...rest,
        return: bound,
        output: isPending ? null : output,
      });
    }
  }
  return operations;
}

function toy(prng: Prng, { values, slots }: { values: number; slots: number }) {
  let state = registers.initial([]);
  const slot = () => prng.below(slots) as Slot;
  return (): Step<Input, number> => {
    const to = slot();
    const input: Input = prng.pick<Input>([
      { kind: "read", from: slot() },
      { kind: "write", to, value: prng.below(values) },
      { kind: prng.chance(50) ? "copy" : "read", from: slot(), to },
    ]);
    const output = input.kind === "write" ? 0 : state[input.from];
    state = registers.step(state, input, null) ?? state;
    return { input, ids: touched(input), output };
  };
}

/** Changes one answer that was heard. */
function corrupt<In, Out>(
  prng: Prng,
  operations: readonly Operation<In, Out>[],
  spoil: (output: Out) => Out,
): readonly Operation<In, Out>[] {
  const heard = operations.filter(({ output }) => output !== null);
  const victim = heard.length === 0 ? null : prng.pick(heard);
  return operations.map((each) => {
    if (each !== victim || each.output === null) return each;
    return { ...each, output: spoil(each.output) };
  });
}

/** Small, of few values, true or nearly true: about as many are legal as are not. */
function smallHistory(prng: Prng): readonly Operation<Input, number>[] {
  const shape = {
    size: 1 + prng.below(7),
    clients: 1 + prng.below(5),
    pending: prng.pick([0, 30]),
  };
  const next = toy(prng, { values: 3, slots: 1 + prng.below(3) });
  const operations = execution(prng, shape, next);
  const times = prng.below(4);
  let history: readonly Operation<Input, number>[] = operations;
  for (let time = 0; time < times; time++) history = corrupt(prng, history, () => prng.below(3));
  return prng.chance(50) ? history : history.map((each) => blurred(each));
}

/** On a coarser clock, so that calls and returns touch. */
function blurred<In, Out>(operation: Operation<In, Out>): Operation<In, Out> {
  return { ...operation, call: operation.call >> 2, return: Math.floor(operation.return / 4) };
}

/** The definition: some order of all that was heard, and of some that was not, in real time. */
function isLinearizable<State, In, Out>(
  operations: readonly Operation<In, Out>[],
  spec: Spec<State, In, Out>,
  seen: Set<string> | null = null,
): boolean {
  const ids = [...new Set(operations.flatMap((each) => each.ids))].sort((a, b) => (a < b ? -1 : 1));
  const isPossible = (left: readonly Operation<In, Out>[], state: State): boolean => {
    if (left.every(({ output }) => output === null)) return true;
    const key = seen === null ? "" : `${left.map((each) => each.call)} ${spec.key(state)}`;
    if (seen?.has(key)) return false;
    seen?.add(key);
    return left.some((next) => {
      const others = left.filter((each) => each !== next);
      const missed = others.filter((each) => each.return < next.call);
      if (missed.some(({ output }) => output !== null)) return false;
      const after = spec.step(state, next.input, next.output);
      const rest = others.filter((each) => !missed.includes(each));
      return after !== null && isPossible(rest, after);
    });
  };
  return isPossible(operations, spec.initial(ids));
}

/** Whether what a report calls an order is one; null if so. */
function faultOf<State, In, Out>(
  operations: readonly Operation<In, Out>[],
  spec: Spec<State, In, Out>,
  { components }: Finding,
): string | null {
  const at = (each: number) => operations[each] as Operation<In, Out>;
  for (const { ids, verdict, operations: members, longest, longestWith } of components) {
    const found = members.map((each) => ({ each, explanation: longestWith(each) }));
    for (const { each, explanation } of [{ each: null, explanation: longest }, ...found]) {
      if (explanation === null || (explanation === longest && each !== null)) continue;
      const { order, dropped } = explanation;
      const placed = new Set([...order, ...dropped]);
      if (placed.size !== order.length + dropped.length) return "placed twice";
      if (each !== null && !order.includes(each)) return "explains another operation";
      if (order.length > longest.order.length) return "the longest is not the longest";
      if (!dropped.every((lost) => at(lost).output === null)) return "dropped what was heard";
      if (![...placed].every((one) => members.includes(one))) return "from another component";
      if (verdict === "ok" && placed.size !== members.length) return "not all have a place";
      const left = members.filter((one) => !placed.has(one) && at(one).output !== null);
      if (left.some((one) => order.some((early) => at(one).return < at(early).call)))
        return "skips";
      let state: State | null = spec.initial(ids);
      for (const [place, one] of order.entries()) {
        if (order.slice(place).some((later) => at(later).return < at(one).call)) return "too late";
        state = state === null ? null : spec.step(state, at(one).input, at(one).output);
      }
      if (state === null) return "the model does not accept it";
    }
  }
  return null;
}

test("linearizability: L1 agrees with the definition on 100,000 small histories of registers", () => {
  const prng = new Prng("registers");
  const counts = { ok: 0, illegal: 0, unknown: 0, components: 0, pending: 0 };
  for (let round = 0; round < 100_000; round++) {
    const history = smallHistory(prng);
    const finding = linearize(history, registers);
    counts[finding.verdict] += 1;
    counts.components += finding.components.length;
    counts.pending += history.filter(({ output }) => output === null).length;
    const isLegal = isLinearizable(history, registers);
    if (isLegal !== (finding.verdict === "ok")) expect.fail(JSON.stringify(history));
    const fault = round % 10 === 0 ? faultOf(history, registers, finding) : null;
    if (fault !== null) expect.fail(`${fault}: ${JSON.stringify(history)}`);
  }
  expect(counts.unknown).toBe(0);
  expect(Math.min(counts.ok, counts.illegal)).toBeGreaterThan(20_000);
  expect(counts.components).toBeGreaterThan(120_000);
  expect(counts.pending).toBeGreaterThan(20_000);
});

type Asked = { readonly command: ModelCommand; readonly now: number };

/** Promises whose deadlines come and go, asked by clients and by the server itself. */
function promises(prng: Prng, isClientOnly = false) {
  const records = new Map<string, ModelRecord>();
  let now = 0;
  return (): Step<Asked, ModelAnswer> => {
    now += prng.below(3);
    const command = anyCommand(prng, now, isClientOnly);
    const { changes, answer } = step((id) => records.get(id) ?? nothing, command, {
      ...{ now, rules: plainRules },
    });
    for (const [id, record] of changes) records.set(id, record);
    return { input: { command, now }, ids: idsOf(command), output: answer };
  };
}

const tagged = [
  ["resonate:timer", "true"],
  ["resonate:target", "poll://any@g"],
  ["a", "b"],
] as const;

function anyCommand(prng: Prng, now: number, isClientOnly: boolean): ModelCommand {
  const id = prng.pick(["p", "q"]);
  const pair = { awaited: id, awaiter: id === "p" ? "q" : "p" };
  const request = {
    id,
    key: prng.pick([null, "k", "l"]),
    strict: prng.chance(50),
    isShared: false,
  };
  const value = { headers: null, data: prng.pick([null, "v", "w"]) };
  const outcome = prng.pick(["resolved", "rejected", "canceled"] as const);
  const timeoutAt = BigInt(now + prng.below(12));
  const tags = new Map([prng.pick(tagged)]);
  const isExternal = prng.chance(80);
  switch (prng.below(isClientOnly ? 6 : 8)) {
    case 0:
    case 1:
      return { kind: "create_promise", ...request, timeoutAt, param: value, tags, isExternal };
    case 2:
    case 3:
      return { kind: "settle_promise", ...request, outcome, value };
    case 4:
      return { kind: "get_promise", id };
    case 5:
      return { kind: "register_callback", ...pair };
    case 6:
      return { kind: "drain_callback", ...pair };
    default:
      return { kind: "settle_at_deadline", id };
  }
}

function spoilAnswer(prng: Prng, answer: ModelAnswer): ModelAnswer {
  if (answer.kind === "none") return answer;
  if (answer.kind === "refused") {
    const others = [
      "promise_already_resolved",
      "promise_already_exists",
      "promise_not_found",
    ] as const;
    return {
      kind: "refused",
      refusal: prng.pick(others.filter((each) => each !== answer.refusal)),
    };
  }
  if (answer.kind !== "promise") return answer;
  const { promise, changed } = answer;
  const { createdAt, settledAt, timeoutAt, state } = promise;
  const spoilt = prng.pick([
    { id: "r" },
    { promise, changed: !changed },
    { promise: { ...promise, createdAt: createdAt + 1 }, changed },
    { promise: { ...promise, timeoutAt: timeoutAt + 1n }, changed },
    { promise: { ...promise, settledAt: settledAt === null ? createdAt : settledAt + 1 }, changed },
    { promise: { ...promise, createKey: "x" }, changed },
    { promise: { ...promise, settleKey: "x" }, changed },
    { promise: { ...promise, value: { headers: null, data: "x" } }, changed },
    { promise: { ...promise, param: { headers: new Map(), data: "v" } }, changed },
    { promise: { ...promise, tags: new Map([["a", "c"]]) }, changed },
    { promise: { ...promise, isExternal: !promise.isExternal }, changed },
    {
      promise: { ...promise, state: state === "canceled" ? "rejected" : "canceled" } as const,
      changed,
    },
  ]);
  return { ...answer, ...spoilt };
}

const promiseSpec = () => new PromiseSpec<ModelAnswer>(isSameAnswer, plainRules);

test("linearizability: L1 agrees with the definition on small histories of promises", () => {
  const prng = new Prng("promises");
  const counts = { ok: 0, illegal: 0, unknown: 0 };
  for (let round = 0; round < 10_000; round++) {
    const shape = {
      size: 1 + prng.below(7),
      clients: 1 + prng.below(5),
      pending: prng.pick([0, 30]),
    };
    const truth = execution(prng, shape, promises(prng));
    const isSpoilt = prng.chance(50);
    const history = isSpoilt ? corrupt(prng, truth, (each) => spoilAnswer(prng, each)) : truth;
    const finding = linearize(history, promiseSpec());
    counts[finding.verdict] += 1;
    expect(finding.verdict).toBe(isLinearizable(history, promiseSpec()) ? "ok" : "illegal");
    expect(faultOf(history, promiseSpec(), finding)).toBeNull();
    if (!isSpoilt) expect(finding.verdict).toBe("ok");
  }
  expect(counts.unknown).toBe(0);
  expect(Math.min(counts.ok, counts.illegal)).toBeGreaterThan(3_000);
});

test("linearizability: one wrong member of one answer is refuted in more than 99 of 100 histories", () => {
  const prng = new Prng("corrupted");
  let refuted = 0;
  for (let round = 0; round < 5_000; round++) {
    const shape = { size: 2 + prng.below(6), clients: 1 + prng.below(3), pending: 0 };
    const truth = execution(prng, shape, promises(prng, true));
    const history = corrupt(prng, truth, (each) => spoilAnswer(prng, each));
    if (linearize(history, promiseSpec()).verdict === "illegal") refuted += 1;
  }
  expect(refuted).toBeGreaterThan(4_950);
});

test("linearizability: L2 L3 what is legal stays so with a longer interval, or one more call unheard", () => {
  const prng = new Prng("growing");
  let legal = 0;
  for (let round = 0; round < 20_000; round++) {
    const history = smallHistory(prng);
    if (linearize(history, registers).verdict !== "ok") continue;
    const victim = prng.below(history.length);
    const wider = history.map((each, index) => {
      if (index !== victim) return each;
      return { ...each, call: each.call - prng.below(9), return: each.return + prng.below(9) };
    });
    expect(linearize(wider, registers).verdict).toBe("ok");
    const { input, ids } = toy(prng, { values: 3, slots: 3 })();
    const call = prng.below(20);
    const unheard = { call, return: call + prng.below(20), input, ids, output: null };
    expect(linearize([...history, unheard], registers).verdict).toBe("ok");
    legal += 1;
  }
  expect(legal).toBeGreaterThan(5_000);
});

test("linearizability: other names, another order of writing down, another clock: the same verdict", () => {
  const prng = new Prng("renamed");
  const renamed = new Map([
    ["a", "z"],
    ["b", "\u{1f600}"],
    ["c", "__proto__"],
  ]);
  for (let round = 0; round < 10_000; round++) {
    const history = smallHistory(prng);
    const { verdict } = linearize(history, registers);
    const other = history.toReversed().map((each) => ({
      ...each,
      ids: each.ids.map((id) => renamed.get(id) ?? id).toReversed(),
      call: each.call * 10 - 1_000,
      return: each.return * 10 - 1_000,
    }));
    expect(linearize(other, registers).verdict).toBe(verdict);
  }
});

test("linearizability: L5 enough steps give the same verdict, one step less gives none", () => {
  const prng = new Prng("budget");
  for (let round = 0; round < 5_000; round++) {
    const history = smallHistory(prng);
    const { verdict, steps, components } = linearize(history, registers);
    const most = Math.max(...components.map((each) => each.steps));
    expect(linearize(history, registers, most)).toMatchObject({ verdict, steps });
    const less = linearize(history, registers, most - 1);
    expect(less.verdict).not.toBe("ok");
    for (const [place, each] of components.entries()) {
      const expected = each.steps === most ? "unknown" : each.verdict;
      expect(less.components[place]?.verdict).toBe(expected);
    }
    expect(faultOf(history, registers, less)).toBeNull();
  }
});

test("linearizability: L1 agrees with a plain search on histories that need several words", () => {
  const prng = new Prng("longer");
  const counts = { ok: 0, illegal: 0, unknown: 0 };
  for (let round = 0; round < 100; round++) {
    const shape = {
      size: 60 + prng.below(100),
      clients: 2 + prng.below(3),
      pending: prng.pick([0, 2]),
    };
    const truth = execution(prng, shape, toy(prng, { values: 40, slots: 1 + prng.below(2) }));
    const isSpoilt = prng.chance(50);
    const history = isSpoilt ? corrupt(prng, truth, () => prng.below(40)) : truth;
    const finding = linearize(history, registers);
    counts[finding.verdict] += 1;
    const isLegal = isLinearizable(history, registers, new Set());
    expect(finding.verdict).toBe(isLegal ? "ok" : "illegal");
    expect(faultOf(history, registers, finding)).toBeNull();
  }
  expect(counts.unknown).toBe(0);
  expect(Math.min(counts.ok, counts.illegal)).toBeGreaterThan(25);
});

test("linearizability: a thousand operations are ordered in few steps, and so is an unheard one among them", () => {
  const prng = new Prng("thousand");
  for (const [clients, pending, stepsMax] of [
    [2, 0, 3_000],
    [5, 0, 20_000],
    [5, 1, 2_000_000],
  ] as const) {
    const truth = execution(
      prng,
      { size: 1_000, clients, pending },
      toy(prng, { values: 100, slots: 1 }),
    );
    const finding = linearize(truth, registers);
    expect(finding.verdict).toBe("ok");
    expect(finding.steps).toBeLessThan(stepsMax);
    expect(faultOf(truth, registers, finding)).toBeNull();
  }
});

const write = (
  value: number,
  call: number,
  end: number,
  heard = true,
): Operation<Input, number> => {
  const input = { kind: "write", to: 0, value } as const;
  return { call, return: end, input, output: heard ? 0 : null, ids: ["a"] };
};
const read = (output: number, call: number, end: number, id = "a"): Operation<Input, number> => {
  return { call, return: end, input: { kind: "read", from: 0 }, output, ids: [id] };
};

test.each([
  ["nothing at all", [], "ok"],
  ["L3 a read that touches a write, before it", [write(1, 0, 5), read(0, 5, 6)], "ok"],
  ["a read behind a write", [write(1, 0, 5), read(0, 6, 7)], "illegal"],
  ["L3 an operation of no length, touched", [write(1, 5, 5), read(0, 5, 5)], "ok"],
  ["L2 an unheard write, seen", [write(1, 0, 5, false), read(1, 6, 7)], "ok"],
  ["L2 an unheard write, not seen", [write(1, 0, 5, false), read(0, 6, 7)], "ok"],
  ["L2 an unheard write, seen before its call", [read(1, 0, 1), write(1, 2, 5, false)], "illegal"],
  [
    "L2 an unheard write, not seen at its bound and seen then",
    [write(1, 0, 5, false), read(0, 6, 7), read(1, 8, 9)],
    "illegal",
  ],
  [
    "L2 an unheard write without a bound, seen late",
    [write(1, 0, Infinity, false), read(0, 6, 7), read(1, 8, 9)],
    "ok",
  ],
  [
    "L2 an unheard write, seen and then not",
    [write(1, 0, Infinity, false), read(1, 6, 7), read(0, 8, 9)],
    "illegal",
  ],
] as const)("linearizability: %s", (_what, history, verdict) => {
  expect(linearize(history, registers).verdict).toBe(verdict);
  expect(isLinearizable(history, registers)).toBe(verdict === "ok");
});

test("linearizability: L4 components come by their smallest id in bytes, and end with the first illegal one", () => {
  const bad = (id: string) => read(7, 0, 1, id);
  const both = { ...read(0, 0, 1), ids: ["\u{1f600}", "b"] };
  const history = [bad("\u{1f601}"), both, bad("\u{fffd}"), read(0, 0, 1, "c")];
  const { components, verdict, steps } = linearize(history, registers);
  expect(verdict).toBe("illegal");
  expect(components.map(({ ids }) => ids)).toEqual([["b", "\u{1f600}"], ["c"], ["\u{fffd}"]]);
  expect(components.map((each) => each.verdict)).toEqual(["ok", "ok", "illegal"]);
  expect(components.map(({ operations }) => operations)).toEqual([[1], [3], [2]]);
  expect(steps).toBe(3);
});

test("linearizability: L4 a component that is unknown does not hide an illegal one behind it", () => {
  const history = [write(1, 0, 9), write(2, 1, 9), read(1, 10, 11), read(7, 0, 1, "b")];
  const { verdict, components } = linearize(history, registers, 2);
  expect(components.map((each) => each.verdict)).toEqual(["unknown", "illegal"]);
  expect(verdict).toBe("illegal");
});

test("linearizability: a report says how far one comes, with any operation, and what has to follow", () => {
  const history = [
    write(1, 0, 10),
    read(1, 12, 20),
    write(9, 11, 30, false),
    read(3, 22, 30),
    read(9, 23, 31),
    read(4, 30, 35),
    write(3, 40, 50),
  ];
  const [report] = linearize(history, registers).components;
  expect(report).toMatchObject({ verdict: "illegal", operations: [0, 2, 1, 3, 4, 5, 6] });
  expect(report?.longest).toEqual({ order: [0, 1, 2, 4], dropped: [], blocked: [3, 5] });
  expect(report?.longestWith(1)).toEqual(report?.longest);
  expect(report?.longestWith(3)).toBeNull();
  expect(report?.longestWith(6)).toBeNull();
  expect(() => report?.longestWith(7)).toThrow("another component");
});

test("linearizability: the memo knows each pair once, though all have one hash", () => {
  const prng = new Prng("memo");
  for (const size of [1, 5, 32, 33, 64, 100]) {
    const placed = new Subset(size);
    const members = new Set<number>();
    const memo = new Memo();
    const nodes = new Map<string, number>();
    for (let round = 0; round < 1_500; round++) {
      // mostly in order, as in a search, so that whole words fill up
      const next = Math.min(size - 1, Math.max(0, members.size + prng.below(5) - 2));
      if (members.has(next)) placed.remove(next);
      else placed.add(next);
      if (!members.delete(next)) members.add(next);
      const state = prng.below(3);
      const name = `${[...members].sort((a, b) => a - b)} ${state}`;
      const { first, end, words } = placed;
      const node = memo.add({ hash: 0, first, end, words }, state, nodes.size - 1, 1);
      expect(node).toBe(nodes.has(name) ? -1 : nodes.size);
      if (node !== -1) nodes.set(name, node);
    }
    for (const member of members) placed.remove(member);
    expect([placed.hash, placed.first, placed.end]).toEqual([0, 0, 0]);
    for (const [name, node] of nodes) expect(memo.state(node)).toBe(Number(name.at(-1)));
  }
});

test("linearizability: an operation needs an id, and does not return before its call", () => {
  expect(() => linearize([{ ...read(0, 0, 1), ids: [] }], registers)).toThrow("without an id");
  expect(() => linearize([read(0, 2, 1)], registers)).toThrow("before its call");
});

test("linearizability: a spec whose inputs are not exact takes sets of states", () => {
  type Window = { readonly command: ModelCommand; readonly from: number; readonly to: number };
  const exact = promiseSpec();
  type Tables = readonly ReturnType<typeof exact.initial>[];
  const spec: Spec<Tables, Window, ModelAnswer> = {
    initial: (ids) => [exact.initial(ids)],
    step: (tables, { command, from, to }, seen) => {
      const nows = Array.from({ length: to - from + 1 }, (_, index) => from + index);
      const next = tables.flatMap((table) => {
        return nows.map((now) => exact.step(table, { command, now }, seen));
      });
      const possible = next.filter((table) => table !== null);
      return possible.length === 0
        ? null
        : [...new Map(possible.map((t) => [exact.key(t), t])).values()];
    },
    key: (tables) => tables.map((table) => exact.key(table)).join(),
  };
  const prng = new Prng("windows");
  const create = promises(prng)();
  expect(create.input.now).toBeLessThan(9);
  const history = execution(prng, { size: 9, clients: 2, pending: 0 }, promises(prng)).map(
    (each) => {
      const { command, now } = each.input;
      return { ...each, input: { command, from: Math.max(0, now - 1), to: now + 1 } };
    },
  );
  expect(linearize(history, spec).verdict).toBe("ok");
});
