// `npm run check`: format and lint, types, import rules. Runs all of them and sums up.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ensureInstalled, ROOT } from "./install.mjs";

ensureInstalled();
const bin = (...parts) => join(ROOT, "node_modules", ...parts);
const tsc = (project) => [process.execPath, bin("typescript7", "bin", "tsc"), "-p", project];
/** What Biome can't see without types: promises that nobody waits for (.oxlintrc.json). All else is Biome's. */
const PROMISES = ["--type-aware", "--tsconfig=tsconfig.json", "packages", "apps", "tools", "bench", "sim", "e2e"];
const checks = [
  [
    "format and lint (Biome)",
    [process.execPath, bin("@biomejs", "biome", "bin", "biome"), "check", "--max-diagnostics=50", "."],
  ],
  ["types of core (no clock, no I/O)", tsc("packages/core/tsconfig.json")],
  ["types", tsc("tsconfig.json")],
  ["types of the console", tsc("apps/console/tsconfig.json"), "apps/console/src/main.tsx"],
  ["types of the leads page", tsc("apps/leads/tsconfig.json"), "apps/leads/src/web/main.tsx"],
  ["types of the browser tests", tsc("e2e/tsconfig.json")],
  ["promises (oxlint, type-aware)", [process.execPath, bin("oxlint", "bin", "oxlint"), ...PROMISES]],
  ["dead code and dependencies (knip)", [process.execPath, bin("knip", "bin", "knip.js"), "--no-progress"]],
  ["import rules (dependency-cruiser)", [process.execPath, "tools/import-rules.mjs"]],
];
let failed = 0;
for (const [name, command, needs] of checks) {
  if (needs && !existsSync(join(ROOT, needs))) continue;
  const result = spawnSync(command[0], command.slice(1), { cwd: ROOT, encoding: "utf8" });
  const ok = result.status === 0;
  console.log(`${ok ? "ok  " : "FAIL"} ${name}`);
  if (!ok) {
    failed += 1;
    console.log(`${result.stdout}${result.stderr}`);
  }
}
console.log(failed === 0 ? "All checks passed." : `${failed} of ${checks.length} checks failed.`);
process.exit(failed === 0 ? 0 : 1);
