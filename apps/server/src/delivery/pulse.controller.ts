import type { Logger } from "pino";

/** Runs one round after the other, at an interval and when woken: one at a time, and a round that fails is logged. */
export class Pulse {
  readonly #log: Logger;
  readonly #what: string;
  readonly #everyMs: number;
  readonly #round: () => Promise<boolean>;
  readonly #restMs: number;
  #timer: NodeJS.Timeout | null = null;
  #running: Promise<void> = Promise.resolve();
  #busy = false;
  #again = false;
  #stopped = false;

  /**
   * `round` answers whether there may be more to do at once. `restMs` is waited after each round: what comes meanwhile is done
   * together, so that a burst is not one round for each of it.
   */
  constructor(o: { log: Logger; what: string; everyMs: number; restMs?: number; round: () => Promise<boolean> }) {
    this.#log = o.log;
    this.#what = o.what;
    this.#everyMs = o.everyMs;
    this.#round = o.round;
    this.#restMs = o.restMs ?? 0;
  }

  start(): this {
    this.#timer = setInterval(() => this.wake(), this.#everyMs);
    this.wake();
    return this;
  }

  wake(): void {
    if (this.#stopped) return;
    if (this.#busy) {
      this.#again = true;
      return;
    }
    this.#busy = true;
    this.#running = this.#rounds();
  }

  async #rounds(): Promise<void> {
    do {
      this.#again = false;
      try {
        if (await this.#round()) this.#again = true;
      } catch (error) {
        this.#log.warn({ err: error }, `${this.#what}: a round failed, the next one tries again`);
        this.#again = false;
      }
      if (this.#restMs > 0 && !this.#stopped) await new Promise((resolve) => setTimeout(resolve, this.#restMs));
    } while (this.#again && !this.#stopped);
    this.#busy = false;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#timer !== null) clearInterval(this.#timer);
    await this.#running;
  }
}
