import { Product } from "../../apps/supervisor/src/product.testkit.ts";
import { ensureDebian } from "../../tools/debian.mjs";
import { withDebianPostgres } from "../../tools/postgres15.mjs";
import { type Bench, type Figure, figure } from "../figure.ts";
import { canFakeTime, clockFileOf, clockSet, fakedTime } from "./clock.ts";
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
  const figures: Figure[] = [];
  for (const part of PARTS) {
    if (only.length > 0 && !only.includes(part)) continue;
    if (part === "kill") figures.push(...figuresOf("a process was killed", await withKills(bench, runs)));
    else if (part === "disk") figures.push(...figuresOf("the disk was full", await onSmallDisk(bench, others)));
    else if (part === "servers") figures.push(...(await withServersKilled(bench)));
    else figures.push(...figuresOf("the clock was set", await withOtherTime(bench, others)));
  }
  return figures;
}

/** So many rollouts of one installation, the blows in turn. */
async function strike(bench: Bench, blows: readonly Blow[], runs: number, product = new Product()): Promise<Crash[]> {
  await product.place();
  product.maximumMs = MAXIMUM_MS;
  bench.say("Starting a Latchkey of its own ...");
  product.write("v0");
  const crashes = new Crashes(product, await product.up(), bench.seed);
  const seen: Crash[] = [];
  try {
    await crashes.begin();
    while (seen.length < runs) {
      if (bench.signal.aborted) throw new Error("Stopped.");
      const blow = blows[seen.length % blows.length];
      if (blow) seen.push(await crashes.next(blow));
      bench.say(lineOf(seen.length, seen.at(-1)));
    }
  } finally {
    await crashes.stop();
  }
  return seen;
}

async function withKills(bench: Bench, runs: number): Promise<Crash[]> {
  const product = new Product();
  try {
    return await strike(bench, KILLS, runs, product);
  } finally {
    product.remove();
  }
}

async function onSmallDisk(bench: Bench, runs: number): Promise<Crash[]> {
  const product = new Product();
  const unmount = mountSmall(product);
  if (unmount === null) return skip(bench, "no rollout was tried on a full disk", "mounting needs root");
  try {
    return await strike(bench, [diskFull], runs, product);
  } finally {
    unmount();
    product.remove();
  }
}

async function withOtherTime(bench: Bench, runs: number): Promise<Crash[]> {
  const there = ensureDebian(["libfaketime", "postgresql-15"]);
  if (there.length < 2 || !canFakeTime())
    return skip(bench, "no rollout was tried while the clock is set", "libfaketime or postgresql-15 is missing");
  const product = new Product();
  const env = fakedTime(clockFileOf(product));
  const onThatTime = (url: string) => {
    product.extra = { ...env, DATABASE_URL: url };
    return strike(bench, [clockSet(url)], runs, product);
  };
  try {
    return await withDebianPostgres(onThatTime, { env });
  } finally {
    product.remove();
  }
}

function skip(bench: Bench, what: string, why: string): Crash[] {
  bench.say(`\n!!! SKIPPED: ${what}: ${why}.\n`);
  return [];
}

export function lineOf(n: number, run: Crash | undefined): string {
  if (!run) return "";
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
