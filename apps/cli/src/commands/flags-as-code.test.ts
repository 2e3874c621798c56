import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Refusal } from "../testkit/contract-server.ts";
import { flag } from "../testkit/flag-examples.ts";
import { Bench } from "../testkit/terminal.ts";

let bench: Bench;
const put: unknown[] = [];
beforeEach(async () => {
  bench = new Bench();
  await bench.start();
  put.length = 0;
  mkdirSync(join(bench.dir, "flags"));
  writeFileSync(join(bench.dir, "flags", "new-lead-form.yaml"), "environments: {}\n");
  bench.server.answers = {
    getFlag: () => ({ ...flag, manager: "console" }),
    putFlag: ({ body }) => {
      put.push(body);
      const changes = [{ path: "owner", before: "", after: "growth" }];
      return { flag: { ...flag, manager: "code" }, applied: true, needsApproval: [], changes };
    },
  };
});
afterEach(() => bench.stop());
const apply = (...also: string[]) => bench.run("flags", "apply", "--yes", ...also);

describe("flags apply --if-own", () => {
  it("leaves what the console took over, which apply alone takes back", async () => {
    expect(await apply("--if-own")).toMatchObject({ exitCode: 0, out: "" });
    expect(put).toEqual([]);
    expect((await apply()).out).toContain("Applied: new-lead-form.");
  });
  it("leaves what was archived", async () => {
    bench.server.answers = { ...bench.server.answers, getFlag: () => ({ ...flag, manager: "code", isArchived: true }) };
    await apply("--if-own");
    expect(put).toEqual([]);
  });
  it("applies what is new, and what code manages", async () => {
    for (const known of [() => new Refusal(404, "LK_NOT_FOUND"), () => ({ ...flag, manager: "code" as const })]) {
      bench.server.answers = { ...bench.server.answers, getFlag: known };
      expect((await apply("--if-own")).out).toContain("Applied: new-lead-form.");
    }
  });
});
