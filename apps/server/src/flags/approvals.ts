import {
  environmentsChanged,
  type FlagTouched,
  flagsOfSegment,
  namesSegment,
  onlyStops,
} from "@latchkey/core/flags/approval";
import type { Change } from "@latchkey/core/shared/difference";
import type { Principal } from "../platform/auth.ts";
import type { Executor } from "../platform/database.ts";
import { ProblemError } from "../platform/problems.ts";
import { type FlagRow, liveFlags, type StoredDefinition, switchesOf } from "./flags.store.ts";
import { proposedConditions, proposedDefinitions, protectedEnvironments } from "./proposals.store.ts";
import { listSegments } from "./segments.store.ts";
import { flagOf, segmentOf, withSwitches } from "./stored.ts";

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
  for (const { flag, environments } of await flagsNaming(tx, project, key))
    for (const place of environments)
      if (places.includes(place))
        throw new ProblemError("LK_FLAG_APPROVAL", {
          detail: `The flag ${flag} names the segment in ${place}, where a second person has to agree.`,
          remedy: "Propose it: `latchkey flags set-segment … --propose`, “Propose it” in the console.",
        });
  await checkUnread(tx, project, key);
}

/** Whoever agrees to a waiting proposal has read the segments that it names: they stay as they are until it is decided. */
export async function checkUnread(tx: Executor, project: string, key: string): Promise<void> {
  const places = await protectedEnvironments(tx, project);
  const segments = (await listSegments(tx, project)).map(segmentOf);
  const refuse = (of: string): ProblemError =>
    new ProblemError("LK_FLAG_APPROVAL", {
      detail: `A proposal for ${of} names the segment: whoever agrees to it has read the segment as it is.`,
      remedy: "Decide or withdraw that proposal first: `latchkey flags proposals`.",
    });
  for (const flag of await proposedDefinitions(tx, project))
    for (const place of places)
      if (flag.definition.environments[place]?.rules.some((rule) => namesSegment(rule.when, key, segments)))
        throw refuse(`the flag ${flag.key}`);
  for (const one of await proposedConditions(tx, project))
    if (one.key !== key && namesSegment(one.when, key, segments)) throw refuse(`the segment ${one.key}`);
}

/** The flags whose answers a change of a segment changes, and where. */
export async function flagsNaming(tx: Executor, project: string, key: string): Promise<FlagTouched[]> {
  const segments = (await listSegments(tx, project)).map(segmentOf);
  return flagsOfSegment(
    key,
    (await liveFlags(tx, project)).map((row) => flagOf(row)),
    segments,
  );
}

/** Refuses what would change more flags, where a second person has to agree, than that person has read. */
export async function checkFlagsRead(
  tx: Executor,
  project: string,
  key: string,
  read: readonly FlagTouched[],
): Promise<void> {
  const places = await protectedEnvironments(tx, project);
  for (const { flag, environments } of await flagsNaming(tx, project, key)) {
    const known = read.find((one) => one.flag === flag)?.environments ?? [];
    const place = environments.find((one) => places.includes(one) && !known.includes(one));
    if (place !== undefined)
      throw new ProblemError("LK_FLAG_CHANGED", {
        detail: `The flag ${flag} names the segment in ${place} since it was proposed.`,
        remedy: "Withdraw it, and propose it again.",
      });
  }
}
