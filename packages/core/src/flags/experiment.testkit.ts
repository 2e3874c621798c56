import type { Random } from "../shared/random.ts";
import { lnHarm } from "./experiment-evidence.ts";

/** A rollout played user by user: how many of each arm met it when it was killed, or null when it never was. */
export function playRollout(
  random: Random,
  o: { readonly treated: number; readonly control: number; readonly users: number; readonly lnNeeded: number },
): number | null {
  // The users between two that are hurt: geometric, so that a rare event costs one draw.
  const gap = (p: number) => Math.floor(Math.log(1 - random()) / Math.log1p(-p)) + 1;
  let [nextTreated, nextControl] = [gap(o.treated), gap(o.control)];
  let [treated, control] = [0, 0];
  for (;;) {
    const at = Math.min(nextTreated, nextControl);
    if (at > o.users) return null;
    if (nextTreated <= nextControl) {
      treated += 1;
      nextTreated += gap(o.treated);
    } else {
      control += 1;
      nextControl += gap(o.control);
    }
    if (lnHarm(treated, control) >= o.lnNeeded) return at;
  }
}
export function medianKilled(found: readonly (number | null)[]): number {
  const sorted = found.map((one) => one ?? Number.POSITIVE_INFINITY).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
