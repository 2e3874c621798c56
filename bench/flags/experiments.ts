import { armOf, bucketOf } from "@latchkey/core/flags/buckets";
import { type ArmCounts, DEFAULT_PLAN, decideRamp, evidenceOf } from "@latchkey/core/flags/experiment";
import { medianKilled, playRollout } from "@latchkey/core/flags/experiment.testkit";
import { type Random, seeded } from "@latchkey/core/shared/random";
import { type Bench, type Figure, figure } from "../figure.ts";

/** Rollouts as experiments: how often the harmless is killed, how soon harm is, and who ever changes arms. */
const STEPS = [1, 5, 10, 25, 50] as const;
const RAMP = { kind: "steps", steps: STEPS.map((percent) => ({ percent, holdMs: 0 })) } as const;
const USERS = 100_000;
/** Users of each arm at the end of a ramp. */
const USERS_OF_ARM = USERS / 2;

export async function measureExperiments(bench: Bench): Promise<Figure[]> {
  const random = seeded(bench.seed);
  const runs = bench.runs ?? (bench.quick ? 1_000 : 4_000);
  bench.say(`${runs} rollouts of each kind`);
  const play = (treated: number, control: number, users: number, alpha: number) =>
    Array.from({ length: runs }, () => playRollout(random, { treated, control, users, lnNeeded: Math.log(1 / alpha) }));
  const killed = (found: readonly (number | null)[]) =>
    (100 * found.filter((one) => one !== null).length) / found.length;
  const figures: Figure[] = [];
  for (const rate of [0.001, 0.01])
    figures.push(
      figure(
        `harmless, ${rate * 100} % errors, 1 to 50 %, alpha 0.01: killed`,
        killed(play(rate, rate, USERS_OF_ARM, 0.01)),
        "%",
        { atMost: 1 },
      ),
    );
  figures.push(
    figure("harmless, 1 % errors, 1 to 50 %, alpha 0.05: killed", killed(play(0.01, 0.01, USERS_OF_ARM, 0.05)), "%", {
      atMost: 5,
    }),
    figure("errors 0.1 to 0.5 %, alpha 0.01: users of each arm", medianKilled(play(0.005, 0.001, 1e6, 0.01)), "users", {
      atMost: 3_500,
    }),
    figure("errors 0.1 to 0.5 %, alpha 0.05: users of each arm", medianKilled(play(0.005, 0.001, 1e6, 0.05)), "users", {
      atMost: 2_500,
    }),
    figure("errors 1 to 2 %, alpha 0.01: users of each arm", medianKilled(play(0.02, 0.01, 1e6, 0.01)), "users"),
    figure("all fail, alpha 0.01: users of each arm", medianKilled(play(1, 1e-6, 1e6, 0.01)), "users", { atMost: 15 }),
  );
  bench.say("whole ramps, decided as the server decides");
  const ramps = Math.max(20, Math.round(runs / 40));
  const ends = Array.from({ length: ramps }, () => playRamp(random));
  figures.push(
    figure(
      "harmless ramps, two guardrails: killed",
      (100 * ends.filter((end) => end === "killed").length) / ramps,
      "%",
      {
        atMost: 1,
      },
    ),
    figure("harmless ramps: held as mismatched", (100 * ends.filter((end) => end === "held").length) / ramps, "%", {
      atMost: 0.5,
    }),
    figure("users of 100,000 that change arms over a ramp", crossings(), "users", { atMost: 0 }),
  );
  return figures;
}

/** A harmless ramp through all its steps and then its tail, looked at after every 20 users; two metrics of 1 % and 0.3 %. */
function playRamp(random: Random): "killed" | "held" | "done" {
  const rates = { errors: 0.01, "browser-errors": 0.003 } as const;
  const arms = { treated: [0, 0, 0], control: [0, 0, 0] };
  const counts = ([exposed = 0, errors = 0, browser = 0]: readonly number[]): ArmCounts => {
    const of = (hit: number) => ({ users: hit, hit, events: exposed, total: hit, squares: hit });
    return { exposed, metrics: { errors: of(errors), "browser-errors": of(browser) } };
  };
  let percent = 0;
  let before = { treated: 0, control: 0 };
  for (let user = 0; user < 2 * USERS_OF_ARM; ) {
    for (let i = 0; percent > 0 && i < 20; i++, user++) {
      const arm = random() < 0.5 ? arms.treated : arms.control;
      arm[0] = (arm[0] ?? 0) + 1;
      if (random() < rates.errors) arm[1] = (arm[1] ?? 0) + 1;
      if (random() < rates["browser-errors"]) arm[2] = (arm[2] ?? 0) + 1;
    }
    const now = { treated: counts(arms.treated), control: counts(arms.control) };
    const decision = decideRamp(DEFAULT_PLAN, evidenceOf(DEFAULT_PLAN, now), {
      ...{ percent, state: "running", sinceMs: 0, ramp: RAMP },
      newlyExposed: {
        treated: now.treated.exposed - before.treated,
        control: now.control.exposed - before.control,
      },
    });
    if (decision.kind === "kill") return "killed";
    if (decision.kind === "hold") return "held";
    if (decision.kind === "step") {
      percent = decision.percent;
      before = { treated: now.treated.exposed, control: now.control.exposed };
    }
  }
  return "done";
}

function crossings(): number {
  const bucket = bucketOf("targetingKey", "new-lead-form", "flagd-2");
  let crossed = 0;
  for (let i = 0; i < USERS; i++) {
    const at = bucket({ targetingKey: `user-${i}` }) ?? Number.NaN;
    const seen = new Set(STEPS.map((percent) => armOf(at, percent)));
    if (seen.has("treated") && seen.has("control")) crossed++;
  }
  return crossed;
}
