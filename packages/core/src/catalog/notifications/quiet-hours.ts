import {
  DAY_MINUTES,
  MINUTE_MS,
  minuteOf,
  momentsOf,
  WEEKDAYS,
  type Weekday,
  wallTime,
  type Zone,
} from "../../shared/zone.ts";

/**
 * Hours in which only what is critical comes through. The rest is held until they end, by the clock on the wall of a
 * time zone: a night in which the clock is set back is an hour longer.
 */
export interface QuietHours {
  /** IANA name, such as Europe/Berlin. */
  readonly timeZone: string;
  /** On which days they begin. */
  readonly days: readonly Weekday[];
  /** HH:MM. */
  readonly from: string;
  /** HH:MM: not later than `from` means the next day. The same as `from` is a whole day. */
  readonly to: string;
}

/** Nothing is held for longer: a week whose every hour is quiet must not keep a message for ever. */
export const HELD_MAX_MS = 8 * DAY_MINUTES * MINUTE_MS;

/** Whether it is quiet now. */
export function isQuiet(hours: QuietHours, zone: Zone, atMs: number): boolean {
  const { weekday, minute } = wallTime(zone, atMs);
  const from = minuteOf(hours.from);
  const to = minuteOf(hours.to);
  const begins = (day: number) => hours.days.includes(WEEKDAYS[(day + 7) % 7] ?? "mon");
  if (from < to) return begins(weekday) && minute >= from && minute < to;
  return (begins(weekday) && minute >= from) || (begins(weekday - 1) && minute < to);
}

/**
 * When what comes now may be told: null when it is not quiet, else the first moment at which it is not quiet any more,
 * at most `HELD_MAX_MS` ahead. `zone` must hold the changes of the clock until then.
 */
export function quietUntil(hours: QuietHours, zone: Zone, atMs: number): number | null {
  if (!isQuiet(hours, zone, atMs)) return null;
  const last = atMs + HELD_MAX_MS;
  const today = wallTime(zone, atMs).day;
  // It can end where `to` is on the wall, at midnight (a day that is not meant), or where the clock jumps over those.
  const moments = zone.map((part) => part.fromMs);
  for (let day = today; day <= today + 9; day++)
    moments.push(...momentsOf(zone, day, minuteOf(hours.to)), ...momentsOf(zone, day, 0));
  const ends = moments.filter((moment) => moment > atMs && moment < last && !isQuiet(hours, zone, moment));
  return Math.min(last, ...ends);
}

/** The week as 7 rows of 48 half hours, Monday first: true where it is quiet. For a picture. */
export function weekOf(hours: QuietHours): boolean[][] {
  const wall: Zone = [{ fromMs: 0, offsetMinutes: 0 }];
  // 5 January 1970 was a Monday.
  const monday = 4 * DAY_MINUTES * MINUTE_MS;
  return WEEKDAYS.map((_, day) =>
    Array.from({ length: 48 }, (_, half) => isQuiet(hours, wall, monday + (day * DAY_MINUTES + half * 30) * MINUTE_MS)),
  );
}
