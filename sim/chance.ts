import { exponential, type Random, seeded, seedOf } from "@latchkey/core/shared/random";

/** Chance by purpose: a stream of its own for each part of the world, so that one part's dice do not move another's. */
export class Chance {
  readonly #random: Random;
  constructor(seed: number, purpose: number) {
    this.#random = seeded(seedOf(seed, purpose));
  }
  /** Uniform in [0, 1). */
  share(): number {
    return this.#random();
  }
  isTrue(probability: number): boolean {
    return this.#random() < probability;
  }
  between(low: number, high: number): number {
    return low + this.#random() * (high - low);
  }
  whole(low: number, high: number): number {
    return Math.floor(this.between(low, high + 1));
  }
  around(mean: number): number {
    return exponential(this.#random, mean);
  }
  pick<T>(list: readonly T[]): T {
    const found = list[Math.floor(this.#random() * list.length)];
    if (found === undefined) throw new Error("nothing to pick from");
    return found;
  }
  bytes(n: number): Uint8Array {
    return Uint8Array.from({ length: n }, () => Math.floor(this.#random() * 256));
  }
}
