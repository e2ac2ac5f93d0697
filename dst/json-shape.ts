// Small checkers of untrusted JSON, one for each shape, that are put together to those of larger
// ones. Each hands back a copy with its members in the order of the shape, and says of what is wrong
// which field it is. For whoever reads a file that somebody may have edited or cut.

export class Damage extends Error {
  override readonly name = "Damage";
}

/**
 * @param path names the field, such as `plan.intents[3].at`; empty: the file itself
 * @throws Damage
 */
export type Shape<Value> = (value: unknown, path: string) => Value;
type Shapes<Members> = { readonly [Name in keyof Members]: Shape<Members[Name]> };

/** @param rule what the field must be, as in "must be text" without "must be" */
export function damage(path: string, rule: string, value: unknown): never {
  throw new Damage(`${path === "" ? "the file" : path} must be ${rule}, not ${show(value)}`);
}

export function text(charactersMax = Number.MAX_SAFE_INTEGER): Shape<string> {
  return (value, path) => {
    if (typeof value !== "string") return damage(path, "text", value);
    if (value.length <= charactersMax) return value;
    return damage(path, `at most ${charactersMax} characters long`, value);
  };
}

/** @param rule in words what the pattern asks for */
export function matching(pattern: RegExp, rule: string): Shape<string> {
  return (value, path) => {
    return typeof value === "string" && pattern.test(value) ? value : damage(path, rule, value);
  };
}

/** Both ends included. */
export function whole(min: number, max = Number.MAX_SAFE_INTEGER): Shape<number> {
  return (value, path) => {
    const isWhole = typeof value === "number" && Number.isSafeInteger(value);
    if (isWhole && value >= min && value <= max) return value === 0 ? 0 : value; // there is a -0
    return damage(path, `a whole number from ${min} to ${max}`, value);
  };
}

export const flag: Shape<boolean> = (value, path) => {
  return typeof value === "boolean" ? value : damage(path, "true or false", value);
};

export function oneOf<Value extends string | number | null>(
  ...values: readonly Value[]
): Shape<Value> {
  return (value, path) => {
    const found = values.find((each) => each === value);
    return found === undefined ? damage(path, `one of ${values.join(", ")}`, value) : found;
  };
}

export function nullable<Value>(shape: Shape<Value>): Shape<Value | null> {
  return (value, path) => (value === null ? null : shape(value, path));
}

export function list<Element>(shape: Shape<Element>): Shape<readonly Element[]> {
  return (value, path) => {
    if (!Array.isArray(value)) return damage(path, "a list", value);
    return value.map((element, index) => shape(element, `${path}[${index}]`));
  };
}

export function pair<Left, Right>(
  left: Shape<Left>,
  right: Shape<Right>,
): Shape<readonly [Left, Right]> {
  return (value, path) => {
    if (!Array.isArray(value) || value.length !== 2) return damage(path, "a list of two", value);
    return [left(value[0], `${path}[0]`), right(value[1], `${path}[1]`)];
  };
}

/** Each member must be there, and no other one. */
export function object<Members extends object>(shapes: Shapes<Members>): Shape<Members> {
  const table = new Map(Object.entries(shapes)) as ReadonlyMap<string, Shape<unknown>>;
  const read = partial(table);
  return (value, path) => {
    const given = members(value, path);
    const missing = [...table.keys()].find((name) => !Object.hasOwn(given, name));
    if (missing !== undefined) throw new Damage(`${join(path, missing)} is missing`);
    return read(value, path) as Members; // one member for each shape
  };
}

/** Members that may be absent; those that are there, in the order of `shapes`. */
export function partial<Name extends string, Value>(
  shapes: ReadonlyMap<Name, Shape<Value>>,
): Shape<Partial<Record<Name, Value>>> {
  return (value, path) => {
    const given = members(value, path);
    const foreign = Object.keys(given).find((name) => !shapes.has(name as Name));
    if (foreign !== undefined) throw new Damage(`${join(path, foreign)} is not known`);
    const read = [...shapes]
      .filter(([name]) => Object.hasOwn(given, name))
      .map(([name, shape]) => [name, shape(given[name], join(path, name))]);
    return Object.fromEntries(read) as Partial<Record<Name, Value>>; // of these names only
  };
}

/** A union. @param union the member that tells its members apart, with the shape for each value */
export function tagged<Value>(
  union: Readonly<Record<string, Readonly<Record<string, Shape<Value>>>>>,
): Shape<Value> {
  const [[tag, shapes] = ["", {}]] = Object.entries(union);
  const known = oneOf(...Object.keys(shapes));
  return (value, path) => {
    const kind = known(members(value, path)[tag], join(path, tag));
    return (shapes[kind] as Shape<Value>)(value, path); // known, so there
  };
}

export function members(value: unknown, path: string): Readonly<Record<string, unknown>> {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return isObject ? (value as Readonly<Record<string, unknown>>) : damage(path, "an object", value);
}

function join(path: string, name: string): string {
  const shown = /^\w+$/.test(name) ? name : show(name);
  return path === "" ? shown : `${path}.${shown}`;
}

const shownMax = 40;

export function show(value: unknown): string {
  if (value === undefined) return "absent";
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "object" && value !== null) return "an object";
  const shown = JSON.stringify(value);
  return shown.length <= shownMax ? shown : `${shown.slice(0, shownMax)}…`;
}
