import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Installation } from "../../../server/src/testing/installation.ts";
import { until } from "../../../server/src/testing/until.ts";
import { memoryStore } from "../leads/memory-store.ts";
import { createApp } from "./app.ts";
import { faultEffects, parseFault } from "./fault.ts";
import { type Features, openFeatures } from "./features.ts";
import { createLog } from "./log.ts";
import { createMetrics } from "./metrics.ts";

/** The lead form's rollout, as its file declares it: judged by what the application reports by itself. */
const ROOT = resolve(import.meta.dirname, "..", "..", "..", "..");
const params = { project: "main", flag: "one-line-address" };
const publicDir = mkdtempSync(join(tmpdir(), "leads-rollout-"));
let here: Installation;
let env: Record<string, string> = {};

interface Leads {
  readonly features: Features;
  readonly post: (visitor: string, isFilledIn: boolean) => Promise<number>;
  readonly close: () => Promise<void>;
}
async function serve(fault: string): Promise<Leads> {
  const log = createLog({ LOG_LEVEL: "silent" });
  const features = openFeatures(env, log, "server");
  const app = createApp({
    ...{ store: memoryStore(), log, metrics: createMetrics(), publicDir, features, release: "7" },
    ...{ fault: parseFault(fault), effects: faultEffects(parseFault(fault), Math.random, () => {}) },
  });
  await new Promise<void>((done) => app.listen(0, "127.0.0.1", done));
  const url = `http://127.0.0.1:${(app.address() as AddressInfo).port}/api/leads`;
  return {
    features,
    post: async (visitor, isFilledIn) => {
      const contact = { name: "Sam Example", email: `${visitor}@example.com`, phone: "555-0100-200" };
      const property = { address: "1 Main St", city: "Austin", state: "TX", zip: "78701", type: "condo" };
      const body = JSON.stringify(isFilledIn ? { contact, property } : {});
      const headers = { "content-type": "application/json", "x-visitor": visitor };
      return (await fetch(url, { method: "POST", headers, body })).status;
    },
    close: async () => {
      await features.close();
      app.closeAllConnections();
      await new Promise((done) => app.close(done));
    },
  };
}
function latchkey(line: string): Promise<string> {
  const child = spawn(process.execPath, [join(ROOT, "tools", "latchkey.mjs"), ...line.split(" ")], {
    cwd: ROOT,
    env: { PATH: process.env.PATH, HOME: here.dir, LATCHKEY_DIR: here.dir, LATCHKEY_URL: here.url, CI: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let out = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (part: Buffer) => (out += part.toString()));
  return new Promise((done) => child.once("close", () => done(out)));
}
const result = async () =>
  (await here.owner.getFlagResults({ params })).items.find((one) => one.environment === "production");
/** The snapshot that came with the build gives 5 %: at half, the server's word has arrived. */
const atHalf = (leads: Leads) =>
  until("the application follows the rollout", () => {
    const on = Array.from({ length: 400 }, (_, i) => leads.features.hasOn("one-line-address", `nobody-${i}`));
    return on.filter(Boolean).length > 100;
  });

beforeAll(async () => {
  const built = spawnSync(process.execPath, [join(ROOT, "tools", "build.mjs"), "cli"], { encoding: "utf8" });
  expect(built.status, built.stderr).toBe(0);
  writeFileSync(join(publicDir, "index.html"), "<!doctype html><head></head>the page");
  here = await Installation.start({ writesPerSecond: 1_000 });
  const body = { name: "leads", environment: "production", kind: "server" as const };
  const { secret } = await here.owner.createFlagKey({ params, body });
  env = { LATCHKEY_FLAGS_URL: here.url, LATCHKEY_FLAGS_KEY: secret };
  expect(await latchkey("flags apply --folder flags --yes")).toContain("one-line-address");
  await here.owner.moveRollout({ params, body: { environment: "production", percent: 50, reason: "a test" } });
});
afterAll(async () => {
  await here?.close();
  rmSync(publicDir, { recursive: true, force: true });
});

it("goes on where nothing is wrong, and its results say how many more leads it brings", async () => {
  const leads = await serve("none");
  await atHalf(leads);
  const visitors = Array.from({ length: 300 }, (_, i) => `visitor-${i}`);
  const ends = await Promise.all(visitors.map((one, i) => leads.post(one, i % 3 === 0)));
  expect(ends.filter((status) => status === 201)).toHaveLength(100);
  expect(ends.filter((status) => status === 400)).toHaveLength(200);
  await leads.close();
  const shown = await result();
  const { treated = 0, control = 0 } = shown?.exposed ?? {};
  // The crowd that was asked of before is the flag's as well.
  expect(treated + control).toBeGreaterThanOrEqual(300);
  expect(shown?.guardrails).toMatchObject([
    { metric: "errors", treated: 0, control: 0, state: "well" },
    { metric: "latency" },
    // No page was looked at here: that is not the same as no errors.
    { metric: "browser-errors", state: "unheard" },
  ]);
  expect(shown?.guardrails[1]?.state).not.toBe("unheard");
  const [goal] = shown?.goals ?? [];
  expect(goal).toMatchObject({ metric: "lead-sent", interval: { from: expect.any(Number) } });
  const words = await latchkey("flags results one-line-address");
  expect(words).toMatch(/lead-sent.*\d+ %/);
  expect(words).not.toContain("killed");
});

it("ends by itself where those who have the variant fail, and only they", async () => {
  const leads = await serve("errors=100%@one-line-address");
  await atHalf(leads);
  const visitors = Array.from({ length: 120 }, (_, i) => `later-${i}`);
  const ends = await Promise.all(visitors.map((one) => leads.post(one, true)));
  const failed = visitors.filter((_, i) => ends[i] === 500);
  expect(failed.length).toBeGreaterThan(20);
  expect(failed.every((one) => leads.features.hasOn("one-line-address", one))).toBe(true);
  expect(ends.filter((status) => status === 201)).toHaveLength(120 - failed.length);
  await leads.features.flush();
  await until("the rollout is killed", async () => (await result())?.state === "killed");
  await until("nobody has it any more", () => !failed.some((one) => leads.features.hasOn("one-line-address", one)));
  expect(await Promise.all(failed.slice(0, 5).map((one) => leads.post(`${one}-again`, true)))).not.toContain(500);
  await leads.close();
  expect(await latchkey("flags results one-line-address")).toContain("errors");
});
