/** One measured figure, as `--json` prints it. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What the same machine does without us, or with somebody else's program, in the same unit. */
  readonly peer: { readonly name: string; readonly value: number } | null;
  readonly ratio: number | null;
  /** In words, such as "< 100"; null for a figure that only informs. */
  readonly goal: string | null;
  readonly holds: boolean;
}

/** A figure that must stay below (or, with "at least", reach) its goal; "at most" allows the goal itself. No number holds no goal. */
export function figure(
  name: string,
  value: number,
  unit: string,
  o: {
    below?: number;
    atMost?: number;
    atLeast?: number;
    peer?: Figure["peer"];
    ratioBelow?: number;
    ratioAtLeast?: number;
  } = {},
): Figure {
  const peer = o.peer ?? null;
  const ratio = peer && peer.value > 0 ? value / peer.value : null;
  const goals = [
    ...(o.below === undefined ? [] : [{ words: `< ${o.below}`, holds: value < o.below }]),
    ...(o.atMost === undefined ? [] : [{ words: `<= ${o.atMost}`, holds: value <= o.atMost }]),
    ...(o.atLeast === undefined ? [] : [{ words: `>= ${o.atLeast}`, holds: value >= o.atLeast }]),
    ...(o.ratioBelow === undefined ? [] : [{ words: `ratio < ${o.ratioBelow}`, holds: (ratio ?? 0) < o.ratioBelow }]),
    ...(o.ratioAtLeast === undefined
      ? []
      : [{ words: `ratio >= ${o.ratioAtLeast}`, holds: (ratio ?? 0) >= o.ratioAtLeast }]),
  ];
  return {
    name,
    value,
    unit,
    peer,
    ratio,
    goal: goals.length > 0 ? goals.map((g) => g.words).join(" and ") : null,
    holds: goals.every((g) => g.holds),
  };
}

/** What a topic is given and what it may say while it works. */
export interface Bench {
  readonly quick: boolean;
  /** Of random choices: the same makes the same again. */
  readonly seed: number;
  /** How often, where a topic does the same again and again; null: as often as it thinks right. */
  readonly runs: number | null;
  /** Keeps results in the repository, and what is published of them. */
  readonly write: boolean;
  readonly root: string;
  readonly signal: AbortSignal;
  readonly say: (words: string) => void;
}

export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1))] ?? Number.NaN;
}
export const median = (values: readonly number[]): number => quantile(values, 0.5);
export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const shown = (x: number): string =>
  Number.isNaN(x) ? "-" : Math.abs(x) >= 100 ? x.toFixed(0) : Math.abs(x) >= 10 ? x.toFixed(1) : x.toFixed(2);

export function tableOf(figures: readonly Figure[]): string {
  const rows = figures.map((f) => [
    f.name,
    `${shown(f.value)} ${f.unit}`,
    f.peer ? `${f.peer.name}: ${shown(f.peer.value)}` : "",
    f.ratio === null ? "" : shown(f.ratio),
    f.goal ?? "",
    f.goal === null ? "" : f.holds ? "holds" : "DOES NOT HOLD",
  ]);
  const all = [["figure", "value", "peer", "ratio", "goal", ""], ...rows];
  const widths = (all[0] ?? []).map((_, i) => Math.max(...all.map((row) => (row[i] ?? "").length)));
  return all
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
