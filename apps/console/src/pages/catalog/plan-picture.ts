import type { HarmFinding } from "../../api/types.ts";

interface HarmBar {
  readonly size: number;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** The 95 % band's ends. */
  readonly lowY: number;
  readonly highY: number;
  readonly middleX: number;
  readonly isFound: boolean;
}

const FOUND = 0.9;
/** A third of each place is air. */
const FILLED = 2 / 3;

/** Where each size's bar is within a frame whose bottom is "never" and whose top is "always". */
export function barsOf(findings: readonly HarmFinding[], frame: { width: number; height: number }): HarmBar[] {
  const place = frame.width / Math.max(1, findings.length);
  const yOf = (chance: number) => frame.height * (1 - chance);
  return findings.map((f, i) => ({
    size: f.size,
    x: i * place + (place * (1 - FILLED)) / 2,
    y: yOf(f.chance),
    width: place * FILLED,
    height: frame.height - yOf(f.chance),
    lowY: yOf(f.chanceLow),
    highY: yOf(f.chanceHigh),
    middleX: (i + 0.5) * place,
    isFound: f.chance >= FOUND,
  }));
}

/** The shortest name of a size under its bar: "5", "+50 %", "×2". */
export function sizeLabel(kind: "errors" | "slowdown", size: number): string {
  if (kind === "errors") return String(Number((size * 100).toFixed(1)));
  return size < 1 ? `${Math.round(size * 100)} %` : `×${size + 1}`;
}
