import {
  DAY_MINUTES,
  MINUTE_MS,
  minuteOf,
  momentsOf,
  WEEKDAYS,
  type Weekday,
  wallTime,
  type Zone,
} from "../shared/zone.ts";

/** When deployments may go out: windows of the week, and freezes in which none may. */

export interface OpenHours {
  readonly days: readonly Weekday[];
  /** HH:MM by the clock on the wall; `to` is later than `from`, and may be 24:00. */
  readonly from: string;
  readonly to: string;
  readonly zone: Zone;
}
export interface FreezeTime {
  readonly fromMs: number;
  readonly toMs: number;
  readonly reason: string;
}
export interface WindowStanding {
  readonly isOpen: boolean;
  /** A sentence: why it is closed. */
  readonly words: string;
  /** When it opens next, as far as the next `AHEAD_DAYS` days tell; null: not within them, or open now. */
  readonly opensAtMs: number | null;
}

/** Every weekday comes twice: what is open in some week is found, also where a clock jumps over one opening. */
export const AHEAD_DAYS = 15;

/** Whether some window is open. Without windows every time is. */
export function inHours(hours: readonly OpenHours[], atMs: number): boolean {
  return (
    hours.length === 0 ||
    hours.some(({ days, from, to, zone }) => {
      const { weekday, minute } = wallTime(zone, atMs);
      return days.includes(WEEKDAYS[weekday] ?? "mon") && minute >= minuteOf(from) && minute < minuteOf(to);
    })
  );
}

/** How it stands now. `zone` of each window must hold the changes of the clock for the next `AHEAD_DAYS` days. */
export function windowAt(hours: readonly OpenHours[], freezes: readonly FreezeTime[], atMs: number): WindowStanding {
  const frozenBy = (ms: number) => freezes.find(({ fromMs, toMs }) => fromMs <= ms && ms < toMs);
  const isOpen = (ms: number) => inHours(hours, ms) && !frozenBy(ms);
  if (isOpen(atMs)) return { isOpen: true, words: "It is open.", opensAtMs: null };
  const frozen = frozenBy(atMs);
  const last = atMs + AHEAD_DAYS * DAY_MINUTES * MINUTE_MS;
  // It can open where a window begins, where a freeze ends, and where a clock jumps.
  const moments = [...freezes.map(({ toMs }) => toMs), ...hours.flatMap(({ zone }) => zone.map((part) => part.fromMs))];
  for (const { zone, from } of hours) {
    const today = wallTime(zone, atMs).day;
    for (let day = today; day <= today + AHEAD_DAYS; day++) moments.push(...momentsOf(zone, day, minuteOf(from)));
  }
  const opens = moments.filter((ms) => ms > atMs && ms <= last && isOpen(ms));
  const next = opens.length > 0 ? Math.min(...opens) : null;
  const words = frozen ? `Frozen: ${frozen.reason}` : "Outside of its hours.";
  return { isOpen: false, words, opensAtMs: next };
}
