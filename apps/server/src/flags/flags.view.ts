import type { Answer } from "@latchkey/api/client";
import type { FlagSummary, FlagView } from "@latchkey/api/flags";
import { type FlagStanding, HEALTH_DAYS, healthOf } from "@latchkey/core/flags/health";
import { type RolloutState, withRollouts } from "@latchkey/core/flags/model";
import { rulesWords } from "@latchkey/core/flags/words";
import type { Executor } from "../platform/database.ts";
import { type ServedRow, servedOf } from "./experiments.store.ts";
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

interface Known {
  readonly switches: readonly SwitchRow[];
  readonly rollouts: readonly RolloutRow[];
  readonly served: readonly ServedRow[];
}
/** What is known of flags besides their definitions. */
async function knownOf(db: Executor, project: string, keys: readonly string[]): Promise<Known> {
  return {
    switches: await switchesOf(db, project, keys),
    rollouts: await rolloutsOf(db, project, keys),
    served: await servedOf(db, project, keys, HEALTH_DAYS),
  };
}

function healthIn(row: FlagRow, served: readonly ServedRow[], nowMs: number): FlagStanding {
  const counts = served
    .filter((one) => one.flag === row.key)
    .map(({ environment, variant, evaluations, exposures }) => ({
      environment,
      variant,
      count: evaluations + exposures,
    }));
  return healthOf(row.definition, counts, { ageMs: nowMs - row.created_at.getTime(), nowMs });
}

function summary(row: FlagRow, { switches, rollouts, served }: Known, nowMs: number): FlagSummary {
  const { definition, key } = row;
  const { health, words } = healthIn(row, served, nowMs);
  const flag = flagOf(row, switches);
  const states: RolloutState[] = rollouts.map(rolloutOf);
  return {
    ...{ key, type: definition.type, description: definition.description, purpose: definition.purpose },
    variants: Object.keys(definition.variants),
    ...{ owner: definition.owner, tags: [...definition.tags], expires: definition.expires ?? null },
    ...{ isArchived: flag.isArchived, isPublic: definition.isPublic, manager: row.manager, version: row.version },
    ...{ updatedAt: row.updated_at.toISOString(), health, healthWords: words },
    environments: Object.keys(flag.environments)
      .sort()
      .flatMap((name) => {
        const rules = withRollouts(flag, name, states).environments[name];
        return rules ? [{ name, isEnabled: rules.isEnabled, words: rulesWords(rules) }] : [];
      }),
  };
}

/** What a flag decides as it stands: its definition with switches, and its rollouts. */
function decided(
  { key, definition }: FlagRow,
  { switches, rollouts }: Known,
): Pick<FlagView, "definition" | "rollouts"> {
  return {
    definition: withSwitches(key, definition, switches),
    rollouts: rollouts
      .filter((one) => one.flag === key)
      .map(({ environment, rule, percent, state, since, words }) => ({
        ...{ environment, rule, percent, state, since: since.toISOString(), words },
      })),
  };
}

/** A page of a project's flags. */
export async function viewFlags(
  db: Executor,
  project: string,
  filter: FlagFilter & { readonly health: FlagSummary["health"] | undefined; readonly definitions: boolean },
  nowMs: number,
): Promise<Answer<"listFlags">> {
  const items: Answer<"listFlags">["items"] = [];
  for (let after = filter.after; ; ) {
    const rows = await listFlags(db, project, { ...filter, after });
    const known = await knownOf(
      db,
      project,
      rows.map((row) => row.key),
    );
    for (const row of rows) {
      const shown = summary(row, known, nowMs);
      if (filter.health === undefined || shown.health === filter.health)
        items.push(filter.definitions ? { ...shown, ...decided(row, known) } : shown);
      if (items.length === filter.limit) return { items, next: row.key };
    }
    // Health is known of pages only: those without any of it are read past.
    const last = rows.at(-1);
    if (!last || rows.length < filter.limit) return { items, next: null };
    after = last.key;
  }
}

/** One flag as it stands now; null when there is none. */
export async function viewFlag(db: Executor, project: string, key: string, nowMs: number): Promise<FlagView | null> {
  const row = await findFlag(db, project, key);
  if (!row) return null;
  const known = await knownOf(db, project, [key]);
  return {
    ...summary(row, known, nowMs),
    createdAt: row.created_at.toISOString(),
    ...decided(row, known),
    served: known.served.map(({ environment, variant, evaluations, exposures }) => ({
      ...{ environment, variant, evaluations, exposures },
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
