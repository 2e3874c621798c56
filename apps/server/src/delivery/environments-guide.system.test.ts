import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readServices } from "@latchkey/config/load";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Journey } from "../testing/journey.ts";
import { until } from "../testing/until.ts";

/** The example of the guide to environments, as it stands there: only its name, and how long it soaks, are others. */
const GUIDE = join(import.meta.dirname, "..", "..", "..", "..", "docs", "guides", "environments.md");
const STRATEGY = { kind: "all_at_once", batch: { when: "off" }, holdbackMs: 0 } as const;
let journey: Journey;

const git = (...args: string[]) =>
  execFileSync("git", ["-c", "user.name=Ada L.", "-c", "user.email=ada@example.org", ...args], {
    cwd: journey.workload.root,
  });
beforeAll(async () => {
  journey = await Journey.begin({ gates: [], environments: ["staging", "production"], strategy: STRATEGY });
  git("init", "-q", "-b", "main");
});
afterAll(() => journey?.end());

/** Commits a change, brings it to staging, and answers its release. */
async function toStaging(page: string, files: Readonly<Record<string, string>> = {}): Promise<string> {
  journey.workload.will({ page });
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(journey.workload.root, "app", path, ".."), { recursive: true });
    writeFileSync(join(journey.workload.root, "app", path), text);
  }
  git("add", "-A");
  git("commit", "-q", "-m", page);
  const id = await journey.shipAgain({ environment: "staging" });
  await journey.drive(await journey.rolloutOf(id), {}, "completed");
  return (await journey.deployment(id)).release?.id ?? "";
}
const inProduction = (releaseId: string) =>
  until("it is on its way to production", async () =>
    (await journey.owner.listDeployments({ params: { project: "main" } })).items.find(
      (d) => d.environment === "production" && d.release?.id === releaseId,
    ),
  );

describe("the guide's path with zero touch", () => {
  it("lets a small change go all the way by itself, and asks a person before production about a migration", async () => {
    // Something serves before the path is there.
    const first = await toStaging("welcome, one");
    const place = { project: "main", service: journey.workload.name };
    const { id } = await journey.owner.ship({ params: place, body: { releaseId: first } });
    await journey.drive(await journey.rolloutOf(id), {}, "completed");

    const yaml = /```yaml\n([\s\S]*?)```/.exec(readFileSync(GUIDE, "utf8"))?.[1] ?? "";
    const file = join(journey.workload.root, "latchkey.config.yaml");
    writeFileSync(file, yaml.replace("name: shop", `name: ${place.service}`).replace("soakMs: 600000", "soakMs: 0"));
    const [config] = await readServices(file);
    if (!config) throw new Error("the guide has no example");
    const strategy = { ...config.strategy, ...STRATEGY };
    await journey.owner.applyService({ body: { root: journey.workload.root, config: { ...config, strategy } } });

    const small = await inProduction(await toStaging("welcome, two"));
    await journey.drive(await journey.rolloutOf(small.id), {}, "completed");
    expect((await journey.deployment(small.id)).gates).toMatchObject([
      { name: "unit tests", status: "passed" },
      { name: "zero touch", status: "passed", words: "It goes out with nobody watching: every rule holds." },
    ]);

    const schema = await inProduction(await toStaging("welcome, three", { "migrations/1.sql": "select 1;\n" }));
    const waits = await until("it waits for a person", async () =>
      (await journey.deployment(schema.id)).gates.find((gate) => gate.status === "pending"),
    );
    expect(waits).toMatchObject({
      name: "zero touch",
      words: expect.stringContaining("A person must look at app/migrations/1.sql."),
    });
  });
});
