const FIRST_MS = 500;
const LONGEST_MS = 30_000;

/**
 * How long to wait before try number `attempt` (0, 1, …), ms: anywhere up to a bound that doubles, so that clients that lost
 * one server do not come back at one moment (AWS Architecture Blog, "Exponential Backoff and Jitter": full jitter). A tenth of the bound
 * is always waited.
 */
export function backoffMs(attempt: number, random: () => number = Math.random): number {
  const bound = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 10));
  return Math.round(bound * (0.1 + 0.9 * random()));
}
