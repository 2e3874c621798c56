/** How near something is to its limit, for people: nothing to do, something to look at, something to do. */
export type Pressure = "fine" | "busy" | "full";

/** From which value on it is busy, and from which it is full. Both in the direction in which it gets worse: up. */
export interface Bounds {
  readonly busyFrom: number;
  readonly fullFrom: number;
}

export function pressureOf(value: number, bounds: Bounds): Pressure {
  if (value >= bounds.fullFrom) return "full";
  return value >= bounds.busyFrom ? "busy" : "fine";
}

const ORDER: readonly Pressure[] = ["fine", "busy", "full"];

/** The worst of them: what stands over a whole page. */
export const worstPressure = (all: readonly Pressure[]): Pressure =>
  ORDER[Math.max(0, ...all.map((one) => ORDER.indexOf(one)))] ?? "fine";
