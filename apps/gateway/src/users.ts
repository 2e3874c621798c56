import { addToSketch, emptySketch } from "@latchkey/core/delivery/hyperloglog";

/** Distinct visitors of one counter row, by the id in their cookie; those without a cookie are not in it. */
export class Users {
  readonly #sketch = emptySketch();
  #encoded: string | null = null;

  add(visitor: string): void {
    if (addToSketch(this.#sketch, visitor)) this.#encoded = null;
  }

  /** The registers in base64, as the report carries them. */
  encode(): string {
    this.#encoded ??= Buffer.from(this.#sketch).toString("base64");
    return this.#encoded;
  }
}
