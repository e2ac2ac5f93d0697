// The main oracle. The server says in which order it did things: this replays the model in that order,
// and demands that every answer, and every record, be exactly the model's (simulation.md §5.2).
//
//   W1. A command that wrote, or whose component wrote, stands at its commit; any other stands at the
//       snapshot that its load has seen. There, its answer is the model's.
//   W2. That place lies between the call and the answer.
//   W3. Nothing is answered before all that it rests on is durable.
//   W4. What is said to have had no effect has none.
//   W5. A command takes effect once.
//   W6. A search shows the model's promises at its snapshot; a history shows the log's events. Where
//       there is more, the next page begins where this one has ended.
//   W7. What is swept is due, in the order of due dates. (W8: waiting.ts; W9: preloads.ts)
//   M1. A message leaves only after the commit that caused it, once, and says what the model says.
//   M2. It leaves as soon as its server knows that the commit has landed.

import { assert } from "../kernel/assert.ts";
import type { Response } from "../kernel/command.ts";
import type { InstantMs } from "../kernel/ids.ts";
import type { Message } from "../kernel/message.ts";
import type { Completion, Due, Ran, Submission, TraceRecord } from "../kernel/ports.ts";
import { isRead, type Read } from "../kernel/read.ts";
import type { LoggedEvent } from "../kernel/search.ts";
import type { Stream } from "../kernel/stream.ts";
import type { Store } from "../store/store.ts";
import type { Flight } from "./aio.ts";
import {
  sameAnswer,
  sameRecord,
  showAnswer,
  showKept,
  showMessage,
  showResponse,
} from "./compare.ts";
import { idsOf, type ModelAnswer } from "./model/command.ts";
import { canonical, dueAt, type ModelRules, nothing } from "./model/record.ts";
import { step } from "./model.ts";
import { idsIn, nameOf } from "./names.ts";
import type { Operation, Own } from "./operation.ts";
import { lastOf, pageOf, shown } from "./pages.ts";
import { Past } from "./past.ts";
import { Preloads } from "./preloads.ts";
import { Ropes } from "./ropes.ts";
import { StreamOracle } from "./stream-oracle.ts";
import { toModelMessage } from "./to-model.ts";
import { Violation } from "./verdict.ts";
import { offered } from "./waiting.ts";

export type Batch = TraceRecord & { readonly kind: "executed" };

/** What one process has said of itself. */
export type Ledger = {
  readonly loads: Map<number, View>;
  readonly commits: Map<number, Claim>;
  /** Messages that may leave since a commit has landed, by its ticket, in words. */
  readonly owed: Map<number, string[]>;
  /** Commits of which it has heard in this tick that they have landed. */
  readonly told: Set<number>;
  lastNow: number;
};

/** The moment of a load, and the names of the records that it could not read. */
type View = { readonly at: number; readonly unreadable: ReadonlySet<string> };
type Claim = { readonly batch: Batch; readonly view: View };

export type WitnessOptions = {
  readonly store: Store;
  readonly pageWeightMax: number;
  readonly rules: ModelRules;
  /** Told what the server does by itself; for the search for another order. */
  readonly onOwn: (own: Own) => void;
};

export class Witness {
  readonly past = new Past();
  readonly streams: StreamOracle;
  readonly #ropes: Ropes;
  readonly #preloads: Preloads;
  /** By the request that the kernel holds. */
  readonly operations = new Map<object, Operation>();
  /** The model lies about this operation. */
  canary: Operation | null = null;
  readonly #options: WitnessOptions;
  /** Answered as of unknown outcome. */
  readonly #unsure = new Set<Operation>();
  #moment = 0;

  constructor(options: WitnessOptions) {
    this.#options = options;
    this.streams = new StreamOracle(options.store, this.past, options.rules.awaitsAny);
    this.#ropes = new Ropes(this.streams);
    this.#preloads = new Preloads(this.past, options);
  }

  open(): Ledger {
    return { loads: new Map(), commits: new Map(), owed: new Map(), told: new Set(), lastNow: 0 };
  }

  /** Numbers what can be seen: calls, answers, snapshots, commits. */
  next(): number {
    this.#moment += 1;
    return this.#moment;
  }

  /** The store has been read. */
  observe(ledger: Ledger, { ticket, submission, read }: Flight, completion: Completion): void {
    const at = this.next();
    switch (completion.kind) {
      case "loaded": {
        const unreadable = new Set<string>();
        for (const loaded of completion.streams) {
          if (loaded.kind === "unreadable") unreadable.add(nameOf(loaded.key));
          else this.#loaded(loaded.stream);
        }
        ledger.loads.set(ticket, { at, unreadable });
        break;
      }
      case "due":
        assert(submission.kind === "due", "a sweep is answered by something else");
        this.#swept(completion.due, submission.now, submission.bounds.limit);
        break;
      case "listed":
        if (read !== null) this.#read(read, submission, at);
        else if (submission.kind === "list") this.#preloads.asked(submission.queries, at);
        break;
      case "found":
      case "logged":
        if (read !== null) this.#read(read, submission, at);
        break;
      case "waiting":
        assert(submission.kind === "waiting", "an arrival is answered by something else");
        offered(this.past, submission.query, completion.page);
        break;
      case "committed":
      case "sent":
      case "failed":
        break;
    }
  }

  /** A batch has run. What it read is judged at once, what it writes when it has landed. */
  executed(ledger: Ledger, batch: Batch): void {
    const view = ledger.loads.get(batch.load);
    if (view === undefined)
      throw new Violation("W", "load", "a batch ran on nothing it had loaded");
    ledger.loads.delete(batch.load);
    if (batch.now < ledger.lastNow) throw new Violation("T", "time", "time went back in one life");
    ledger.lastNow = batch.now;
    for (const ran of batch.reading) this.#readBy(ran, view, batch.now);
    if (batch.commit !== null) ledger.commits.set(batch.commit, { batch, view });
  }

  /** A commit has become durable, but for these components. */
  land(ledger: Ledger, { ticket, submission }: Flight, conflicts: readonly number[]): void {
    const at = this.next();
    const claim = ledger.commits.get(ticket);
    assert(submission.kind === "commit", "something else than a commit has landed");
    if (claim === undefined)
      throw new Violation("W", "commit", "a commit that no batch has asked for");
    ledger.commits.delete(ticket);
    const refused = new Set(conflicts);
    const events: LoggedEvent[] = [];
    const owed: string[] = [];
    for (const [index, group] of claim.batch.writing.entries()) {
      if (refused.has(index)) continue;
      const created = group.executed.flatMap((ran) => this.#wroteBy(ran, claim, { at, owed }));
      const written = (submission.components[index]?.changes ?? []).flatMap((change) => {
        return change.write === null ? [] : this.streams.written(change, change.write);
      });
      this.#created(created, written);
      this.#ropes.tied(written);
      events.push(...written);
    }
    this.past.log.push(...events.sort((left, right) => left.position - right.position));
    if (owed.length > 0) ledger.owed.set(ticket, owed);
  }

  /** M1, when a process hands a message over. */
  sending(ledger: Ledger, message: Message): void {
    const text = showMessage(toModelMessage(message));
    const tickets = [...ledger.told, ...ledger.owed.keys()]; // the others may be unknown to it
    for (const ticket of tickets) {
      const messages = ledger.owed.get(ticket) ?? [];
      const at = messages.indexOf(text);
      if (at < 0) continue;
      messages.splice(at, 1);
      return;
    }
    const detail = { actual: text, ids: [message.id] };
    throw new Violation("M", "cause", "a message leaves that nothing has caused", detail);
  }

  /** M2, after a tick. */
  sent({ owed, told }: Ledger): void {
    for (const ticket of told) {
      const [expected] = owed.get(ticket) ?? [];
      owed.delete(ticket);
      if (expected === undefined) continue;
      const message = "a commit has landed and its message does not leave";
      throw new Violation("M", "lost", message, { expected });
    }
    told.clear();
  }

  /** The kernel answers. */
  answered(operation: Operation, response: Response): void {
    if (operation.answeredAt !== null) violated(operation, "twice", "a request is answered twice");
    operation.answeredAt = this.next();
    if (response.kind === "failed") this.#failed(operation, response);
    else this.#judge(operation, response);
    const isUnknown = response.kind === "failed" && response.failure === "outcome_unknown";
    if (isUnknown) this.#unsure.add(operation);
    operation.ending ??= isUnknown ? { kind: "pending" } : { kind: "answered", response };
  }

  /** W1, for a command that stands at the snapshot of its load. */
  #readBy(ran: Ran, { at, unreadable }: View, now: InstantMs): void {
    const { command } = ran.entry;
    if (isUnread(ran, unreadable)) return;
    const { rules } = this.#options;
    once(this.operations.get(command));
    const { changes, answer } = step((name) => this.past.at(name, at), command, { now, rules });
    if (changes.length > 0) {
      const detail = { expected: `${changes.length} changes`, actual: "none", ids: idsOf(command) };
      throw new Violation("W", "unwritten", "a command wrote nothing that has to write", detail);
    }
    this.#place(ran, answer, { at, now });
  }

  /** W1, for a command that stands at its commit. @returns the names of what it has created */
  #wroteBy(
    ran: Ran,
    { batch: { now }, view }: Claim,
    { at, owed }: { readonly at: number; readonly owed: string[] },
  ): readonly string[] {
    const { command } = ran.entry;
    if (isUnread(ran, view.unreadable)) return [];
    const { rules } = this.#options;
    const operation = this.operations.get(command);
    once(operation);
    const { changes, answer, messages } = step((id) => this.past.now(id), command, { now, rules });
    owed.push(...messages.map(showMessage));
    const created: string[] = [];
    for (const [id, record] of changes) {
      if (this.past.now(id) === nothing) created.push(id);
      this.past.set(id, record, at);
    }
    if (changes.length > 0) {
      if (operation !== undefined) this.#landed(operation);
      else this.#options.onOwn({ command, now, at });
    }
    this.#place(ran, answer, { at, now });
    return created;
  }

  /** The command stands here: what it says must be what the model says. */
  #place(ran: Ran, answer: ModelAnswer, { at, now }: { at: number; now: InstantMs }): void {
    const { command } = ran.entry;
    const operation = this.operations.get(command) ?? null;
    if (!sameAnswer(answer, ran.response)) {
      throw new Violation("W", "answer", "the answer is not what the model says", {
        expected: showAnswer(answer),
        actual: showResponse(ran.response),
        ids: idsOf(command),
        ...(operation && { intent: operation.key }),
      });
    }
    if (operation !== null) operation.expected = { kind: "answer", answer, at, now };
  }

  /** The streams of a component come into the log in the order in which they were created. */
  #created(ids: readonly string[], events: readonly LoggedEvent[]): void {
    for (const id of ids) {
      const first = events.find(({ key, version }) => version === 1 && nameOf(key) === id);
      const position = first?.position ?? 0;
      if (position <= this.past.lastPosition) {
        throw new Violation("W", "creation", "streams are logged in another order than created", {
          ids,
        });
      }
      this.past.create(id, position);
    }
  }

  /** W6. */
  #read(read: Read, submission: Submission, at: number): void {
    const operation = this.operations.get(read);
    if (operation === undefined) return;
    const text = pageOf(this.past, {
      read,
      submission,
      at,
      weightMax: this.#options.pageWeightMax,
    });
    operation.expected = { kind: "page", text, at };
  }

  /** W7. */
  #swept({ streams }: Due, now: InstantMs, limit: number): void {
    if (streams.length > limit)
      throw new Violation("B", "due", "a sweep brings more than its limit");
    let last = -1n;
    for (const { key } of streams) {
      const due = dueAt(this.past.now(nameOf(key)));
      if (due === null || due > now) {
        throw new Violation("W", "due", "a sweep brings what is not due", { ids: [nameOf(key)] });
      }
      if (due < last) {
        throw new Violation("W", "due", "a sweep is not in order", { ids: [nameOf(key)] });
      }
      last = due;
    }
  }

  #failed(operation: Operation, response: Response & { readonly kind: "failed" }): void {
    if (response.failure === "outcome_unknown") {
      if (isRead(operation.request)) violated(operation, "failure", "a read of unknown outcome");
    } else if (operation.hasLanded) {
      violated(operation, "effect", "an answer says that nothing has happened, and it has"); // W4
    }
  }

  /** W4, whether or not the client has heard the answer. */
  #landed(operation: Operation): void {
    operation.hasLanded = true;
    const isAnswered = operation.answeredAt !== null && !this.#unsure.has(operation);
    if (isAnswered || operation.ending?.kind === "turned_away") {
      violated(operation, "effect", "a command takes effect after its answer");
    }
  }

  #judge(operation: Operation, response: Response): void {
    const { expected } = operation;
    if (expected === null) {
      violated(operation, "early", "an answer leaves before what it tells of is durable"); // W3
    }
    if (expected.at < operation.calledAt) {
      violated(operation, "stale", "an answer is older than its call"); // W2
    }
    const isLie = operation === this.canary;
    const text = expected.kind === "page" ? expected.text : showAnswer(expected.answer);
    const isSame =
      expected.kind === "page"
        ? shown(response) === expected.text
        : sameAnswer(expected.answer, response);
    if (isSame && !isLie) {
      this.#preloads.sent(operation, response);
      if (expected.kind === "page") this.#pointed(operation, response);
      return;
    }
    throw new Violation("W", isLie ? "canary" : "released", "the answer is not the model's", {
      expected: isLie ? "what only the canary says" : text,
      actual: shown(response),
      ids: idsIn(operation.request),
      intent: operation.key,
    });
  }

  /** W6. What a page says of where the next one begins is where it ended. */
  #pointed(operation: Operation, response: Response): void {
    const last = lastOf(response, (id) => this.past.positionOf(id));
    if (last === null || last.next === null) return;
    const { request } = operation;
    const isWhole = request.kind === "read_events" && request.of === null;
    if (last.next === (isWhole ? last.position : last.place)) return;
    violated(operation, "cursor", "a page does not say where it has ended");
  }

  #loaded(stream: Stream): void {
    const id = nameOf(stream.key);
    const model = this.past.now(id);
    if (sameRecord(model, stream)) return;
    const detail = { expected: canonical(model), actual: showKept(stream), ids: [id] };
    throw new Violation("W", "loaded", "the store holds what nobody has committed", detail);
  }
}

/** A command whose record could not be read fails alone, and has no effect. */
function isUnread({ entry, response }: Ran, unreadable: ReadonlySet<string>): boolean {
  const ids = idsOf(entry.command);
  const isHit = ids.some((id) => unreadable.has(id));
  const isSaid = response?.kind === "failed" && response.failure === "record_unreadable";
  if (isHit === isSaid) return isHit;
  const detail = { actual: showResponse(response), ids };
  throw new Violation("W", "unreadable", "an unreadable record is passed over, or made up", detail);
}

/** W5. What has taken effect is not decided again, not even to be refused. */
function once(operation: Operation | undefined): void {
  if (operation?.hasLanded !== true) return;
  violated(operation, "twice", "a command that has taken effect is done again");
}

function violated(operation: Operation, rule: string, message: string): never {
  const { request, key, expected } = operation;
  throw new Violation("W", rule, message, {
    ids: idsIn(request),
    intent: key,
    ...(expected?.kind === "answer" && { expected: showAnswer(expected.answer) }),
  });
}
