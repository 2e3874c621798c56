/** A key of 80 characters and its place in the set take about 150 bytes: 7.5 MB when full. */
export const VISITORS_MAX = 50_000;

/**
 * The visitors who have met an error, by deployment, so that each counts once: sticky routing tosses one coin per visitor,
 * and what they meet when they try again is no new evidence of the release.
 *
 * Bounded over all services and both arms together: were one arm forgotten sooner than the other, its visitors would count
 * more often. Whoever has failed least lately is forgotten first; a visitor who goes on failing stays known. One who is
 * forgotten, because 50,000 others have failed since, counts again with the next error.
 */
export class ErringVisitors {
  readonly #seen = new Set<string>();
  readonly #max: number;

  constructor(max = VISITORS_MAX) {
    this.#max = max;
  }

  /** True the first time that this unit fails in this deployment, with pages apart from requests. */
  isFirst(kind: "request" | "page", deploymentId: string, unit: string): boolean {
    const key = `${kind}/${deploymentId}/${unit}`;
    const known = this.#seen.delete(key);
    this.#seen.add(key);
    if (this.#seen.size > this.#max) {
      const [oldest] = this.#seen;
      if (oldest !== undefined) this.#seen.delete(oldest);
    }
    return !known;
  }

  get size(): number {
    return this.#seen.size;
  }
}

/**
 * One of two random halves of the units, the same on every gateway: the last character of an id is a random hexadecimal
 * digit (and half of their codes are even), of a ticket its last decimal. What is routed by itself is drawn by itself.
 */
export const isInHalf = (unit: string | null, draw: () => number): boolean =>
  unit === null ? draw() < 0.5 : (unit.charCodeAt(unit.length - 1) & 1) === 0;
