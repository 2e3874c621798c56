import { lintMigration } from "@latchkey/core/delivery/migrations/lint";
import { phaseOf } from "@latchkey/core/delivery/migrations/schema";
import { describe, expect, it } from "vitest";
import { migrationFiles } from "./migration-files.ts";

const lint = async (text: string, file = "1.sql") => {
  const parsed = await migrationFiles.parse({ file, text, phase: phaseOf(file, text), sha256: "" });
  if (!parsed.ok) return parsed.error;
  return lintMigration(parsed.value).map(({ line, rule }) => `${line} ${rule}`);
};
const OUTSIDE = "-- latchkey: no transaction\n";

describe("what is dangerous, as PostgreSQL's own parser reads it", () => {
  it.each([
    ["alter table lead add column phone text not null", ["1 not_null_without_default"]],
    ["alter table lead add column phone text not null default ''", []],
    ["alter table lead add column id bigint generated always as identity not null", []],
    ["alter table lead add column phone text unique", ["1 unique"]],
    ["alter table lead drop column phone", ["1 drop_column"]],
    ["-- latchkey: contract\nalter table lead drop column phone", []],
    ["alter table lead alter column phone type integer using phone::integer", ["1 column_type"]],
    ["alter table lead alter column phone set not null", ["1 set_not_null"]],
    ["alter table lead rename column phone to telephone", ["1 rename"]],
    ["alter table lead rename to leads", ["1 rename"]],
    ["alter table lead add constraint c check (phone <> '')", ["1 constraint"]],
    ["alter table lead add constraint c check (phone <> '') not valid", []],
    ["alter table lead add constraint u unique (phone)", ["1 unique"]],
    ["alter table lead add constraint u unique using index lead_phone", []],
    ["drop table lead", ["1 drop"]],
    ["truncate lead", ["1 truncate"]],
    ["delete from lead", ["1 delete_all"]],
    ["update lead set phone = ''", ["1 update_all"]],
    ["update lead set phone = '' where phone is null", []],
    ["begin; select 1; commit", ["1 transaction", "1 transaction"]],
    ["create index i on lead (phone)", ["1 index"]],
    ["create table lead (id int); create index i on lead (id); alter table lead add column b int not null", []],
    ["create index concurrently i on lead (phone)", ["1 concurrently"]],
    [`${OUTSIDE}create index concurrently i on lead (phone)`, []],
    [`${OUTSIDE}create index concurrently on lead (phone)`, ["2 index_name"]],
    [`${OUTSIDE}select 1; select 2`, ["1 one_statement"]],
    ["drop index i", ["1 drop_index"]],
    ["-- latchkey: allow rename because nobody reads it\nalter table lead rename to leads", []],
    ["-- latchkey: allow rename because\nalter table lead rename to leads", ["2 rename"]],
  ])("%s", async (text, found) => {
    expect(await lint(text)).toEqual(found);
  });

  it("is named by its line, behind comments, letters of several bytes and dollar quotes", async () => {
    const text = [
      "-- Größe, 電話",
      "create function f() returns int language sql as $$ select 1; $$;",
      "/* over",
      "   lines */",
      "",
      "  drop table lead;",
    ].join("\n");
    expect(await lint(text)).toEqual(["6 drop"]);
  });

  it("and what PostgreSQL does not read is said by its name", async () => {
    expect(await lint("alter tabel lead", "0002.sql")).toMatch(
      /^0002\.sql is not SQL that PostgreSQL reads: syntax error/,
    );
  });
});
