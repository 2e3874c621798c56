import type { Window } from "./keys.ts";
import { emptyTally, sumsBy, type Tally } from "./tally.ts";

/** All in UTC, so that a day is the same one for everybody; weeks begin on Monday (ISO 8601). */
export const PERIODS = ["day", "week", "month"] as const;
export type PeriodName = (typeof PERIODS)[number];

/** A part of a window, cut off where the window begins or ends. */
export interface Period extends Window {
  /** Such as `2026-11-27`, `2026-W48` or `2026-11`. */
  readonly label: string;
}

const DAY_MS = 86_400_000;
const dayOf = (atMs: number): number => Math.floor(atMs / DAY_MS);
const pad = (n: number, width = 2): string => String(n).padStart(width, "0");

/** Year, month and day of a day since 1970-01-01, in the Gregorian calendar (H. Hinnant's civil_from_days). */
function dateOf(day: number): { readonly year: number; readonly month: number; readonly dayOfMonth: number } {
  // Years are taken from March to February, so that the leap day is the last of one; 146,097 days are 400 years.
  const sinceMarch0 = day + 719_468;
  const era = Math.floor(sinceMarch0 / 146_097);
  const ofEra = sinceMarch0 - era * 146_097;
  const yearOfEra = Math.floor(
    (ofEra - Math.floor(ofEra / 1460) + Math.floor(ofEra / 36_524) - Math.floor(ofEra / 146_096)) / 365,
  );
  const ofYear = ofEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const fromMarch = Math.floor((5 * ofYear + 2) / 153);
  const month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  return { year, month, dayOfMonth: ofYear - Math.floor((153 * fromMarch + 2) / 5) + 1 };
}

/** The Monday of a day's week: 1970-01-01 was a Thursday. */
const mondayOf = (day: number): number => Math.floor((day + 3) / 7) * 7 - 3;

/** The week of a Monday belongs to the year of its Thursday. */
function weekLabel(monday: number): string {
  const thursday = monday + 3;
  const { year, month, dayOfMonth } = dateOf(thursday);
  let dayOfYear = dayOfMonth - 1;
  for (let first = thursday - dayOfMonth, m = month; m > 1; m -= 1) {
    const days = dateOf(first).dayOfMonth;
    dayOfYear += days;
    first -= days;
  }
  return `${year}-W${pad(Math.floor(dayOfYear / 7) + 1)}`;
}

/** The period in which a day lies: its first day, the first one after it, and its label. */
function periodOf(day: number, by: PeriodName): { from: number; to: number; label: string } {
  const { year, month, dayOfMonth } = dateOf(day);
  if (by === "day") return { from: day, to: day + 1, label: `${pad(year, 4)}-${pad(month)}-${pad(dayOfMonth)}` };
  if (by === "week") {
    const monday = mondayOf(day);
    return { from: monday, to: monday + 7, label: weekLabel(monday) };
  }
  const from = day - dayOfMonth + 1;
  const inNext = dateOf(from + 31);
  return { from, to: from + 31 - inNext.dayOfMonth + 1, label: `${pad(year, 4)}-${pad(month)}` };
}

/** The periods of a window, none left out, in their order. */
export function periodsOf(window: Window, by: PeriodName): Period[] {
  const periods: Period[] = [];
  for (let atMs = window.fromMs; atMs < window.toMs; ) {
    const { to, label } = periodOf(dayOf(atMs), by);
    const toMs = Math.min(window.toMs, to * DAY_MS);
    periods.push({ fromMs: atMs, toMs, label });
    atMs = toMs;
  }
  return periods;
}

/** A tally of what happened from a time on, within one day of UTC. */
export interface Cell {
  readonly fromMs: number;
  readonly tally: Tally;
}

/** The tallies of a window's periods; a period in which nothing happened is in it with an empty one. Cells outside the window are left out. */
export function series(cells: readonly Cell[], by: PeriodName, window: Window): (Period & { readonly tally: Tally })[] {
  const within = cells.filter(({ fromMs }) => fromMs >= window.fromMs && fromMs < window.toMs);
  const byLabel = sumsBy(within, ({ fromMs }) => periodOf(dayOf(fromMs), by).label);
  return periodsOf(window, by).map((period) => ({ ...period, tally: byLabel.get(period.label) ?? emptyTally() }));
}
