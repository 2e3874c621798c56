import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readSarif } from "@latchkey/core/delivery/gates/sarif";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Bench } from "../testkit/terminal.ts";

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
  mkdirSync(join(bench.dir, "app", "db"), { recursive: true });
});
afterEach(() => bench.stop());

const migration = (file: string, text: string) => writeFileSync(join(bench.dir, "app", "db", file), text);
const configured = (folders: readonly string[]) =>
  writeFileSync(
    join(bench.dir, "latchkey.config.yaml"),
    JSON.stringify({
      ...{ name: "shop", source: "app", build: ["make"] },
      gates: folders.map((folder, i) => ({ name: `schema ${i}`, kind: "migrations", folder })),
    }),
  );

describe("migrations lint, without a server", () => {
  beforeEach(() => {
    migration("0001-lead.sql", "create table lead (id int primary key);\n");
    migration("0002-mail.sql", "\n-- a comment\nalter table lead add column mail text not null;\n");
    migration("0003-contract-id.sql", "alter table lead drop column id;\n");
  });

  it("finds the folder in the configuration, and names file, line, rule and the safe way", async () => {
    configured(["db"]);
    const { exitCode, out } = await bench.run("migrations", "lint");
    expect(exitCode).toBe(1);
    expect(out).toContain("app/db/0002-mail.sql:3: lead.mail is NOT NULL without a default");
    expect(out).toContain("Give it a DEFAULT. (not_null_without_default)");
    expect(out).toContain("3 migrations, 1 of them contract: 1 finding.");
    expect(bench.server.asked).toEqual([]);
  });

  it("looks only behind a file that ran: exit code 0 where nothing there is dangerous", async () => {
    const { exitCode, out } = await bench.run("migrations", "lint", "app/db", "--after", "0002-mail.sql");
    expect({ exitCode, out }).toEqual({ exitCode: 0, out: "1 migration, contract: nothing dangerous.\n" });
    const unknown = await bench.run("migrations", "lint", "app/db", "--after", "0009.sql");
    expect(unknown).toMatchObject({ exitCode: 2, err: expect.stringContaining("There is no 0009.sql in app/db.") });
  });

  it("answers in JSON, and in SARIF that the gate of kind findings reads", async () => {
    const json = JSON.parse((await bench.run("migrations", "lint", "app/db", "--json")).out) as object;
    expect(json).toMatchObject({ findings: [{ file: "0002-mail.sql", line: 3, rule: "not_null_without_default" }] });
    const { out } = await bench.run("migrations", "lint", "app/db", "--sarif");
    const read = readSarif(JSON.parse(out));
    expect(read).toMatchObject({ ok: true });
    expect(JSON.stringify(read)).toContain("app/db/0002-mail.sql");
  });

  it("what is no SQL, and a folder without migrations, have not passed", async () => {
    migration("0004-broken.sql", "alter tabel lead;\n");
    const { exitCode, out } = await bench.run("migrations", "lint", "app/db", "--after", "0003-contract-id.sql");
    expect(exitCode).toBe(1);
    expect(out).toContain("0004-broken.sql is not SQL that PostgreSQL reads");
    mkdirSync(join(bench.dir, "empty"));
    expect((await bench.run("migrations", "lint", "empty")).exitCode).toBe(1);
  });

  it("says what to do where the folder can't be told", async () => {
    const none = await bench.run("migrations", "lint");
    expect(none).toMatchObject({ exitCode: 2, err: expect.stringContaining("No configuration here names a folder") });
    configured(["db", "other"]);
    const two = await bench.run("migrations", "lint");
    expect(two).toMatchObject({ exitCode: 2, err: expect.stringContaining("names 2 folders") });
  });
});
