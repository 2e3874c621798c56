import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Bench, type Figure, figure, median } from "../figure.ts";
import { type Installation, startOwn } from "../installation.ts";
import { Deliverer, delivery, SECRET } from "./deliveries.ts";
import { until } from "./until.ts";

/** From the delivery of a push to the first visitors of its canary; the service builds in no time, so the time is Latchkey's own. */
const MERGES = 5;
const BELOW_S = 60;
const REPOSITORY = "acme/shop";
const project = "main";

export async function measureMerge(bench: Bench): Promise<Figure[]> {
  const dir = mkdtempSync(join(tmpdir(), "latchkey-bench-"));
  const repository = new Repository(dir, join(bench.root, "apps", "server", "src", "testing", "workload"));
  bench.say("Starting a Latchkey of its own ...");
  const installation = await startOwn(bench.root, bench.signal, {
    LATCHKEY_GITHUB_WEBHOOK_SECRET: SECRET,
    LATCHKEY_GITHUB_URL: `file://${repository.hub}`,
  });
  try {
    await connect(installation, repository);
    await merge(installation, repository, 1, "completed");
    const seconds: number[] = [];
    for (let n = 2; n < 2 + (bench.quick ? 2 : MERGES) && !bench.signal.aborted; n++) {
      seconds.push(await merge(installation, repository, n, "progressing"));
      bench.say(`merge ${n - 1}: canary after ${seconds.at(-1)?.toFixed(1)} s`);
    }
    return [
      figure(`merge to the canary's first step, slowest of ${seconds.length}`, Math.max(...seconds), "s", {
        below: BELOW_S,
      }),
      figure("the same, median", median(seconds), "s"),
    ];
  } finally {
    await installation.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

/** A bare repository, and a working tree that pushes to it. */
class Repository {
  readonly hub: string;
  readonly tree: string;

  constructor(dir: string, workload: string) {
    this.hub = join(dir, "hub");
    this.tree = join(dir, "tree");
    const bare = join(this.hub, `${REPOSITORY}.git`);
    for (const folder of [bare, this.tree]) mkdirSync(folder, { recursive: true });
    execFileSync("git", ["init", "-q", "--bare", "-b", "main", bare]);
    cpSync(workload, join(this.tree, "app"), { recursive: true });
    this.#git("init", "-q", "-b", "main");
    this.#git("remote", "add", "origin", bare);
    this.push(0);
  }
  #git(...args: string[]): string {
    return execFileSync("git", ["-c", "user.name=Bench", "-c", "user.email=bench@example.org", ...args], {
      cwd: this.tree,
    })
      .toString()
      .trim();
  }
  push(n: number): string {
    const behaviour = {
      version: `${n}`,
      build: "pass",
      gate: "pass",
      start: "ok",
      health: 200,
      page: "welcome to the shop",
      ignoresTerm: false,
    };
    writeFileSync(join(this.tree, "app", "behaviour.json"), JSON.stringify(behaviour));
    this.#git("add", "-A");
    this.#git("commit", "-q", "-m", `Change ${n}`);
    this.#git("push", "-q", "origin", "HEAD:main");
    return this.#git("rev-parse", "HEAD");
  }
}

async function connect({ client }: Installation, { tree }: Repository): Promise<void> {
  const config = {
    name: "shop",
    source: "app",
    build: ["node", "build.mjs"],
    gates: [{ name: "unit tests", command: ["node", "gate.mjs"] }],
    smoke: [{ path: "/", contains: "welcome" }],
    routing: { hosts: ["shop.example"] },
    strategy: {
      steps: [{ trafficPercent: 10, bakeMs: 3_600_000, minimumRequests: 100 }],
      batch: { when: "off" as const },
    },
    github: { repository: REPOSITORY },
  };
  await client.applyService({ params: { project }, body: { config, root: tree } });
  await until("the branch was fetched", async () => {
    const { connections } = await client.getPipeline({ params: { project } });
    return connections.some((c) => c.service === "shop" && c.seenCommit !== null);
  });
}

/** Pushes, delivers, and waits for the rollout; answers the seconds from the delivery on. What is under way makes room first. */
async function merge({ client, url }: Installation, repository: Repository, n: number, state: string): Promise<number> {
  const commit = repository.push(n);
  const deliverer = new Deliverer(url);
  const begun = performance.now();
  await deliverer.send(
    delivery("push", {
      ref: "refs/heads/main",
      after: commit,
      repository: { id: 7, full_name: REPOSITORY, pushed_at: Math.floor(Date.now() / 1_000) },
    }),
  );
  deliverer.close();
  const rolloutId = await until("it has its rollout", async () => {
    const { items } = await client.listDeployments({ params: { project }, query: { service: "shop" } });
    const own = items.find((d) => d.reason.endsWith(`Change ${n}`));
    if (own?.finishedAt && !own.rolloutId) throw new Error(`The deployment ended ${own.status}: ${own.words}`);
    return own?.rolloutId ?? false;
  });
  const rollout = await until(`the rollout is ${state}`, async () => {
    const seen = await client.getRollout({ params: { project, rolloutId } });
    return seen.state === state && seen;
  });
  const seconds = (performance.now() - begun) / 1_000;
  if (rollout.finishedAt === null) {
    await client.actOnRollout({ params: { project, rolloutId }, body: { action: "abort", reason: "the next one" } });
    await until(
      "it has made room",
      async () => (await client.getRollout({ params: { project, rolloutId } })).finishedAt !== null,
    );
  }
  return seconds;
}
