import { environmentsChanged, onlyStops } from "@latchkey/core/flags/approval";
import { type Condition, segmentsIn } from "@latchkey/core/flags/model";
import type { Change } from "@latchkey/core/shared/difference";
import type { Principal } from "../platform/auth.ts";
import type { Executor } from "../platform/database.ts";
import { ProblemError } from "../platform/problems.ts";
import { type FlagRow, liveFlags, type StoredDefinition, switchesOf } from "./flags.store.ts";
import { proposedDefinitions, protectedEnvironments } from "./proposals.store.ts";
import { listSegments } from "./segments.store.ts";
import { segmentOf, withSwitches } from "./stored.ts";

interface Wanted {
  readonly before: FlagRow | null;
  readonly definition: StoredDefinition;
  readonly changes: readonly Change[];
}
interface Asked {
  readonly project: string;
  readonly principal: Principal;
  readonly key: string;
}

const isPerson = (principal: Principal): boolean => principal.kind === "person" || principal.personId !== null;

/**
 * The environments in which somebody else has to agree first. Nobody has to where the change only stops something, or where
 * no person makes it: the server's own loops have their evidence, and what a pipeline applies was reviewed as code.
 */
export async function placesToAgree(tx: Executor, asked: Asked, w: Wanted): Promise<string[]> {
  const { principal, project, key } = asked;
  if (!isPerson(principal) || onlyStops(w.changes)) return [];
  const places = await protectedEnvironments(tx, project);
  if (places.length === 0) return [];
  const before = w.before && withSwitches(key, w.before.definition, await switchesOf(tx, project, [key]));
  return environmentsChanged(w.changes, before, w.definition).filter((name) => places.includes(name));
}

export async function checkApproval(tx: Executor, asked: Asked, w: Wanted): Promise<void> {
  const places = await placesToAgree(tx, asked, w);
  if (places.length === 0) return;
  throw new ProblemError("LK_FLAG_APPROVAL", {
    detail: `Changes of flags in ${places.join(" and ")} need a second person; to turn off, hold or kill needs nobody.`,
  });
}

/**
 * A segment belongs to many flags: one that a flag names where a second person has to agree is not changed by one alone. Nor one
 * that a waiting proposal names: who agrees to that has read the segment as it is.
 */
export async function checkSegmentAlone(
  tx: Executor,
  project: string,
  principal: Principal,
  key: string,
): Promise<void> {
  if (!isPerson(principal)) return;
  const places = await protectedEnvironments(tx, project);
  if (places.length === 0) return;
  const segments = (await listSegments(tx, project)).map(segmentOf);
  const named = (when: Condition, seen: ReadonlySet<string> = new Set()): boolean =>
    [...segmentsIn(when)].some((one) => {
      const inner = seen.has(one) ? undefined : segments.find((segment) => segment.key === one);
      return one === key || (inner !== undefined && named(inner.when, new Set([...seen, one])));
    });
  const refuse = (by: string, remedy: string, { definition }: Pick<FlagRow, "definition">): void => {
    for (const place of places)
      if (definition.environments[place]?.rules.some((rule) => named(rule.when)))
        throw new ProblemError("LK_FLAG_APPROVAL", {
          detail: `${by} names the segment in ${place}, where a second person has to agree.`,
          remedy,
        });
  };
  for (const flag of await liveFlags(tx, project))
    refuse(flag.key, "Make another segment, and propose that the flag names that one.", flag);
  for (const flag of await proposedDefinitions(tx, project))
    refuse(`A proposal for ${flag.key}`, "Decide or withdraw the proposal first: `latchkey flags proposals`.", flag);
}
