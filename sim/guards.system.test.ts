import { describe, expect, it } from "vitest";
import { GUARD_FAULTS, type GuardFaultName } from "./guard-faults.ts";
import { guardPlan } from "./guard-plans.ts";
import { MUTATIONS, type Mutation } from "./mutations.ts";
import { World } from "./world.ts";

const NAMES = Object.keys(GUARD_FAULTS) as GuardFaultName[];
const SEEDS = 12;
/** In one world of five the second release does not build, pass its gate or start, and its fault never happens. */
const HAPPENS = 7;

async function run(name: GuardFaultName, seed: number, without: Mutation[] = []) {
  const world = new World({ seed, without, plan: guardPlan(seed, name) });
  const { violations } = await world.run();
  return { violations, happened: world.guards.window !== null };
}

describe("every guard in a world where what it is for happens", () => {
  it.each(NAMES)(
    "%s: is seen and told, does what it should, and the rollout ends",
    { timeout: 120_000 },
    async (name) => {
      let happened = 0;
      for (let seed = 1; seed <= SEEDS; seed++) {
        const outcome = await run(name, seed);
        // Of a world whose fault happened and whose guard did not fire, `guardsTell` says so.
        expect(outcome.violations, `seed ${seed}`).toEqual([]);
        if (outcome.happened) happened += 1;
      }
      expect(happened).toBeGreaterThanOrEqual(HAPPENS);
    },
  );

  it.each(NAMES.filter((name) => GUARD_FAULTS[name].does !== "tells"))(
    "%s: without its guard the rollout goes where it must not, and that is noticed",
    { timeout: 120_000 },
    async (name) => {
      const without = `guard-${GUARD_FAULTS[name].guard}` as Mutation;
      expect(Object.keys(MUTATIONS)).toContain(without);
      for (let seed = 1; seed <= SEEDS; seed++) {
        const { violations } = await run(name, seed, [without]);
        if (violations.some((v) => / went on to | ended completed instead of rolled_back/.test(v))) return;
      }
      expect.unreachable(`${SEEDS} worlds went as they should without the guard`);
    },
  );
});
