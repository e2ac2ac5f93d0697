// Postgres against the contract of every store, through a thread that waits for it; and with texts that
// are wilder than the rim lets in.

import { fc, test as property } from "@fast-check/vitest";
import { afterAll, expect } from "vitest";
import { SyncPostgres } from "../../bin/dst/postgres-bridge.ts";
import { testServer } from "../../bin/dst/postgres-server.ts";
import { conformance } from "./conformance.ts";
import { commit, create, query, settled, written } from "./given.ts";

const server = await testServer();
const store = new SyncPostgres({ address: await server.database() });
afterAll(async () => {
  store.close();
  await server.stop();
});

conformance("postgres", () => {
  store.reset();
  return { store, close: () => {} };
});

const wild = fc.oneof(
  fc.constantFrom("\0", "a\0b", "\ud800", "\udc00x", "\u{1f600}", "\\u0000", '\\"{}NULL', "NULL"),
  fc.string({ unit: "binary", maxLength: 6 }),
);
const wilds = fc.array(fc.tuple(wild, wild), { maxLength: 3 });
property.prop([wilds, wilds, wild, wild], { numRuns: 40 })(
  "postgres: whatever text a client sends is what is found, NUL and halves of pairs included",
  (tags, headers, data, text) => {
    store.reset();
    const param = { headers: new Map(headers), data };
    create(store, "a", { tags: Object.fromEntries(tags), param, key: text });
    const [before] = store.query(query()).rows;
    expect(before?.promise).toMatchObject({ param, createKey: text });
    for (const tag of Object.entries(Object.fromEntries(tags))) {
      expect(store.query(query({ tags: new Map([tag]) })).rows).toHaveLength(1);
    }
    commit(store, written(store, "a", [settled("rejected", param)]));
    const [page] = store.log([{ of: null, after: 0, limit: 9, weightMax: 1e9 }]);
    expect(page?.events[0]?.event).toMatchObject({ param, key: text });
    expect(page?.events[1]?.event).toMatchObject({ value: param });
  },
);
