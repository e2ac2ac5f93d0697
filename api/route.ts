// The shape of a path: which operation it could be for (promise-api.md §1.1). Paths are cut while they
// are still percent-encoded, so an escaped slash never counts as one; hono is given the shape instead
// of the path and matches methods against it.

/** How a path looks, by a name that hono takes for a path without parameters. */
export const shapes = {
  promises: "/promises",
  promise: "/promise",
  create: "/promise/create",
  resolve: "/promise/resolve",
  reject: "/promise/reject",
  cancel: "/promise/cancel",
  events: "/events",
  openapi: "/openapi.json",
  docs: "/docs",
  poll: "/poll",
  envelope: "/",
  health: "/health",
  ready: "/ready",
} as const;

export type Shape = (typeof shapes)[keyof typeof shapes];
export const unknownShape = "/unknown";

const readOnly = "GET, HEAD, OPTIONS";
const named = "GET, HEAD, OPTIONS, PATCH";
const verb = "GET, HEAD, OPTIONS, PATCH, POST";

/** The methods of a shape, as the header `Allow` lists them. */
export const allowed: Readonly<Record<Shape, string>> = {
  [shapes.promises]: "GET, HEAD, OPTIONS, POST",
  [shapes.promise]: named,
  [shapes.create]: verb,
  [shapes.resolve]: verb,
  [shapes.reject]: verb,
  [shapes.cancel]: verb,
  [shapes.events]: readOnly,
  [shapes.openapi]: readOnly,
  [shapes.docs]: readOnly,
  [shapes.poll]: readOnly,
  [shapes.envelope]: "OPTIONS, POST",
  [shapes.health]: readOnly,
  [shapes.ready]: readOnly,
};

const prefix = "/promises/";
const verbs: ReadonlyMap<string, Shape> = new Map([
  ["create", shapes.create],
  ["resolve", shapes.resolve],
  ["reject", shapes.reject],
  ["cancel", shapes.cancel],
]);
const fixed: ReadonlyMap<string, Shape> = new Map([
  ["/promises", shapes.promises],
  ["/events", shapes.events],
  ["/openapi.json", shapes.openapi],
  ["/docs", shapes.docs],
  ["/health", shapes.health],
  ["/", shapes.envelope],
  ["/ready", shapes.ready],
]);

/** `/poll/:group/:id`, neither of them empty. */
const worker = /^\/poll\/[^/]+\/[^/]+$/;

/** The most specific shape counts. */
export function shapeOf(path: string): Shape | typeof unknownShape {
  if (worker.test(path)) return shapes.poll;
  if (!path.startsWith(prefix)) return fixed.get(path) ?? unknownShape;
  const slash = path.indexOf("/", prefix.length);
  const rest = slash === -1 ? undefined : verbs.get(path.slice(slash + 1));
  return rest ?? shapes.promise;
}

/** Everything after `/promises/`, still encoded. */
export function wholeId(path: string): string {
  return path.slice(prefix.length);
}

/** The one segment between `/promises/` and the verb, still encoded. */
export function segmentId(path: string): string {
  return path.slice(prefix.length, path.lastIndexOf("/"));
}

/** The two segments behind `/poll/`, still encoded. */
export function workerSegments(path: string): readonly [group: string, id: string] {
  const [group = "", id = ""] = path.slice("/poll/".length).split("/");
  return [group, id];
}

/** @param url absolute, `http:` or `https:`, as it came */
export function pathOf(url: string): string {
  const start = url.indexOf("/", "https://".length); // one letter of a host stands there at least
  const query = url.indexOf("?", start);
  const end = query === -1 ? url.length : query;
  const fragment = url.indexOf("#", start);
  return url.slice(start, fragment === -1 ? end : Math.min(end, fragment));
}

/** Without the question mark; empty if there is none. */
export function queryOf(url: string): string {
  const start = url.indexOf("?");
  const fragment = url.indexOf("#");
  const end = fragment === -1 ? url.length : fragment;
  return start === -1 || start > end ? "" : url.slice(start + 1, end);
}
