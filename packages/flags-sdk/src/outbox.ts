import { backoffMs } from "./backoff.ts";

/** The most that the server takes in one post. */
export const POST_MAX = 1_000;
/** About 1 MB of memory; what comes on top is counted as dropped. */
const QUEUE_MAX = 10_000;
const COLLECTED_MS = 5_000;

export interface OutboxOptions<T> {
  /** Posts a batch. `again`: the server could not take it now; `never`: it will not take this one. */
  readonly post: (batch: readonly T[], isLast: boolean) => Promise<"taken" | "again" | "never">;
  /** Calls later, ms; the answer calls it off. Must not keep a process alive. */
  readonly later: (work: () => void, ms: number) => () => void;
  /** At most so many in the post that a page sends as it closes. */
  readonly lastMax?: number;
}

/** What is on its way to the server: in batches, again after a failure, as long as there is room. */
export class Outbox<T> {
  readonly #o: OutboxOptions<T>;
  #queue: T[] = [];
  #callOff: (() => void) | null = null;
  #sending: Promise<void> | null = null;
  #attempt = 0;
  #dropped = 0;

  constructor(o: OutboxOptions<T>) {
    this.#o = o;
  }

  get waiting(): number {
    return this.#queue.length;
  }
  /** For want of room, or because the server refused them. */
  get dropped(): number {
    return this.#dropped;
  }

  /** False when there is no room. One to spare leaves half of it to those that are not. */
  add(one: T, isSpare = false): boolean {
    if (this.#queue.length >= (isSpare ? QUEUE_MAX / 2 : QUEUE_MAX)) {
      this.#dropped += 1;
      return false;
    }
    this.#queue.push(one);
    if (this.#queue.length >= POST_MAX && this.#attempt === 0) void this.flush();
    else this.#plan(COLLECTED_MS);
    return true;
  }

  /** Sends what waits; resolves when it is sent, or could not be. Never rejects. */
  flush(isLast = false): Promise<void> {
    this.#callOff?.();
    this.#callOff = null;
    this.#sending ??= this.#send(isLast).finally(() => {
      this.#sending = null;
      if (this.#queue.length > 0 && !isLast) this.#plan(this.#attempt > 0 ? backoffMs(this.#attempt) : COLLECTED_MS);
    });
    return this.#sending;
  }

  #plan(ms: number): void {
    this.#callOff ??= this.#o.later(() => {
      this.#callOff = null;
      void this.flush();
    }, ms);
  }

  async #send(isLast: boolean): Promise<void> {
    const max = isLast ? (this.#o.lastMax ?? POST_MAX) : POST_MAX;
    while (this.#queue.length > 0) {
      const batch = this.#queue.slice(0, max);
      const became = await this.#o.post(batch, isLast).catch(() => "again" as const);
      if (became === "again") {
        this.#attempt += 1;
        return;
      }
      this.#attempt = 0;
      this.#queue = this.#queue.slice(batch.length);
      if (became === "never") this.#dropped += batch.length;
    }
  }
}

/** What an answer's status means for a batch: what another key, a newer server or a later hour would take is kept. */
export const becameOf = (status: number): "taken" | "again" | "never" =>
  status < 300 ? "taken" : [401, 404, 408, 429].includes(status) || status >= 500 ? "again" : "never";
