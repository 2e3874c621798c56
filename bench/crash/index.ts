import { Product } from "../../apps/supervisor/src/product.testkit.ts";
import { ensureDebian } from "../../tools/debian.mjs";
import { withDebianPostgres } from "../../tools/postgres15.mjs";
import { type Bench, type Figure, figure } from "../figure.ts";
import { clockFileOf, clockSet, fakedTime } from "./clock.ts";
import { type Blow, type Crash, Crashes } from "./crashes.ts";
import { diskFull, mountSmall } from "./disk.ts";
import { KILLS } from "./kills.ts";
import { withServersKilled } from "./servers.ts";

/** The topic `crash`: real rollouts in which something goes wrong, and nothing ends wrongly. */
export const PARTS = ["kill", "disk", "clock", "servers"] as const;
/** Processes killed; of the other parts a tenth of that each, as rare as they are. */
const RUNS = 100;
const SHARE_OF_OTHERS = 0.1;
/** Harm is found in two seconds; a healthy release needs not be proved to be so here. */
const MAXIMUM_MS = 10_000;

export async function benchCrash(bench: Bench, only: readonly string[]): Promise<Figure[]> {
  // In quick, each process once: it proves that the bench works.
  const runs = bench.runs ?? (bench.quick ? KILLS.length : RUNS);
  const others = Math.max(1, Math.round(runs * SHARE_OF_OTHERS));
  const trials: Record<(typeof PARTS)[number], (product: Product) => Promise<Figure[]>> = {
    kill: async (product) => figuresOf("a process was killed", await strike(bench, KILLS, runs, product)),
    disk: async (product) => figuresOf("the disk was full", await onSmallDisk(bench, others, product)),
    clock: async (product) => figuresOf("the clock was set", await withOtherTime(bench, others, product)),
    servers: (product) => withServersKilled(bench, product),
  };
  const figures: Figure[] = [];
  for (const part of PARTS) {
    if (only.length > 0 && !only.includes(part)) continue;
    figures.push(...(await withProduct(trials[part])));
  }
  return figures;
}

/** An installation of its own, of which nothing stays. */
async function withProduct(use: (product: Product) => Promise<Figure[]>): Promise<Figure[]> {
  const product = new Product();
  try {
    return await use(product);
  } finally {
    product.remove();
  }
}

/** So many rollouts of one installation, the blows in turn. */
async function strike(bench: Bench, blows: readonly Blow[], runs: number, product: Product): Promise<Crash[]> {
  await product.place();
  product.maximumMs = MAXIMUM_MS;
  bench.say("Starting a Latchkey of its own ...");
  product.write("v0");
  const crashes = new Crashes(product, await product.up(), bench.seed);
  const seen: Crash[] = [];
  try {
    await crashes.begin();
    for (let blow = blows[0]; blow && seen.length < runs; blow = blows[seen.length % blows.length]) {
      if (bench.signal.aborted) throw new Error("Stopped.");
      const crash = await crashes.next(blow);
      seen.push(crash);
      bench.say(lineOf(seen.length, crash));
    }
  } finally {
    await crashes.stop();
  }
  return seen;
}

async function onSmallDisk(bench: Bench, runs: number, product: Product): Promise<Crash[]> {
  const unmount = mountSmall(product);
  if (unmount === null) return skip(bench, "no rollout was tried on a full disk", "mounting needs root");
  try {
    return await strike(bench, [diskFull], runs, product);
  } finally {
    unmount();
  }
}

async function withOtherTime(bench: Bench, runs: number, product: Product): Promise<Crash[]> {
  if (ensureDebian(["libfaketime", "postgresql-15"]).length < 2)
    return skip(bench, "no rollout was tried while the clock is set", "libfaketime or postgresql-15 is missing");
  const env = fakedTime(clockFileOf(product));
  const onThatTime = (url: string) => {
    product.extra = { ...env, DATABASE_URL: url };
    return strike(bench, [clockSet(url)], runs, product);
  };
  return withDebianPostgres(onThatTime, { env });
}

function skip(bench: Bench, what: string, why: string): Crash[] {
  bench.say(`\n!!! SKIPPED: ${what}: ${why}.\n`);
  return [];
}

function lineOf(n: number, run: Crash): string {
  const { blow, isHarmful, during, end, seconds, wrong, strangeErrors } = run;
  const release = isHarmful ? "harmful" : "healthy";
  const faults = [...wrong, ...strangeErrors.map((words) => `a visitor saw: ${words}`)];
  return `${String(n).padStart(3)}  ${blow} while ${during}: ${release} release ${end} after ${seconds.toFixed(1)} s${faults.length > 0 ? `. WRONG: ${faults.join("; ")}` : ""}`;
}

function figuresOf(what: string, runs: readonly Crash[]): Figure[] {
  if (runs.length === 0) return [];
  const count = (pick: (run: Crash) => number) => runs.reduce((n, run) => n + pick(run), 0);
  return [
    figure(`rollouts in which ${what}`, runs.length, "rollouts"),
    figure(
      `${what}: wrong ends and lost entries`,
      count((run) => run.wrong.length),
      "",
      { below: 1 },
    ),
    figure(
      `${what}: visitors' errors that it does not explain`,
      count((run) => run.strangeErrors.length),
      "requests",
      { below: 1 },
    ),
  ];
}
