import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Refusal } from "../testkit/contract-server.ts";
import { flag, flagProposal } from "../testkit/flag-examples.ts";
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

describe("flags apply --propose", () => {
  it("proposes what needs a second person, once", async () => {
    const changes = [{ path: "environments.production.off", before: "off", after: "on" }];
    const proposed: unknown[] = [];
    bench.server.answers = {
      putFlag: ({ body }) => {
        put.push(body);
        return { flag: { ...flag, manager: "code" }, applied: false, needsApproval: ["production"], changes };
      },
      listFlagProposals: () => ({ items: proposed.length > 0 ? [{ ...flagProposal, changes }] : [], next: null }),
      proposeFlagChange: ({ body }) => {
        proposed.push(body);
        return { ...flagProposal, changes };
      },
    };
    expect((await apply("--propose")).out).toContain("Proposed as flp_1");
    expect(proposed).toMatchObject([{ change: { kind: "put", manager: "code", definition: { environments: {} } } }]);
    expect((await apply("--propose")).out).toContain("Waits for a second person already: new-lead-form, as flp_1.");
    expect(proposed).toHaveLength(1);
    // Only looked at.
    expect(put).toMatchObject([{ dryRun: true }, { dryRun: true }]);
  });
});
