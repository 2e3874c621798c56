import type { Answer } from "@latchkey/api/client";
import type { FlagSummary, FlagView } from "@latchkey/api/flags";
import { type RolloutState, withRollouts } from "@latchkey/core/flags/model";
import { rulesWords } from "@latchkey/core/flags/words";
import type { Executor } from "../platform/database.ts";
import {
  type FlagFilter,
  type FlagRow,
  findFlag,
  listFlags,
  listVersions,
  type RolloutRow,
  rolloutsOf,
  type SwitchRow,
  switchesOf,
  type VersionRow,
} from "./flags.store.ts";
import { flagOf, rolloutOf, withSwitches } from "./stored.ts";

function summary(row: FlagRow, switches: readonly SwitchRow[], rollouts: readonly RolloutRow[]): FlagSummary {
  const { definition, key } = row;
  const flag = flagOf(row, switches);
  const states: RolloutState[] = rollouts.map(rolloutOf);
  return {
    ...{ key, type: definition.type, description: definition.description, purpose: definition.purpose },
    variants: Object.keys(definition.variants),
    ...{ owner: definition.owner, tags: [...definition.tags], expires: definition.expires ?? null },
    ...{ isArchived: flag.isArchived, isPublic: definition.isPublic, manager: row.manager, version: row.version },
    updatedAt: row.updated_at.toISOString(),
    environments: Object.keys(flag.environments)
      .sort()
      .flatMap((name) => {
        const rules = withRollouts(flag, name, states).environments[name];
        return rules ? [{ name, isEnabled: rules.isEnabled, words: rulesWords(rules) }] : [];
      }),
  };
}

/** A page of a project's flags. */
export async function viewFlags(db: Executor, project: string, filter: FlagFilter): Promise<Answer<"listFlags">> {
  const rows = await listFlags(db, project, filter);
  const keys = rows.map((row) => row.key);
  const [switches, rollouts] = [await switchesOf(db, project, keys), await rolloutsOf(db, project, keys)];
  return {
    items: rows.map((row) => summary(row, switches, rollouts)),
    next: rows.length === filter.limit ? (rows.at(-1)?.key ?? null) : null,
  };
}

/** One flag as it stands now; null when there is none. */
export async function viewFlag(db: Executor, project: string, key: string): Promise<FlagView | null> {
  const row = await findFlag(db, project, key);
  if (!row) return null;
  const switches = await switchesOf(db, project, [key]);
  const rollouts = await rolloutsOf(db, project, [key]);
  return {
    ...summary(row, switches, rollouts),
    createdAt: row.created_at.toISOString(),
    definition: withSwitches(key, row.definition, switches),
    rollouts: rollouts.map(({ environment, rule, percent, state, since, words }) => ({
      ...{ environment, rule, percent, state, since: since.toISOString(), words },
    })),
  };
}

export async function viewVersions(
  db: Executor,
  project: string,
  asked: { readonly key: string; readonly before: number; readonly limit: number },
): Promise<Answer<"listFlagVersions">> {
  const rows = await listVersions(db, project, asked.key, asked.before, asked.limit);
  return {
    items: rows.map(presentVersion),
    next: rows.length === asked.limit ? String(rows.at(-1)?.version ?? 1) : null,
  };
}
const presentVersion = ({ version, at, by, approved_by, reason, verb, changes }: VersionRow) => ({
  ...{ version, at: at.toISOString(), by: by.name, reason, verb, changes: [...changes] },
  approvedBy: approved_by?.name ?? null,
});
