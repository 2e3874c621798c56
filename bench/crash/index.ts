import { Product } from "../../apps/supervisor/src/product.testkit.ts";
import { type Bench, type Figure, figure } from "../figure.ts";
import { type Crash, Crashes, VICTIMS } from "./crashes.ts";

/** The topic `crash`: processes of real rollouts are killed, and nothing ends wrongly. */
export const PARTS = ["kill"] as const;
const RUNS = 100;
/** Each process once: proves that the bench works. */
const QUICK_RUNS = VICTIMS.length;
const SEED = 1;
/** Harm is found in two seconds; a healthy release needs not be proved to be so here. */
const MAXIMUM_MS = 10_000;

export async function benchCrash(bench: Bench): Promise<Figure[]> {
  const product = new Product();
  await product.place();
  product.maximumMs = MAXIMUM_MS;
  bench.say("Starting a Latchkey of its own ...");
  product.write("v0");
  const crashes = new Crashes(product, await product.up(), SEED);
  const runs: Crash[] = [];
  try {
    await crashes.begin();
    while (runs.length < (bench.quick ? QUICK_RUNS : RUNS)) {
      if (bench.signal.aborted) throw new Error("Stopped.");
      const run = await crashes.next();
      runs.push(run);
      bench.say(lineOf(runs.length, run));
    }
  } finally {
    await crashes.stop();
  }
  return figuresOf(runs);
}

export function lineOf(n: number, run: Crash): string {
  const { victim, isHarmful, during, end, seconds, wrong, strangeErrors } = run;
  const release = isHarmful ? "harmful" : "healthy";
  const faults = [...wrong, ...strangeErrors.map((words) => `a visitor saw: ${words}`)];
  return `${String(n).padStart(3)}  ${victim} killed while ${during}: ${release} release ${end} after ${seconds.toFixed(1)} s${faults.length > 0 ? `. WRONG: ${faults.join("; ")}` : ""}`;
}

function figuresOf(runs: readonly Crash[]): Figure[] {
  const count = (pick: (run: Crash) => number) => runs.reduce((n, run) => n + pick(run), 0);
  return [
    figure("rollouts in which a process was killed", runs.length, "rollouts"),
    figure(
      "wrong ends and lost entries",
      count((run) => run.wrong.length),
      "",
      { below: 1 },
    ),
    figure(
      "visitors' errors that no killed connection explains",
      count((run) => run.strangeErrors.length),
      "requests",
      { below: 1 },
    ),
  ];
}
