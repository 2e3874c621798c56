import type { Logger } from "pino";
import type { Clock } from "./clock.ts";

/** Work that came in while a round was under way, or that failed, is tried again so soon. */
const SOON_MS = 200;
const NEWS_MS = 10;

export interface LoopOptions {
  readonly log: Logger;
  readonly clock: Clock;
  /** What its rounds are of, as an error of one says it. */
  readonly of: string;
  /** So long from the end of a round to the next when nobody wakes it; 200 when left out. */
  readonly everyMs?: number;
}

/** One round at a time, at least so often, sooner when woken. A round that fails is logged; the next is due. */
export class Loop {
  readonly #o: LoopOptions;
  #wake: (() => void) | null = null;
  #news = false;
  #woken = false;
  #stopped = false;
  #done: Promise<void> = Promise.resolve();

  constructor(o: LoopOptions) {
    this.#o = o;
  }

  wake(news = false): void {
    this.#news ||= news;
    this.#woken = true;
    this.#wake?.();
  }

  run(round: (news: boolean, woken: boolean) => Promise<unknown>): void {
    this.#done = this.#rounds(round);
  }

  async #rounds(round: (news: boolean, woken: boolean) => Promise<unknown>): Promise<void> {
    while (!this.#stopped) {
      const [news, woken] = [this.#news, this.#woken];
      this.#news = false;
      this.#woken = false;
      let failed = false;
      try {
        await round(news, woken);
      } catch (error) {
        failed = true;
        this.#o.log.error({ err: error }, `a round of ${this.#o.of} failed`);
      }
      if (this.#stopped) return;
      await new Promise<void>((resolve) => {
        const callOff = this.#o.clock.after(this.#waitMs(failed), resolve);
        this.#wake = () => {
          callOff();
          resolve();
        };
      });
      this.#wake = null;
    }
  }

  #waitMs(failed: boolean): number {
    const { everyMs = SOON_MS } = this.#o;
    return this.#news ? NEWS_MS : this.#woken || failed ? Math.min(SOON_MS, everyMs) : everyMs;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#wake?.();
    await this.#done;
  }
}
