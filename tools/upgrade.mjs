// `latchkey upgrade`: another version of this checkout, with a proved backup first and a way back. Plain Node: what is
// installed and built here is about to change. Answers in lines of JSON, as `latchkey restore`'s program does.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ROOT } from "./install.mjs";

/** The supervisor gives a server 60 s; PostgreSQL may have to be started before it. */
const UP_MS = 90_000;
const LOOK_AGAIN_MS = 100;
/** The supervisor's back-off makes these about 8 s. */
const TRIES_MAX = 5;
const LISTED_COMMITS = 20;

const DIR = process.env.LATCHKEY_DIR || join(ROOT, ".latchkey");
const URL_ = process.env.LATCHKEY_URL ?? `http://127.0.0.1:${process.env.LATCHKEY_PORT || 7400}`;
const tell = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const say = (words) => tell({ say: words });

/** Runs a program of this folder to its end; throws its last words when it fails. */
function run(command, args, { allowed = false } = {}) {
  const result = spawnSync(command, args, { cwd: ROOT, encoding: "utf8", env: { ...process.env, LATCHKEY_DIR: DIR } });
  if (result.status === 0) return result.stdout.trim();
  if (allowed) return null;
  const words = `${result.stdout ?? ""}${result.stderr ?? ""}${result.error?.message ?? ""}`.trim();
  throw new Error(`\`${[command, ...args].join(" ").replaceAll(ROOT, ".")}\` failed: ${words.slice(-1_500)}`);
}
const git = (...args) => run("git", args);

function checkTree() {
  if (run("git", ["rev-parse", "--show-toplevel"], { allowed: true }) === null)
    throw new Error(`${ROOT} is no git checkout. Upgrade it the way it was installed.`);
  const changes = git("status", "--porcelain");
  if (changes !== "")
    throw new Error(
      `There are changes in ${ROOT} that are not committed:\n${changes.split("\n").slice(0, 10).join("\n")}\nCommit or stash them first.`,
    );
}

/** Where to go: what was asked for as the remote has it, else as it is here; without a wish, what the branch follows. */
function targetOf(wish) {
  if (git("remote") !== "") git("fetch", "--quiet", "--tags");
  const names = wish === undefined ? ["@{upstream}"] : [`origin/${wish}`, wish];
  for (const name of names) {
    const commit = run("git", ["rev-parse", "--verify", "--quiet", `${name}^{commit}`], { allowed: true });
    if (commit) return commit;
  }
  throw new Error(
    wish === undefined
      ? "The branch here follows none. Say where to go: latchkey upgrade --to <branch, tag or commit>"
      : `There is no branch, tag or commit ${wish}. List them: git branch --all; git tag`,
  );
}

function takeBackup() {
  say("Taking a backup, with proof");
  const text = run(process.execPath, [join(ROOT, "tools", "latchkey.mjs"), "backup", "--json"]);
  const backup = JSON.parse(text.split("\n").at(-1));
  if (backup.verification?.state !== "verified")
    throw new Error(`The backup could not be proved, so nothing was changed: ${backup.verification?.words}`);
  return join(DIR, "backups", backup.file);
}

/** Installs and builds with the tools of the version that is checked out. */
const build = () => run(process.execPath, [join(ROOT, "tools", "build.mjs")]);

function read(file) {
  try {
    const found = JSON.parse(readFileSync(join(DIR, file), "utf8"));
    return Array.isArray(found) ? found : [found];
  } catch {
    return [];
  }
}
const pidOf = (name) => read("supervisor.json").find((who) => who.name === name)?.pid ?? null;
/** The living owner of the folder, by pid and start time: a number alone may be somebody else's by now. */
function supervisorPid() {
  const { pid, started } = read("supervisor.lock")[0] ?? {};
  if (!Number.isInteger(pid)) return null;
  try {
    process.kill(pid, 0);
    if (process.platform !== "linux") return pid;
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const ticks = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
    return String(started).split(" ")[0] === ticks ? pid : null;
  } catch {
    return null;
  }
}
async function isReady() {
  const answer = await fetch(`${URL_}/readyz`, { signal: AbortSignal.timeout(2_000) }).catch(() => null);
  return answer?.ok === true;
}

/** Has the supervisor restart server and gateway; true once both are other processes and the server is ready. */
async function renew(supervisor) {
  const before = { server: pidOf("server"), gateway: pidOf("gateway") };
  process.kill(supervisor, "SIGUSR2");
  const deadline = performance.now() + UP_MS;
  // One that ends again and again will not come up by waiting.
  const tries = new Set();
  while (performance.now() < deadline && tries.size < TRIES_MAX) {
    const pid = pidOf("server");
    if (pid !== null && pid !== before.server) tries.add(pid);
    const isOther = (name) => pidOf(name) !== null && pidOf(name) !== before[name];
    if (isOther("server") && isOther("gateway") && (await isReady())) return true;
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
  }
  return false;
}

/** As it was before; the words say what the reader still has to do. */
async function goBack(from, supervisor, backup, why) {
  say("Going back to the version of before");
  git("checkout", "--quiet", from.branch ?? from.commit);
  if (from.branch) git("reset", "--quiet", "--keep", from.commit);
  build();
  const isUp = supervisor === null || (await renew(supervisor));
  const restore = `latchkey restore ${backup}`;
  throw new Error(
    isUp
      ? `${why} The version of before (${from.commit.slice(0, 10)}) is back and serves. The backup of before: ${backup}`
      : `${why} The version of before (${from.commit.slice(0, 10)}) is checked out and built, but its server does not come up: the newer one has probably changed the database. Stop everything (Ctrl-C), run \`${restore}\`, and start again.`,
  );
}

async function main() {
  const { values } = parseArgs({ options: { to: { type: "string" }, "dry-run": { type: "boolean", default: false } } });
  checkTree();
  const branch = run("git", ["symbolic-ref", "--quiet", "--short", "HEAD"], { allowed: true });
  const from = { commit: git("rev-parse", "HEAD"), branch };
  const target = targetOf(values.to);
  if (target === from.commit) return [`This is ${target.slice(0, 10)} already: nothing was changed.`];
  const commits = git("log", "--oneline", `--max-count=${LISTED_COMMITS}`, `${from.commit}..${target}`).split("\n");
  const route = `From ${from.commit.slice(0, 10)} to ${target.slice(0, 10)}:`;
  if (values["dry-run"])
    return [route, ...commits.map((line) => `  ${line}`), "Nothing was done. A backup would be taken first."];
  const backup = takeBackup();
  const supervisor = supervisorPid();
  say(`Checking out ${target.slice(0, 10)}`);
  const isAhead = run("git", ["merge-base", "--is-ancestor", from.commit, target], { allowed: true }) !== null;
  if (values.to === undefined && isAhead) git("merge", "--quiet", "--ff-only", target);
  else git("checkout", "--quiet", "--detach", target);
  try {
    say("Installing and building");
    build();
  } catch (error) {
    return goBack(from, null, backup, `The new version could not be built: ${error.message}`);
  }
  if (supervisor === null)
    return [
      `${route} built. Nothing supervises ${DIR} here: restart the server, then the gateways.`,
      `Backup: ${backup}`,
    ];
  say("Restarting the server, then the gateway");
  if (await renew(supervisor))
    return [`${route} done, and up.`, `The backup of before: ${backup}`, ...supervisorWords(from, target)];
  return goBack(from, supervisor, backup, `The new version did not come up (${logWords()}).`);
}

const logWords = () => {
  const log = join(DIR, "logs", "server.log");
  return existsSync(log) ? `its log: ${log}` : "it has no log";
};

/** The one process that is not restarted is the supervisor itself. */
function supervisorWords(from, target) {
  const touched = git(
    "diff",
    "--name-only",
    from.commit,
    target,
    "--",
    "apps/supervisor",
    "tools/start.mjs",
    "tools/starting.mjs",
  );
  return touched === "" ? [] : ["The supervisor itself is renewed when you start it again: Ctrl-C, npm start."];
}

try {
  tell({ done: { words: await main() } });
} catch (error) {
  tell({ problem: error instanceof Error ? error.message : String(error) });
  process.exitCode = 1;
}
