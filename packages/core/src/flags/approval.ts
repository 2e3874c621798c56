import type { Change } from "../shared/difference.ts";
import type { Flag } from "./model.ts";

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
