// The picture of a failure: which records are in it, that it stands alone and stays small, that a
// hostile name stays text, and that its script works, in a document that is just large enough.

import { createContext, Script } from "node:vm";
import { expect, test } from "vitest";
import { excerpt } from "../../dst/excerpt.ts";
import type { Intent } from "../../dst/plan.ts";
import { type Picture, picture, timeline } from "../../dst/timeline.ts";
import type { RecordKind, TraceRecord } from "../../dst/trace.ts";
import { failure, get, planOf } from "./failing.ts";

type Short = readonly [
  actor: string,
  kind: RecordKind,
  entity: string,
  ids?: string,
  text?: string,
];

function recordsOf(shorts: readonly Short[]): readonly TraceRecord[] {
  return shorts.map(([actor, kind, entity, id = "", text = ""], index) => {
    return { at: 10 * index, actor, kind, entity, text, ids: id === "" ? [] : id.split(" ") };
  });
}

const waits: Intent = {
  ...{ key: 2, at: 0, client: 1 },
  action: { kind: "callback", awaited: "a", awaiter: "w" },
};
const plan = planOf([get(1, "a"), waits, get(3, "z", 0, 2)], { nodes: 2 });
const records = recordsOf([
  ["node 0", "start", "n0.1"],
  ["client 0", "call", "op 0", "a", 'get "a"'],
  ["client 2", "call", "op 1", "z"],
  ["node 0", "submission", "n0.1 load 1", "a"],
  ["faults", "fault", "slow", "", "n0 load a"],
  ["node 0", "effect", "n0.1 load 1", "a"],
  ["node 0", "crash", "n0.1", "", "kill"],
  ["client 1", "call", "op 2", "a w"],
  ["node 1", "pause", "n1.1"],
  ["node 0", "start", "n0.2"],
  ["node 1", "submission", "n1.1 load 1", "w"],
  ["client 0", "answer", "op 0", "a", "pending"],
  ["client 1", "answer", "op 2", "a w", "pending"],
]);
const failed = { ...failure, intent: 1, ids: ["a"], record: 12, at: 120 };
const sample = { plan, failure: failed, records };

test("the promises of the failure are shown, what callbacks connect with them, and what has no promise", () => {
  const { entries } = excerpt(sample);
  expect(entries.map(({ index }) => index)).toEqual([0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  expect(entries.map(({ record }) => record.ids)).not.toContain(["z"]);
});

test("there is a lane for each client that is seen, each node, the store and the faults", () => {
  const { lanes, records: marks } = picture(sample);
  expect(lanes.map(({ name }) => name)).toEqual([
    ...["client 0", "client 1", "node 0", "node 1", "store", "faults"],
  ]);
  const effect = marks.find(({ kind }) => kind === "effect");
  expect(lanes[effect?.lane ?? -1]?.name).toBe("store");
});

test("operations and submissions last until they are answered, in rows of their own if they must", () => {
  const { spans } = picture({
    ...sample,
    records: [
      ...records,
      ...recordsOf([
        ["node 0", "submission", "n0.2 load 1", "a"],
        ["node 0", "submission", "n0.2 load 2", "a"],
        ["node 0", "completion", "n0.2 load 1", "a"],
      ]),
    ],
  });
  const shown = spans.map(({ entity, row, from, to, isFailed }) => [
    entity,
    row,
    from,
    to,
    isFailed,
  ]);
  expect(shown).toEqual([
    ["op 0", 0, 1, 11, true],
    ["n0.1 load 1", 0, 3, null, false],
    ["op 2", 0, 7, 12, false],
    ["n1.1 load 1", 0, 10, null, false],
    ["n0.2 load 1", 1, 13, 15, false],
    ["n0.2 load 2", 2, 14, null, false],
  ]);
});

test("a node is down until it starts again, and asleep until it does something", () => {
  const { bands, lanes } = picture(sample);
  expect(bands.map(({ kind, lane, from, to }) => [kind, lanes[lane]?.name, from, to])).toEqual([
    ["crash", "node 0", 6, 9],
    ["pause", "node 1", 8, 10],
  ]);
  const late = recordsOf([["node 0", "effect", "n0.1 commit 9", "a"]]); // it lands all the same
  const dead = picture({ ...sample, records: [...records.slice(0, 8), ...late] });
  expect(dead.bands).toMatchObject([{ kind: "crash", from: 6, to: null }]);
});

test("what was expected stands against what came; one of them alone is shown as that", () => {
  const compared = picture(sample).difference;
  expect(compared).toEqual([
    { sign: "-", text: "pending 1" },
    { sign: "+", text: "pending 2" },
  ]);
  const alone = picture({ ...sample, failure: { ...failed, expected: null } });
  expect(alone.difference).toEqual([{ sign: "+", text: "pending 2" }]);
  expect(picture({ ...sample, failure: null })).toMatchObject({ title: "passed", failedAt: null });
});

test("of a long run, fifty operations on either side of the failure are shown", () => {
  const many = recordsOf(
    Array.from({ length: 1000 }, (_, index): Short => ["client 0", "call", `op ${index}`, "a"]),
  );
  const { entries, failed: operation } = excerpt({
    ...sample,
    records: many,
    failure: { ...failed, record: 500 },
  });
  expect([entries[0]?.index, entries.at(-1)?.index, entries.length]).toEqual([450, 549, 100]);
  expect(operation).toBe("op 499");
});

test("what is farthest from the failure is left out of a picture that would be too large (R11)", () => {
  const text = "\u{1f600}<".repeat(5000);
  const ids = Array.from({ length: 40 }, () => `a${"<".repeat(2000)}`).join(" ");
  const many = recordsOf(
    Array.from({ length: 20_000 }, (_, index): Short => {
      return index % 3 === 0
        ? ["faults", "fault", "slow", "", text]
        : ["node 0", "effect", text, ids, text];
    }),
  );
  const large = { ...sample, records: many, failure: { ...failed, ids: [], record: 10_000 } };
  const html = timeline(large);
  expect(Buffer.byteLength(html)).toBeLessThan(1_000_000);
  const indexes = excerpt(large).entries.map(({ index }) => index);
  expect(indexes.length).toBeGreaterThan(20);
  expect(Math.min(...indexes)).toBeGreaterThan(9900);
  expect(indexes).toContain(9999);
});

const hostile = [
  "</script><script>alert(1)</script>",
  "<!--<script>",
  "]]>",
  "\"'`&lt;",
  "\u2028\u2029",
  "\u202eevil",
  "__proto__",
  "\ud800",
];

test.each(hostile)("a promise named %j can neither leave the data nor become code (R10)", (id) => {
  const named = recordsOf([
    ["client 0", "call", id, id, id],
    ["node 0", "effect", id, id, id],
  ]);
  const html = timeline({
    plan: planOf([get(1, id)]),
    records: named,
    failure: { ...failed, ids: [id], message: id, rule: id, expected: id, actual: `${id}!` },
  });
  expect(html.match(/<script/g)?.length).toBe(2);
  expect(html.match(/<\/script/g)?.length).toBe(2);
  expect(html.isWellFormed()).toBe(true);
  const { records: marks } = pictureIn(html);
  expect(marks[0]?.text.length).toBeGreaterThanOrEqual(id.length);
  if (/^[\p{L}\p{P}\p{S}]+$/u.test(id)) expect(marks[0]).toMatchObject({ entity: id, text: id });
});

test("a picture needs nothing but itself", () => {
  const html = timeline(sample);
  expect(html).not.toMatch(/https?:\/\/(?!www\.w3\.org\/2000\/svg)/);
  expect(html).not.toMatch(/\b(src|href|srcset|action)=|@import|url\(|\bfetch\b|XMLHttp|import\(/);
  expect(html).not.toMatch(/innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b/);
  expect(html).toContain("default-src 'none'");
  expect(html.length).toBeLessThan(40_000);
  expect(pictureIn(html)).toEqual(picture(sample));
});

test("the page walks through the records by key and by click, and shows the texts as text", () => {
  const page = open(timeline(sample));
  expect(page.selected()).toContain("client 0  answer  op 0");
  page.press("ArrowRight");
  expect(page.selected()).toContain("client 1  answer  op 2");
  page.press("ArrowRight");
  expect(page.selected()).toContain("client 1  answer  op 2");
  page.press("ArrowUp");
  expect(page.selected()).toContain("client 1  call  op 2");
  page.press("Home");
  expect(page.selected()).toContain("node 0  start  n0.1");
  page.press("ArrowRight");
  expect(page.selected()).toContain("client 0  call  op 0");
  page.press("ArrowRight");
  expect(page.selected()).toContain("node 0  submission  n0.1 load 1");
  page.press("ArrowLeft");
  expect(page.selected()).toContain("client 0  call  op 0");
  page.press("f");
  expect(page.selected()).toContain("client 0  answer  op 0");
  expect(page.selected()).toContain('get "a"'); // its call
  page.marks()[3]?.fire("click");
  expect(page.selected()).toContain("faults  fault  slow");
  expect(page.marks().filter((mark) => mark.classes.has("chosen")).length).toBe(1);
  expect(page.find("failed").length).toBe(1);
  expect(page.find("band").length).toBe(2);
  expect(page.byId("difference").textContent).toContain("- pending 1");
});

test("the page changes between ranks and virtual time", () => {
  const spread = records.map((record, index) => ({ ...record, at: index * index * 100 }));
  const page = open(timeline({ ...sample, records: spread }));
  const places = () => page.marks().map((mark) => Number(mark.attributes.get("cx")));
  const gaps = () => places().map((place, index) => place - (places()[index - 1] ?? 0));
  const equal = gaps().slice(1);
  expect(new Set(equal).size).toBe(1);
  page.byId("time").checked = true;
  page.byId("time").fire("change");
  const apart = gaps().slice(1);
  expect(apart.every((gap, index) => index === 0 || gap > 0)).toBe(true);
  expect(new Set(apart.map(Math.round)).size).toBeGreaterThan(5);
});

test("a picture of a run without records opens as well", () => {
  const page = open(timeline({ ...sample, records: [] }));
  page.press("ArrowLeft");
  expect(page.marks()).toEqual([]);
});

function scriptsIn(html: string): readonly string[] {
  return [...html.matchAll(/<script[^>]*>([\s\S]*?)<\/script>/g)].map(([, text = ""]) => text);
}

function pictureIn(html: string): Picture {
  return JSON.parse(scriptsIn(html)[0] ?? "");
}

/** As much of an element as the page needs. */
class FakeElement {
  readonly attributes = new Map<string, string>();
  readonly style = {};
  readonly clientWidth = 800;
  readonly #listeners = new Map<string, (event: object) => void>();
  children: FakeElement[] = [];
  scrollLeft = 0;
  checked = false;
  #text = "";

  get textContent(): string {
    return this.#text + this.children.map(({ textContent }) => `${textContent}\n`).join("");
  }

  set textContent(text: string) {
    this.children = [];
    this.#text = text;
  }

  set className(name: string) {
    this.attributes.set("class", name);
  }

  get classes(): Set<string> {
    return new Set((this.attributes.get("class") ?? "").split(" "));
  }

  readonly classList = {
    toggle: (name: string, isOn: boolean) => {
      const classes = this.classes;
      classes[isOn ? "add" : "delete"](name);
      this.className = [...classes].join(" ");
    },
  };

  setAttribute(name: string, value: unknown): void {
    this.attributes.set(name, String(value));
  }

  append(...children: FakeElement[]): void {
    this.children.push(...children);
  }

  replaceChildren(...children: FakeElement[]): void {
    this.#text = "";
    this.children = children;
  }

  addEventListener(kind: string, listener: (event: object) => void): void {
    this.#listeners.set(kind, listener);
  }

  fire(kind: string, event: object = {}): void {
    this.#listeners.get(kind)?.({ target: this, preventDefault: () => undefined, ...event });
  }

  click(): void {
    this.fire("click");
  }

  all(): FakeElement[] {
    return [this, ...this.children.flatMap((child) => child.all())];
  }
}

/** Runs the page's own script over a document of fakes. */
function open(html: string) {
  const [json = "", code = ""] = scriptsIn(html);
  const named = new Map<string, FakeElement>();
  const body = new FakeElement();
  const make = (id: string) => {
    const found = body.all().find(({ attributes }) => attributes.get("id") === id);
    const element = found ?? named.get(id) ?? new FakeElement();
    if (found === undefined && !named.has(id)) body.append(element);
    named.set(id, element);
    return element;
  };
  make("picture").textContent = json;
  const find = (name: string) => body.all().filter(({ classes }) => classes.has(name));
  const document = Object.assign(new FakeElement(), {
    getElementById: make,
    querySelector: make,
    createElement: () => new FakeElement(),
    createElementNS: () => new FakeElement(),
    querySelectorAll: (selector: string) => find(selector.slice(1)),
  });
  new Script(code).runInContext(createContext({ document }));
  return {
    find,
    byId: make,
    marks: () => find("mark"),
    selected: () => make("selected").textContent,
    press: (key: string) => document.fire("keydown", { key }),
  };
}
