import { compare } from "@latchkey/core/delivery/migrations/baseline";
import { expectedOf } from "@latchkey/core/delivery/migrations/objects";
import { expect, it } from "vitest";
import { migrationFiles, migrationOf } from "./migration-files.ts";

const expected = async (...texts: string[]) => {
  const parsed = await Promise.all(
    texts.map(async (text, i) => {
      const read = await migrationFiles.parse(migrationOf(`${i + 1}.sql`, Buffer.from(text)));
      if (!read.ok) throw new Error(read.error);
      return read.value;
    }),
  );
  return expectedOf(parsed);
};
const names = async (...texts: string[]) => (await expected(...texts)).made.map(({ kind, name }) => `${kind} ${name}`);

/** What files make together, one after the other: names as PostgreSQL's catalog has them. */
it.each([
  [
    ["create table lead (id serial, tags text[])"],
    ["table public.lead", "column public.lead.id", "column public.lead.tags"],
  ],
  [["create table a (x int); create index i on a (x)", "drop table a"], []],
  [
    ["create table a (x int); create index i on a (x)", "alter table a rename to b"],
    ["table public.b", "column public.b.x", "index public.i"],
  ],
  [["create table a (x int); create index i on a (x); alter table a rename to b; drop table b"], []],
  [
    ["create table a (x int, y int)", "alter table a drop column x, add column z int"],
    ["table public.a", "column public.a.y", "column public.a.z"],
  ],
  [
    ["create table a (x int)", "alter table a rename column x to y"],
    ["table public.a", "column public.a.y"],
  ],
  [["create schema s; create table s.a (); create view s.v as select 1", "drop schema s cascade"], []],
  [["create temp table t (x int)"], []],
  [["create policy p on auth.users using (true)"], ["policy auth.users.p"]],
  [["create policy p on a using (true)", "drop policy p on a"], []],
  [["create function f() returns int language sql as 'select 1'", "drop function f()"], []],
  [
    ["create table a (x int); alter table a enable row level security", "alter table a disable row level security"],
    ["table public.a", "column public.a.x"],
  ],
])("%j makes %j", async (texts, made) => {
  expect(await names(...texts)).toEqual(made);
});

it("what has no name is said to be untold", async () => {
  const { untold } = await expected(
    "create table a ();\ninsert into a default values;\ncreate index on a ((1));\ndo $$ begin end $$",
  );
  expect(untold.map(({ line }) => line)).toEqual([2, 3, 4]);
});

it("a table that is not there is told once, not by each of its columns", async () => {
  const { differences } = compare(await expected("create table a (x int, y int)"), []);
  expect(differences.map(({ object }) => object)).toEqual(["table a"]);
});
