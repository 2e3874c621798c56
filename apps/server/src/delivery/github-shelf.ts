import type { DeliveryRow } from "./github.store.ts";

/** In one statement: so that 500 a second wait for few commits instead of one each. */
const AT_ONCE_MAX = 200;
const BYTES_AT_ONCE_MAX = 8e6;

interface Waiting {
  readonly row: DeliveryRow;
  readonly done: (isNew: boolean) => void;
  readonly failed: (error: unknown) => void;
}

/**
 * Writes deliveries that come at the same time together: while one statement is under way the next ones gather. A delivery is
 * answered only when it is written, alone or with others.
 */
export class DeliveryShelf {
  readonly #store: (rows: readonly DeliveryRow[]) => Promise<ReadonlySet<string>>;
  readonly #waiting: Waiting[] = [];
  #writing = false;

  /** `store` answers the ids of those that are new. */
  constructor(store: (rows: readonly DeliveryRow[]) => Promise<ReadonlySet<string>>) {
    this.#store = store;
  }

  /** Whether it had not come before. Rejects when it could not be written. */
  put(row: DeliveryRow): Promise<boolean> {
    return new Promise((done, failed) => {
      this.#waiting.push({ row, done, failed });
      if (!this.#writing) void this.#write();
    });
  }

  async #write(): Promise<void> {
    this.#writing = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, this.#fitting());
      try {
        const isNew = new Set(await this.#store(batch.map((w) => w.row)));
        // The same one twice at once: only the first of them is new.
        for (const { row, done } of batch) done(isNew.delete(row.id));
      } catch (error) {
        for (const { failed } of batch) failed(error);
      }
    }
    this.#writing = false;
  }

  #fitting(): number {
    let bytes = 0;
    let n = 0;
    for (const { row } of this.#waiting) {
      bytes += row.body.length;
      if (n > 0 && (n >= AT_ONCE_MAX || bytes > BYTES_AT_ONCE_MAX)) break;
      n += 1;
    }
    return n;
  }
}
