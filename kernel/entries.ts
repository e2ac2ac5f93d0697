// Gives commands their ids as they enter the kernel: unique for ever, since a node's name is.

import type { Entry, Origin } from "./batch.ts";
import { type Command, type InternalCommand, keys } from "./command.ts";
import { commandId } from "./ids.ts";

export class Entries {
  readonly #node: string;
  #count = 0;

  constructor(node: string) {
    this.#node = node;
  }

  enter(command: Command, origin: Origin): Entry {
    this.#count += 1;
    const id = commandId(`${this.#node}-${this.#count}`);
    return { command, keys: keys(command), id, attempt: 1, origin };
  }

  /** The oldest command of a backlog; undefined if there is none. */
  next(backlog: { shift(): InternalCommand | undefined }, origin: Origin): Entry | undefined {
    const command = backlog.shift();
    return command && this.enter(command, origin);
  }
}
