/**
 * Servers that share a database all answer the same: who gets no answer from one asks the next, and stays with it. What
 * is asked again carries the key of the first time, so that nothing is done twice.
 */
export class Servers {
  readonly #urls: readonly string[];
  readonly #send: typeof fetch;
  #at = 0;

  constructor(urls: readonly string[], send: typeof fetch) {
    this.#urls = urls;
    this.#send = send;
  }

  /** The address of the one that is asked now. */
  get current(): string {
    return this.#urls[this.#at] ?? "";
  }

  /** Asks for a path of the API, of each server once. Throws what the last one threw; a server without its database answers 503. */
  async ask(path: string, init: RequestInit): Promise<Response> {
    for (let left = this.#urls.length; ; left -= 1) {
      const isLast = left <= 1;
      try {
        const answer = await this.#send(this.current + path, init);
        if (answer.status !== 503 || isLast) return answer;
        await answer.body?.cancel();
      } catch (error) {
        if (isLast || init.signal?.aborted) throw error;
      }
      this.#at = (this.#at + 1) % this.#urls.length;
    }
  }
}

/** The addresses of a list with commas. */
export const addressesIn = (text: string): string[] =>
  text
    .split(",")
    .map((part) => part.trim().replace(/\/+$/, ""))
    .filter((part) => part !== "");
