import { parseInstant } from "./instants.ts";
import type { Flag } from "./model.ts";

/** Whether a flag is still of use, by what was served of it lately. */
export type FlagHealth = "in_use" | "never_evaluated" | "one_sided" | "stale" | "new";

export interface VariantDay {
  readonly environment: string;
  readonly variant: string;
  /** How often it was served or met. */
  readonly count: number;
}
export interface FlagStanding {
  readonly health: FlagHealth;
  readonly words: string;
}

export const HEALTH_DAYS = 7;
/** A variant with so large a share is the only one there is. */
const ONE_SIDED = 0.999;
/** Fewer say nothing about a share of one in a thousand. */
const COUNT_MIN = 1_000;
const DAY_MS = 86_400_000;

/**
 * What the last seven days say. A flag that is permanent or of permissions is in use whatever it serves; one that nobody
 * asked for may go; one that serves the same to all may go from the code, with that value kept. Past its day it is stale.
 * @param nowMs milliseconds since 1970; the day of `expires` ends at midnight, UTC.
 */
export function healthOf(
  flag: Pick<Flag, "purpose" | "expires">,
  counts: readonly VariantDay[],
  o: { readonly ageMs: number; readonly nowMs: number },
): FlagStanding {
  const total = counts.reduce((sum, one) => sum + one.count, 0);
  const isLasting = flag.purpose === "permanent" || flag.purpose === "permission";
  const day = flag.expires === undefined ? null : parseInstant(flag.expires);
  if (day !== null && o.nowMs >= day + DAY_MS)
    return { health: "stale", words: `It should have been gone by ${flag.expires}.` };
  if (total === 0)
    return o.ageMs < HEALTH_DAYS * DAY_MS
      ? { health: "new", words: "Nobody has asked for it yet." }
      : { health: "never_evaluated", words: `Nobody asked for it in ${HEALTH_DAYS} days.` };
  const only = isLasting || o.ageMs < HEALTH_DAYS * DAY_MS ? null : onlyVariant(counts, total);
  if (only !== null)
    return {
      health: "one_sided",
      words: `Everybody got ${only} for ${HEALTH_DAYS} days: the code can have it without the flag.`,
    };
  return { health: "in_use", words: `Asked for ${total} times in ${HEALTH_DAYS} days.` };
}

/** The variant that everybody got, in every environment that asked often enough; null when there is none. */
function onlyVariant(counts: readonly VariantDay[], total: number): string | null {
  if (total < COUNT_MIN) return null;
  const sums = new Map<string, number>();
  for (const { variant, count } of counts) sums.set(variant, (sums.get(variant) ?? 0) + count);
  for (const [variant, sum] of sums) if (sum >= ONE_SIDED * total) return variant;
  return null;
}
