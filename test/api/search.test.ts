// Searches and event histories over HTTP (promise-api.md §2): what each parameter means and refuses,
// what due promises look like, and how pages follow each other.

import { describe, expect, test } from "vitest";
import { components } from "../../api/answers.ts";
import { decodeEvents } from "../../api/query.ts";
import { promiseId } from "../../kernel/ids.ts";
import { type Client, conforms, start } from "./client.ts";

type Page = {
  readonly cursor: string | null;
  readonly promises: readonly { readonly id: string }[];
};

const timeout = 5_000;

async function create(client: Client, id: string, tags: object = {}, at = timeout): Promise<void> {
  const { status } = await client.ask("POST", "/promises", { body: { id, timeout: at, tags } });
  expect(status).toBe(201);
}

async function search(client: Client, query: string): Promise<Page> {
  const answer = await client.ask("GET", `/promises${query}`);
  expect(answer.status, answer.text).toBe(200);
  conforms(components.PromisePage, answer.json);
  return answer.json as Page; // it is described so
}

const found = async (client: Client, query: string): Promise<string> => {
  return (await search(client, query)).promises.map(({ id }) => id).join(" ");
};

const details = async (client: Client, query: string): Promise<readonly string[]> => {
  const answer = await client.ask("GET", `/promises${query}`);
  expect(answer.code, answer.text).toBe(4000);
  return answer.details;
};

const encoded = encodeURIComponent;
const text = "must not contain NUL or unpaired surrogates";

describe("patterns", () => {
  test.each([
    ["", "c/d a_b a%b ab A"],
    ["?q=*", "c/d a_b a%b ab A"],
    ["?q=a*", "a_b a%b ab"],
    ["?id=a*", "a_b a%b ab"],
    ["?q=a*&id=a*", "a_b a%b ab"],
    ["?q=*b", "a_b a%b ab"],
    ["?q=*", "c/d a_b a%b ab A"],
    ["?q=c*d", "c/d"],
    [`?q=${encoded("a%b")}`, "a%b"],
    ["?q=a_b", "a_b"],
    ["?q=a?b", ""],
    ["?q=A", "A"],
    ["?q=b", ""],
    ["?q=ab&q=A", "ab"],
    ["?unknown=1", "c/d a_b a%b ab A"],
    ["?Q=A", "c/d a_b a%b ab A"],
    ["?q=a*#?q=A", "a_b a%b ab"],
  ])("%s finds %j, newest first", async (query, ids) => {
    const { client } = start();
    for (const id of ["A", "ab", "a%b", "a_b", "c/d"]) await create(client, id);
    expect(await found(client, query)).toBe(ids);
  });

  test("a plus sign is a space", async () => {
    const { client } = start();
    await create(client, "a b");
    expect(await found(client, "?q=a+b")).toBe("a b");
    expect(await found(client, "?q=a%2Bb")).toBe("");
  });
});

describe("states", () => {
  test("due promises are shown and found as settled, and nothing is written", async () => {
    const { client, server } = start();
    await create(client, "pending", {}, 9_000);
    await create(client, "timedout");
    await create(client, "timer", { "resonate:timer": "true" });
    for (const verb of ["resolve", "reject", "cancel"]) {
      await create(client, `${verb}d`, {}, 9_000);
      await client.ask("POST", `/promises/${verb}d/${verb}`, { body: {} });
    }
    server.now = timeout;
    expect(await found(client, "?state=pending")).toBe("pending");
    expect(await found(client, "?state=RESOLVED")).toBe("resolved timer");
    expect(await found(client, "?state=Rejected")).toBe("canceld rejectd timedout");
    expect(await found(client, "?state=")).toBe("canceld rejectd resolved timer timedout pending");
    const { promises } = await search(client, "?q=timedout");
    expect(promises[0]).toMatchObject({
      state: "REJECTED_TIMEDOUT",
      completedOn: timeout,
      value: {},
    });
  });
});

describe("tags", () => {
  test.each([
    ["?tags[a]=1", "both one"],
    ["?tags[a]=1&tags[b]=2", "both"],
    ["?tags%5Ba%5D=1", "both one"],
    ["?tags[a]=1&tags[a]=9", "both one"],
    ["?tags[a]=", ""],
    ["?tags[x[y]]=3", "odd"],
    ["?tags[]=4", "odd"],
    ["?tagsa=1&tag[a]=7", "odd both one"],
  ])("%s finds %j", async (query, ids) => {
    const { client } = start();
    await create(client, "one", { a: "1" });
    await create(client, "both", { a: "1", b: "2" });
    await create(client, "odd", { "x[y]": "3", "": "4" });
    expect(await found(client, query)).toBe(ids);
  });
});

describe("refusals", () => {
  test.each([
    ["?q=", ["q must be 1 to 2048 bytes long"]],
    ["?id=", ["id must be 1 to 2048 bytes long"]],
    [`?q=${"a".repeat(2049)}`, ["q must be 1 to 2048 bytes long"]],
    ["?q=%00", [`q ${text}`]],
    ["?q=a&id=b", ["q and id must be equal when both are given"]],
    ["?state=done", ["state must be pending, resolved or rejected"]],
    ["?state=rejected_timedout", ["state must be pending, resolved or rejected"]],
    ["?tags=a", ["tags must be written as tags[name]=value"]],
    ["?tags[a=1", ["tags must be written as tags[name]=value"]],
    ["?tags[a]b=1", ["tags must be written as tags[name]=value"]],
    [`?tags[a]=${"b".repeat(4096)}`, ["tags must be at most 4096 bytes together"]],
    ["?tags[%00]=1", [`tags ${text}`]],
    ["?limit=", ["limit must be 1 to 100"]],
    ["?limit=0", ["limit must be 1 to 100"]],
    ["?limit=101", ["limit must be 1 to 100"]],
    ["?limit=1.0", ["limit must be 1 to 100"]],
    ["?limit=1e1", ["limit must be 1 to 100"]],
    ["?limit=-1", ["limit must be 1 to 100"]],
    ["?limit=+1", ["limit must be 1 to 100"]],
    ["?cursor=x", ["cursor is not valid"]],
    ["?cursor=eyJhbGciOiJIUzI1NiJ9.e30.x", ["cursor is not valid"]],
    [
      "?q=%00&id=&state=x&tags=1&limit=x&cursor=x",
      [
        `q ${text}`,
        "id must be 1 to 2048 bytes long",
        "q and id must be equal when both are given",
        "state must be pending, resolved or rejected",
        "tags must be written as tags[name]=value",
        "limit must be 1 to 100",
        "cursor is not valid",
      ],
    ],
  ])("%s", async (query, expected) => {
    expect(await details(start().client, query)).toEqual(expected);
  });

  test("what is at its limit is accepted", async () => {
    const { client } = start();
    const queries = [
      `?q=${"a".repeat(2048)}`,
      `?tags[a]=${"b".repeat(4095)}`,
      "?limit=100",
      "?cursor=",
    ];
    for (const query of queries) expect(await found(client, query)).toBe("");
  });
});

describe("pages", () => {
  async function* pages(client: Client, query: string): AsyncGenerator<readonly string[]> {
    let next = query;
    for (;;) {
      const { cursor, promises } = await search(client, next);
      yield promises.map(({ id }) => id);
      if (cursor === null) return;
      expect(cursor).toMatch(/^[A-Za-z0-9_-]+$/);
      next = `?cursor=${cursor}`;
    }
  }

  const ten = async () => {
    const { client } = start();
    for (let at = 0; at < 10; at++)
      await create(client, `p${at}`, at % 2 === 0 ? { even: "1" } : {});
    return client;
  };

  test.each([
    ["?limit=4", "p9 p8 p7 p6 | p5 p4 p3 p2 | p1 p0"],
    ["?limit=5", "p9 p8 p7 p6 p5 | p4 p3 p2 p1 p0"],
    ["?limit=10", "p9 p8 p7 p6 p5 p4 p3 p2 p1 p0"],
    ["?limit=2&tags[even]=1&q=p*&state=pending", "p8 p6 | p4 p2 | p0"],
    ["?limit=1&q=p3", "p3"],
    ["?q=none", ""],
  ])("%s gives %s: a cursor if and only if there is more", async (query, expected) => {
    const shown = await Array.fromAsync(pages(await ten(), query));
    expect(shown.map((ids) => ids.join(" ")).join(" | ")).toBe(expected);
  });

  test("a cursor carries the search, and the other parameters are only validated", async () => {
    const client = await ten();
    const { cursor } = await search(client, "?limit=2&tags[even]=1");
    expect(await found(client, `?cursor=${cursor}&q=none&limit=100&state=resolved`)).toBe("p4 p2");
    expect(await details(client, `?cursor=${cursor}&limit=0`)).toEqual(["limit must be 1 to 100"]);
  });

  test("what is created after the first page does not appear later", async () => {
    const client = await ten();
    const { cursor } = await search(client, "?limit=8");
    await create(client, "p10");
    expect(await found(client, `?cursor=${cursor}`)).toBe("p1 p0");
  });

  test("a cut or forged cursor is refused, and harms nobody", async () => {
    const client = await ten();
    const cursor = (await search(client, "?limit=2")).cursor ?? "";
    for (const bad of [cursor.slice(1), cursor.slice(0, -1), `${cursor}A`, cursor.toUpperCase()]) {
      expect(await details(client, `?cursor=${bad}`)).toEqual(["cursor is not valid"]);
    }
  });

  test("a search sees what was acknowledged before it", async () => {
    const { client } = start();
    for (let at = 0; at < 20; at++) {
      await create(client, `p${at}`);
      expect((await search(client, "?limit=1")).promises[0]?.id).toBe(`p${at}`);
    }
  });
});

type Events = {
  readonly events: readonly { readonly position: number; readonly kind: string }[];
  readonly next: number | null;
};
const read = async (client: Client, query: string): Promise<Events> => {
  const answer = await client.ask("GET", `/events${query}`);
  expect(answer.status, answer.text).toBe(200);
  conforms(components.EventPage, answer.json);
  return answer.json as Events; // it is described so
};

const three = async () => {
  const { client } = start();
  await create(client, "a", { t: "1" });
  await create(client, "b");
  await client.ask("POST", "/promises/a/resolve", {
    headers: { "idempotency-key": "k" },
    body: { value: { data: "dg==" } },
  });
  return client;
};

describe("events", () => {
  test("are facts in their order, with what belongs to each", async () => {
    const { text } = await (await three()).ask("GET", "/events?id=a");
    expect(text).toBe(
      '{"events":[{"position":1,"stream":{"kind":"promise","id":"a"},"version":1,' +
        '"kind":"promise_created","at":1000,"command":"n-1","data":{"createdAt":1000,' +
        '"timeoutAt":5000,"param":{},"tags":{"t":"1"},"isExternal":true}},' +
        '{"position":3,"stream":{"kind":"promise","id":"a"},"version":2,"kind":"promise_settled",' +
        '"at":1000,"command":"n-3","data":{"outcome":"resolved","settledAt":1000,' +
        '"value":{"data":"dg=="},"key":"k"}}],"next":null}',
    );
  });

  test.each([
    ["", "1 2 3", null],
    ["?limit=2", "1 2", 2],
    ["?limit=2&after=2", "3", null],
    ["?after=3", "", null],
    ["?after=9223372036854775807", "", null],
    ["?id=a&limit=1", "1", 1],
    ["?id=a&after=1", "3", null],
  ])("%s gives positions %j, then %j", async (query, positions, next) => {
    const page = await read(await three(), query);
    expect(page.events.map(({ position }) => position).join(" ")).toBe(positions);
    expect(page.next).toBe(next);
  });

  test("there are none past 2^53, where a number ends", () => {
    const decoded = decodeEvents("after=9223372036854775807");
    expect(decoded).toMatchObject({ request: { after: Number.MAX_SAFE_INTEGER } });
  });

  test("of no promise there are none", async () => {
    expect(await (await three()).ask("GET", "/events?id=c")).toMatchObject({ code: 4040 });
  });

  test("show whom a promise woke", async () => {
    const { client, server } = start();
    await create(client, "awaited");
    await create(client, "awaiter", { "resonate:target": "poll://any@g" });
    const [awaited, awaiter] = [promiseId("awaited"), promiseId("awaiter")];
    await new Promise((resolve) => {
      // Callbacks are asked for by the other protocol.
      expect(server.submit({ kind: "register_callback", awaited, awaiter }, resolve)).toBe(true);
    });
    await client.ask("POST", "/promises/awaited/resolve", { body: {} });
    server.turn();
    const { events } = await read(client, "?id=awaited");
    expect(events.map(({ kind }) => kind)).toEqual([
      "promise_created",
      "callback_registered",
      "promise_settled",
      "callback_drained",
    ]);
  });
});

describe("refusals of events", () => {
  test.each([
    ["?id=", ["id must be 1 to 2048 bytes long"]],
    ["?id=%00", [`id ${text}`]],
    ["?after=", ["after must be an integer"]],
    ["?after=x", ["after must be an integer"]],
    ["?after=-1", ["after must be 0 to 9223372036854775807"]],
    ["?after=9223372036854775808", ["after must be 0 to 9223372036854775807"]],
    ["?limit=0", ["limit must be 1 to 100"]],
    [
      "?id=&after=x&limit=0",
      ["id must be 1 to 2048 bytes long", "after must be an integer", "limit must be 1 to 100"],
    ],
  ])("%s is refused", async (query, expected) => {
    const answer = await start().client.ask("GET", `/events${query}`);
    expect(answer).toMatchObject({ code: 4000, details: expected });
  });
});
