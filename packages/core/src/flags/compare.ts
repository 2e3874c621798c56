import { type Change, differences } from "../shared/difference.ts";
import { type Flag, type RolloutState, withRollouts } from "./model.ts";

/** A flag that is not the same in two environments. */
export interface EnvironmentDifference {
  readonly flag: string;
  /** Whether it is in the environment at all. */
  readonly isInFrom: boolean;
  readonly isInTo: boolean;
  /** What would be different in `to` if it were as in `from`: switches, rules, and where rollouts stand. */
  readonly changes: readonly Change[];
}

/** The flags that differ between two environments, by key; those that are in neither of them are the same. */
export function compareEnvironments(
  flags: readonly Flag[],
  rollouts: readonly RolloutState[],
  from: string,
  to: string,
): EnvironmentDifference[] {
  return flags
    .flatMap((flag) => {
      const [there, here] = [from, to].map((name) => {
        const { environments } = withRollouts(flag, name, rollouts);
        return Object.hasOwn(environments, name) ? environments[name] : undefined;
      });
      const changes = differences(here, there);
      const found = { flag: flag.key, isInFrom: there !== undefined, isInTo: here !== undefined, changes };
      return changes.length > 0 ? [found] : [];
    })
    .sort((a, b) => (a.flag < b.flag ? -1 : 1));
}
