import type { DoraQuery, WindowQuery } from "../../api/insight-queries.ts";
import type { InsightsSearch, InsightsWindow } from "../../search.ts";

/** From what stands in the address to what the API is asked, and back. Windows are whole days in UTC. */
const DAY_MS = 86_400_000;
type Optional<T> = { [K in keyof T]?: T[K] | undefined };

export const PRESETS = ["7", "30", "90", "365"] as const;
export const DEFAULT_DAYS = "90";

const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
const startOf = (day: string): number => Date.parse(`${day}T00:00:00.000Z`);
const momentOf = (ms: number): string => new Date(ms).toISOString();

/** The days of the window, first and last, both of them in it. The last so many days end with today. */
export function daysOf(search: Optional<InsightsWindow>, nowMs: number): { first: string; last: string } {
  const today = dayOf(nowMs);
  if (!search.from && !search.to) {
    const days = Number(search.days ?? DEFAULT_DAYS);
    return { first: dayOf(startOf(today) - (days - 1) * DAY_MS), last: today };
  }
  const last = search.to ?? today;
  const first = search.from ?? dayOf(startOf(last) - (Number(DEFAULT_DAYS) - 1) * DAY_MS);
  // Whoever turns them round means the days between them.
  return first <= last ? { first, last } : { first: last, last: first };
}

export const lengthOf = (days: { first: string; last: string }): number =>
  Math.round((startOf(days.last) - startOf(days.first)) / DAY_MS) + 1;

export function windowQuery(search: Optional<InsightsWindow>, nowMs: number): WindowQuery {
  const { first, last } = daysOf(search, nowMs);
  return {
    ...(search.service ? { service: search.service } : {}),
    from: momentOf(startOf(first)),
    to: momentOf(startOf(last) + DAY_MS),
  };
}

export function doraQuery(search: Optional<InsightsSearch>, nowMs: number): DoraQuery {
  return {
    ...windowQuery(search, nowMs),
    by: search.by ?? "week",
    definition: search.definition ?? "dora-2025",
    ...(search.known ? { asKnownAt: momentOf(startOf(search.known) + DAY_MS - 1) } : {}),
  };
}

type Span = InsightsSearch["by"];
const SPAN_DAYS: Record<Span, number> = { day: 1, week: 7, month: 30 };
/** Fewer points than this are no line. */
const POINTS_MIN = 4;

/**
 * What a dragged span of a chart (seconds since 1970) makes of the address: the whole days it touches, in points that
 * are fine enough to see something.
 */
export function zoomed(zoom: { from: number; to: number }, by: Span): { from: string; to: string; by: Span } {
  const from = dayOf(zoom.from * 1000);
  // A window ends before its last moment, and is never shorter than the day it begins with.
  const to = dayOf(Math.max(zoom.from * 1000, zoom.to * 1000 - 1));
  const days = lengthOf({ first: from, last: to });
  const finer = (["month", "week", "day"] as const).filter((span) => SPAN_DAYS[span] <= SPAN_DAYS[by]);
  return { from, to, by: finer.find((span) => days / SPAN_DAYS[span] >= POINTS_MIN) ?? "day" };
}

const dayFormat = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "short",
  year: "numeric",
  timeZone: "UTC",
});
const monthFormat = new Intl.DateTimeFormat("en-GB", { month: "long", year: "numeric", timeZone: "UTC" });

/** A period of a series: "3 Aug 2026", "3 to 9 Aug 2026", "August 2026". The end does not belong to it. */
export function periodWords(from: string, to: string): string {
  const first = new Date(from);
  const last = new Date(Date.parse(to) - 1);
  if (dayOf(first.getTime()) === dayOf(last.getTime())) return dayFormat.format(first);
  const isMonth = first.getUTCDate() === 1 && new Date(to).getUTCDate() === 1;
  if (isMonth && Date.parse(to) - first.getTime() < 32 * DAY_MS) return monthFormat.format(first);
  const sameMonth = first.getUTCMonth() === last.getUTCMonth() && first.getUTCFullYear() === last.getUTCFullYear();
  return `${sameMonth ? first.getUTCDate() : dayFormat.format(first)} to ${dayFormat.format(last)}`;
}
