import { benchCanary, CANARY_PARTS } from "./canary/index.ts";
import { benchCrash, PARTS as CRASH_PARTS } from "./crash/index.ts";
import { benchDelivery, PARTS } from "./delivery/index.ts";
import { benchDora, DORA_PARTS } from "./dora/index.ts";
import { type Bench, type Figure, tableOf } from "./figure.ts";
import { benchFlags, FLAGS_PARTS } from "./flags/index.ts";
import { benchFoundation, FOUNDATION_PARTS } from "./foundation/index.ts";
import { benchFuzz, PARTS as FUZZ_PARTS } from "./fuzz/index.ts";

import { benchPipeline, PIPELINE_PARTS } from "./pipeline/index.ts";

/** `npm run bench`: answers the exit code. */
interface Topic {
  readonly words: string;
  readonly parts: readonly string[];
  readonly run: (bench: Bench, only: readonly string[]) => Promise<Figure[]>;
}
const TOPICS: Readonly<Record<string, Topic>> = {
  delivery: {
    words: "time to 0 % after a FAIL, memory, idle CPU, API reads, Overview, start, the gateway beside HAProxy",
    parts: PARTS,
    run: benchDelivery,
  },
  flags: {
    words:
      "an evaluation beside other evaluators, how soon a kill is a value beside Unleash, how a rollout is watched, in simulation, a cold start of the SDK, what a page loads",
    parts: FLAGS_PARTS,
    run: benchFlags,
  },
  foundation: {
    words: "what the ledger and the gateway cost beside going without or beside others, and a year of history",
    parts: FOUNDATION_PARTS,
    run: benchFoundation,
  },
  canary: {
    words:
      "how often the judge blames the healthy and how soon it finds harm, beside the rules of others, in simulation",
    parts: CANARY_PARTS,
    run: benchCanary,
  },
  crash: {
    words:
      "real rollouts in which a process is killed, the disk full, the clock set, or one of three servers killed every 10 s",
    parts: CRASH_PARTS,
    run: benchCrash,
  },
  pipeline: {
    words:
      "GitHub's deliveries at 500 a second, in any order, from a merge to its canary, from a rollback to the old release, what 10 MB reports hold up, what 200 services cost idle",
    parts: PIPELINE_PARTS,
    run: benchPipeline,
  },
  dora: {
    words:
      "how near the five keys come to the truth of a made-up world, beside linking incidents by the clock, and how long they take",
    parts: DORA_PARTS,
    run: benchDora,
  },
  fuzz: {
    words: "100,000 valid, almost valid and hostile requests to the API, 20,000 malformed ones to the gateway",
    parts: FUZZ_PARTS,
    run: benchFuzz,
  },
};

/** Where random choices begin unless `--seed` says otherwise. */
const SEED = 1;

const USAGE = `Measures what Latchkey promises, beside peers where there are any. A busy machine shows in the figures.

Topics:
${Object.entries(TOPICS)
  .map(([name, t]) => `  ${name.padEnd(10)} ${t.words}\n${"".padEnd(13)}parts: ${t.parts.join(", ")}`)
  .join("\n")}

  npm run bench -- delivery                 all of it, in some minutes
  npm run bench -- delivery judge gateway   only these parts
  npm run bench -- delivery --quick         under a minute: proves that the bench works, not that the goals hold
  npm run bench -- delivery --json          one JSON object per figure
  npm run bench -- fuzz --seed 7            other random choices than those of seed 1
  npm run bench -- canary --write           keeps results in bench/canary/results.json, goes on from them, writes docs/canary.md
  npm run bench -- crash kill --runs 20     a fifth of its rollouts, of these parts

Exit codes: 0 every goal holds, 2 one does not, 1 it could not be measured.`;

/** The whole number behind a flag, at least `least`; null without the flag. */
function numberOf(args: readonly string[], flag: string, least = Number.MIN_SAFE_INTEGER): number | null {
  const at = args.indexOf(flag);
  if (at < 0) return null;
  const given = Number(args[at + 1] ?? Number.NaN);
  if (Number.isSafeInteger(given) && given >= least) return given;
  throw new Error(`${flag} needs a whole number${least > 0 ? ` from ${least} on` : ""} behind it.`);
}

export async function main(args: readonly string[], root: string): Promise<number> {
  const seed = numberOf(args, "--seed") ?? SEED;
  // No run at all would hold every goal.
  const runs = numberOf(args, "--runs", 1);
  const isValue = (i: number) => ["--seed", "--runs"].includes(args[i - 1] ?? "");
  const [name, ...only] = args.filter((a, i) => !a.startsWith("--") && !isValue(i));
  const topic = name === undefined ? undefined : TOPICS[name];
  const strange = only.find((part) => !topic?.parts.includes(part));
  if (!topic || strange !== undefined) {
    if (name !== undefined) console.error(topic ? `There is no part "${strange}".` : `There is no topic "${name}".`);
    console.log(USAGE);
    return name === undefined ? 0 : 1;
  }
  const stopping = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => stopping.abort());
  const bench: Bench = {
    seed,
    runs,
    quick: args.includes("--quick"),
    write: args.includes("--write"),
    root,
    signal: stopping.signal,
    say: (words) => process.stderr.write(`${words}\n`),
  };
  const figures = await topic.run(bench, only);
  if (args.includes("--json")) for (const f of figures) console.log(JSON.stringify(f));
  else console.log(tableOf(figures));
  return figures.every((f) => f.holds) ? 0 : 2;
}
