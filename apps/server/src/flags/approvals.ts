import { environmentsChanged, onlyStops } from "@latchkey/core/flags/approval";
import type { Change } from "@latchkey/core/shared/difference";
import type { Principal } from "../platform/auth.ts";
import type { Executor } from "../platform/database.ts";
import { ProblemError } from "../platform/problems.ts";
import { type FlagRow, type StoredDefinition, switchesOf } from "./flags.store.ts";
import { protectedEnvironments } from "./proposals.store.ts";
import { withSwitches } from "./stored.ts";

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

/**
 * The environments in which somebody else has to agree first. Nobody has to where the change only stops something, or where
 * no person makes it: the server's own loops have their evidence, and what a pipeline applies was reviewed as code.
 */
export async function placesToAgree(tx: Executor, asked: Asked, w: Wanted): Promise<string[]> {
  const { principal, project, key } = asked;
  const isPerson = principal.kind === "person" || principal.personId !== null;
  if (!isPerson || onlyStops(w.changes)) return [];
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
