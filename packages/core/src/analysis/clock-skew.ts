import type { GuardReport } from "./types.ts";

/**
 * Counts and samples come from machines with clocks of their own. A rollout goes by its own time (decision 13), so that no
 * server's clock shortens or lengthens a look. What a clock that is off does harm to is which time the numbers are of: a
 * gateway's counts may have waited somewhere and be of another minute than the look's; a source is asked for a moment that
 * it takes for another one, and answers of a time when the canary had another share, or of one that it has nothing of yet.
 */
export interface ClockOff {
  /** A gateway's name. */
  readonly name: string;
  /** Milliseconds that it is ahead; behind when it is negative. */
  readonly byMs: number;
}
export interface ClocksOff {
  readonly gateways: readonly ClockOff[];
  /** The metric source's, against the clock of the server that asks it; null where it is right or unknown. */
  readonly sourceByMs: number | null;
}

/**
 * From here on a clock is off. With right clocks a gateway's report is up to 3 s under way, until the gateway gives up on
 * it; a source's answer is of 2 s ago, asked for every 5 s with 5 s to answer, of samples that are 15 s apart:
 * 2 + 5 + 5 + 15 = 27 s old at most. More than either is the clock's doing. Synchronized clocks are off by less than 1 s.
 */
export const CLOCK_OFF_MS = 30_000;

export const isClockOff = (byMs: number): boolean => Math.abs(byMs) >= CLOCK_OFF_MS;

/** Of clocks as they were measured, those that are off; undefined when none is: looks are kept, and most have none. */
export function clocksOff(
  gateways: readonly ClockOff[],
  sourceByMs: number | null = null,
): { readonly clocksOff?: ClocksOff } {
  const off = gateways.filter((gateway) => isClockOff(gateway.byMs));
  const source = sourceByMs !== null && isClockOff(sourceByMs) ? sourceByMs : null;
  return off.length === 0 && source === null ? {} : { clocksOff: { gateways: off, sourceByMs: source } };
}

/** "2 min 5 s ahead of" */
function offWords(byMs: number): string {
  const s = Math.round(Math.abs(byMs) / 1_000);
  const [hours, minutes, seconds] = [Math.floor(s / 3_600), Math.floor(s / 60) % 60, s % 60];
  const parts =
    hours > 0 ? [`${hours} h`, `${minutes} min`] : minutes > 0 ? [`${minutes} min`, `${seconds} s`] : [`${s} s`];
  return `${parts.filter((part) => !part.startsWith("0 ")).join(" ")} ${byMs > 0 ? "ahead of" : "behind"}`;
}
const NAMED_MAX = 3;

/**
 * Holds while a gateway's clock is off, or that of the source of a critical metric. Metrics that only watch get a note.
 * Readings by such a clock are not taken at all; counts are, but nothing is decided on them until it is right again.
 */
export function clockSkew(off: ClocksOff | undefined, hasCritical: boolean): GuardReport {
  const guard = "clock_skew";
  const gateways = off?.gateways ?? [];
  const sourceByMs = off?.sourceByMs ?? null;
  const said: string[] = [];
  if (gateways.length > 0) {
    const named = gateways.slice(0, NAMED_MAX).map((g) => `of gateway ${g.name} is ${offWords(g.byMs)} the database's`);
    const more = gateways.length > NAMED_MAX ? `, and ${gateways.length - NAMED_MAX} more are off` : "";
    said.push(
      `The clock ${named.join(", that ")}${more}: of which time the counts are can't be told, so nothing is decided on them. Set the clock of its machine right (NTP).`,
    );
  }
  if (sourceByMs !== null)
    said.push(
      `The metric source's clock is ${offWords(sourceByMs)} this server's: its metrics are not taken in until they agree.${hasCritical ? " A critical metric is among them, so nothing moves." : ""}`,
    );
  if (said.length === 0) return { guard, state: "quiet", words: "The clocks agree." };
  const holds = gateways.length > 0 || hasCritical;
  return { guard, state: holds ? "hold" : "note", words: said.join(" ") };
}
