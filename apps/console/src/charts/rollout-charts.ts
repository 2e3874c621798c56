import type { Decision, Look } from "../api/types.ts";
import { METRIC_WORDS } from "../words.ts";
import type { ChartData, Line, Mark } from "./chart-data.ts";

/** From looks and decisions to charts: one per metric, both arms with their bands, decisions as marks. */
const TONES: Record<string, Mark["tone"]> = {
  promoted: "good",
  completed: "good",
  holdback_ended: "good",
  roll_back_begun: "bad",
  rolled_back: "bad",
  start_failed: "bad",
  aborted: "bad",
  paused: "calm",
  resumed: "calm",
  person_asked: "calm",
};

export const marksOf = (decisions: readonly Decision[]): Mark[] =>
  decisions.map((d) => ({ at: Date.parse(d.at) / 1000, label: d.words, tone: TONES[d.kind] ?? "step" }));

function armLine(name: string, color: string, dashed: boolean, values: (number | null)[][]): Line {
  const [middle = [], low = [], high = []] = values;
  return { name, color, dashed, values: middle, low, high };
}

/** Times rise strictly: uPlot asks for it, and a look that arrived twice says nothing new. */
export function ordered(looks: readonly Look[]): Look[] {
  const kept: Look[] = [];
  for (const look of looks) {
    const last = kept.at(-1);
    if (!last || Date.parse(look.at) > Date.parse(last.at)) kept.push(look);
  }
  return kept;
}

export function rolloutCharts(looks: readonly Look[], decisions: readonly Decision[]): ChartData[] {
  const rows = ordered(looks);
  const at = rows.map((look) => Date.parse(look.at) / 1000);
  const marks = marksOf(decisions);
  const names = (rows.at(-1)?.metrics ?? []).filter((m) => m.severity !== "muted").map((m) => m.metric);
  return names.map((name) => {
    const found = rows.map((look) => look.metrics.find((m) => m.metric === name));
    const arm = (pick: (m: Look["metrics"][number]) => (number | null)[]): (number | null)[][] => [
      found.map((m) => (m ? (pick(m)[0] ?? null) : null)),
      found.map((m) => (m ? (pick(m)[1] ?? null) : null)),
      found.map((m) => (m ? (pick(m)[2] ?? null) : null)),
    ];
    return {
      title: METRIC_WORDS[name]?.name ?? name,
      unit: found.at(-1)?.unit ?? "ratio",
      at,
      marks,
      lines: [
        armLine(
          "Baseline",
          "--baseline",
          true,
          arm((m) => [m.baselineValue, m.baselineLow, m.baselineHigh]),
        ),
        armLine(
          "Canary",
          "--canary",
          false,
          arm((m) => [m.canaryValue, m.canaryLow, m.canaryHigh]),
        ),
      ],
    };
  });
}

/** Each metric's evidence of harm over time: at 100 % it would decide alone, by its weight in the average. */
export function metricEvidenceChart(
  looks: readonly Look[],
  decisions: readonly Decision[],
  lnHarmThreshold: number,
): ChartData {
  const rows = ordered(looks);
  // What is only watched never decides, so that it has no share of what does.
  const metrics = (rows.at(-1)?.metrics ?? []).filter((m) => m.weight > 0);
  return {
    title: "Evidence of harm by metric",
    unit: "ratio",
    at: rows.map((look) => Date.parse(look.at) / 1000),
    marks: marksOf(decisions),
    ceiling: 1.6,
    limits: [{ value: 1, label: "decides alone" }],
    lines: metrics.map(({ metric }, i) => ({
      name: METRIC_WORDS[metric]?.short ?? metric,
      color: `--series-${(i % 6) + 1}`,
      values: rows.map((look) => {
        const m = look.metrics.find((one) => one.metric === metric);
        return m && m.weight > 0 ? Math.max(0, m.lnHarm / (lnHarmThreshold - Math.log(m.weight))) : null;
      }),
    })),
  };
}

/** Both kinds of evidence over time, as shares of what is needed, so that 100 % decides. */
export function evidenceChart(
  looks: readonly Look[],
  decisions: readonly Decision[],
  thresholds: { harm: number; safe: number },
): ChartData {
  const rows = ordered(looks);
  const share = (ln: number, threshold: number): number => Math.max(0, ln / threshold);
  return {
    title: "Evidence, as a share of what decides",
    unit: "ratio",
    at: rows.map((look) => Date.parse(look.at) / 1000),
    marks: marksOf(decisions),
    ceiling: 1.6,
    limits: [{ value: 1, label: "decides" }],
    lines: [
      { name: "Of harm", color: "--bad", values: rows.map((l) => share(l.lnHarm, thresholds.harm)) },
      { name: "Of safety", color: "--good", dashed: true, values: rows.map((l) => share(l.lnSafe, thresholds.safe)) },
    ],
  };
}
