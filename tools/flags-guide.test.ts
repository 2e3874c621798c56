import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Installation } from "../apps/server/src/testing/installation.ts";

/** The commands of docs/guides/flags.md and experiments.md, in their order, in a folder of their own. */
const ROOT = resolve(import.meta.dirname, "..");
const read = (guide: string) => readFileSync(join(ROOT, "docs", "guides", guide), "utf8");
/** Indented commands; one goes on where its line ends with a backslash. */
const commandsOf = (text: string): string[] =>
  [...text.replaceAll("\\\n", " ").matchAll(/^ {4}((?:latchkey|curl) .*)$/gm)].map(([, line = ""]) =>
    line.replaceAll(/ {2,}/g, " "),
  );
const yaml = (text: string): string => /^```yaml\n([\s\S]*?)^```$/m.exec(text)?.[1] ?? "";
const folder = mkdtempSync(join(tmpdir(), "flags-guide-"));
let here: Installation;
let flagsKey = "";

interface Ran {
  readonly exitCode: number | null;
  readonly out: string;
}
/** As a shell runs it, with the CLI of this repository under its name. */
function run(line: string): Promise<Ran> {
  const script = `latchkey() { "${process.execPath}" "${join(ROOT, "tools", "latchkey.mjs")}" "$@"; }\n${line.replaceAll("http://127.0.0.1:7400", here.url)}`;
  const child = spawn("bash", ["-c", script], {
    cwd: folder,
    env: {
      ...{ PATH: process.env.PATH, HOME: here.dir, LATCHKEY_DIR: here.dir, LATCHKEY_URL: here.url, CI: "1" },
      FLAGS_KEY: flagsKey,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let out = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (part: Buffer) => (out += part.toString()));
  return new Promise((done) => child.once("close", (exitCode) => done({ exitCode, out })));
}
async function works(line: string): Promise<string> {
  const ran = await run(line);
  expect(ran, `${line}\n${ran.out}`).toMatchObject({ exitCode: 0 });
  return ran.out;
}

beforeAll(async () => {
  const built = spawnSync(process.execPath, [join(ROOT, "tools", "build.mjs"), "cli"], { encoding: "utf8" });
  expect(built.status, built.stderr).toBe(0);
  here = await Installation.start({ writesPerSecond: 1_000 });
  const params = { project: "main" };
  const body = { name: "guide", environment: "production", kind: "server" as const };
  flagsKey = (await here.owner.createFlagKey({ params, body })).secret;
  mkdirSync(join(folder, "flags"));
});
afterAll(async () => {
  await here?.close();
  rmSync(folder, { recursive: true, force: true });
});

test("every command of the guide to experiments works", async () => {
  const guide = read("experiments.md");
  writeFileSync(
    join(folder, "flags", "new-lead-form.yaml"),
    `owner: growth\nexpires: 2027-03-31\nisPublic: true\n${yaml(guide)}`,
  );
  await works("latchkey flags apply --yes");
  await works('latchkey flags on new-lead-form --environment production --reason "a test"');
  const commands = commandsOf(guide);
  expect(commands.filter((line) => line.startsWith("curl"))).toHaveLength(2);
  expect(commands.length).toBeGreaterThanOrEqual(8);
  for (const line of commands) {
    const out = await works(line);
    if (line.startsWith("curl")) expect(out, line).toMatch(/\{"accepted":[12]\}/);
    if (line.includes("flags results")) expect(out).toContain("signup");
  }
  rmSync(join(folder, "flags"), { recursive: true });
  await here.close();
});

/** What a later command needs, or changes what the guide cannot know: files, ids, and that nobody is there to be asked. */
const FLAGD = { flags: { banner: { state: "ENABLED", variants: { on: true, off: false }, defaultVariant: "off" } } };
const UNLEASH = {
  version: 1,
  features: [{ name: "old-form", type: "release", enabled: true, strategies: [{ name: "default", parameters: {} }] }],
};

test("every command of the guide to flags works", async () => {
  here = await Installation.start({ writesPerSecond: 1_000 });
  const flag = { project: "main", flag: "new-lead-form" };
  const rules = { isEnabled: false, otherwise: { kind: "rollout", variant: "on", against: "off", percent: 10 } };
  const definition = { owner: "growth", isPublic: true, environments: { production: rules, staging: rules } } as never;
  writeFileSync(join(folder, "flags.json"), JSON.stringify(FLAGD));
  writeFileSync(join(folder, "export.json"), JSON.stringify(UNLEASH));
  const guide = read("flags.md");
  mkdirSync(join(folder, "flags"), { recursive: true });
  writeFileSync(join(folder, "flags", "new-lead-form.yaml"), yaml(guide));
  writeFileSync(join(folder, "new-lead-form.json"), JSON.stringify(definition));
  // Files are applied last: what code manages is not put back by hand.
  const all = commandsOf(guide).filter((line) => line.startsWith("latchkey"));
  const ofFiles = all.filter((line) => /^latchkey flags (diff|apply)$/.test(line));
  expect(ofFiles).toHaveLength(2);
  expect(all.length).toBeGreaterThanOrEqual(20);
  for (const line of [...all.filter((one) => !ofFiles.includes(one)), ...ofFiles]) {
    if (line.includes("flp_…")) {
      // Only another person agrees: proposals.system.test.ts. What the command says of an id that is none is its own.
      expect((await run(line)).out).toContain('There is no proposal "flp_…"');
      continue;
    }
    // The guide protected it: what is applied there would be proposed.
    if (line.endsWith("flags apply"))
      await here.owner.putFlagEnvironment({
        params: { project: "main", environment: "production" },
        body: { needsApproval: false, reason: "a test" },
      });
    const asks = /^latchkey flags (apply|import)/.test(line) && !line.includes("--yes");
    const { exitCode, out } = await run(asks ? `${line} --yes` : line);
    // A difference is told by the exit code, for CI.
    expect(exitCode, `${line}\n${out}`).toBe(line.includes("flags diff") ? 3 : 0);
    if (line.startsWith("latchkey flags create new-lead-form"))
      await here.owner.putFlag({ params: flag, body: { definition, reason: "a test" } });
  }
});
