import { type Histogram, mergeHistograms, quantileMs } from "../../shared/histogram.ts";
import type { Clustering } from "../types.ts";
import type { HourTraffic } from "./hours.ts";
import type { ArmTraffic, Clusters } from "./traffic.ts";

/** What a service's traffic is taken for: its hours as they were, and how the release that serves answers. */
export interface MeasuredTraffic {
  /** Requests of each hour, oldest first; at least one hour. */
  readonly requestsPerHour: readonly number[];
  readonly arm: ArmTraffic;
  /** How many requests a visitor makes; null where visitors are not told apart. */
  readonly requestsPerUser: number | null;
  /** False where nothing was measured and a figure stands in for it. */
  readonly measured: boolean;
}

/** A leads site answers 20 to 100 requests an hour: near the middle of it, as the bench's setting of 0.02 requests/s. */
export const ASSUMED_REQUESTS_PER_HOUR = 72;
/** One failure in a thousand, 100 ms at the median, and the usual spread of answers, as in the published simulations. */
const ASSUMED_ARM: ArmTraffic = { errorRatio: 0.001, latencyMedianMs: 100, latencySpread: 0.5 };
/** Below this the median and the spread of so few answers say nothing. */
const ANSWERS_MIN = 50;
/** The normal distribution's 0.9 quantile: ln of p90 over p50 is so many standard deviations. */
const Z90 = 1.2816;
/** A spread outside of these is the histogram's grain (a bucket is 4 %) or several services in one. */
const SPREAD = [0.05, 3] as const;

/**
 * From the week's hours to a model of them. Few failures are read with half a failure and half a success added (the
 * Jeffreys prior's mean), so that a service that never failed is not taken for one that can't.
 */
export function measuredTraffic(hours: readonly HourTraffic[], requestsPerUser: number | null): MeasuredTraffic {
  const requests = hours.reduce((n, h) => n + h.requests, 0);
  const errors = hours.reduce((n, h) => n + h.errors, 0);
  if (requests === 0)
    return { requestsPerHour: [ASSUMED_REQUESTS_PER_HOUR], arm: ASSUMED_ARM, requestsPerUser, measured: false };
  const latency = hours.reduce<Histogram>((all, h) => mergeHistograms(all, h.latency), {});
  const [p50, p90] = [quantileMs(latency, 0.5), quantileMs(latency, 0.9)];
  const known = requests >= ANSWERS_MIN && p50 !== null && p90 !== null;
  return {
    requestsPerHour: hours.map((h) => h.requests),
    arm: {
      errorRatio: requests >= ANSWERS_MIN ? (errors + 0.5) / (requests + 1) : ASSUMED_ARM.errorRatio,
      latencyMedianMs: known ? p50 : ASSUMED_ARM.latencyMedianMs,
      latencySpread: known
        ? Math.min(SPREAD[1], Math.max(SPREAD[0], Math.log(p90 / p50) / Z90))
        : ASSUMED_ARM.latencySpread,
    },
    requestsPerUser,
    measured: true,
  };
}

/** Clusters smaller than this in the mean are chance. */
const CLUSTER_MIN = 1.05;

/**
 * Failures in clusters, as they were measured on the release that serves; null where they come one by one, or nothing was
 * measured. Of geometric sizes with mean m the dispersion is D = E m^2 / E m = 2 m - 1; it was taken one standard error
 * higher (dispersion.ts), which is taken back here. Where a visitor's first failure is known, it is played too.
 */
export function clustersOf(measured: Clustering | null | undefined): Clusters | null {
  if (!measured || measured.errors === null) return null;
  const dispersion = measured.errors / (1 + Math.sqrt(2 / measured.minutes));
  const meanSize = (dispersion + 1) / 2;
  if (meanSize < CLUSTER_MIN) return null;
  return { meanSize, routing: measured.unitErrors === null ? "sticky" : "visitor" };
}

/** The same service with another amount of traffic, spread over its hours as it was. */
export function scaledTo(traffic: MeasuredTraffic, requestsPerHour: number): MeasuredTraffic {
  const mean = meanPerHour(traffic);
  const hours = mean > 0 ? traffic.requestsPerHour.map((n) => (n * requestsPerHour) / mean) : [requestsPerHour];
  return { ...traffic, requestsPerHour: hours };
}

export const meanPerHour = ({ requestsPerHour: hours }: MeasuredTraffic): number =>
  hours.reduce((a, b) => a + b, 0) / Math.max(1, hours.length);

/** About how many visitors so many requests are of; null where visitors are not told apart. */
export const usersOf = (requests: number, { requestsPerUser }: MeasuredTraffic): number | null =>
  requestsPerUser === null ? null : Math.ceil(requests / Math.max(1, requestsPerUser));
