import type { ServerResponse } from "node:http";

/** One connection of the stream: what it was sent, and whether its socket takes more. */
export interface StreamClient {
  readonly response: ServerResponse;
  readonly project: string;
  /** Everything up to this number was sent, or is another project's. */
  last: number;
  /** Somebody is bringing it up to date. */
  busy: boolean;
}

/** Resolves once the client has taken what was written: `gone` when it went away, `stalled` when it took nothing for too long. */
export function drained(response: ServerResponse, stalledMs: number): Promise<"took" | "gone" | "stalled"> {
  if (response.destroyed || response.writableEnded) return Promise.resolve("gone");
  if (!response.writableNeedDrain) return Promise.resolve("took");
  return new Promise((resolve) => {
    const finish = (end: "took" | "gone" | "stalled") => {
      clearTimeout(timer);
      response.off("drain", onDrain).off("close", onClose);
      resolve(end);
    };
    const onDrain = () => finish("took");
    const onClose = () => finish("gone");
    const timer = setTimeout(() => finish("stalled"), stalledMs);
    response.once("drain", onDrain).once("close", onClose);
  });
}

/** Lets so many work at a time; the others wait in the order in which they came. */
export class Turns {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(atOnce: number) {
    this.#free = atOnce;
  }

  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free += 1;
    }
  }

  get waiting(): number {
    return this.#waiting.length;
  }
}
