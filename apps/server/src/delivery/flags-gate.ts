import { judgeFlagUses } from "@latchkey/core/delivery/gates/flag-uses";
import { couldNotRun } from "@latchkey/core/delivery/gates/judgement";
import { flagStandings } from "../flags/index.ts";
import type { GateRunner } from "./gate-runner.ts";
import { diffSinceServing, type JudgeParts } from "./report-judges.ts";

/** Refuses a change that adds a use of a flag that is archived or past its day. */
export const flagsGate = (parts: Pick<JudgeParts, "database" | "differences">): GateRunner => ({
  run: async (_, context) => {
    const diff = await diffSinceServing(parts, context);
    if (diff === null)
      return couldNotRun(
        "Nobody can say what has changed: the sources are in no git repository, or what serves is of no commit.",
      );
    const flags = await flagStandings(parts.database.db, context.service.project);
    return judgeFlagUses(diff, flags, new Date(context.nowMs).toISOString().slice(0, 10));
  },
});
