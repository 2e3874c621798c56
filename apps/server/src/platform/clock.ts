/** Time as the controllers see it: an argument, so that a simulated world can have clocks that jump and drift. */
export interface Clock {
  /** Milliseconds since 1970, by this machine's clock: it may be set back. */
  now(): number;
  /** Milliseconds that only grow, for intervals. */
  monotonic(): number;
  /** Calls `fn` once after `ms`; the answer calls it off. */
  after(ms: number, fn: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (ms, fn) => {
    const timer = setTimeout(fn, ms);
    return () => clearTimeout(timer);
  },
};
