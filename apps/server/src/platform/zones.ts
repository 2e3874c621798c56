import { MINUTE_MS, type Zone, type ZonePart } from "@latchkey/core/shared/zone";

/** Time zones as data for the core, from the tables that Node has (ICU). */
const STEP_MS = 12 * 3_600_000;

/** A zone's changes of the clock between two moments; null when there is no such zone. */
export function zoneBetween(timeZone: string, fromMs: number, toMs: number): Zone | null {
  let offset: (atMs: number) => number;
  try {
    offset = offsetIn(timeZone);
  } catch {
    return null;
  }
  const parts: ZonePart[] = [{ fromMs, offsetMinutes: offset(fromMs) }];
  for (let at = fromMs; at < toMs; at += STEP_MS) {
    const end = Math.min(toMs, at + STEP_MS);
    const before = offset(at);
    if (offset(end) === before) continue;
    // Clocks are changed at full minutes.
    let low = at;
    let high = end;
    while (high - low > MINUTE_MS) {
      const middle = low + Math.floor((high - low) / 2 / MINUTE_MS) * MINUTE_MS;
      if (middle === low) break;
      if (offset(middle) === before) low = middle;
      else high = middle;
    }
    parts.push({ fromMs: Math.floor(high / MINUTE_MS) * MINUTE_MS, offsetMinutes: offset(high) });
  }
  return parts;
}

/** Minutes ahead of UTC. Throws a RangeError when there is no such zone. */
function offsetIn(timeZone: string): (atMs: number) => number {
  const format = new Intl.DateTimeFormat("en-US", {
    ...{ timeZone, hourCycle: "h23", era: "short" },
    ...{ year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric" },
  });
  return (atMs) => {
    const at = Object.fromEntries(format.formatToParts(atMs).map((part) => [part.type, Number(part.value)]));
    const wall = Date.UTC(at.year ?? 0, (at.month ?? 1) - 1, at.day ?? 1, at.hour ?? 0, at.minute ?? 0);
    return Math.round((wall - Math.floor(atMs / MINUTE_MS) * MINUTE_MS) / MINUTE_MS);
  };
}
