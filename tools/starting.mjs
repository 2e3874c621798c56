// `npm start` from a Node that does: installs, builds what is stale, then becomes the supervisor (in this process).
import { accessSync, constants, mkdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { APPS, staleApps } from "./build.mjs";
import { install, isInstalled, ROOT } from "./install.mjs";
import { endRunning, runToEnd } from "./interruptible.mjs";
import { progressOn } from "./progress.mjs";

const MB = 1024 * 1024;
/** node_modules 500 MB as installed, PostgreSQL's data 60 MB, builds and releases some: measured, rounded up. */
const FIRST_NEEDS_MB = 700;
/** Afterwards: PostgreSQL's write-ahead log may take 256 MB, logs 4 x 20 MB each. */
const NEEDS_MB = 500;
const LOCK_POLL_MS = 200;

const dev = process.argv.includes("--dev");
// Every other flag is the supervisor's.
process.argv = process.argv.filter((flag) => flag !== "--dev");
const progress = progressOn(process.stdout);

let stopping = false;
const stop = async () => {
  if (stopping) return;
  stopping = true;
  process.stdout.write("\nStopping ...\n");
  await endRunning();
  unlock();
  process.exit(130);
};
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];

/** Room and rights, before anything is half done. */
function checkPlace() {
  try {
    accessSync(ROOT, constants.W_OK);
  } catch {
    throw new Error(`This user may not write to ${ROOT}. Change its owner, or clone into a folder of your own.`);
  }
  const needs = isInstalled() ? NEEDS_MB : FIRST_NEEDS_MB;
  const { bavail, bsize } = statfsSync(ROOT);
  const free = Math.floor((bavail * bsize) / MB);
  if (free < needs)
    throw new Error(
      `The disk of ${ROOT} has ${free} MB left; Latchkey needs about ${needs} MB. Free some and start again.`,
    );
}

// One installation or build at a time in a clone, also for data in different folders.
const LOCK = join(ROOT, ".cache", "start.lock");
const startOf = (pid) => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? null;
  } catch {
    return process.platform === "linux" ? null : "unknown";
  }
};
const own = `${process.pid} ${startOf(process.pid)}`;
const readLock = () => {
  try {
    return readFileSync(LOCK, "utf8");
  } catch {
    return "";
  }
};
function tryLock() {
  mkdirSync(dirname(LOCK), { recursive: true });
  try {
    writeFileSync(LOCK, own, { flag: "wx" });
    return true;
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
  }
  const [pid, started] = readLock().split(" ");
  if (pid && startOf(Number(pid)) !== started) rmSync(LOCK, { force: true });
  return false;
}
function unlock() {
  if (readLock() === own) rmSync(LOCK, { force: true });
}
async function waitForLock() {
  if (tryLock()) return;
  while (!tryLock()) await new Promise((resolve) => setTimeout(resolve, LOCK_POLL_MS));
}

async function build(app) {
  const result = await runToEnd(process.execPath, [join(ROOT, "tools", "build.mjs"), app], { cwd: ROOT });
  if (result.code !== 0) throw new Error(`The ${app} could not be built:\n${result.output.trim()}`);
}

async function prepare() {
  if (isInstalled() && staleApps().length === 0) return;
  await (tryLock() ? null : progress.step("Waiting for another start in this folder", "Waited", waitForLock));
  try {
    if (!isInstalled())
      await progress.step("Installing what Latchkey is made of (from the lockfile, once)", "Installed", install);
    for (const app of staleApps()) await progress.step(`Building the ${app}`, `Built the ${app}`, () => build(app));
  } finally {
    unlock();
  }
}

/** A sentence for what the operating system refused; other errors say themselves what they are. */
function explain(error) {
  if (["ENOSPC", "EDQUOT"].includes(error?.code)) return "The disk is full. Free about 1 GB and start again.";
  if (["EACCES", "EROFS", "EPERM"].includes(error?.code))
    return `This user may not write to ${error.path ?? ROOT}. Change its owner, or clone into a folder of your own.`;
  return error instanceof Error ? error.message : String(error);
}

async function main() {
  for (const signal of SIGNALS) process.on(signal, stop);
  checkPlace();
  await prepare();
  for (const signal of SIGNALS) process.removeListener(signal, stop);
  if (stopping) return;
  const { supervise } = await import(pathToFileURL(join(ROOT, "apps", "supervisor", "dist", "main.mjs")).href);
  const supervisor = supervise(progress);
  if (dev) {
    const { watchSources } = await import("./watch-sources.mjs");
    watchSources({ apps: APPS, build, restart: (app) => supervisor.restart(app), say: progress.say });
  }
}

main().catch((error) => {
  if (stopping) return;
  process.stderr.write(`${explain(error)}\n`);
  process.exit(1);
});
