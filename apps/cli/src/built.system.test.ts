import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";

/** What only a built command line can get wrong: libraries are bundled into it. */
const MAIN = join(import.meta.dirname, "..", "dist", "main.mjs");
const dir = mkdtempSync(join(tmpdir(), "latchkey-cli-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

it("checks workflows by GitHub's grammar", () => {
  mkdirSync(join(dir, "shop", ".github", "workflows"), { recursive: true });
  writeFileSync(join(dir, "shop", ".github", "workflows", "a.yml"), "on: push\njobs:\n  a:\n    stepz: 1\n");
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, "ci", "lint", join(dir, "shop")], {
    encoding: "utf8",
  });
  expect(status, stderr).toBe(1);
  expect(stdout).toContain(".github/workflows/a.yml:4: Unexpected value 'stepz'. (grammar)");
});

it("reads a service that is written in YAML, and says what is wrong with it", () => {
  const file = join(dir, "latchkey.config.yaml");
  writeFileSync(file, "name: tiny\nsource: .\nbuild: npm run build\ncolour: red\n");
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, "config", "check", file], { encoding: "utf8" });
  expect(status).toBe(1);
  expect(`${stdout}${stderr}`).toContain("colour");
  expect(`${stdout}${stderr}`).not.toContain("LineCounter");
});
