import { keysOf } from "@latchkey/core/insights/keys";
import { historyOf, recordsOf, tallyOf } from "@latchkey/core/insights/replay";
import { sumTallies, tallyFromJson, tallyToJson } from "@latchkey/core/insights/tally";
import { makeWorld } from "@latchkey/core/insights/testing/world";
import { type Bench, type Figure, figure, median } from "../figure.ts";

const FROM_MS = 1_767_225_600_000;
const DAY_MS = 86_400_000;

/** What it takes to work the keys out: from sums of days as they are kept, and from all facts anew. Without a database. */
export function measureSpeed(bench: Bench): Figure[] {
  const days = bench.quick ? 60 : 1800;
  const { facts, truth, window } = makeWorld({ seed: bench.seed, fromMs: FROM_MS, days, perDay: 56, mendedAlong: 0 });
  bench.say(`${truth.met.size} deployments in ${days} days, of ${facts.length} facts`);
  const startedAt = performance.now();
  const records = recordsOf(historyOf(facts));
  const tally = tallyOf(records, window);
  const anewMs = performance.now() - startedAt;
  keysOf(tally, window, "dora-2025");
  const kept = sumsOfDays(records, days);
  const bytes = kept.reduce((sum, day) => sum + day.length, 0) / kept.length;
  const times = Array.from({ length: bench.runs ?? 5 }, () => {
    const at = performance.now();
    const sum = sumTallies(kept.map((day) => tallyFromJson(JSON.parse(day))));
    keysOf(sum, window, "dora-2025");
    return performance.now() - at;
  });
  return [
    figure(`five keys of ${truth.met.size} deployments from the sums of ${days} days`, median(times), "ms"),
    figure(`the same from ${facts.length} facts anew`, anewMs, "ms"),
    figure("one day's sums as they are kept", bytes / 1024, "kB"),
  ];
}

function sumsOfDays(records: Parameters<typeof tallyOf>[0], days: number): string[] {
  const byDay = Array.from({ length: days }, () => ({ deployments: [], leads: [], incidents: [], conflicts: [] })) as {
    [Kind in keyof typeof records]: (typeof records)[Kind][number][];
  }[];
  const dayOf = ({ atMs }: { readonly atMs: number }) => byDay[Math.floor((atMs - FROM_MS) / DAY_MS)];
  for (const record of records.deployments) dayOf(record)?.deployments.push(record);
  for (const record of records.leads) dayOf(record)?.leads.push(record);
  for (const record of records.incidents) dayOf(record)?.incidents.push(record);
  return byDay.map((day, i) => {
    const fromMs = FROM_MS + i * DAY_MS;
    return JSON.stringify(tallyToJson(tallyOf(day, { fromMs, toMs: fromMs + DAY_MS })));
  });
}
