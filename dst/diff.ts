// What was expected beside what came, line by line. Canonical text is laid out first, one member a
// line, without being parsed: it may hold numbers that a parser would round, and words between.

const word = /"(?:[^"\\]|\\.)*"?|[[\]{},\n]|[^"[\]{},\n]+/g;

/** A list that is no longer stays in one line. */
const shortMax = 60;
const linesMax = 2000;
/** Equal lines that are shown around a difference. */
const around = 3;

export type Line = { readonly sign: " " | "-" | "+"; readonly text: string };

/** One line for each member of a list or object that is not short; what is in quotes is one word. */
export function layOut(text: string): readonly string[] {
  const words = [...text.matchAll(word)].map(([each]) => each);
  const ends = closings(words);
  const lines: string[] = [];
  let [depth, line] = [0, ""];
  const end = () => {
    if (line.trim() !== "") lines.push("  ".repeat(depth) + line.trim());
    line = "";
  };
  for (let index = 0; index < words.length; index++) {
    const each = words[index] ?? "";
    const closing = ends.get(index) ?? index;
    const whole = words.slice(index, Math.min(closing, index + shortMax) + 1).join("");
    if (each === "\n") {
      end();
    } else if (each === ",") {
      line += each;
      end();
    } else if (closing > index && whole.length <= shortMax && !whole.includes("\n")) {
      line += whole;
      index = closing;
    } else if (each === "[" || each === "{") {
      line += each;
      end();
      depth += 1;
    } else if (each === "]" || each === "}") {
      end();
      depth = Math.max(0, depth - 1);
      line = each;
    } else {
      line += each;
    }
  }
  end();
  return lines;
}

/** Of each bracket that opens, where it closes. */
function closings(words: readonly string[]): ReadonlyMap<number, number> {
  const open: number[] = [];
  const ends = new Map<number, number>();
  for (const [index, each] of words.entries()) {
    if (each === "[" || each === "{") open.push(index);
    const start = each === "]" || each === "}" ? open.pop() : undefined;
    if (start !== undefined) ends.set(start, index);
  }
  return ends;
}

/** `-` is only in `expected`, `+` only in `actual`. */
export function diff(expected: string, actual: string): readonly Line[] {
  const left = layOut(expected).slice(0, linesMax);
  const right = layOut(actual).slice(0, linesMax);
  const start = sharedStart(left, right);
  const end = sharedStart(left.slice(start).toReversed(), right.slice(start).toReversed());
  const shared = (text: string): Line => ({ sign: " ", text });
  return [
    ...left.slice(0, start).map(shared),
    ...changed(left.slice(start, left.length - end), right.slice(start, right.length - end)),
    ...left.slice(left.length - end).map(shared),
  ];
}

/** As text, without the long runs of lines that are equal. */
export function showDiff(lines: readonly Line[]): readonly string[] {
  const isNear = lines.map((_, index) => {
    const near = lines.slice(Math.max(0, index - around), index + around + 1);
    return near.some(({ sign }) => sign !== " ");
  });
  return lines.flatMap(({ sign, text }, index) => {
    if (isNear[index]) return [`${sign} ${text}`];
    return index === 0 || isNear[index - 1] ? ["  ..."] : [];
  });
}

function sharedStart(left: readonly string[], right: readonly string[]): number {
  const index = left.findIndex((line, at) => line !== right[at]);
  return index < 0 ? left.length : index;
}

/** By a longest common subsequence. */
function changed(left: readonly string[], right: readonly string[]): readonly Line[] {
  const lengths = commonLengths(left, right);
  const width = right.length + 1;
  const lines: Line[] = [];
  let [at, to] = [0, 0];
  while (at < left.length || to < right.length) {
    const [gone = "", come = ""] = [left[at], right[to]];
    const down = lengths[(at + 1) * width + to] ?? 0;
    const across = lengths[at * width + to + 1] ?? 0;
    if (at < left.length && to < right.length && gone === come) {
      lines.push({ sign: " ", text: gone });
      at += 1;
      to += 1;
    } else if (to === right.length || (at < left.length && down >= across)) {
      lines.push({ sign: "-", text: gone });
      at += 1;
    } else {
      lines.push({ sign: "+", text: come });
      to += 1;
    }
  }
  return lines;
}

/** At `row * width + column`: how many lines the rest of both has in common. */
function commonLengths(left: readonly string[], right: readonly string[]): Uint16Array {
  const width = right.length + 1;
  const lengths = new Uint16Array((left.length + 1) * width);
  for (let row = left.length - 1; row >= 0; row--) {
    for (let column = right.length - 1; column >= 0; column--) {
      const both = lengths[(row + 1) * width + column + 1] ?? 0;
      const down = lengths[(row + 1) * width + column] ?? 0;
      const across = lengths[row * width + column + 1] ?? 0;
      lengths[row * width + column] =
        left[row] === right[column] ? both + 1 : Math.max(down, across);
    }
  }
  return lengths;
}
