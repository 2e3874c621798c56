import type { Clock } from "./clock.ts";

/**
 * The longest that a round may take: ending five releases, one after the other, that ignore the signal to end takes 50 s. What
 * takes longer hangs, on a disk or a network that answers nothing.
 */
const HANGS_AFTER_MS = 60_000;

/** Whether a loop still goes round: one that hangs looks after nothing, whatever other timers of its process do. */
export class LoopWatch {
  readonly #clock: Clock;
  #signMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#signMs = clock.monotonic();
  }

  /** A round begins, or is done. */
  sign(): void {
    this.#signMs = this.#clock.monotonic();
  }

  hangs(): boolean {
    return this.#clock.monotonic() - this.#signMs > HANGS_AFTER_MS;
  }
}
