import { effectClauses, HOW_SURE } from "@latchkey/core/analysis/effect-words";
import type { Rollout } from "./rollout-words.ts";
import { milliseconds, ratio, type Style, table } from "./text.ts";

type Report = NonNullable<Rollout["report"]>;
type Metric = Report["metrics"][number];

function value(x: number | null, unit: Metric["unit"]): string {
  if (x === null) return "no data";
  if (unit === "ratio") return ratio(x);
  return unit === "ms" ? milliseconds(x) : String(Number(x.toPrecision(3)));
}
const share = (ln: number, whole: number): string => `${Math.round(Math.max(0, Math.min(1, ln / whole)) * 100)} %`;

/** The metrics that the service brings, those that decide first; nothing where it brings none. Muted ones are only kept. */
export function metricLines(report: Rollout["report"], style: Style): string[] {
  const own = (report?.metrics ?? []).filter((m) => m.severity === "critical" || m.severity === "watched");
  if (!report || own.length === 0) return [];
  const rows = [...own]
    .sort((a, b) => b.weight - a.weight)
    .map((m) => [
      m.metric,
      m.severity ?? "",
      value(m.baselineValue, m.unit),
      value(m.canaryValue, m.unit),
      // Alone, a metric decides once its weighted part of the average reaches the threshold.
      share(m.lnHarm, report.lnHarmThreshold - Math.log(m.weight || 1)),
      m.lnSafe === null ? "-" : share(m.lnSafe, report.lnSafeThreshold),
    ]);
  return [table(["metric", "severity", "baseline", "canary", "harm", "safety"], rows, style)];
}

/** By how much the canary differs in each metric that tells it, under one heading; none where none does. */
export function effectLines(report: Rollout["report"]): string[] {
  const rows = (report?.metrics ?? [])
    .filter((m) => m.severity !== "muted")
    .flatMap((m) => effectClauses(m).map((clause) => `  ${m.severity ? `${m.metric}: ` : ""}${clause}.`));
  return rows.length > 0 ? [`How the canary differs, ${HOW_SURE}:`, ...rows] : [];
}
