import { cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Installation } from "../testing/installation.ts";
import { problemOf } from "../testing/problem.ts";
import { until } from "../testing/until.ts";
import { Workload } from "../testing/workload.ts";

let installation: Installation;
let workload: Workload;
beforeAll(async () => {
  installation = await Installation.start();
  workload = new Workload(installation);
});
afterAll(() => installation.close());

type Over = Parameters<Workload["config"]>[0];
const apply = (over: Over, more: { dryRun?: boolean; root?: string } = {}) =>
  installation.owner.applyService({ body: { config: workload.config(over), root: workload.root, ...more } });
const stored = () => installation.owner.getService({ params: { project: "main", service: workload.name } });
const typesInLedger = async () =>
  (await installation.owner.listLedger({ query: { subject: `service/${workload.name}` } })).items.map((e) => e.type);

describe("applying a service's configuration", () => {
  it("shows with dryRun what it would change, and changes nothing", async () => {
    const shown = await apply({ description: "a shop" }, { dryRun: true });
    expect(shown.applied).toBe(false);
    expect(shown.changes).toContainEqual({ path: "description", before: null, after: "a shop" });
    expect((await problemOf(stored())).status).toBe(404);
  });

  it("creates it with its environments, and says so in the ledger", async () => {
    const made = await apply({ description: "a shop", environments: ["production", "staging"] });
    expect(made.applied).toBe(true);
    const service = await stored();
    expect(service.environments.map((e) => [e.name, e.serving])).toEqual([
      ["production", null],
      ["staging", null],
    ]);
    await until("it is in the ledger", async () => (await typesInLedger()).length === 1);
    expect(await typesInLedger()).toEqual(["catalog.service.created"]);
  });

  it("changes what differs and tells only that", async () => {
    const before = await stored();
    const changed = await apply({ description: "a better shop", environments: ["production", "staging"] });
    expect(changed.changes).toEqual([{ path: "description", before: "a shop", after: "a better shop" }]);
    expect((await stored()).configDigest).not.toBe(before.configDigest);
    await until("it is in the ledger", async () => (await typesInLedger()).length === 2);
    expect(await typesInLedger()).toEqual(["catalog.service.changed", "catalog.service.created"]);
  });

  it("is no entry in the ledger when nothing differs", async () => {
    const same = await apply({ description: "a better shop", environments: ["production", "staging"] });
    expect(same).toMatchObject({ applied: false, changes: [] });
    await until("all is numbered", async () => (await installation.owner.getSystem({})).ledger.size >= 2);
    expect(await typesInLedger()).toHaveLength(2);
  });

  it("follows a checkout that has moved, though the configuration is the same", async () => {
    const moved = join(installation.dir, "moved");
    cpSync(workload.root, moved, { recursive: true });
    const changed = await apply(
      { description: "a better shop", environments: ["production", "staging"] },
      { root: moved },
    );
    expect(changed).toMatchObject({ applied: true, changes: [{ path: "root", before: workload.root, after: moved }] });
  });

  it.each<[string, Over, { root?: string }, string]>([
    [
      "steps that do not rise",
      {
        strategy: {
          steps: [
            { trafficPercent: 50, bakeMs: 0, minimumRequests: 0 },
            { trafficPercent: 10, bakeMs: 0, minimumRequests: 0 },
          ],
        },
      },
      {},
      "config.strategy.steps",
    ],
    ["a folder that is not there", { source: "nowhere" }, {}, "config.source"],
    ["a file instead of a folder", { source: "app/server.mjs" }, {}, "config.source"],
    ["a relative root", {}, { root: "." }, "root"],
    ["a name with capitals", { name: "Shop" }, {}, "config.name"],
  ])("refuses %s and writes nothing", async (_, over, more, field) => {
    const before = await stored();
    const problem = await problemOf(apply(over, more));
    expect(problem).toMatchObject({ status: 400, code: "LK_INVALID" });
    expect(problem.fields?.map((f) => f.field)).toEqual([field]);
    expect((await stored()).configDigest).toBe(before.configDigest);
  });

  it("keeps an environment's runtime state apart: another configuration is not another generation", async () => {
    const before = (await installation.owner.getSystem({})).generation;
    writeFileSync(join(workload.root, "note"), "");
    await apply({ description: "once more", environments: ["production", "staging"] });
    expect((await installation.owner.getSystem({})).generation).toEqual(before);
  });
});

describe("the list of services", () => {
  it("is paged by name", async () => {
    for (const name of ["aaa", "bbb", "ccc"]) await apply({ name });
    const seen: string[] = [];
    for (let cursor: string | null = ""; cursor !== null; ) {
      const page: Awaited<ReturnType<typeof installation.owner.listServices>> = await installation.owner.listServices({
        query: { limit: 2, cursor },
      });
      seen.push(...page.items.map((s) => s.name));
      cursor = page.next;
    }
    expect(seen).toEqual(["aaa", "bbb", "ccc", workload.name]);
  });
});
