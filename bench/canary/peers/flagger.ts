import { mergeHistograms, quantileMs } from "@latchkey/core/shared/histogram";
import type { Peer } from "./peer.ts";

/**
 * A rule like Flagger's (fluxcd/flagger, pkg/controller/scheduler.go and scheduler_metrics.go, Apache-2.0; read, not run): once a
 * minute the last minute's success ratio and p99 are compared with fixed limits (99 %, 500 ms: its documentation's examples).
 * A check that fails, or that has no value, adds to a count that no success takes back; when the count has reached the
 * threshold the next check rolls back. Ten good checks are the steps to full traffic.
 */
const INTERVAL_MS = 60_000;
const THRESHOLD = 5;
const STEPS = 10;
const SUCCESS_AT_LEAST = 0.99;
const P99_AT_MOST_MS = 500;

export const flagger: Peer = {
  name: "Flagger-like",
  start: () => {
    let [failed, good] = [0, 0];
    let [requests, errors] = [0, 0];
    let latency = {};
    return ({ atMs, canary }) => {
      requests += canary.requests;
      errors += canary.errors;
      latency = mergeHistograms(latency, canary.latency);
      if (atMs % INTERVAL_MS !== 0) return null;
      if (failed >= THRESHOLD) return "roll_back";
      const p99 = quantileMs(latency, 0.99);
      const well = p99 !== null && p99 <= P99_AT_MOST_MS && 1 - errors / requests >= SUCCESS_AT_LEAST;
      if (well) good += 1;
      else failed += 1;
      [requests, errors, latency] = [0, 0, {}];
      return good >= STEPS ? "promote" : null;
    };
  },
};
