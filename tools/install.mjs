// Installs from the lockfile when node_modules is missing or older. Plain Node, no dependency: this runs first.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const STAMP = join(ROOT, "node_modules", ".latchkey-install");

export function ensureNode() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  console.error(
    `Latchkey needs Node 20.19 or newer; this is ${process.versions.node}. Get one from https://nodejs.org.`,
  );
  process.exit(1);
}

export function ensureInstalled() {
  ensureNode();
  const wanted = createHash("sha256")
    .update(readFileSync(join(ROOT, "package-lock.json")))
    .digest("hex");
  if (existsSync(STAMP) && readFileSync(STAMP, "utf8") === wanted) return;
  console.log("Installing what Latchkey is made of (from the lockfile, once) ...");
  // Install scripts are off: nothing here needs one. `npm install --no-save` takes the lockfile's versions and leaves
  // it alone; `npm ci` was rejected, because it refuses a lockfile made where another platform's binaries could not be had.
  const result = spawnSync(
    "npm",
    ["install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
    {
      cwd: ROOT,
      stdio: "inherit",
    },
  );
  if (result.status !== 0) {
    console.error("The installation failed. Is the npm registry reachable, and is there room on the disk?");
    process.exit(1);
  }
  writeFileSync(STAMP, wanted);
}
