import { JUDGED, RUNS } from "./judge.ts";

/** What `npm run demo` can be asked for. */
export interface DemoOptions {
  /** The releases that are shipped: `none` is the healthy one. */
  readonly faults: readonly string[];
  /** Each of a few faults some times, with medians, instead of each fault once. */
  readonly judge: boolean;
  readonly runs: number;
  readonly json: boolean;
  /** Leaves Latchkey running at the end. */
  readonly keep: boolean;
  /** The API of a Latchkey that runs already; null starts one. */
  readonly url: string | null;
  readonly sessionsPerSecond: number;
  readonly seed: number;
}

export const FAULTS = [
  "none",
  "errors=5%",
  "latency=+50%",
  "crash-after=200",
  "leak",
  "slow-tail=3%x10",
  "broken-page",
] as const;

export const USAGE = `Ships a healthy release and ${FAULTS.length - 1} faulty ones under traffic, and shows what becomes of each.

  npm run demo                            all of them, with a Latchkey of its own; takes about ten minutes at most
  npm run demo -- --only errors=5%,leak   only these (and "none" for the healthy one)
  npm run demo -- --judge --runs 5        the judge alone: healthy and faulty releases, each so many times (3), with
                                          the median time to its verdict; about a minute for each release
  npm run demo -- --json                  the table as JSON
  npm run demo -- --keep                  leaves it running, to look around in the console
  npm run demo -- --url http://127.0.0.1:7400
                                          uses a Latchkey that runs (its token from LATCHKEY_TOKEN or LATCHKEY_DIR)
  npm run demo -- --rate 12 --seed 7      sessions per second (15), and the seed of the visitors

Exit codes: 0 every verdict was right, 1 one was wrong, 2 wrong use.`;

/** 15 sessions a second are about 150 requests a second: a third of two cores, so that the machine is not what is judged. */
const SESSIONS_PER_SECOND = 15;

/** Reads the arguments; a sentence when they can't be. */
export function readOptions(args: readonly string[]): DemoOptions | string {
  let o: DemoOptions = {
    faults: FAULTS,
    judge: false,
    runs: RUNS,
    json: false,
    keep: false,
    url: null,
    sessionsPerSecond: SESSIONS_PER_SECOND,
    seed: 1,
  };
  for (let i = 0; i < args.length; i++) {
    const name = args[i] ?? "";
    if (name === "--judge") o = { ...o, judge: true };
    else if (name === "--json") o = { ...o, json: true };
    else if (name === "--keep") o = { ...o, keep: true };
    else if (["--only", "--url", "--rate", "--seed", "--runs"].includes(name)) {
      const value = args[++i];
      if (value === undefined) return `${name} needs a value.`;
      if (name === "--only") o = { ...o, faults: value.split(",").map((fault) => fault.trim()) };
      else if (name === "--url") o = { ...o, url: value.replace(/\/$/, "") };
      else if (!(Number(value) > 0)) return `${name} needs a number above 0.`;
      else if (name === "--runs") {
        if (!Number.isInteger(Number(value))) return "--runs needs a whole number.";
        o = { ...o, runs: Number(value) };
      } else o = name === "--rate" ? { ...o, sessionsPerSecond: Number(value) } : { ...o, seed: Number(value) };
    } else return `"${name}" is not an option.`;
  }
  if (!o.judge) return o;
  const faults = o.faults === FAULTS ? JUDGED : o.faults;
  // Round by round, so that what the machine does meanwhile meets all alike.
  return { ...o, faults: Array.from({ length: o.runs }, () => faults).flat() };
}
