import type { Dora, DoraKey } from "../../api/types.ts";
import type { ChartData, Mark } from "../../charts/chart-data.ts";
import type { Cell } from "../../ui/csv.ts";
import { periodWords } from "./insight-window.ts";
import { DORA_KEYS, KEY_WORDS } from "./insight-words.ts";

/** Each key over time, with its 95 % interval as a band, and failures and incidents where they fell. */
const COLORS: Record<DoraKey, string> = {
  deploymentFrequency: "--series-1",
  changeLeadTime: "--series-4",
  changeFailRate: "--series-2",
  recoveryTime: "--series-3",
  reworkRate: "--series-5",
};
/** Marks belong to what they bear on: a failure says nothing of how long changes take. */
const MARKED: readonly DoraKey[] = ["deploymentFrequency", "changeFailRate", "recoveryTime", "reworkRate"];

const secondsOf = (at: string): number => Date.parse(at) / 1000;

/** Oldest first. */
export const marksOf = (dora: Pick<Dora, "marks">): Mark[] =>
  dora.marks
    .map(
      (mark): Mark => ({
        at: secondsOf(mark.at),
        label: `${mark.service}: ${mark.words}`,
        tone: mark.kind === "failure" ? "bad" : "calm",
        shape: mark.kind === "failure" ? "triangle" : "diamond",
      }),
    )
    .sort((a, b) => a.at - b.at);

/** Times, their names and the marks are the same for all keys: with thousands of periods they are made once. */
export function keyCharts(dora: Pick<Dora, "series" | "marks">): Record<DoraKey, ChartData> {
  const at = dora.series.map((period) => secondsOf(period.from));
  const periods = dora.series.map((period) => periodWords(period.from, period.to));
  const marks = marksOf(dora);
  const chartOf = (key: DoraKey): ChartData => {
    const figures = dora.series.map((period) => period.keys[key]);
    const { name, unit } = KEY_WORDS[key];
    const line = {
      name: unit === "duration" ? "Median" : "Value",
      color: COLORS[key],
      values: figures.map((f) => f.value),
      low: figures.map((f) => f.interval?.low ?? null),
      high: figures.map((f) => f.interval?.high ?? null),
    };
    return { title: name, unit, at, periods, marks: MARKED.includes(key) ? marks : [], lines: [line] };
  };
  return {
    deploymentFrequency: chartOf("deploymentFrequency"),
    changeLeadTime: chartOf("changeLeadTime"),
    changeFailRate: chartOf("changeFailRate"),
    recoveryTime: chartOf("recoveryTime"),
    reworkRate: chartOf("reworkRate"),
  };
}

/** The services side by side, as a file: in the API's own units, an empty cell where there is no data. */
export function servicesCsv(dora: Pick<Dora, "services">): { head: string[]; rows: Cell[][] } {
  const units: Record<string, string> = { perDay: "a day", duration: "ms", ratio: "ratio" };
  return {
    head: [
      "service",
      ...DORA_KEYS.flatMap((key) => {
        const { name, unit } = KEY_WORDS[key];
        return [`${name} (${units[unit] ?? unit})`, `${name} low`, `${name} high`, `${name} drawn from`];
      }),
    ],
    rows: dora.services.map((row) => [
      row.service,
      ...DORA_KEYS.flatMap((key) => {
        const f = row.keys[key];
        return [f.value, f.interval?.low ?? null, f.interval?.high ?? null, f.of];
      }),
    ]),
  };
}
