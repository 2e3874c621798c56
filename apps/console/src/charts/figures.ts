import { clock, duration, milliseconds, percent, rate } from "../ui/format.ts";
import type { ChartData, Unit } from "./chart-data.ts";

/** A value of a chart, exactly. */
export function figure(value: number | null | undefined, unit: Unit): string {
  const v = value ?? null;
  if (unit === "ratio") return percent(v);
  if (unit === "ms") return milliseconds(v);
  if (unit === "perSecond") return rate(v);
  if (v === null) return "–";
  if (unit === "duration") return duration(v);
  if (unit === "perDay") return `${Number(v.toPrecision(3))} a day`;
  // The scale is the metric's own: three digits, wherever they stand.
  return unit === "rate" || unit === "number" ? String(Number(v.toPrecision(3))) : v.toFixed(2);
}

/** A value on an axis: as short as can be told apart. */
export function axisFigure(value: number, unit: Unit): string {
  const trimmed = (n: number, digits: number): string => String(Number(n.toFixed(digits)));
  if (unit === "ratio") return `${trimmed(value * 100, 2)} %`;
  if (unit === "ms") return value >= 1_000 ? `${trimmed(value / 1_000, 1)} s` : `${trimmed(value, 1)} ms`;
  if (unit === "perSecond") return `${trimmed(value, 1)}/s`;
  if (unit === "duration") return duration(value);
  if (unit === "perDay") return `${trimmed(value, 2)}/day`;
  if (unit === "rate" || unit === "number") return String(Number(value.toPrecision(3)));
  return trimmed(value, 1);
}

/** What a point is called: its period, else the time of day. */
export function pointName(data: ChartData, index: number): string {
  const at = data.at[index];
  if (at === undefined) return "";
  return data.periods?.[index] ?? clock(new Date(at * 1000).toISOString());
}

/** A value of a chart in words: of a period without one it is said, since it is not 0. */
export const valueAt = (data: ChartData, value: number | null | undefined): string =>
  data.periods && (value ?? null) === null ? "No data" : figure(value, data.unit);
