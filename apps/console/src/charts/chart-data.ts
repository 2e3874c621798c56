import type { Cell } from "../ui/csv.ts";

/**
 * A chart as data: columns over time, with bands around lines and marks at moments. The canvas, the table and the CSV
 * are all made from this, so that they can't disagree.
 */
export interface Line {
  readonly name: string;
  /** A CSS variable, so that a line follows the theme. */
  readonly color: string;
  readonly dashed?: boolean;
  readonly values: readonly (number | null)[];
  readonly low?: readonly (number | null)[];
  readonly high?: readonly (number | null)[];
}
export interface Mark {
  /** Seconds since 1970. */
  readonly at: number;
  readonly label: string;
  readonly tone: "step" | "good" | "bad" | "calm";
  /** Drawn as this at the picture's foot, instead of a numbered line: for more marks than a list could name. */
  readonly shape?: "triangle" | "diamond";
}
/** `duration` is in milliseconds like `ms`, and read in hours and days. */
export type Unit = "ratio" | "ms" | "perSecond" | "ln" | "rate" | "number" | "duration" | "perDay";
export interface ChartData {
  readonly title: string;
  readonly unit: Unit;
  /** Seconds since 1970, rising. */
  readonly at: readonly number[];
  /** What each point is called where it stands for days and not for a moment; its times are then of UTC. */
  readonly periods?: readonly string[];
  readonly lines: readonly Line[];
  readonly marks: readonly Mark[];
  /** Values above this leave the picture; the legend still tells them. */
  readonly ceiling?: number;
  readonly limits?: readonly { readonly value: number; readonly label: string }[];
}

export const isBlank = (data: ChartData): boolean => data.lines.every((line) => line.values.every((v) => v === null));

/** Points without a neighbour: no line goes through them, so that they have to be drawn by themselves. */
export const lonePoints = (values: readonly (number | null | undefined)[]): number[] =>
  values.flatMap((v, i) => (v != null && values[i - 1] == null && values[i + 1] == null ? [i] : []));

/** The marks that fall into a point's period: until the next point. */
export function marksAt(data: ChartData, index: number): Mark[] {
  const from = data.at[index];
  if (from === undefined) return [];
  const to = data.at[index + 1] ?? Number.MAX_VALUE;
  return data.marks.filter((mark) => mark.at >= from && mark.at < to);
}

/** Columns for uPlot: times, then each line, then low and high of those with a band. */
export function columnsOf(data: ChartData): (number | null)[][] {
  const bands = data.lines.flatMap((line) => (line.low && line.high ? [[...line.low], [...line.high]] : []));
  return [[...data.at], ...data.lines.map((line) => [...line.values]), ...bands];
}

/** Where the bands' columns stand in `columnsOf`: [high, low] as uPlot wants them, and the line each belongs to. */
export function bandsOf(data: ChartData): { line: number; high: number; low: number }[] {
  let column = 1 + data.lines.length;
  return data.lines.flatMap((line, i) => {
    if (!line.low || !line.high) return [];
    const band = { line: i, low: column, high: column + 1 };
    column += 2;
    return [band];
  });
}

export const headOf = (data: ChartData): string[] => [
  "time",
  ...data.lines.flatMap((l) => (l.low ? [l.name, `${l.name} low`, `${l.name} high`] : [l.name])),
];
export const rowsOf = (data: ChartData): Cell[][] =>
  data.at.map((at, i) => [
    new Date(at * 1000).toISOString(),
    ...data.lines.flatMap((l) =>
      l.low ? [l.values[i] ?? null, l.low[i] ?? null, l.high?.[i] ?? null] : [l.values[i] ?? null],
    ),
  ]);

/** From the first to the last moment, of values and marks alike: a decision may fall after the last look. */
export function spanOf(data: ChartData): [number, number] {
  const all = [...data.at, ...data.marks.map((m) => m.at)];
  const from = Math.min(...all);
  const to = Math.max(...all);
  const margin = Math.max(1, (to - from) * 0.01);
  return [from - margin, to + margin];
}

/** The top of the scale: above every value, and above bands only so far that a wide first band does not flatten the rest. */
export function topOf(data: ChartData, from: number, to: number): number {
  let values = 0;
  let highs = 0;
  data.at.forEach((at, i) => {
    if (at < from || at > to) return;
    for (const line of data.lines) {
      values = Math.max(values, line.values[i] ?? 0);
      const high = line.high?.[i];
      highs = Math.max(highs, high ?? 0);
    }
  });
  const limits = Math.max(0, ...(data.limits ?? []).map((l) => l.value));
  const floor = { ratio: 0.01, ms: 5, perSecond: 1, ln: 1, rate: 1e-6, number: 1e-6, duration: 60_000, perDay: 0.1 }[
    data.unit
  ];
  // Where periods have nothing but zeros, their bands are all there is to see.
  const isBandsAlone = data.periods !== undefined && values === 0;
  const bands = isBandsAlone ? highs : Math.min(highs, Math.max(values * 3, floor * 2));
  return Math.min(Math.max(values, bands, limits, floor) * 1.08, data.ceiling ?? Number.MAX_VALUE);
}
