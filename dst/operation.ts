// One request of one client, from the call to its end. A retry is another operation.

import type { Command, Request, Response } from "../kernel/command.ts";
import type { ModelAnswer } from "./model/command.ts";

export type Ending =
  | { readonly kind: "answered"; readonly response: Response }
  /** Turned away before it was queued: without effect. */
  | { readonly kind: "turned_away" }
  /** The client knows nothing: it gave up, or the connection was cut. */
  | { readonly kind: "pending" };

export type Operation = {
  /** In the order of the calls. */
  readonly number: number;
  /** Of its intent. */
  readonly key: number;
  readonly attempt: number;
  /** Null: the network delivered a request twice; nobody waits for this one. */
  readonly client: number | null;
  readonly request: Request;
  /** Counts what can be seen of the world (witness.ts); no two moments share a number. */
  readonly calledAt: number;
  ending: Ending | null;
  /** When the kernel answered, counted likewise; null: it has not. */
  answeredAt: number | null;
  /** Tells its client, once; null: nobody waits, or the client has gone. */
  onEnd: ((response: Response | null) => void) | null;
  /** What the model says, as soon as all that it rests on is durable. */
  expected: Expected | null;
  /** Its command has changed something that is durable. */
  hasLanded: boolean;
};

export type Expected =
  | {
      readonly kind: "answer";
      readonly answer: ModelAnswer;
      readonly at: number;
      /** The instant at which the command ran. */
      readonly now: number;
    }
  /** Compared as canonical text. */
  | { readonly kind: "page"; readonly text: string; readonly at: number };

/** A command of the server itself that has changed something, and the moment at which it did. */
export type Own = { readonly command: Command; readonly now: number; readonly at: number };

/** In the trace and in pictures of it. */
export function laneOf({ client }: Operation): string {
  return client === null ? "network" : `client ${client}`;
}
