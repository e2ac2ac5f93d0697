// Numbers under labels: what a metric is made of between two scrapes. A cell is made when it is first
// asked for and found from then on without allocating, so that counting costs a request next to nothing.

export type Label = string | number;

export type Cell = { value: number; readonly labels: Readonly<Record<string, Label>> };

type Branch = { readonly below: Map<Label, Branch>; cell: Cell | null };

export class Cells {
  readonly names: readonly string[];
  readonly #root: Branch = { below: new Map(), cell: null };
  readonly #all: Cell[] = [];

  /** @param names of the labels, in the order in which `at` is given their values */
  constructor(names: readonly string[]) {
    this.names = names;
  }

  /** The cell under these labels; the same one at each call. */
  at(first: Label, second?: Label, third?: Label): Cell {
    let branch = descend(this.#root, first);
    if (second !== undefined) branch = descend(branch, second);
    if (third !== undefined) branch = descend(branch, third);
    branch.cell ??= this.#add([first, second, third]);
    return branch.cell;
  }

  /** In the order in which they were made. */
  [Symbol.iterator](): Iterator<Cell> {
    return this.#all[Symbol.iterator]();
  }

  #add(labels: readonly (Label | undefined)[]): Cell {
    const named = this.names.map((name, index) => [name, labels[index] ?? ""]);
    const cell = { value: 0, labels: Object.fromEntries(named) };
    this.#all.push(cell);
    return cell;
  }
}

function descend({ below }: Branch, label: Label): Branch {
  let branch = below.get(label);
  if (branch === undefined) {
    branch = { below: new Map(), cell: null };
    below.set(label, branch);
  }
  return branch;
}
