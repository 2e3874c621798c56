/** How a request went. */
export interface RequestOutcome {
  /** False: the server failed (5xx). What a client did wrong is no failure. */
  readonly ok: boolean;
  /** From its arrival to the end of the answer, ms; left out, nothing is said of `latency`. */
  readonly durationMs?: number;
}
