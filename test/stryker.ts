// What Stryker leaves alone (stryker.json): assertions, and the ends of closed switches. Code that is
// right never fails one, so no run can tell whether it is still there.

type Node = {
  readonly type: string;
  /** Of a call. */
  readonly callee?: { readonly name?: string };
  /** Of a statement. */
  readonly expression?: Node;
  /** Of a throw. */
  readonly argument?: Node | null;
  /** Of a case; null: `default`. */
  readonly test?: unknown;
};

const asserting = ["assert", "unreachable", "AssertionError"];

/** @returns why, for the report; undefined: it is changed */
function exemption({ node }: { readonly node: Node }): string | undefined {
  const statements: Readonly<Record<string, Node | null | undefined>> = {
    ExpressionStatement: node.expression,
    ThrowStatement: node.argument,
  };
  const call = Object.hasOwn(statements, node.type) ? statements[node.type] : node;
  const isCall = call?.type === "CallExpression" || call?.type === "NewExpression";
  if (isCall && asserting.includes(call.callee?.name ?? "")) return "an assertion";
  return node.type === "SwitchCase" && node.test === null ? "a case that never comes" : undefined;
}

/** By the interface of Stryker's plugins; the name stands in stryker.json. */
export const strykerPlugins = [
  { kind: "Ignore", name: "assertions", value: { shouldIgnore: exemption } },
];
