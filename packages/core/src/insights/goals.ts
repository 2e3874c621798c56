import { KEYS, type KeyName } from "./definitions.ts";
import type { FiveKeys, Key } from "./keys.ts";

export interface Goal {
  readonly words: string;
  readonly isReached: (value: number) => boolean;
}

/** The guide's goals; it has none for rework. */
export const GOALS: Readonly<Record<KeyName, Goal | null>> = {
  frequency: { words: "10 a day", isReached: (perDay) => perDay >= 10 },
  leadTime: { words: "< 1 day", isReached: (ms) => ms < 86_400_000 },
  failRate: { words: "< 5 %", isReached: (share) => share < 0.05 },
  recovery: { words: "< 1 h", isReached: (ms) => ms < 3_600_000 },
  rework: null,
};

export const DIRECTIONS = ["better", "worse", "same"] as const;
export type Direction = (typeof DIRECTIONS)[number];
export interface Trend {
  readonly direction: Direction;
  /** Whether it is more than chance would do: with few things it hardly ever is. */
  readonly isClear: boolean;
}

export interface GoalState {
  /** Null for a key without a goal. */
  readonly goal: string | null;
  /** Null without data, or without a goal. */
  readonly holds: boolean | null;
  /** Beside the window before; null where either has no data. */
  readonly trend: Trend | null;
}

/** Whether the goals hold, and how the keys went since the window before (null: there is none). */
export const goalsOf = (keys: FiveKeys, before: FiveKeys | null): Readonly<Record<KeyName, GoalState>> =>
  Object.fromEntries(
    KEYS.map((name) => {
      const { value } = keys[name];
      const goal = GOALS[name];
      const holds = goal && value !== null ? goal.isReached(value) : null;
      return [name, { goal: goal?.words ?? null, holds, trend: before && trendOf(before[name], keys[name]) }];
    }),
  ) as Record<KeyName, GoalState>;

/** Deployments more often are better, and less of everything else. */
export function trendOf(before: Key, now: Key): Trend | null {
  if (before.value === null || now.value === null) return null;
  if (before.value === now.value) return { direction: "same", isClear: false };
  const isBetter = now.unit === "per_day" ? now.value > before.value : now.value < before.value;
  return { direction: isBetter ? "better" : "worse", isClear: isClear(before, now) };
}

const Z = 1.96;

/**
 * Of durations and shares: their intervals don't touch, which is stricter than 95 %. Counts have none; two rates differ clearly when they are
 * further apart than 95 % of those of two Poisson processes with the same one.
 */
function isClear(before: Key, now: Key): boolean {
  if (now.unit !== "per_day") {
    const [a, b] = [before.interval, now.interval];
    return a !== null && b !== null && (a.high < b.low || b.high < a.low);
  }
  const variance = [before, now].reduce((sum, { value, n }) => sum + (n > 0 ? (value ?? 0) ** 2 / n : 0), 0);
  return Math.abs((now.value ?? 0) - (before.value ?? 0)) > Z * Math.sqrt(variance);
}
