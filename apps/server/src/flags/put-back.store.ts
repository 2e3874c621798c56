import type { RolloutState } from "@latchkey/core/flags/model";
import { sql } from "kysely";
import { type Executor, operation } from "../platform/database.ts";
import type { StoredDefinition } from "./flags.store.ts";

export interface ThenRow {
  readonly flag: string;
  /** The version that held at the time; null for a flag that is newer. */
  readonly version: number | null;
  readonly definition: StoredDefinition | null;
  /** Null where an older server wrote the version. */
  readonly rollouts: readonly RolloutState[] | null;
}

/** The flags that were changed after a time, each with how it was at it. In the order of their keys. */
export const flagsChangedAfter = operation(
  "flagsChangedAfter",
  async (db: Executor, project: string, since: Date): Promise<ThenRow[]> => {
    const found = await sql<ThenRow>`select flag.key as flag, was.version, was.definition, was.rollouts
      from flag left join lateral (select v.version, v.definition, r.rollouts from flag_version as v
        left join flag_version_rollouts as r using (project, flag, version)
        where v.project = flag.project and v.flag = flag.key and v.at <= ${since}
        order by v.version desc limit 1) as was on true
      where flag.project = ${project} and flag.updated_at > ${since}
      order by flag.key`.execute(db);
    return found.rows;
  },
);
