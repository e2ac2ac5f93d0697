// One step at work: the records as it finds them, and as it leaves them.
//
//   O1. The deadline comes first: what is overdue is settled before anything is judged, and stays
//       settled when the command is then refused. This alone never counts as a change by the command.

import type { ModelChange, ModelMessage } from "./command.ts";
import { type ModelClock, type ModelRecord, type ModelRules, onTime } from "./record.ts";

/** When a step is taken, and by which rules. */
export type ModelMoment = { readonly now: number; readonly rules: ModelRules };

export class Draft {
  readonly now: number;
  readonly rules: ModelRules;
  readonly messages: ModelMessage[] = [];
  readonly #before: (id: string) => ModelRecord;
  readonly #after = new Map<string, ModelRecord>();

  constructor(before: (id: string) => ModelRecord, { now, rules }: ModelMoment) {
    this.#before = before;
    this.now = now;
    this.rules = rules;
  }

  record(id: string): ModelRecord {
    return this.#after.get(id) ?? this.#before(id);
  }

  set(id: string, record: ModelRecord): void {
    this.#after.set(id, record);
  }

  /** O1. */
  touch(id: string): ModelRecord {
    const before = this.record(id);
    const after = onTime(before, this.now);
    if (after !== before) this.set(id, after);
    return after;
  }

  setClock(id: string, clock: ModelClock): void {
    const record = this.record(id);
    const { at, releases, offeredAt, isMissed } = record.clock;
    const isSame =
      at === clock.at &&
      releases === clock.releases &&
      offeredAt === clock.offeredAt &&
      isMissed === clock.isMissed;
    if (!isSame) this.set(id, { ...record, clock });
  }

  get changes(): readonly ModelChange[] {
    return [...this.#after].filter(([id, record]) => record !== this.#before(id));
  }
}
