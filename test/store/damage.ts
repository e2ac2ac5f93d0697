// Damage below SQL: pages of a database file, edited while nobody has it open; texts of a Postgres that
// are longer than a page.

import { hash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import Sqlite from "better-sqlite3";
import { ask } from "../../bin/dst/postgres-server.ts";
import { assert } from "../../kernel/assert.ts";

const pageBytes = 4096;

/** @param name of a table or an index; what is given is its first page, not the first of the file */
export function damage(path: string, name: string, edit: (page: Buffer) => unknown): void {
  const database = new Sqlite(path, { readonly: true });
  const root = database
    .prepare<[string], number>("SELECT rootpage FROM sqlite_schema WHERE name = ?")
    .pluck()
    .get(name);
  database.close();
  assert(root !== undefined, `there is no ${name}`);
  const bytes = readFileSync(path);
  edit(bytes.subarray((root - 1) * pageBytes, root * pageBytes));
  writeFileSync(path, bytes);
}

/** Lets each overflow page that is full of this character lead nowhere. @returns how many */
export function breakChain(path: string, filler: string): number {
  const bytes = readFileSync(path);
  let count = 0;
  for (let at = 0; at < bytes.length; at += pageBytes) {
    const content = bytes.subarray(at + 4, at + pageBytes); // behind the number of the next page
    if (!content.every((byte) => byte === filler.charCodeAt(0))) continue;
    bytes.writeUInt32BE(0x7fff_ffff, at);
    count += 1;
  }
  writeFileSync(path, bytes);
  return count;
}

/** Too long for a row of Postgres, which tries to compress it first. */
export function incompressible(length: number): string {
  let text = "";
  while (text.length < length) text += hash("sha512", text, "base64");
  return text.slice(0, length);
}

/** All that stands beside the rows of a table, because it is too long for them. Superusers only. */
export async function loseLongTexts(url: string, table: string): Promise<void> {
  const [found] = await ask(
    url,
    "SELECT reltoastrelid::regclass AS name FROM pg_class WHERE oid = $1::regclass",
    [table],
  );
  const rows = `ARRAY(SELECT ctid FROM ${found.name})`;
  await ask(url, "CREATE EXTENSION IF NOT EXISTS pg_surgery");
  await ask(url, `SELECT heap_force_kill('${found.name}'::regclass, ${rows})`);
}
