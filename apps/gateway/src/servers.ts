/**
 * The servers of the control plane: one is asked until it does not answer, then the next. All of them say the same, so
 * there is no way back to take.
 */
export class Servers {
  readonly #urls: readonly string[];
  #at = 0;
  #left = new AbortController();

  constructor(urls: readonly string[]) {
    this.#urls = urls;
  }

  /** The address of the one that is asked now. */
  get current(): string {
    return this.#urls[this.#at] ?? "";
  }

  /** Aborted when the current one is given up: what still waits for its answer need not. */
  get whileCurrent(): AbortSignal {
    return this.#left.signal;
  }

  /** It did not answer: the next one is asked from now on, unless somebody has moved on from it already. */
  leave(url: string): void {
    if (url !== this.current || this.#urls.length < 2) return;
    this.#at = (this.#at + 1) % this.#urls.length;
    const left = this.#left;
    this.#left = new AbortController();
    left.abort(new Error(`${url} is given up for ${this.current}`));
  }
}
