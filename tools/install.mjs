// Installs from the lockfile when node_modules is missing, older, or half there. Plain Node, no dependency: this runs first.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { runToEnd } from "./interruptible.mjs";
import { complaintAbout } from "./node-version.mjs";

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const STAMP = join(ROOT, "node_modules", ".latchkey-install");
/** There while an installation is under way: what it finds at its start was cut short, and may lack any file. */
const UNDER_WAY = join(ROOT, "node_modules", ".latchkey-installing");

export function ensureNode() {
  const complaint = complaintAbout(process.versions.node);
  if (complaint === null) return;
  console.error(complaint);
  process.exit(1);
}

const wantedStamp = () =>
  createHash("sha256")
    .update(readFileSync(join(ROOT, "package-lock.json")))
    .digest("hex");

export function isInstalled() {
  return !existsSync(UNDER_WAY) && existsSync(STAMP) && readFileSync(STAMP, "utf8") === wantedStamp();
}

// Install scripts are off: nothing here needs one. `npm install --no-save` takes the lockfile's versions and leaves
// it alone; `npm ci` was rejected, because it refuses a lockfile made where another platform's binaries could not be had.
// Without a network npm would try for two minutes; with these it gives up in about ten seconds.
const NPM = [
  "install",
  "--no-save",
  "--ignore-scripts",
  "--no-audit",
  "--no-fund",
  "--prefer-offline",
  "--loglevel=error",
  "--fetch-retries=2",
  "--fetch-retry-mintimeout=1000",
  "--fetch-retry-maxtimeout=5000",
];

/** Clears what a killed installation left: npm believes a package to be whole whose package.json is there. */
function begin() {
  if (existsSync(UNDER_WAY)) {
    rmSync(join(ROOT, "node_modules"), { recursive: true, force: true });
    for (const group of ["apps", "packages"])
      for (const name of readdirSync(join(ROOT, group)))
        rmSync(join(ROOT, group, name, "node_modules"), { recursive: true, force: true });
  }
  mkdirSync(dirname(UNDER_WAY), { recursive: true });
  // Removed, not overwritten: a copy of the folder made of hard links must not change with this one.
  rmSync(STAMP, { force: true });
  writeFileSync(UNDER_WAY, "");
  // Others must be able to read what is installed: as root, PostgreSQL runs as another user. No secret is in there.
  return process.umask(0o022);
}

function finish() {
  writeFileSync(STAMP, wantedStamp());
  rmSync(UNDER_WAY, { force: true });
}

/** What npm's words mean, as a sentence that says what to do. */
export function explainInstall(output) {
  const tail = output.trim().split("\n").slice(-6).join("\n");
  const named = process.env.npm_config_registry;
  if (/ENOSPC|EDQUOT|no space left/i.test(output)) return "The disk is full. Free about 1 GB and run the same again.";
  if (/EACCES|EPERM|EROFS/.test(output))
    return `This user may not write to ${ROOT}. Change its owner, or clone into a folder of your own.`;
  if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ERR_SOCKET_TIMEOUT|ENOTCACHED/.test(output))
    return `The npm registry${named ? ` (${named})` : ""} cannot be reached, and npm's cache does not hold everything. Connect, or name a mirror with npm_config_registry, and run the same again.`;
  if (/ENOENT.*npm|spawn npm/.test(output)) return "There is no npm beside this Node. Install Node with npm.";
  return `The installation failed. npm's last lines:\n${tail}`;
}

/** For tools that have nothing else to do meanwhile. Ends the process with a sentence when it fails. */
export function ensureInstalled() {
  ensureNode();
  if (isInstalled()) return;
  console.log("Installing what Latchkey is made of (from the lockfile, once) ...");
  const before = begin();
  const result = spawnSync("npm", NPM, { cwd: ROOT, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  process.umask(before);
  if (result.status !== 0) {
    console.error(explainInstall(`${result.stdout ?? ""}${result.stderr ?? ""}${result.error ?? ""}`));
    process.exit(1);
  }
  finish();
}

/** The same for `npm start`, which shows progress and can be stopped. Throws the sentence. */
export async function install() {
  const before = begin();
  const result = await runToEnd("npm", NPM, { cwd: ROOT });
  process.umask(before);
  if (result.code !== 0) throw new Error(explainInstall(result.output));
  finish();
}
