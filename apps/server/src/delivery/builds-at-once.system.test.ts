import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Journey } from "../testing/journey.ts";
import { until } from "../testing/until.ts";
import { BUILDS_MAX } from "./deployments.controller.ts";

let journey: Journey;
beforeAll(async () => {
  journey = await Journey.begin();
});
afterAll(() => journey.end());

it("no more than four builds run at once; the others wait, say so, and have their turn", async () => {
  const { owner, workload } = journey;
  const go = join(workload.root, "go");
  const script = `const { existsSync } = require("node:fs"); setInterval(() => { if (existsSync(${JSON.stringify(go)})) process.exit(3); }, 20)`;
  const names = Array.from({ length: BUILDS_MAX + 2 }, (_, i) => `one-of-many-${i}`);
  for (const name of names)
    await owner.applyService({
      body: { config: workload.config({ name, build: ["node", "-e", script] }), root: workload.root },
    });
  const ids: string[] = [];
  for (const service of names)
    ids.push((await owner.ship({ params: { project: "main", service }, body: { ifBusy: "refuse" } })).id);
  const all = () => Promise.all(ids.map((id) => journey.deployment(id)));
  await until(
    "two wait",
    async () => (await all()).filter((d) => d.words.startsWith("Waiting for its turn")).length === 2,
  );
  writeFileSync(go, "");
  await until("all are over", async () => (await all()).every((d) => d.status === "failed_build"));
  for (const ended of await all()) expect(ended.words).toContain("exit code 3");
});
