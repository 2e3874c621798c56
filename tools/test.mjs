// `npm test`: installs what it needs and runs every suite. Arguments go to vitest: `npm test -- packages/core`.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { ensureInstalled, ROOT } from "./install.mjs";

ensureInstalled();
const given = process.argv.slice(2);
const { ensureDebian } = await import("./debian.mjs");
// With CI=true, as .ci/run says: everything with its coverage, then what speaks to a database on Debian's PostgreSQL, the
// oldest that is supported. Without, everything once, and fewer simulated worlds: coverage costs a third of the time more,
// PostgreSQL 15 half, all worlds five minutes.
const isFull = process.env.CI === "true" && given.length === 0;
const there = ensureDebian(["chromium", "prometheus", "haproxy", ...(isFull ? ["postgresql-15"] : [])]);
const { buildAll } = await import("./build.mjs");
await buildAll();

const vitest = join(ROOT, "node_modules", "vitest", "vitest.mjs");
const run = (args, env = {}) =>
  spawnSync(process.execPath, [vitest, "run", ...args], {
    cwd: ROOT,
    stdio: "inherit",
    env: { ...process.env, ...(isFull ? { LATCHKEY_TESTS: "full" } : {}), ...env },
  }).status ?? 1;

let status = run(isFull ? ["--coverage"] : given);
if (status === 0 && isFull && there.includes("postgresql-15")) {
  console.log("\nThe server's suites again, on Debian's PostgreSQL 15 ...");
  const { withDebianPostgres } = await import("./postgres15.mjs");
  status = await withDebianPostgres(
    (url) =>
      run(["--project", "system", "apps/server"], { LATCHKEY_TEST_DATABASE_URL: url }) ||
      run(["--project", "system", "apps/leads"], { LATCHKEY_TEST_DATABASE_URL: url, DATABASE_URL: url }),
  );
}
process.exit(status);
