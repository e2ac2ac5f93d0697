// What the server should do, said a second time: the contract (promise-api.md §2 and §4, protocol.md
// §2.3, §3.1 and §4) as one pure function over whole records. It imports nothing, so that no mistake
// of the kernel can be its own as well, and it takes nothing from an answer that was seen.
//
//   O1. The deadline comes first: what is overdue is settled before anything is judged, and stays
//       settled when the command is then refused. This alone never counts as a change by the command.
//   O2. Whatever is settled never changes again, but for its callbacks, which are drained.
//   O3. A search shows what is overdue as settled, and writes nothing.

export type ModelPairs = ReadonlyMap<string, string>;
export type ModelValue = { readonly headers: ModelPairs | null; readonly data: string | null };
export type ModelState = "pending" | ModelOutcome;
export type ModelOutcome = "resolved" | "rejected" | "canceled" | "timedout";

export type ModelPromise = {
  readonly state: ModelState;
  readonly param: ModelValue;
  /** Empty while pending. */
  readonly value: ModelValue;
  readonly tags: ModelPairs;
  readonly timeoutAt: bigint;
  readonly createdAt: number;
  /** Null: pending. */
  readonly settledAt: number | null;
  readonly createKey: string | null;
  readonly settleKey: string | null;
  readonly isExternal: boolean;
};

/** All that is kept under one id. */
export type ModelRecord = {
  readonly promise: ModelPromise | null;
  /** Ids of those that wait for it, in the order in which they came. */
  readonly callbacks: readonly string[];
};

/** The commands of the kernel fit without conversion: their brands are subtypes. */
export type ModelCommand = ModelCreate | ModelSettle | ModelGet | ModelTimeout | ModelPair;

export type ModelCreate = {
  readonly kind: "create_promise";
  readonly id: string;
  readonly timeoutAt: bigint;
  readonly param: ModelValue;
  readonly tags: ModelPairs;
  readonly key: string | null;
  readonly strict: boolean;
  readonly isExternal: boolean;
};
export type ModelSettle = {
  readonly kind: "settle_promise";
  readonly id: string;
  readonly outcome: Exclude<ModelOutcome, "timedout">;
  readonly value: ModelValue;
  readonly key: string | null;
  readonly strict: boolean;
};
export type ModelGet = { readonly kind: "get_promise"; readonly id: string };
export type ModelTimeout = { readonly kind: "settle_at_deadline"; readonly id: string };

/** The two ids differ: the rim refuses anything else. */
export type ModelPair = {
  readonly kind: "register_callback" | "drain_callback";
  readonly awaited: string;
  readonly awaiter: string;
};

export type ModelRefusal =
  | "promise_not_found"
  | "promise_already_exists"
  | `promise_already_${ModelOutcome}`
  | "awaiter_not_found"
  | "awaiter_not_targeted"
  | "awaited_not_awaitable";

export type ModelAnswer =
  | {
      readonly kind: "promise";
      readonly id: string;
      readonly promise: ModelPromise;
      /** This very command created, settled or registered: 201 in the original API. */
      readonly changed: boolean;
    }
  | { readonly kind: "refused"; readonly refusal: ModelRefusal }
  /** Nobody asked: an internal command. */
  | { readonly kind: "none" };

export type ModelStep = {
  /** Only records that are not as before, each once. */
  readonly changes: readonly ModelChange[];
  readonly answer: ModelAnswer;
};
export type ModelChange = readonly [id: string, record: ModelRecord];

type Records = (id: string) => ModelRecord;

export const nothing: ModelRecord = { promise: null, callbacks: [] };
const emptyValue: ModelValue = { headers: null, data: null };
const silence: ModelAnswer = { kind: "none" };

/** @param records what is kept under an id; `nothing` where nothing is */
export function step(records: Records, command: ModelCommand, now: number): ModelStep {
  switch (command.kind) {
    case "create_promise":
      return create(records(command.id), command, now);
    case "settle_promise":
      return settle(records(command.id), command, now);
    case "get_promise": {
      const before = records(command.id);
      const after = onTime(before, now);
      if (after.promise === null) return refused("promise_not_found", []);
      return answered(command.id, { before, after, changed: false });
    }
    case "settle_at_deadline": {
      const before = records(command.id);
      return { changes: difference(command.id, before, onTime(before, now)), answer: silence };
    }
    case "register_callback":
      return register(records, command, now);
    case "drain_callback":
      return drain(records, command, now);
  }
}

/** The ids that a command reads or writes. */
export function idsOf(command: ModelCommand): readonly string[] {
  switch (command.kind) {
    case "register_callback":
    case "drain_callback":
      return [command.awaited, command.awaiter];
    default:
      return [command.id];
  }
}

/** The earliest instant at which this record wants attention; null: never. */
export function dueAt({ promise, callbacks }: ModelRecord): bigint | null {
  if (promise === null) return null;
  if (promise.settledAt !== null) return callbacks.length > 0 ? BigInt(promise.settledAt) : null;
  return isAwaitable(promise) || callbacks.length > 0 ? promise.timeoutAt : null;
}

/** promise-api.md §4.2, first three rows and all others that say "create". */
function create(before: ModelRecord, command: ModelCreate, now: number): ModelStep {
  const { id, key, strict } = command;
  const after = onTime(before, now);
  if (after.promise === null) {
    const created = { promise: newborn(command, now), callbacks: before.callbacks };
    return answered(id, { before, after: onTime(created, now), changed: true });
  }
  const { createKey, state } = after.promise;
  const isRepetition = key !== null && key === createKey && !(strict && state !== "pending");
  if (isRepetition) return answered(id, { before, after, changed: false });
  return refused("promise_already_exists", difference(id, before, after));
}

/** §4.3: whoever is born at or after its deadline is dated back to it. */
function newborn(command: ModelCreate, now: number): ModelPromise {
  const { param, tags, timeoutAt, key, isExternal } = command;
  return {
    state: "pending",
    param,
    value: emptyValue,
    tags,
    timeoutAt,
    createdAt: timeoutAt <= now ? Number(timeoutAt) : now,
    settledAt: null,
    createKey: key,
    settleKey: null,
    isExternal,
  };
}

function settle(before: ModelRecord, command: ModelSettle, now: number): ModelStep {
  const { id, outcome, value, key, strict } = command;
  const after = onTime(before, now);
  const { promise } = after;
  if (promise === null) return refused("promise_not_found", []);
  if (promise.state === "pending") {
    const settledAt = Math.max(now, promise.createdAt); // clocks of two nodes differ
    const settled = { ...promise, state: outcome, value, settledAt, settleKey: key };
    const record = { promise: settled, callbacks: before.callbacks };
    return answered(id, { before, after: record, changed: true });
  }
  const isRepetition =
    key !== null && key === promise.settleKey && !(strict && promise.state !== outcome);
  if (isRepetition) return answered(id, { before, after, changed: false });
  return refused(`promise_already_${promise.state}`, difference(id, before, after));
}

/** protocol.md §3.1; its refusals in their order. */
function register(records: Records, { awaited, awaiter }: ModelPair, now: number): ModelStep {
  const before = records(awaited);
  const waiting = records(awaiter);
  const after = onTime(before, now);
  const waiter = onTime(waiting, now);
  const touched = () => [
    ...difference(awaited, before, after),
    ...difference(awaiter, waiting, waiter),
  ];
  if (after.promise === null) return refused("promise_not_found", touched());
  if (waiter.promise === null) return refused("awaiter_not_found", touched());
  if (!isTargeted(waiter.promise)) return refused("awaiter_not_targeted", touched());
  if (!isAwaitable(after.promise)) return refused("awaited_not_awaitable", touched());
  const areLive = after.promise.state === "pending" && waiter.promise.state === "pending";
  const isNew = areLive && !after.callbacks.includes(awaiter);
  const answer = { kind: "promise", id: awaited, promise: after.promise, changed: isNew } as const;
  if (!isNew) return { changes: touched(), answer };
  const record = { promise: after.promise, callbacks: [...after.callbacks, awaiter] };
  return { changes: [[awaited, record]], answer }; // both are live, so neither was overdue
}

/** protocol.md §4: the awaiter is touched, the awaited is not. */
function drain(records: Records, { awaited, awaiter }: ModelPair, now: number): ModelStep {
  const waiting = records(awaiter);
  const changes = difference(awaiter, waiting, onTime(waiting, now));
  const { promise, callbacks } = records(awaited);
  const isOwed = promise !== null && promise.state !== "pending" && callbacks.includes(awaiter);
  if (!isOwed) return { changes, answer: silence };
  const record = { promise, callbacks: callbacks.filter((each) => each !== awaiter) }; // O2
  return { changes: [...changes, [awaited, record]], answer: silence };
}

/** The record once its deadline has been looked at (O1); the same object if nothing is overdue. */
function onTime(record: ModelRecord, now: number): ModelRecord {
  const { promise } = record;
  if (promise === null) return record;
  const projected = project(promise, now);
  return projected === promise ? record : { promise: projected, callbacks: record.callbacks };
}

/** promise-api.md §4.4; a deadline has passed at its very instant. */
function project(promise: ModelPromise, now: number): ModelPromise {
  if (promise.state !== "pending" || promise.timeoutAt > now) return promise;
  const state = isTimer(promise.tags) ? "resolved" : "timedout";
  return { ...promise, state, settledAt: Number(promise.timeoutAt) };
}

function isTimer(tags: ModelPairs): boolean {
  return tags.get("resonate:timer") === "true" || tags.get("resonate:timeout") === "true";
}

function isTargeted({ tags }: ModelPromise): boolean {
  return tags.has("resonate:target");
}

function isAwaitable(promise: ModelPromise): boolean {
  const { tags, isExternal } = promise;
  if (isExternal || isTargeted(promise) || isTimer(tags)) return true;
  return tags.get("resonate:external") === "true" || tags.get("resonate:scope") === "global";
}

type Turn = {
  readonly before: ModelRecord;
  readonly after: ModelRecord;
  readonly changed: boolean;
};

function answered(id: string, { before, after, changed }: Turn): ModelStep {
  const promise = after.promise as ModelPromise; // every caller has looked
  return {
    changes: difference(id, before, after),
    answer: { kind: "promise", id, promise, changed },
  };
}

function refused(refusal: ModelRefusal, changes: readonly ModelChange[]): ModelStep {
  return { changes, answer: { kind: "refused", refusal } };
}

function difference(id: string, before: ModelRecord, after: ModelRecord): readonly ModelChange[] {
  return before === after ? [] : [[id, after]];
}

export type ModelSearch = {
  /** `*` is any run of characters, all else is literal; it must match the whole id. */
  readonly pattern: string;
  /** Rejected: in whichever way. Null: any state. */
  readonly state: "pending" | "resolved" | "rejected" | null;
  /** Every pair must be there. */
  readonly tags: ModelPairs;
  /** At least 1. */
  readonly limit: number;
};
export type ModelRow = readonly [id: string, promise: ModelPromise];
export type ModelPage = {
  readonly rows: readonly { readonly id: string; readonly promise: ModelPromise }[];
  readonly hasMore: boolean;
};

/**
 * @param newestFirst as stored; begins behind the cursor
 * @param weightMax characters; a page that weighs as much takes no further row
 */
export function search(
  newestFirst: Iterable<ModelRow>,
  query: ModelSearch,
  now: number,
  weightMax: number,
): ModelPage {
  const rows: { id: string; promise: ModelPromise }[] = [];
  let weight = 0;
  for (const [id, stored] of newestFirst) {
    const promise = project(stored, now); // O3
    if (!isFound(id, promise, query)) continue;
    const isFull = rows.length >= query.limit || weight >= weightMax;
    if (isFull && rows.length > 0) return { rows, hasMore: true };
    rows.push({ id, promise });
    weight += id.length + promiseWeight(stored);
  }
  return { rows, hasMore: false };
}

function isFound(
  id: string,
  promise: ModelPromise,
  { state, tags, pattern }: ModelSearch,
): boolean {
  if (state !== null && state !== groupOf(promise.state)) return false;
  for (const [name, text] of tags) if (promise.tags.get(name) !== text) return false;
  return isMatch(id, pattern);
}

function groupOf(state: ModelState): "pending" | "resolved" | "rejected" {
  return state === "pending" || state === "resolved" ? state : "rejected";
}

/** Goes on from the last `*` with one character more, whenever the rest does not fit. */
function isMatch(id: string, pattern: string): boolean {
  let at = 0;
  let wanted = 0;
  let star = -1;
  let swallowed = 0;
  while (at < id.length) {
    if (pattern[wanted] === "*") {
      star = wanted;
      swallowed = at;
      wanted += 1;
    } else if (wanted < pattern.length && pattern[wanted] === id[at]) {
      wanted += 1;
      at += 1;
    } else if (star >= 0) {
      swallowed += 1;
      at = swallowed;
      wanted = star + 1;
    } else {
      return false;
    }
  }
  while (pattern[wanted] === "*") wanted += 1;
  return wanted === pattern.length;
}

function promiseWeight({ tags, param, value }: ModelPromise): number {
  return pairsWeight(tags) + valueWeight(param) + valueWeight(value);
}

function valueWeight({ headers, data }: ModelValue): number {
  return (headers === null ? 0 : pairsWeight(headers)) + (data === null ? 0 : data.length);
}

function pairsWeight(pairs: ModelPairs): number {
  let sum = 0;
  for (const [name, text] of pairs) sum += name.length + text.length;
  return sum;
}

/** One text for each record, and no text for two: for interning, comparing and showing. */
export function canonical({ promise, callbacks }: ModelRecord): string {
  return `${JSON.stringify(callbacks)} ${promise === null ? "nothing" : canonicalPromise(promise)}`;
}

/** As `canonical`, of a promise alone. */
export function canonicalPromise(promise: ModelPromise): string {
  const { state, param, value, tags, timeoutAt, createdAt, settledAt } = promise;
  const { createKey, settleKey, isExternal } = promise;
  const texts = [plainValue(param), plainValue(value), [...tags], createKey, settleKey];
  const flag = isExternal ? "external" : "internal";
  return `${state} ${flag} ${createdAt} ${timeoutAt} ${settledAt} ${JSON.stringify(texts)}`;
}

function plainValue({ headers, data }: ModelValue): readonly unknown[] {
  return [headers === null ? null : [...headers], data];
}
