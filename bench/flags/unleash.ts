import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { Unleash } from "unleash-client";
import { createDatabaseIfMissing } from "../../apps/server/src/platform/database.ts";
import { ensurePostgres, stopPostgres } from "../../apps/server/src/platform/postgres/embedded.ts";
import { type Bench, sleep } from "../figure.ts";
import { freePort } from "../installation.ts";
import { type Spread, spreadOf } from "./kill.ts";

/**
 * Unleash's own server with its own client for Node, in the same run. The server is no dependency of ours (185 MB): it is
 * installed into a cache of the repository when the bench wants it, at one version, and without running anything of it.
 */
const VERSION = "7.4.1";
const INSTALL_WITHIN_MS = 300_000;
const UP_WITHIN_MS = 60_000;
const TOKEN = "*:development.bench0000000000000000000000000000";
/** As unleash-client polls unless it is told otherwise. */
const DEFAULT_MS = 15_000;
const EACH_SECOND_MS = 1_000;

interface Asked {
  readonly clients: number;
  readonly flags: readonly string[];
}
/** Null, and said, where it can't be had. */
export async function measureUnleash(
  bench: Bench,
  asked: Asked,
): Promise<{ readonly default: Spread; readonly second: Spread } | null> {
  const module = install(bench);
  if (module === null) return null;
  const dir = mkdtempSync(join(tmpdir(), "latchkey-bench-"));
  let child: ChildProcess | null = null;
  try {
    const postgres = await ensurePostgres({ dir, log: pino({ level: "silent" }) });
    const url = `http://127.0.0.1:${await freePort()}`;
    child = startServer(bench, { module, url, database: await createDatabaseIfMissing(postgres.url, "unleash") });
    await untilUp(url, child);
    const admin = adminOf(url);
    for (const name of asked.flags) await admin.create(name);
    const kills = bench.runs ?? (bench.quick ? 1 : 5);
    const second = await killsAt(bench, { ...asked, url, admin, everyMs: EACH_SECOND_MS, kills: kills * 2 });
    return { second, default: await killsAt(bench, { ...asked, url, admin, everyMs: DEFAULT_MS, kills }) };
  } finally {
    child?.kill("SIGKILL");
    await stopPostgres(dir);
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Where its module is; null when it is not there and can't be installed. */
function install(bench: Bench): string | null {
  const folder = join(bench.root, ".cache", `unleash-server-${VERSION}`);
  const module = join(folder, "node_modules", "unleash-server", "dist", "lib", "server-impl.js");
  if (existsSync(join(folder, "done"))) return module;
  bench.say(
    `Installing unleash-server ${VERSION} (Apache-2.0) from npm into ${folder}; it is no dependency of Latchkey.`,
  );
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), '{"private":true}\n');
  const options = ["--ignore-scripts", "--no-audit", "--no-fund", "--save-exact", "--workspaces=false"];
  const done = spawnSync("npm", ["install", ...options, `unleash-server@${VERSION}`], {
    ...{ cwd: folder, encoding: "utf8", timeout: INSTALL_WITHIN_MS },
  });
  if (done.status === 0 && existsSync(module)) {
    writeFileSync(join(folder, "done"), "");
    return module;
  }
  bench.say(
    `SKIPPED: Unleash could not be installed; Latchkey is measured without it.\n${(done.stderr ?? "").trim().split("\n").slice(-4).join("\n")}`,
  );
  return null;
}

function startServer(
  bench: Bench,
  o: { readonly module: string; readonly url: string; readonly database: string },
): ChildProcess {
  return spawn(process.execPath, [join(bench.root, "bench", "flags", "unleash-server.mjs")], {
    stdio: "ignore",
    env: {
      ...process.env,
      NODE_ENV: "production",
      ...{ UNLEASH_MODULE: o.module, UNLEASH_TOKEN: TOKEN, DATABASE_URL: o.database, PORT: new URL(o.url).port },
    },
  });
}

async function untilUp(url: string, child: ChildProcess): Promise<void> {
  const deadline = performance.now() + UP_WITHIN_MS;
  while (performance.now() < deadline && child.exitCode === null) {
    const answer = await fetch(`${url}/health`).catch(() => null);
    await answer?.arrayBuffer();
    if (answer?.status === 200) return;
    await sleep(100);
  }
  throw new Error("Unleash did not come up.");
}

interface Admin {
  /** On for everybody. */
  create(name: string): Promise<void>;
  turn(name: string, isOn: boolean): Promise<void>;
}
function adminOf(url: string): Admin {
  const features = `${url}/api/admin/projects/default/features`;
  const post = async (address: string, body: object = {}): Promise<void> => {
    const headers = { "content-type": "application/json" };
    const answer = await fetch(address, { method: "POST", headers, body: JSON.stringify(body) });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`Unleash answered ${answer.status} to ${address}: ${text.slice(0, 300)}`);
  };
  const place = (name: string) => `${features}/${name}/environments/development`;
  return {
    async create(name) {
      await post(features, { name, type: "release" });
      await post(`${place(name)}/strategies`, { name: "default" });
      await post(`${place(name)}/on`);
    },
    turn: (name, isOn) => post(`${place(name)}/${isOn ? "on" : "off"}`),
  };
}

/** Clients that began at times spread evenly over one turn, as those of a fleet do. */
async function killsAt(
  bench: Bench,
  o: Asked & { readonly url: string; readonly admin: Admin; readonly everyMs: number; readonly kills: number },
): Promise<Spread> {
  bench.say(`Unleash ${VERSION}: ${o.flags.length} flags, ${o.clients} clients that poll every ${o.everyMs / 1000} s`);
  const crowd: Unleash[] = [];
  try {
    for (let i = 0; i < o.clients; i++) {
      crowd.push(clientOf(o.url, `bench-${i}`, o.everyMs));
      await sleep(o.everyMs / o.clients);
    }
    await Promise.all(crowd.map((one) => until(one, o.flags[0] ?? "", true, o.everyMs)));
    const kills: number[][] = [];
    for (let round = 0; round < o.kills; round++) {
      const flag = o.flags[round] ?? "";
      const turn = async (isOn: boolean): Promise<number[]> => {
        const seen = crowd.map((one) => until(one, flag, isOn, o.everyMs));
        const begun = performance.now();
        await o.admin.turn(flag, isOn);
        return (await Promise.all(seen)).map((at) => at - begun);
      };
      kills.push(await turn(false));
    }
    for (const flag of o.flags.slice(0, o.kills)) await o.admin.turn(flag, true);
    return spreadOf(kills);
  } finally {
    for (const one of crowd) one.destroy();
  }
}

function clientOf(url: string, appName: string, refreshInterval: number): Unleash {
  const one = new Unleash({
    ...{ url: `${url}/api/`, appName, refreshInterval, disableMetrics: true, skipInstanceCountWarning: true },
    customHeaders: { Authorization: TOKEN },
    storageProvider: { get: async () => undefined, set: async () => {} },
  });
  one.on("error", () => {});
  return one;
}

/** After its first answer a client says that it is ready, and not that something changed. */
const NEWS = ["ready", "changed"] as const;

/** When a client answers so. It is asked at each change that it hears of: between those it can't answer anything else. */
function until(one: Unleash, flag: string, isOn: boolean, everyMs: number): Promise<number> {
  return new Promise((done, fail) => {
    const isSo = () => one.isEnabled(flag, { userId: "user-1" }) === isOn;
    const end = () => {
      clearTimeout(late);
      for (const event of NEWS) one.off(event, look);
    };
    const look = () => {
      if (!isSo()) return;
      end();
      done(performance.now());
    };
    const late = setTimeout(
      () => {
        end();
        fail(new Error(`A client of Unleash did not have ${flag} in time.`));
      },
      4 * everyMs + 10_000,
    );
    for (const event of NEWS) one.on(event, look);
    look();
  });
}
