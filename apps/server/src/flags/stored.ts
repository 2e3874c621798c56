import { percentAt } from "@latchkey/core/flags/buckets";
import type { Flag, RolloutState, Segment, ServeRollout } from "@latchkey/core/flags/model";
import type { FlagRow, RolloutRow, StoredDefinition, SwitchRow } from "./flags.store.ts";
import type { SegmentRow } from "./segments.store.ts";

/** Rows of the database as the core knows them. */
export function flagOf(
  row: Pick<FlagRow, "key" | "definition" | "archived_at">,
  switches: readonly SwitchRow[] = [],
): Flag {
  return { ...withSwitches(row.key, row.definition, switches), key: row.key, isArchived: row.archived_at !== null };
}

/** A definition with its switches as they are set. */
export function withSwitches(
  key: string,
  definition: StoredDefinition,
  switches: readonly SwitchRow[],
): StoredDefinition {
  const environments = Object.fromEntries(
    Object.entries(definition.environments).map(([environment, rules]) => {
      const set = switches.find((one) => one.flag === key && one.environment === environment);
      return [environment, { ...rules, isEnabled: set?.is_enabled ?? rules.isEnabled }];
    }),
  );
  return { ...definition, environments };
}

export const segmentOf = (row: SegmentRow): Segment => ({
  key: row.key,
  description: row.description,
  when: row.condition,
});
export const rolloutOf = ({ flag, environment, rule, percent, state }: RolloutRow): RolloutState => ({
  ...{ flag, environment, rule, percent, state },
});
/** Where a rollout stands, to a thousandth of a percent: a ramp by the clock as far as it has come, unless it was stopped. */
export function percentNow(
  serve: ServeRollout,
  known: Pick<RolloutRow, "percent" | "state"> | undefined,
  nowMs: number,
) {
  const isByClock = serve.ramp?.kind === "time" && known?.state !== "held" && known?.state !== "killed";
  return isByClock ? Math.round(percentAt(serve, nowMs) * 1_000) / 1_000 : (known?.percent ?? serve.percent);
}
