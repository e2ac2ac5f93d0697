// The call graph of a root as `resonate tree` draws it: from a table of calls, in any shape that tags
// can have, and from pages of a server.

import { fc, test as property } from "@fast-check/vitest";
import { describe, expect, test } from "vitest";
import { drawn } from "../../bin/client/tree.ts";
import { type Asked, ClientServer } from "./client-server.ts";
import { said } from "./said.ts";

type More = { readonly at?: number; readonly func?: string; readonly tags?: object };

function call(id: string, parent: string | null, { at = 0, func, tags = {} }: More = {}) {
  const data = Buffer.from(JSON.stringify({ func, args: [] })).toString("base64");
  return {
    ...{ id, state: "resolved", createdAt: at, settledAt: at + 5 },
    param: func === undefined ? {} : { data },
    tags: {
      "resonate:origin": "r",
      ...(parent !== null && { "resonate:parent": parent }),
      ...tags,
    },
  };
}

const lines = (...promises: readonly object[]) => {
  return drawn("r", { promises }).trimEnd().split("\n");
};

describe("a tree", () => {
  test("Q4. shows who called whom, in the order in which they were created", () => {
    const drawing = lines(
      call("r", "r", { func: "main" }),
      call("r:0", "r", { at: 1, func: "first" }),
      call("r:0:0", "r:0", { at: 2 }),
      call("r:0:1", "r:0", { at: 2, tags: { "resonate:timer": "true" } }),
      call("r:0:1:0", "r:0:1", { at: 3 }),
      call("r:10", "r", { at: 4, func: "third" }),
      call("r:2", "r", { at: 4, func: "second" }),
      call("r:1", "r", { at: 5, func: "fourth" }),
    );
    expect(drawing).toEqual([
      "r  resolved  main  5 ms",
      "├─ r:0  resolved  first  5 ms",
      "│  ├─ r:0:0  resolved  5 ms",
      "│  └─ r:0:1  resolved  sleep  5 ms",
      "│     └─ r:0:1:0  resolved  5 ms",
      "├─ r:2  resolved  second  5 ms",
      "├─ r:10  resolved  third  5 ms",
      "└─ r:1  resolved  fourth  5 ms",
    ]);
  });

  test("Q3. keeps those whose caller is missing, or whom nobody called", () => {
    expect(
      lines(call("r", "r"), call("r:1:1", "r:1"), call("r:2", null), call("r:3", "r:3")),
    ).toEqual([
      "r  resolved  5 ms",
      "├─ r:1:1  resolved  5 ms  (called by r:1, which is missing)",
      "├─ r:2  resolved  5 ms",
      "└─ r:3  resolved  5 ms",
    ]);
  });

  test("Q3. cuts a circle, and goes on below it", () => {
    const drawing = lines(
      call("r", "r:1"),
      call("r:1", "r"),
      call("r:2", "r:4"),
      call("r:3", "r:2"),
      call("r:4", "r:3"),
      call("r:5", "r:3"),
    );
    expect(drawing).toEqual([
      "r  resolved  5 ms",
      "├─ r:1  resolved  5 ms",
      "└─ r:2  resolved  5 ms  (calls itself in a circle)",
      "   └─ r:3  resolved  5 ms",
      "      ├─ r:4  resolved  5 ms",
      "      └─ r:5  resolved  5 ms",
    ]);
  });

  const ids = fc.integer({ min: 0, max: 12 }).map((number) => `r:${number}`);
  const calls = fc.array(fc.tuple(ids, fc.option(fc.oneof(ids, fc.constant("r")))), {
    maxLength: 20,
  });
  property.prop([calls])("Q3. draws every call once, whatever its tags say", (pairs) => {
    const drawing = lines(call("r", "r"), ...pairs.map(([id, parent]) => call(id, parent)));
    const shown = drawing.map((line) => /r(:\d+)?(?= )/.exec(line)?.[0]);
    expect(shown.toSorted()).toEqual([...new Set(["r", ...pairs.map(([id]) => id)])].toSorted());
  });

  test("is no wider than some levels, and as deep as the calls are", () => {
    const deep = Array.from({ length: 9_000 }, (_, level) => {
      return call(`r:${level + 1}`, level === 0 ? "r" : `r:${level}`);
    });
    const drawing = lines(call("r", "r"), ...deep);
    expect(drawing).toHaveLength(9_001);
    expect(Math.max(...drawing.map((line) => line.length))).toBeLessThan(200);
  });
});

type Told = { readonly promise?: object; readonly promises?: readonly object[]; cursor?: string };

async function tree(id: string, tell: (asked: Asked) => Told, ...flags: readonly string[]) {
  await using server = await ClientServer.start(tell);
  const answer = await said(["tree", id, ...flags], { RESONATE_URL: server.url });
  return { ...answer, asked: server.asked.map(({ kind, data }) => ({ kind, data })) };
}

describe("the calls of a root", () => {
  const root = call("r", "r");

  test("are asked for page by page", async () => {
    const pages: Told[] = [
      { promises: [root, call("r:0", "r")], cursor: "r:0" },
      { promises: [], cursor: "r:1" },
      { promises: [call("r:2", "r:0")] },
    ];
    const tell = ({ kind }: Asked) =>
      kind === "promise.get" ? { promise: root } : (pages.shift() ?? {});
    const { stdout, asked } = await tree("r", tell);
    const search = { tags: { "resonate:origin": "r" }, idPrefix: "r", limit: 1_000 };
    expect(asked).toEqual([
      { kind: "promise.get", data: { id: "r" } },
      { kind: "promise.search", data: search },
      { kind: "promise.search", data: { ...search, cursor: "r:0" } },
      { kind: "promise.search", data: { ...search, cursor: "r:1" } },
    ]);
    expect(stdout).toBe("r  resolved  5 ms\n└─ r:0  resolved  5 ms\n   └─ r:2  resolved  5 ms\n");
  });

  test("are as JSON a list", async () => {
    const tell = () => ({ promise: root, promises: [root, call("r:0", "r")] });
    const { stdout } = await tree("r", tell, "--json");
    expect(JSON.parse(stdout)).toEqual({ promises: [root, call("r:0", "r")] });
  });

  test("begin with the one that is asked for", async () => {
    const asked = call("r:0", "r");
    const others = [root, asked, call("r:0:1", "r:0"), call("r:1", "r"), call("r:2", "gone")];
    const { stdout, asked: questions } = await tree("r:0", () => ({
      promise: asked,
      promises: others,
    }));
    expect(stdout).toBe("r:0  resolved  5 ms\n└─ r:0:1  resolved  5 ms\n");
    expect(questions[1]?.data).toMatchObject({ idPrefix: "r" });
  });

  test("are those of its id, where the root has no tags", async () => {
    const bare = { id: "r", state: "pending", createdAt: 0 };
    const tell = () => ({ promise: bare, promises: [call("r:0", "r")] });
    const { stdout, asked } = await tree("r", tell);
    expect(stdout).toBe("r  pending  since 1970-01-01T00:00:00.000Z\n└─ r:0  resolved  5 ms\n");
    expect(asked[1]?.data).toMatchObject({ tags: { "resonate:origin": "r" } });
  });

  test("end at some thousands, and say so", async () => {
    let page = 0;
    const tell = () => {
      page += 1;
      const promises = Array.from({ length: 1_000 }, (_, number) =>
        call(`r:${page}:${number}`, "r"),
      );
      return { promise: root, promises, cursor: `r:${page}` };
    };
    const { stdout } = await tree("r", tell);
    expect(stdout.endsWith("\nonly the first 10001 are shown\n")).toBe(true);
  });
});
