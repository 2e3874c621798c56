import { GUARD_FAULTS, type GuardFaultName } from "./guard-faults.ts";
import { guardPlan } from "./guard-plans.ts";
import { MUTATIONS, type Mutation } from "./mutations.ts";
import { planOf } from "./plan.ts";
import { World } from "./world.ts";

/** `npm run sim`: worlds from seeds. */
const HELP = `Simulated worlds: the real controllers, with clocks that jump, processes that die between any two steps,
answers that are lost, messages that come late or twice, and restores from old backups.

  npm run sim -- --seed 42              one world, with a readable trace
  npm run sim -- --seed 42 --steps      the same with every step of every server
  npm run sim -- --seeds 1000           many worlds, from seed 1 (or from --seed)
  npm run sim -- --seed 42 --guard restarts
                                        a calm world in which a guard's case happens: ${Object.keys(GUARD_FAULTS).join(", ")}
  npm run sim -- --seeds 500 --without fence
                                        what a world notices when something is taken out of the product:
${Object.entries(MUTATIONS)
  .map(([key, words]) => `                                          ${key.padEnd(16)} ${words}`)
  .join("\n")}`;

interface Options {
  seed: number;
  seeds: number;
  steps: boolean;
  without: Mutation[];
  guard: GuardFaultName | null;
}

function optionsOf(argv: readonly string[]): Options | string {
  const options: Options = { seed: 1, seeds: 0, steps: false, without: [], guard: null };
  for (let i = 0; i < argv.length; i++) {
    const flag = argv[i];
    if (flag === "--steps") {
      options.steps = true;
      continue;
    }
    const value = argv[++i] ?? "";
    if (flag === "--seed" || flag === "--seeds") {
      if (!/^\d{1,9}$/.test(value)) return `${flag} needs a whole number: ${flag} 42.`;
      options[flag === "--seed" ? "seed" : "seeds"] = Number(value);
    } else if (flag === "--without") {
      if (!(value in MUTATIONS)) return `--without needs one of ${Object.keys(MUTATIONS).join(", ")}.`;
      options.without.push(value as Mutation);
    } else if (flag === "--guard") {
      if (!(value in GUARD_FAULTS)) return `--guard needs one of ${Object.keys(GUARD_FAULTS).join(", ")}.`;
      options.guard = value as GuardFaultName;
    } else return `There is no ${flag}. ${HELP}`;
  }
  return options;
}

export async function main(argv: readonly string[]): Promise<number> {
  if (argv.includes("--help") || argv.length === 0) {
    console.log(HELP);
    return 0;
  }
  const options = optionsOf(argv);
  if (typeof options === "string") {
    console.error(options);
    return 1;
  }
  const { seed, seeds, without, guard } = options;
  const planned = (n: number) => (guard === null ? {} : { plan: guardPlan(n, guard) });
  if (seeds === 0) {
    console.log(JSON.stringify(planned(seed).plan ?? planOf(seed), null, 2));
    const world = new World({
      seed,
      without,
      ...planned(seed),
      trace: (line) => console.log(line),
      traceSteps: options.steps,
    });
    const outcome = await world.run();
    console.log(
      outcome.violations.length === 0 ? "Every invariant holds." : `${outcome.violations.length} violations.`,
    );
    return outcome.violations.length === 0 ? 0 : 2;
  }
  const failed: number[] = [];
  const sums = { steps: 0, rollouts: 0, deployments: 0, joined: 0 };
  for (let n = seed; n < seed + seeds; n++) {
    const outcome = await new World({ seed: n, without, ...planned(n) }).run();
    sums.steps += outcome.steps;
    sums.rollouts += outcome.rollouts;
    sums.deployments += outcome.deployments;
    sums.joined += outcome.joined;
    if (outcome.violations.length === 0) continue;
    failed.push(n);
    console.log(`seed ${n}: ${outcome.violations.join(" ")}`);
  }
  const cpu = process.cpuUsage();
  console.log(
    `${seeds} worlds, ${sums.deployments} deployments (${sums.joined} went out with another), ${sums.rollouts} rollouts, ${sums.steps} steps in ${((cpu.user + cpu.system) / 1e6).toFixed(1)} s of processor time: ${failed.length} with violations.`,
  );
  return failed.length === 0 ? 0 : 2;
}
