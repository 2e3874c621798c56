import type { Change } from "../shared/difference.ts";
import { type Condition, type Flag, type Segment, segmentsIn } from "./model.ts";

/** What belongs to a flag as a whole and decides what everybody gets, in whichever environment. */
const EVERYWHERE: ReadonlySet<string> = new Set([
  "",
  "type",
  "variants",
  "schema",
  "salt",
  "hashVersion",
  "isPublic",
  "isArchived",
]);

/** What a change says of one rollout: `environments.production.rollouts.otherwise.state`. */
const ROLLOUT_STATE = /^environments\.[^.]+\.rollouts\..+\.state$/;

/**
 * Whether a change only makes harm end: it turns a flag off, or kills or holds a rollout. Nobody has to wait for a second
 * person to do that. To hold what was killed is no end: those whom it had reached would get the variant again.
 */
export const onlyStops = (changes: readonly Change[]): boolean =>
  changes.length > 0 &&
  changes.every(
    ({ path, before, after }) =>
      (/^environments\.[^.]+\.isEnabled$/.test(path) && after === false) ||
      (ROLLOUT_STATE.test(path) && (after === "killed" || (after === "held" && before !== "killed"))),
  );

/**
 * The environments in which a change makes a difference to what somebody gets, now or once the flag is on. A new flag makes
 * none where it is off.
 */
export function environmentsChanged(
  changes: readonly Change[],
  before: Pick<Flag, "environments"> | null,
  after: Pick<Flag, "environments">,
): string[] {
  if (!before)
    return Object.entries(after.environments)
      .filter(([, rules]) => rules.isEnabled)
      .map(([name]) => name)
      .sort();
  const found = new Set<string>();
  for (const { path } of changes) {
    const [head = "", environment] = path.split(".");
    if (head === "environments" && environment !== undefined) found.add(environment);
    else if (EVERYWHERE.has(head) || head === "environments")
      for (const name of [...Object.keys(before.environments), ...Object.keys(after.environments)]) found.add(name);
  }
  return [...found].sort();
}

/** Whether a condition names a segment: itself, or over others that it names. */
export function namesSegment(when: Condition, key: string, segments: readonly Segment[]): boolean {
  const byKey = new Map(segments.map((segment) => [segment.key, segment]));
  const open = [...segmentsIn(when)];
  const seen = new Set(open);
  for (const one of open) {
    if (one === key) return true;
    const inner = byKey.get(one);
    for (const next of inner ? segmentsIn(inner.when) : [])
      if (!seen.has(next)) {
        seen.add(next);
        open.push(next);
      }
  }
  return false;
}

/** A flag, and the environments in which a change of something else changes what somebody gets of it. */
export interface FlagTouched {
  readonly flag: string;
  readonly environments: readonly string[];
}

/**
 * The flags that a change of a segment changes: those with a rule that names it, and those that need such a flag first. In the
 * order of the flags. What is turned off counts too: it would answer otherwise once it is on.
 */
export function flagsOfSegment(
  key: string,
  flags: readonly Pick<Flag, "key" | "environments">[],
  segments: readonly Segment[],
): FlagTouched[] {
  const places = new Map(
    flags.map((flag) => {
      const named = Object.entries(flag.environments).filter(([, { rules }]) =>
        rules.some((rule) => namesSegment(rule.when, key, segments)),
      );
      return [flag.key, new Set(named.map(([environment]) => environment))];
    }),
  );
  for (let isMore = true; isMore; ) {
    isMore = false;
    for (const flag of flags)
      for (const [environment, { prerequisites }] of Object.entries(flag.environments)) {
        const own = places.get(flag.key);
        if (!own || own.has(environment)) continue;
        if (!prerequisites.some((needed) => places.get(needed.flag)?.has(environment))) continue;
        own.add(environment);
        isMore = true;
      }
  }
  return flags.flatMap(({ key: flag }) => {
    const environments = [...(places.get(flag) ?? [])].sort();
    return environments.length > 0 ? [{ flag, environments }] : [];
  });
}
