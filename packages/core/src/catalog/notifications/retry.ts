/** When a delivery that failed is tried again, when it is given up, and when its channel is left alone for a while. */
export interface RetryPolicy {
  /** The wait after the first failure is at most this, then doubles. */
  readonly baseMs: number;
  readonly capMs: number;
  /** Given up after so many tries, but never before `giveUpAfterMs`. */
  readonly triesMin: number;
  readonly giveUpAfterMs: number;
  /** So many failures of a channel in a row open its circuit: nothing is sent there but a try now and then. */
  readonly breakerFailures: number;
  readonly breakerBaseMs: number;
  readonly breakerCapMs: number;
  /** A receiver may ask for patience (Retry-After), up to this. */
  readonly retryAfterMaxMs: number;
}

/** A receiver that is away for a day gets everything after; one that is back is found within five minutes. */
export const RETRY_POLICY: RetryPolicy = {
  baseMs: 2_000,
  capMs: 900_000,
  triesMin: 8,
  giveUpAfterMs: 86_400_000,
  breakerFailures: 5,
  breakerBaseMs: 5_000,
  breakerCapMs: 300_000,
  retryAfterMaxMs: 3_600_000,
};

/**
 * Full jitter: anywhere between now and a limit that doubles, so that many who failed together do not come back together
 * ("Exponential Backoff And Jitter", AWS Architecture Blog, 2015). `random` is in [0, 1).
 */
export function fullJitter(failures: number, baseMs: number, capMs: number, random: number): number {
  return Math.round(random * Math.min(capMs, baseMs * 2 ** Math.max(0, failures - 1)));
}

export interface Failure {
  /** Tries of this delivery so far, with the one that failed. */
  readonly tries: number;
  /** Since it was first tried. */
  readonly ageMs: number;
  /** Failures of its channel in a row, with this one. */
  readonly channelFailures: number;
  /** It would fail again however often it is tried. */
  readonly permanent: boolean;
  /** What the receiver asked for; null when it did not. */
  readonly retryAfterMs: number | null;
}
export interface AfterFailure {
  readonly dead: boolean;
  readonly retryInMs: number;
  /** The channel is left alone for so long; 0 while its circuit is closed. */
  readonly channelRestsMs: number;
}

export function afterFailure(
  f: Failure,
  policy: RetryPolicy,
  random: { readonly delivery: number; readonly channel: number },
): AfterFailure {
  const asked = Math.min(policy.retryAfterMaxMs, Math.max(0, f.retryAfterMs ?? 0));
  const over = f.channelFailures - policy.breakerFailures;
  const rests = over < 0 ? 0 : fullJitter(over + 1, policy.breakerBaseMs, policy.breakerCapMs, random.channel);
  return {
    dead: f.permanent || (f.tries >= policy.triesMin && f.ageMs >= policy.giveUpAfterMs),
    retryInMs: Math.max(asked, fullJitter(f.tries, policy.baseMs, policy.capMs, random.delivery)),
    channelRestsMs: Math.max(asked, rests),
  };
}
