import type { Arguments } from "@latchkey/api/client";
import type { Dora } from "@latchkey/api/insights";
import { DEFINITION_WORDS, KEYS } from "@latchkey/core/insights/definitions";
import { goalsOf } from "@latchkey/core/insights/goals";
import { type FiveKeys, type Key, keysOf, type Window } from "@latchkey/core/insights/keys";
import { LEVELS_YEAR, levels2023, quickCheck } from "@latchkey/core/insights/quick-check";
import type { DeploymentRecord, IncidentRecord } from "@latchkey/core/insights/records";
import { series } from "@latchkey/core/insights/series";
import {
  addDeployment,
  addIncident,
  addLead,
  emptyTally,
  sumsBy,
  sumTallies,
  type Tally,
  tallyFromJson,
} from "@latchkey/core/insights/tally";
import type { Executor } from "../platform/database.ts";
import { type Cell, cellOf, cellsOf, DAY_MS } from "./cells.store.ts";
import {
  type Asked,
  deploymentRecords,
  firstDeployment,
  incidentRecords,
  leadRecords,
  newestTrouble,
  standingOfFacts,
} from "./records.view.ts";
import { asKnownAtOf, windowOf } from "./window.ts";

const MARKS_MAX = 500;
type Query = Arguments<"getDora">["query"];
interface Summed extends Cell {
  readonly tally: Tally;
}

/** The five keys of a window: from the sums of days, or from the records as they were known on a date. */
export async function viewDora(db: Executor, project: string, query: Query, nowMs: number): Promise<Dora> {
  const { service, environment, by = "week", definition = "dora-2025", asKnownAt } = query ?? {};
  const window = windowOf(query ?? {}, nowMs);
  const place = { project, service, environment };
  const asked: Asked = { ...place, ...window, asKnownAt: asKnownAtOf(asKnownAt) };
  const summed = await summedOf(db, asked);
  const existedFromMs = await firstDeployment(db, place);
  // What has not happened yet divides nothing.
  const until = (w: Window): Window => ({ fromMs: w.fromMs, toMs: Math.max(w.fromMs, Math.min(w.toMs, nowMs)) });
  const raw = (tally: Tally, w: Window) => keysOf(tally, until(w), definition, existedFromMs);
  const keys = (tally: Tally, w: Window) => present(raw(tally, w));
  const all = sumOf(summed);
  const before: Window = { fromMs: 2 * window.fromMs - window.toMs, toMs: window.fromMs };
  const allBefore = sumOf(await summedOf(db, { ...asked, ...before }));
  const cells = summed.map(({ day, tally }) => ({ fromMs: day * DAY_MS, tally }));
  const standing = await standingOfFacts(db, project);
  return {
    ...{ from: at(window.fromMs), to: at(window.toMs), definition, by },
    definitionWords: DEFINITION_WORDS[definition].difference,
    asKnownAt: asKnownAt ?? null,
    keys: keys(all, window),
    stages: stagesOf(all),
    scores: scoresOf(raw(all, window), raw(allBefore, before)),
    series: series(cells, by, window).map((period) => ({
      ...{ from: at(period.fromMs), to: at(period.toMs), keys: keys(period.tally, period) },
    })),
    services: servicesOf(summed).map(([name, tally]) => ({ service: name, keys: keys(tally, window) })),
    marks: (await newestTrouble(db, asked, MARKS_MAX)).map(markOf),
    conflicts: standing.conflicts,
    newestFactAt: standing.newest?.toISOString() ?? null,
  };
}

const at = (ms: number): string => new Date(ms).toISOString();

const sumOf = (summed: readonly Summed[]): Tally => sumTallies(summed.map(({ tally }) => tally));

const NAMES = {
  frequency: "deploymentFrequency",
  leadTime: "changeLeadTime",
  failRate: "changeFailRate",
  recovery: "recoveryTime",
  rework: "reworkRate",
} as const;
/** Each key beside the industry, the last survey that had levels, the guide's goals, and the window before. */
function scoresOf(now: FiveKeys, before: FiveKeys): Dora["scores"] {
  const { scores } = quickCheck(now, "all");
  const levels = levels2023(now);
  const goals = goalsOf(now, before);
  return KEYS.map((name) => {
    const { score, mean, sd } = scores[name];
    const { goal, holds, trend } = goals[name];
    const level = levels[name];
    return {
      ...{ key: NAMES[name], score, industry: { mean, deviation: sd }, trend },
      level: level === null ? null : { year: LEVELS_YEAR, name: level },
      goal: goal === null ? null : { words: goal, holds },
    };
  });
}

async function summedOf(db: Executor, asked: Asked): Promise<Summed[]> {
  if (asked.asKnownAt === null)
    return (await cellsOf(db, asked.project, asked)).map(({ tally, ...cell }) => ({
      ...cell,
      tally: tallyFromJson(tally),
    }));
  const cells = new Map<string, Summed>();
  const tallyOf = (record: Parameters<typeof cellOf>[0]): Tally => {
    const cell = cellOf(record);
    const name = JSON.stringify([cell.service, cell.environment, cell.day]);
    const known = cells.get(name) ?? { ...cell, tally: emptyTally() };
    cells.set(name, known);
    return known.tally;
  };
  // The place was asked for: what is there counts, production or not.
  for (const record of await deploymentRecords(db, asked))
    addDeployment(tallyOf(record), { ...record, isProduction: true });
  for (const record of await leadRecords(db, asked)) addLead(tallyOf(record), { ...record, isProduction: true });
  for (const record of await incidentRecords(db, asked)) addIncident(tallyOf(record), record);
  return [...cells.values()];
}

function servicesOf(summed: readonly Summed[]): [string, Tally][] {
  const named = summed.filter(({ service }) => service !== "");
  return [...sumsBy(named, ({ service }) => service)].sort(([a], [b]) => (a < b ? -1 : 1));
}

const figure = ({ value, p90, interval, n, censored, words }: Key): Dora["keys"]["changeFailRate"] => ({
  ...{ value, p90, of: n, open: censored.open, soaking: censored.soaking, words },
  interval: interval === null ? null : { low: interval.low, high: interval.high },
});
const present = (keys: FiveKeys): Dora["keys"] => ({
  deploymentFrequency: figure(keys.frequency),
  changeLeadTime: figure(keys.leadTime),
  changeFailRate: figure(keys.failRate),
  recoveryTime: figure(keys.recovery),
  reworkRate: figure(keys.rework),
});
function stagesOf({ stages, durations }: Tally): Dora["stages"] {
  const spread = (d: Tally["durations"]["lead"]) => ({ median: d.quantile(0.5), p90: d.quantile(0.9), of: d.count });
  return {
    ...{ coding: spread(stages.coding), review: spread(stages.review), queue: spread(stages.queue) },
    ...{ gates: spread(stages.gates), canary: spread(stages.canary) },
    ...{ toTenPercent: spread(durations.toTenPercent), toAll: spread(durations.toAll) },
  };
}

const FAILED: Readonly<Record<string, string>> = {
  canary_aborted: "Its canary was taken back.",
  rolled_back: "It was taken back.",
  failed: "It failed.",
  incident: "It caused an incident.",
  hotfixed: "It had to be mended.",
  said: "Somebody said that it failed.",
};
function markOf(
  trouble: { readonly failure: DeploymentRecord } | { readonly incident: IncidentRecord; readonly title: string },
) {
  if ("failure" in trouble) {
    const { key, service, atMs, failure } = trouble.failure;
    return { at: at(atMs), kind: "failure" as const, key, service, words: FAILED[failure ?? ""] ?? "It failed." };
  }
  const { key, service, atMs } = trouble.incident;
  return { at: at(atMs), kind: "incident" as const, key, service: service ?? "", words: trouble.title };
}
