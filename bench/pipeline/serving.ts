import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Bench, type Figure, figure, median, sleep } from "../figure.ts";
import { freePort, type Installation, startOwn } from "../installation.ts";
import { type Answer, Crowd } from "./crowd.ts";
import { until } from "./until.ts";

/**
 * From the decision to go back until every one of many clients is served by the old release, as the clients see it: once out of
 * a canary that the judge takes back, and once after the rollout, where a person goes back to a release that served before: one
 * that still runs, and one that must be started again.
 */
const RUNS = 10;
const RUNS_QUICK = 1;
const BELOW_S = 5;
const CLIENTS = 40;
/** Clients go on asking for so long after the last that was seen of the release that was left. */
const AFTER_MS = 2_000;
const HAPROXY = "/usr/sbin/haproxy";
const OLD = "old";
const main = { project: "main" } as const;

interface Place {
  readonly name: string;
  readonly service: string;
  readonly url: string;
  readonly host: string;
}
interface Run {
  readonly seconds: number;
  readonly unanswered: number;
}

export async function measureServing(bench: Bench): Promise<Figure[]> {
  const dir = mkdtempSync(join(tmpdir(), "latchkey-bench-"));
  bench.say("Starting a Latchkey of its own ...");
  const installation = await startOwn(bench.root, bench.signal);
  let haproxy: ChildProcess | null = null;
  try {
    const figures: Figure[] = [];
    const near: Place = { name: "local", service: "near", url: installation.applicationUrl, host: "near.example" };
    figures.push(...(await measureAt(bench, installation, near, await sources(bench, dir, near), {})));
    if (!existsSync(HAPROXY)) {
      // A figure that could not be taken holds no goal.
      bench.say("HAProxy is not installed (apt-get install haproxy): nothing was measured on it.");
      return [
        ...figures,
        figure("haproxy: decision to old release serving everybody", Number.NaN, "s", { below: BELOW_S }),
      ];
    }
    const bind = `127.0.0.1:${await freePort()}`;
    const behind: Place = { name: "haproxy", service: "behind", url: `http://${bind}`, host: "behind.example" };
    const file = join(installation.own?.dir ?? "", "haproxy", "behind-production", "haproxy.cfg");
    const begin = async () => {
      await until("HAProxy's file is written", async () => existsSync(file));
      haproxy = spawn(HAPROXY, ["-db", "-f", file], { stdio: "ignore" });
    };
    const target = { target: { kind: "haproxy" as const, bind } };
    figures.push(...(await measureAt(bench, installation, behind, await sources(bench, dir, behind), target, begin)));
    return figures;
  } finally {
    (haproxy as ChildProcess | null)?.kill("SIGKILL");
    await installation.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

async function sources(bench: Bench, dir: string, { service }: Place): Promise<string> {
  const root = join(dir, service);
  mkdirSync(root, { recursive: true });
  cpSync(join(bench.root, "apps", "server", "src", "testing", "workload"), join(root, "app"), { recursive: true });
  return root;
}

async function measureAt(
  bench: Bench,
  installation: Installation,
  place: Place,
  root: string,
  also: object,
  begin: () => Promise<void> = async () => {},
): Promise<Figure[]> {
  const { client } = installation;
  const config = {
    name: place.service,
    source: "app",
    build: ["node", "build.mjs"],
    gates: [],
    routing: { hosts: [place.host] },
    strategy: {
      steps: [{ trafficPercent: 50, bakeMs: 3_600_000, minimumRequests: 100 }],
      holdbackMs: 0,
      batch: { when: "off" as const },
    },
    analysis: { minimumBakeMs: 0 },
    ...also,
  };
  await client.applyService({ params: main, body: { config, root } });
  const releases = new Releases(bench, installation, place, root);
  const first = releases.ship({ page: OLD });
  await begin();
  await releases.untilEnded(await first, "succeeded");
  const runs = bench.runs ?? (bench.quick ? RUNS_QUICK : RUNS);
  const takenBack: Run[] = [];
  const toWarm: Run[] = [];
  const toCold: Run[] = [];
  for (let i = 0; i < runs && !bench.signal.aborted; i++) {
    takenBack.push(await releases.takeBack());
    bench.say(`${place.name}, canary ${i + 1}: ${takenBack.at(-1)?.seconds.toFixed(3)} s`);
  }
  for (let i = 0; i < runs && !bench.signal.aborted; i++) {
    toWarm.push(await releases.goBack(0));
    bench.say(`${place.name}, to a release that runs ${i + 1}: ${toWarm.at(-1)?.seconds.toFixed(3)} s`);
  }
  await client.applyService({ params: main, body: { config: { ...config, rollback: { keepWarmMs: 0 } }, root } });
  for (let i = 0; i < runs && !bench.signal.aborted; i++) {
    toCold.push(await releases.goBack(bench.quick ? 0 : ENDED_MS));
    bench.say(`${place.name}, to a release that was ended ${i + 1}: ${toCold.at(-1)?.seconds.toFixed(3)} s`);
  }
  return [
    ...figuresOf(`${place.name}: a canary's rollback, decision to ${CLIENTS} clients on the old release`, takenBack),
    ...figuresOf(`${place.name}: back to a release that runs, decision to ${CLIENTS} clients on it`, toWarm),
    ...figuresOf(`${place.name}: back to a release that was ended, decision to ${CLIENTS} clients on it`, toCold),
  ];
}

function figuresOf(name: string, runs: readonly Run[]): Figure[] {
  const seconds = runs.map((run) => run.seconds);
  return [
    figure(`${name}, slowest of ${runs.length}`, Math.max(...seconds), "s", { below: BELOW_S }),
    figure("the same, median", median(seconds), "s", { below: BELOW_S }),
    figure(
      "the same, requests without an answer",
      runs.reduce((sum, run) => sum + run.unanswered, 0),
      "requests",
      { atMost: 0 },
    ),
  ];
}

/** Ships releases of one service, and goes back from them under the eyes of a crowd. */
class Releases {
  readonly #bench: Bench;
  readonly #client: Installation["client"];
  readonly #place: Place;
  readonly #root: string;
  #version = 0;
  /** Built once, and shipped again and again. */
  #bad: string | null = null;
  #good: string | null = null;

  constructor(bench: Bench, { client }: Installation, place: Place, root: string) {
    this.#bench = bench;
    this.#client = client;
    this.#place = place;
    this.#root = root;
  }

  /** A release with this page; without one it answers 500. Answers the deployment's id. */
  async ship({ page }: { page: string | null }, releaseId: string | null = null): Promise<string> {
    this.#version += 1;
    const behaviour = { version: `${this.#version}`, build: "pass", gate: "pass", start: "ok", health: 200, page };
    writeFileSync(join(this.#root, "app", "behaviour.json"), JSON.stringify(behaviour));
    const body = { reason: "bench", ...(releaseId === null ? {} : { releaseId }) };
    return (await this.#client.ship({ params: { ...main, service: this.#place.service }, body })).id;
  }

  async #deployment(deploymentId: string) {
    if (this.#bench.signal.aborted) throw new Error("Stopped.");
    return this.#client.getDeployment({ params: { ...main, deploymentId } });
  }

  async untilEnded(deploymentId: string, status: string): Promise<void> {
    await until(`the deployment is ${status}`, async () => {
      const seen = await this.#deployment(deploymentId);
      if (seen.finishedAt !== null && seen.status !== status)
        throw new Error(`The deployment was to end ${status}, and is ${seen.status}: ${seen.words}`);
      return seen.status === status;
    });
  }

  async #rolloutIn(deploymentId: string, ...states: string[]) {
    return until(`the rollout is ${states.join(" or ")}`, async () => {
      const { rolloutId, finishedAt, words, release } = await this.#deployment(deploymentId);
      if (rolloutId === null) {
        if (finishedAt !== null) throw new Error(`The deployment has no rollout: ${words}`);
        return false;
      }
      const rollout = await this.#client.getRollout({ params: { ...main, rolloutId } });
      return states.includes(rollout.state) && { rollout, rolloutId, releaseId: release?.id ?? "" };
    });
  }

  /** The judge takes a canary back for its errors. */
  async takeBack(): Promise<Run> {
    const deploymentId = await this.ship({ page: null }, this.#bad);
    const { rolloutId, releaseId } = await this.#rolloutIn(deploymentId, "progressing");
    this.#bad = releaseId;
    const crowd = new Crowd(this.#place, CLIENTS);
    crowd.start();
    try {
      await this.untilEnded(deploymentId, "rolled_back");
      const rollout = await this.#client.getRollout({ params: { ...main, rolloutId } });
      // The time of the look behind the decision: judging and committing are in what is measured.
      const decided = rollout.decisions.find(({ kind }) => kind === "roll_back_begun");
      return await this.#seenBy(crowd, Date.parse(decided?.at ?? ""));
    } finally {
      await crowd.stop();
    }
  }

  /** A person goes back from a release that has served everybody for longer than the one before it is needed by its rollout. */
  async goBack(afterMs: number): Promise<Run> {
    const deploymentId = await this.ship({ page: "new" }, this.#good);
    const { rolloutId, releaseId } = await this.#rolloutIn(deploymentId, "progressing");
    this.#good = releaseId;
    await this.#client.actOnRollout({ params: { ...main, rolloutId }, body: { action: "promote", reason: "bench" } });
    await this.untilEnded(deploymentId, "succeeded");
    await sleep(afterMs);
    const crowd = new Crowd(this.#place, CLIENTS);
    crowd.start();
    try {
      await crowd.until((answers) => answers.filter(({ text }) => text === "new").length >= CLIENTS * 2);
      const back = await this.#client.rollBack({
        params: { ...main, service: this.#place.service },
        body: { reason: "bench" },
      });
      await this.untilEnded(back.id, "succeeded");
      return await this.#seenBy(crowd, Date.parse((await this.#deployment(back.id)).createdAt));
    } finally {
      await crowd.stop();
    }
  }

  async #seenBy(crowd: Crowd, decidedMs: number): Promise<Run> {
    await sleep(AFTER_MS);
    await crowd.stop();
    const servedMs = crowd.clients.map((answers) => firstForGood(answers, decidedMs));
    const seen = crowd.answers.filter(({ text }) => text !== OLD && text !== null).length;
    // A crowd that never met the release that was left has measured nothing.
    if (seen === 0) return { seconds: Number.NaN, unanswered: 0 };
    const unanswered = crowd.answers.filter(({ text }) => text === null).length;
    return { seconds: (Math.max(...servedMs) - decidedMs) / 1_000, unanswered };
  }
}

/** By then the process of a release that is not kept warm has ended: 5 s of drain, and a survey each second. */
const ENDED_MS = 10_000;

/** When a client was answered by the old release for the first time after the decision, and by no other any more. */
function firstForGood(answers: readonly Answer[], decidedMs: number): number {
  const last = answers.findLastIndex(({ text }) => text !== OLD);
  return answers.slice(last + 1).find(({ sentMs }) => sentMs >= decidedMs)?.receivedMs ?? Number.NaN;
}
