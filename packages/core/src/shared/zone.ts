/**
 * A time zone as data: from each moment on, local time is UTC plus so many minutes. The first part holds for all times
 * before it, too. Whoever has a clock and a table of zones makes it; the core only counts with it.
 */
export interface ZonePart {
  /** Milliseconds since 1970. */
  readonly fromMs: number;
  /** East of Greenwich is positive. */
  readonly offsetMinutes: number;
}
export type Zone = readonly ZonePart[];

export const UTC: Zone = [{ fromMs: 0, offsetMinutes: 0 }];
export const MINUTE_MS = 60_000;
export const DAY_MINUTES = 1_440;

/** Minutes that local time is ahead of UTC. */
export function offsetAt(zone: Zone, atMs: number): number {
  let offset = zone[0]?.offsetMinutes ?? 0;
  for (const part of zone) if (part.fromMs <= atMs) offset = part.offsetMinutes;
  return offset;
}

/** Monday first, as `weekday` counts. */
export const WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
export type Weekday = (typeof WEEKDAYS)[number];

/** Minutes since midnight of "HH:MM"; 24:00 is the end of the day. */
export const minuteOf = (time: string): number => Number(time.slice(0, 2)) * 60 + Number(time.slice(3, 5));

export interface WallTime {
  /** Days since Thursday, 1 January 1970, by the local calendar. */
  readonly day: number;
  /** 0 is Monday. */
  readonly weekday: number;
  /** Minutes since the local day began, 0 to 1439. */
  readonly minute: number;
}

/** What a clock on the wall shows. */
export function wallTime(zone: Zone, atMs: number): WallTime {
  const minutes = Math.floor(atMs / MINUTE_MS) + offsetAt(zone, atMs);
  const day = Math.floor(minutes / DAY_MINUTES);
  return { day, weekday: (((day + 3) % 7) + 7) % 7, minute: minutes - day * DAY_MINUTES };
}

/** The moments at which the clock on the wall shows this: two when it is set back, none when it jumps over it. */
export function momentsOf(zone: Zone, day: number, minute: number): number[] {
  const offsets = [...new Set(zone.map((part) => part.offsetMinutes))];
  return offsets
    .map((offset) => ({ offset, atMs: (day * DAY_MINUTES + minute - offset) * MINUTE_MS }))
    .filter(({ offset, atMs }) => offsetAt(zone, atMs) === offset)
    .map(({ atMs }) => atMs)
    .sort((a, b) => a - b);
}
