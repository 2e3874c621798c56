import { backoffMs } from "./backoff.ts";

/** Somebody met a variant: what experiments are counted from. */
export interface Exposure {
  readonly flag: string;
  readonly variant: string;
  readonly rule: string | null;
  /** Who: the attribute that decides the bucket. */
  readonly key: string;
  /** RFC 3339. */
  readonly at: string;
}

/** The most that the server takes in one post. */
export const POST_MAX = 1_000;
/** About 1 MB of memory; what comes on top is counted as dropped. */
const QUEUE_MAX = 10_000;
/** Who was told of lately: the same again says nothing new. */
const KNOWN_MAX = 20_000;
const COLLECTED_MS = 5_000;

export interface ExposureOptions {
  /** Posts a batch. `again`: the server could not take it now; `never`: it will not take this one. */
  readonly post: (batch: readonly Exposure[], isLast: boolean) => Promise<"taken" | "again" | "never">;
  /** Calls later, ms; the answer calls it off. Must not keep a process alive. */
  readonly later: (work: () => void, ms: number) => () => void;
  /** At most so many in the post that a page sends as it closes. */
  readonly lastMax?: number;
}

/** Exposures on their way to the server: each once, in batches, as long as there is room. */
export class Exposures {
  readonly #o: ExposureOptions;
  readonly #known = new Set<string>();
  #queue: Exposure[] = [];
  #callOff: (() => void) | null = null;
  #sending: Promise<void> | null = null;
  #attempt = 0;
  #dropped = 0;

  constructor(o: ExposureOptions) {
    this.#o = o;
  }

  get waiting(): number {
    return this.#queue.length;
  }
  /** For want of room, or because the server refused them. */
  get dropped(): number {
    return this.#dropped;
  }

  add(flag: string, variant: string, rule: string | null, key: string): void {
    const id = `${flag}\n${variant}\n${key}`;
    if (this.#known.has(id)) return;
    if (this.#queue.length >= QUEUE_MAX) {
      // Not remembered: it is told when there is room again.
      this.#dropped += 1;
      return;
    }
    // A set keeps the order of insertion: the oldest gives way.
    if (this.#known.size >= KNOWN_MAX)
      for (const oldest of this.#known) {
        this.#known.delete(oldest);
        break;
      }
    this.#known.add(id);
    this.#queue.push({ flag, variant, rule, key, at: new Date().toISOString() });
    if (this.#queue.length >= POST_MAX && this.#attempt === 0) void this.flush();
    else this.#plan(COLLECTED_MS);
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

/** What an answer's status means for a batch. */
export const becameOf = (status: number): "taken" | "again" | "never" =>
  status < 300
    ? "taken"
    : status === 408 || status === 429 || status >= 500 || status === 401 || status === 404
      ? "again"
      : "never";
