import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import * as example from "../testkit/examples.ts";
import { Bench } from "../testkit/terminal.ts";

const FILE = join("netlify", "edge-functions", "latchkey-split.ts");
let bench: Bench;
beforeEach(async () => {
  bench = new Bench();
  await bench.start();
  bench.server.answers = { getNetlifyEdge: () => example.netlifyEdge };
});
afterEach(async () => {
  await bench.stop();
  expect(bench.server.violations).toEqual([]);
});

describe("latchkey netlify edge", () => {
  it("writes the function that is tested, says what to set, and does it once", async () => {
    const { out, exitCode } = await bench.run("netlify", "edge", "leads", "--write");
    expect(exitCode).toBe(0);
    expect(out).toContain(`LATCHKEY_EDGE=${example.netlifyEdge.variable}`);
    const source = join(import.meta.dirname, "../../../../packages/netlify-runtime/src/edge/latchkey-split.ts");
    expect(readFileSync(join(bench.dir, FILE), "utf8")).toBe(readFileSync(source, "utf8"));
    // What Netlify builds has no other file of ours.
    expect(readFileSync(source, "utf8")).not.toMatch(/^\s*(import|export) .* from /m);
    expect((await bench.run("netlify", "edge", "leads", "--write")).out).toContain("is the newest already");
  });

  it("leaves another function alone that is there", async () => {
    mkdirSync(dirname(join(bench.dir, FILE)), { recursive: true });
    writeFileSync(join(bench.dir, FILE), "export default () => undefined;\n");
    const { err, exitCode } = await bench.run("netlify", "edge", "leads", "--write");
    expect(exitCode).toBe(1);
    expect(err).toContain("is another one");
    expect(readFileSync(join(bench.dir, FILE), "utf8")).toBe("export default () => undefined;\n");
  });

  it("writes nothing unless it is told to", async () => {
    const { out } = await bench.run("netlify", "edge", "leads", "--json");
    expect(JSON.parse(out)).toEqual({ ...example.netlifyEdge, file: null });
  });
});

describe("latchkey targets", () => {
  it("shows a provider's deploys: which is published, and where each answers", async () => {
    const deploy = {
      ...{ id: "d1", state: "ready", address: "https://d1--shop.netlify.app", branch: "main", commit: "a".repeat(40) },
      ...{ context: "production", pullRequest: null, isPublished: true, isLocked: true, createdAt: null },
    };
    const preview = { ...deploy, id: "d2", context: "deploy-preview", pullRequest: 7, isPublished: false };
    bench.server.answers = {
      listTargets: () =>
        example.page({
          ...example.target,
          kind: "netlify" as const,
          deploys: [deploy, { ...preview, isLocked: false }],
        }),
    };
    const { out } = await bench.run("targets");
    expect(out).toMatch(/d1 +leads in production +ready +aaaaaaaa +production +published, locked +https:\/\/d1--shop/);
    expect(out).toMatch(/d2 .*#7 +- /);
  });
});
