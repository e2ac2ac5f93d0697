// While a run is under way, what two runs of one seed could differ by is out of reach: whoever reads a
// clock, entropy, a locale or a timer gets an exception that says where (simulation.md §2).
//
//   D2. They are armed after all modules are loaded, only for one call, and what stood there before
//       stands there afterwards, also if the call throws.
//   D3. Of Date only what reads the clock is an error: dates may be computed with.

import nodeCrypto from "node:crypto";

export type Trip = { readonly what: string; readonly stack: string };

export type Guarded<Result> = { readonly result: Result; readonly trips: readonly Trip[] };

type Members = Record<string, unknown>;
type Place = {
  readonly name: string;
  readonly target: object;
  readonly members: readonly string[];
};

const timers = ["setTimeout", "setInterval", "setImmediate", "queueMicrotask"] as const;
const entropy = ["randomUUID", "getRandomValues"] as const;
const nodeEntropy = ["randomUUID", "randomBytes", "randomInt", "randomFillSync", "randomFill"];
const localDates = ["toLocaleString", "toLocaleDateString", "toLocaleTimeString"] as const;
const localText = ["localeCompare", "toLocaleLowerCase", "toLocaleUpperCase"] as const;
const now = ["instant", "plainDateISO", "plainTimeISO", "plainDateTimeISO", "zonedDateTimeISO"];

/** Functions that are replaced in place. What this engine does not have is passed over. */
const places: readonly Place[] = [
  { name: "", target: globalThis, members: timers },
  { name: "Date.", target: Date, members: ["now"] },
  { name: "performance.", target: performance, members: ["now"] },
  { name: "process.", target: process, members: ["nextTick", "hrtime", "uptime"] },
  { name: "process.hrtime.", target: process.hrtime, members: ["bigint"] },
  { name: "Math.", target: Math, members: ["random"] },
  { name: "crypto.", target: globalThis.crypto, members: entropy },
  { name: "node:crypto ", target: nodeCrypto, members: nodeEntropy },
  { name: "AbortSignal.", target: AbortSignal, members: ["timeout"] },
  { name: "String.prototype.", target: String.prototype, members: localText },
  { name: "Number.prototype.", target: Number.prototype, members: ["toLocaleString"] },
  { name: "BigInt.prototype.", target: BigInt.prototype, members: ["toLocaleString"] },
  { name: "Array.prototype.", target: Array.prototype, members: ["toLocaleString"] },
  { name: "Date.prototype.", target: Date.prototype, members: localDates },
  { name: "Intl.", target: Intl, members: Object.getOwnPropertyNames(Intl) },
  { name: "Temporal.Now.", target: temporalNow(), members: now },
];

/** Constructors: `new` on them is the error. */
const constructors = ["WeakRef", "FinalizationRegistry"] as const;

function temporalNow(): object {
  const { Temporal } = globalThis as { readonly Temporal?: { readonly Now: object } };
  return Temporal?.Now ?? {};
}

/** @param body synchronous; its result is returned also if something caught the exception of a wire */
export function guarded<Result>(body: () => Result): Guarded<Result> {
  const trips: Trip[] = [];
  const trip = (what: string): never => {
    const error = new Error(`a run may not use ${what}`);
    trips.push({ what, stack: error.stack ?? "" });
    throw error;
  };
  const restore = arm(trip);
  try {
    return { result: body(), trips };
  } finally {
    restore(); // D2
  }
}

function arm(trip: (what: string) => never): () => void {
  const restores: (() => void)[] = [];
  const replace = (target: object, member: string, value: unknown) => {
    const before = Object.getOwnPropertyDescriptor(target, member);
    Object.defineProperty(target, member, { value, configurable: true, writable: true });
    restores.push(() => {
      if (before === undefined)
        delete (target as Members)[member]; // it was inherited
      else Object.defineProperty(target, member, before);
    });
  };
  for (const { name, target, members } of places) {
    for (const member of members) {
      const original = (target as Members)[member];
      if (typeof original !== "function") continue;
      replace(
        target,
        member,
        wire(original, () => trip(name + member)),
      );
    }
  }
  for (const name of constructors) {
    const construct = () => trip(`new ${name}`);
    replace(globalThis, name, new Proxy(globalThis[name], { construct }));
  }
  replace(globalThis, "Date", guardedDate(trip));
  return () => {
    for (const undo of restores.toReversed()) undo();
  };
}

/** Keeps its members, such as `process.hrtime.bigint`, and can be neither called nor constructed. */
function wire(original: object, trip: () => never): unknown {
  return new Proxy(original, { apply: trip, construct: trip });
}

/** D3. */
function guardedDate(trip: (what: string) => never): DateConstructor {
  return new Proxy(Date, {
    apply: () => trip("Date()"),
    construct: (target, args, newTarget) => {
      if (args.length === 0) return trip("new Date()");
      return Reflect.construct(target, args, newTarget);
    },
  });
}
