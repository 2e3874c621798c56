import { type Histogram, mergeHistograms } from "../../shared/histogram.ts";

/** What a service answered within an hour (UTC), or a part of it. */
export interface HourTraffic {
  readonly hourMs: number;
  readonly requests: number;
  readonly errors: number;
  readonly latency: Histogram;
}

export const HOUR_MS = 3_600_000;
const hourOf = (atMs: number): number => Math.floor(atMs / HOUR_MS) * HOUR_MS;

/**
 * Puts counts that came between two times into the hours there, evenly by time. Parts add up to the whole, bucket by bucket:
 * each is the difference of two rounded running sums.
 */
export function spreadOverHours(
  fromMs: number,
  toMs: number,
  counts: Omit<HourTraffic, "hourMs">,
): readonly HourTraffic[] {
  const last = hourOf(toMs);
  if (fromMs >= toMs || hourOf(fromMs) === last) return [{ hourMs: last, ...pick(counts) }];
  const parts: HourTraffic[] = [];
  let before = 0;
  for (let hourMs = hourOf(fromMs); hourMs <= last; hourMs += HOUR_MS) {
    const until = hourMs === last ? 1 : (hourMs + HOUR_MS - fromMs) / (toMs - fromMs);
    const part = (n: number) => Math.round(n * until) - Math.round(n * before);
    const latency: Record<string, number> = {};
    for (const bucket in counts.latency) {
      const n = part(counts.latency[bucket] ?? 0);
      if (n > 0) latency[bucket] = n;
    }
    parts.push({ hourMs, requests: part(counts.requests), errors: part(counts.errors), latency });
    before = until;
  }
  return parts.filter((p) => p.requests + p.errors > 0 || Object.keys(p.latency).length > 0);
}

const pick = ({ requests, errors, latency }: Omit<HourTraffic, "hourMs">) => ({ requests, errors, latency });

/** Two counts of the same hour. */
export const addHours = (a: HourTraffic, b: HourTraffic): HourTraffic => ({
  hourMs: a.hourMs,
  requests: a.requests + b.requests,
  errors: a.errors + b.errors,
  latency: mergeHistograms(a.latency, b.latency),
});
