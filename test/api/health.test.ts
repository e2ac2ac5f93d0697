// When a server is ready (protocol.md §1.2), by each thing that its store may say to the question.

import { expect, test } from "vitest";
import type { Answer } from "../../api/gateway.ts";
import { Readiness } from "../../api/health.ts";
import type { RimFailure } from "../../api/status.ts";
import type { Failure } from "../../kernel/command.ts";
import { InProcess } from "../in-process.ts";
import { Client } from "./client.ts";

test("ready from the beginning to the end, and at no other time", async () => {
  const readiness = new Readiness({ gateway: new Client(new InProcess()).gateway });
  expect(await readiness.isReady()).toBe(false);
  readiness.begin();
  expect(await readiness.isReady()).toBe(true);
  readiness.end();
  expect(await readiness.isReady()).toBe(false);
});

const answers: Readonly<Record<Failure | RimFailure, boolean>> = {
  queue_full: true, // busy, which is no reason to be thought dead
  store_overloaded: true,
  record_unreadable: true, // the store has answered
  store_failed: false,
  outcome_unknown: false,
  shutting_down: false,
  internal: false,
};

function asking(answer: () => Promise<Answer>): Readiness {
  const readiness = new Readiness({ gateway: { ask: answer }, timeoutMs: 10 });
  readiness.begin();
  return readiness;
}

test.each(Object.entries(answers))("a store that says %s is ready: %s", async (said, isReady) => {
  const failure = said as Failure | RimFailure; // of the table
  const readiness = asking(() => Promise.resolve({ kind: "failed", failure }));
  expect(await readiness.isReady()).toBe(isReady);
});

test("not ready while the store does not answer in time", async () => {
  expect(await asking(() => new Promise(() => {})).isReady()).toBe(false);
});

test("not ready if the end has come while the store was asked", async () => {
  const readiness = asking(async () => {
    readiness.end();
    return { kind: "done" };
  });
  expect(await readiness.isReady()).toBe(false);
});
