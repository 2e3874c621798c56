import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Bench, type Figure, figure, sleep } from "../figure.ts";
import { freePort } from "../installation.ts";

/** (e) From a fresh clone and an empty npm cache to a server that answers; and the second start. */
const GIVE_UP_MS = 240_000;

export async function measureStart(bench: Bench): Promise<Figure[]> {
  if (bench.quick) {
    bench.say("Left out of --quick: a start from a fresh clone installs everything.");
    return [];
  }
  const dir = mkdtempSync(join(tmpdir(), "latchkey-clone-"));
  // PostgreSQL runs as another user where this runs as root, and must be able to walk there.
  chmodSync(dir, 0o755);
  const clone = join(dir, "latchkey");
  const cache = join(dir, "npm-cache");
  mkdirSync(cache);
  const env = {
    ...process.env,
    npm_config_cache: cache,
    LATCHKEY_PORT: String(await freePort()),
    LATCHKEY_GATEWAY_PORT: String(await freePort()),
    LATCHKEY_DIR: join(clone, ".latchkey"),
  };
  try {
    const begun = performance.now();
    const cloned = spawnSync("git", ["clone", "--quiet", bench.root, clone]);
    if (cloned.status !== 0) throw new Error(`git clone failed: ${cloned.stderr}`);
    const first = await start(bench, clone, env, begun);
    const second = await start(bench, clone, env, performance.now());
    return [
      figure("fresh clone to the console answering", first, "s", { below: 120 }),
      figure("second start to the console answering", second, "s", { below: 10 }),
    ];
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function start(bench: Bench, cwd: string, env: NodeJS.ProcessEnv, begun: number): Promise<number> {
  const child = spawn("npm", ["start"], { cwd, env, detached: true, stdio: "ignore" });
  try {
    for (;;) {
      if (bench.signal.aborted || performance.now() - begun > GIVE_UP_MS || child.exitCode !== null)
        throw new Error("A fresh clone did not start.");
      const answer = await fetch(`http://127.0.0.1:${env.LATCHKEY_PORT}/`, { redirect: "manual" }).catch(() => null);
      await answer?.arrayBuffer();
      const ready = await fetch(`http://127.0.0.1:${env.LATCHKEY_PORT}/readyz`).catch(() => null);
      await ready?.arrayBuffer();
      if (answer && ready?.status === 200) return (performance.now() - begun) / 1000;
      await sleep(50);
    }
  } finally {
    await end(child);
  }
}

/** npm, its script and the supervisor are one group: the terminal's Ctrl-C reaches them all. */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || !child.pid) return;
  const gone = new Promise<void>((done) => child.once("exit", () => done()));
  process.kill(-child.pid, "SIGINT");
  await gone;
}
